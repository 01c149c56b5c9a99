//! `local_hour(instant)`: the instant at which the hour of the reporting time zone began.

use super::args;
use super::zone::LocalClock;
use crate::base::time::{self, MICROS_PER_HOUR};
use arrow::array::TimestampMicrosecondArray;
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// An instant, not a clock face: the hour that is struck twice in autumn stays two hours.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocalHour {
    signature: Signature,
    pub(super) zone: Tz,
}

impl LocalHour {
    pub(super) fn new(zone: Tz) -> Self {
        LocalHour {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }
}

impl ScalarUDFImpl for LocalHour {
    fn name(&self) -> &str {
        "local_hour"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![args::instant(self.name(), &types[0])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(time::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let mut clock = LocalClock::new(self.zone);
        let hours: TimestampMicrosecondArray = instants
            .iter()
            .map(|i| {
                i.map(|i| {
                    let offset = clock.offset(i);
                    (i + offset).div_euclid(MICROS_PER_HOUR) * MICROS_PER_HOUR - offset
                })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(hours.with_timezone("UTC"))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn the_hour_struck_twice_is_two_hours() {
        let shown = query(
            "SELECT local_hour(t) FROM (VALUES (TIMESTAMP '2026-10-25T00:59:59Z'), \
             (TIMESTAMP '2026-10-25T01:30:00Z')) AS v(t)",
        );
        assert_eq!(shown, ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]);
    }
}
