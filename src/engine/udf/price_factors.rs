//! `price_factors(extra)`: what a price row multiplies its rates by, word by word.

use super::args;
use crate::base::money;
use arrow::array::StringArray;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Any region but `global`. No region has such a name.
pub(super) const ELSEWHERE: &str = "@elsewhere";

/// Keys of price maps that hold factors by word: regions, inference geographies, tiers.
const BY_WORD: &str = "provider_specific_entry";
/// `regional_processing_uplift_multiplier_eu` is the factor of `eu`; without a word, of any region but
/// `global`.
const UPLIFT: &str = "uplift_multiplier";

/// A JSON object of word and factor, both as text; NULL where the row multiplies by nothing.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PriceFactors {
    signature: Signature,
}

impl Default for PriceFactors {
    fn default() -> Self {
        PriceFactors {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

fn factors<'a>(extra: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in extra {
        if key == BY_WORD {
            // What such an object says beside numbers is none of a price's business.
            let words: BTreeMap<String, Box<RawValue>> = serde_json::from_str(value).unwrap_or_default();
            for (word, raw) in words {
                if money::parse(raw.get()).is_ok() {
                    found.insert(word.to_ascii_lowercase(), raw.get().to_owned());
                }
            }
        } else if let Some((_, word)) = key.split_once(UPLIFT)
            && money::parse(value).is_ok()
        {
            let word = match word.strip_prefix('_') {
                Some(word) => word.to_ascii_lowercase(),
                None => ELSEWHERE.to_owned(),
            };
            found.insert(word, value.to_owned());
        }
    }
    if found.is_empty() {
        return None;
    }
    serde_json::to_string(&found).ok()
}

impl ScalarUDFImpl for PriceFactors {
    fn name(&self) -> &str {
        "price_factors"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(types.to_vec())
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let extra = args::pairs(&arrays[0])?;
        let found: StringArray = (0..call.number_rows).map(|row| factors(extra.of(row))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::factors;

    #[test]
    fn factors_are_told_by_their_word() {
        let said = [
            (
                "provider_specific_entry",
                r#"{"us": 1.1, "fast": 2, "schema": "v2"}"#,
            ),
            ("regional_processing_uplift_multiplier_eu", "1.2"),
            ("regional_endpoint_uplift_multiplier", "1.10"),
            ("max_tokens", "8"),
        ];
        assert_eq!(
            factors(said.into_iter()).as_deref(),
            Some(r#"{"@elsewhere":"1.10","eu":"1.2","fast":"2","us":"1.1"}"#)
        );
        assert_eq!(factors([("mode", "chat")].into_iter()), None);
        assert_eq!(factors([("provider_specific_entry", "us")].into_iter()), None);
    }
}
