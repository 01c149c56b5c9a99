//! `date(instant)`: the UTC day of an instant.

use super::args;
use crate::base::time::from_micros;
use arrow::array::Date32Array;
use arrow::datatypes::DataType;
use chrono::Datelike;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Days of `0001-01-01` before 1970 began.
const BEFORE_1970: i32 = 719_163;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Date {
    signature: Signature,
}

impl Default for Date {
    fn default() -> Self {
        Date {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Date {
    fn name(&self) -> &str {
        "date"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![args::instant_or_text(self.name(), &types[0])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let day = |micros| from_micros(micros).num_days_from_ce() - BEFORE_1970;
        let days: Date32Array = instants.iter().map(|i| i.map(day)).collect();
        Ok(ColumnarValue::Array(Arc::new(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn the_day_is_that_of_utc() {
        assert_eq!(
            query("SELECT date(TIMESTAMP '2026-10-31T23:30:00Z')"),
            ["2026-10-31"]
        );
        assert_eq!(
            query("SELECT date(TIMESTAMP '1969-12-31T23:59:59Z')"),
            ["1969-12-31"]
        );
        assert_eq!(query("SELECT date('2026-10-31')"), ["2026-10-31"]);
        assert_eq!(query("SELECT date(NULL)"), ["NULL"]);
    }
}
