//! JSON: one object a line, one array of objects, one or more objects over many lines, or one object
//! whose entries are the rows. Rows may stand inside of these (`nest`). Values are cut out one at a time and only the wanted paths are read.
//! In a file of lines a broken line costs only itself.

use super::blocks::{self, Block, End};
use super::values::{Found, Values};
use super::{Input, Reader, Tear, first_byte, nest, options, skip_bom};
use crate::base::{Error, Result};
use crate::source::MAX_RECORD_BYTES;
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::json_path::ROOT;
use crate::source::json_scan::Broken;
use crate::source::mapping::{Mapping, RowPath};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};

/// Objects of a file that recognition looks at, and how deep into each.
const LOOKED_AT: usize = 200;
const NAMES_DEPTH: usize = 5;

#[derive(Debug)]
pub(super) struct Json;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The rows are the entries of one object; the entry's key is the field of this name.
    entry_key: Option<String>,
    /// Entries that are no rows.
    #[serde(default)]
    skip_entries: Vec<String>,
}

impl Reader for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn check(&self, table: &toml::Table) -> Result<()> {
        options::<Options>("json", table).map(|_| ())
    }

    fn names(&self, head: &[u8], table: &toml::Table) -> Option<Vec<String>> {
        let options: Options = options("json", table).ok()?;
        if !matches!(first_byte(head)?, b'{' | b'[') {
            return None;
        }
        let head = skip_bom(head).ok()?;
        let mut names = BTreeSet::new();
        let depth = if options.entry_key.is_some() { 1 } else { 0 };
        let mut deserializer = serde_json::Deserializer::from_slice(head);
        // The head ends somewhere: what was seen up to there counts. Logs mix kinds of lines, so one is
        // not enough.
        for _ in 0..LOOKED_AT {
            let all = Names {
                skip: depth,
                path: String::new(),
                depth: 0,
                names: &mut names,
            };
            if all.deserialize(&mut deserializer).is_err() {
                break;
            }
        }
        Some(names.into_iter().collect())
    }

    fn read(
        &self,
        input: Input,
        table: &toml::Table,
        mapping: &Mapping,
        ctx: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let options: Options = options("json", table)?;
        skip_bom(input.head())?;
        let layout = Layout::of(input.head(), &options);
        let tear = input.tear();
        let mut input = BufReader::with_capacity(256 << 10, input.into_read());
        if input.fill_buf()?.starts_with(&[0xEF, 0xBB, 0xBF]) {
            input.consume(3);
        }
        let key = match &options.entry_key {
            Some(name) => Some(
                mapping
                    .field(name)
                    .ok_or_else(|| Error::config(format!("no column uses the entry key '{name}'")))?,
            ),
            None => None,
        };
        if layout == Layout::Lines {
            let read =
                |block: &Block, out: &mut Collector<'_>| Rows::new(mapping, key, &options, out).lines(block);
            // Rows inside of a line are told apart by their ordinal in the file.
            return match mapping.rows.is_empty() {
                true => blocks::read(Box::new(input), &tear, mapping, ctx, out, &read),
                false => blocks::read_in_order(Box::new(input), &tear, out, &read),
            };
        }
        Rows::new(mapping, key, &options, out).values(&mut Values::new(input, layout), &tear)
    }
}

/// How the objects of a file stand one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Lines,
    /// Whole objects, one after the other.
    Documents,
    Array,
    Entries,
}

impl Layout {
    fn of(head: &[u8], options: &Options) -> Layout {
        let head = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head);
        if options.entry_key.is_some() {
            return Layout::Entries;
        }
        if first_byte(head) == Some(b'[') {
            return Layout::Array;
        }
        let mut lines = head
            .split(|b| *b == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|l| !l.is_empty());
        let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        // An object over many lines leaves its first line open and does not open a second one, unless it
        // ends where something has to follow.
        let open = serde_json::from_slice::<IgnoredAny>(first).is_err_and(|e| e.is_eof());
        let goes_on = matches!(first.last(), Some(b'[' | b'{' | b',' | b':'));
        if open && !second.is_empty() && (goes_on || !second.starts_with(b"{")) {
            Layout::Documents
        } else {
            Layout::Lines
        }
    }
}

struct Rows<'a, 'b> {
    mapping: &'a Mapping,
    cells: Cells,
    key: Option<usize>,
    skip: &'a [String],
    out: &'a mut Collector<'b>,
}

impl<'a, 'b> Rows<'a, 'b> {
    fn new(
        mapping: &'a Mapping,
        key: Option<usize>,
        options: &'a Options,
        out: &'a mut Collector<'b>,
    ) -> Rows<'a, 'b> {
        // What was learnt of the rows of other blocks.
        let cells = out.kept.cells.take();
        Rows {
            mapping,
            cells: cells.unwrap_or_else(|| Cells::new(mapping.fields.len())),
            key,
            skip: &options.skip_entries,
            out,
        }
    }

