//! What was committed when, and which version a moment saw.

use super::delta::{self, AT};
use crate::base::{Error, Result};
use chrono::{DateTime, Utc};
use deltalake::logstore::LogStoreRef;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::Value;

/// One commit to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub version: i64,
    /// By the clock of the run that wrote it.
    pub at: DateTime<Utc>,
    /// Name of the change: a delivery.
    pub change: Option<String>,
    pub files_added: u64,
    pub files_removed: u64,
    pub rows_added: u64,
}

/// All versions, oldest first.
pub(super) async fn all(log_store: &LogStoreRef) -> Result<Vec<Version>> {
    let mut versions = Vec::new();
    for version in 0..=latest(log_store).await?.unsigned_abs() {
        versions.extend(read(log_store, version).await?);
    }
    Ok(versions)
}

/// The newest version that was there at a moment. Clocks may be set, so versions are not in order of time.
pub(super) async fn as_of(log_store: &LogStoreRef, moment: DateTime<Utc>) -> Result<Option<u64>> {
    for version in (0..=latest(log_store).await?.unsigned_abs()).rev() {
        if read(log_store, version).await?.is_some_and(|v| v.at <= moment) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

pub(super) async fn latest(log_store: &LogStoreRef) -> Result<i64> {
    let latest = log_store.get_latest_version(0).await.map_err(delta::error)?;
    Ok(i64::try_from(latest).unwrap_or(i64::MAX))
}

/// The newest version, from one that is known to be there.
pub(super) async fn newest(log_store: &LogStoreRef, known: i64) -> Result<i64> {
    let store = log_store.object_store(None);
    let mut version = known;
    loop {
        match store.head(&commit_uri(version + 1)).await {
            Ok(_) => version += 1,
            Err(object_store::Error::NotFound { .. }) => return Ok(version),
            Err(error) => return Err(delta::error(error.into())),
        }
    }
}

fn commit_uri(version: i64) -> Path {
    Path::from(format!("_delta_log/{version:020}.json"))
}

async fn read(log_store: &LogStoreRef, version: u64) -> Result<Option<Version>> {
    let Some(bytes) = log_store.read_commit_entry(version).await.map_err(delta::error)? else {
        return Ok(None);
    };
    let mut entry = Version {
        version: i64::try_from(version).unwrap_or(i64::MAX),
        at: DateTime::<Utc>::MAX_UTC,
        change: None,
        files_added: 0,
        files_removed: 0,
        rows_added: 0,
    };
    for action in serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>() {
        let action =
            action.map_err(|e| Error::lake(format!("version {version} of the log is damaged: {e}")))?;
        let info = &action["commitInfo"];
        if let Some(at) = moment(info) {
            entry.at = at;
        }
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
    Ok(Some(entry))
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
