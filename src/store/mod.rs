//! The lake: one Delta table per canonical table, in a directory or an object store.
//!
//! All of a table's change is one atomic commit. Old versions stay readable. This module knows files,
//! versions and partitions; what rows mean, and which of two copies wins, is the business of `ingest`.

pub mod cloud;
mod compact;
mod delta;
mod encoding;
mod history;
mod object;
mod open_file;
mod ordered;
mod reach;
mod read;
mod scan;
mod snapshot;
mod stage;
mod stats;
mod traces;
pub mod trouble;
mod vacuum;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub use compact::Compacted;
pub use history::Version;
pub use snapshot::Snapshot;
pub use stage::{Stage, Staged, StagedFile};
pub use traces::Traces;
pub use vacuum::Garbage;
pub use verify::{Damaged, Verified};

use crate::base::clock::Clock;
use crate::base::{Error, Result};
use crate::schema::{TABLES, TableSchema};
use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use deltalake::logstore::LogStoreRef;
use deltalake::table::state::DeltaTableState;
use futures::future::try_join_all;
use object::Location;
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How often a change is tried again when other writers are faster.
pub const ATTEMPTS: u32 = 20;

/// A place where the tables are.
#[derive(Debug, Clone)]
pub struct Lake {
    location: Location,
    clock: Arc<dyn Clock>,
    /// What the user called; commits say so.
    command: Arc<str>,
}

/// A folder in an object store, that is no table of the lake.
#[derive(Clone)]
pub struct Beside {
    pub store: Arc<dyn ObjectStore>,
    /// Scheme and host, by which a query session knows the store.
    pub root: String,
    pub folder: Path,
}

