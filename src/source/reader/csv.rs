//! CSV with a header. A record with more or fewer fields than the header is refused, never bent into
//! shape; a file with nothing but a header has no rows.

use super::csv_pieces;
use super::csv_rows::Table;
use super::records::{Next, Records};
use super::{Input, Reader, Tear, first_byte, options, skip_bom, text_of};
use crate::base::{Error, Result};
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use serde::Deserialize;
use std::io::Cursor;

#[derive(Debug)]
pub(super) struct Csv;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default = "comma")]
    delimiter: char,
    /// A translated header keeps its name in brackets: `Ressourcengruppe (ResourceGroup)`.
    #[serde(default)]
    names_in_brackets: bool,
}

fn comma() -> char {
    ','
}

impl Options {
    fn read(table: &toml::Table) -> Result<Options> {
        let read: Options = options("csv", table)?;
        if !read.delimiter.is_ascii() {
            return Err(Error::config("the delimiter of CSV is one ASCII character"));
        }
        Ok(read)
    }

    /// What a column is called in mapping files.
    fn name<'a>(&self, header: &'a str) -> &'a str {
        let header = header.trim();
        let inner = header
            .strip_suffix(')')
            .and_then(|h| h.rsplit_once(" ("))
            .map(|(_, inner)| inner.trim());
        match inner.filter(|name| self.names_in_brackets && !name.is_empty()) {
            Some(name) => name,
            None => header,
        }
    }
}

/// What becomes of a column of a table.
pub(super) enum Fate {
    /// A node of the mapping's paths: a field, or a text of JSON that fields are taken from.
    Wanted {
        field: Option<usize>,
        inner: Option<usize>,
    },
    Extra(String),
    /// Holds the value of the tag of this key.
    Tag(String),
    Ignored,
}

impl Reader for Csv {
    fn id(&self) -> &'static str {
        "csv"
    }

    fn check(&self, options: &toml::Table) -> Result<()> {
        Options::read(options).map(|_| ())
    }

    fn names(&self, head: &[u8], options: &toml::Table) -> Option<Vec<String>> {
        let head = skip_bom(head).ok()?;
        if matches!(first_byte(head)?, b'{' | b'[' | b'#') || head.starts_with(b"PAR1") {
            return None;
        }
        let options = Options::read(options).ok()?;
        let content = Cursor::new(head.to_vec());
        let mut records = Records::new(Box::new(content), Tear::default(), options.delimiter as u8);
        match records.next() {
            // What has a zero in its header is no text.
            Ok(Next::Record(_)) if !records.fields().any(|name| name.contains(&0)) => {}
            _ => return None,
        }
        Some(
            records
                .fields()
                .map(|name| options.name(&String::from_utf8_lossy(name)).to_owned())
                .collect(),
        )
    }

    fn read(
        &self,
        input: Input,
        options: &toml::Table,
        mapping: &Mapping,
        ctx: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let options = Options::read(options)?;
        let (content, tear) = text_of(input)?;
        let mut records = Records::new(content, tear.clone(), options.delimiter as u8);
        let fates = fates(&records.header()?, mapping, &options)?;
        let table = Table {
            mapping,
            delimiter: options.delimiter as u8,
            fates: &fates,
        };
        csv_pieces::read(records, &tear, &table, ctx, out)
    }
}

/// Reads one record, and remembers its line. False at the end of the file.
pub(super) fn row_by_row(
    records: &mut Records,
    table: &Table<'_>,
    cells: &mut Cells,
    last: &mut u64,
    out: &mut Collector<'_>,
) -> Result<bool> {
    match records.next()? {
        Next::Record(line) => {
            *last = line;
            cells.clear();
            match take(records, table.fates, table.mapping, cells) {
                Ok(()) => out.row(line, cells)?,
                Err((column, reason)) => out.reject(line, &column, None, reason),
            }
        }
        Next::Broken(line, reason) => {
            *last = line;
            out.reject(line, "", None, reason);
            if records.cut_off() {
                out.ends_early();
            }
        }
        Next::End => return Ok(false),
    }
    Ok(true)
}

