//! Rows that stand inside of something else: spans of a trace, answers in the envelope of a log. What a
//! row does not say itself is taken from the objects around it, the nearest first.

use crate::source::collect::Cells;
use crate::source::json_path::{ROOT, Trie};
use crate::source::mapping::RowPath;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

type Outcome<T> = Result<T, serde_json::Error>;

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
        let unpacked: String;
        let inner = match inner.get() {
            // Some logs write what they wrap as a text.
            text if text.starts_with('"') => {
                unpacked = serde_json::from_str(text)?;
                unpacked.trim()
            }
            text => text,
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
        let elements: Vec<&RawValue> = serde_json::from_str(inner)?;
        for element in elements {
            // What is no object is handed on, to be refused.
            let rest = if element.get().starts_with('{') { rest } else { &[] };
            self.descend(rest, element.get(), &around)?;
        }
        Ok(true)
    }

    /// Every object in an object, whatever its key. What is no object is no row.
    fn entries(&mut self, rest: &[(String, bool)], json: &str, outer: &Cells) -> Outcome<bool> {
        let mut around = Cells::new(self.fields);
        self.trie.walk(ROOT, json, &mut around, None)?;
        around.inherit(outer);
        let entries: BTreeMap<String, &RawValue> = serde_json::from_str(json)?;
        let mut found = false;
        for (key, value) in entries.iter().filter(|(_, v)| v.get().starts_with('{')) {
            if let Some(field) = self.entry {
                around.set(field, key);
            }
            found |= self.descend(rest, value.get(), &around)?;
        }
        Ok(found)
    }
}

/// The value of one key of an object.
fn member<'a>(json: &'a str, key: &str) -> Outcome<Option<&'a RawValue>> {
    if !json.starts_with('{') {
        return Err(serde_json::Error::custom("not an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    (&mut deserializer).deserialize_map(Member(key))
}

struct Member<'a>(&'a str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Key(key)) = map.next_key()? {
            if key == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
