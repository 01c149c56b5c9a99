//! `lake …`: the lake as files and versions, whatever its rows mean.

mod compact;
mod history;
mod stats;
mod vacuum;
mod verify;

pub use compact::lake_compact;
pub use history::lake_history;
pub use stats::lake_stats;
pub use vacuum::{VacuumRequest, lake_vacuum};
pub use verify::lake_verify;

use crate::base::{Error, Result};
use crate::schema::{TABLES, TableSchema};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use chrono::{DateTime, SecondsFormat, Utc};
use std::sync::Arc;

/// Tables by their names; all of them when none is named.
fn tables(names: &[String]) -> Result<Vec<&'static TableSchema>> {
    if names.is_empty() {
        return Ok(TABLES.to_vec());
    }
    let named = |name: &String| {
        TableSchema::named(name).ok_or_else(|| {
            let known: Vec<_> = TABLES.iter().map(|t| t.name).collect();
            Error::usage(format!("there is no table '{name}'")).advise(format!("one of {}", known.join(", ")))
        })
    };
    names.iter().map(named).collect()
}

fn texts<T>(rows: &[T], value: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringArray>())
}

fn numbers<T>(rows: &[T], value: impl Fn(&T) -> u64) -> ArrayRef {
    let number = |row: &T| i64::try_from(value(row)).unwrap_or(i64::MAX);
    Arc::new(rows.iter().map(number).collect::<Int64Array>())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Bytes as people say them.
fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => format!("{count} bytes"),
        10_000..=9_999_999 => format!("{} kB", count / 1_000),
        _ => format!("{} MB", count / 1_000_000),
    }
}
