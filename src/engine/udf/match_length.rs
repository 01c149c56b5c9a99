//! `match_length(text, regex)`: how much of a text a pattern explains.

use super::args;
use arrow::array::{Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::{exec_datafusion_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;
use std::collections::HashMap;
use std::sync::Arc;

/// Characters in the longest match; NULL where there is none. A pattern is compiled once per batch,
/// and a text that stands in many rows is searched once.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MatchLength {
    signature: Signature,
}

pub(in crate::engine) fn match_length() -> ScalarUDF {
    MatchLength {
        signature: Signature::user_defined(Volatility::Immutable),
    }
    .into()
}

fn compile(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|e| exec_datafusion_err!("'{pattern}' is not a regular expression: {e}"))
}

fn longest(pattern: &Regex, text: &str) -> Option<i64> {
    pattern
        .find_iter(text)
        .map(|m| m.as_str().chars().count() as i64)
        .max()
}

impl ScalarUDFImpl for MatchLength {
    fn name(&self) -> &str {
        "match_length"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        for ty in types {
            if !ty.is_string() && *ty != DataType::Null {
                return plan_err!("match_length takes texts, not {ty}");
            }
        }
        Ok(vec![DataType::Utf8, DataType::Utf8])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (texts, patterns) = (args::texts(&arrays[0])?, args::texts(&arrays[1])?);
        let mut compiled: HashMap<&str, Regex> = HashMap::new();
        let mut known: HashMap<(&str, &str), Option<i64>> = HashMap::new();
        let mut lengths = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            if texts.is_null(row) || patterns.is_null(row) {
                lengths.push(None);
                continue;
            }
            let (text, pattern) = (texts.value(row), patterns.value(row));
            if let Some(length) = known.get(&(text, pattern)) {
                lengths.push(*length);
                continue;
            }
            if !compiled.contains_key(pattern) {
                compiled.insert(pattern, compile(pattern)?);
            }
            let length = compiled.get(pattern).and_then(|p| longest(p, text));
            known.insert((text, pattern), length);
            lengths.push(length);
        }
        Ok(ColumnarValue::Array(Arc::new(Int64Array::from(lengths))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn the_longest_match_counts() {
        assert_eq!(
            query("SELECT match_length('o3 and o3-2026-04-16', 'o3[0-9-]*')"),
            ["13"]
        );
        assert_eq!(query("SELECT match_length('gpt-4o', 'claude')"), ["NULL"]);
        assert_eq!(query("SELECT match_length(NULL, 'claude')"), ["NULL"]);
        let rows = "SELECT match_length(t, '(?i)é+') FROM (VALUES ('Éé'), ('x'), ('Éé')) AS v(t)";
        assert_eq!(query(rows), ["2", "NULL", "2"]);
        assert!(fails("SELECT match_length('a', '(')").contains("not a regular expression"));
    }
}
