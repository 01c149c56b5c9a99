//! What other people's SQL may do: read.

use crate::base::{Error, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SQLOptions;

/// Refuses whatever defines, changes, copies or sets anything.
pub(super) fn read_only(plan: &LogicalPlan) -> Result<()> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|_| {
            Error::query("this statement would change something; only queries are allowed")
                .advise("use SELECT, SHOW, DESCRIBE or EXPLAIN; facts are changed by spendscope ingest")
        })
}