/// A whole table record by record.
#[cfg(test)]
pub(super) fn slowly(text: &str, mapping: &Mapping, out: &mut Collector<'_>) -> Result<()> {
    let options = Options::read(&toml::Table::new())?;
    let content = Cursor::new(text.as_bytes().to_vec());
    let mut records = Records::new(Box::new(content), Tear::default(), b',');
    let fates = fates(&records.header()?, mapping, &options)?;
    let table = Table {
        mapping,
        delimiter: b',',
        fates: &fates,
    };
    let mut cells = Cells::new(mapping.fields.len());
    while row_by_row(&mut records, &table, &mut cells, &mut 0, out)? {}
    Ok(())
}

fn fates(header: &[String], mapping: &Mapping, options: &Options) -> Result<Vec<Fate>> {
    let mut seen = Vec::new();
    let mut fates = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        fates.push(fate(at, options.name(name), mapping, &mut seen)?);
    }
    Ok(fates)
}

/// Columns that were met already: a field, and a text of JSON.
type Seen = Vec<(Option<usize>, Option<usize>)>;

pub(super) fn fate(at: usize, name: &str, mapping: &Mapping, seen: &mut Seen) -> Result<Fate> {
    // A whole path may be a column's name, too, as in `a.b`.
    let field = mapping.fields.iter().position(|f| f.eq_ignore_ascii_case(name));
    let inner = mapping
        .trie
        .column(name)
        .filter(|node| mapping.trie.has_children(*node));
    if field.is_some() || inner.is_some() {
        if seen.contains(&(field, inner)) {
            return Err(Error::data(format!("the column '{name}' stands twice"))
                .advise("remove one of them: which one is meant cannot be told"));
        }
        seen.push((field, inner));
        return Ok(Fate::Wanted { field, inner });
    }
    if let Some(key) = mapping.tag_key(name) {
        return Ok(Fate::Tag(key.to_owned()));
    }
    if mapping.wants_extra(name) {
        return Ok(Fate::Extra(if name.is_empty() {
            format!("column {}", at + 1)
        } else {
            name.to_owned()
        }));
    }
    Ok(Fate::Ignored)
}

fn take(
    record: &Records,
    fates: &[Fate],
    mapping: &Mapping,
    cells: &mut Cells,
) -> std::result::Result<(), (String, String)> {
    for (value, fate) in record.fields().zip(fates) {
        if value.is_empty() || matches!(fate, Fate::Ignored) {
            continue;
        }
        let Ok(value) = std::str::from_utf8(value) else {
            let column = match fate {
                Fate::Wanted {
                    field: Some(field), ..
                } => mapping.fields[*field].clone(),
                Fate::Extra(name) | Fate::Tag(name) => name.clone(),
                _ => String::new(),
            };
            return Err((column, "not UTF-8".to_owned()));
        };
        put(value, fate, mapping, cells)?;
    }
    Ok(())
}

