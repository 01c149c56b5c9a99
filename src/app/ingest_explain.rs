//! `ingest --explain`: what was recognised and why, how each column is read, the first rows as they would be
//! stored, and what would be rejected. It never opens the lake.

use super::{Console, IngestRequest, Status, ingest, show};
use crate::base::{Result, money};
use crate::config::Config;
use crate::frame::Frame;
use crate::ingest::{self as files, Decoded, Kind, Understood};
use crate::source::{ColumnPlan, Reject};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Decimal128Type};
use std::sync::Arc;

/// Rows of each file that are shown.
const ROWS: usize = 3;
/// Rejected values of each file that are shown.
const REJECTS: usize = 20;

pub(super) async fn ingest_explain(
    config: &Config,
    request: &IngestRequest,
    console: &mut dyn Console,
) -> Result<Status> {
    let (catalog, options) = ingest::prepare(config, request)?;
    let explained = files::explain(&catalog, &request.paths, &options, ROWS).await?;
    let (mut failed, mut rejected) = (None, false);
    for file in explained {
        match file.format {
            Err(error) => {
                console.say(&format!("{}: not recognised", file.path));
                // The first error ends the command and is told by it.
                if file.found || failed.is_some() {
                    console.say(&format!("  {error}"));
                } else {
                    failed = Some(error);
                }
            }
            Ok(Kind::Other(words)) => console.say(&format!("{}: {words}", file.path)),
            Ok(Kind::Rows(understood)) => {
                told(&file.path, &understood, options.format.is_some(), console)?;
                match understood.rows {
                    Err(error) => {
                        console.say(&format!("  the whole file would be refused: {error}"));
                        failed = failed.or(Some(error));
                    }
                    Ok(decoded) => {
                        rows(&decoded, console)?;
                        rejected |= decoded.rows_rejected > 0;
                    }
                }
            }
        }
    }
    console.say("nothing was written");
    match failed {
        Some(error) => Err(error),
        None if rejected => Ok(Status::Rejected),
        None => Ok(Status::Done),
    }
}

/// What it was taken for, and how its columns are read.
fn told(path: &str, understood: &Understood, named: bool, console: &mut dyn Console) -> Result<()> {
    let mapping = &understood.mapping;
    console.say(&format!(
        "{path}: {} ({}) → {}, delivered as '{}'",
        mapping.id, mapping.title, mapping.table.name, understood.source
    ));
    match &understood.fit {
        None => console.say("  the file is no container that this format is written in"),
        Some(fit) => {
            let has = format!("it is {} and has {}", fit.reader, fit.found.join(", "));
            console.say(&match (named, fit.fits()) {
                (false, _) => format!("  recognised: {has}"),
                (true, true) => format!("  named, and its [recognise] fits: {has}"),
                (true, false) => format!(
                    "  named; its [recognise] would not have found it: {}",
                    misfit(&fit.lacking, &fit.forbidden)
                ),
            });
            if !fit.unused.is_empty() {
                console.say(&format!("  not read: {}", fit.unused.join(", ")));
            }
        }
    }
    let text = |value: fn(&ColumnPlan) -> Option<&str>| -> ArrayRef {
        Arc::new(mapping.plan().iter().map(value).collect::<StringArray>())
    };
    let columns = RecordBatch::try_from_iter_with_nullable([
        ("column", text(|p| Some(&p.column)), false),
        ("from", text(|p| Some(&p.from)), false),
        ("parse", text(|p| Some(&p.parse)), false),
        ("default", text(|p| p.default.as_deref()), true),
        ("required", text(|p| p.required.then_some("yes")), true),
    ])?;
    show(console, &Frame::guess(columns))?;
    let absent = mapping.absent();
    if !absent.is_empty() {
        console.say(&format!("  left empty: {}", absent.join(", ")));
    }
    Ok(())
}

fn misfit(lacking: &[String], forbidden: &[String]) -> String {
    let mut words = Vec::new();
    if !lacking.is_empty() {
        words.push(format!("it lacks {}", lacking.join(", ")));
    }
    if !forbidden.is_empty() {
        words.push(format!("it must not have {}", forbidden.join(", ")));
    }
    words.join("; ")
}

/// What came out of the file.
fn rows(decoded: &Decoded, console: &mut dyn Console) -> Result<()> {
    let first = &decoded.first;
    console.say(&format!(
        "  {} rows: {} would be stored, {} rejected; the first {}:",
        decoded.rows_in,
        decoded.rows_out,
        decoded.rows_rejected,
        first.num_rows()
    ));
    if first.num_rows() > 0 {
        show(console, &Frame::guess(turned(first)?))?;
    }
    if !decoded.rejects.is_empty() {
        let shown: Vec<&Reject> = decoded.rejects.iter().take(REJECTS).collect();
        console.say(&format!(
            "  rejected values, {} of {}:",
            shown.len(),
            decoded.rejects.len()
        ));
        let text = |value: fn(&Reject) -> Option<&str>| -> ArrayRef {
            Arc::new(shown.iter().map(|r| value(r)).collect::<StringArray>())
        };
        let lines: Int64Array = shown.iter().map(|r| i64::try_from(r.line).ok()).collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("line", Arc::new(lines) as ArrayRef, true),
            ("column", text(|r| Some(&r.column)), false),
            ("value", text(|r| r.value.as_deref()), true),
            ("reason", text(|r| Some(&r.reason)), false),
        ])?;
        show(console, &Frame::guess(batch))?;
    }
    for note in &decoded.notes {
        console.say(&format!("  note: {note}"));
    }
    for total in &decoded.totals {
        console.say(&ingest::total_line(total));
    }
    Ok(())
}

/// Hashes that are the same in every row of the file.
const HIDDEN: [&str; 2] = ["delivery_id", "file_hash"];

/// A line per column that holds something, a column per row: canonical tables are wide.
fn turned(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = rows.schema();
    let held: Vec<_> = schema
        .fields()
        .iter()
        .zip(rows.columns())
        .filter(|(field, column)| {
            column.null_count() < rows.num_rows() && !HIDDEN.contains(&field.name().as_str())
        })
        .collect();
    let names: StringArray = held
        .iter()
        .map(|(field, _)| Some(field.name().as_str()))
        .collect();
    let mut turned = vec![("column".to_owned(), Arc::new(names) as ArrayRef, false)];
    for row in 0..rows.num_rows() {
        let cells = held
            .iter()
            .map(|(_, column)| cell(column, row))
            .collect::<Result<StringArray>>()?;
        turned.push((format!("row {}", row + 1), Arc::new(cells), true));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(turned)?)
}

fn cell(column: &ArrayRef, row: usize) -> Result<Option<String>> {
    if column.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match column.data_type() {
        DataType::Decimal128(..) => money::format_short(column.as_primitive::<Decimal128Type>().value(row)),
        _ => arrow::util::display::array_value_to_string(column, row)?,
    }))
}
