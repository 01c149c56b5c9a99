//! `json_field(text, key)`: one value of a JSON object kept as text, such as SkuPriceDetails.

use super::args;
use arrow::array::{Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Text as it is, other values as JSON. NULL where the text is no object, or has no such key, or
/// says null: what a provider did not say is not known.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct JsonField {
    signature: Signature,
}

impl Default for JsonField {
    fn default() -> Self {
        JsonField {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

fn field(text: &str, key: &str) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    match object.get(key)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(value) => Some(value.clone()),
        other => Some(other.to_string()),
    }
}

impl ScalarUDFImpl for JsonField {
    fn name(&self) -> &str {
        "json_field"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        Ok(vec![DataType::Utf8, DataType::Utf8])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (texts, keys) = (args::texts(&arrays[0])?, args::texts(&arrays[1])?);
        let values: StringArray = (0..call.number_rows)
            .map(|row| {
                if texts.is_null(row) || keys.is_null(row) {
                    return None;
                }
                field(texts.value(row), keys.value(row))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn what_is_not_said_is_null() {
        assert_eq!(
            query(r#"SELECT json_field('{"TokenDirection": "Input"}', 'TokenDirection')"#),
            ["Input"]
        );
        assert_eq!(query(r#"SELECT json_field('{"a": 1}', 'a')"#), ["1"]);
        assert_eq!(query(r#"SELECT json_field('{"a": null}', 'a')"#), ["NULL"]);
        assert_eq!(query("SELECT json_field('input', 'a')"), ["NULL"]);
        assert_eq!(query("SELECT json_field(NULL, 'a')"), ["NULL"]);
    }
}
