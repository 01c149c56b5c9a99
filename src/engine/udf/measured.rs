//! `measured(x)`: a count or a decimal as a physical measurement.

use super::args;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Joules, hours and the like become floating point here and nowhere else, so that a cast to floating
/// point in a metric is always a mistake.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Measured {
    signature: Signature,
}

impl Default for Measured {
    fn default() -> Self {
        Measured {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// The nearest float to a decimal: its text, read as a float. A cast would round twice.
fn nearest(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn floats(array: &ArrayRef) -> Result<ArrayRef> {
    let values: Float64Array = match array.data_type() {
        DataType::Decimal128(..) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            (0..decimals.len())
                .map(|row| (!decimals.is_null(row)).then(|| nearest(&decimals.value_as_string(row)))?)
                .collect()
        }
        DataType::Decimal256(..) => {
            let decimals = array.as_primitive::<Decimal256Type>();
            (0..decimals.len())
                .map(|row| (!decimals.is_null(row)).then(|| nearest(&decimals.value_as_string(row)))?)
                .collect()
        }
        _ => return Ok(cast(array, &DataType::Float64)?),
    };
    Ok(Arc::new(values))
}

impl ScalarUDFImpl for Measured {
    fn name(&self) -> &str {
        "measured"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        match &types[0] {
            ty if ty.is_numeric() || ty.is_null() => Ok(vec![ty.clone()]),
            other => plan_err!("measured takes a number, not {other}"),
        }
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        Ok(ColumnarValue::Array(floats(&arrays[0])?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn numbers_become_the_nearest_float() {
        assert_eq!(query("SELECT measured(3)"), ["3.0"]);
        assert_eq!(query("SELECT measured(0.1)"), ["0.1"]);
        assert_eq!(
            query("SELECT measured(CAST('123456789.123456789' AS DECIMAL(38, 18)))"),
            ["123456789.12345679"]
        );
        assert_eq!(query("SELECT measured(NULL)"), ["NULL"]);
        assert_eq!(query("SELECT measured(CAST(NULL AS DECIMAL(38, 18)))"), ["NULL"]);
        assert!(fails("SELECT measured('x')").contains("takes a number"));
    }
}
