//! A Document as JSON, for programs: every figure with all its digits, and as a person is shown it. Amounts
//! and ratios are strings, as everywhere in our JSON.

use super::document::{Body, Change, Document, Headline, Mood, Section, Value};
use super::{number, table};
use crate::base::{Error, Result, money};
use crate::frame::{ChartSpec, ColumnSpec, Frame};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Page<'d> {
    name: &'d str,
    title: &'d str,
    period: &'d str,
    moment: String,
    stamps: Vec<Stamp<'d>>,
    headlines: Vec<Figure<'d>>,
    findings: Vec<Finding<'d>>,
    sections: Vec<Part<'d>>,
    annexes: Vec<Part<'d>>,
    footer: &'d [String],
}

#[derive(Serialize)]
struct Stamp<'d> {
    label: &'d str,
    value: &'d str,
    warns: bool,
}

#[derive(Serialize)]
struct Figure<'d> {
    label: &'d str,
    /// All digits; null where it is missing.
    value: Option<String>,
    /// Currency or unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'d str>,
    text: String,
    change: Option<String>,
    change_text: Option<String>,
    note: Option<&'d str>,
}

#[derive(Serialize)]
struct Finding<'d> {
    text: &'d str,
    mood: &'static str,
}

#[derive(Serialize)]
struct Part<'d> {
    id: &'d str,
    title: &'d str,
    subtitle: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chart: Option<Chart<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Table>,
    notices: &'d [String],
}

#[derive(Serialize)]
struct Chart<'d> {
    spec: &'d ChartSpec,
    rows: Box<RawValue>,
}

#[derive(Serialize)]
struct Table {
    columns: Vec<ColumnSpec>,
    /// Columns that people are shown, and their names there.
    shown: Vec<(String, String)>,
    rows: Box<RawValue>,
    totals: Vec<Total>,
}

#[derive(Serialize)]
struct Total {
    currency: Option<String>,
    column: String,
    amount: String,
}

pub(super) fn render(document: &Document) -> Result<Vec<u8>> {
    let page = Page {
        name: &document.name,
        title: &document.title,
        period: &document.period,
        moment: document.moment.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        stamps: document
            .stamps
            .iter()
            .map(|s| Stamp {
                label: &s.label,
                value: &s.value,
                warns: s.warns,
            })
            .collect(),
        headlines: document.headlines.iter().map(figure).collect(),
        findings: document
            .findings
            .iter()
            .map(|f| Finding {
                text: &f.text,
                mood: match f.mood {
                    Mood::Good => "good",
                    Mood::Bad => "bad",
                    Mood::Plain => "plain",
                },
            })
            .collect(),
        sections: parts(&document.sections)?,
        annexes: parts(&document.annexes)?,
        footer: &document.footer,
    };
    let mut bytes = serde_json::to_vec_pretty(&page).map_err(|e| wrong(&e))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn parts(sections: &[Section]) -> Result<Vec<Part<'_>>> {
    sections.iter().map(part).collect()
}

fn wrong(error: &serde_json::Error) -> Error {
    Error::internal(format!("a report cannot be written as JSON: {error}"))
}

fn exact(value: i128) -> String {
    number::exact(value, money::SCALE as i8)
}

fn figure(headline: &Headline) -> Figure<'_> {
    let (value, unit) = match &headline.value {
        Some(Value::Money { amount, currency }) => (Some(exact(*amount)), Some(currency.as_str())),
        Some(Value::Ratio(ratio)) => (Some(exact(*ratio)), None),
        Some(Value::Count(count)) => (Some(count.to_string()), None),
        Some(Value::Measure { value, unit }) => (Some(value.to_string()), Some(unit.as_str())),
        None => (None, None),
    };
    Figure {
        label: &headline.label,
        value,
        unit,
        text: headline
            .value
            .as_ref()
            .map_or(number::MISSING.to_owned(), Value::text),
        change: headline.change.map(|c| match c {
            Change::Relative(v) | Change::Points(v) => exact(v),
        }),
        change_text: headline.change.map(Change::text),
        note: headline.note.as_deref(),
    }
}

fn part(section: &Section) -> Result<Part<'_>> {
    let (chart, empty) = match &section.body {
        Body::Chart(spec, frame) => {
            let rows = raw(rows_of(frame)?)?;
            (Some(Chart { spec, rows }), None)
        }
        Body::Table(_) => (None, None),
        Body::Empty(why) => (None, Some(why.as_str())),
    };
    let rows = section.table();
    let table = match rows {
        Some(rows) => Some(Table {
            columns: rows.frame.columns.clone(),
            shown: table::shown(&rows)?
                .into_iter()
                .map(|(index, name)| (rows.frame.columns[index].name.clone(), name))
                .collect(),
            rows: raw(rows_of(&rows.frame)?)?,
            totals: rows
                .totals
                .iter()
                .map(|t| Total {
                    currency: t.currency.clone(),
                    column: t.column.clone(),
                    amount: exact(t.amount),
                })
                .collect(),
        }),
        None => None,
    };
    Ok(Part {
        id: &section.id,
        title: &section.title,
        subtitle: &section.subtitle,
        empty,
        chart,
        table,
        notices: &section.notices,
    })
}

/// Rows are written once, by the JSON of tables.
fn rows_of(frame: &Frame) -> Result<Vec<u8>> {
    super::frame("json", frame)
}

fn raw(bytes: Vec<u8>) -> Result<Box<RawValue>> {
    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    RawValue::from_string(text).map_err(|e| wrong(&e))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn every_digit_is_there() {
        let page: serde_json::Value = serde_json::from_slice(&render(&sample::close()).unwrap()).unwrap();
        let table = &page["sections"][0]["table"];
        assert_eq!(table["rows"][1]["bill"], "100.000000000000000001");
        assert_eq!(table["totals"][1]["amount"], "1334.512345678901234568");
        assert_eq!(page["headlines"][0]["value"], "101234.56");
        assert_eq!(page["headlines"][0]["text"], "$101k");
        assert_eq!(page["annexes"][0]["id"], "reconciliation");
    }
}
