//! `fx(amount, from, to, day)`: an amount in another currency.

use super::args;
use super::fx_rate::{FxRate, Rates};
use crate::base::money;
use arrow::array::{Array, Decimal128Array};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The amount times `fx_rate(from, to, day)`, rounded half to even to 18 places. NULL without a rate.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct Fx {
    signature: Signature,
    pub(super) rate: FxRate,
}

impl Fx {
    pub(in crate::engine) fn new(rates: Arc<Rates>) -> Self {
        Fx::by(FxRate::new(rates))
    }

    pub(super) fn by(rate: FxRate) -> Self {
        Fx {
            signature: Signature::user_defined(Volatility::Immutable),
            rate,
        }
    }
}

impl ScalarUDFImpl for Fx {
    fn name(&self) -> &str {
        "fx"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 4)?;
        let mut wanted = vec![args::amount(self.name(), &types[0])?];
        wanted.extend(self.rate.coerce_types(&types[1..])?);
        Ok(wanted)
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let rates = self.rate.of(&arrays[1], &arrays[2], &arrays[3])?;
        let amounts = args::decimals(&arrays[0])?;
        let mut converted = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            if amounts.is_null(row) || rates.is_null(row) {
                converted.push(None);
                continue;
            }
            match money::mul(amounts.value(row), rates.value(row)) {
                Some(amount) => converted.push(Some(amount)),
                None => {
                    let amount = money::format(amounts.value(row));
                    return exec_err!("{amount} is too large an amount to convert");
                }
            }
        }
        let converted = Decimal128Array::from(converted).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(converted)))
    }
}
