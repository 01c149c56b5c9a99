//! Somebody else's statement in two steps, for servers whose clients bind values in between. What may be
//! asked is decided by the plan, what may be added up by the plan with its values.

use super::{Batches, Engine, dialect, guard, query_error};
use crate::base::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;

impl Engine {
    /// The plan of a statement that reads, its parameters open.
    pub async fn user_plan(&self, statement: Statement) -> Result<LogicalPlan> {
        let statement = dialect::prepare(&self.context, statement).await?;
        let state = self.context.state();
        let plan = state.statement_to_plan(statement).await.map_err(query_error)?;
        guard::read_only(&plan)?;
        Ok(plan)
    }

    /// Runs such a plan when its parameters are bound, and hands out its rows as they come.
    pub async fn user_run(&self, plan: LogicalPlan) -> Result<Batches> {
        let plan = self.currencies.guard(&self.context, plan).await?;
        let frame = self
            .context
            .execute_logical_plan(plan)
            .await
            .map_err(query_error)?;
        let stream = frame.execute_stream().await.map_err(query_error)?;
        Ok(Batches { stream })
    }
}
