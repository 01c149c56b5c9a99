//! The lake's memory of what was ingested: `ingest_files` and `rejects`, written after the facts.
//!
//! Both are written at most once per delivery and file, whatever happened in between, so a run that
//! was killed is completed by the next one and a run that was not is not doubled.

use super::delivery::{Delivery, FileFacts};
use crate::base::{Error, Result, money};
use crate::schema::TableSchema;
use crate::source::{ControlTotal, Reject};
use crate::store::{ATTEMPTS, Change, Lake, Replace, Snapshot, busy};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch, not};
use arrow::datatypes::Int64Type;
use arrow::json::ReaderBuilder;
use arrow::util::display::array_value_to_string;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// Characters of a bad value that are kept.
const VALUE_CHARS: usize = 200;

/// Rows of a table from values that serialise to its columns: amounts and instants as text.
pub fn rows_of<T: Serialize>(table: &TableSchema, rows: &[T]) -> Result<RecordBatch> {
    let schema = table.arrow();
    let mut decoder = ReaderBuilder::new(schema.clone())
        .with_batch_size(rows.len().max(1))
        .build_decoder()?;
    decoder.serialize(rows)?;
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

/// What the lake remembers of one file of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) delivery_id: String,
    pub(super) file_hash: String,
    pub(super) source: String,
    pub(super) table: String,
    pub(super) period: Option<String>,
    pub(super) path: String,
    pub(super) format: String,
    pub(super) bytes: u64,
}

impl Known {
    /// Billing months that it covers.
    pub(super) fn months(&self) -> impl Iterator<Item = &str> {
        self.period.iter().flat_map(|months| months.split(','))
    }
}

pub(super) async fn known(lake: &Lake) -> Result<Vec<Known>> {
    let Some(snapshot) = lake.snapshot(table("ingest_files")?, None).await? else {
        return Ok(Vec::new());
    };
    let columns = [
        "delivery_id",
        "file_hash",
        "source",
        "table_name",
        "period",
        "path",
        "format",
        "bytes",
    ];
    let mut all = Vec::new();
    for batch in snapshot.read(&columns, &[]).await? {
        let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
        let bytes = batch.column(7).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            all.push(Known {
                delivery_id: text(0, row),
                file_hash: text(1, row),
                source: text(2, row),
                table: text(3, row),
                period: (!batch.column(4).is_null(row)).then(|| text(4, row)),
                path: text(5, row),
                format: text(6, row),
                bytes: u64::try_from(bytes.value(row)).unwrap_or_default(),
            });
        }
    }
    Ok(all)
}

/// How many rows of each (delivery, file) are rejected.
pub(super) async fn rejected(lake: &Lake) -> Result<BTreeMap<(String, String), u64>> {
    let mut lines: BTreeMap<(String, String), HashSet<i64>> = BTreeMap::new();
    if let Some(snapshot) = lake.snapshot(table("rejects")?, None).await? {
        for batch in snapshot.read(&["delivery_id", "file_hash", "line"], &[]).await? {
            let text =
                |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
            let line = batch.column(2).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let of_file = lines.entry((text(0, row), text(1, row))).or_default();
                of_file.insert(line.value(row));
            }
        }
    }
    Ok(lines
        .into_iter()
        .map(|(file, lines)| (file, lines.len() as u64))
        .collect())
}

/// How a file's rows ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) kept: u64,
    pub(super) known: u64,
    /// Billing months, for charges.
    pub(super) period: Option<String>,
    /// What its user should know of how it went.
    pub(super) notes: Vec<String>,
}

pub(super) async fn write_rejects(lake: &Lake, delivery: &Delivery) -> Result<()> {
    if delivery.files.iter().all(|f| f.rejects.is_empty()) {
        return Ok(());
    }
    let now = lake.clock().now();
    append(lake, "rejects", delivery, |file| reject_rows(delivery, file, now)).await
}

