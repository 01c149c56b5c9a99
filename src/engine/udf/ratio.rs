//! `ratio(a, b)`: a quotient with 18 places, NULL for a zero denominator.

use super::args;
use crate::base::money;
use arrow::array::{Array, Decimal128Array};
use arrow::datatypes::DataType;
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// SQL's own decimal division cuts digits off; this rounds half to even.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Ratio {
    signature: Signature,
}

impl Default for Ratio {
    fn default() -> Self {
        Ratio {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Ratio {
    fn name(&self) -> &str {
        "ratio"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        match args::one_scale(self.name(), types)? {
            DataType::Decimal256(..) => plan_err!("ratio takes decimals of 38 digits at most"),
            ty => Ok(vec![ty.clone(), ty]),
        }
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (a, b) = (args::decimals(&arrays[0])?, args::decimals(&arrays[1])?);
        let mut quotients = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            if a.is_null(row) || b.is_null(row) || b.value(row) == 0 {
                quotients.push(None);
                continue;
            }
            match money::ratio(a.value(row), b.value(row)) {
                Some(quotient) => quotients.push(Some(quotient)),
                None => return exec_err!("a ratio is too large for 38 digits"),
            }
        }
        let quotients = Decimal128Array::from(quotients).with_data_type(money::data_type());
        Ok(ColumnarValue::Array(Arc::new(quotients)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn quotients_are_rounded_and_zero_gives_null() {
        assert_eq!(query("SELECT ratio(2, 3)"), ["0.666666666666666667"]);
        assert_eq!(
            query("SELECT ratio(21.101384652872269638, 32)"),
            ["0.659418270402258426"]
        );
        assert_eq!(query("SELECT ratio(1.5, 0)"), ["NULL"]);
        assert_eq!(query("SELECT ratio(NULL, 2)"), ["NULL"]);
    }
}
