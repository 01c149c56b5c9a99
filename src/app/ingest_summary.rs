//! What an ingest did, in words: a line per file while they are few, a line per format and fate when they are
//! many, and the control totals.

use super::Console;
use super::ingest::{thousands, total_line};
use crate::ingest::{FileReport, IngestReport, State};
use std::collections::BTreeMap;

/// Above this many files, equal fates are told in one line.
const FILES: usize = 20;

/// Notes that are told of a line for many files.
const NOTES: usize = 5;

pub(super) fn summarise(report: &IngestReport, console: &mut dyn Console) {
    // The configuration often lies beside the data; nobody means to ingest it.
    let configuration = |path: &str| path.ends_with("spendscope.toml");
    let files: Vec<&FileReport> = report
        .files
        .iter()
        .filter(|f| f.state != State::Unknown || !configuration(&f.path))
        .collect();
    if files.len() <= FILES {
        for file in files {
            console.say(&line(file));
            for note in &file.notes {
                console.say(&format!("    note: {note}"));
            }
        }
    } else {
        many(&files, console);
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
        console.say("  after a fix of the mapping: spendscope ingest --retry-rejects");
    }
}

/// Files of one fate: how many, and what became of them together.
fn many(files: &[&FileReport], console: &mut dyn Console) {
    let mut groups: BTreeMap<(u8, &str, &str, &str), Vec<&FileReport>> = BTreeMap::new();
    for file in files {
        groups
            .entry((order(file.state), file.table, &file.source, &file.format))
            .or_default()
            .push(file);
    }
    for group in groups.into_values() {
        if let [file] = group.as_slice() {
            console.say(&line(file));
        } else {
            console.say(&together(&group));
        }
        let mut notes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in &group {
            for note in &file.notes {
                notes.entry(note).or_default().push(&file.path);
            }
        }
        let all = notes.len();
        for (note, paths) in notes.into_iter().take(NOTES) {
            match paths.as_slice() {
                [path] if group.len() > 1 => console.say(&format!("    note: {path}: {note}")),
                [_] => console.say(&format!("    note: {note}")),
                many => console.say(&format!("    note, of {} files: {note}", many.len())),
            }
        }
        if all > NOTES {
            console.say(&format!("    and {} more notes", all - NOTES));
        }
    }
    let bytes: u64 = files.iter().map(|f| f.bytes).sum();
    console.say(&format!(
        "{} files, {} bytes: {}",
        files.len(),
        thousands(bytes),
        counts(files)
    ));
}

/// Bad news last, where it is seen.
fn order(state: State) -> u8 {
    match state {
        State::AlreadyIngested => 0,
        State::Ingested => 1,
        State::Manifest => 2,
        State::Empty => 3,
        State::LeftAlone => 4,
        State::Unknown => 5,
        State::Skipped => 6,
        State::Refused => 7,
    }
}

fn together(group: &[&FileReport]) -> String {
    let first = group[0];
    let (n, format) = (group.len(), &first.format);
    let names = format!("{} to {}", first.path, group[n - 1].path);
    match first.state {
        State::AlreadyIngested => {
            format!("{n} files of {format} already ingested, nothing to do: {names}")
        }
        State::Empty => format!("{n} files of {format} without rows, nothing to do: {names}"),
        State::Unknown => format!("{n} files left alone, their format is not known: {names}"),
        State::LeftAlone => format!("{n} files left alone: {names}"),
        State::Manifest => format!("{n} manifests: {names}"),
        State::Skipped => format!("{n} files of {format} not read anew: {names}"),
        State::Refused => format!("{n} files of {format} refused with their delivery: {names}"),
        State::Ingested => format!(
            "{n} files of {format} → {} ({}): {}",
            first.table,
            first.source,
            counts(group)
        ),
    }
}

/// `93 rows, 90 kept, 2 known already, 1 REJECTED`, of what was read.
fn counts(files: &[&FileReport]) -> String {
    let read = || files.iter().filter(|f| f.state == State::Ingested);
    let sum = |of: fn(&FileReport) -> u64| read().map(|f| of(f)).sum::<u64>();
    told(
        sum(|f| f.rows_in),
        sum(|f| f.rows_kept),
        sum(|f| f.rows_known),
        sum(|f| f.rows_rejected),
    )
}

fn told(rows: u64, kept: u64, known: u64, rejected: u64) -> String {
    let mut text = format!("{rows} rows");
    for (count, what) in [(kept, "kept"), (known, "known already"), (rejected, "REJECTED")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

fn line(file: &FileReport) -> String {
    let path = &file.path;
    match file.state {
        State::AlreadyIngested => format!("{path}: already ingested, nothing to do"),
        State::Empty => format!("{path}: {} without rows, nothing to do", file.format),
        State::Unknown => format!("{path}: left alone, its format is not known"),
        State::LeftAlone => format!("{path}: left alone"),
        State::Manifest => format!("{path}: a manifest"),
        State::Skipped => format!("{path}: not read anew, {} rows stay rejected", file.rows_rejected),
        State::Refused if file.format.is_empty() => format!("{path}: refused with its delivery"),
        State::Refused => format!("{path}: {}, refused with its delivery", file.format),
        State::Ingested => format!(
            "{path}: {} → {} ({}): {}",
            file.format,
            file.table,
            file.source,
            told(file.rows_in, file.rows_kept, file.rows_known, file.rows_rejected)
        ),
    }
}
