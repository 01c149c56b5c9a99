//! `local_day(instant)`: the calendar day in the reporting time zone.

use super::args;
use super::zone::LocalClock;
use arrow::array::Date32Array;
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// For facts of one-hour grain or finer; charges use `charge_day`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocalDay {
    signature: Signature,
    pub(super) zone: Tz,
}

impl LocalDay {
    pub(super) fn new(zone: Tz) -> Self {
        LocalDay {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }
}

impl ScalarUDFImpl for LocalDay {
    fn name(&self) -> &str {
        "local_day"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![args::instant(self.name(), &types[0])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let mut clock = LocalClock::new(self.zone);
        let days: Date32Array = instants.iter().map(|i| i.map(|i| clock.day(i))).collect();
        Ok(ColumnarValue::Array(Arc::new(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn days_follow_the_zone() {
        assert_eq!(
            query("SELECT local_day(TIMESTAMP '2026-07-01T22:30:00Z')"),
            ["2026-07-02"]
        );
        assert_eq!(
            query("SELECT local_day(TIMESTAMP '2026-01-01T22:30:00Z')"),
            ["2026-01-01"]
        );
        assert_eq!(query("SELECT local_day(NULL)"), ["NULL"]);
    }
}
