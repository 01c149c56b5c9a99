//! Frames from columns, for what a drill hands out.

use crate::base::{Result, money};
use crate::frame::{ColumnSpec, Frame, Role};
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use chrono::{Datelike, NaiveDate};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Table {
    specs: Vec<ColumnSpec>,
    arrays: Vec<ArrayRef>,
}

impl Table {
    fn push(mut self, name: &str, role: Role, unit: &str, array: ArrayRef) -> Table {
        self.specs.push(ColumnSpec {
            name: name.to_owned(),
            role,
            unit: unit.to_owned(),
        });
        self.arrays.push(array);
        self
    }

    pub(super) fn days(self, name: &str, days: impl Iterator<Item = NaiveDate>) -> Table {
        const EPOCH: i32 = 719_163; // 1970-01-01, in days of the common era
        let array: Date32Array = days.map(|d| Some(d.num_days_from_ce() - EPOCH)).collect();
        self.push(name, Role::Time, "", Arc::new(array))
    }

    pub(super) fn texts<S: Into<String>>(self, name: &str, texts: impl Iterator<Item = S>) -> Table {
        let array: StringArray = texts.map(|t| Some(t.into())).collect();
        self.push(name, Role::Dimension, "", Arc::new(array))
    }

    pub(super) fn currency(self, currency: &str, rows: usize) -> Table {
        let array: StringArray = std::iter::repeat_n(Some(currency), rows).collect();
        self.push("currency", Role::Currency, "", Arc::new(array))
    }

    pub(super) fn decimals(
        self,
        name: &str,
        role: Role,
        unit: &str,
        values: impl Iterator<Item = Option<i128>>,
    ) -> Result<Table> {
        let array: Decimal128Array = values.collect();
        let array = array.with_precision_and_scale(money::PRECISION, money::SCALE as i8)?;
        Ok(self.push(name, role, unit, Arc::new(array)))
    }

    pub(super) fn money(self, name: &str, values: impl Iterator<Item = i128>) -> Result<Table> {
        self.decimals(name, Role::Money, "", values.map(Some))
    }

    pub(super) fn frame(self) -> Result<Frame> {
        let fields: Vec<Field> = self
            .specs
            .iter()
            .zip(&self.arrays)
            .map(|(spec, array)| Field::new(&spec.name, array.data_type().clone(), true))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), self.arrays)?;
        Frame::new(self.specs, batch)
    }
}
