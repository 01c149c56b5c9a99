//! Values for the parameters of somebody's statement: texts, each read as what stands where it goes.

use super::query_error;
use crate::base::{Error, Result};
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;
use std::collections::{BTreeMap, HashMap};

/// By their names, without the `$`; of `$1`, and of the first `?`, that is `1`.
pub type Values = BTreeMap<String, String>;

/// The plan with its parameters bound. Values that it does not ask for are for other statements.
pub(super) fn bind(plan: LogicalPlan, values: &Values) -> Result<LogicalPlan> {
    let wanted = plan.get_parameter_types().map_err(|e| query_error(&e))?;
    if wanted.is_empty() {
        return Ok(plan);
    }
    let mut bound = HashMap::new();
    for (parameter, data_type) in wanted {
        let name = parameter.trim_start_matches('$');
        let Some(text) = values.get(name) else {
            return Err(Error::query(format!(
                "the statement needs a value for its parameter {parameter}"
            ))
            .advise(format!("give it with --param {name}=VALUE")));
        };
        let value = ScalarValue::Utf8(Some(text.clone()));
        let value = match data_type {
            Some(data_type) => value.cast_to(&data_type).map_err(|_| {
                Error::query(format!(
                    "'{text}' cannot be {parameter}: a {data_type} stands there"
                ))
            })?,
            None => value,
        };
        bound.insert(name.to_owned(), value);
    }
    let bound = plan.replace_params_with_values(&ParamValues::from(bound));
    bound.map_err(|e| query_error(&e))
}
