//! `charge_day(period_start, period_end)`: the day a charge or a leaf belongs to.

use super::args;
use super::zone::{LocalClock, utc_day};
use crate::base::time::MICROS_PER_HOUR;
use arrow::array::Date32Array;
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The day in the reporting zone for periods of up to an hour. A longer period cannot be cut by a
/// zone that its provider did not use: it keeps its UTC day.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ChargeDay {
    signature: Signature,
    pub(super) zone: Tz,
}

impl ChargeDay {
    pub(super) fn new(zone: Tz) -> Self {
        ChargeDay {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }
}

impl ScalarUDFImpl for ChargeDay {
    fn name(&self) -> &str {
        "charge_day"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        types.iter().map(|t| args::instant(self.name(), t)).collect()
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (starts, ends) = (args::instants(&arrays[0])?, args::instants(&arrays[1])?);
        let mut clock = LocalClock::new(self.zone);
        let days: Date32Array = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| {
                let (start, end) = (start?, end?);
                Some(if end - start <= MICROS_PER_HOUR {
                    clock.day(start)
                } else {
                    utc_day(start)
                })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn only_short_periods_follow_the_zone() {
        let hour = "SELECT charge_day(TIMESTAMP '2026-07-01T23:00:00Z', TIMESTAMP '2026-07-02T00:00:00Z')";
        assert_eq!(query(hour), ["2026-07-02"]);
        let day = "SELECT charge_day(TIMESTAMP '2026-07-01T22:00:00Z', TIMESTAMP '2026-07-02T22:00:00Z')";
        assert_eq!(query(day), ["2026-07-01"]);
    }
}
