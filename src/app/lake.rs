//! `lake verify`, `lake history`: the lake as files and versions, whatever its rows mean.

use super::{Console, Status, open, show};
use crate::base::{Error, Result};
use crate::config::Config;
use crate::frame::Frame;
use crate::schema::{TABLES, TableSchema};
use crate::store::{Damaged, Verified};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::DateTime;
use std::sync::Arc;

const REPAIR: &str = "put the files back from a backup or from the older versions that the store keeps; without one, \
    ingest the source files (their names: SELECT path FROM ingest_files) into a new lake";

/// Names every damaged file. The tables are those of now, or of `--as-of`.
pub async fn lake_verify(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let lake = open::existing(config).await?;
    let mut all = Verified::default();
    let mut damaged: Vec<(&str, Option<i64>, Damaged)> = Vec::new();
    for (done, table) in TABLES.into_iter().enumerate() {
        console.progress(table.name, done as u64, TABLES.len() as u64);
        match lake.snapshot(table, config.as_of).await {
            Ok(None) => {}
            Ok(Some(snapshot)) => {
                let found = snapshot.verify().await?;
                all.files += found.files;
                all.bytes += found.bytes;
                all.rows += found.rows;
                let version = snapshot.version();
                damaged.extend(found.damaged.into_iter().map(|d| (table.name, Some(version), d)));
            }
            // Without its log a table has no files that could be looked at.
            Err(error) => {
                // Further lines are a stack trace of the Delta library's, where the environment asks for one.
                let error = error.to_string();
                let error = error.lines().next().unwrap_or_default();
                let damage = Damaged {
                    path: format!("{}/_delta_log", table.name),
                    reason: format!("its log cannot be read: {error}"),
                };
                damaged.push((table.name, None, damage));
            }
        }
    }
    console.progress_end();
    let text = |value: fn(&(&str, Option<i64>, Damaged)) -> String| -> ArrayRef {
        Arc::new(damaged.iter().map(|d| Some(value(d))).collect::<StringArray>())
    };
    let versions: Int64Array = damaged.iter().map(|(_, version, _)| *version).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("table", text(|d| d.0.to_owned()), false),
        ("version", Arc::new(versions) as ArrayRef, true),
        ("path", text(|d| d.2.path.clone()), false),
        ("reason", text(|d| d.2.reason.clone()), false),
    ])?;
    let read = format!(
        "{} data files with {} rows and {} bytes are whole",
        all.files - files(&damaged),
        all.rows,
        all.bytes
    );
    if damaged.is_empty() {
        console.say(&format!("{}: {read}", lake.place()));
        return Ok(Status::Done);
    }
    show(console, &Frame::guess(batch))?;
    console.say(&read);
    Err(Error::lake(format!("{}: {} files are damaged", lake.place(), damaged.len())).advise(REPAIR))
}

/// How many of them are data files, not logs.
fn files(damaged: &[(&str, Option<i64>, Damaged)]) -> u64 {
    damaged.iter().filter(|(_, version, _)| version.is_some()).count() as u64
}

/// Every change, table by table, oldest first; with `--as-of` those up to then.
pub async fn lake_history(config: &Config, table: Option<&str>, console: &mut dyn Console) -> Result<Status> {
    let lake = open::existing(config).await?;
    let tables = match table {
        None => TABLES.to_vec(),
        Some(name) => vec![TableSchema::named(name).ok_or_else(|| {
            let known: Vec<_> = TABLES.iter().map(|t| t.name).collect();
            Error::usage(format!("there is no table '{name}'")).advise(format!("one of {}", known.join(", ")))
        })?],
    };
    let mut changes = Vec::new();
    for table in tables {
        for version in lake.history(table).await? {
            // Another program's commit may say no moment at all.
            let at = (version.at != DateTime::<chrono::Utc>::MAX_UTC).then_some(version.at);
            if config.as_of.is_none_or(|moment| version.at <= moment) {
                changes.push((table.name, at, version));
            }
        }
    }
    let operation = |added: u64, removed: u64| match (added, removed) {
        (0, 0) => "create",
        (_, 0) => "append",
        (0, _) => "remove",
        _ => "replace",
    };
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let texts = |values: Vec<Option<String>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let numbers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let at: TimestampMicrosecondArray = changes
        .iter()
        .map(|(_, at, _)| at.map(|at| at.timestamp_micros()))
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "table",
            texts(changes.iter().map(|(t, ..)| Some((*t).to_owned())).collect()),
            false,
        ),
        (
            "version",
            numbers(changes.iter().map(|(.., v)| v.version).collect()),
            false,
        ),
        ("at", Arc::new(at.with_timezone("UTC")) as ArrayRef, true),
        (
            "operation",
            texts(
                changes
                    .iter()
                    .map(|(.., v)| Some(operation(v.files_added, v.files_removed).to_owned()))
                    .collect(),
            ),
            false,
        ),
        (
            "rows_added",
            numbers(changes.iter().map(|(.., v)| number(v.rows_added)).collect()),
            false,
        ),
        (
            "files_added",
            numbers(changes.iter().map(|(.., v)| number(v.files_added)).collect()),
            false,
        ),
        (
            "files_removed",
            numbers(changes.iter().map(|(.., v)| number(v.files_removed)).collect()),
            false,
        ),
        (
            "delivery",
            texts(changes.iter().map(|(.., v)| v.change.clone()).collect()),
            true,
        ),
    ])?;
    show(console, &Frame::guess(batch))?;
    Ok(Status::Done)
}
