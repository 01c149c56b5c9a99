//! `money_mul(a, b)`: the product of two amounts, rounded half to even to 18 places.

use super::args;
use crate::base::money;
use arrow::array::{Array, Decimal128Array};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// SQL's own product of two decimals of scale 18 has scale 36 and no room left for digits.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MoneyMul {
    signature: Signature,
}

impl Default for MoneyMul {
    fn default() -> Self {
        MoneyMul {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for MoneyMul {
    fn name(&self) -> &str {
        "money_mul"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        types.iter().map(|t| args::amount(self.name(), t)).collect()
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (a, b) = (args::decimals(&arrays[0])?, args::decimals(&arrays[1])?);
        let mut products = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            if a.is_null(row) || b.is_null(row) {
                products.push(None);
                continue;
            }
            match money::mul(a.value(row), b.value(row)) {
                Some(product) => products.push(Some(product)),
                None => {
                    let (a, b) = (money::format(a.value(row)), money::format(b.value(row)));
                    return exec_err!("{a} times {b} is too large for an amount");
                }
            }
        }
        let products = Decimal128Array::from(products).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(products)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn products_are_rounded_half_to_even() {
        assert_eq!(
            query("SELECT money_mul(0.0293362634, 1.11468)"),
            ["0.032700546086712000"]
        );
        assert_eq!(
            query("SELECT money_mul(0.5, 0.000000000000000003)"),
            ["0.000000000000000002"]
        );
        assert_eq!(query("SELECT money_mul(3, -2)"), ["-6.000000000000000000"]);
        assert_eq!(query("SELECT money_mul(NULL, 2)"), ["NULL"]);
        assert!(fails("SELECT money_mul(10000000000, 20000000000)").contains("too large"));
        assert!(fails("SELECT money_mul(CAST(1 AS DOUBLE), 2)").contains("Float64"));
    }
}
