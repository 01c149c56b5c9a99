//! Data files that nothing needs any more: those that only versions before some instant name, and those that no version
//! names because a run was killed.
//!
//! Delta's own `vacuum` goes by the time of a file and by tombstones that its checkpoints forget; what is promised here is
//! that `--as-of` answers at every instant from the horizon on, by the clock of the runs. And the files of an ingest that is
//! still running lie under their final names: what no version names is left alone until it is old.

use super::object::Location;
use super::{Lake, history, reach, trouble};
use super::{delta, snapshot::DataFile};
use crate::base::clock::{Clock, SystemClock};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use chrono::{DateTime, TimeDelta, Utc};
use deltalake::logstore::LogStoreRef;
use futures::{TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::SystemTime;

/// Age at which a file that no version names is nobody's: longer than any ingest runs.
const NOBODYS: TimeDelta = TimeDelta::days(2);
/// Files that are removed at once.
const AT_ONCE: usize = 16;

/// Files of one table that nothing needs.
#[derive(Debug, Clone, Default)]
pub struct Garbage {
    /// Named by versions before the horizon only.
    replaced: Vec<Object>,
    /// Named by no version, and old.
    unnamed: Vec<Object>,
    /// Half-written files on a disk, which no listing of the store shows.
    torn: Vec<(PathBuf, u64)>,
    /// Files that no version names and that may still be a running ingest's.
    pub young: u64,
}

#[derive(Debug, Clone)]
struct Object {
    place: Path,
    bytes: u64,
}

impl Garbage {
    /// Files that a kept history no longer names, and their bytes.
    pub fn replaced(&self) -> (u64, u64) {
        (
            self.replaced.len() as u64,
            self.replaced.iter().map(|o| o.bytes).sum(),
        )
    }

    /// The same of files that killed runs left behind.
    pub fn unnamed(&self) -> (u64, u64) {
        let whole = self.unnamed.iter().map(|o| o.bytes);
        let torn = self.torn.iter().map(|(_, bytes)| *bytes);
        (
            (self.unnamed.len() + self.torn.len()) as u64,
            whole.chain(torn).sum(),
        )
    }
}

impl Lake {
    /// What of a table can go, when every version that was there at `horizon` or later stays whole.
    pub async fn garbage(&self, table: &'static TableSchema, horizon: DateTime<Utc>) -> Result<Garbage> {
        let found = self.find_garbage(table, horizon).await;
        found.map_err(|e| e.context(format!("looking for files of {} that nothing needs", table.name)))
    }

    async fn find_garbage(&self, table: &'static TableSchema, horizon: DateTime<Utc>) -> Result<Garbage> {
        let log_store = delta::log_store(&self.location, table)?;
        let mut garbage = Garbage::default();
        // Files first, the log after them: what is committed in between is named by the time the log is read.
        let there = data_files(&self.location, table).await?;
        if !log_store.is_delta_table_location().await.map_err(delta::error)? {
            return Ok(garbage);
        }
        let oldest = history::as_of(&log_store, horizon).await?;
        let kept = self.named_since(table, &log_store, oldest).await?;
        let nobodys = SystemClock.now() - NOBODYS;
        let left: Vec<ObjectMeta> = there
            .into_iter()
            .filter(|file| file.location.filename().is_some_and(|name| !kept.contains(name)))
            .collect();
        // Only a young one needs to be looked up: an old one can go, whether it was ever named or not.
        let before = match left.is_empty() {
            true => HashSet::new(),
            false => history::added(&log_store, 0..oldest.map_or(0, |v| v + 1))
                .await?
                .into_iter()
                .collect(),
        };
        for file in left {
            let object = Object {
                bytes: file.size,
                place: file.location,
            };
            if object.place.filename().is_some_and(|name| before.contains(name)) {
                garbage.replaced.push(object);
            } else if file.last_modified < nobodys {
                garbage.unnamed.push(object);
            } else {
                garbage.young += 1;
            }
        }
        if self.location.is_file() {
            let folder = format!("/{}", self.location.table_prefix(table.name));
            torn(
                &PathBuf::from(folder),
                SystemTime::from(nobodys),
                &mut garbage.torn,
            );
        }
        Ok(garbage)
    }

    /// Names of the files of every version from `oldest` on; `None`: from the first.
    async fn named_since(
        &self,
        table: &'static TableSchema,
        log_store: &LogStoreRef,
        oldest: Option<u64>,
    ) -> Result<HashSet<String>> {
        let name = |file: &DataFile| history::file_name(&file.path).to_owned();
        let mut kept = HashSet::new();
        if oldest.is_some() {
            let snapshot = self.at_version(table, log_store, oldest).await?;
            kept.extend(snapshot.files.iter().map(name));
        }
        let latest = history::latest(log_store).await?;
        let later = oldest.map_or(0, |version| version + 1)..latest + 1;
        kept.extend(history::added(log_store, later).await?);
        // A log whose beginning somebody cleared away still has its newest state.
        let newest = self.at_version(table, log_store, None).await?;
        kept.extend(newest.files.iter().map(name));
        Ok(kept)
    }

    /// Removes it. The instant up to which `--as-of` reaches is marked before, so that no kill can leave versions that
    /// lack files and do not say so.
    pub async fn remove(&self, garbage: &[Garbage], horizon: DateTime<Utc>) -> Result<()> {
        if garbage.iter().any(|table| !table.replaced.is_empty()) {
            reach::mark(&self.location, horizon).await?;
        }
        let objects = garbage
            .iter()
            .flat_map(|table| table.replaced.iter().chain(&table.unnamed));
        stream::iter(objects.map(Ok))
            .try_for_each_concurrent(AT_ONCE, |object| async {
                match self.location.store.delete(&object.place).await {
                    // Another vacuum was quicker.
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(e) => Err(trouble::told(&e, Error::io).context(format!("removing {}", object.place))),
                }
            })
            .await?;
        for (path, _) in garbage.iter().flat_map(|table| &table.torn) {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Since when `--as-of` reaches every moment; `None`: always.
    pub async fn whole_since(&self) -> Result<Option<DateTime<Utc>>> {
        reach::since(&self.location).await
    }
}

/// Everything of a table that could be a data file.
async fn data_files(location: &Location, table: &TableSchema) -> Result<Vec<ObjectMeta>> {
    let prefix = location.table_prefix(table.name);
    let is_data = |file: &ObjectMeta| {
        let below = file.location.prefix_match(&prefix);
        let parts: Vec<String> = below
            .into_iter()
            .flatten()
            .map(|p| p.as_ref().to_owned())
            .collect();
        let hidden = |part: &String| part.starts_with('_') || part.starts_with('.');
        parts.last().is_some_and(|name| name.ends_with(".parquet")) && !parts.iter().any(hidden)
    };
    let listed = location.store.list(Some(&prefix));
    let files = listed.try_filter(|file| std::future::ready(is_data(file)));
    files
        .try_collect()
        .await
        .map_err(|e| trouble::told(&e, Error::io))
}

/// Files that were being written when their writer died: `name#1`, until they are renamed.
fn torn(folder: &std::path::Path, nobodys: SystemTime, found: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(about) = entry.metadata() else { continue };
        let name = entry.file_name();
        let half = name
            .to_str()
            .and_then(|name| name.rsplit_once('#'))
            .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
        if about.is_dir() {
            torn(&entry.path(), nobodys, found);
        } else if half && about.modified().is_ok_and(|at| at < nobodys) {
            found.push((entry.path(), about.len()));
        }
    }
}
