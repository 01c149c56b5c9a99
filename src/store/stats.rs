//! File statistics: written into the Delta log as JSON, read back for pruning and planning.
//!
//! Bounds are kept for text, integers, dates and instants. Amounts have none: JSON numbers would
//! pass through floats in other readers, and nobody filters by amount.

use crate::base::{Result, time};
use crate::schema::{TableSchema, Ty};
use arrow::array::{Array, AsArray};
use arrow::compute;
use arrow::datatypes::{Date32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate, SecondsFormat};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Longer text has no upper bound in the statistics: a cut one would be too low.
const TEXT_BOUND: usize = 64;
/// Delta readers index the first 32 columns; more would only fatten the log.
const INDEXED: usize = 32;

/// Statistics of one data file.
pub(super) struct Collected {
    rows: u64,
    columns: Vec<Known>,
}

/// What is known of one column, collected while it is written.
pub(super) struct Known {
    name: &'static str,
    ty: Ty,
    nulls: u64,
    bounds: Option<Bounds>,
}

enum Bounds {
    Text(String, String),
    Int(i64, i64),
    Date(i32, i32),
    Instant(i64, i64),
}

impl Known {
    /// Nothing yet of those columns of a file that have statistics, by their places. `schema` has the file's columns,
    /// without partition columns.
    pub(super) fn columns(table: &'static TableSchema, schema: &SchemaRef) -> HashMap<usize, Known> {
        let columns = schema.fields().iter().enumerate().take(INDEXED);
        let known = columns.filter_map(|(at, field)| {
            let column = table.column(field.name())?;
            let known = Known {
                name: column.name,
                ty: column.ty,
                nulls: 0,
                bounds: None,
            };
            (!matches!(column.ty, Ty::Tags | Ty::Totals)).then_some((at, known))
        });
        known.collect()
    }

    pub(super) fn add(&mut self, array: &dyn Array) {
        self.nulls += array.null_count() as u64;
        if let Some(more) = bounds(self.ty, array) {
            self.bounds = Some(match self.bounds.take() {
                None => more,
                Some(known) => known.and(more),
            });
        }
    }
}

impl Collected {
    pub(super) fn new(rows: u64, columns: Vec<Known>) -> Collected {
        Collected { rows, columns }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// As the log of a Delta table has them.
    pub(super) fn json(&self) -> String {
        let (mut min, mut max, mut nulls) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            nulls.insert(column.name.to_owned(), json!(column.nulls));
            let Some((low, high)) = column.bounds.as_ref().map(Bounds::told) else {
                continue;
            };
            min.extend(low.map(|v| (column.name.to_owned(), v)));
            max.extend(high.map(|v| (column.name.to_owned(), v)));
        }
        json!({ "numRecords": self.rows, "minValues": min, "maxValues": max, "nullCount": nulls }).to_string()
    }
}

impl Bounds {
    fn and(self, more: Bounds) -> Bounds {
        match (self, more) {
            (Bounds::Text(a, b), Bounds::Text(c, d)) => Bounds::Text(a.min(c), b.max(d)),
            (Bounds::Int(a, b), Bounds::Int(c, d)) => Bounds::Int(a.min(c), b.max(d)),
            (Bounds::Date(a, b), Bounds::Date(c, d)) => Bounds::Date(a.min(c), b.max(d)),
            (Bounds::Instant(a, b), Bounds::Instant(c, d)) => Bounds::Instant(a.min(c), b.max(d)),
            // A column has one type.
            (known, _) => known,
        }
    }

    fn told(&self) -> (Option<Value>, Option<Value>) {
        let day = |days: &i32| date(*days).map(|d| Value::from(d.to_string()));
        let instant = |at: &i64| {
            let text = time::from_micros(*at).to_rfc3339_opts(SecondsFormat::Micros, true);
            Some(Value::from(text))
        };
        match self {
            Bounds::Text(low, high) => {
                let high = (high.len() <= TEXT_BOUND).then(|| Value::from(high.as_str()));
                (Some(Value::from(prefix(low))), high)
            }
            Bounds::Int(low, high) => (Some(Value::from(*low)), Some(Value::from(*high))),
            Bounds::Date(low, high) => (day(low), day(high)),
            Bounds::Instant(low, high) => (instant(low), instant(high)),
        }
    }
}

