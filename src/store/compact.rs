//! Small data files put together into few large ones, each in order of `sort_by` as a whole. The rows stay what they are,
//! and the commit says so: `dataChange` is false, every past change keeps its name, older versions stay readable.
//!
//! Who ingests meanwhile wins: files that he replaced are not put back, and what was made of them is thrown away.
//! Delta's own `optimize` knows neither our order and encodings nor the names that `verify` and scans go by.

use super::delta::Purpose;
use super::snapshot::DataFile;
use super::write::{FILE_BYTES, SORTED};
use super::{ATTEMPTS, Lake, Snapshot, Staged, StagedFile, busy, history};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A partition should have one file at most that is smaller.
const SMALL_BYTES: u64 = FILE_BYTES as u64 / 2;
/// Data files that are put together, and committed, at a time: what a kill or a quicker writer can cost.
const LOT_BYTES: u64 = 512 << 20;
/// Memory in which their rows are put in order; beyond it they wait on the disk.
const SORT_BYTES: usize = 192 << 20;

/// What was put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compacted {
    pub commits: u64,
    pub files_before: u64,
    pub bytes_before: u64,
    pub files_after: u64,
    pub bytes_after: u64,
    pub rows: u64,
    /// Files that somebody replaced meanwhile: what he wrote is in force.
    pub overtaken: u64,
}

impl DataFile {
    fn is_small(&self) -> bool {
        self.size < SMALL_BYTES
    }

    fn is_sorted(&self) -> bool {
        history::file_name(&self.path)
            .strip_prefix(SORTED)
            .is_some_and(|rest| rest.starts_with('-'))
    }

    /// The least value of the first column that files are sorted by.
    fn low(&self, column: Option<usize>) -> Option<&ScalarValue> {
        self.statistics
            .column_statistics
            .get(column?)?
            .min_value
            .get_value()
    }
}

impl Snapshot {
    /// Data files, and the bytes that they take.
    pub fn size(&self) -> (u64, u64) {
        (self.files.len() as u64, self.files.iter().map(|f| f.size).sum())
    }

    /// Files that are smaller than they should be.
    pub fn small_files(&self) -> u64 {
        self.files.iter().filter(|file| file.is_small()).count() as u64
    }

    /// What a compaction would do: files that it would put together, their bytes, and how many would come of them.
    pub fn compactable(&self) -> Compacted {
        let mut all = Compacted::default();
        for lot in self.lots() {
            all.commits += 1;
            all.files_before += lot.len() as u64;
            all.bytes_before += lot.iter().map(|file| file.size).sum::<u64>();
            for partition in lot.chunk_by(|a, b| a.partition == b.partition) {
                let bytes: u64 = partition.iter().map(|file| file.size).sum();
                all.files_after += bytes.div_ceil(FILE_BYTES as u64).max(1);
                all.rows += rows(partition).unwrap_or(0);
            }
        }
        // How well the rows of several files compress together is not known before.
        all.bytes_after = all.bytes_before;
        all
    }

    /// Files that belong together: the small and the unordered ones of a partition, and of as many partitions as make a lot.
    fn lots(&self) -> Vec<Vec<DataFile>> {
        let schema = super::scan::scan_schema(self.table);
        let first = self.table.sort_by.first();
        let column = first.and_then(|name| schema.table_schema().index_of(name).ok());
        let mut lots: Vec<Vec<DataFile>> = Vec::new();
        let mut bytes = LOT_BYTES;
        for partition in self.files.chunk_by(|a, b| a.partition == b.partition) {
            let mut files: Vec<&DataFile> = partition
                .iter()
                .filter(|file| file.is_small() || !file.is_sorted())
                .collect();
            if files.len() < 2 && files.iter().all(|file| file.is_sorted()) {
                continue;
            }
            // Neighbours come together, so that what is written can be told apart by the first column.
            files.sort_by(|a, b| {
                let order = a.low(column).partial_cmp(&b.low(column));
                order.unwrap_or(Ordering::Equal).then_with(|| a.path.cmp(&b.path))
            });
            for file in files {
                if bytes + file.size > LOT_BYTES {
                    lots.push(Vec::new());
                    bytes = 0;
                }
                bytes += file.size;
                if let Some(lot) = lots.last_mut() {
                    lot.push(file.clone());
                }
            }
        }
        lots
    }