    fn lines(&mut self, block: &Block) -> Result<()> {
        if block.too_long {
            let reason = format!("the line is longer than {} MiB", MAX_RECORD_BYTES >> 20);
            self.out.reject(block.line, "", None, reason);
            return Ok(());
        }
        let whole = simdutf8::basic::from_utf8(&block.bytes).ok();
        let mut lines = blocks::lines(block).peekable();
        while let Some((number, range)) = lines.next() {
            let last = lines.peek().is_none();
            if last && block.end == End::Torn {
                self.out
                    .reject(number, "", None, "the packed file breaks off in this line");
                self.out.ends_early();
                break;
            }
            let line = match whole {
                Some(whole) => whole.get(range),
                None => std::str::from_utf8(&block.bytes[range]).ok(),
            };
            let before = self.out.rejects();
            match line {
                Some(line) if line.trim_ascii().is_empty() => {}
                Some(line) => self.one(number, line, None)?,
                None => self.out.reject(number, "", None, "not UTF-8"),
            }
            if last && block.end == End::Open && self.out.rejects() > before {
                self.out.ends_early();
            }
        }
        self.out.kept.cells = Some(std::mem::take(&mut self.cells));
        Ok(())
    }

    fn values<R: BufRead>(&mut self, values: &mut Values<R>, tear: &Tear) -> Result<()> {
        let mut last = 0;
        let mut buffer = Vec::new();
        let mut key = Vec::new();
        loop {
            let line = match values.next(&mut key, &mut buffer)? {
                Found::Value(line) => line,
                Found::Broken { line, reason, ends } => {
                    last = line;
                    self.out.reject(line, "", None, reason);
                    if ends {
                        self.out.ends_early();
                    }
                    continue;
                }
                Found::End => {
                    if tear.is_torn() {
                        self.out.breaks_off(last + 1);
                    }
                    return Ok(());
                }
            };
            last = line;
            let entry = match (self.key, serde_json::from_slice::<String>(&key)) {
                (None, _) => None,
                (Some(_), Ok(entry)) => Some(entry),
                (Some(_), Err(_)) => {
                    self.out
                        .reject(line, "", None, "broken JSON: a key that is no text");
                    continue;
                }
            };
            if entry.as_ref().is_some_and(|name| self.skip.contains(name)) {
                continue;
            }
            match std::str::from_utf8(&buffer) {
                Ok(json) => self.one(line, json, entry.as_deref())?,
                Err(_) => self.out.reject(line, "", None, "not UTF-8"),
            }
        }
    }

    /// Reads one row. Its text is never shown: it may hold a prompt.
    fn one(&mut self, line: u64, json: &str, entry: Option<&str>) -> Result<()> {
        if !json.trim_start().starts_with('{') {
            self.out.reject(line, "", None, "not a JSON object");
            return Ok(());
        }
        let mut found = false;
        for path in &self.mapping.rows {
            match self.nested(path, line, json) {
                Ok(true) => {
                    found = true;
                    break;
                }
                Ok(false) => {}
                Err(Nested::Json(e)) => {
                    self.out.reject(line, "", None, broken(&e));
                    return Ok(());
                }
                Err(Nested::Other(e)) => return Err(e),
            }
        }
        if found {
            return Ok(());
        }
        self.cells.begin(json);
        let mapping = self.mapping;
        let keep = |name: &str| mapping.wants_extra(name);
        let keep: Option<&dyn Fn(&str) -> bool> = if mapping.extra.is_empty() {
            None
        } else {
            Some(&keep)
        };
        match self.mapping.trie.walk(ROOT, json, &mut self.cells, keep) {
            Ok(()) => {
                if let (Some(field), Some(entry)) = (self.key, entry) {
                    self.cells.set(field, entry);
                }
                self.out.row_of(line, &self.cells, json)
            }
            Err(e) => {
                self.out.reject(line, "", None, broken(&e));
                Ok(())
            }
        }
    }