fn bounds(ty: Ty, array: &dyn Array) -> Option<Bounds> {
    match ty {
        Ty::Text => {
            let array = array.as_string::<i32>();
            let (low, high) = (compute::min_string(array)?, compute::max_string(array)?);
            Some(Bounds::Text(low.to_owned(), high.to_owned()))
        }
        Ty::Int => {
            let array = array.as_primitive::<Int64Type>();
            Some(Bounds::Int(compute::min(array)?, compute::max(array)?))
        }
        Ty::Date => {
            let array = array.as_primitive::<Date32Type>();
            Some(Bounds::Date(compute::min(array)?, compute::max(array)?))
        }
        Ty::Instant => {
            let array = array.as_primitive::<TimestampMicrosecondType>();
            Some(Bounds::Instant(compute::min(array)?, compute::max(array)?))
        }
        Ty::Float | Ty::Bool | Ty::Money | Ty::Tags | Ty::Totals => None,
    }
}

fn prefix(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BOUND);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Days since 1970 as a date.
pub(super) fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(719_163)?)
}

pub(super) fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

/// Statistics of one file over `schema` (the file's columns, then the partition columns). All bounds
/// are marked exact here so that pruning uses them; `for_planning` tells the optimiser the truth.
pub(super) fn read(
    table: &TableSchema,
    schema: &SchemaRef,
    json: Option<&str>,
    size: usize,
    partition_values: &[ScalarValue],
) -> Result<Statistics> {
    let parsed: Value = json
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let rows = parsed["numRecords"]
        .as_u64()
        .and_then(|n| usize::try_from(n).ok());
    let in_file = schema.fields().len() - partition_values.len();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields().iter().take(in_file) {
        let mut column = ColumnStatistics::new_unknown();
        if let Some(ty) = table.column(field.name()).map(|c| c.ty) {
            let name = field.name().as_str();
            if let Some(nulls) = parsed["nullCount"][name]
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
            {
                column.null_count = Precision::Exact(nulls);
            }
            if let Some(low) = scalar(ty, &parsed["minValues"][name], 0) {
                column.min_value = Precision::Exact(low);
            }
            // Checkpoints cut instants to milliseconds, so the upper bound is moved to the end of its own.
            if let Some(high) = scalar(ty, &parsed["maxValues"][name], 999) {
                column.max_value = Precision::Exact(high);
            }
        }
        columns.push(column);
    }
    for value in partition_values {
        columns.push(ColumnStatistics {
            null_count: Precision::Exact(0),
            min_value: Precision::Exact(value.clone()),
            max_value: Precision::Exact(value.clone()),
            distinct_count: Precision::Exact(1),
            ..ColumnStatistics::new_unknown()
        });
    }
    Ok(Statistics {
        num_rows: rows.map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Inexact(size),
        column_statistics: columns,
    })
}

/// Bounds of text and instants may be cut or widened: the optimiser must not answer from them.
pub(super) fn for_planning(mut statistics: Statistics) -> Statistics {
    for column in &mut statistics.column_statistics {
        let is_partition = column.distinct_count == Precision::Exact(1);
        if !is_partition {
            column.min_value = column.min_value.clone().to_inexact();
            column.max_value = column.max_value.clone().to_inexact();
        }
    }
    statistics
}

fn scalar(ty: Ty, value: &Value, widen_micros: i64) -> Option<ScalarValue> {
    match ty {
        Ty::Text => value.as_str().map(|v| ScalarValue::Utf8(Some(v.to_owned()))),
        Ty::Int => value.as_i64().map(|v| ScalarValue::Int64(Some(v))),
        Ty::Date => value
            .as_str()
            .and_then(time::parse_date)
            .map(|d| ScalarValue::Date32(Some(days(d)))),
        Ty::Instant => value.as_str().and_then(time::parse_instant).map(|v| {
            ScalarValue::TimestampMicrosecond(Some(v.saturating_add(widen_micros)), Some("UTC".into()))
        }),
        Ty::Float | Ty::Bool | Ty::Money | Ty::Tags | Ty::Totals => None,
    }
}
