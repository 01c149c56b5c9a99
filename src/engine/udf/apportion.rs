//! `apportion(amount, before, upto, total)`: the share of one row of a group.

use super::args;
use crate::base::money;
use arrow::array::{Array, Decimal128Array};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// `r(amount·upto/total) − r(amount·before/total)`, worked out in 256 bits. Weights are whole numbers
/// or decimals. NULL where the total is zero: nothing is apportioned then.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Apportion {
    signature: Signature,
}

impl Default for Apportion {
    fn default() -> Self {
        Apportion {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Apportion {
    fn name(&self) -> &str {
        "apportion"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 4)?;
        let weight = args::one_scale(self.name(), &types[1..])?;
        Ok(vec![
            args::amount(self.name(), &types[0])?,
            weight.clone(),
            weight.clone(),
            weight,
        ])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let [amount, before, upto, total] = [0, 1, 2, 3].map(|i| args::decimals(&arrays[i]));
        let (amount, before, upto, total) = (amount?, before?, upto?, total?);
        let mut shares = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let missing =
                amount.is_null(row) || before.is_null(row) || upto.is_null(row) || total.is_null(row);
            if missing || total.value(row) == 0 {
                shares.push(None);
                continue;
            }
            match money::apportion(
                amount.value(row),
                before.value(row),
                upto.value(row),
                total.value(row),
            ) {
                Some(share) => shares.push(Some(share)),
                None => return exec_err!("a share of {} is too large", money::format(amount.value(row))),
            }
        }
        let shares = Decimal128Array::from(shares).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(shares)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn shares_add_up_whatever_the_weights_are() {
        let shown = query(
            "SELECT apportion(amount, upto - w, upto, total) AS share FROM (
               SELECT 100.01 AS amount, w, sum(w) OVER (ORDER BY w) AS upto, sum(w) OVER () AS total
               FROM (VALUES (1), (2), (4)) AS t(w)) ORDER BY w",
        );
        assert_eq!(
            shown,
            [
                "14.287142857142857143",
                "28.574285714285714286",
                "57.148571428571428571"
            ]
        );
        assert_eq!(
            query("SELECT apportion(1, 0, 0.25, 1.0)"),
            ["0.250000000000000000"]
        );
        assert_eq!(query("SELECT apportion(1, 0, 0, 0)"), ["NULL"]);
        assert_eq!(query("SELECT apportion(NULL, 0, 1, 2)"), ["NULL"]);
    }
}
