//! A result is held to its header: columns, types, order, and that no two rows share the key.

use super::{ColumnType, Metric};
use crate::base::{Error, Result, money, time};
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::row::{RowConverter, SortField};
use std::collections::HashSet;
use std::sync::Arc;

/// The result with every column in the one layout of its declared type, or what it breaks.
pub(super) fn enforce(metric: &Metric, by: &[String], batch: &RecordBatch) -> Result<RecordBatch> {
    let expected: Vec<(&str, ColumnType)> = by
        .iter()
        .zip(batch.columns())
        .map(|(name, column)| (name.as_str(), group_type(column.data_type())))
        .chain(metric.header.columns.iter().map(|c| (c.name.as_str(), c.ty)))
        .collect();
    let schema = batch.schema();
    let found: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    if found.iter().ne(expected.iter().map(|(name, _)| name)) {
        let expected: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        return Err(Error::query(format!(
            "the result has the columns {}, the header says {}",
            found.join(", "),
            expected.join(", ")
        )));
    }
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for ((name, ty), column) in expected.into_iter().zip(batch.columns()) {
        let column = convert(name, ty, column)?;
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
    unique(metric, by, &batch)?;
    Ok(batch)
}

/// What one groups by is text, but for days and moments, which have an order of their own.
fn group_type(found: &DataType) -> ColumnType {
    match found {
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(..) => ColumnType::Instant,
        _ => ColumnType::Text,
    }
}

/// The same before anything has run: of the columns one can group by, only `day` is no text.
pub(super) fn group_layout(name: &str) -> DataType {
    layout(match name {
        "day" => ColumnType::Date,
        _ => ColumnType::Text,
    })
}

/// How a declared type lies in memory.
pub(super) fn layout(ty: ColumnType) -> DataType {
    match ty {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Int => DataType::Int64,
        ColumnType::Decimal => money::data_type(),
        ColumnType::Float => DataType::Float64,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Instant => time::data_type(),
    }
}

/// Widens and re-lays what loses nothing; a decimal never becomes a float, nor a float a decimal.
fn convert(name: &str, ty: ColumnType, column: &ArrayRef) -> Result<ArrayRef> {
    use DataType::*;
    let found = column.data_type();
    let fits = match (ty, found) {
        (
            ColumnType::Text,
            Utf8 | LargeUtf8 | Utf8View | Dictionary(..) | Boolean | Int64 | Date32 | Null,
        )
        | (ColumnType::Int, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Null)
        // An amount that is 0 or NULL in every row may have been planned as a whole number.
        | (ColumnType::Decimal, Int64 | Null)
        | (ColumnType::Float, Float32 | Float64 | Null)
        | (ColumnType::Bool, Boolean | Null)
        | (ColumnType::Date, Date32 | Null)
        | (ColumnType::Instant, Timestamp(..) | Null) => true,
        (ColumnType::Decimal, Decimal128(_, scale)) => *scale <= money::SCALE.cast_signed(),
        _ => false,
    };
    if !fits {
        return Err(Error::query(format!(
            "column '{name}' is {found}, the header says {ty:?}"
        )));
    }
    let target = layout(ty);
    let nulls = column.logical_null_count();
    let converted = cast(column, &target)?;
    if converted.null_count() != nulls {
        return Err(Error::query(format!(
            "column '{name}': a value does not fit into {target}"
        )));
    }
    Ok(converted)
}

fn unique(metric: &Metric, by: &[String], batch: &RecordBatch) -> Result<()> {
    let names: Vec<&str> = by.iter().chain(&metric.header.key).map(String::as_str).collect();
    if names.is_empty() {
        return match batch.num_rows() {
            0 | 1 => Ok(()),
            rows => Err(Error::query(format!("{rows} rows, and nothing tells them apart"))),
        };
    }
    let columns: Vec<ArrayRef> = names
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .cloned()
        .collect();
    let converter = RowConverter::new(
        columns
            .iter()
            .map(|c| SortField::new(c.data_type().clone()))
            .collect::<Vec<_>>(),
    )?;
    let rows = converter.convert_columns(&columns)?;
    let mut seen = HashSet::with_capacity(rows.num_rows());
    for row in &rows {
        if !seen.insert(row) {
            return Err(Error::query(format!(
                "two rows share the key ({})",
                names.join(", ")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::asset::{Asset, Origin};
    use arrow::array::{Float64Array, Int64Array, StringArray, StringViewArray};

    fn metric() -> Metric {
        let text = "/*
title = 'T'
description = 'D'
formula = 'F'
owner = 'O'
grain = 'G'
dimensions = ['team']
by = ['team']
columns = [{ name = 'calls', type = 'int', role = 'measure', unit = 'calls', description = 'Calls.' }]
*/ SELECT {{by}}, count(*) AS calls FROM calls GROUP BY {{by}}";
        let asset = Asset {
            path: "metrics/a/b.sql".to_owned(),
            text: text.into(),
            origin: Origin::Builtin,
        };
        Metric::parse(&asset).unwrap()
    }

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
    }

    #[test]
    fn a_result_is_held_to_its_header() {
        let by = vec!["team".to_owned()];
        let teams: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None]));
        let calls: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let good = enforce(
            &metric(),
            &by,
            &batch(vec![("team", teams.clone()), ("calls", calls.clone())]),
        )
        .unwrap();
        assert_eq!(good.column(0).data_type(), &DataType::Utf8);

        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let twins: ArrayRef = Arc::new(StringArray::from(vec!["a", "a"]));
        for (columns, word) in [
            (
                vec![("calls", calls.clone()), ("team", teams.clone())],
                "the header says team, calls",
            ),
            (vec![("team", teams), ("calls", floats)], "is Float64"),
            (vec![("team", twins), ("calls", calls)], "share the key"),
        ] {
            let error = enforce(&metric(), &by, &batch(columns)).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
