//! `uplift(factors, tier, region, geo, api_base)`: by what a price list multiplies its rates for where,
//! and in which tier, an attempt ran.

use super::args;
use super::price_factors::ELSEWHERE;
use crate::base::money;
use arrow::array::{Array, Decimal128Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of the place, one factor counts: that of the inference geography, else of the region, else of the
/// first label of the endpoint's host (`eu.api.example.com`), else that of any region but `global`.
/// The factor of the tier's own word comes on top. Without a factor that fits: 1.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Uplift {
    signature: Signature,
}

impl Default for Uplift {
    fn default() -> Self {
        Uplift {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// `https://eu.api.example.com` → `eu`.
fn first_label(api_base: &str) -> Option<&str> {
    let (_, host) = api_base.split_once("://")?;
    host.split('.').next()
}

fn factor(
    factors: &BTreeMap<String, i128>,
    tier: Option<&str>,
    region: Option<&str>,
    geo: Option<&str>,
    api_base: Option<&str>,
) -> Option<i128> {
    let of = |word: Option<&str>| word.and_then(|w| factors.get(&w.trim().to_ascii_lowercase()).copied());
    let regional = geo.or(region).is_some_and(|r| !r.eq_ignore_ascii_case("global"));
    let place = of(geo)
        .or_else(|| of(region))
        .or_else(|| of(api_base.and_then(first_label)))
        .or_else(|| of(regional.then_some(ELSEWHERE)))
        .unwrap_or(money::ONE);
    money::mul(place, of(tier).unwrap_or(money::ONE))
}

impl ScalarUDFImpl for Uplift {
    fn name(&self) -> &str {
        "uplift"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 5)?;
        Ok(vec![DataType::Utf8; 5])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let texts = arrays.iter().map(args::texts).collect::<Result<Vec<_>>>()?;
        let at =
            |column: &StringArray, row: usize| (!column.is_null(row)).then(|| column.value(row).to_owned());
        let mut answers = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let Some(said) = at(texts[0], row) else {
                answers.push(Some(money::ONE));
                continue;
            };
            let Ok(said) = serde_json::from_str::<BTreeMap<String, String>>(&said) else {
                return exec_err!("'{said}' does not come from price_factors");
            };
            let mut factors = BTreeMap::new();
            for (word, factor) in said {
                match money::parse(&factor) {
                    Ok(factor) => factors.insert(word, factor),
                    Err(why) => return exec_err!("factor '{factor}' of {word} is {why}"),
                };
            }
            let [tier, region, geo, api_base] = [1, 2, 3, 4].map(|i| at(texts[i], row));
            match factor(
                &factors,
                tier.as_deref(),
                region.as_deref(),
                geo.as_deref(),
                api_base.as_deref(),
            ) {
                Some(factor) => answers.push(Some(factor)),
                None => return exec_err!("the factors of a price are too large"),
            }
        }
        let answers = Decimal128Array::from(answers).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn one_place_and_one_tier_count() {
        let said = |rest: &str| {
            query(&format!(
                r#"SELECT uplift('{{"us":"1.1","eu":"1.2","fast":"2","@elsewhere":"1.05"}}', {rest})"#
            ))[0]
                .trim_end_matches('0')
                .to_owned()
        };
        assert_eq!(said("NULL, NULL, NULL, NULL"), "1.");
        assert_eq!(said("'standard', 'US', NULL, NULL"), "1.1");
        assert_eq!(said("'fast', 'us', NULL, NULL"), "2.2");
        assert_eq!(said("NULL, 'us', 'eu', NULL"), "1.2");
        assert_eq!(said("NULL, NULL, NULL, 'https://eu.api.example.com'"), "1.2");
        assert_eq!(said("NULL, 'asia-south1', NULL, NULL"), "1.05");
        assert_eq!(said("NULL, 'global', NULL, NULL"), "1.");
        assert_eq!(
            query("SELECT uplift(NULL, 'fast', 'us', NULL, NULL)"),
            ["1.000000000000000000"]
        );
    }
}