    /// Rewritten by a program that does not know a column, rows would lose it.
    fn every_column_is_known(&self) -> Result<()> {
        let schema = self.state.schema();
        match schema
            .fields()
            .find(|field| self.table.column(field.name()).is_none())
        {
            None => Ok(()),
            Some(field) => Err(Error::lake(format!(
                "{} has a column {} that this program does not know",
                self.table.name,
                field.name()
            ))
            .advise("compact with the newest program that writes this lake")),
        }
    }
}

/// Rows of some files, if the log says so of all of them.
fn rows(files: &[DataFile]) -> Option<u64> {
    let of = |file: &DataFile| file.statistics.num_rows.get_value().map(|n| *n as u64);
    files.iter().map(of).sum()
}

impl Lake {
    /// Puts the small files of a table together, lot by lot; `each` is told what was done so far.
    pub async fn compact(
        &self,
        table: &'static TableSchema,
        each: &mut (dyn FnMut(&Compacted) + Send),
    ) -> Result<Compacted> {
        let mut done = Compacted::default();
        let Some(planned) = self.snapshot(table, None).await? else {
            return Ok(done);
        };
        planned.every_column_is_known()?;
        for lot in planned.lots() {
            self.compact_lot(&planned, &lot, &mut done)
                .await
                .map_err(|e| e.context(format!("compacting {}", table.name)))?;
            each(&done);
        }
        Ok(done)
    }

    async fn compact_lot(&self, planned: &Snapshot, lot: &[DataFile], done: &mut Compacted) -> Result<()> {
        let table = planned.table;
        let staged = self.in_order(planned, lot).await?;
        for _ in 0..ATTEMPTS {
            let Some(base) = self.snapshot(table, None).await? else {
                break;
            };
            let here: BTreeSet<&str> = base.files.iter().map(|file| file.path.as_str()).collect();
            let gone = lot.iter().filter(|file| !here.contains(file.path.as_str()));
            let lost: BTreeSet<&[String]> = gone.map(|file| file.partition.as_slice()).collect();
            let (stay, beaten): (Vec<&StagedFile>, Vec<&StagedFile>) = staged
                .files()
                .iter()
                .partition(|file| !lost.contains(file.partition()));
            let replaced: Vec<&DataFile> = lot
                .iter()
                .filter(|file| !lost.contains(file.partition.as_slice()))
                .collect();
            if replaced.is_empty() {
                done.overtaken += lot.len() as u64;
                staged.discard().await;
                return Ok(());
            }
            let committed = self
                .commit_files(table, Some(&base), &stay, &replaced, Purpose::Compaction)
                .await?;
            if committed.is_some() {
                staged.discard_files(&beaten).await;
                done.commits += 1;
                done.files_before += replaced.len() as u64;
                done.bytes_before += replaced.iter().map(|file| file.size).sum::<u64>();
                done.files_after += stay.len() as u64;
                done.bytes_after += stay.iter().map(|file| file.size()).sum::<u64>();
                done.rows += stay.iter().map(|file| file.rows()).sum::<u64>();
                done.overtaken += (lot.len() - replaced.len()) as u64;
                return Ok(());
            }
        }
        staged.discard().await;
        Err(busy(table))
    }

    /// The rows of some files as new files. Exactly as many rows, or none at all.
    async fn in_order(&self, planned: &Snapshot, lot: &[DataFile]) -> Result<Staged> {
        let files = Snapshot {
            files: Arc::new(lot.to_vec()),
            ..planned.clone()
        };
        let stage = self.stage(planned.table)?;
        let mut read = 0;
        let mut ordered = files.in_order(SORT_BYTES).await?;
        while let Some(batch) = ordered.try_next().await? {
            read += batch.num_rows() as u64;
            stage.push(batch)?;
        }
        let staged = stage.finish().await?;
        let said = rows(lot).unwrap_or(read);
        if staged.rows() == read && said == read {
            return Ok(staged);
        }
        let written = staged.rows();
        staged.discard().await;
        Err(Error::lake(format!(
            "the log says {said} rows, {read} were read and {written} written: nothing was changed"
        ))
        .advise("spendscope lake verify names the file that is damaged"))
    }
}
