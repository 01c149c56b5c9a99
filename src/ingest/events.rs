//! Requests and outcomes: appended, each fact once. Of unequal copies the greater one is kept,
//! wherever it came from and whenever.
//!
//! The rows lie in staged files already. Their identities tell which of them may have copies, in the delivery or in
//! the lake; only those are read back and compared, and only files that lose a row are written anew.

use super::Stored;
use super::delivery::Delivery;
use super::identity::Identities;
use super::intake::Facts;
use super::record::Fate;
use super::row::{Keys, Rank};
use crate::base::Result;
use crate::schema::TableSchema;
use crate::store::{Lake, Replace, Snapshot, Staged, StagedFile};
use ahash::{HashMap, HashMapExt, HashSet};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::row::OwnedRow;
use chrono::{Days, NaiveDate};
use futures::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// Identities whose copies are compared at a time: bounds what is held of them.
const AT_ONCE: usize = 32 * 1024;

pub(super) async fn attempt(lake: &Lake, delivery: &Delivery) -> Result<Option<Stored>> {
    let facts = delivery.rows.facts()?;
    if facts.staged.rows() == 0 {
        return Ok(Some(Stored::Empty));
    }
    let base = lake.snapshot(delivery.table, None).await?;
    let doubtful = Doubtful::find(facts, base.as_ref()).await?;
    let verdict = doubtful.judge(delivery, facts, base.as_ref()).await?;
    let dropped: u64 = verdict.dropped.values().map(|rows| rows.len() as u64).sum();
    if dropped == facts.staged.rows() {
        return Ok(Some(Stored::Present(verdict.fates)));
    }
    let rest = rewrite(lake, delivery.table, facts, base.as_ref(), &verdict).await?;
    let (stay, gone): (Vec<_>, Vec<_>) = facts
        .staged
        .files()
        .iter()
        .enumerate()
        .partition(|(at, _)| !verdict.dropped.contains_key(at));
    let mut files: Vec<&StagedFile> = stay.into_iter().map(|(_, file)| file).collect();
    files.extend(rest.iter().flat_map(Staged::files));
    let replace = match verdict.beaten.is_empty() {
        true => Replace::Nothing,
        false => Replace::Files(verdict.beaten.into_keys().collect()),
    };
    let done = lake
        .try_commit_staged(delivery.table, base.as_ref(), &files, &replace, &delivery.id)
        .await?;
    match (&done, &rest) {
        (None, Some(rest)) => rest.discard().await,
        (None, None) => {}
        (Some(_), _) => {
            let gone: Vec<_> = gone.into_iter().map(|(_, file)| file).collect();
            facts.staged.discard_files(&gone).await;
        }
    }
    Ok(done.map(|_| Stored::Committed(verdict.fates)))
}

/// Identities that may have several copies, and the files that hold some of them.
#[derive(Default)]
struct Doubtful {
    /// By the number of the staged file.
    staged: BTreeMap<usize, HashSet<u64>>,
    /// By the name of the lake's file.
    lake: BTreeMap<String, HashSet<u64>>,
}

impl Doubtful {
    async fn find(facts: &Facts, base: Option<&Snapshot>) -> Result<Doubtful> {
        let identities = &facts.identities;
        let mut all: HashSet<u64> = identities.repeated().iter().copied().collect();
        let mut lake: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
        if let Some(snapshot) = base {
            for partition in touched(snapshot, identities) {
                let part = snapshot.only_partitions(std::slice::from_ref(&partition));
                // Most days meet nothing.
                if !meets(&part, identities).await? {
                    continue;
                }
                for name in part.file_names() {
                    let mut found = HashSet::default();
                    let mut stream = part.only_file(&name).stream(snapshot.table().key, &[]).await?;
                    while let Some(batch) = stream.try_next().await? {
                        found.extend(identities.of(&batch).into_iter().filter(|i| identities.has(*i)));
                    }
                    if !found.is_empty() {
                        all.extend(&found);
                        lake.insert(name, found);
                    }
                }
            }
        }
        let mut staged: BTreeMap<usize, HashSet<u64>> = BTreeMap::new();
        if !all.is_empty() {
            for (at, file) in facts.staged.files().iter().enumerate() {
                let mut found = HashSet::default();
                let mut each = |batch: RecordBatch| {
                    found.extend(identities.of(&batch).into_iter().filter(|i| all.contains(i)));
                    Ok(())
                };
                let key = identities.key();
                facts.staged.read(file, key, &mut each).await?;
                if !found.is_empty() {
                    staged.insert(at, found);
                }
            }
        }
        Ok(Doubtful { staged, lake })
    }

