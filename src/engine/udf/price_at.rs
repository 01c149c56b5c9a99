//! `price_at(input, output, read, write, extra, tier, above)`: the rates of a price row for one service
//! tier and one length of the prompt.

use super::args;
use super::price_entries::{Entry, RATES, STANDARD, entries};
use crate::base::money;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

const BATCH: &str = "batch";
/// What a batch costs of the standard price where the list has no price of its own for it.
const BATCH_SHARE: i128 = money::ONE / 2;
/// Metered by the request; a batch of requests searches the web no cheaper.
const SEARCH: &str = "search";
const REASONING: &str = "reasoning";
const OUTPUT: &str = "output";

/// A struct of one rate per kind of token, and `tier_priced`: the row has some price of that tier.
///
/// A rate that the length does not have is that of the next lower step; one that the tier does not have
/// is the standard one, of a batch half of it. The length goes before the tier: the whole attempt
/// belongs to its step.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PriceAt {
    signature: Signature,
}

impl Default for PriceAt {
    fn default() -> Self {
        PriceAt {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// The price that holds, and how near it is: from which step, and whether it is the tier's own.
fn nearest(said: &[Entry], rate: &str, tier: &str, above: i64) -> Option<(i128, (i64, bool))> {
    let near = |e: &Entry| (e.above, e.tier == tier);
    let fits = |e: &&Entry| e.rate == rate && e.above <= above && (e.tier == tier || e.tier == STANDARD);
    let best = said.iter().filter(fits).max_by_key(|e| near(e))?;
    let price = if tier == BATCH && best.tier != BATCH && rate != SEARCH {
        money::mul(best.price, BATCH_SHARE)?
    } else {
        best.price
    };
    Some((price, near(best)))
}

fn rate_of(said: &[Entry], rate: &str, tier: &str, above: i64) -> Option<i128> {
    let (price, near) = nearest(said, rate, tier, above)?;
    if rate != REASONING {
        return Some(price);
    }
    // Reasoning is output and nothing else: where the output has a nearer price, that is its price too.
    match nearest(said, OUTPUT, tier, above) {
        Some((_, output)) if output > near => None,
        _ => Some(price),
    }
}

fn fields() -> Fields {
    RATES
        .iter()
        .map(|(_, rate)| Field::new(*rate, money::data_type(), true))
        .chain([Field::new("tier_priced", DataType::Boolean, true)])
        .collect()
}

impl ScalarUDFImpl for PriceAt {
    fn name(&self) -> &str {
        "price_at"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 7)?;
        let mut wanted = types[..4]
            .iter()
            .map(|ty| args::amount(self.name(), ty))
            .collect::<Result<Vec<_>>>()?;
        wanted.extend([types[4].clone(), DataType::Utf8, DataType::Int64]);
        Ok(wanted)
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let standard = arrays[..4]
            .iter()
            .map(args::decimals)
            .collect::<Result<Vec<_>>>()?;
        let extra = args::pairs(&arrays[4])?;
        let tiers = args::texts(&arrays[5])?;
        let Some(above) = arrays[6].as_primitive_opt::<Int64Type>() else {
            return exec_err!("a length of prompt is a whole number");
        };
        let mut rates = vec![Vec::with_capacity(call.number_rows); RATES.len()];
        let mut known = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let own = [0, 1, 2, 3].map(|i| (!standard[i].is_null(row)).then(|| standard[i].value(row)));
            let said = entries(own, extra.of(row));
            let tier = if tiers.is_null(row) {
                STANDARD
            } else {
                tiers.value(row)
            };
            for ((_, rate), column) in RATES.iter().zip(&mut rates) {
                column.push(rate_of(&said, rate, tier, above.value(row)));
            }
            known.push(tier == STANDARD || tier == BATCH || said.iter().any(|e| e.tier == tier));
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(RATES.len() + 1);
        for rate in rates {
            columns.push(Arc::new(
                Decimal128Array::from(rate).with_data_type(money::data_type()),
            ));
        }
        columns.push(Arc::new(BooleanArray::from(known)));
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(
            fields(),
            columns,
            None,
        )?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    fn said(rate: &str, tier: &str, above: i64) -> String {
        let extra = "MAP {'input_cost_per_token_above_200k_tokens': '6', 'input_cost_per_token_flex': '3', \
                     'output_cost_per_token_above_200k_tokens': '20', 'output_cost_per_token_batches': '4', \
                     'cache_read_input_token_cost_above_200k_tokens_batches': '0.1', \
                     'output_cost_per_reasoning_token': '12', 'web_search_cost_per_query': '1'}";
        let sql = format!("SELECT price_at(4, 10, 0.5, NULL, {extra}, '{tier}', {above})['{rate}']");
        let found = query(&sql)[0].clone();
        match found.contains('.') {
            true => found.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => found,
        }
    }

    #[test]
    fn the_length_goes_before_the_tier_and_a_batch_is_half() {
        assert_eq!(said("input", "standard", 0), "4");
        assert_eq!(said("input", "flex", 0), "3");
        assert_eq!(said("input", "flex", 200_000), "6");
        assert_eq!(said("output", "batch", 0), "4");
        assert_eq!(said("output", "batch", 200_000), "10");
        assert_eq!(said("read", "batch", 0), "0.25");
        assert_eq!(said("read", "batch", 200_000), "0.1");
        assert_eq!(said("search", "batch", 0), "1");
        assert_eq!(said("write", "standard", 0), "NULL");
        assert_eq!(said("reasoning", "flex", 0), "12");
        assert_eq!(said("reasoning", "flex", 200_000), "NULL");
        assert_eq!(said("reasoning", "batch", 0), "NULL");
        assert_eq!(said("tier_priced", "flex", 0), "true");
        assert_eq!(said("tier_priced", "scale", 0), "false");
    }
}
