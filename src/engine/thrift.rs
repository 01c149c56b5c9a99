//! What to do when memory does not suffice. A hash join holds one whole side of it, and fails where that does not fit. A
//! join of sorted sides waits on the disk; it takes longer, so it comes second.

use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::sync::Arc;

/// The session to plan a query in once more, when this is what became of a plan of it: the same one with joins that spill.
/// None: they would not help.
pub(super) fn instead(
    session: &dyn Session,
    plan: &Arc<dyn ExecutionPlan>,
    error: &DataFusionError,
) -> Option<SessionState> {
    let short = matches!(error.find_root(), DataFusionError::ResourcesExhausted(_));
    let hashed = |part: &Arc<dyn ExecutionPlan>| Ok(part.downcast_ref::<HashJoinExec>().is_some());
    if !short || !plan.exists(hashed).unwrap_or(false) {
        return None;
    }
    let mut thrifty = session.as_any().downcast_ref::<SessionState>()?.clone();
    let options = thrifty.config_mut().options_mut();
    if !options.optimizer.prefer_hash_join {
        return None;
    }
    options.optimizer.prefer_hash_join = false;
    // A single part is joined by hash, whatever is preferred.
    options.execution.target_partitions = options.execution.target_partitions.max(2);
    Some(thrifty)
}

/// The rows of a plan, which was made of `query`; where its memory does not suffice for the first of them, of another one
/// with joins that spill.
pub(super) fn run<'a>(
    plan: Arc<dyn ExecutionPlan>,
    session: &'a SessionState,
    query: &'a LogicalPlan,
) -> BoxFuture<'a, Result<SendableRecordBatchStream>> {
    async move {
        let mut rows = execute_stream(Arc::clone(&plan), session.task_ctx())?;
        let first = match rows.next().await.transpose() {
            Ok(first) => first,
            Err(error) => {
                let thrifty = instead(session, &plan, &error).ok_or(error)?;
                drop(rows);
                let plan = thrifty.create_physical_plan(query).await?;
                return execute_stream(plan, thrifty.task_ctx());
            }
        };
        let schema = rows.schema();
        let rows = stream::iter(first.map(Ok)).chain(rows);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)) as SendableRecordBatchStream)
    }
    .boxed()
}
