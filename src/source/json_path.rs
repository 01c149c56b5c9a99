//! Takes the wanted fields out of a JSON text and steps over all else without looking at it: prompts
//! and answers go nowhere. A path may lead on inside a text that is itself JSON, and into a list
//! of {key, value} objects as if it were one object. A key that has dots is a path of its own.

use super::collect::Cells;
use super::json_memory::{Leads, Memory, Skipped};
use super::json_scan::{Broken, Outcome, Quoted, Scan, elements, members};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

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

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.0.len()
    }

    /// Where a key of an object leads.
    pub(super) fn leads(&self, from: usize, key: &str) -> Leads {
        match self.step(from, key) {
            Step::Node(child) => Leads::Node(child),
            Step::Uncounted(_) => Leads::Uncounted,
            Step::Nowhere => Leads::Nowhere,
        }
    }

    /// The field that a node is, and whether there may be others inside of it.
    pub(super) fn place(&self, node: usize) -> (Option<usize>, bool) {
        let node = &self.0[node];
        (node.field, !node.children.is_empty() || node.counts)
    }

    /// The node of a first key, without regard to case: headers of tables are written in many ways.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        let children = &self.0[ROOT].children;
        let exact = children.iter().find(|(k, _)| k == name);
        exact
            .or_else(|| children.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)))
            .map(|(_, node)| *node)
    }

    pub(super) fn has_children(&self, node: usize) -> bool {
        !self.0[node].children.is_empty()
    }

    /// Walks a text that is an object. `keep` tells which of its unknown keys are kept.
    pub(super) fn walk(
        &self,
        node: usize,
        json: &str,
        cells: &mut Cells,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Outcome<()> {
        let mut memory = std::mem::take(&mut cells.memory);
        memory.fit(self.nodes());
        let mut walk = Walk {
            trie: self,
            cells,
            memory: &mut memory,
        };
        let walked = walk.whole(node, json, keep);
        cells.memory = memory;
        walked
    }
}

pub(super) struct Walk<'a> {
    pub(super) trie: &'a Trie,
    pub(super) cells: &'a mut Cells,
    pub(super) memory: &'a mut Memory,
}

