//! 95 % interval of a share by Wilson: `wilson_low`, `wilson_high` (hits, members). NULL where an argument
//! is, and where there is no interval.

use super::args;
use super::difference::{End, whole};
use crate::base::statistics::interval_of_share;
use arrow::array::{Array, Float64Array};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Share {
    signature: Signature,
    end: End,
}

impl Share {
    pub(super) fn new(end: End) -> Self {
        Share {
            signature: Signature::user_defined(Volatility::Immutable),
            end,
        }
    }
}

impl ScalarUDFImpl for Share {
    fn name(&self) -> &str {
        match self.end {
            End::Low => "wilson_low",
            End::High => "wilson_high",
        }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        Ok(vec![DataType::Int64; 2])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (hits, members) = (whole(&arrays[0])?, whole(&arrays[1])?);
        let mut ends = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let known = !hits.is_null(row) && !members.is_null(row);
            let interval = known.then(|| interval_of_share((hits.value(row), members.value(row))));
            ends.push(interval.flatten().map(|(low, high)| match self.end {
                End::Low => low,
                End::High => high,
            }));
        }
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(ends))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn both_ends() {
        assert_eq!(query("SELECT round(wilson_low(15, 148), 4)"), ["0.0624"]);
        assert_eq!(query("SELECT round(wilson_high(15, 148), 4)"), ["0.1605"]);
        assert_eq!(query("SELECT wilson_low(0, 0)"), ["NULL"]);
        assert_eq!(query("SELECT wilson_high(NULL, 3)"), ["NULL"]);
    }
}