/// Puts one value where it belongs. The error names the column and what is wrong with it.
pub(super) fn put(
    value: &str,
    fate: &Fate,
    mapping: &Mapping,
    cells: &mut Cells,
) -> std::result::Result<(), (String, String)> {
    match fate {
        Fate::Wanted { field, inner } => {
            if let Some(field) = field {
                cells.set(*field, value);
            }
            if let Some(node) = inner.filter(|_| value.trim_start().starts_with('{')) {
                mapping
                    .trie
                    .walk(node, value, cells, None)
                    .map_err(|e| (String::new(), format!("a column that is broken JSON: {e}")))?;
            }
        }
        Fate::Extra(name) => {
            let trimmed = value.trim();
            if !trimmed.is_empty() && !mapping.is_null(trimmed) {
                cells.add_extra(name, value);
            }
        }
        Fate::Tag(key) => {
            let trimmed = value.trim();
            if !trimmed.is_empty() && !mapping.is_null(trimmed) {
                cells.add_tag(key, value);
            }
        }
        Fate::Ignored => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::source::testing::{decode_text, texts};

    const MAPPING: &str = r#"
        title = "test"
        table = "outcomes"
        extra = []
        null_values = ["NULL"]
        [recognise]
        all = ["task"]
        [reader.csv]
        [columns]
        task_id = { from = "task" }
        success = { from = "ok" }
        recorded_at = { from = ["at", "meta.at"] }
        variant = { from = "arm" }
    "#;

    #[test]
    fn quotes_marks_and_line_numbers() {
        let text = "\u{feff}task,ok,at,arm,note\r\n\"a,\"\"b\"\"\",true,2026-09-14,NULL,\"two\r\nlines\"\r\nd,false,2026-09-15,x,\r\n";
        let (report, batch) = decode_text(MAPPING, text).unwrap();
        assert_eq!((report.rows_in, report.rows_out), (2, 2));
        assert_eq!(texts(&batch, "task_id"), ["a,\"b\"", "d"]);
        assert_eq!(texts(&batch, "variant"), ["", "x"]);
        assert_eq!(texts(&batch, "file_row"), ["2", "4"]);
    }

    #[test]
    fn ragged_rows_are_refused_and_their_neighbours_kept() {
        let text = "task,ok,at\na,true,2026-09-14\nb,true\nc,true,2026-09-14,more\n\nd,maybe,2026-09-14\ne,no,2026-09-14\n";
        let (report, batch) = decode_text(MAPPING, text).unwrap();
        assert_eq!(texts(&batch, "task_id"), ["a", "e"]);
        assert_eq!(report.rows_in, 5);
        let found: Vec<_> = report
            .rejects
            .iter()
            .map(|r| (r.line, r.column.as_str(), r.value.as_deref()))
            .collect();
        assert_eq!(found, [(3, "", None), (4, "", None), (6, "ok", Some("maybe"))]);
        assert_eq!(report.rejects[0].reason, "2 fields where the header has 3");
    }

    #[test]
    fn a_header_alone_has_no_rows_and_no_header_is_an_error() {
        let (report, _) = decode_text(MAPPING, "task,ok,at\n").unwrap();
        assert_eq!((report.rows_in, report.rejects.len()), (0, 0));
        for end in ["", "\r", "\r\n", "\r\r\n"] {
            let (report, _) = decode_text(MAPPING, &format!("task,ok,at{end}")).unwrap();
            assert_eq!((report.rows_in, report.cut_off), (0, false), "{end:?}");
        }
        assert!(decode_text(MAPPING, "").is_err());
        assert!(
            decode_text(MAPPING, "task,ok,ok,at\n")
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
    }

    #[test]
    fn a_cell_may_hold_json() {
        let (_, batch) = decode_text(
            MAPPING,
            "task,ok,meta\na,1,\"{\"\"at\"\": \"\"2026-09-14\"\"}\"\n",
        )
        .unwrap();
        assert_eq!(texts(&batch, "recorded_at"), ["2026-09-14T00:00:00Z"]);
    }

    #[test]
    fn translated_headers_keep_their_name_in_brackets() {
        let mapping = MAPPING.replace("[reader.csv]", "[reader.csv]\nnames_in_brackets = true");
        let text = "Aufgabe (Nr.) (task),Erfolg (OK),Zeit (at),arm\na,1,2026-09-14,x\n";
        let (_, batch) = decode_text(&mapping, text).unwrap();
        assert_eq!(texts(&batch, "task_id"), ["a"]);
        assert_eq!(texts(&batch, "variant"), ["x"]);
        assert!(decode_text(&mapping, "Aufgabe (task),task,ok,at\n").is_err());
        assert_eq!(decode_text(MAPPING, text).unwrap().0.rows_out, 0);
    }

    #[test]
    fn bytes_that_are_no_text_cost_their_row() {
        let mut bytes = b"task,ok,at\na,true,2026-09-14\n".to_vec();
        bytes.extend_from_slice(b"\xff\xfe,true,2026-09-14\n");
        let (report, _) = crate::source::testing::decode_bytes(MAPPING, bytes).unwrap();
        assert_eq!(
            (report.rows_out, report.rejects[0].reason.as_str()),
            (1, "not UTF-8")
        );
    }
}
