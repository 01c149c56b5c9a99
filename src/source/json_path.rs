//! Takes the wanted fields out of a JSON text and steps over all else without looking at it: prompts
//! and answers are never copied. A path may lead on inside a text that is itself JSON.

use super::MAX_DEPTH;
use super::collect::Cells;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Field paths (`metadata.usage_object.prompt_tokens`) as a tree of keys.
#[derive(Debug)]
pub(super) struct Trie(Vec<Node>);

#[derive(Debug, Default)]
struct Node {
    field: Option<usize>,
    children: Vec<(String, usize)>,
}

/// The beginning of a path.
pub(super) const ROOT: usize = 0;

impl Trie {
    pub(super) fn new(paths: &[String]) -> Trie {
        let mut nodes = vec![Node::default()];
        for (field, path) in paths.iter().enumerate() {
            let mut at = ROOT;
            for key in path.split('.') {
                at = match nodes[at].children.iter().find(|(k, _)| k == key) {
                    Some((_, child)) => *child,
                    None => {
                        nodes.push(Node::default());
                        let child = nodes.len() - 1;
                        nodes[at].children.push((key.to_owned(), child));
                        child
                    }
                };
            }
            nodes[at].field = Some(field);
        }
        Trie(nodes)
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
        let raw: &RawValue = serde::Deserialize::deserialize(d)?;
        store(self.cells, field, raw).map_err(D::Error::custom)?;
        if self.trie.has_children(self.node) && raw.get().starts_with(['{', '"']) {
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
            children: &self.trie.0[self.node].children,
            keep: self.keep,
        })? {
            match key {
                Found::Child(node) => {
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
                Found::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
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
    children: &'a [(String, usize)],
    keep: Option<&'a dyn Fn(&str) -> bool>,
}

enum Found {
    Child(usize),
    Kept(String),
    Other,
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
        Ok(match self.children.iter().find(|(k, _)| k == key) {
            Some((_, node)) => Found::Child(*node),
            None if self.keep.is_some_and(|keep| keep(key)) => Found::Kept(key.to_owned()),
            None => Found::Other,
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
