//! Frames from values, for what is worked out here and not in SQL.

use super::{ColumnSpec, Frame, Role};
use crate::base::{Result, money};
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, RecordBatch, StringArray};
use chrono::{Datelike, NaiveDate};
use std::sync::Arc;

/// A column to be: name, role, unit, values.
pub type Values<'a> = (&'a str, Role, &'a str, ArrayRef);

impl Frame {
    /// Puts columns of one length together.
    pub fn of(columns: Vec<Values<'_>>) -> Result<Frame> {
        let specs = columns
            .iter()
            .map(|(name, role, unit, _)| ColumnSpec {
                name: (*name).to_owned(),
                role: *role,
                unit: (*unit).to_owned(),
            })
            .collect();
        let arrays = columns.into_iter().map(|(name, _, _, array)| (name, array, true));
        Frame::new(specs, RecordBatch::try_from_iter_with_nullable(arrays)?)
    }
}

/// Amounts or ratios of scale 18. One too large for 38 digits is NULL.
pub fn decimals(values: impl IntoIterator<Item = Option<i128>>) -> ArrayRef {
    let values = values
        .into_iter()
        .map(|v| v.filter(|v| v.saturating_abs() <= money::MAX));
    Arc::new(
        values
            .collect::<Decimal128Array>()
            .with_data_type(money::data_type()),
    )
}

pub fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

pub fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

pub fn days(values: impl IntoIterator<Item = NaiveDate>) -> ArrayRef {
    let epoch = NaiveDate::default().num_days_from_ce();
    Arc::new(Date32Array::from_iter_values(
        values.into_iter().map(|d| d.num_days_from_ce() - epoch),
    ))
}
