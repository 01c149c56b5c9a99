//! Rows written as a table with bars, filled up to a canonical table's columns.
//!
//! The first line names columns. An empty cell is NULL, or what stands in [`default`] for a column
//! that must not be. Tags are `key=value, key=value`; a cell that starts with `[` is JSON.

use arrow::array::RecordBatch;
use serde_json::{Map, Value};
use spendscope::base::{Context, Error, Result, time};
use spendscope::schema::{TableSchema, Ty};
use std::sync::Arc;

pub(super) fn rows(schema: &'static TableSchema, text: &str, first_row: usize) -> Result<RecordBatch> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split('|')
        .map(str::trim)
        .collect();
    let known = |name: &str| schema.column(name).is_some() || (schema.name == "charges" && name == "cost");
    if let Some(name) = header.iter().find(|name| !known(name)) {
        return Err(Error::usage(format!("{} has no column '{name}'", schema.name)));
    }
    let mut json = String::new();
    for (at, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() != header.len() {
            return Err(Error::usage(format!(
                "'{line}' has {} cells, not {}",
                cells.len(),
                header.len()
            )));
        }
        let mut row = Map::new();
        for (name, cell) in header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            if *name == "cost" {
                for basis in ["billed_cost", "effective_cost", "list_cost", "contracted_cost"] {
                    row.insert(basis.to_owned(), cell.into());
                }
                continue;
            }
            let ty = schema.column(name).map_or(Ty::Text, |column| column.ty);
            row.insert((*name).to_owned(), value(ty, cell)?);
        }
        for column in schema.columns.iter().filter(|column| !column.nullable) {
            if !row.contains_key(column.name) {
                let value = default(schema, column.name, first_row + at, &row);
                row.insert(column.name.to_owned(), value);
            }
        }
        json.push_str(&Value::Object(row).to_string());
        json.push('\n');
    }
    let mut reader = arrow::json::ReaderBuilder::new(schema.arrow())
        .build(json.as_bytes())
        .context(format!("rows of {}", schema.name))?;
    match reader.next() {
        Some(batch) => Ok(batch?),
        None => Ok(RecordBatch::new_empty(Arc::clone(&schema.arrow()))),
    }
}

fn value(ty: Ty, cell: &str) -> Result<Value> {
    let wrong = || Error::usage(format!("'{cell}' is not a {ty:?}"));
    Ok(match ty {
        Ty::Text | Ty::Money | Ty::Date => cell.into(),
        Ty::Instant => instant(time::parse_instant(cell).ok_or_else(wrong)?),
        Ty::Int => cell.parse::<i64>().map_err(|_| wrong())?.into(),
        Ty::Float => cell.parse::<f64>().map_err(|_| wrong())?.into(),
        Ty::Bool => cell.parse::<bool>().map_err(|_| wrong())?.into(),
        Ty::Tags => cell
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), Value::from(value.trim())))
            .collect::<Map<_, _>>()
            .into(),
        Ty::Totals => serde_json::from_str(cell).map_err(|_| wrong())?,
    })
}

fn instant(micros: i64) -> Value {
    time::from_micros(micros).to_rfc3339().into()
}

/// What a required column holds when the test does not care.
fn default(schema: &TableSchema, column: &str, row: usize, given: &Map<String, Value>) -> Value {
    let text = |name: &str| {
        given
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("2026-09-01T00:00:00+00:00")
    };
    let start = match schema.name {
        "requests" => text("started_at"),
        "gpu_samples" => text("sampled_at"),
        _ => text("charge_period_start"),
    };
    let month = &start[..7];
    match column {
        "charge_id" => format!("c{row}").into(),
        "request_id" => format!("r{row}").into(),
        "task_id" => given
            .get("request_id")
            .cloned()
            .unwrap_or_else(|| format!("r{row}").into()),
        "file_row" | "line" => row.into(),
        "source" => schema.name.into(),
        "provider" => "Acme".into(),
        "charge_category" => "Usage".into(),
        "billing_currency" | "currency" => "USD".into(),
        "status" => "success".into(),
        "mig_instance" => "".into(),
        "billing_month" | "month" => month.into(),
        "day" => start[..10].into(),
        "billing_period_start" => format!("{month}-01T00:00:00Z").into(),
        "billing_period_end" => {
            let first = time::parse_instant(&format!("{month}-01")).unwrap_or_default();
            let next = time::from_micros(first) + chrono::Months::new(1);
            next.to_rfc3339().into()
        }
        "charge_period_end" => {
            let start = time::parse_instant(start).unwrap_or_default();
            instant(start + time::MICROS_PER_HOUR)
        }
        "overlap" | "gateway_cache_hit" | "derived" => false.into(),
        _ => match schema.column(column).map(|c| c.ty) {
            Some(Ty::Int) => 0.into(),
            Some(Ty::Instant) => "2026-09-01T00:00:00Z".into(),
            Some(Ty::Date) => "2026-09-01".into(),
            _ => "".into(),
        },
    }
}