/// The same for what was read anew: the old rejects of its files go, whatever they were.
pub(super) async fn rewrite_rejects(lake: &Lake, delivery: &Delivery) -> Result<()> {
    let now = lake.clock().now();
    let rows: Vec<_> = delivery
        .files
        .iter()
        .flat_map(|file| reject_rows(delivery, file, now))
        .collect();
    replace(lake, "rejects", delivery, &rows).await
}

fn reject_rows(delivery: &Delivery, file: &FileFacts, now: DateTime<Utc>) -> Vec<serde_json::Value> {
    // One value of one row is one reject, however often a decoder tried it.
    let unique: BTreeMap<_, _> = file.rejects.iter().map(|r| ((r.line, &r.column), r)).collect();
    unique
        .into_values()
        .map(|reject| reject_row(delivery, file, reject, now))
        .collect()
}

fn reject_row(
    delivery: &Delivery,
    file: &FileFacts,
    reject: &Reject,
    now: DateTime<Utc>,
) -> serde_json::Value {
    serde_json::json!({
        "delivery_id": file.delivery_id,
        "file_hash": file.hash,
        "path": file.path,
        "source": delivery.source,
        "format": file.format,
        "table_name": delivery.table.name,
        "line": reject.line,
        "column_name": reject.column,
        "value": reject.value.as_ref().map(|v| v.chars().take(VALUE_CHARS).collect::<String>()),
        "reason": reject.reason,
        "rejected_at": instant(now),
        "month": month(now),
    })
}

pub(super) async fn write_files(lake: &Lake, delivery: &Delivery, fates: &[Fate]) -> Result<()> {
    let now = lake.clock().now();
    append(lake, "ingest_files", delivery, |file| {
        vec![file_row(delivery, file, fates, now)]
    })
    .await
}

/// The same for what was read anew: its record is now this one.
pub(super) async fn rewrite_files(lake: &Lake, delivery: &Delivery, fates: &[Fate]) -> Result<()> {
    let now = lake.clock().now();
    let rows: Vec<_> = delivery
        .files
        .iter()
        .map(|file| file_row(delivery, file, fates, now))
        .collect();
    replace(lake, "ingest_files", delivery, &rows).await
}

fn file_row(delivery: &Delivery, file: &FileFacts, fates: &[Fate], now: DateTime<Utc>) -> serde_json::Value {
    let mut pairs = delivery.files.iter().zip(fates);
    let fate = pairs.find(|(f, _)| f.hash == file.hash).map(|(_, fate)| fate);
    let fate = fate.cloned().unwrap_or_default();
    serde_json::json!({
        "delivery_id": file.delivery_id,
        "file_hash": file.hash,
        "path": file.path,
        "bytes": file.bytes,
        "source": delivery.source,
        "format": file.format,
        "table_name": delivery.table.name,
        "ingested_at": instant(now),
        "month": month(now),
        "rows_in": file.rows_in,
        "rows_kept": fate.kept,
        "rows_known": fate.known,
        "rows_rejected": file.rows_rejected(),
        "period": fate.period,
        "totals": file.totals.iter().map(total_row).collect::<Vec<_>>(),
    })
}

fn total_row(total: &ControlTotal) -> serde_json::Value {
    serde_json::json!({
        "currency": total.currency,
        "column_name": total.column,
        "rows": total.rows,
        "nulls": total.nulls,
        "source_total": total.source_total.to_string(),
        "stored_total": money::format(total.stored_total.round()),
        "rounding": (total.source_total - total.stored_total).to_string(),
    })
}

/// Appends the rows of those files of the delivery of which the table has none yet.
async fn append(
    lake: &Lake,
    name: &'static str,
    delivery: &Delivery,
    rows: impl Fn(&FileFacts) -> Vec<serde_json::Value>,
) -> Result<()> {
    let table = table(name)?;
    for _ in 0..ATTEMPTS {
        let base = lake.snapshot(table, None).await?;
        let present = match &base {
            Some(snapshot) => present(snapshot).await?,
            None => HashSet::new(),
        };
        let new: Vec<_> = delivery
            .files
            .iter()
            .filter(|f| !present.contains(&(f.delivery_id.clone(), f.hash.clone())))
            .flat_map(&rows)
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let change = Change {
            add: vec![rows_of(table, &new)?],
            replace: Replace::Nothing,
            txn: delivery.id.clone(),
        };
        if lake.try_commit(table, base.as_ref(), &change).await?.is_some() {
            return Ok(());
        }
    }
    Err(busy(table))
}

