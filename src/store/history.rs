//! What was committed when, and which version a moment saw.

use super::delta::{self, AT, COMMAND};
use crate::base::{Error, Result};
use chrono::{DateTime, Utc};
use deltalake::kernel::Add;
use deltalake::logstore::LogStoreRef;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::Value;
use std::ops::Range;

/// Entries of the log that are read at once: on a server each is a question and its answer.
const AT_ONCE: usize = 16;
/// The same in one go, on the way back to a moment.
const MOST: u64 = 64;

/// One commit to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub version: i64,
    /// By the clock of the run that wrote it.
    pub at: DateTime<Utc>,
    /// Name of the change: a delivery.
    pub change: Option<String>,
    /// What the user had called, such as `lake compact`; older programs did not say.
    pub command: Option<String>,
    /// The same rows in other files.
    pub compaction: bool,
    pub files_added: u64,
    pub files_removed: u64,
    /// Rows that became facts.
    pub rows_added: u64,
}

/// All versions, oldest first.
pub(super) async fn all(log_store: &LogStoreRef) -> Result<Vec<Version>> {
    let end = latest(log_store).await? + 1;
    Ok(some(log_store, 0..end).await?.into_iter().flatten().collect())
}

async fn some(log_store: &LogStoreRef, versions: Range<u64>) -> Result<Vec<Option<Version>>> {
    stream::iter(versions)
        .map(|version| read(log_store, version))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Names of the data files that these versions added, without their folders: they are never used twice.
pub(super) async fn added(log_store: &LogStoreRef, versions: Range<u64>) -> Result<Vec<String>> {
    let names: Vec<Vec<String>> = stream::iter(versions)
        .map(|version| names(log_store, version))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(names.concat())
}

async fn names(log_store: &LogStoreRef, version: u64) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for action in actions(log_store, version).await?.unwrap_or_default() {
        if action["add"].is_object() {
            let add: Add = serde_json::from_value(action["add"].clone()).map_err(|e| damaged(version, &e))?;
            names.push(file_name(&add.path).to_owned());
        }
    }
    Ok(names)
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The newest version that was there at a moment. Clocks may be set, so versions are not in order of time.
pub(super) async fn as_of(log_store: &LogStoreRef, moment: DateTime<Utc>) -> Result<Option<u64>> {
    let mut end = latest(log_store).await? + 1;
    let mut most = 1;
    while end > 0 {
        let start = end.saturating_sub(most);
        let read = some(log_store, start..end).await?;
        let then = |version: &Option<Version>| version.as_ref().is_some_and(|v| v.at <= moment);
        if let Some(place) = read.iter().rposition(then) {
            return Ok(Some(start + place as u64));
        }
        (end, most) = (start, MOST.min(most * 2));
    }
    Ok(None)
}

pub(super) async fn latest(log_store: &LogStoreRef) -> Result<u64> {
    log_store.get_latest_version(0).await.map_err(delta::error)
}

/// The newest version, from one that is known to be there.
pub(super) async fn newest(log_store: &LogStoreRef, known: u64) -> Result<u64> {
    let store = log_store.object_store(None);
    let mut version = known;
    loop {
        let next = Path::from(format!("_delta_log/{:020}.json", version + 1));
        match store.head(&next).await {
            Ok(_) => version += 1,
            Err(object_store::Error::NotFound { .. }) => return Ok(version),
            Err(error) => return Err(delta::error(error.into())),
        }
    }
}

async fn read(log_store: &LogStoreRef, version: u64) -> Result<Option<Version>> {
    let Some(actions) = actions(log_store, version).await? else {
        return Ok(None);
    };
    let mut entry = Version {
        version: i64::try_from(version).unwrap_or(i64::MAX),
        at: DateTime::<Utc>::MAX_UTC,
        change: None,
        command: None,
        compaction: false,
        files_added: 0,
        files_removed: 0,
        rows_added: 0,
    };
    for action in actions {
        let info = &action["commitInfo"];
        if let Some(at) = moment(info) {
            entry.at = at;
        }
        if let Some(command) = info[COMMAND].as_str() {
            entry.command = Some(command.to_owned());
        }
        entry.compaction |= info["operation"] == "OPTIMIZE";
        if let Some(id) = action["txn"]["appId"].as_str() {
            entry.change = Some(id.to_owned());
        }
        entry.files_removed += u64::from(action["remove"].is_object());
        if let Some(add) = action["add"].as_object() {
            entry.files_added += 1;
            let stats: Value = add
                .get("stats")
                .and_then(Value::as_str)
                .and_then(|s| serde_json::from_str(s).ok())
                .unwrap_or_default();
            entry.rows_added += stats["numRecords"].as_u64().unwrap_or(0);
        }
    }
    if entry.compaction {
        entry.rows_added = 0;
    }
    Ok(Some(entry))
}

async fn actions(log_store: &LogStoreRef, version: u64) -> Result<Option<Vec<Value>>> {
    let Some(bytes) = log_store.read_commit_entry(version).await.map_err(delta::error)? else {
        return Ok(None);
    };
    let actions = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    let actions: Result<Vec<Value>, _> = actions.collect();
    actions.map(Some).map_err(|e| damaged(version, &e))
}

fn damaged(version: u64, error: &serde_json::Error) -> Error {
    Error::lake(format!("version {version} of the log is damaged: {error}"))
}

/// Ours, else the wall clock of another program's commit.
fn moment(info: &Value) -> Option<DateTime<Utc>> {
    if let Some(at) = info[AT].as_str() {
        return DateTime::parse_from_rfc3339(at).ok().map(|at| at.to_utc());
    }
    info["timestamp"]
        .as_i64()
        .and_then(DateTime::from_timestamp_millis)
}
