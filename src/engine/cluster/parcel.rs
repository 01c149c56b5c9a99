//! Deep plans in parcels. A plan is written down as messages in messages, two for each operator, and readers
//! give up at a hundred. A parcel is an operator that hands rows through; what stands below it is written down
//! as bytes, which are read by themselves.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::proto::ExecutionPlanEncodeCtx;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion_proto::physical_plan::{
    AsExecutionPlan, PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::physical_plan_node::PhysicalPlanType;
use datafusion_proto::protobuf::{PhysicalExtensionNode, PhysicalPlanNode};
use std::fmt;
use std::sync::Arc;

/// Operators on one way down until the next parcel. Expressions of operators nest as well.
pub(super) const DEEP: usize = 12;

/// What the bytes of a parcel begin with; no message of Ballista's does.
const MARK: &[u8] = b"spendscope parcel\n";

#[derive(Debug)]
pub(super) struct Parcel {
    content: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Parcel {
    pub(super) fn new(content: Arc<dyn ExecutionPlan>) -> Parcel {
        let properties = Arc::clone(content.properties());
        Parcel { content, properties }
    }

    /// `None`: these bytes are something else's.
    pub(super) fn open(
        bytes: &[u8],
        codec: &dyn PhysicalExtensionCodec,
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Option<Parcel>> {
        let Some(bytes) = bytes.strip_prefix(MARK) else {
            return Ok(None);
        };
        let content = PhysicalPlanNode::try_decode(bytes)?;
        let context = PhysicalPlanDecodeContext::new(context, codec);
        let content = converter.proto_to_execution_plan(&content, &context)?;
        Ok(Some(Parcel::new(content)))
    }
}

impl DisplayAs for Parcel {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parcel")
    }
}

impl ExecutionPlan for Parcel {
    fn name(&self) -> &str {
        "Parcel"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.content]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(content), true) => Ok(Arc::new(Parcel::new(content))),
            _ => internal_err!("a parcel holds one plan"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.content.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match inputs {
            [content] => Ok(Arc::clone(content)),
            _ => internal_err!("a parcel holds one plan"),
        }
    }

    fn try_to_proto(&self, context: &ExecutionPlanEncodeCtx<'_>) -> Result<Option<PhysicalPlanNode>> {
        let mut node = MARK.to_vec();
        context.encode_child(&self.content)?.try_encode(&mut node)?;
        let inputs = Vec::new();
        Ok(Some(PhysicalPlanNode {
            physical_plan_type: Some(PhysicalPlanType::Extension(PhysicalExtensionNode {
                node,
                inputs,
            })),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::codec::Codec;
    use super::super::planner::in_parcels;
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::prelude::SessionContext;

    #[test]
    fn a_plan_of_any_depth_arrives() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let mut plan: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(Arc::new(schema)));
        for _ in 0..120 {
            plan = Arc::new(CoalescePartitionsExec::new(plan));
        }
        let context = SessionContext::new().task_ctx();
        let there_and_back = |plan: Arc<dyn ExecutionPlan>| {
            let mut bytes = Vec::new();
            PhysicalPlanNode::try_from_physical_plan(plan, &Codec::default())?.try_encode(&mut bytes)?;
            PhysicalPlanNode::try_decode(&bytes)?.try_into_physical_plan(&context, &Codec::default())
        };
        assert!(
            there_and_back(Arc::clone(&plan)).is_err(),
            "parcels are no longer needed"
        );
        let (parcels, _) = in_parcels(plan).unwrap();
        let arrived = there_and_back(there_and_back(parcels).unwrap()).unwrap();
        let (mut depth, mut node) = (0, &arrived);
        while let Some(child) = node.children().first() {
            depth += usize::from(!node.is::<Parcel>());
            node = child;
        }
        assert_eq!(depth, 120);
    }
}
