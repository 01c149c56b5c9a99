//! What to do when memory does not suffice. A hash join holds one whole side of it, and fails where that does not fit. A
//! join of sorted sides waits on the disk; it takes longer, so it comes second.

use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::sync::Arc;

/// The same session with joins that spill. None: it has them already.
pub(super) fn of(session: &dyn Session) -> Option<SessionState> {
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

pub(super) fn would_help(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

/// The rows of a plan, which was made of `query`; where its memory does not suffice for the first of them, of another one
/// with joins that spill.
pub(super) fn run<'a>(
    plan: Arc<dyn ExecutionPlan>,
    session: &'a SessionState,
    query: &'a LogicalPlan,
) -> BoxFuture<'a, Result<SendableRecordBatchStream>> {
    async move {
        let mut rows = execute_stream(plan, session.task_ctx())?;
        let first = match rows.next().await.transpose() {
            Err(error) if would_help(&error) => match of(session) {
                None => return Err(error),
                Some(thrifty) => {
                    drop(rows);
                    let plan = thrifty.create_physical_plan(query).await?;
                    return execute_stream(plan, thrifty.task_ctx());
                }
            },
            first => first?,
        };
        let schema = rows.schema();
        let rows = stream::iter(first.map(Ok)).chain(rows);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)) as SendableRecordBatchStream)
    }
    .boxed()
}
