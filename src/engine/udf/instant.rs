//! `instant(micros)`: the instant so many microseconds after 1970 began.

use super::args;
use arrow::array::{AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// SQL's own conversion gives a time without zone, which compares with no instant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Instant {
    signature: Signature,
}

impl Default for Instant {
    fn default() -> Self {
        Instant {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Instant {
    fn name(&self) -> &str {
        "instant"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        match &types[0] {
            ty if ty.is_integer() || ty.is_null() => Ok(vec![DataType::Int64]),
            other => plan_err!("instant takes whole microseconds, not {other}"),
        }
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(crate::base::time::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let Some(micros) = arrays[0].as_primitive_opt::<Int64Type>() else {
            return exec_err!("expected microseconds, got {}", arrays[0].data_type());
        };
        let instants: TimestampMicrosecondArray = micros.iter().collect();
        Ok(ColumnarValue::Array(Arc::new(instants.with_timezone("UTC"))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn microseconds_since_1970() {
        assert_eq!(
            query("SELECT instant(1790812800000000)"),
            ["2026-10-01T00:00:00Z"]
        );
        assert_eq!(query("SELECT instant(NULL)"), ["NULL"]);
        assert!(fails("SELECT instant(1.5)").contains("whole microseconds"));
    }
}