    /// Compares the copies. Those of one file are compared together, so that few files are read often.
    async fn judge(&self, delivery: &Delivery, facts: &Facts, base: Option<&Snapshot>) -> Result<Verdict> {
        let mut verdict = Verdict::new(delivery);
        let keys = Keys::new(delivery.table)?;
        let mut seen: HashSet<u64> = HashSet::default();
        let mut order = Vec::new();
        for found in self.staged.values() {
            let mut new: Vec<u64> = found.iter().copied().filter(|i| seen.insert(*i)).collect();
            new.sort_unstable();
            order.append(&mut new);
        }
        for wanted in order.chunks(AT_ONCE) {
            let wanted: HashSet<u64> = wanted.iter().copied().collect();
            let mut best: HashMap<OwnedRow, Copy> = HashMap::with_capacity(wanted.len());
            for (at, found) in &self.staged {
                if found.is_disjoint(&wanted) {
                    continue;
                }
                let mut number = 0;
                let mut each = |batch: RecordBatch| {
                    for (row, key) in some(&facts.identities, &keys, &batch, &wanted)? {
                        verdict.meet(&mut best, key, Copy::of(&batch, row, (*at, number + row)));
                    }
                    number += batch.num_rows();
                    Ok(())
                };
                facts
                    .staged
                    .read(&facts.staged.files()[*at], &[], &mut each)
                    .await?;
            }
            for (name, found) in &self.lake {
                let Some(snapshot) = base.filter(|_| !found.is_disjoint(&wanted)) else {
                    continue;
                };
                let mut number = 0;
                let mut stream = snapshot.only_file(name).stream(&[], &[]).await?;
                while let Some(batch) = stream.try_next().await? {
                    for (row, key) in some(&facts.identities, &keys, &batch, &wanted)? {
                        verdict.meet_lake(&mut best, &key, &batch, row, (name, number + row));
                    }
                    number += batch.num_rows();
                }
            }
        }
        verdict.close(delivery);
        Ok(verdict)
    }
}

