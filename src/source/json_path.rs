//! Takes the wanted fields out of a JSON text and steps over all else without looking at it: prompts
//! and answers are never copied. A path may lead on inside a text that is itself JSON, and into a list
//! of {key, value} objects as if it were one object. A key that has dots is a path of its own.

use super::MAX_DEPTH;
use super::collect::Cells;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Field paths (`metadata.usage_object.prompt_tokens`) as a tree of keys.
#[derive(Debug)]
pub(super) struct Trie(Vec<Node>);

#[derive(Debug, Default)]
struct Node {
    path: String,
    field: Option<usize>,
    children: Vec<(String, usize)>,
    /// Inside an object that counts tokens: a number that no field takes is kept under its path.
    counts: bool,
    /// What stands here, besides fields, is a part or a sum of what other fields say.
    known: bool,
}

/// Where a key leads.
enum Step {
    Node(usize),
    /// To a count that no field takes.
    Uncounted(String),
    Nowhere,
}

/// The beginning of a path.
pub(super) const ROOT: usize = 0;

impl Trie {
    pub(super) fn new(paths: &[String]) -> Trie {
        let mut trie = Trie(vec![Node::default()]);
        for (field, path) in paths.iter().enumerate() {
            let at = trie.insert(path);
            trie.0[at].field = Some(field);
        }
        trie
    }

    /// Has the objects at these paths searched for counts that no field takes, less the `known` ones.
    pub(super) fn counting(mut self, at: &[String], known: &[String]) -> Trie {
        for path in known {
            let node = self.insert(path);
            self.0[node].known = true;
        }
        for path in at {
            let mut inside = vec![self.insert(path)];
            while let Some(node) = inside.pop() {
                if self.0[node].known {
                    continue;
                }
                self.0[node].counts = true;
                inside.extend(self.0[node].children.iter().map(|(_, child)| *child));
            }
        }
        self
    }

    fn insert(&mut self, path: &str) -> usize {
        let mut at = ROOT;
        for key in path.split('.') {
            at = match self.child(at, key) {
                Some(child) => child,
                None => {
                    let path = joined(&self.0[at].path, key);
                    self.0.push(Node {
                        path,
                        ..Node::default()
                    });
                    let child = self.0.len() - 1;
                    self.0[at].children.push((key.to_owned(), child));
                    child
                }
            };
        }
        at
    }

    fn child(&self, node: usize, key: &str) -> Option<usize> {
        let found = self.0[node].children.iter().find(|(k, _)| k == key);
        found.map(|(_, child)| *child)
    }

    fn step(&self, from: usize, key: &str) -> Step {
        let mut at = from;
        let mut rest = key;
        loop {
            let (part, after) = match rest.split_once('.') {
                Some((part, after)) => (part, Some(after)),
                None => (rest, None),
            };
            let Some(child) = self.child(at, part) else {
                return if self.0[at].counts {
                    Step::Uncounted(joined(&self.0[at].path, rest))
                } else {
                    Step::Nowhere
                };
            };
            at = child;
            match after {
                Some(after) => rest = after,
                None => return Step::Node(at),
            }
        }
    }

