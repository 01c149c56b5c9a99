//! The canonical tables: one file each, every column with its type, unit, nullability and meaning.
//!
//! These are the facts the lake stores; nothing here is derived from the configuration. What a
//! registry, a price or a rule makes of the facts is decided by the views, so that a change of the
//! configuration needs no new ingest.

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use std::sync::Arc;

mod charges;
mod fx_rates;
mod gpu_samples;
mod grid_intensity;
mod ingest_files;
mod outcomes;
mod prices;
mod rejects;
mod requests;
mod schedule_runs;

/// Every table, in the order in which they are shown.
pub const TABLES: [&TableSchema; 10] = [
    &charges::TABLE,
    &requests::TABLE,
    &gpu_samples::TABLE,
    &outcomes::TABLE,
    &prices::TABLE,
    &fx_rates::TABLE,
    &grid_intensity::TABLE,
    &ingest_files::TABLE,
    &rejects::TABLE,
    &schedule_runs::TABLE,
];

/// One table of the lake.
#[derive(Debug)]
pub struct TableSchema {
    pub name: &'static str,
    /// What one row is.
    pub grain: &'static str,
    pub columns: &'static [Column],
    /// Partition columns, which are the last ones of a data file's path.
    pub partition_by: &'static [&'static str],
    /// What makes two rows the same fact. Empty: rows have no identity of their own.
    pub key: &'static [&'static str],
    /// Order of rows inside a data file: neighbours compress and prune together.
    pub sort_by: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub ty: Ty,
    pub nullable: bool,
    /// Unit of the value, empty for names and flags.
    pub unit: &'static str,
    pub doc: &'static str,
}

/// The few types that columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    Text,
    Int,
    /// Physical measurements only; never an amount.
    Float,
    Bool,
    /// `Decimal128(38, 18)`: amounts, unit prices, quantities, rates.
    Money,
    /// UTC microseconds.
    Instant,
    Date,
    /// Text to text.
    Tags,
    /// Control totals: a list of structs, see `ingest_files`.
    Totals,
}

impl Ty {
    pub fn arrow(self) -> DataType {
        match self {
            Ty::Text => DataType::Utf8,
            Ty::Int => DataType::Int64,
            Ty::Float => DataType::Float64,
            Ty::Bool => DataType::Boolean,
            Ty::Money => crate::base::money::data_type(),
            Ty::Instant => crate::base::time::data_type(),
            Ty::Date => DataType::Date32,
            Ty::Tags => DataType::Map(
                Arc::new(Field::new(
                    "key_value",
                    DataType::Struct(Fields::from(vec![
                        Field::new("key", DataType::Utf8, false),
                        Field::new("value", DataType::Utf8, true),
                    ])),
                    false,
                )),
                false,
            ),
            Ty::Totals => DataType::List(Arc::new(Field::new(
                "element",
                DataType::Struct(ingest_files::total_fields()),
                true,
            ))),
        }
    }
}

impl TableSchema {
    /// The schema of the table by its name.
    pub fn named(name: &str) -> Option<&'static TableSchema> {
        TABLES.into_iter().find(|t| t.name == name)
    }

    pub fn arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(|c| Field::new(c.name, c.ty.arrow(), c.nullable))
                .collect::<Vec<_>>(),
        ))
    }

    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}

const fn required(name: &'static str, ty: Ty, unit: &'static str, doc: &'static str) -> Column {
    Column {
        name,
        ty,
        nullable: false,
        unit,
        doc,
    }
}

const fn optional(name: &'static str, ty: Ty, unit: &'static str, doc: &'static str) -> Column {
    Column {
        name,
        ty,
        nullable: true,
        unit,
        doc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn tables_are_well_formed() {
        for table in TABLES {
            let names: HashSet<_> = table.columns.iter().map(|c| c.name).collect();
            assert_eq!(
                names.len(),
                table.columns.len(),
                "{}: a column stands twice",
                table.name
            );
            for column in table.columns {
                assert!(
                    column.doc.len() > 10,
                    "{}.{} is not explained",
                    table.name,
                    column.name
                );
                assert!(
                    column.doc.ends_with('.'),
                    "{}.{}: a sentence ends with a stop",
                    table.name,
                    column.name
                );
                let measured = matches!(column.ty, Ty::Float | Ty::Int);
                assert!(
                    !measured || !column.unit.is_empty(),
                    "{}.{} has no unit",
                    table.name,
                    column.name
                );
            }
            for name in table.partition_by.iter().chain(table.key).chain(table.sort_by) {
                assert!(names.contains(name), "{}: no column {name}", table.name);
            }
        }
    }
}
