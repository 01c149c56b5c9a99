//! `json_extract_string(json, path)` and `json_exists(json, path)`: values by their path, out of JSON
//! kept as text, or out of a map such as tags. `json ->> path` is the first of them.

use super::args;
use arrow::array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use serde_json::Value;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// Text as it is, other values as JSON; null is NULL.
    Text,
    /// Is there such a value? One that is null is there.
    Exists,
}

/// A path is `$.key.key[0]`, with keys in double quotes where they need it, or the bare name of one
/// key. NULL where the text is no JSON. A map is flat: what follows `$.` is its key, dots and all.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct JsonPath {
    signature: Signature,
    ask: Ask,
}

impl JsonPath {
    pub(super) fn new(ask: Ask) -> Self {
        JsonPath {
            signature: Signature::user_defined(Volatility::Immutable),
            ask,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The steps of a path; none where it is not well written.
fn steps(path: &str) -> Option<Vec<Step>> {
    let Some(mut rest) = path.strip_prefix('$') else {
        return Some(vec![Step::Key(path.to_owned())]);
    };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            steps.push(match unquoted(inside) {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Index(inside.parse().ok()?),
            });
            rest = after;
            continue;
        }
        let after = rest.strip_prefix('.')?;
        let end = match after.strip_prefix('"') {
            Some(quoted) => quoted.find('"')? + 2,
            None => after.find(['.', '[']).unwrap_or(after.len()),
        };
        let (key, after) = after.split_at(end);
        let key = unquoted(key).unwrap_or(key);
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        rest = after;
    }
    Some(steps)
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

fn find<'a>(json: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(json, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(at) => value.get(at),
    })
}

/// What was found in one row.
enum Found {
    /// The row holds nothing that could be searched.
    Nothing,
    Absent,
    Value(Option<String>),
}

fn in_text(text: &str, steps: &[Step]) -> Found {
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        return Found::Nothing;
    };
    match find(&json, steps) {
        None => Found::Absent,
        Some(Value::Null) => Found::Value(None),
        Some(Value::String(text)) => Found::Value(Some(text.clone())),
        Some(other) => Found::Value(Some(other.to_string())),
    }
}

fn in_map(pairs: &args::Pairs<'_>, row: usize, path: &str) -> Found {
    let key = path.strip_prefix("$.").unwrap_or(path);
    let key = unquoted(key).unwrap_or(key);
    match pairs.of(row).find(|(name, _)| *name == key) {
        Some((_, value)) => Found::Value(Some(value.to_owned())),
        None => Found::Absent,
    }
}

impl JsonPath {
    fn rows(&self, json: &ArrayRef, paths: &StringArray) -> Result<Vec<Found>> {
        let is_map = matches!(json.data_type(), DataType::Map(..));
        let pairs = if is_map {
            args::pairs(json)?
        } else {
            args::Pairs::none()
        };
        let texts = if is_map { None } else { Some(args::texts(json)?) };
        // One path for all rows nearly always.
        let mut last: Option<(&str, Vec<Step>)> = None;
        let mut found = Vec::with_capacity(json.len());
        for row in 0..json.len() {
            if json.is_null(row) || paths.is_null(row) {
                found.push(Found::Nothing);
                continue;
            }
            let path = paths.value(row);
            let Some(texts) = texts else {
                found.push(in_map(&pairs, row, path));
                continue;
            };
            if last.as_ref().is_none_or(|(known, _)| *known != path) {
                let Some(steps) = steps(path) else {
                    return exec_err!(
                        "{}: '{path}' is no path; write it as '$.key' or '$.key[0]'",
                        self.name()
                    );
                };
                last = Some((path, steps));
            }
            let steps = last.as_ref().map_or(&[][..], |(_, steps)| steps.as_slice());
            found.push(in_text(texts.value(row), steps));
        }
        Ok(found)
    }
}

impl ScalarUDFImpl for JsonPath {
    fn name(&self) -> &str {
        match self.ask {
            Ask::Text => "json_extract_string",
            Ask::Exists => "json_exists",
        }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        let json = match &types[0] {
            map @ DataType::Map(..) => map.clone(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
            other => return plan_err!("{} takes JSON as text, or a map, not {other}", self.name()),
        };
        Ok(vec![json, DataType::Utf8])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.ask {
            Ask::Text => DataType::Utf8,
            Ask::Exists => DataType::Boolean,
        })
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let found = self.rows(&arrays[0], args::texts(&arrays[1])?)?;
        let values: ArrayRef = match self.ask {
            Ask::Text => {
                let text = |found| match found {
                    Found::Value(value) => value,
                    Found::Nothing | Found::Absent => None,
                };
                Arc::new(found.into_iter().map(text).collect::<StringArray>())
            }
            Ask::Exists => {
                let exists = |found: &Found| match found {
                    Found::Value(_) => Some(true),
                    Found::Absent => Some(false),
                    Found::Nothing => None,
                };
                Arc::new(found.iter().map(exists).collect::<BooleanArray>())
            }
        };
        Ok(ColumnarValue::Array(values))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn values_are_found_by_their_path() {
        let json = r#"'{"CoreCount": 8, "a": {"b": [1, {"c": "x"}]}, "d.e": true, "n": null}'"#;
        for (path, expected) in [
            ("$.CoreCount", "8"),
            ("CoreCount", "8"),
            ("$.a.b[1].c", "x"),
            ("$.a[\"b\"][0]", "1"),
            ("$.\"d.e\"", "true"),
            ("d.e", "true"),
            ("$.a", "{\"b\":[1,{\"c\":\"x\"}]}"),
            ("$.n", "NULL"),
            ("$.nothing", "NULL"),
        ] {
            let sql = format!("SELECT json_extract_string({json}, '{path}')");
            assert_eq!(query(&sql), [expected], "{path}");
        }
        for (path, expected) in [("$.n", "true"), ("$.nothing", "false"), ("$.a.b[2]", "false")] {
            let sql = format!("SELECT json_exists({json}, '{path}')");
            assert_eq!(query(&sql), [expected], "{path}");
        }
    }

    #[test]
    fn a_map_is_searched_like_json() {
        let map = "MAP {'team': 'search', 'k8s.io/app': 'web'}";
        for (path, expected) in [
            ("team", "search"),
            ("$.team", "search"),
            ("$.k8s.io/app", "web"),
            ("$.\"k8s.io/app\"", "web"),
            ("$.owner", "NULL"),
        ] {
            let sql = format!("SELECT json_extract_string({map}, '{path}')");
            assert_eq!(query(&sql), [expected], "{path}");
        }
        assert_eq!(
            query(&format!("SELECT json_exists({map}, '$.' || 'team')")),
            ["true"]
        );
    }

    #[test]
    fn what_is_no_json_is_null_and_what_is_no_path_an_error() {
        assert_eq!(query("SELECT json_extract_string('eight', '$.a')"), ["NULL"]);
        assert_eq!(query("SELECT json_exists('eight', '$.a')"), ["NULL"]);
        assert_eq!(query("SELECT json_exists(NULL, '$.a')"), ["NULL"]);
        assert!(fails("SELECT json_exists('{}', '$a')").contains("no path"));
        assert!(fails("SELECT json_exists('{}', '$.a[x]')").contains("no path"));
        assert!(fails("SELECT json_exists(8, '$.a')").contains("JSON as text"));
    }
}
