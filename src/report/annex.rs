//! What every report carries beside its sections: the bills against their leaves, and the files that the
//! lake was made of. Files and pages show them; a picture has no room.

use super::run::Run;
use super::section;
use super::spec::SectionSpec;
use crate::base::{Error, Result};
use crate::frame::Frame;
use crate::render::document::{Body, Finding, Mood, Rows, Section};
use crate::render::number;

/// The bills of the window, each in its own currency, against their leaves: what no conversion has touched.
const RECONCILIATION: &str = r#"
id = "reconciliation"
title = "Reconciliation"
wide = true
[data]
source = "metric"
metric = "ledger/reconciliation"
subtitle = "Every bill against its leaves, each in the currency of the bill, {basis} cost"
empty = "No charge in this window: there is nothing to tie."
[table]
columns = [
    ["source", "Source"], ["currency", "Currency"], ["charges", "Charges"], ["bill", "Bill"],
    ["request", "Requests"], ["direct", "Direct"], ["shared", "Shared"], ["unmetered", "Unmetered"],
    ["gpu_idle", "Idle GPUs"], ["commitment_unused", "Unused commitment"], ["unallocated", "Unallocated"],
    ["leaves", "Leaves together"], ["difference", "Bill less leaves"],
]
total = [
    "charges", "billed_cost", "bill", "request", "direct", "shared", "unmetered", "gpu_serving_untraced",
    "gpu_allocated_idle", "gpu_unallocated", "gpu_dark", "gpu_idle", "commitment_unused", "unallocated", "leaves",
    "difference",
]
[table.formula]
gpu_idle = ["gpu_serving_untraced", "gpu_allocated_idle", "gpu_unallocated", "gpu_dark"]
leaves = [
    "request", "direct", "shared", "unmetered", "gpu_idle", "commitment_unused", "unallocated",
]
difference = ["bill", "-leaves"]
"#;

/// Files newest first: a delivery replaces the one before it.
const FILES: &str = "SELECT source, format, table_name AS \"table\", period, path, bytes, rows_in, rows_kept, \
    rows_known, rows_rejected, ingested_at, file_hash AS blake3, delivery_id AS delivery \
    FROM ingest_files ORDER BY ingested_at DESC, source, path, delivery_id LIMIT 20000";
const SHOWN: [(&str, &str); 8] = [
    ("source", "Source"),
    ("table", "Table"),
    ("period", "Billing months"),
    ("path", "File"),
    ("rows_in", "Rows"),
    ("rows_rejected", "Rejected"),
    ("ingested_at", "Ingested (UTC)"),
    ("blake3", "BLAKE3"),
];

pub(super) async fn build(run: &Run<'_>) -> Result<Vec<Section>> {
    let spec: SectionSpec = toml::from_str(RECONCILIATION)
        .map_err(|e| Error::internal(format!("the reconciliation of reports: {e}")))?;
    let reconciliation = section::build(run, &spec).await?;
    Ok(vec![reconciliation, files(run).await?])
}

async fn files(run: &Run<'_>) -> Result<Section> {
    let frame = Frame::guess(run.engine.query(FILES, &[]).await?);
    let (body, rows) = if frame.rows() == 0 {
        (Body::Empty("Nothing has been ingested.".to_owned()), None)
    } else {
        let rows = Rows {
            shown: SHOWN
                .map(|(column, name)| (column.to_owned(), name.to_owned()))
                .to_vec(),
            ..Rows::plain(frame.clone())
        };
        (Body::Table(frame), Some(rows))
    };
    Ok(Section {
        id: "sources".to_owned(),
        title: "Sources and as-of".to_owned(),
        subtitle: format!(
            "What the lake was made of as of {} UTC: files by the hash of their bytes, newest first",
            run.settings.now.format("%-d %b %Y %H:%M")
        ),
        wide: true,
        height: 0,
        body,
        rows,
        notices: Vec::new(),
    })
}

/// Whether everything adds up, in a sentence per currency.
pub(super) fn verdict(annexes: &[Section]) -> Result<Vec<Finding>> {
    let Some(table) = annexes
        .iter()
        .find(|a| a.id == "reconciliation")
        .and_then(|a| a.rows.as_ref())
    else {
        return Ok(vec![Finding {
            text: "No charge in this window: there is nothing to close.".to_owned(),
            mood: Mood::Bad,
        }]);
    };
    let mut unbalanced = 0;
    for row in 0..table.frame.rows() {
        unbalanced += table.frame.int("unbalanced", row)?.unwrap_or_default();
    }
    let mut parts = Vec::new();
    let mut ties = unbalanced == 0;
    for line in table.total_lines() {
        let (Some(currency), Some(bill), Some(charges), Some(difference)) = (
            line,
            table.total(line, "bill"),
            table.total(line, "charges"),
            table.total(line, "difference"),
        ) else {
            continue;
        };
        ties &= difference == 0;
        let charges = number::fixed(charges, 0);
        parts.push(format!(
            "{currency} {} in {charges} charges",
            number::fixed(bill, 2)
        ));
    }
    let bills = parts.join(" and ");
    Ok(vec![if ties {
        Finding {
            text: format!("The bills tie: {bills} are the sum of their leaves, to the last digit."),
            mood: Mood::Good,
        }
    } else {
        Finding {
            text: format!("NOT balanced: of {bills}, {unbalanced} charges are not the sum of their leaves."),
            mood: Mood::Bad,
        }
    }])
}
