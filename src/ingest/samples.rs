//! GPU samples: readings of one device at one moment are one row, however many files and scrape
//! jobs they came in. The larger value stands, any owner before none, and of several owners all are kept:
//! merging commutes, so the order of files cannot matter.

use super::Stored;
use super::delivery::Delivery;
use super::record::Fate;
use super::row::{Keys, canonical};
use crate::base::Result;
use crate::schema::TableSchema;
use crate::store::{Change, Lake, Replace, Snapshot};
use arrow::array::make_comparator;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, MapBuilder, MapFieldNames, RecordBatch, StringArray,
    StringBuilder, UInt64Array,
};
use arrow::compute::{SortOptions, concat_batches, filter_record_batch, take};
use arrow::datatypes::Date32Type;
use arrow::row::OwnedRow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The namespace belongs to the owner: they are taken from the same reading.
const OWNER: [&str; 2] = ["owner", "namespace"];

/// All owners of a device and their fractions.
const OWNERS: &str = "owners";

pub(super) async fn attempt(lake: &Lake, delivery: &Delivery) -> Result<Option<Stored>> {
    if delivery.rows() == 0 {
        return Ok(Some(Stored::Empty));
    }
    let keys = Keys::new(delivery.table)?;
    let new = merge(
        delivery.table,
        &keys,
        &concat_batches(&delivery.table.arrow(), delivery.batches())?,
    )?;
    let base = lake.snapshot(delivery.table, None).await?;
    let mut unchanged: HashMap<OwnedRow, String> = HashMap::new();
    let mut rewritten = Vec::new();
    let mut add = Vec::new();
    let mut fresh = vec![true; new.num_rows()];
    if let Some(snapshot) = &base {
        for (day, rows) in by_day(delivery.table, &new, snapshot) {
            let part = snapshot.only_partitions(std::slice::from_ref(&day));
            let wanted = rows.iter().map(|r| *r as u64).collect::<Vec<_>>();
            let mine = take_rows(&new, wanted)?;
            match meet(delivery.table, &keys, &part, &mine).await? {
                Meeting::Apart => {}
                Meeting::Same(same) => {
                    for (row, key) in rows.iter().zip(keys.owned(&mine)?) {
                        fresh[*row] = !same.contains_key(&key);
                    }
                    unchanged.extend(same);
                }
                Meeting::Changed(whole, same) => {
                    rows.iter().for_each(|row| fresh[*row] = false);
                    unchanged.extend(same);
                    add.push(whole);
                    rewritten.push(day);
                }
            }
        }
    }
    let fates = fates(delivery, &keys, &unchanged)?;
    let rest = filter_record_batch(&new, &BooleanArray::from(fresh))?;
    if rest.num_rows() == 0 && rewritten.is_empty() {
        return Ok(Some(Stored::Present(fates)));
    }
    add.push(rest);
    let replace = if rewritten.is_empty() {
        Replace::Nothing
    } else {
        Replace::Partitions(rewritten)
    };
    let change = Change {
        add,
        replace,
        txn: delivery.id.clone(),
    };
    let done = lake.try_commit(delivery.table, base.as_ref(), &change).await?;
    Ok(done.map(|_| Stored::Committed(fates)))
}

/// What the readings of one day do to the lake's.
enum Meeting {
    /// No moment of a device is in both.
    Apart,
    /// What is in both says nothing new; those rows, with the file the lake's came from.
    Same(HashMap<OwnedRow, String>),
    /// The whole day merged, and the rows that stayed as they were.
    Changed(RecordBatch, HashMap<OwnedRow, String>),
}

async fn meet(
    table: &'static TableSchema,
    keys: &Keys,
    part: &Snapshot,
    mine: &RecordBatch,
) -> Result<Meeting> {
    let my_keys: HashSet<OwnedRow> = keys.owned(mine)?.into_iter().collect();
    let mut meets = false;
    for batch in part.read(table.key, &[]).await? {
        meets |= keys.owned(&batch)?.iter().any(|key| my_keys.contains(key));
    }
    if !meets {
        return Ok(Meeting::Apart);
    }
    let old = concat_batches(&table.arrow(), &part.read(&[], &[]).await?)?;
    let merged = merge(table, keys, &concat_batches(&table.arrow(), [&old, mine])?)?;
    let place: HashMap<OwnedRow, usize> = keys.owned(&merged)?.into_iter().zip(0..).collect();
    let hashes = old
        .column_by_name("file_hash")
        .map(|c| c.as_string::<i32>().clone());
    let mut same = HashMap::new();
    let mut changed = false;
    for (row, key) in keys.owned(&old)?.into_iter().enumerate() {
        if !my_keys.contains(&key) {
            continue;
        }
        if place
            .get(&key)
            .is_some_and(|at| canonical(&merged, *at) == canonical(&old, row))
        {
            same.insert(
                key,
                hashes
                    .as_ref()
                    .map(|h| h.value(row).to_owned())
                    .unwrap_or_default(),
            );
        } else {
            changed = true;
        }
    }
    Ok(if changed {
        Meeting::Changed(merged, same)
    } else {
        Meeting::Same(same)
    })
}

