//! Requests and outcomes: appended, each fact once. Of unequal copies the greater one is kept,
//! wherever it came from and whenever.

use super::Stored;
use super::delivery::Delivery;
use super::record::Fate;
use super::row::{Keys, Rank};
use crate::base::Result;
use crate::schema::TableSchema;
use crate::store::{Change, Lake, Replace, Snapshot};
use ahash::{HashMap, HashMapExt, HashSet};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::Date32Type;
use arrow::row::OwnedRow;
use chrono::{Days, NaiveDate};
use futures::TryStreamExt;
use std::collections::BTreeSet;

/// Rows of a delivery, each identity once.
struct Facts {
    rows: RecordBatch,
    keys: Vec<OwnedRow>,
    /// Which file of the delivery a row came from.
    file: Vec<usize>,
}

pub(super) async fn attempt(lake: &Lake, delivery: &Delivery) -> Result<Option<Stored>> {
    if delivery.rows() == 0 {
        return Ok(Some(Stored::Empty));
    }
    let keys = Keys::new(delivery.table)?;
    let new = distinct(delivery, &keys)?;
    let base = lake.snapshot(delivery.table, None).await?;
    let meeting = match &base {
        Some(snapshot) => meet(delivery, &new, &keys, snapshot).await?,
        None => Meeting::default(),
    };
    let fates = fates(delivery, &new, &meeting);
    let fresh: BooleanArray = new
        .keys
        .iter()
        .map(|key| Some(!meeting.kept_old.contains_key(key)))
        .collect();
    let mut add = vec![filter_record_batch(&new.rows, &fresh)?];
    if add[0].num_rows() == 0 {
        return Ok(Some(Stored::Present(fates)));
    }
    let partitions: Vec<_> = meeting.rewritten.into_iter().collect();
    if let Some(snapshot) = &base {
        let mut stream = snapshot.only_partitions(&partitions).stream(&[], &[]).await?;
        while let Some(batch) = stream.try_next().await? {
            let stays: BooleanArray = keys
                .of(&batch)?
                .iter()
                .map(|key| Some(!meeting.beaten.contains(&key.owned())))
                .collect();
            add.push(filter_record_batch(&batch, &stays)?);
        }
    }
    let replace = if partitions.is_empty() {
        Replace::Nothing
    } else {
        Replace::Partitions(partitions)
    };
    let change = Change {
        add,
        replace,
        txn: delivery.id.clone(),
    };
    let done = lake.try_commit(delivery.table, base.as_ref(), &change).await?;
    Ok(done.map(|_| Stored::Committed(fates)))
}

/// Of copies inside the delivery the greatest, of equal ones the one of the first file by hash.
fn distinct(delivery: &Delivery, keys: &Keys) -> Result<Facts> {
    let mut order: Vec<usize> = (0..delivery.files.len()).collect();
    order.sort_by(|a, b| delivery.files[*a].hash.cmp(&delivery.files[*b].hash));
    let mut batches = Vec::new();
    let mut file = Vec::new();
    for at in order {
        for batch in &delivery.files[at].batches {
            file.extend(std::iter::repeat_n(at, batch.num_rows()));
            batches.push(batch);
        }
    }
    let all = concat_batches(&delivery.table.arrow(), batches)?;
    let owned = keys.owned(&all)?;
    let mut winner: HashMap<&OwnedRow, usize> = HashMap::with_capacity(owned.len());
    for (row, key) in owned.iter().enumerate() {
        winner
            .entry(key)
            .and_modify(|best| {
                if Rank::of(&all, row) > Rank::of(&all, *best) {
                    *best = row;
                }
            })
            .or_insert(row);
    }
    let mut rows: Vec<usize> = winner.into_values().collect();
    rows.sort_unstable();
    let indices = rows.iter().map(|r| *r as u64).collect::<Vec<_>>();
    Ok(Facts {
        rows: take_record_batch(&all, &arrow::array::UInt64Array::from(indices))?,
        keys: rows.iter().map(|r| owned[*r].clone()).collect(),
        file: rows.iter().map(|r| file[*r]).collect(),
    })
}

