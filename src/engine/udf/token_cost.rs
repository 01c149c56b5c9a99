//! `token_cost(factor, tokens, rate, tokens, rate, …)`: what tokens cost, all or nothing.

use super::args;
use crate::base::money;
use arrow::array::{Array, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Σ tokens × rate, times the factor (NULL: 1), rounded half to even once. No tokens cost nothing at
/// any rate, known or not; tokens without a rate make the whole NULL, never 0.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenCost {
    signature: Signature,
}

impl Default for TokenCost {
    fn default() -> Self {
        TokenCost {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for TokenCost {
    fn name(&self) -> &str {
        "token_cost"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() < 3 || types.len().is_multiple_of(2) {
            return plan_err!("token_cost takes a factor, then pairs of tokens and their rate");
        }
        types
            .iter()
            .enumerate()
            .map(|(at, ty)| match at % 2 {
                1 if ty.is_integer() || ty.is_null() => Ok(DataType::Int64),
                1 => plan_err!("token_cost counts whole tokens, not {ty}"),
                _ => args::amount(self.name(), ty),
            })
            .collect()
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let factor = args::decimals(&arrays[0])?;
        let mut pairs = Vec::with_capacity(arrays.len() / 2);
        for pair in arrays[1..].chunks_exact(2) {
            let Some(tokens) = pair[0].as_primitive_opt::<Int64Type>() else {
                return exec_err!("token_cost counts whole tokens");
            };
            pairs.push((tokens, args::decimals(&pair[1])?));
        }
        let mut costs = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let mut cost = Some(0_i128);
            for (tokens, rate) in &pairs {
                if tokens.is_null(row) || tokens.value(row) == 0 {
                    continue;
                }
                if rate.is_null(row) {
                    cost = None;
                    break;
                }
                let part = i128::from(tokens.value(row)).checked_mul(rate.value(row));
                cost = match cost.zip(part).and_then(|(sum, part)| sum.checked_add(part)) {
                    Some(sum) => Some(sum),
                    None => return exec_err!("the cost of {} tokens is too large", tokens.value(row)),
                };
            }
            costs.push(match cost {
                Some(cost) if !factor.is_null(row) => match money::mul(cost, factor.value(row)) {
                    Some(cost) => Some(cost),
                    None => return exec_err!("a cost times its factor is too large for an amount"),
                },
                cost => cost,
            });
        }
        let costs = Decimal128Array::from(costs).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(costs)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn tokens_without_a_rate_are_never_free() {
        let short = |sql: &str| {
            query(&format!("SELECT {sql}"))[0]
                .trim_end_matches('0')
                .to_owned()
        };
        assert_eq!(short("token_cost(NULL, 3, 0.5, 2, 0.25)"), "2.");
        assert_eq!(short("token_cost(1.1, 3, 0.5, 2, 0.25)"), "2.2");
        assert_eq!(query("SELECT token_cost(NULL, 3, 0.5, 2, NULL)"), ["NULL"]);
        assert_eq!(short("token_cost(NULL, 3, 0.5, 0, NULL)"), "1.5");
        assert_eq!(short("token_cost(NULL, 3, 0.5, NULL, NULL)"), "1.5");
        assert!(fails("SELECT token_cost(NULL, 1.5, 2)").contains("whole tokens"));
        assert!(fails("SELECT token_cost(1, 2)").contains("pairs"));
    }
}
