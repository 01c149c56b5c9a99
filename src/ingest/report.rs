//! What an ingest did, for people and for the exit status.

use crate::base::Result;
use crate::source::ControlTotal;
use std::collections::BTreeMap;

/// Told what is going on; may draw a bar, and may stop the ingest with an error. What was committed
/// before that stays, and the next run completes it.
pub trait Progress: Send {
    fn on(&mut self, step: Step<'_>) -> Result<()>;
}

/// Nobody is watching.
impl Progress for () {
    fn on(&mut self, _: Step<'_>) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Bytes that came so far, of those that are promised.
    Fetching {
        path: &'a str,
        bytes: u64,
        whole: u64,
    },
    Found {
        files: usize,
        bytes: u64,
    },
    Reading {
        path: &'a str,
        bytes: u64,
    },
    /// So many rows of a file have become facts so far.
    Decoded {
        path: &'a str,
        rows: u64,
    },
    Read {
        path: &'a str,
        bytes: u64,
        rows: u64,
    },
    Committing {
        table: &'static str,
    },
    Committed {
        table: &'static str,
    },
}

#[derive(Debug, Clone, Default)]
pub struct IngestReport {
    pub files: Vec<FileReport>,
    pub refused: Vec<Refused>,
}

#[derive(Debug, Clone)]
pub struct FileReport {
    pub path: String,
    pub bytes: u64,
    pub hash: String,
    pub state: State,
    /// Mapping file that read it; empty when none did.
    pub format: String,
    pub source: String,
    pub table: &'static str,
    pub rows_in: u64,
    pub rows_kept: u64,
    pub rows_known: u64,
    pub rows_rejected: u64,
    pub totals: Vec<ControlTotal>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ingested,
    /// The same bytes are in the lake and in force: nothing was done.
    AlreadyIngested,
    /// A header and nothing else: replaces nothing.
    Empty,
    /// Part of a delivery that was refused.
    Refused,
    /// Found in a folder and of no known format.
    Unknown,
    /// Lists the parts of an export.
    Manifest,
    /// Not read; a note says why: a link, a pipe, a bill beside the parts of an export or of an older run of it.
    LeftAlone,
    /// Was to be read anew and cannot be: its rejected rows stay as they are.
    Skipped,
}

/// A delivery that changed nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub source: String,
    pub table: &'static str,
    pub reason: String,
    pub advice: String,
}

impl IngestReport {
    /// Exit status 4: done, but rows were rejected.
    pub fn has_rejects(&self) -> bool {
        self.files.iter().any(|f| f.rows_rejected > 0)
    }

    /// Totals over all files that were ingested now, by currency and column.
    pub fn totals(&self) -> Vec<ControlTotal> {
        let mut sums: BTreeMap<(String, &'static str), ControlTotal> = BTreeMap::new();
        for total in self
            .files
            .iter()
            .filter(|f| f.state == State::Ingested)
            .flat_map(|f| &f.totals)
        {
            sums.entry((total.currency.clone(), total.column))
                .and_modify(|sum| {
                    sum.rows += total.rows;
                    sum.nulls += total.nulls;
                    sum.source_total += total.source_total;
                    sum.stored_total += total.stored_total;
                })
                .or_insert_with(|| total.clone());
        }
        sums.into_values().collect()
    }
}