/// How new rows and rows of the lake compare.
#[derive(Default)]
struct Meeting {
    /// Identities of which the lake's copy stays, and whether it came from this very file.
    kept_old: HashMap<OwnedRow, bool>,
    /// Identities of which the lake's copy is beaten by a new one.
    beaten: HashSet<OwnedRow>,
    /// Partitions that hold a beaten copy.
    rewritten: BTreeSet<Vec<String>>,
}

async fn meet(delivery: &Delivery, new: &Facts, keys: &Keys, snapshot: &Snapshot) -> Result<Meeting> {
    let at: HashMap<&OwnedRow, usize> = new.keys.iter().enumerate().map(|(i, k)| (k, i)).collect();
    let mut meeting = Meeting::default();
    for partition in touched(delivery.table, &new.rows, snapshot) {
        let part = snapshot.only_partitions(std::slice::from_ref(&partition));
        // Most days meet nothing: the identities alone tell, without reading whole rows.
        let mut found = false;
        let mut stream = part.stream(delivery.table.key, &[]).await?;
        while let (false, Some(batch)) = (found, stream.try_next().await?) {
            found = keys.of(&batch)?.iter().any(|key| at.contains_key(&key.owned()));
        }
        if !found {
            continue;
        }
        let mut stream = part.stream(&[], &[]).await?;
        while let Some(batch) = stream.try_next().await? {
            let hashes = batch
                .column_by_name("file_hash")
                .map(|c| c.as_string::<i32>().clone());
            for (row, key) in keys.of(&batch)?.iter().enumerate() {
                let key = key.owned();
                let Some(mine) = at.get(&key) else { continue };
                if Rank::of(&new.rows, *mine) > Rank::of(&batch, row) {
                    meeting.beaten.insert(key);
                    meeting.rewritten.insert(partition.clone());
                } else {
                    let own = &delivery.files[new.file[*mine]].hash;
                    let same = hashes.as_ref().is_some_and(|h| h.value(row) == own);
                    meeting.kept_old.insert(key, same);
                }
            }
        }
    }
    Ok(meeting)
}

/// Partitions in which another copy of a new row may lie: two copies of one request may disagree on
/// when it started, by a day at most.
fn touched(table: &TableSchema, rows: &RecordBatch, snapshot: &Snapshot) -> Vec<Vec<String>> {
    let mut present = snapshot.partitions();
    if let Some(days) = rows
        .column_by_name("day")
        .filter(|_| table.partition_by == ["day"])
    {
        let days: BTreeSet<i32> = days.as_primitive::<Date32Type>().iter().flatten().collect();
        let near: HashSet<String> = days
            .into_iter()
            .filter_map(|day| NaiveDate::from_num_days_from_ce_opt(day.checked_add(719_163)?))
            .flat_map(|day| {
                [
                    day.checked_sub_days(Days::new(1)),
                    Some(day),
                    day.checked_add_days(Days::new(1)),
                ]
            })
            .flatten()
            .map(|day| day.to_string())
            .collect();
        present.retain(|partition| partition.iter().all(|day| near.contains(day)));
    }
    present
}

fn fates(delivery: &Delivery, new: &Facts, meeting: &Meeting) -> Vec<Fate> {
    let mut kept = vec![0_u64; delivery.files.len()];
    for (key, file) in new.keys.iter().zip(&new.file) {
        // A row that an interrupted run has already written is still this file's fact.
        kept[*file] += u64::from(meeting.kept_old.get(key).is_none_or(|same_file| *same_file));
    }
    delivery
        .files
        .iter()
        .zip(kept)
        .map(|(file, kept)| Fate {
            kept,
            known: file.rows_out().saturating_sub(kept),
            period: None,
            notes: Vec::new(),
        })
        .collect()
}