impl Walk<'_> {
    fn whole(&mut self, node: usize, json: &str, keep: Option<&dyn Fn(&str) -> bool>) -> Outcome<()> {
        let mut scan = Scan::new(json);
        self.object(node, &mut scan, keep)?;
        scan.end()
    }

    fn object(
        &mut self,
        node: usize,
        scan: &mut Scan<'_>,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Outcome<()> {
        let mut expected = 0;
        let mut first = true;
        loop {
            let known = match scan.byte() {
                Some(b'}') => None,
                _ => self.memory.shapes[node].next(expected, first, |before| scan.jump(before)),
            };
            if let Some(at) = known {
                expected = at + 1;
                match self.memory.shapes[node].entry(at).leads {
                    Leads::Node(child) => self.value(child, scan)?,
                    Leads::Nowhere if keep.is_none() => {
                        skip(&mut self.memory.shapes[node].entry(at).skipped, scan)?
                    }
                    leads => {
                        // Rare enough: the key is copied.
                        let key = self.memory.shapes[node].entry(at).key.clone();
                        self.other(node, leads, unread(&key), scan, keep)?;
                    }
                }
            } else {
                let from = scan.place();
                let more = if first {
                    scan.enter(b'{')?
                } else {
                    scan.another(b'{')?
                };
                if !more {
                    return Ok(());
                }
                let key = scan.key()?;
                let leads = self.trie.leads(node, &key.read()?);
                scan.peek()?;
                let shape = &mut self.memory.shapes[node];
                let learnt = shape.learn(expected, first, scan.since(from), key.inner, leads);
                expected = learnt.map_or(expected, |at| at + 1);
                match leads {
                    Leads::Node(child) => self.value(child, scan)?,
                    leads => self.other(node, leads, key, scan, keep)?,
                }
            }
            first = false;
        }
    }

    /// Takes a value that no field is made of.
    fn other(
        &mut self,
        node: usize,
        leads: Leads,
        key: Quoted<'_>,
        scan: &mut Scan<'_>,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Outcome<()> {
        if matches!(leads, Leads::Uncounted) {
            let raw = scan.raw()?;
            if let Step::Uncounted(path) = self.trie.step(node, &key.read()?) {
                uncounted(self.cells, &path, raw);
            }
            return Ok(());
        }
        match keep {
            Some(keep) if keep(&key.read()?) => {
                let value = super::tags::plain(scan.raw()?);
                if let Some(value) = value.filter(|v| !v.is_empty()) {
                    self.cells.add_extra(&key.read()?, &value);
                }
                Ok(())
            }
            _ => scan.skip(),
        }
    }

    /// Takes the value that comes next: as the field of its node, and for the fields inside of it.
    fn value(&mut self, node: usize, scan: &mut Scan<'_>) -> Outcome<()> {
        let Node {
            field,
            children,
            counts,
            ..
        } = &self.trie.0[node];
        let inside = !children.is_empty() || *counts;
        let first = scan.peek()?;
        let from = scan.place();
        match first {
            b'"' => {
                // An object in a text is read where it stands, unless something else in there is escaped, too.
                if inside
                    && field.is_none()
                    && scan.rest().starts_with("\"{")
                    && let Some(length) = self.inner(node, &scan.rest()[1..])
                {
                    scan.advance(1 + length);
                    return Ok(());
                }
                return self.text(*field, inside.then_some(node), scan.quoted()?);
            }
            b'{' if inside => self.object(node, scan, None)?,
            b'[' if inside => self.list(node, scan.raw()?)?,
            _ => scan.skip()?,
        }
        if let Some(field) = *field {
            match scan.since(from) {
                "null" => self.cells.unset(field),
                raw => self.cells.set(field, raw),
            }
        }
        Ok(())
    }

    /// A text, and the fields of the object that may be written in it.
    fn text(&mut self, field: Option<usize>, inside: Option<usize>, text: Quoted<'_>) -> Outcome<()> {
        if field.is_none() && inside.is_none() {
            return Ok(());
        }
        if !text.escaped {
            return self.said(field, inside, text.inner);
        }
        let mut buffer = self.memory.spare.pop().unwrap_or_default();
        let read = text.read_into(&mut buffer);
        let walked = read.and_then(|()| self.said(field, inside, &buffer));
        self.memory.spare.push(buffer);
        walked
    }

    fn said(&mut self, field: Option<usize>, inside: Option<usize>, text: &str) -> Outcome<()> {
        if let Some(field) = field {
            self.cells.set(field, text);
        }
        // A text that does not look like an object has no fields.
        if let Some(node) = inside
            && text.trim_start().starts_with('{')
        {
            return self
                .whole(node, text, None)
                .map_err(|e| Broken::because(format!("text that is broken JSON: {e}")));
        }
        Ok(())
    }

    /// A list whose objects have keys is read like an object; any other list has no fields.
    fn list(&mut self, node: usize, json: &str) -> Outcome<()> {
        elements(json, &mut |raw| {
            let (key, value) = if let Ok(entry) = serde_json::from_str::<KeyValue<'_>>(raw) {
                (entry.key, entry.value.map(bare))
            } else if let Ok(typed) = serde_json::from_str::<Typed<'_>>(raw) {
                (typed.kind, Some(raw))
            } else {
                return Ok(());
            };
            let Some(value) = value else { return Ok(()) };
            match self.trie.step(node, &key) {
                Step::Node(child) => {
                    let mut scan = Scan::new(value);
                    self.value(child, &mut scan)?;
                    scan.end()
                }
                Step::Uncounted(path) => {
                    uncounted(self.cells, &path, value);
                    Ok(())
                }
                Step::Nowhere => Ok(()),
            }
        })
    }
}

/// Steps over the value that comes next.
#[inline]
fn skip(known: &mut Skipped, scan: &mut Scan<'_>) -> Outcome<()> {
    if !matches!(scan.peek()?, b'{' | b'[') {
        return scan.skip();
    }
    if let Some(length) = known.length(scan.rest()) {
        scan.advance(length);
        return Ok(());
    }
    known.learn(scan.raw()?);
    Ok(())
}

