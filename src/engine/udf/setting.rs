//! `setting('basis')`: how this session shows amounts.

use super::args;
use crate::engine::registry::{BudgetPeriod, SharingMethod};
use crate::engine::{Registry, Settings};
use arrow::datatypes::DataType;
use chrono::SecondsFormat;
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Knows `basis`, `currency`, `reporting_currency`, `time_zone`, `now`, `price_book`, `price_moment`,
/// which ways of sharing the rules use and the longest period of a budget. A call with a literal is
/// folded while planning, so that a plan that travels to other machines carries plain values.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Setting {
    signature: Signature,
    values: SettingValues,
}

impl Setting {
    pub(super) fn new(settings: &Settings, registry: &Registry) -> Self {
        Setting {
            signature: Signature::user_defined(Volatility::Immutable),
            values: SettingValues::new(settings, registry),
        }
    }
}

/// What `setting` answers, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::engine) struct SettingValues(pub(in crate::engine) Vec<(&'static str, String)>);

impl SettingValues {
    pub(in crate::engine) fn new(settings: &Settings, registry: &Registry) -> Self {
        let shares_by = |method| {
            let used = registry.sharing.iter().any(|rule| rule.method == method);
            if used { "yes" } else { "no" }.to_owned()
        };
        let periods = registry.budgets.iter().map(|budget| budget.period);
        let longest_budget = periods.max().unwrap_or(BudgetPeriod::Month);
        SettingValues(vec![
            ("basis", settings.basis.name().to_owned()),
            ("currency", settings.currency.clone()),
            ("reporting_currency", settings.reporting_currency.clone()),
            ("time_zone", settings.zone.name().to_owned()),
            ("now", settings.now.to_rfc3339()),
            // Empty: all books, prices at the start of the attempt.
            ("price_book", settings.price_book.clone().unwrap_or_default()),
            (
                "price_moment",
                settings
                    .price_moment
                    .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
                    .unwrap_or_default(),
            ),
            // Known while planning, so that a way of sharing that no rule uses costs nothing.
            ("shares_by_requests", shares_by(SharingMethod::Requests)),
            ("shares_by_request_cost", shares_by(SharingMethod::RequestCost)),
            // So are the days that no budget asks for.
            ("longest_budget", longest_budget.name().to_owned()),
        ])
    }
}

impl ScalarUDFImpl for Setting {
    fn name(&self) -> &str {
        "setting"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        Ok(vec![DataType::Utf8])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(name) = args::constant_text(&call.args[0]) else {
            return plan_err!("setting takes one literal name");
        };
        match self.values.0.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(value.clone())))),
            None => {
                let known: Vec<&str> = self.values.0.iter().map(|(known, _)| *known).collect();
                exec_err!("there is no setting '{name}'; there are {}", known.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn settings_are_read_by_name() {
        assert_eq!(query("SELECT setting('basis')"), ["effective"]);
        assert_eq!(query("SELECT setting('time_zone')"), ["Europe/Berlin"]);
        assert!(fails("SELECT setting('colour')").contains("reporting_currency"));
    }
}
