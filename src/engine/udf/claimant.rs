//! `claimant(charge_id, provider, provider, …)`: the one provider that claims a charge.

use super::args;
use crate::base::Error;
use arrow::array::{Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// NULL where nobody does. Two claims on one charge are an error of the configuration that only the
/// data can show.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Claimant {
    signature: Signature,
}

pub(in crate::engine) fn claimant() -> ScalarUDF {
    Claimant {
        signature: Signature::user_defined(Volatility::Immutable),
    }
    .into()
}

impl ScalarUDFImpl for Claimant {
    fn name(&self) -> &str {
        "claimant"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() < 2 {
            return plan_err!("claimant takes a charge and at least one claim");
        }
        Ok(vec![DataType::Utf8; types.len()])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let columns = arrays.iter().map(args::texts).collect::<Result<Vec<_>>>()?;
        let mut owners = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let mut owner = None;
            for claim in &columns[1..] {
                if claim.is_null(row) {
                    continue;
                }
                let claim = claim.value(row);
                if let Some(other) = owner {
                    let charge = if columns[0].is_null(row) {
                        ""
                    } else {
                        columns[0].value(row)
                    };
                    let error = Error::config(format!(
                        "providers.{other}.charge_match and providers.{claim}.charge_match both claim charge {charge}"
                    ))
                    .advise("name the API product of each provider, so that no charge is claimed twice");
                    return Err(DataFusionError::External(Box::new(error)));
                }
                owner = Some(claim);
            }
            owners.push(owner);
        }
        Ok(ColumnarValue::Array(Arc::new(StringArray::from(owners))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn a_charge_has_one_claimant() {
        assert_eq!(query("SELECT claimant('f:1', NULL, 'openai')"), ["openai"]);
        assert_eq!(query("SELECT claimant('f:1', NULL, NULL)"), ["NULL"]);
        let message = fails("SELECT claimant('f:1', 'azure', 'openai')");
        assert!(
            message.contains("providers.azure.charge_match and providers.openai"),
            "{message}"
        );
    }
}
