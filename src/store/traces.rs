//! Whether a lake has changed, told without reading it: a commit puts a file into the folder of a table's
//! log, and the folder's time says so. Of a lake on a server nothing is that cheap.

use super::Lake;
use crate::schema::TABLES;
use std::path::PathBuf;
use std::time::SystemTime;

/// What the folders of a lake looked like at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces(Vec<(PathBuf, Option<SystemTime>)>);

impl Lake {
    /// Take these before the tables are read: a commit in between is then noticed, and not lost.
    pub fn traces(&self) -> Traces {
        let folder = self.location.folder();
        let logs = TABLES
            .iter()
            .filter_map(|table| Some(folder.as_ref()?.join(table.name).join("_delta_log")));
        Traces(logs.map(|log| (log.clone(), time(&log))).collect())
    }
}

impl Traces {
    /// Nothing was committed since, as far as can be told. Of a lake on a server it is always true.
    pub fn are_fresh(&self) -> bool {
        self.0.iter().all(|(log, then)| time(log) == *then)
    }
}

fn time(log: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(log).and_then(|about| about.modified()).ok()
}
