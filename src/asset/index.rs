//! The text of `queries/README.md`: every asset by kind, with what its own header says of it.
//! Knows no kind's header in full, only the keys that a reader looks for.

use super::{Asset, Assets, header};
use crate::base::{Error, Result};
use std::fmt::Write as _;
use toml::{Table, Value};

/// Kinds in reading order: folder, heading, what it is, and further columns from the headers.
const KINDS: &[(&str, &str, &str, &[&str])] = &[
    (
        "sources/",
        "Sources",
        "Mapping files: where each canonical column comes from; and formats that are known and refused, with the reason.",
        &["refuse"],
    ),
    ("rules/", "Rules", "Lists behind the built-in scope rules.", &[]),
    (
        "views/",
        "Views",
        "What the facts mean under the configuration. Everything else reads these.",
        &[],
    ),
    (
        "metrics/",
        "Metrics",
        "Run with `spendscope metric run NAME`.",
        &["grain", "by"],
    ),
    (
        "explain/",
        "Explanations",
        "What `spendscope explain` shows of the rows that a figure sums; each a query over `explained`.",
        &[],
    ),
    (
        "checks/",
        "Checks",
        "Queries that return offending rows; none is a pass.",
        &["tier", "severity"],
    ),
    (
        "diff/",
        "Diff",
        "What `spendscope diff` asks of the two sides, in the order amounts, changed, leaves, moved, causes, rows.",
        &[],
    ),
    (
        "export/",
        "Export",
        "What `spendscope export` writes for other programs.",
        &[],
    ),
    ("reports/", "Reports", "What `spendscope report NAME` shows.", &[]),
    (
        "drills/",
        "Drills",
        "What `spendscope drill run NAME` plays through.",
        &[],
    ),
];

pub fn index(assets: &Assets) -> Result<String> {
    let mut text = String::from(
        "# Queries\n\nThis page is generated from the headers of the files; a test fails when it is stale and\n\
         `SPENDSCOPE_UPDATE=1 cargo test index_is_fresh` writes it anew. A folder given with `--queries`\n\
         replaces a file by the same path and adds new ones.\n",
    );
    for (folder, heading, about, keys) in KINDS {
        let rows: Vec<String> = assets
            .under(folder)
            .map(|asset| row(asset, keys))
            .collect::<Result<_>>()?;
        if rows.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {heading}\n\n{about}\n\n| name | what |");
        for key in *keys {
            let _ = write!(text, " {key} |");
        }
        let _ = write!(
            text,
            "\n| --- | --- |{}\n{}\n",
            " --- |".repeat(keys.len()),
            rows.join("\n")
        );
    }
    Ok(text)
}

fn row(asset: &Asset, keys: &[&str]) -> Result<String> {
    let comment = header::split(&asset.text).map_or("", |(header, _)| header);
    if asset.path.starts_with("views/") {
        // A view explains itself in prose; its first sentence says what a row is.
        let paragraph = comment.split("\n\n").next().unwrap_or_default();
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence = words
            .split_once(". ")
            .map_or(words.as_str(), |(first, _)| first)
            .trim_end_matches('.');
        return Ok(format!(
            "| [`{}`]({}) | {} |",
            asset.name(),
            asset.path,
            sentence.replace('|', "\\|")
        ));
    }
    let source = if asset.path.ends_with(".toml") {
        &asset.text
    } else {
        comment
    };
    let table: Table = toml::from_str(source).map_err(|e| {
        Error::config(format!(
            "{} ({}): {}",
            asset.path,
            asset.origin,
            e.to_string().trim()
        ))
    })?;
    let title = ["title", "name", "description"]
        .iter()
        .find_map(|key| table.get(*key))
        .map(cell)
        .unwrap_or_default();
    let mut row = format!("| [`{}`]({}) | {title} |", asset.name(), asset.path);
    for key in keys {
        let _ = write!(row, " {} |", table.get(*key).map(cell).unwrap_or_default());
    }
    Ok(row)
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
