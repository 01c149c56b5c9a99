//! Plans of a session that has a cluster: made here, and sent as a whole when they read files.

use super::nulls;
use super::orders;
use super::parcel::{DEEP, Parcel};
use super::submit::Cluster;
use crate::base::scan::Scan;
use datafusion::catalog::Session;
use datafusion::common::JoinType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::StreamingTableExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, collect,
    replace_children_if_necessary,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub(super) struct Planner {
    cluster: Arc<Cluster>,
    here: DefaultPhysicalPlanner,
}

impl Planner {
    pub(super) fn new(cluster: Arc<Cluster>) -> Planner {
        Planner {
            cluster,
            here: DefaultPhysicalPlanner::default(),
        }
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planner({:?})", self.cluster)
    }
}

impl Planner {
    fn plan<'a>(&'a self, query: &'a LogicalPlan, session: &'a dyn Session) -> Scan<'a> {
        async move {
            let query = &nulls::ignored(query.clone())?;
            let plan = self.here.create_physical_plan(query, session).await?;
            let told = matches!(
                query,
                LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
            );
            if told || !reads_files(&plan)? {
                return Ok(plan);
            }
            let plan = orders::held(sendable(plan, session.task_ctx()).await?)?;
            let (plan, _) = in_parcels(plan)?;
            Ok(Arc::new(Elsewhere::new(plan, Arc::clone(&self.cluster))) as Arc<dyn ExecutionPlan>)
        }
        .boxed()
    }
}

impl QueryPlanner for Planner {
    /// Written out, as `base::scan` is, and for its reason.
    fn create_physical_plan<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        query: &'life1 LogicalPlan,
        session: &'life2 dyn Session,
    ) -> Scan<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        Self: 'async_trait,
    {
        self.plan(query, session)
    }
}

fn reads_files(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        let scan = node.downcast_ref::<DataSourceExec>();
        Ok(scan.is_some_and(|scan| {
            let source: &dyn Any = scan.data_source().as_ref();
            source.is::<FileScanConfig>()
        }))
    })
}

/// The same plan for tasks that know nothing of each other. Rows that only this process can make, such as those
/// of `information_schema`, are made now and travel with the plan; so are rows that come from nowhere, of which a
/// task could not be given none (a query then never ends). A join that answers for the rows of its left
/// side when all of the right side has been seen has to see all of it in one task.
fn sendable(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> BoxFuture<'static, Result<Arc<dyn ExecutionPlan>>> {
    async move {
        if plan.is::<StreamingTableExec>() || plan.is::<PlaceholderRowExec>() || plan.is::<EmptyExec>() {
            let schema = plan.schema();
            let rows = collect(plan, context).await?;
            return Ok(MemorySourceConfig::try_new_exec(&[rows], schema, None)? as _);
        }
        let mut children = Vec::new();
        for child in plan.children() {
            children.push(sendable(Arc::clone(child), Arc::clone(&context)).await?);
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>()
            && !answers_for_the_right(*join.join_type())
            && let Some(right) = children.get_mut(1)
        {
            *right = Arc::new(CoalescePartitionsExec::new(Arc::clone(right)));
        }
        replace_children_if_necessary(plan, children)
    }
    .boxed()
}

/// The same plan with parcels, and how many operators stand above the last of them.
pub(super) fn in_parcels(plan: Arc<dyn ExecutionPlan>) -> Result<(Arc<dyn ExecutionPlan>, usize)> {
    let mut children = Vec::new();
    let mut height = 0;
    for child in plan.children() {
        let (child, below) = in_parcels(Arc::clone(child))?;
        height = height.max(below + 1);
        children.push(child);
    }
    let plan = replace_children_if_necessary(plan, children)?;
    if height < DEEP {
        return Ok((plan, height));
    }
    Ok((Arc::new(Parcel::new(plan)), 0))
}

/// Each row of the right side decides what comes out for it.
fn answers_for_the_right(join: JoinType) -> bool {
    matches!(
        join,
        JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark
    )
}

/// A plan that the cluster runs.
#[derive(Debug)]
struct Elsewhere {
    plan: Arc<dyn ExecutionPlan>,
    cluster: Arc<Cluster>,
    properties: Arc<PlanProperties>,
}

impl Elsewhere {
    fn new(plan: Arc<dyn ExecutionPlan>, cluster: Arc<Cluster>) -> Elsewhere {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Elsewhere {
            plan,
            cluster,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for Elsewhere {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elsewhere: {:?}", self.cluster)
    }
}

impl ExecutionPlan for Elsewhere {
    fn name(&self) -> &str {
        "Elsewhere"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// None: nothing of it is to be changed any more.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let cluster = Arc::clone(&self.cluster);
        let query = cluster.query(&self.plan, context.session_config())?;
        let rows = futures::stream::once(async move { cluster.run(query).await }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.plan.schema(), rows)))
    }
}