/// When something was recorded is no part of what it says.
const STAMPS: [&str; 3] = ["ingested_at", "rejected_at", "month"];

/// Puts these rows in the place of all that the table has of the delivery's files; nothing is written where they
/// say the same.
async fn replace(
    lake: &Lake,
    name: &'static str,
    delivery: &Delivery,
    rows: &[serde_json::Value],
) -> Result<()> {
    let table = table(name)?;
    let new = rows_of(table, rows)?;
    let ours: HashSet<(&str, &str)> = delivery
        .files
        .iter()
        .map(|f| (f.delivery_id.as_str(), f.hash.as_str()))
        .collect();
    for _ in 0..ATTEMPTS {
        let base = lake.snapshot(table, None).await?;
        let (mut add, mut partitions, mut old) = (vec![new.clone()], Vec::new(), Vec::new());
        for partition in base.iter().flat_map(Snapshot::partitions) {
            let Some(snapshot) = &base else { break };
            let part = snapshot.only_partitions(std::slice::from_ref(&partition));
            let all = concat_batches(&table.arrow(), &part.read(&[], &[]).await?)?;
            let text = |name: &str| all.column_by_name(name).map(|c| c.as_string::<i32>());
            let (Some(ids), Some(hashes)) = (text("delivery_id"), text("file_hash")) else {
                return Err(Error::internal(format!("{name} has no deliveries")));
            };
            let gone: BooleanArray = (0..all.num_rows())
                .map(|row| Some(ours.contains(&(ids.value(row), hashes.value(row)))))
                .collect();
            if gone.true_count() > 0 {
                old.extend(said(&filter_record_batch(&all, &gone)?)?);
                add.push(filter_record_batch(&all, &not(&gone)?)?);
                partitions.push(partition);
            }
        }
        old.sort_unstable();
        let mut told = said(&new)?;
        told.sort_unstable();
        if old == told {
            return Ok(());
        }
        let change = Change {
            add,
            replace: match partitions.is_empty() {
                true => Replace::Nothing,
                false => Replace::Partitions(partitions),
            },
            txn: delivery.id.clone(),
        };
        if lake.try_commit(table, base.as_ref(), &change).await?.is_some() {
            return Ok(());
        }
    }
    Err(busy(table))
}

/// Every row in words, but for when it was written.
fn said(rows: &RecordBatch) -> Result<Vec<String>> {
    let schema = rows.schema();
    let kept: Vec<&ArrayRef> = schema
        .fields()
        .iter()
        .zip(rows.columns())
        .filter(|(field, _)| !STAMPS.contains(&field.name().as_str()))
        .map(|(_, column)| column)
        .collect();
    let row = |row: usize| -> Result<String> {
        let cells = kept.iter().map(|column| Ok(array_value_to_string(column, row)?));
        Ok(cells.collect::<Result<Vec<_>>>()?.join("\u{1f}"))
    };
    (0..rows.num_rows()).map(row).collect()
}

async fn present(snapshot: &Snapshot) -> Result<HashSet<(String, String)>> {
    let mut all = HashSet::new();
    for batch in snapshot.read(&["delivery_id", "file_hash"], &[]).await? {
        let (ids, hashes) = (
            batch.column(0).as_string::<i32>(),
            batch.column(1).as_string::<i32>(),
        );
        all.extend(
            (0..batch.num_rows()).map(|row| (ids.value(row).to_owned(), hashes.value(row).to_owned())),
        );
    }
    Ok(all)
}

pub(super) fn table(name: &str) -> Result<&'static TableSchema> {
    TableSchema::named(name).ok_or_else(|| Error::internal(format!("there is no table {name}")))
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn month(at: DateTime<Utc>) -> String {
    at.format("%Y-%m").to_string()
}
