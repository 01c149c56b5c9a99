//! `local_month(instant)`: the first day of the month in the reporting time zone.

use super::args;
use super::zone::LocalClock;
use arrow::array::Date32Array;
use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// A date, so that months sort and join.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocalMonth {
    signature: Signature,
    pub(super) zone: Tz,
}

impl LocalMonth {
    pub(super) fn new(zone: Tz) -> Self {
        LocalMonth {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }
}

impl ScalarUDFImpl for LocalMonth {
    fn name(&self) -> &str {
        "local_month"
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
        let months: Date32Array = instants
            .iter()
            .map(|i| i.map(|i| first_of_month(clock.day(i))))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(months)))
    }
}

fn first_of_month(day: i32) -> i32 {
    let of_month = NaiveDate::from_epoch_days(day).map_or(0, |d| d.day0());
    day - of_month as i32
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn months_follow_the_zone() {
        assert_eq!(
            query("SELECT local_month(TIMESTAMP '2026-09-30T22:00:00Z')"),
            ["2026-10-01"]
        );
        assert_eq!(
            query("SELECT local_month(TIMESTAMP '1969-12-25T00:00:00Z')"),
            ["1969-12-01"]
        );
    }
}
