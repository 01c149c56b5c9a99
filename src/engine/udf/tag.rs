//! `tag(tags, key)`: the value of a tag, however its key is capitalised.

use super::args;
use arrow::array::{Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Teams write `Team`, `team` and `TEAM`. The very key goes before its other spellings; two of those
/// with different values decide nothing.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Tag {
    signature: Signature,
}

impl Default for Tag {
    fn default() -> Self {
        Tag {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

fn value<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, key: &str) -> Option<&'a str> {
    let lower = key.to_lowercase();
    let mut alike: Option<&str> = None;
    let mut decided = true;
    for (name, value) in pairs {
        if name == key {
            return Some(value);
        }
        if name.to_lowercase() == lower {
            decided &= alike.is_none_or(|known| known == value);
            alike = Some(value);
        }
    }
    alike.filter(|_| decided)
}

impl ScalarUDFImpl for Tag {
    fn name(&self) -> &str {
        "tag"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        match &types[0] {
            tags @ (DataType::Map(..) | DataType::Null) => Ok(vec![tags.clone(), DataType::Utf8]),
            other => plan_err!("tag takes a map such as tags, not {other}"),
        }
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (pairs, keys) = (args::pairs(&arrays[0])?, args::texts(&arrays[1])?);
        let values: StringArray = (0..call.number_rows)
            .map(|row| match keys.is_null(row) {
                true => None,
                false => value(pairs.of(row), keys.value(row)),
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn a_tag_is_found_in_any_case_unless_two_are_alike() {
        for (tags, key, expected) in [
            ("{'Team': 'a', 'owner': 'b'}", "team", "a"),
            ("{'TEAM': 'a', 'team': 'b'}", "team", "b"),
            ("{'TEAM': 'a', 'Team': 'b'}", "team", "NULL"),
            ("{'TEAM': 'a', 'Team': 'a'}", "team", "a"),
            ("{'owner': 'b'}", "team", "NULL"),
        ] {
            assert_eq!(
                query(&format!("SELECT tag(MAP {tags}, '{key}')")),
                [expected],
                "{tags}"
            );
        }
        assert_eq!(query("SELECT tag(NULL, 'team')"), ["NULL"]);
        assert!(fails("SELECT tag('text', 'team')").contains("map"));
    }
}
