//! `ingest`, `prices import`, `fx import`: files into the lake, and a summary of what became of them.

use super::{Console, Status, ingest_summary, open};
use crate::base::time::{parse_bound, parse_instant};
use crate::base::{Context, Error, Result};
use crate::config::{Config, object_store_environment};
use crate::ingest::{self, Options, Progress, Refused, Step};
use crate::source::{self, ControlTotal};
use std::path::PathBuf;

#[derive(Debug, Default)]
pub struct IngestRequest {
    pub paths: Vec<String>,
    pub format: Option<String>,
    pub source: Option<String>,
    pub mapping: Option<PathBuf>,
    pub strict: bool,
    pub accept_shrink: bool,
    pub accept_overlap: bool,
    pub at: Option<String>,
    pub valid_from: Option<String>,
    /// Refuse anything that is meant for another table (`prices import`).
    pub only_table: Option<&'static str>,
    /// Only say what it would do.
    pub explain: bool,
    /// Read anew what has rejected rows; `paths` may be empty then.
    pub retry_rejects: bool,
}

/// The formats to choose from, and what the arguments say of the files.
pub(super) fn prepare(config: &Config, request: &IngestRequest) -> Result<(source::Catalog, Options)> {
    let mut format = request.format.clone();
    let catalog = match &request.mapping {
        None => open::sources(config)?,
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            let id = path
                .file_stem()
                .map_or_else(|| "mapping".to_owned(), |s| s.to_string_lossy().into_owned());
            format.get_or_insert(id.clone());
            source::Catalog::new(open::source_files(config).chain([(id, text)]))
                .with_context(|| path.display().to_string())?
        }
    };
    let catalog = match request.only_table {
        Some(table) => catalog.only(table),
        None => catalog,
    };
    let options = Options {
        format,
        source: request.source.clone(),
        strict: request.strict,
        accept_shrink: request.accept_shrink,
        accept_overlap: request.accept_overlap,
        observed_at: request
            .at
            .as_deref()
            .map(|text| {
                parse_instant(text).ok_or_else(|| Error::usage(format!("--at: '{text}' is not a moment")))
            })
            .transpose()?,
        valid_from: request
            .valid_from
            .as_deref()
            .map(|text| parse_bound(text, config.settings.zone).map(|t| t.timestamp_micros()))
            .transpose()?,
        zone: Some(config.settings.zone),
        users: config.user_key()?,
        store_options: object_store_environment(),
        ..Options::default()
    };
    Ok((catalog, options))
}

pub async fn ingest(config: &Config, request: &IngestRequest, console: &mut dyn Console) -> Result<Status> {
    if request.explain {
        return super::ingest_explain::ingest_explain(config, request, console).await;
    }
    let lake = open::lake(config).await?;
    let (catalog, options) = prepare(config, request)?;
    let mut progress = Bar {
        console,
        read: 0,
        total: 0,
        rows: 0,
    };
    let report = match request.retry_rejects {
        true => ingest::retry(&lake, &catalog, &request.paths, &options, &mut progress).await,
        false => ingest::ingest(&lake, &catalog, &request.paths, &options, &mut progress).await,
    };
    console.progress_end();
    let report = report?;
    if request.retry_rejects && report.files.is_empty() {
        console.say("no rejected rows to retry");
    }
    ingest_summary::summarise(&report, console);
    let why = |refused: &Refused| {
        format!(
            "{} from '{}' refused: {}",
            refused.table, refused.source, refused.reason
        )
    };
    for further in report.refused.iter().skip(1) {
        console.say(&why(further));
    }
    match report.refused.first() {
        Some(refused) => Err(Error::lake(why(refused)).advise(refused.advice.clone())),
        None if report.has_rejects() => Ok(Status::Rejected),
        None => Ok(Status::Done),
    }
}

/// Bytes read, over bytes found, and rows.
struct Bar<'a> {
    console: &'a mut dyn Console,
    read: u64,
    total: u64,
    /// Of the files that are read.
    rows: u64,
}

impl Progress for Bar<'_> {
    fn on(&mut self, step: Step<'_>) -> Result<()> {
        let (what, rows) = match step {
            Step::Fetching { path, bytes, whole } => {
                self.console
                    .progress_bytes(&format!("fetching {path}"), bytes, whole);
                return Ok(());
            }
            Step::Found { bytes, .. } => {
                self.total = bytes;
                return Ok(());
            }
            Step::Reading { path, .. } => (path.to_owned(), self.rows),
            Step::Decoded { path, rows } => (path.to_owned(), self.rows + rows),
            Step::Read { path, bytes, rows } => {
                self.read += bytes;
                self.rows += rows;
                (path.to_owned(), self.rows)
            }
            Step::Committing { table } => (format!("committing {table}"), self.rows),
            Step::Committed { .. } => return Ok(()),
        };
        let what = format!("{} rows, {what}", thousands(rows));
        self.console.progress_bytes(&what, self.read, self.total);
        Ok(())
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `  USD billed_cost: source 1.5 = stored 1.5 over 2 rows`
pub(super) fn total_line(total: &ControlTotal) -> String {
    if total.nulls == total.rows {
        return format!(
            "  {} {}: in none of {} rows",
            total.currency, total.column, total.rows
        );
    }
    let rounding = total.source_total - total.stored_total;
    format!(
        "  {} {}: source {} = stored {}{} over {} rows{}",
        total.currency,
        total.column,
        total.source_total,
        total.stored_total,
        if rounding.is_zero() {
            String::new()
        } else {
            format!(" + rounding {rounding}")
        },
        total.rows,
        if total.nulls == 0 {
            String::new()
        } else {
            format!(", {} without a value", total.nulls)
        },
    )
}
