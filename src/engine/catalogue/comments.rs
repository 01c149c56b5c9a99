//! What comments and schemas say of relations and their columns.
//!
//! A view explains its columns in its leading comment, in a paragraph of its own:
//!
//! ```text
//! columns, others as in charges, gpu_nodes:
//! scope: AI, Cloud, SaaS, Data Centre or Licensing.
//! amount, other [currency]: what counts,
//!   and goes on in an indented line.
//! ```
//!
//! `others as in` names the tables and views, in order, that explain the columns it hands on.

use crate::asset::{Asset, header};
use crate::base::{Error, Result};
use crate::engine::registry::words;
use crate::schema::{Column, TableSchema};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;

/// What is said of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) unit: Option<String>,
    pub(super) about: String,
}

/// What the comment of a view says.
#[derive(Debug, Default)]
pub(super) struct ViewComment {
    pub(super) about: String,
    pub(super) columns: BTreeMap<String, Said>,
    /// Relations that explain the other columns.
    pub(super) sources: Vec<String>,
}

pub(super) fn read(view: &Asset) -> Result<ViewComment> {
    let comment = header::split(&view.text).map_or("", |(comment, _)| comment);
    let about = comment.trim_start().split("\n\n").next().unwrap_or_default();
    let mut read = ViewComment {
        about: one_line(about),
        ..ViewComment::default()
    };
    let mut lines = comment.lines().skip_while(|line| opening(line).is_none());
    let Some(opened) = lines.next().and_then(opening) else {
        return Ok(read);
    };
    read.sources = names(opened);
    let mut entries: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        match entries.last_mut() {
            Some(entry) if line.starts_with(' ') => {
                entry.push(' ');
                entry.push_str(line.trim());
            }
            _ => entries.push(line.trim().to_owned()),
        }
    }
    for entry in entries {
        let (columns, said) = entry_of(&entry).ok_or_else(|| {
            Error::config(format!("queries/{}: columns: {entry}", view.path))
                .advise("write `column, … [unit]: what it is.`, and indent what goes on in the next line")
        })?;
        for column in columns {
            read.columns.insert(column, said.clone());
        }
    }
    Ok(read)
}

/// The line that opens the paragraph: what stands behind `others as in`.
fn opening(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("columns")?.strip_suffix(':')?;
    match rest {
        "" => Some(""),
        rest => rest.strip_prefix(", others as in "),
    }
}

fn entry_of(text: &str) -> Option<(Vec<String>, Said)> {
    let (head, about) = text.split_once(": ")?;
    let (columns, unit) = match head.split_once('[') {
        Some((columns, unit)) => (columns, Some(unit.strip_suffix(']')?.to_owned())),
        None => (head, None),
    };
    let columns = names(columns);
    let well = !columns.is_empty() && columns.iter().all(|name| !name.contains(' '));
    well.then(|| {
        let about = about.trim().to_owned();
        (columns, Said { unit, about })
    })
}

fn names(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What one row of a table is that no file of `queries/` makes.
pub(super) fn about_table(name: &str) -> Option<String> {
    let sentence = match TableSchema::named(name) {
        Some(table) => table.grain,
        None => words::of(name)?.about,
    };
    let mut letters = sentence.chars();
    let first = letters.next()?.to_uppercase();
    Some(format!("{first}{}.", letters.as_str()))
}

/// `BilledCost` is explained where `billed_cost` is.
pub(super) fn of_table(name: &str, column: &str) -> Option<Said> {
    let (unit, about) = match TableSchema::named(name) {
        Some(table) => {
            let alike = |c: &&Column| c.name.replace('_', "") == column.to_lowercase();
            let found = table
                .column(column)
                .or_else(|| table.columns.iter().find(alike))?;
            (found.unit, found.doc)
        }
        None => words::of(name)?.column(column)?,
    };
    Some(Said {
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
        about: about.to_owned(),
    })
}

/// The table that a generated view hands on.
pub(super) fn source_of_table(name: &str) -> Option<&'static str> {
    words::of(name)?.source
}

/// A type in words of SQL.
pub(super) fn type_words(ty: &DataType) -> String {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            "unsigned bigint".to_owned()
        }
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision}, {scale})")
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("{}[]", type_words(item.data_type()))
        }
        DataType::Dictionary(_, value) => type_words(value),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "map({}, {})",
                type_words(fields[0].data_type()),
                type_words(fields[1].data_type())
            ),
            _ => "map".to_owned(),
        },
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), type_words(field.data_type())))
                .collect();
            format!("struct({})", fields.join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::asset::Origin;

    fn view(text: &'static str) -> Asset {
        Asset {
            path: "views/v.sql".to_owned(),
            text: text.into(),
            origin: Origin::Builtin,
        }
    }

    #[test]
    fn a_comment_explains_the_columns() {
        let read = read(&view(
            "/* One row\nper thing.\n\nMore prose: of it.\n\ncolumns, others as in charges, calls:\n\
             a: the first.\nb, c [currency]: what counts,\n  and more.\n\nmoney: b in currency\n*/\nSELECT 1",
        ))
        .unwrap();
        assert_eq!(read.about, "One row per thing.");
        assert_eq!(read.sources, ["charges", "calls"]);
        assert_eq!(read.columns.len(), 3);
        let said = &read.columns["c"];
        assert_eq!(said.unit.as_deref(), Some("currency"));
        assert_eq!(said.about, "what counts, and more.");
        assert_eq!(read.columns["a"].unit, None);
    }

    #[test]
    fn an_entry_that_says_nothing_is_an_error() {
        let wrong = read(&view(
            "/* One row.\n\ncolumns:\nthe amount in dollars\n*/ SELECT 1",
        ));
        let message = wrong.err().unwrap().to_string();
        assert!(
            message.contains("views/v.sql") && message.contains("dollars"),
            "{message}"
        );
        assert!(read(&view("SELECT 1")).unwrap().columns.is_empty());
    }
}
