//! Rows that stand inside of something else: spans of a trace, answers in the envelope of a log. What a
//! row does not say itself is taken from the objects around it, the nearest first.

use crate::source::collect::Cells;
use crate::source::json_path::{ROOT, Trie};
use crate::source::json_scan::{Outcome, Scan, elements, members};
use crate::source::mapping::RowPath;
use std::collections::BTreeMap;

/// Looks for rows along a path and hands their texts and what is around them to `found`. `entry` is the field
/// that takes the key of what `*` stands for. False when the path leads nowhere.
pub(super) fn rows(
    trie: &Trie,
    fields: usize,
    entry: Option<usize>,
    path: &RowPath,
    json: &str,
    found: &mut dyn FnMut(&str, &Cells) -> Outcome<()>,
) -> Outcome<bool> {
    let nothing = Cells::new(fields);
    let mut search = Search {
        trie,
        fields,
        entry,
        found,
    };
    search.descend(&path.0, json, &nothing)
}

struct Search<'a> {
    trie: &'a Trie,
    fields: usize,
    entry: Option<usize>,
    found: &'a mut dyn FnMut(&str, &Cells) -> Outcome<()>,
}

impl Search<'_> {
    fn descend(&mut self, path: &[(String, bool)], json: &str, outer: &Cells) -> Outcome<bool> {
        let Some(((key, list), rest)) = path.split_first() else {
            (self.found)(json, outer)?;
            return Ok(true);
        };
        if key == "*" {
            return self.entries(rest, json, outer);
        }
        let Some(inner) = member(json, key)? else {
            return Ok(false);
        };
        let mut around = Cells::new(self.fields);
        self.trie.walk(ROOT, json, &mut around, None)?;
        around.inherit(outer);
        let unpacked;
        let inner = match inner.starts_with('"') {
            // Some logs write what they wrap as a text.
            true => {
                unpacked = Scan::new(inner).quoted()?.read()?;
                unpacked.trim()
            }
            false => inner,
        };
        if !*list {
            return match inner.starts_with('{') {
                true => self.descend(rest, inner, &around),
                false => Ok(false),
            };
        }
        // A page without rows may say null.
        if inner == "null" {
            return Ok(true);
        }
        if !inner.starts_with('[') {
            return Ok(false);
        }
        let mut rows = Vec::new();
        elements(inner, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        for row in rows {
            // What is no object is handed on, to be refused.
            let rest = if row.starts_with('{') { rest } else { &[] };
            self.descend(rest, row, &around)?;
        }
        Ok(true)
    }

    /// Every object in an object, whatever its key. What is no object is no row.
    fn entries(&mut self, rest: &[(String, bool)], json: &str, outer: &Cells) -> Outcome<bool> {
        let mut around = Cells::new(self.fields);
        self.trie.walk(ROOT, json, &mut around, None)?;
        around.inherit(outer);
        let mut entries = BTreeMap::new();
        members(json, &mut |key, value| {
            entries.insert(key, value);
            Ok(())
        })?;
        let mut found = false;
        for (key, value) in entries.iter().filter(|(_, v)| v.starts_with('{')) {
            if let Some(field) = self.entry {
                around.set(field, key);
            }
            found |= self.descend(rest, value, &around)?;
        }
        Ok(found)
    }
}

/// The value of one key of an object.
fn member<'a>(json: &'a str, key: &str) -> Outcome<Option<&'a str>> {
    let mut found = None;
    members(json, &mut |name, value| {
        if name == key {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}
