//! Rows as values: their identity, and an order among unequal copies that no file order can change.

use crate::base::{Result, time};
use crate::schema::TableSchema;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use chrono::SecondsFormat;
use serde_json::{Map, Value};

/// Where a row came from is no part of what it says.
const PROVENANCE: [&str; 2] = ["file_hash", "file_row"];

/// Identities of rows, comparable across batches.
pub(super) struct Keys {
    converter: RowConverter,
    columns: &'static [&'static str],
}

impl Keys {
    pub(super) fn new(table: &'static TableSchema) -> Result<Keys> {
        let fields = table
            .key
            .iter()
            .filter_map(|name| table.column(name))
            .map(|c| SortField::new(c.ty.arrow()))
            .collect();
        Ok(Keys {
            converter: RowConverter::new(fields)?,
            columns: table.key,
        })
    }

    /// One key per row. The batch may have any columns, as long as those of the key are among them.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<Rows> {
        let columns: Vec<ArrayRef> = self
            .columns
            .iter()
            .filter_map(|name| batch.column_by_name(name).cloned())
            .collect();
        Ok(self.converter.convert_columns(&columns)?)
    }

    pub(super) fn owned(&self, batch: &RecordBatch) -> Result<Vec<OwnedRow>> {
        Ok(self.of(batch)?.iter().map(|row| row.owned()).collect())
    }
}

/// The greater of two copies of a fact wins: more tokens first, then the text that sorts last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    tokens: i128,
    canonical: String,
}

impl Rank {
    pub(super) fn of(batch: &RecordBatch, row: usize) -> Rank {
        let tokens = ["uncached_input", "cache_read", "cache_write", "output"]
            .iter()
            .filter_map(|name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>())
            .map(|column| i128::from(column.value(row)))
            .sum();
        Rank {
            tokens,
            canonical: canonical(batch, row),
        }
    }
}

/// The row as JSON with sorted keys, without its provenance.
pub(super) fn canonical(batch: &RecordBatch, row: usize) -> String {
    let mut object = Map::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if !PROVENANCE.contains(&field.name().as_str()) {
            object.insert(field.name().clone(), value(column, row));
        }
    }
    // serde_json keeps keys sorted unless told otherwise; nested maps too.
    object.sort_keys();
    Value::Object(object).to_string()
}

fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Decimal128(..) => {
            crate::base::money::format(column.as_primitive::<Decimal128Type>().value(row)).into()
        }
        DataType::Timestamp(..) => {
            let instant = time::from_micros(column.as_primitive::<TimestampMicrosecondType>().value(row));
            instant.to_rfc3339_opts(SecondsFormat::Micros, true).into()
        }
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row).into(),
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1));
            let mut tags: Map<String, Value> = (0..entries.len())
                .map(|i| (keys.value(i).to_owned(), value(values, i)))
                .collect();
            tags.sort_keys();
            tags.into()
        }
        other => format!("{other}").into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::ingest::testing::{outcome, outcomes};

    #[test]
    fn provenance_is_no_part_of_a_row() {
        let batch = outcomes(&[
            outcome("t", true, "2026-10-01T00:00:00Z", "aa"),
            outcome("t", true, "2026-10-01T00:00:00Z", "bb"),
        ]);
        assert_eq!(canonical(&batch, 0), canonical(&batch, 1));
        assert!(!canonical(&batch, 0).contains("file_"));
        let keys = Keys::new(TableSchema::named("outcomes").unwrap())
            .unwrap()
            .owned(&batch)
            .unwrap();
        assert_eq!(keys[0], keys[1]);
    }
}
