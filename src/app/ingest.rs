//! `ingest`, `prices import`, `fx import`: files into the lake, and a summary of what became of them.

use super::{Console, Status, open};
use crate::base::time::{parse_bound, parse_instant};
use crate::base::{Context, Error, Result};
use crate::config::{Config, object_store_environment};
use crate::ingest::{self, FileReport, IngestReport, Options, Progress, Refused, State, Step};
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
    pub at: Option<String>,
    pub valid_from: Option<String>,
    /// Refuse anything that is meant for another table (`prices import`).
    pub only_table: Option<&'static str>,
    /// Only say what it would do.
    pub explain: bool,
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
    };
    let report = ingest::ingest(&lake, &catalog, &request.paths, &options, &mut progress).await;
    console.progress_end();
    let report = report?;
    summarise(&report, console);
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

/// Bytes read, over bytes found.
struct Bar<'a> {
    console: &'a mut dyn Console,
    read: u64,
    total: u64,
}

impl Progress for Bar<'_> {
    fn on(&mut self, step: Step<'_>) -> Result<()> {
        match step {
            Step::Found { bytes, .. } => self.total = bytes,
            Step::Reading { path, .. } => self.console.progress(path, self.read, self.total),
            Step::Read { path, bytes, .. } => {
                self.read += bytes;
                self.console.progress(path, self.read, self.total);
            }
            Step::Committing { table } => {
                self.console
                    .progress(&format!("committing {table}"), self.read, self.total)
            }
            Step::Committed { .. } => {}
        }
        Ok(())
    }
}

pub(super) fn summarise(report: &IngestReport, console: &mut dyn Console) {
    // The configuration often lies beside the data; nobody means to ingest it.
    let configuration = |path: &str| path.ends_with("spendscope.toml");
    for file in report
        .files
        .iter()
        .filter(|f| f.state != State::Unknown || !configuration(&f.path))
    {
        console.say(&line(file));
        for note in &file.notes {
            console.say(&format!("    note: {note}"));
        }
    }
    for total in report.totals() {
        console.say(&total_line(&total));
    }
    // A refused delivery left nothing behind, its bad rows neither.
    let kept = report.files.iter().filter(|f| f.state == State::Ingested);
    let rejected: u64 = kept.map(|f| f.rows_rejected).sum();
    if rejected > 0 {
        console.say(&format!(
            "{rejected} rows were rejected and kept: \
             spendscope sql -c \"SELECT path, line, column_name, value, reason FROM rejects\""
        ));
    }
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

fn line(file: &FileReport) -> String {
    let path = &file.path;
    match file.state {
        State::AlreadyIngested => format!("{path}: already ingested, nothing to do"),
        State::Empty => format!("{path}: {} without rows, nothing to do", file.format),
        State::Unknown => format!("{path}: left alone, its format is not known"),
        State::LeftAlone => format!("{path}: left alone"),
        State::Refused => format!("{path}: {}, refused with its delivery", file.format),
        State::Ingested => {
            let mut text = format!(
                "{path}: {} → {} ({}): {} rows",
                file.format, file.table, file.source, file.rows_in
            );
            for (count, what) in [
                (file.rows_kept, "kept"),
                (file.rows_known, "known already"),
                (file.rows_rejected, "REJECTED"),
            ] {
                if count > 0 {
                    text.push_str(&format!(", {count} {what}"));
                }
            }
            text
        }
    }
}