/// Rows by the partition they go to, for those partitions that exist.
fn by_day(table: &TableSchema, rows: &RecordBatch, snapshot: &Snapshot) -> BTreeMap<Vec<String>, Vec<usize>> {
    let present: BTreeSet<Vec<String>> = snapshot.partitions().into_iter().collect();
    let mut days: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    if let Some(column) = table
        .partition_by
        .first()
        .and_then(|name| rows.column_by_name(name))
    {
        let column = column.as_primitive::<Date32Type>();
        for row in 0..rows.num_rows() {
            let day = column
                .value_as_date(row)
                .map(|d| d.to_string())
                .unwrap_or_default();
            days.entry(vec![day]).or_default().push(row);
        }
    }
    days.retain(|day, _| present.contains(day));
    days
}

/// One row per identity. Every field is the greatest of its copies, missing being the least.
fn merge(table: &'static TableSchema, keys: &Keys, rows: &RecordBatch) -> Result<RecordBatch> {
    let owned = keys.owned(rows)?;
    let mut place: HashMap<&OwnedRow, usize> = HashMap::with_capacity(owned.len());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, key) in owned.iter().enumerate() {
        let at = *place.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(row);
    }
    if groups.len() == rows.num_rows() {
        return Ok(rows.clone());
    }
    let order = |name: &str| -> Result<Box<dyn Fn(usize, usize) -> Ordering>> {
        let index = rows.schema_ref().index_of(name)?;
        let column = rows.column(index);
        let options = SortOptions {
            descending: false,
            nulls_first: true,
        };
        Ok(Box::new(make_comparator(column, column, options)?))
    };
    let (owner, namespace) = (order(OWNER[0])?, order(OWNER[1])?);
    let columns = table
        .columns
        .iter()
        .zip(rows.columns())
        .map(|(column, array)| {
            if column.name == OWNERS {
                return owners(rows, &groups);
            }
            let own = order(column.name)?;
            let compare: Box<dyn Fn(usize, usize) -> Ordering> = if OWNER.contains(&column.name) {
                Box::new(|a, b| owner(a, b).then_with(|| namespace(a, b)))
            } else {
                own
            };
            let greatest: UInt64Array = groups
                .iter()
                .filter_map(|group| group.iter().copied().max_by(|a, b| compare(*a, *b)))
                .map(|row| row as u64)
                .collect();
            Ok(take(array, &greatest, None)?)
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    Ok(RecordBatch::try_new(rows.schema(), columns)?)
}

/// The owners of each group's readings together; of two fractions of one owner the one that sorts last.
fn owners(rows: &RecordBatch, groups: &[Vec<usize>]) -> Result<ArrayRef> {
    let names = MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let mut all = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    let lists = rows.column_by_name(OWNERS).and_then(|c| c.as_map_opt());
    let [single, namespace] =
        OWNER.map(|name| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()));
    let text = |column: Option<&StringArray>, row: usize| {
        column
            .filter(|c| c.is_valid(row))
            .map(|c| c.value(row).to_owned())
    };
    for group in groups {
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for row in group {
            if let Some(owner) = text(single, *row) {
                let namespace = text(namespace, *row).unwrap_or_default();
                owners.entry(format!("{namespace}/{owner}")).or_default();
            }
            if let Some(list) = lists.filter(|l| l.is_valid(*row)).map(|l| l.value(*row)) {
                let (keys, shares) = (
                    list.column(0).as_string::<i32>(),
                    list.column(1).as_string::<i32>(),
                );
                for (key, share) in keys.iter().zip(shares) {
                    let known = owners.entry(key.unwrap_or_default().to_owned()).or_default();
                    *known = std::mem::take(known).max(share.unwrap_or_default().to_owned());
                }
            }
        }
        let told = owners.len() > 1 || owners.values().any(|share| !share.is_empty());
        for (owner, share) in owners.iter().filter(|_| told) {
            all.keys().append_value(owner);
            all.values().append_value(share);
        }
        all.append(told)?;
    }
    Ok(Arc::new(all.finish()))
}

fn take_rows(rows: &RecordBatch, wanted: Vec<u64>) -> Result<RecordBatch> {
    Ok(arrow::compute::take_record_batch(
        rows,
        &UInt64Array::from(wanted),
    )?)
}

/// A row is known when the lake had it from another file and it changed nothing.
fn fates(delivery: &Delivery, keys: &Keys, unchanged: &HashMap<OwnedRow, String>) -> Result<Vec<Fate>> {
    delivery
        .files
        .iter()
        .map(|file| {
            let mut known = 0;
            for batch in &file.batches {
                let known_key = |key: &OwnedRow| {
                    unchanged
                        .get(key)
                        .is_some_and(|from| !delivery.files.iter().any(|f| &f.hash == from))
                };
                known += keys.owned(batch)?.iter().filter(|key| known_key(key)).count() as u64;
            }
            Ok(Fate {
                kept: file.rows_out() - known,
                known,
                period: None,
                notes: Vec::new(),
            })
        })
        .collect()
}
