//! `apportion(amount, before, upto, total)`: the share of one row of a group.

use super::args;
use crate::base::money;
use arrow::array::{Array, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, i256};
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
        let amount = args::decimals(&arrays[0])?;
        let shares = if matches!(arrays[3].data_type(), DataType::Decimal256(..)) {
            let [before, upto, total] = [1, 2, 3].map(|i| args::wide_decimals(&arrays[i]));
            shares(amount, before?, upto?, total?, i256::ZERO, wide)?
        } else {
            let [before, upto, total] = [1, 2, 3].map(|i| args::decimals(&arrays[i]));
            shares(amount, before?, upto?, total?, 0, money::apportion)?
        };
        let shares = Decimal128Array::from(shares).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(shares)))
    }
}

fn shares<W: ArrowPrimitiveType>(
    amount: &Decimal128Array,
    before: &PrimitiveArray<W>,
    upto: &PrimitiveArray<W>,
    total: &PrimitiveArray<W>,
    zero: W::Native,
    share: impl Fn(i128, W::Native, W::Native, W::Native) -> Option<i128>,
) -> Result<Vec<Option<i128>>> {
    let mut shares = Vec::with_capacity(amount.len());
    for row in 0..amount.len() {
        let missing = amount.is_null(row) || before.is_null(row) || upto.is_null(row) || total.is_null(row);
        if missing || total.value(row) == zero {
            shares.push(None);
            continue;
        }
        match share(
            amount.value(row),
            before.value(row),
            upto.value(row),
            total.value(row),
        ) {
            Some(share) => shares.push(Some(share)),
            None => return exec_err!("a share of {} is too large", money::format(amount.value(row))),
        }
    }
    Ok(shares)
}

/// The same for weights of more than 38 digits. Where a product does not fit into 256 bits, the zeros
/// that all three weights end with are cut off, which changes no share.
fn wide(amount: i128, mut before: i256, mut upto: i256, mut total: i256) -> Option<i128> {
    let amount = i256::from_i128(amount);
    let ten = i256::from_i128(10);
    let (upto, before) = loop {
        match (amount.checked_mul(upto), amount.checked_mul(before)) {
            (Some(upto), Some(before)) => break (upto, before),
            _ => {
                for weight in [&mut before, &mut upto, &mut total] {
                    if weight.checked_rem(ten)? != i256::ZERO {
                        return None;
                    }
                    *weight = weight.checked_div(ten)?;
                }
            }
        }
    };
    money::div_half_even(upto, total)?.checked_sub(money::div_half_even(before, total)?)
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
        let wide = "SELECT apportion(-1000000000000, 0, w, CAST(3 AS DECIMAL(76, 36)) * CAST(1000000000000000 AS DECIMAL(40, 0)))
                    FROM (SELECT CAST(1000000000000000 AS DECIMAL(76, 36)) AS w)";
        assert_eq!(query(wide), ["-333333333333.333333333333333333"]);
        assert_eq!(query("SELECT apportion(1, 0, 0, 0)"), ["NULL"]);
        assert_eq!(query("SELECT apportion(NULL, 0, 1, 2)"), ["NULL"]);
    }
}
