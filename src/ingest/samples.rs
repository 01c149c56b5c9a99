//! GPU samples: readings of one device at one moment are one row, however many files and scrape
//! jobs they came in. The larger value stands, any owner before none, and of several owners all are kept:
//! merging commutes, so the order of files cannot matter.

use super::Stored;
use super::delivery::{Delivery, FileFacts};
use super::intake::Facts;
use super::record::Fate;
use super::row::{Keys, canonical};
use crate::base::Result;
use crate::schema::TableSchema;
use crate::store::{Lake, Replace, Snapshot, Stage, StagedFile};
use arrow::array::make_comparator;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, MapBuilder, MapFieldNames, RecordBatch, StringArray,
    StringBuilder, UInt64Array,
};
use arrow::compute::{SortOptions, concat_batches, filter_record_batch, take};
use arrow::row::OwnedRow;
use futures::TryStreamExt;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The namespace belongs to the owner: they are taken from the same reading.
const OWNER: [&str; 2] = ["owner", "namespace"];

/// All owners of a device and their fractions.
const OWNERS: &str = "owners";

/// Day by day: most have nothing that meets, in the delivery or in the lake, and are committed as they were staged.
pub(super) async fn attempt(lake: &Lake, delivery: &Delivery) -> Result<Option<Stored>> {
    let facts = delivery.rows.facts()?;
    if facts.staged.rows() == 0 {
        return Ok(Some(Stored::Empty));
    }
    let base = lake.snapshot(delivery.table, None).await?;
    let stage = lake.stage(delivery.table)?;
    let mut change = Change {
        delivery,
        facts,
        base: base.as_ref(),
        stage: &stage,
        keys: Keys::new(delivery.table)?,
        known: HashMap::new(),
        replaced: Vec::new(),
        stays: Vec::new(),
        gone: Vec::new(),
        added: false,
    };
    if let Err(e) = change.work_out().await {
        drop(change);
        stage.discard().await;
        return Err(e);
    }
    let Change {
        known,
        replaced,
        stays,
        gone,
        added,
        ..
    } = change;
    let fates = fates(delivery, &known);
    let rest = stage.finish().await?;
    if stays.is_empty() && !added {
        return Ok(Some(Stored::Present(fates)));
    }
    let mut files = stays;
    files.extend(rest.files());
    let replace = if replaced.is_empty() {
        Replace::Nothing
    } else {
        Replace::Partitions(replaced)
    };
    let done = lake
        .try_commit_staged(delivery.table, base.as_ref(), &files, &replace, &delivery.id)
        .await?;
    match done {
        None => rest.discard().await,
        Some(_) => facts.staged.discard_files(&gone).await,
    }
    Ok(done.map(|_| Stored::Committed(fates)))
}

/// What is to become of the days of a delivery.
struct Change<'a, 's> {
    delivery: &'a Delivery,
    facts: &'a Facts,
    base: Option<&'a Snapshot>,
    /// Takes the days that have to be written anew.
    stage: &'s Stage,
    keys: Keys,
    /// Rows of each file that the lake had from another one, and that changed nothing.
    known: HashMap<String, u64>,
    /// Days of the lake that go.
    replaced: Vec<Vec<String>>,
    /// Staged files that are committed as they are.
    stays: Vec<&'a StagedFile>,
    /// Staged files that are not.
    gone: Vec<&'a StagedFile>,
    /// Does anything go to the stage.
    added: bool,
}

impl<'a> Change<'a, '_> {
    async fn work_out(&mut self) -> Result<()> {
        let mut days: BTreeMap<&[String], Vec<&'a StagedFile>> = BTreeMap::new();
        for file in self.facts.staged.files() {
            days.entry(file.partition()).or_default().push(file);
        }
        for (day, files) in days {
            self.day(day, files).await?;
        }
        Ok(())
    }

    async fn day(&mut self, day: &[String], files: Vec<&'a StagedFile>) -> Result<()> {
        let table = self.delivery.table;
        let day = day.to_vec();
        let part = self
            .base
            .map(|base| base.only_partitions(std::slice::from_ref(&day)));
        let part = part.filter(|part| !part.file_names().is_empty());
        let meets = match &part {
            Some(part) => self.meets(part).await?,
            None => false,
        };
        if !meets && !self.doubles(&files).await? {
            self.stays.extend(files);
            return Ok(());
        }
        let mut batches = Vec::new();
        for file in &files {
            let mut each = |batch| {
                batches.push(batch);
                Ok(())
            };
            self.facts.staged.read(file, &[], &mut each).await?;
        }
        let all = concat_batches(&table.arrow(), &batches)?;
        drop(batches);
        let mine = merge(table, &self.keys, &all)?;
        let meeting = match part.filter(|_| meets) {
            Some(part) => meet(table, &self.keys, &part, &mine).await?,
            None => Meeting::Apart,
        };
        self.gone.extend(files);
        match meeting {
            Meeting::Apart => self.add(mine),
            Meeting::Same(same) => {
                let keys = self.keys.owned(&mine)?;
                let fresh: BooleanArray = keys.iter().map(|key| Some(!same.contains_key(key))).collect();
                self.count(&all, &same)?;
                self.add(filter_record_batch(&mine, &fresh)?)
            }
            Meeting::Changed(whole, same) => {
                self.count(&all, &same)?;
                self.replaced.push(day);
                self.add(whole)
            }
        }
    }

    fn add(&mut self, rows: RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.added = true;
        self.stage.push(rows)
    }

    /// May the lake have readings of the same moments.
    async fn meets(&self, part: &Snapshot) -> Result<bool> {
        let identities = &self.facts.identities;
        let mut stream = part.stream(part.table().key, &[]).await?;
        while let Some(batch) = stream.try_next().await? {
            if identities
                .of(&batch)
                .iter()
                .any(|identity| identities.has(*identity))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// May some of the staged readings be of the same moment.
    async fn doubles(&self, files: &[&StagedFile]) -> Result<bool> {
        let identities = &self.facts.identities;
        if identities.repeated().is_empty() {
            return Ok(false);
        }
        let mut found = false;
        for file in files {
            let mut each = |batch: RecordBatch| {
                let repeated = identities.repeated();
                let twice = |identity: &u64| repeated.binary_search(identity).is_ok();
                found = found || identities.of(&batch).iter().any(twice);
                Ok(())
            };
            self.facts.staged.read(file, identities.key(), &mut each).await?;
        }
        Ok(found)
    }

    /// A row is known when the lake had it from another file and it changed nothing.
    fn count(&mut self, all: &RecordBatch, same: &HashMap<OwnedRow, String>) -> Result<()> {
        let hashes = all.column_by_name("file_hash").map(|c| c.as_string::<i32>());
        let Some(hashes) = hashes else { return Ok(()) };
        for (row, key) in self.keys.owned(all)?.iter().enumerate() {
            let ours = |from: &String| self.delivery.files.iter().any(|f| &f.hash == from);
            if same.get(key).is_some_and(|from| !ours(from)) {
                *self.known.entry(hashes.value(row).to_owned()).or_default() += 1;
            }
        }
        Ok(())
    }
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

fn fates(delivery: &Delivery, known: &HashMap<String, u64>) -> Vec<Fate> {
    let fate = |file: &FileFacts| {
        let known = known.get(&file.hash).copied().unwrap_or(0);
        Fate {
            kept: file.rows_out.saturating_sub(known),
            known,
            period: None,
            notes: Vec::new(),
        }
    };
    delivery.files.iter().map(fate).collect()
}