    /// The node of a first key, without regard to case: headers of tables are written in many ways.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        let children = &self.0[ROOT].children;
        let exact = children.iter().find(|(k, _)| k == name);
        exact
            .or_else(|| children.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)))
            .map(|(_, node)| *node)
    }

    pub(super) fn field(&self, node: usize) -> Option<usize> {
        self.0[node].field
    }

    pub(super) fn has_children(&self, node: usize) -> bool {
        !self.0[node].children.is_empty()
    }

    /// Walks a text of JSON that is the value of `node`.
    pub(super) fn walk_inner(
        &self,
        node: usize,
        json: &str,
        cells: &mut Cells,
    ) -> Result<(), serde_json::Error> {
        if too_deep(json.as_bytes()) {
            return Err(serde_json::Error::custom(format!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        let mut deserializer = serde_json::Deserializer::from_str(json);
        (&mut deserializer).deserialize_any(Walk {
            trie: self,
            node,
            cells,
            keep: None,
        })?;
        deserializer.end()
    }

    /// Walks one JSON value. `keep` tells which unknown keys of the outermost object are kept.
    pub(super) fn walk(
        &self,
        node: usize,
        json: &str,
        cells: &mut Cells,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<(), serde_json::Error> {
        if too_deep(json.as_bytes()) {
            return Err(serde_json::Error::custom(format!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        let mut deserializer = serde_json::Deserializer::from_str(json);
        Walk {
            trie: self,
            node,
            cells,
            keep,
        }
        .deserialize(&mut deserializer)?;
        deserializer.end()
    }
}

/// Whether brackets outside of texts nest too deep. Skipped values are not walked, so serde's own
/// limit does not see them.
fn too_deep(json: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json {
        if quoted {
            (quoted, escaped) = match byte {
                _ if escaped => (true, false),
                b'\\' => (true, true),
                b'"' => (false, false),
                _ => (true, false),
            };
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Keeps the whole numbers of a value that no field takes, each under its path.
fn uncounted(cells: &mut Cells, path: &str, json: &str) {
    match json.as_bytes().first() {
        Some(b'{') => {
            let inside: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
            for (key, value) in inside {
                uncounted(cells, &joined(path, &key), value.get());
            }
        }
        Some(b'[') => {
            let inside: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            for value in inside {
                uncounted(cells, path, value.get());
            }
        }
        // Some exporters write whole numbers as texts.
        _ => {
            if let Ok(count @ 1..) = json.trim_matches('"').parse::<i64>() {
                cells.add_uncounted(path, count);
            }
        }
    }
}

/// One object of a list that stands for an object. Attributes of traces and tags of clouds are written
/// so; Gemini counts tokens by modality.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(alias = "Key", alias = "modality", borrow)]
    key: Cow<'a, str>,
    #[serde(alias = "Value", alias = "tokenCount", alias = "token_count", borrow)]
    value: Option<&'a RawValue>,
}

/// One object of a list whose objects say what they are: its type is its key.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// The value of an attribute in OTLP, which names its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyValue<'a> {
    #[serde(borrow)]
    string_value: Option<&'a RawValue>,
    #[serde(borrow)]
    int_value: Option<&'a RawValue>,
    #[serde(borrow)]
    double_value: Option<&'a RawValue>,
    #[serde(borrow)]
    bool_value: Option<&'a RawValue>,
    #[serde(borrow)]
    kvlist_value: Option<Values<'a>>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
}

/// The value itself, whatever names its type.
fn bare(value: &RawValue) -> &str {
    let text = value.get();
    if !text.starts_with('{') {
        return text;
    }
    let Ok(any) = serde_json::from_str::<AnyValue<'_>>(text) else {
        return text;
    };
    let named = any.string_value.or(any.int_value).or(any.double_value);
    let named = named
        .or(any.bool_value)
        .or(any.kvlist_value.map(|list| list.values));
    named.map_or(text, RawValue::get)
}

struct Walk<'a> {
    trie: &'a Trie,
    node: usize,
    cells: &'a mut Cells,
    keep: Option<&'a dyn Fn(&str) -> bool>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        let Some(field) = self.trie.field(self.node) else {
            return d.deserialize_any(self);
        };
        let raw: &RawValue = Deserialize::deserialize(d)?;
        store(self.cells, field, raw).map_err(D::Error::custom)?;
        if self.trie.has_children(self.node) && raw.get().starts_with(['{', '"', '[']) {
            let mut inner = serde_json::Deserializer::from_str(raw.get());
            inner.deserialize_any(self).map_err(D::Error::custom)?;
        }
        Ok(())
    }
}

/// Keeps a value as a text: a JSON text without its quotes, anything else as it is written.
fn store(cells: &mut Cells, field: usize, raw: &RawValue) -> Result<(), serde_json::Error> {
    let text = raw.get();
    match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => cells.set(field, plain),
        Some(_) => cells.set(field, &serde_json::from_str::<String>(text)?),
        None if text == "null" => cells.unset(field),
        None => cells.set(field, text),
    }
    Ok(())
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key {
            trie: self.trie,
            node: self.node,
            keep: self.keep,
        })? {
            match key {
                Found::Step(Step::Node(node)) => {
                    map.next_value_seed(Walk {
                        trie: self.trie,
                        node,
                        cells: self.cells,
                        keep: None,
                    })?;
                }
                Found::Kept(name) => {
                    let raw: &RawValue = map.next_value()?;
                    if let Some(value) = super::tags::plain(raw).filter(|v| !v.is_empty()) {
                        self.cells.add_extra(&name, &value);
                    }
                }
                Found::Step(Step::Uncounted(path)) => {
                    let raw: &RawValue = map.next_value()?;
                    uncounted(self.cells, &path, raw.get());
                }
                Found::Step(Step::Nowhere) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    /// A list whose objects have keys is read like an object; any other list has no fields.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let node = &self.trie.0[self.node];
        if node.children.is_empty() && !node.counts {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            let (key, value) = if let Ok(entry) = serde_json::from_str::<Entry<'_>>(raw.get()) {
                (entry.key, entry.value.map(bare))
            } else if let Ok(typed) = serde_json::from_str::<Typed<'_>>(raw.get()) {
                (typed.kind, Some(raw.get()))
            } else {
                continue;
            };
            let Some(value) = value else { continue };
            match self.trie.step(self.node, &key) {
                Step::Node(node) => {
                    let walk = Walk {
                        trie: self.trie,
                        node,
                        cells: self.cells,
                        keep: None,
                    };
                    walk.deserialize(&mut serde_json::Deserializer::from_str(value))
                        .map_err(A::Error::custom)?;
                }
                Step::Uncounted(path) => uncounted(self.cells, &path, value),
                Step::Nowhere => {}
            }
        }
        Ok(())
    }

    /// JSON inside a text. A text that does not look like an object has no fields.
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.trim_start().starts_with('{') {
            self.trie
                .walk_inner(self.node, text, self.cells)
                .map_err(|e| E::custom(format!("text that is broken JSON: {e}")))?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Compares a key with the wanted ones without keeping it.
struct Key<'a> {
    trie: &'a Trie,
    node: usize,
    keep: Option<&'a dyn Fn(&str) -> bool>,
}

enum Found {
    Step(Step),
    Kept(String),
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Found, D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Found, E> {
        Ok(match self.trie.step(self.node, key) {
            Step::Nowhere if self.keep.is_some_and(|keep| keep(key)) => Found::Kept(key.to_owned()),
            step => Found::Step(step),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn walk(paths: &[&str], json: &str) -> Result<Vec<Option<String>>, String> {
        let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
        let mut cells = Cells::new(paths.len());
        Trie::new(&paths)
            .walk(ROOT, json, &mut cells, None)
            .map_err(|e| e.to_string())?;
        Ok((0..paths.len())
            .map(|f| cells.get(f).map(str::to_owned))
            .collect())
    }

    #[test]
    fn numbers_keep_their_digits_and_texts_lose_their_quotes() {
        let json = r#"{"a": 1.10e-7, "b": {"c": "x\n\u00e9", "d": null}, "e": [1, {"a": 2}], "f": true}"#;
        let found = walk(&["a", "b.c", "b.d", "e", "f", "missing"], json).unwrap();
        let found: Vec<_> = found.iter().map(|f| f.as_deref()).collect();
        assert_eq!(
            found,
            [
                Some("1.10e-7"),
                Some("x\né"),
                None,
                Some(r#"[1, {"a": 2}]"#),
                Some("true"),
                None
            ]
        );
    }

    #[test]
    fn paths_lead_into_texts() {
        let json = r#"{"m": "{\"u\": {\"n\": 3}, \"t\": \"{\\\"k\\\": \\\"v\\\"}\"}"}"#;
        assert_eq!(
            walk(&["m.u.n", "m.t.k"], json).unwrap(),
            [Some("3".to_owned()), Some("v".to_owned())]
        );
        assert_eq!(walk(&["m.u"], r#"{"m": "None"}"#).unwrap(), [None]);
        assert!(
            walk(&["m.u"], r#"{"m": "{\"u\": 1"}"#)
                .unwrap_err()
                .contains("broken JSON")
        );
    }

    #[test]
    fn lists_of_keys_and_values_are_objects() {
        let json = r#"{"attributes": [
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "31"}},
            {"key": "gen_ai.input.messages", "value": {"stringValue": "secret"}},
            {"key": "more", "value": {"kvlistValue": {"values": [{"key": "n", "value": {"doubleValue": 0.5}}]}}},
            {"key": "none"}, "bare", 5
        ], "details": [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "TEXT"}], "plain": {"a.b": 1}}"#;
        let paths = [
            "attributes.gen_ai.usage.input_tokens",
            "attributes.more.n",
            "details.AUDIO",
            "details.TEXT",
            "plain.a.b",
        ];
        let found = walk(&paths, json).unwrap();
        let found: Vec<_> = found.iter().map(|f| f.as_deref()).collect();
        assert_eq!(found, [Some("31"), Some("0.5"), Some("7"), None, Some("1")]);
    }

    #[test]
    fn counts_that_no_field_takes_are_kept_under_their_path() {
        let names = |all: &[&str]| all.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        let trie = Trie::new(&names(&["u.in", "u.d.cached", "u.k.a"]))
            .counting(&names(&["u"]), &names(&["u.total", "u.it.message", "u.k"]));
        let json = r#"{"other": 5, "u": {"in": 1, "total": 9, "d": {"cached": 2, "video": 3}, "k": {"a": 8, "b": 9}, "new": {"deep": "4"},
            "cost": 0.5, "none": 0, "text": "secret", "it": [{"type": "message", "in": 1},
            {"type": "compaction", "in": 6}, {"type": "compaction", "in": 7}]}}"#;
        let mut cells = Cells::new(3);
        trie.walk(ROOT, json, &mut cells, None).unwrap();
        assert_eq!(
            cells.get(2),
            Some("8"),
            "a known object may have fields all the same"
        );
        let found: Vec<_> = cells.uncounted().map(|(p, n)| format!("{p}={n}")).collect();
        assert_eq!(found, ["u.d.video=3", "u.new.deep=4", "u.it.compaction.in=13"]);
    }

    #[test]
    fn broken_and_bottomless_values_are_refused() {
        assert!(walk(&["a"], r#"{"a": 1"#).is_err());
        assert!(walk(&["a"], r#"{"a": 1} x"#).is_err());
        let deep = format!(
            r#"{{"skipped": {}1{}, "a": 1}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        assert!(walk(&["a"], &deep).unwrap_err().contains("nested"));
        let text = format!(r#"{{"skipped": "{}", "a": 1}}"#, "[".repeat(200));
        assert_eq!(walk(&["a"], &text).unwrap(), [Some("1".to_owned())]);
    }
}
