//! Canonical facts from JSON literals, and an engine over them. A column that a row leaves out is
//! NULL, or empty where the table does not allow NULL.

use crate::support::assets;
use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};
use spendscope::base::time::parse_instant;
use spendscope::engine::{Engine, Registry, Settings};
use spendscope::schema::{TableSchema, Ty};
use std::collections::HashMap;

/// When the tests take place, unless they say otherwise.
pub(crate) const NOW: &str = "2026-10-05T00:00:00Z";

#[derive(Clone, Default)]
pub(crate) struct Facts {
    tables: HashMap<&'static str, Vec<RecordBatch>>,
}

impl Facts {
    pub(crate) fn new() -> Facts {
        Facts::default()
    }

    pub(crate) fn add(mut self, table: &str, rows: Vec<Value>) -> Facts {
        let table = TableSchema::named(table).unwrap();
        let rows: Vec<Value> = rows.into_iter().map(|row| filled(table, row)).collect();
        let mut decoder = ReaderBuilder::new(table.arrow())
            .with_batch_size(rows.len().max(1))
            .with_strict_mode(true)
            .build_decoder()
            .unwrap();
        decoder.serialize(&rows).unwrap();
        self.tables
            .entry(table.name)
            .or_default()
            .extend(decoder.flush().unwrap());
        self
    }

    /// Adds rows that a reader has read.
    pub(crate) fn with(mut self, table: &str, batches: Vec<RecordBatch>) -> Facts {
        let table = TableSchema::named(table).unwrap();
        self.tables.entry(table.name).or_default().extend(batches);
        self
    }

    pub(crate) async fn engine(self, registry: &Registry) -> Engine {
        let now = spendscope::base::time::from_micros(parse_instant(NOW).unwrap());
        self.engine_with(registry, &Settings::new(now)).await
    }

    pub(crate) async fn engine_with(self, registry: &Registry, settings: &Settings) -> Engine {
        Engine::over_tables(self.tables, &assets(), registry, settings)
            .await
            .unwrap()
    }
}

fn filled(table: &TableSchema, mut row: Value) -> Value {
    let cells = row.as_object_mut().unwrap();
    for column in table.columns.iter().filter(|c| !c.nullable) {
        // The partition columns follow from the instants.
        let instant = match column.name {
            "day" => ["sampled_at", "started_at"]
                .iter()
                .find_map(|name| cells.get(*name)),
            "billing_month" => cells.get("billing_period_start"),
            _ => None,
        };
        let start = instant.and_then(Value::as_str);
        let empty = match (column.name, start) {
            ("day", Some(start)) => json!(start[..10]),
            ("billing_month", Some(start)) => json!(start[..7]),
            _ => match column.ty {
                Ty::Text => json!(""),
                Ty::Int | Ty::Float => json!(0),
                Ty::Money => json!("0"),
                Ty::Bool => json!(false),
                Ty::Instant => json!("1970-01-01T00:00:00Z"),
                Ty::Date => json!("1970-01-01"),
                Ty::Tags => json!({}),
                Ty::Totals => json!([]),
            },
        };
        cells.entry(column.name).or_insert(empty);
    }
    row
}

/// Each row as text, its cells parted by a blank; NULL is nothing.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|c| c.value(row).to_string())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}
