//! `year(instant)`, `month(instant)`, `day(instant)`: parts of the UTC date, as whole numbers.

use super::args;
use crate::base::time::from_micros;
use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use chrono::Datelike;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Year,
    Month,
    Day,
}

/// Bills count their days and months in UTC; `local_day` and `local_month` follow the reporting zone.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Calendar {
    signature: Signature,
    part: Part,
}

impl Calendar {
    pub(super) fn new(part: Part) -> Self {
        Calendar {
            signature: Signature::user_defined(Volatility::Immutable),
            part,
        }
    }

    fn of(&self, micros: i64) -> i64 {
        let day = from_micros(micros);
        match self.part {
            Part::Year => i64::from(day.year()),
            Part::Month => i64::from(day.month()),
            Part::Day => i64::from(day.day()),
        }
    }
}

impl ScalarUDFImpl for Calendar {
    fn name(&self) -> &str {
        match self.part {
            Part::Year => "year",
            Part::Month => "month",
            Part::Day => "day",
        }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![args::instant_or_text(self.name(), &types[0])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let parts: Int64Array = instants.iter().map(|i| i.map(|i| self.of(i))).collect();
        Ok(ColumnarValue::Array(Arc::new(parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn parts_are_those_of_the_utc_date() {
        // In Berlin, where the tests are, it is November already.
        let late = "TIMESTAMP '2026-10-31T23:30:00Z'";
        assert_eq!(query(&format!("SELECT month({late})")), ["10"]);
        assert_eq!(query(&format!("SELECT day({late})")), ["31"]);
        assert_eq!(query("SELECT year(DATE '1969-12-31')"), ["1969"]);
        assert_eq!(query("SELECT month('2026-02-01')"), ["2"]);
        assert_eq!(query("SELECT month(NULL)"), ["NULL"]);
    }
}
