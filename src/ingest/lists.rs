//! Price books and rate lists: a new import replaces the rows of its source.

use super::Stored;
use super::delivery::Delivery;
use super::record::Fate;
use super::row::{Keys, canonical};
use crate::base::Result;
use crate::store::{Change, Lake, Replace};
use arrow::array::{AsArray, BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use std::collections::{HashMap, HashSet};

/// LiteLLM's price map and the yearly lists of grids have no dates: every import of one is the list from
/// one moment on, and replaces only an import for the same moment.
const DATED_BY_IMPORT: [&str; 3] = ["grid_codecarbon", "grid_gcp", "litellm_prices"];

pub(super) async fn attempt(lake: &Lake, delivery: &Delivery) -> Result<Option<Stored>> {
    if delivery.rows_out() == 0 {
        return Ok(Some(Stored::Empty));
    }
    let table = delivery.table;
    let new = distinct(delivery)?;
    let fates: Vec<_> = delivery
        .files
        .iter()
        .map(|f| Fate {
            kept: f.rows_out,
            known: 0,
            period: None,
            notes: Vec::new(),
        })
        .collect();
    let base = lake.snapshot(table, None).await?;
    let old = match &base {
        Some(snapshot) => concat_batches(&table.arrow(), &snapshot.read(&[], &[]).await?)?,
        None => RecordBatch::new_empty(table.arrow()),
    };
    let replaced = replaced(delivery, &new, &old);
    let in_force = filter_record_batch(&old, &replaced)?;
    if contents(&in_force) == contents(&new) {
        return Ok(Some(Stored::Present(fates)));
    }
    let stays: BooleanArray = replaced.iter().map(|gone| gone.map(|gone| !gone)).collect();
    let change = Change {
        add: vec![filter_record_batch(&old, &stays)?, new],
        replace: Replace::Files(base.as_ref().map(|b| b.file_names()).unwrap_or_default()),
        txn: delivery.id.clone(),
    };
    let done = lake.try_commit(table, base.as_ref(), &change).await?;
    Ok(done.map(|_| Stored::Committed(fates)))
}

/// Each identity once; of unequal rows the one whose text sorts last.
fn distinct(delivery: &Delivery) -> Result<RecordBatch> {
    let all = concat_batches(&delivery.table.arrow(), delivery.rows.held())?;
    let keys = Keys::new(delivery.table)?.owned(&all)?;
    let mut winner: HashMap<_, usize> = HashMap::new();
    for (row, key) in keys.iter().enumerate() {
        winner
            .entry(key)
            .and_modify(|best| {
                if canonical(&all, row) > canonical(&all, *best) {
                    *best = row;
                }
            })
            .or_insert(row);
    }
    let mut rows: Vec<u64> = winner.into_values().map(|row| row as u64).collect();
    rows.sort_unstable();
    Ok(take_record_batch(&all, &UInt64Array::from(rows))?)
}

/// Which of the lake's rows this import replaces.
fn replaced(delivery: &Delivery, new: &RecordBatch, old: &RecordBatch) -> BooleanArray {
    let sources = old.column_by_name("source").map(|c| c.as_string::<i32>());
    let moments = |batch: &RecordBatch| {
        batch
            .column_by_name("valid_from")
            .map(|c| c.as_primitive::<TimestampMicrosecondType>().clone())
    };
    let only_moments: Option<HashSet<i64>> = delivery
        .files
        .iter()
        .all(|f| DATED_BY_IMPORT.contains(&f.format.as_str()))
        .then(|| moments(new).map(|m| m.iter().flatten().collect()))
        .flatten();
    let old_moments = moments(old);
    (0..old.num_rows())
        .map(|row| {
            let same_source = sources.is_some_and(|s| s.value(row) == delivery.source);
            let same_moment = match (&only_moments, &old_moments) {
                (Some(wanted), Some(moments)) => wanted.contains(&moments.value(row)),
                _ => true,
            };
            Some(same_source && same_moment)
        })
        .collect()
}

fn contents(rows: &RecordBatch) -> Vec<String> {
    let mut all: Vec<_> = (0..rows.num_rows()).map(|row| canonical(rows, row)).collect();
    all.sort_unstable();
    all
}
