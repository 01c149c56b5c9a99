//! Tags in the forms they are delivered in, as ordered pairs: a JSON object (also without its braces,
//! as Azure writes it), a JSON list of `key:value` texts, or a list of {key, value} or {name, value} objects.

use crate::base::Result;
use crate::schema::Ty;
use arrow::array::{MapArray, MapBuilder, MapFieldNames, StringBuilder};
use arrow::datatypes::{DataType, Field};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

pub(super) type Pairs = Vec<(String, Option<String>)>;

/// So few tags are looked through quicker than they are sorted out.
const FEW: usize = 16;

/// Reads tags. Of a key that stands twice, the first counts.
pub(super) fn parse(text: &str) -> std::result::Result<Pairs, String> {
    let text = text.trim();
    let braced;
    let text = if text.starts_with('"') && !text.starts_with("\"[") {
        braced = format!("{{{text}}}");
        &braced
    } else {
        text
    };
    let Tags(pairs) =
        serde_json::from_str(text).map_err(|_| "tags are neither a JSON object nor a list".to_owned())?;
    if pairs.len() < FEW {
        let mut unique = Pairs::with_capacity(pairs.len());
        for pair in pairs {
            if unique.iter().all(|(key, _)| *key != pair.0) {
                unique.push(pair);
            }
        }
        return Ok(unique);
    }
    let mut known = HashSet::with_capacity(pairs.len());
    let first: Vec<bool> = pairs.iter().map(|(key, _)| known.insert(key.as_str())).collect();
    if !first.contains(&false) {
        return Ok(pairs);
    }
    let unique = pairs.into_iter().zip(first).filter(|(_, first)| *first);
    Ok(unique.map(|(pair, _)| pair).collect())
}

/// The value of the first tag of that key.
pub(super) fn value_of(text: &str, key: &str) -> std::result::Result<Option<String>, String> {
    let found = parse(text)?.into_iter().find(|(k, _)| k == key);
    Ok(found.and_then(|(_, value)| value).filter(|v| !v.is_empty()))
}

struct Tags(Pairs);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Tags, D::Error> {
        d.deserialize_any(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Tags, A::Error> {
        let mut pairs = Pairs::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            pairs.push((key, plain(value.get())));
        }
        Ok(Tags(pairs))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Tags, A::Error> {
        let mut pairs = Pairs::new();
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            // A text is no pair, and most lists have nothing else.
            let text = raw.get().starts_with('"');
            if text && let Some(text) = plain(raw.get()) {
                pairs.push(split(text));
            } else if let Ok(one) = serde_json::from_str::<KeyValue<'_>>(raw.get()) {
                pairs.push((one.key, one.value.and_then(|v| plain(v.get()))));
            } else if let Ok(one) = serde_json::from_str::<NameValue<'_>>(raw.get()) {
                pairs.push((one.name, one.value.and_then(|v| plain(v.get()))));
            } else if raw.get().starts_with('{') {
                // Nothing says what it is, and it may hold anything.
            } else if let Some(text) = plain(raw.get()) {
                pairs.push(split(text));
            }
        }
        Ok(Tags(pairs))
    }

    fn visit_unit<E>(self) -> std::result::Result<Tags, E> {
        Ok(Tags(Pairs::new()))
    }
}

/// `key:value`, or a bare key.
fn split(text: String) -> (String, Option<String>) {
    match text.split_once(':') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (text, Some(String::new())),
    }
}

#[derive(serde::Deserialize)]
struct KeyValue<'a> {
    #[serde(alias = "Key")]
    key: String,
    #[serde(alias = "Value", borrow)]
    value: Option<&'a RawValue>,
}

/// Scores are named.
#[derive(serde::Deserialize)]
struct NameValue<'a> {
    name: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// A JSON value as a text: strings unquoted, null as nothing, all else as it stands.
pub(super) fn plain(text: &str) -> Option<String> {
    if text == "null" {
        return None;
    }
    serde_json::from_str::<String>(text)
        .ok()
        .or_else(|| Some(text.to_owned()))
}

/// Builds the map column of the canonical tables. A row without tags is NULL.
pub(super) struct TagsBuilder(MapBuilder<StringBuilder, StringBuilder>);

impl Default for TagsBuilder {
    fn default() -> Self {
        let names = MapFieldNames {
            entry: "key_value".into(),
            key: "key".into(),
            value: "value".into(),
        };
        TagsBuilder(
            MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
                .with_values_field(Field::new("value", DataType::Utf8, true)),
        )
    }
}

impl TagsBuilder {
    pub(super) fn append<K: AsRef<str>, V: AsRef<str>>(&mut self, pairs: &[(K, Option<V>)]) -> Result<()> {
        for (key, value) in pairs {
            self.0.keys().append_value(key);
            self.0.values().append_option(value.as_ref());
        }
        self.0.append(!pairs.is_empty())?;
        Ok(())
    }

    /// One row without tags.
    pub(super) fn of_none() -> Result<MapArray> {
        let mut none = TagsBuilder::default();
        none.append::<&str, &str>(&[])?;
        none.finish()
    }

    pub(super) fn finish(&mut self) -> Result<MapArray> {
        let map = self.0.finish();
        debug_assert_eq!(arrow::array::Array::data_type(&map), &Ty::Tags.arrow());
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pairs(text: &str) -> Vec<(String, Option<String>)> {
        parse(text).unwrap()
    }

    #[test]
    fn forms_of_tags() {
        let both = vec![
            ("team".to_owned(), Some("cx".to_owned())),
            ("tier".to_owned(), Some("2".to_owned())),
        ];
        assert_eq!(pairs(r#"{"team": "cx", "tier": 2}"#), both);
        assert_eq!(pairs(r#""team": "cx", "tier": "2""#), both);
        assert_eq!(pairs(r#"["team:cx", "tier:2", "team:other"]"#), both);
        assert_eq!(
            pairs(r#"[{"key":"team","value":"cx"},{"Key":"tier","Value":2}]"#),
            both
        );
        assert_eq!(
            pairs(r#"["bare", "a:b:c"]"#)[0],
            ("bare".to_owned(), Some(String::new()))
        );
        assert_eq!(pairs(r#"["a:b:c"]"#)[0], ("a".to_owned(), Some("b:c".to_owned())));
        assert_eq!(
            pairs(r#"{"a": null, "b": {"c": 1}}"#)[1].1.as_deref(),
            Some(r#"{"c": 1}"#)
        );
        assert!(pairs("{}").is_empty() && pairs("[]").is_empty() && pairs("null").is_empty());
        let many: Vec<String> = (0..40).map(|n| format!("\"k{}:{n}\"", n % 20)).collect();
        let many = pairs(&format!("[{}]", many.join(",")));
        assert_eq!(
            (many.len(), &many[19]),
            (20, &("k19".to_owned(), Some("19".to_owned())))
        );
        assert!(parse("team=cx").is_err());
        assert!(parse(r#"{"team": "cx""#).is_err());
    }

    #[test]
    fn one_tag() {
        assert_eq!(
            value_of(r#"["env:prod", "use_case:a", "use_case:b"]"#, "use_case")
                .unwrap()
                .as_deref(),
            Some("a")
        );
        assert_eq!(value_of(r#"["use_case"]"#, "use_case").unwrap(), None);
    }
}