/// A key that was remembered, as it was written.
fn unread(key: &str) -> Quoted<'_> {
    Quoted {
        inner: key,
        escaped: key.contains('\\'),
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Keeps the whole numbers of a value that no field takes, each under its path. What cannot be read has none.
fn uncounted(cells: &mut Cells, path: &str, json: &str) {
    let json = json.trim();
    match json.as_bytes().first() {
        Some(b'{') => {
            let mut inside = Vec::new();
            let read = members(json, &mut |key, value| {
                inside.push((key.into_owned(), value));
                Ok(())
            });
            for (key, value) in inside.into_iter().filter(|_| read.is_ok()) {
                uncounted(cells, &joined(path, &key), value);
            }
        }
        Some(b'[') => {
            let mut inside = Vec::new();
            let read = elements(json, &mut |value| {
                inside.push(value);
                Ok(())
            });
            for value in inside.into_iter().filter(|_| read.is_ok()) {
                uncounted(cells, path, value);
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
struct KeyValue<'a> {
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
    fn a_field_may_have_fields_inside() {
        let json = r#"{"m": {"u": {"n": 1}}, "t": "{\"u\": 2}", "l": [{"key": "u", "value": 3}]}"#;
        let found = walk(&["m", "m.u", "m.u.n", "t", "t.u", "l", "l.u"], json).unwrap();
        let found: Vec<_> = found.iter().map(|f| f.as_deref().unwrap()).collect();
        let list = r#"[{"key": "u", "value": 3}]"#;
        assert_eq!(
            found,
            [
                r#"{"u": {"n": 1}}"#,
                r#"{"n": 1}"#,
                "1",
                r#"{"u": 2}"#,
                "2",
                list,
                "3"
            ]
        );
    }

    #[test]
    fn what_was_learnt_allows_nothing_that_is_wrong() {
        let paths: Vec<String> = ["a", "b.c"].map(str::to_owned).to_vec();
        let trie = Trie::new(&paths);
        let mut cells = Cells::new(2);
        for (json, good) in [
            (
                r#"{"a": 1, "b": {"c": 2}, "x": {"long enough": "to be remembered"}}"#,
                true,
            ),
            (r#"{"a": 1{"a": 1}"#, false),
            (r#"{"a": 1"b": {"c": 2}}"#, false),
            (r#"{, "b": {"c": 2}}"#, false),
            (r#"{"b": {"c": 2}{"c": 2}}"#, false),
            (r#"{"x": {"long enough": "to be remembered"}}"#, true),
            (r#"{"x": {"long enough": "to be remembered"}"#, false),
            (r#"{"x": {"long enough": "to be remembered"}}}"#, false),
            (r#"{"x": {"long enough": "to be remembered"} "a": 1}"#, false),
            (
                r#"{"a": 1, "b": {"c": 2}, "x": {"long enough": "to be remembered"}}"#,
                true,
            ),
            (
                r#"{"x":1,"x":2,"x":3,"b":"{\"c\":2}","x":{"long enough":"to be remembered"},"a":4}"#,
                true,
            ),
        ] {
            for _ in 0..2 {
                cells.clear();
                let walked = trie.walk(ROOT, json, &mut cells, None);
                assert_eq!(walked.is_ok(), good, "{json}");
                let alone = trie.walk(ROOT, json, &mut Cells::new(2), None);
                assert_eq!(walked, alone, "{json}");
            }
        }
    }

    #[test]
    fn keys_in_another_order_are_found_all_the_same() {
        let paths: Vec<String> = ["a", "b.c", "d"].map(str::to_owned).to_vec();
        let trie = Trie::new(&paths);
        let mut cells = Cells::new(3);
        for json in [
            r#"{"a": 1, "b": {"c": 2}, "d": 3}"#,
            r#"{"d": 3, "x": 0, "b": {"y": 0, "c": 2}, "a": 1}"#,
            r#"{"\u0061": 1, "b": "{\"c\": 2}", "d": 3}"#,
            r#"{"a": 0, "a": 1, "d": 3, "b": {"c": 2}}"#,
        ] {
            cells.clear();
            trie.walk(ROOT, json, &mut cells, None).unwrap();
            assert_eq!(
                [0, 1, 2].map(|f| cells.get(f)),
                [Some("1"), Some("2"), Some("3")],
                "{json}"
            );
        }
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
