//! `one_currency(value, low, high, column)`: the value, or an error where two currencies meet in it.

use super::args;
use crate::base::Error;
use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Stands around sums of money in other people's queries: `low` and `high` are the least and the
/// greatest currency code of what was added up. Where they differ, nothing is given out.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct OneCurrency {
    signature: Signature,
}

impl Default for OneCurrency {
    fn default() -> Self {
        OneCurrency {
            signature: Signature::any(4, Volatility::Immutable),
        }
    }
}

/// Why a sum is refused, and what to ask instead.
pub(in crate::engine) fn would_add(low: &str, high: &str, column: &str) -> DataFusionError {
    let error = Error::query(format!("this would add {low} and {high}")).advise(format!(
        "group by {column}, or keep one with WHERE {column} = '{low}'; costs and ledger have amount_converted, \
         which --currency brings into one currency by dated rates"
    ));
    DataFusionError::External(Box::new(error))
}

impl ScalarUDFImpl for OneCurrency {
    fn name(&self) -> &str {
        "one_currency"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let column = args::constant_text(&call.args[3])
            .unwrap_or("currency")
            .to_owned();
        let arrays = args::arrays(&call)?;
        let (low, high) = (args::texts(&arrays[1])?, args::texts(&arrays[2])?);
        for row in 0..call.number_rows {
            if low.is_valid(row) && high.is_valid(row) && low.value(row) != high.value(row) {
                return Err(would_add(low.value(row), high.value(row), &column));
            }
        }
        Ok(call.args[0].clone())
    }
}