    /// Reads the rows that stand inside of a value. Several in one place are told apart by their ordinal.
    fn nested(&mut self, path: &RowPath, line: u64, json: &str) -> std::result::Result<bool, Nested> {
        let mapping = self.mapping;
        let keep = |name: &str| mapping.wants_extra(name);
        let keep: Option<&dyn Fn(&str) -> bool> = if mapping.extra.is_empty() {
            None
        } else {
            Some(&keep)
        };
        let mut failed = None;
        let found = nest::rows(
            &mapping.trie,
            mapping.fields.len(),
            mapping.field("*"),
            path,
            json.trim(),
            &mut |row, around| {
                if failed.is_some() {
                    return Ok(());
                }
                let place = if path.is_list() { self.out.next_row() } else { line };
                if !row.starts_with('{') {
                    self.out.reject(place, "", None, "not a JSON object");
                    return Ok(());
                }
                self.cells.clear();
                let read = mapping.trie.walk(ROOT, row, &mut self.cells, keep);
                self.cells.inherit(around);
                match read {
                    Ok(()) => failed = self.out.row(place, &self.cells).err(),
                    Err(e) => self.out.reject(place, "", None, broken(&e)),
                }
                Ok(())
            },
        );
        match (failed, found) {
            (Some(e), _) => Err(Nested::Other(e)),
            (None, found) => found.map_err(Nested::Json),
        }
    }
}

/// Why nested rows could not be read: the value is broken, or the rows could not be taken.
enum Nested {
    Json(Broken),
    Other(Error),
}

fn broken(e: &Broken) -> String {
    format!("broken JSON: {e}")
}

