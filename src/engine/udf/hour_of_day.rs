//! `hour_of_day(instant)`: what a clock on the wall in the reporting time zone shows, 0 to 23.

use super::args;
use super::zone::{LocalClock, MICROS_PER_DAY};
use crate::base::time::MICROS_PER_HOUR;
use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// A clock face, not an instant: the hour that is struck twice in autumn is one, and that of spring is none.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HourOfDay {
    signature: Signature,
    pub(super) zone: Tz,
}

impl HourOfDay {
    pub(super) fn new(zone: Tz) -> Self {
        HourOfDay {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }
}

impl ScalarUDFImpl for HourOfDay {
    fn name(&self) -> &str {
        "hour_of_day"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![args::instant(self.name(), &types[0])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let mut clock = LocalClock::new(self.zone);
        let hour = |i: i64, offset: i64| (i + offset).rem_euclid(MICROS_PER_DAY) / MICROS_PER_HOUR;
        let hours: Int64Array = instants
            .iter()
            .map(|i| i.map(|i| hour(i, clock.offset(i))))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(hours)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn the_clock_is_the_zones() {
        let shown = query(
            "SELECT hour_of_day(t) FROM (VALUES (TIMESTAMP '2026-07-01T22:30:00Z'), \
             (TIMESTAMP '2026-01-01T22:30:00Z'), (TIMESTAMP '1969-12-31T22:59:59Z'), (NULL)) AS v(t)",
        );
        assert_eq!(shown, ["0", "23", "23", "NULL"]);
        // Struck twice in autumn.
        let shown = query(
            "SELECT hour_of_day(t) FROM (VALUES (TIMESTAMP '2026-10-25T00:30:00Z'), \
             (TIMESTAMP '2026-10-25T01:30:00Z')) AS v(t)",
        );
        assert_eq!(shown, ["2", "2"]);
    }
}
