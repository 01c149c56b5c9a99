//! `lake stats`: what each table takes, what it covers, and what compact and vacuum would do about it.

use super::{instant, numbers, texts};
use crate::app::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::frame::Frame;
use crate::schema::{TABLES, TableSchema};
use crate::store::{Compacted, Garbage, Snapshot};
use arrow::array::RecordBatch;

struct Row {
    table: &'static TableSchema,
    snapshot: Snapshot,
    compactable: Compacted,
    garbage: Garbage,
}

impl Row {
    /// First and last value of the partition column that is a time: a day or a month.
    fn covered(&self) -> Option<(String, String, u64)> {
        let is_time = |name: &&str| ["day", "month", "billing_month"].contains(name);
        let at = self.table.partition_by.iter().position(is_time)?;
        let mut values: Vec<String> = self
            .snapshot
            .partitions()
            .into_iter()
            .filter_map(|values| values.get(at).cloned())
            .collect();
        values.sort_unstable();
        values.dedup();
        Some((
            values.first()?.clone(),
            values.last()?.clone(),
            values.len() as u64,
        ))
    }
}

pub async fn lake_stats(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let lake = open::existing(config).await?;
    let horizon = config.clock.now() - config.keep_history;
    let mut rows = Vec::new();
    for (done, table) in TABLES.into_iter().enumerate() {
        console.progress(table.name, done as u64, TABLES.len() as u64);
        if let Some(snapshot) = lake.snapshot(table, config.as_of).await? {
            rows.push(Row {
                table,
                compactable: snapshot.compactable(),
                garbage: lake.garbage(table, horizon).await?,
                snapshot,
            });
        }
    }
    console.progress_end();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("table", texts(&rows, |r| Some(r.table.name.to_owned())), false),
        (
            "versions",
            numbers(&rows, |r| u64::try_from(r.snapshot.version() + 1).unwrap_or(0)),
            false,
        ),
        ("rows", numbers(&rows, |r| r.snapshot.rows()), false),
        ("files", numbers(&rows, |r| r.snapshot.size().0), false),
        ("bytes", numbers(&rows, |r| r.snapshot.size().1), false),
        ("small_files", numbers(&rows, |r| r.snapshot.small_files()), false),
        (
            "partitions",
            numbers(&rows, |r| r.snapshot.partitions().len() as u64),
            false,
        ),
        ("first", texts(&rows, |r| Some(r.covered()?.0)), true),
        ("last", texts(&rows, |r| Some(r.covered()?.1)), true),
        (
            "days_or_months",
            numbers(&rows, |r| r.covered().map_or(0, |c| c.2)),
            false,
        ),
        (
            "to_compact",
            numbers(&rows, |r| r.compactable.files_before),
            false,
        ),
        ("into_about", numbers(&rows, |r| r.compactable.files_after), false),
        (
            "to_vacuum",
            numbers(&rows, |r| r.garbage.replaced().0 + r.garbage.unnamed().0),
            false,
        ),
        (
            "vacuum_bytes",
            numbers(&rows, |r| r.garbage.replaced().1 + r.garbage.unnamed().1),
            false,
        ),
    ])?;
    show(console, &Frame::guess(batch))?;
    let since = lake.whole_since().await?;
    console.say(&match since {
        None => "--as-of reaches every version".to_owned(),
        Some(since) => format!("--as-of reaches back to {}", instant(since)),
    });
    console.say(&format!(
        "to_vacuum: what only versions before {} name (keep_history is {} days), and what killed runs left behind",
        instant(horizon),
        config.keep_history.num_days()
    ));
    Ok(Status::Done)
}