/// Collects what objects say of their kind: keys, inner keys as paths, and short texts as `path=text`.
/// Lists are seen through.
struct Names<'a> {
    /// Levels whose keys are no names.
    skip: usize,
    path: String,
    depth: usize,
    names: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let mut path = String::new();
            if self.skip == 0 {
                path = match self.path.is_empty() {
                    true => key,
                    false => format!("{}.{key}", self.path),
                };
                self.names.insert(path.clone());
            }
            if self.depth < NAMES_DEPTH {
                map.next_value_seed(Names {
                    skip: self.skip.saturating_sub(1),
                    path,
                    depth: self.depth + 1,
                    names: self.names,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while seq
            .next_element_seed(Names {
                skip: self.skip,
                path: self.path.clone(),
                depth: self.depth,
                names: self.names,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<(), E> {
        if text.starts_with('{') {
            // An object that a log wrapped as a text.
            let _ = self.deserialize(&mut serde_json::Deserializer::from_str(text));
            return Ok(());
        }
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !self.path.is_empty() && text.len() <= 40 && text.chars().all(word) {
            self.names.insert(format!("{}={text}", self.path));
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> std::result::Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> std::result::Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> std::result::Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::source::testing::{decode_text, texts};

    const MAPPING: &str = r#"
        title = "test"
        table = "outcomes"
        [recognise]
        all = ["task"]
        [reader.json]
        [columns]
        task_id = { from = "task" }
        success = { from = "ok" }
        recorded_at = { from = ["at", "meta.at"] }
        value = { from = "meta.value" }
    "#;

    #[test]
    fn four_layouts_say_the_same() {
        let row = |t: &str| {
            format!(r#"{{"task": "{t}", "ok": true, "meta": {{"at": "2026-09-14", "value": 1.80}}}}"#)
        };
        let pretty = |t: &str| row(t).replace(", ", ",\n  ").replace("{\"task", "{\n  \"task");
        let wanted = ["a", "b"];
        for text in [
            format!("{}\n\n{}\n", row("a"), row("b")),
            format!("{}\r\n{}", row("a"), row("b")),
            format!("[{},\n {}]\n", row("a"), row("b")),
            format!("\u{feff}[\n{}\n,{}\n]", pretty("a"), pretty("b")),
            format!("{}\n{}\n", pretty("a"), pretty("b")),
        ] {
            let (report, batch) = decode_text(MAPPING, &text).unwrap();
            assert_eq!((report.rows_in, report.rejects.len()), (2, 0), "{text}");
            assert_eq!(texts(&batch, "task_id"), wanted, "{text}");
            assert_eq!(texts(&batch, "value")[0], "1.800000000000000000");
        }
        let (report, _) = decode_text(MAPPING, &pretty("a")).unwrap();
        assert_eq!(report.rows_out, 1);
        assert_eq!(decode_text(MAPPING, "[]").unwrap().0.rows_in, 0);
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        let good = r#"{"task": "a", "ok": true, "at": "2026-09-14"}"#;
        let text =
            format!("{good}\n{{\"task\": \"b\", \"ok\": tru\n{good}\n[1]\n{good}\n{{\"task\": \"secret");
        let (report, _) = decode_text(MAPPING, &text).unwrap();
        assert_eq!((report.rows_in, report.rows_out), (6, 3));
        assert_eq!(
            report.rejects.iter().map(|r| r.line).collect::<Vec<_>>(),
            [2, 4, 6]
        );
        assert!(
            report
                .rejects
                .iter()
                .all(|r| r.value.is_none() && !r.reason.contains("secret"))
        );
    }

    #[test]
    fn lines_of_an_array_are_counted_and_its_breaks_reported() {
        let text = "[\n{\"task\": \"a\", \"ok\": true, \"at\": \"2026-09-14\"},\n{\"task\": \"b\", \"ok\": 5, \"at\": \"x\"}\n]";
        let (report, _) = decode_text(MAPPING, text).unwrap();
        let found: Vec<_> = report
            .rejects
            .iter()
            .map(|r| (r.line, r.column.as_str()))
            .collect();
        assert_eq!(found, [(3, "at"), (3, "ok")]);
    }

    #[test]
    fn rows_inside_of_what_was_logged_around_them() {
        let mapping = MAPPING.replace("[recognise]", "rows = [\"page.items[]\", \"page\"]\n[recognise]");
        let text = concat!(
            r#"{"at": "2026-09-14", "page": {"ok": true, "items": [{"task": "a"}, 5, {"task": "b", "ok": false}]}}"#,
            "\n",
            r#"{"at": "2026-09-15", "page": {"task": "c", "ok": true, "at": null}}"#,
            "\n",
            r#"{"at": "2026-09-16", "task": "d", "ok": true, "page": null}"#,
            "\n",
            r#"{"at": "2026-09-17", "page": "{\"task\": \"e\", \"ok\": true}"}"#,
            "\n",
            r#"{"at": "2026-09-18", "page": {"items": [{"ok": true}, {"ok": true}]}}"#,
        );
        let (report, batch) = decode_text(&mapping, text).unwrap();
        assert_eq!(texts(&batch, "task_id"), ["a", "b", "c", "d", "e"]);
        assert_eq!(
            texts(&batch, "success"),
            ["true", "false", "true", "true", "true"]
        );
        assert_eq!(texts(&batch, "recorded_at")[2], "2026-09-15T00:00:00Z");
        let lines: Vec<_> = report.rejects.iter().map(|r| r.line).collect();
        assert_eq!((report.rows_in, lines), (8, vec![2, 7, 8]), "told apart");
    }

    #[test]
    fn rows_stand_in_lists_inside() {
        let mapping = MAPPING
            .replace("[recognise]", "rows = [\"data[].results[]\"]\n[recognise]")
            .replace("\"at\", ", "");
        let page = r#"{"data": [
            {"meta": {"at": "2026-09-14"}, "task": "outer", "results": [
                {"task": "a", "ok": true, "meta": {"value": 1.10}},
                {"ok": false, "meta": {"at": "2026-09-15"}}]},
            {"meta": {"at": "2026-09-16"}, "results": []},
            {"meta": {"at": "2026-09-16"}, "results": null},
            {"meta": {"at": "2026-09-16"}, "results": [3]}],
            "has_more": false}"#;
        for text in [page.to_owned(), page.replace('\n', " "), format!("[{page}]")] {
            let (report, batch) = decode_text(&mapping, &text).unwrap();
            assert_eq!(texts(&batch, "task_id"), ["a", "outer"]);
            assert_eq!(texts(&batch, "recorded_at")[1], "2026-09-15T00:00:00Z");
            assert_eq!(report.rejects.len(), 1, "{:?}", report.rejects);
        }
    }

    #[test]
    fn entries_that_are_no_rows_are_no_rejects() {
        let mapping = MAPPING.replace("[recognise]", "where = \"kind = 'row'\"\n[recognise]");
        let mapping = mapping.replace("[columns]", "[let]\nkind = { from = \"kind\" }\n[columns]");
        let text = concat!(
            r#"{"kind": "note", "at": "soon"}"#,
            "\n",
            r#"{"kind": "row", "task": "a", "ok": true, "at": "2026-09-14"}"#,
            "\n",
            r#"{"kind": "row", "task": "b", "ok": true}"#,
        );
        let (report, batch) = decode_text(&mapping, text).unwrap();
        assert_eq!(
            (report.rows_in, texts(&batch, "task_id")),
            (2, vec!["a".to_owned()])
        );
        assert_eq!(report.rejects.len(), 1);
        assert_eq!(report.notes, ["entries that are no outcomes: 1"]);
    }

    #[test]
    fn entries_of_an_object_are_rows() {
        let mapping = MAPPING.replace(
            "[reader.json]",
            "[reader.json]\nentry_key = \"task\"\nskip_entries = [\"doc\"]",
        );
        let text = r#"{"doc": {"x": 1}, "a/\"b\"": {"ok": true, "at": "2026-09-14"}, "c": {"ok": false, "at": "2026-09-15"}}"#;
        let (report, batch) = decode_text(&mapping, text).unwrap();
        assert_eq!(report.rows_in, 2);
        assert_eq!(texts(&batch, "task_id"), ["a/\"b\"", "c"]);
    }
}
