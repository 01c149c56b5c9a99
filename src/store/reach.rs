//! How far back the lake can be read. A vacuum marks the instant before it removes what only older versions
//! name, each in an object of its own, so that of two vacuums at once none is forgotten.

use super::object::Location;
use super::{history, trouble};
use crate::base::time::from_micros;
use crate::base::{Error, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use deltalake::logstore::LogStoreRef;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

/// Folder of the marks, beside the tables. A mark is called by its instant, in microseconds since 1970.
const FOLDER: &str = "_vacuumed";

/// From now on versions that were superseded before `since` may lack files.
pub(super) async fn mark(location: &Location, since: DateTime<Utc>) -> Result<()> {
    let place = location
        .table_prefix(FOLDER)
        .join(since.timestamp_micros().to_string());
    let words = format!("whole since {}\n", instant(since));
    let put = location.store.put(&place, PutPayload::from(words)).await;
    put.map(|_| ())
        .map_err(|e| trouble::told(&e, Error::lake).context("marking how far back the lake can be read"))
}

/// Since when every moment can be read; `None`: always.
pub(super) async fn since(location: &Location) -> Result<Option<DateTime<Utc>>> {
    let prefix = location.table_prefix(FOLDER);
    let marks: Vec<_> = location
        .store
        .list(Some(&prefix))
        .try_collect()
        .await
        .map_err(|e| trouble::told(&e, Error::lake).context("looking how far back the lake can be read"))?;
    let micros = marks
        .iter()
        .filter_map(|mark| mark.location.filename()?.parse::<i64>().ok());
    Ok(micros.max().map(from_micros))
}

/// An error when a vacuum has removed files of the version that a moment saw.
pub(super) async fn check(
    location: &Location,
    log_store: &LogStoreRef,
    moment: DateTime<Utc>,
    version: u64,
) -> Result<()> {
    let Some(since) = since(location).await?.filter(|since| moment < *since) else {
        return Ok(());
    };
    match history::as_of(log_store, since).await? {
        Some(kept) if version < kept => Err(Error::lake(format!(
            "the lake can no longer be read as of {}: `lake vacuum` removed what was replaced before {}",
            instant(moment),
            instant(since)
        ))
        .advise(format!("ask --as-of {} or later", instant(since)))),
        _ => Ok(()),
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