/// One change of one table.
#[derive(Debug, Clone)]
pub struct Change {
    /// Rows to add, in the table's own schema.
    pub add: Vec<RecordBatch>,
    /// What goes away in the same moment.
    pub replace: Replace,
    /// Name of the change, kept in the log.
    pub txn: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replace {
    Nothing,
    /// All rows of these partitions, values in the order of `partition_by`.
    Partitions(Vec<Vec<String>>),
    /// All rows of these data files (`Snapshot::file_names`).
    Files(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    pub version: i64,
    pub rows_added: u64,
    pub files_added: usize,
    pub files_removed: usize,
}

impl Lake {
    /// A directory, or a URL of an object store. Nothing is created before the first commit.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Lake> {
        Lake::open_with(url, &HashMap::new(), clock).await
    }

    /// The same with options of the object store, such as `aws_access_key_id`.
    pub async fn open_with(
        url: &str,
        options: &HashMap<String, String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Lake> {
        Ok(Lake {
            location: Location::parse(url, options)?,
            clock,
            command: "".into(),
        })
    }

    /// The same lake, whose commits say what the user called.
    #[must_use]
    pub fn run_by(self, command: &str) -> Lake {
        Lake {
            command: command.into(),
            ..self
        }
    }

    /// Makes the tables that are not there yet, empty.
    pub async fn create(&self) -> Result<()> {
        for table in TABLES {
            if self.snapshot(table, None).await?.is_none() {
                let nothing = Change {
                    add: Vec::new(),
                    replace: Replace::Nothing,
                    txn: "create".to_owned(),
                };
                self.commit(table, nothing).await?;
            }
        }
        Ok(())
    }

    /// Has anything ever been written here.
    pub async fn exists(&self) -> Result<bool> {
        for table in TABLES {
            let log_store = delta::log_store(&self.location, table)?;
            if log_store.is_delta_table_location().await.map_err(delta::error)? {
                return Ok(true);
            }
        }
        self.location.reachable().await?;
        Ok(false)
    }

    /// Where it lies, without credentials.
    pub fn place(&self) -> String {
        self.location.display()
    }

    /// A folder beside the tables of a lake on a server. None: the lake is on this machine.
    pub fn beside(&self, name: &str) -> Option<Beside> {
        self.location.is_remote().then(|| Beside {
            store: Arc::clone(&self.location.store),
            root: self.location.root_url().to_owned(),
            folder: self.location.table_prefix(name),
        })
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The table as it is, or as it was. `None`: it had never been written then.
    pub async fn snapshot(
        &self,
        table: &'static TableSchema,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Option<Snapshot>> {
        self.load(table, as_of)
            .await
            .map_err(|e| e.context(format!("reading {}", table.name)))
    }

    async fn load(
        &self,
        table: &'static TableSchema,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Option<Snapshot>> {
        let log_store = delta::log_store(&self.location, table)?;
        if !log_store.is_delta_table_location().await.map_err(delta::error)? {
            return Ok(None);
        }
        let version = match as_of {
            None => None,
            Some(moment) => match history::as_of(&log_store, moment).await? {
                None => return Ok(None),
                Some(version) => {
                    reach::check(&self.location, &log_store, moment, version).await?;
                    Some(version)
                }
            },
        };
        self.at_version(table, &log_store, version).await.map(Some)
    }

    /// A version of a table that is there; `None`: its newest.
    async fn at_version(
        &self,
        table: &'static TableSchema,
        log_store: &LogStoreRef,
        version: Option<u64>,
    ) -> Result<Snapshot> {
        let state = DeltaTableState::try_new(log_store.as_ref(), version)
            .await
            .map_err(delta::error)?;
        Snapshot::new(self.location.clone(), table, state)
    }

    /// Applies a change to whatever the table is now.
    pub async fn commit(&self, table: &'static TableSchema, change: Change) -> Result<Committed> {
        for _ in 0..ATTEMPTS {
            let base = self.snapshot(table, None).await?;
            if let Some(done) = self.try_commit(table, base.as_ref(), &change).await? {
                return Ok(done);
            }
        }
        Err(busy(table))
    }

    /// Applies a change that was worked out from `base`. `None`: the table has moved on since, and
    /// the change has to be worked out anew, at most `ATTEMPTS` times.
    pub async fn try_commit(
        &self,
        table: &'static TableSchema,
        base: Option<&Snapshot>,
        change: &Change,
    ) -> Result<Option<Committed>> {
        let staged = self
            .encode(table, &change.add)
            .map_err(|e| e.context(format!("writing {}", table.name)))?;
        let files: Vec<&StagedFile> = staged.files().iter().collect();
        let done = self
            .try_commit_staged(table, base, &files, &change.replace, &change.txn)
            .await?;
        if done.is_none() {
            staged.discard().await;
        }
        Ok(done)
    }

    /// Was a change of this name ever committed to the table.
    pub async fn has_change(&self, table: &'static TableSchema, txn: &str) -> Result<bool> {
        match self.snapshot(table, None).await? {
            None => Ok(false),
            Some(snapshot) => {
                snapshot
                    .transaction(&delta::log_store(&self.location, table)?, txn)
                    .await
            }
        }
    }

    /// The newest version of each table, from the versions that were known: one small question a table while
    /// nothing has changed. A table that was never written has none.
    pub async fn versions(&self, known: &BTreeMap<&'static str, u64>) -> Result<BTreeMap<&'static str, u64>> {
        let newest = TABLES.iter().map(|table| async move {
            let log_store = delta::log_store(&self.location, table)?;
            let found = match known.get(table.name) {
                Some(version) => Some(history::newest(&log_store, *version).await?),
                None if log_store.is_delta_table_location().await.map_err(delta::error)? => {
                    Some(history::newest(&log_store, history::latest(&log_store).await?).await?)
                }
                None => None,
            };
            Ok::<_, Error>(found.map(|version| (table.name, version)))
        });
        let newest: Vec<Option<_>> = try_join_all(newest).await?;
        Ok(newest.into_iter().flatten().collect())
    }

    /// Every version of a table, oldest first.
    pub async fn history(&self, table: &'static TableSchema) -> Result<Vec<Version>> {
        let log_store = delta::log_store(&self.location, table)?;
        if !log_store.is_delta_table_location().await.map_err(delta::error)? {
            return Ok(Vec::new());
        }
        history::all(&log_store)
            .await
            .map_err(|e| e.context(format!("reading the history of {}", table.name)))
    }
}

/// What to say when `try_commit` lost `ATTEMPTS` times.
pub fn busy(table: &TableSchema) -> Error {
    Error::lake(format!(
        "{}: other writers were faster {ATTEMPTS} times in a row",
        table.name
    ))
    .advise("run the same command again when they are done")
}
