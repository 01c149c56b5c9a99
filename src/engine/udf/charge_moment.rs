//! `charge_moment(period_start, period_end)`: the instant by which a charge or a leaf is in a window.

use super::args;
use crate::base::time::{MICROS_PER_HOUR, from_micros};
use arrow::array::TimestampMicrosecondArray;
use arrow::datatypes::DataType;
use chrono::{Duration, TimeZone};
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The start of the period, for periods of up to an hour. A longer one keeps its provider's UTC day in
/// every zone (see `charge_day`), so what its provider calls 00:00 counts as 00:00 of the reporting zone:
/// else a window of one local day, or month, would hold the charges of the next one, or of the one before.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ChargeMoment {
    signature: Signature,
    pub(super) zone: Tz,
}

impl ChargeMoment {
    pub(super) fn new(zone: Tz) -> Self {
        ChargeMoment {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }

    /// The instant at which the clocks of the zone show what UTC's show at `micros`. Where they jump over
    /// it, as much later as they jump at most; where they show it twice, the first time.
    fn local(&self, micros: i64) -> i64 {
        let shown = from_micros(micros).naive_utc();
        let later = |hours| {
            self.zone
                .from_local_datetime(&(shown + Duration::hours(hours)))
                .earliest()
        };
        later(0)
            .or_else(|| later(1))
            .map_or(micros, |instant| instant.timestamp_micros())
    }
}

impl ScalarUDFImpl for ChargeMoment {
    fn name(&self) -> &str {
        "charge_moment"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        types.iter().map(|t| args::instant(self.name(), t)).collect()
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(crate::base::time::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (starts, ends) = (args::instants(&arrays[0])?, args::instants(&arrays[1])?);
        // Most charges of a bill start at one of few instants: a midnight, the first of the month.
        let mut last = None;
        let moments: TimestampMicrosecondArray = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| {
                let (start, end) = (start?, end?);
                if end - start <= MICROS_PER_HOUR || self.zone == Tz::UTC {
                    return Some(start);
                }
                match last {
                    Some((from, to)) if from == start => Some(to),
                    _ => {
                        let to = self.local(start);
                        last = Some((start, to));
                        Some(to)
                    }
                }
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(moments.with_timezone("UTC"))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query_in;
    use super::*;

    #[test]
    fn a_day_is_that_day_in_every_zone_and_an_hour_is_when_it_was() {
        let day = "SELECT charge_moment(TIMESTAMP '2026-07-01T00:00:00Z', TIMESTAMP '2026-07-02T00:00:00Z')";
        assert_eq!(query_in(Tz::America__Los_Angeles, day), ["2026-07-01T07:00:00Z"]);
        assert_eq!(query_in(Tz::Pacific__Kiritimati, day), ["2026-06-30T10:00:00Z"]);
        assert_eq!(query_in(Tz::UTC, day), ["2026-07-01T00:00:00Z"]);
        let hour = "SELECT charge_moment(TIMESTAMP '2026-07-01T00:00:00Z', TIMESTAMP '2026-07-01T01:00:00Z')";
        assert_eq!(query_in(Tz::America__Los_Angeles, hour), ["2026-07-01T00:00:00Z"]);
        // Midnight does not exist in Cairo on 24 April 2026.
        let gap = "SELECT charge_moment(TIMESTAMP '2026-04-24T00:00:00Z', TIMESTAMP '2026-04-25T00:00:00Z')";
        assert_eq!(query_in(Tz::Africa__Cairo, gap), ["2026-04-23T22:00:00Z"]);
    }
}
