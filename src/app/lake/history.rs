//! `lake history`: every version of every table, by when, by which command, from which sources.

use super::{instant, numbers, tables, texts};
use crate::app::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::frame::Frame;
use crate::schema::TableSchema;
use crate::store::{Lake, Version};
use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One version of one table.
struct Change {
    table: &'static str,
    /// Another program's commit may say no moment at all.
    at: Option<DateTime<Utc>>,
    version: Version,
    sources: Option<String>,
}

impl Change {
    fn operation(&self) -> &'static str {
        match (self.version.files_added, self.version.files_removed) {
            _ if self.version.compaction => "compact",
            (0, 0) => "create",
            (_, 0) => "append",
            (0, _) => "remove",
            _ => "replace",
        }
    }
}

/// Every change, table by table, oldest first; with `--as-of` those up to then.
pub async fn lake_history(config: &Config, table: Option<&str>, console: &mut dyn Console) -> Result<Status> {
    let lake = open::existing(config).await?;
    let names: Vec<String> = table.into_iter().map(str::to_owned).collect();
    let sources = sources(&lake).await?;
    let mut changes = Vec::new();
    for table in tables(&names)? {
        for version in lake.history(table).await? {
            if config.as_of.is_none_or(|moment| version.at <= moment) {
                let of = version.change.as_ref().and_then(|change| sources.get(change));
                changes.push(Change {
                    table: table.name,
                    at: (version.at != DateTime::<Utc>::MAX_UTC).then_some(version.at),
                    sources: of.map(|names| names.iter().cloned().collect::<Vec<_>>().join(", ")),
                    version,
                });
            }
        }
    }
    let at: TimestampMicrosecondArray = changes
        .iter()
        .map(|change| change.at.map(|at| at.timestamp_micros()))
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("table", texts(&changes, |c| Some(c.table.to_owned())), false),
        (
            "version",
            numbers(&changes, |c| u64::try_from(c.version.version).unwrap_or(0)),
            false,
        ),
        ("at", Arc::new(at.with_timezone("UTC")) as ArrayRef, true),
        (
            "operation",
            texts(&changes, |c| Some(c.operation().to_owned())),
            false,
        ),
        ("command", texts(&changes, |c| c.version.command.clone()), true),
        ("rows_added", numbers(&changes, |c| c.version.rows_added), false),
        ("files_added", numbers(&changes, |c| c.version.files_added), false),
        (
            "files_removed",
            numbers(&changes, |c| c.version.files_removed),
            false,
        ),
        ("sources", texts(&changes, |c| c.sources.clone()), true),
        ("delivery", texts(&changes, |c| c.version.change.clone()), true),
    ])?;
    show(console, &Frame::guess(batch))?;
    if let Some(since) = lake.whole_since().await? {
        console.say(&format!(
            "--as-of reaches back to {}: `lake vacuum` removed what was replaced before",
            instant(since)
        ));
    }
    Ok(Status::Done)
}

/// The sources of each delivery, by the name of its change.
async fn sources(lake: &Lake) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(table) = TableSchema::named("ingest_files") else {
        return Ok(sources);
    };
    let Some(files) = lake.snapshot(table, None).await? else {
        return Ok(sources);
    };
    for batch in files.read(&["delivery_id", "source"], &[]).await? {
        let (ids, names) = (
            batch.column(0).as_string::<i32>(),
            batch.column(1).as_string::<i32>(),
        );
        for row in 0..batch.num_rows() {
            let of = sources.entry(ids.value(row).to_owned()).or_default();
            if !names.value(row).is_empty() {
                of.insert(names.value(row).to_owned());
            }
        }
    }
    Ok(sources)
}
