//! `now_utc()`: the session's clock, which `--now` and `--as-of` set.

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// SQL's own `now()` reads the wall clock, which would make answers depend on when they are asked.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct NowUtc {
    signature: Signature,
    pub(super) micros: i64,
}

impl NowUtc {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        NowUtc {
            signature: Signature::nullary(Volatility::Immutable),
            micros: now.timestamp_micros(),
        }
    }
}

impl ScalarUDFImpl for NowUtc {
    fn name(&self) -> &str {
        "now_utc"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(crate::base::time::data_type())
    }
    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let now = ScalarValue::TimestampMicrosecond(Some(self.micros), Some("UTC".into()));
        Ok(ColumnarValue::Scalar(now))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn the_clock_stands_where_it_was_set() {
        assert_eq!(query("SELECT now_utc()"), ["2026-10-01T00:00:00Z"]);
    }
}
