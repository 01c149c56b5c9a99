//! `billing_month(instant)`: the UTC month as the lake writes it, `2026-10`.

use super::args;
use crate::base::time::from_micros;
use arrow::array::StringArray;
use arrow::datatypes::DataType;
use chrono::Datelike;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// What `charges.billing_month` says for a billing period that starts at this instant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BillingMonth {
    signature: Signature,
}

impl Default for BillingMonth {
    fn default() -> Self {
        BillingMonth {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for BillingMonth {
    fn name(&self) -> &str {
        "billing_month"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![args::instant_or_text(self.name(), &types[0])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let month = |micros| {
            let day = from_micros(micros);
            format!("{:04}-{:02}", day.year(), day.month())
        };
        let months: StringArray = instants.iter().map(|i| i.map(month)).collect();
        Ok(ColumnarValue::Array(Arc::new(months)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn months_are_those_of_utc() {
        assert_eq!(
            query("SELECT billing_month(TIMESTAMP '2026-10-31T23:30:00Z')"),
            ["2026-10"]
        );
        assert_eq!(query("SELECT billing_month('2026-02-28')"), ["2026-02"]);
        assert_eq!(query("SELECT billing_month(NULL)"), ["NULL"]);
    }
}