async fn meets(part: &Snapshot, identities: &Identities) -> Result<bool> {
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

/// Rows of the batch with one of some identities, and their keys.
fn some(
    identities: &Identities,
    keys: &Keys,
    batch: &RecordBatch,
    wanted: &HashSet<u64>,
) -> Result<Vec<(usize, OwnedRow)>> {
    let rows: Vec<usize> = identities
        .of(batch)
        .into_iter()
        .enumerate()
        .filter_map(|(row, identity)| wanted.contains(&identity).then_some(row))
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = keys.of(batch)?;
    Ok(rows.into_iter().map(|row| (row, keys.row(row).owned())).collect())
}

/// One copy of a fact in a staged file.
struct Copy {
    rank: Rank,
    file: String,
    file_row: i64,
    /// Number of the staged file, and of the row in it.
    place: (usize, usize),
    /// A copy of the lake is as great.
    beaten: bool,
}

impl Copy {
    fn of(batch: &RecordBatch, row: usize, place: (usize, usize)) -> Copy {
        let file_row = batch.column_by_name("file_row");
        Copy {
            rank: Rank::of(batch, row),
            file: file_of(batch, row),
            file_row: file_row.map_or(0, |c| c.as_primitive::<Int64Type>().value(row)),
            place,
            beaten: false,
        }
    }

    /// Of equal copies the one of the first file by hash, and of its rows the first.
    fn beats(&self, other: &Copy) -> bool {
        let place = |copy: &Copy| (copy.file.clone(), copy.file_row, copy.place);
        match self.rank.cmp(&other.rank) {
            std::cmp::Ordering::Equal => place(self) < place(other),
            unequal => unequal.is_gt(),
        }
    }
}

fn file_of(batch: &RecordBatch, row: usize) -> String {
    let files = batch.column_by_name("file_hash");
    files.map_or_else(String::new, |c| c.as_string::<i32>().value(row).to_owned())
}

/// What becomes of the copies.
struct Verdict {
    /// Rows that go, by the number of their staged file.
    dropped: BTreeMap<usize, HashSet<usize>>,
    /// Rows of the lake that are beaten, by the name of their file.
    beaten: BTreeMap<String, HashSet<usize>>,
    /// How many rows of a file are no facts of it.
    lost: HashMap<String, u64>,
    fates: Vec<Fate>,
}

impl Verdict {
    fn new(delivery: &Delivery) -> Verdict {
        Verdict {
            dropped: BTreeMap::new(),
            beaten: BTreeMap::new(),
            lost: HashMap::with_capacity(delivery.files.len()),
            fates: Vec::new(),
        }
    }

    fn drop(&mut self, copy: &Copy) {
        self.dropped.entry(copy.place.0).or_default().insert(copy.place.1);
    }

    fn lose(&mut self, file: &str) {
        match self.lost.get_mut(file) {
            Some(rows) => *rows += 1,
            None => {
                self.lost.insert(file.to_owned(), 1);
            }
        }
    }

    fn meet(&mut self, best: &mut HashMap<OwnedRow, Copy>, key: OwnedRow, copy: Copy) {
        let Some(known) = best.get_mut(&key) else {
            best.insert(key, copy);
            return;
        };
        let worse = match copy.beats(known) {
            true => std::mem::replace(known, copy),
            false => copy,
        };
        self.drop(&worse);
        self.lose(&worse.file);
    }

    fn meet_lake(
        &mut self,
        best: &mut HashMap<OwnedRow, Copy>,
        key: &OwnedRow,
        batch: &RecordBatch,
        row: usize,
        (name, number): (&str, usize),
    ) {
        let Some(mine) = best.get_mut(key) else { return };
        if mine.rank > Rank::of(batch, row) {
            self.beaten.entry(name.to_owned()).or_default().insert(number);
            return;
        }
        // A row that an interrupted run has already written is still this file's fact.
        if !mine.beaten && file_of(batch, row) != mine.file {
            let file = mine.file.clone();
            self.lose(&file);
        }
        mine.beaten = true;
        self.drop(mine);
    }

    fn close(&mut self, delivery: &Delivery) {
        let fate = |file: &super::delivery::FileFacts| {
            let known = self.lost.get(&file.hash).copied().unwrap_or(0);
            Fate {
                kept: file.rows_out.saturating_sub(known),
                known,
                period: None,
                notes: Vec::new(),
            }
        };
        self.fates = delivery.files.iter().map(fate).collect();
    }
}

/// What stays of the files that lose rows, staged and of the lake, written anew.
async fn rewrite(
    lake: &Lake,
    table: &'static TableSchema,
    facts: &Facts,
    base: Option<&Snapshot>,
    verdict: &Verdict,
) -> Result<Option<Staged>> {
    if verdict.dropped.is_empty() && verdict.beaten.is_empty() {
        return Ok(None);
    }
    let stage = lake.stage(table)?;
    let result = async {
        for (at, rows) in &verdict.dropped {
            let file = &facts.staged.files()[*at];
            if rows.len() as u64 == file.rows() {
                continue;
            }
            let mut number = 0;
            let mut each = |batch: RecordBatch| {
                let left = without(&batch, number, rows)?;
                number += batch.num_rows();
                stage.push(left)
            };
            facts.staged.read(file, &[], &mut each).await?;
        }
        for (name, rows) in &verdict.beaten {
            let Some(snapshot) = base else { continue };
            let mut number = 0;
            let mut stream = snapshot.only_file(name).stream(&[], &[]).await?;
            while let Some(batch) = stream.try_next().await? {
                stage.push(without(&batch, number, rows)?)?;
                number += batch.num_rows();
            }
        }
        Ok(())
    };
    match result.await {
        Ok(()) => stage.finish().await.map(Some),
        Err(e) => {
            stage.discard().await;
            Err(e)
        }
    }
}

/// The batch without some rows, which are numbered from its first one on.
fn without(batch: &RecordBatch, first: usize, rows: &HashSet<usize>) -> Result<RecordBatch> {
    let stays: BooleanArray = (first..first + batch.num_rows())
        .map(|number| Some(!rows.contains(&number)))
        .collect();
    Ok(filter_record_batch(batch, &stays)?)
}

/// Partitions in which another copy of a new row may lie: two copies of one request may disagree on
/// when it started, by a day at most.
fn touched(snapshot: &Snapshot, identities: &Identities) -> Vec<Vec<String>> {
    let mut present = snapshot.partitions();
    if snapshot.table().partition_by == ["day"] {
        let near: HashSet<String> = identities
            .days
            .iter()
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
    let unique: BTreeSet<Vec<String>> = present.into_iter().collect();
    unique.into_iter().collect()
}
