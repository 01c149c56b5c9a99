//! `price_steps(extra, extra)`: at which lengths of the prompt the prices of two rows change.

use super::args;
use super::price_entries::entries;
use arrow::array::{Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A list of tokens, ascending; 0 is always among them.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PriceSteps {
    signature: Signature,
}

impl Default for PriceSteps {
    fn default() -> Self {
        PriceSteps {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for PriceSteps {
    fn name(&self) -> &str {
        "price_steps"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        Ok(types.to_vec())
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Int64, true))
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let extras = arrays.iter().map(args::pairs).collect::<Result<Vec<_>>>()?;
        let mut steps = Vec::with_capacity(call.number_rows);
        let mut lengths = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let said = extras.iter().flat_map(|extra| entries([None; 4], extra.of(row)));
            let mut of_row: BTreeSet<i64> = said.map(|entry| entry.above).collect();
            of_row.insert(0);
            lengths.push(of_row.len());
            steps.extend(of_row);
        }
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let values = Arc::new(Int64Array::from(steps));
        let lists = ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), values, None)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn steps_of_both_rows_count_and_there_is_always_the_first() {
        let said = "SELECT price_steps(MAP {'input_cost_per_token_above_200k_tokens': '1'}, \
                    MAP {'output_cost_per_token_above_128k_tokens_flex': '2', 'max_tokens': '9'})";
        assert_eq!(query(said), ["[0, 128000, 200000]"]);
        assert_eq!(query("SELECT price_steps(NULL, NULL)"), ["[0]"]);
    }
}
