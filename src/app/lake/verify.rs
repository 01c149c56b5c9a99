//! `lake verify`: every data file, read whole.

use crate::app::{Console, Status, open, show};
use crate::base::{Error, Result};
use crate::config::Config;
use crate::frame::Frame;
use crate::schema::TABLES;
use crate::store::{Damaged, Verified};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
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
