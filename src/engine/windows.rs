//! Aggregates over whole partitions, such as `max(x) OVER (PARTITION BY task_id)`. DataFusion's operator for them
//! (`WindowAggExec`) holds all of its input and counts none of it, although the input comes in the order of the partitions.
//! This one holds the rows of one partition, counts them, and writes them down while memory is short.
//!
//! A window that is not the same for all rows of a partition stays with DataFusion, and so does one with a FILTER.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat, partition, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, WindowExpr};
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, SpillMetrics,
};
use datafusion::physical_plan::spill::get_record_batch_memory_size;
use datafusion::physical_plan::spill::spill_pool::{SpillPoolSink, spsc_channel};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties, SpillManager,
    replace_children_if_necessary,
};
use futures::{StreamExt, stream};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// A file that was written is removed when it has been read: the fewer bytes each has, the sooner.
const FILE_BYTES: usize = 64 << 20;

/// Puts this operator where DataFusion's stands, where it can do the work.
#[derive(Debug)]
pub(super) struct ByPartition;

impl PhysicalOptimizerRule for ByPartition {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|plan| {
            let whole = plan
                .downcast_ref::<WindowAggExec>()
                .and_then(WholePartitions::instead);
            Ok(match whole {
                Some(whole) => Transformed::yes(Arc::new(whole) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(plan),
            })
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &str {
        "windows_by_partition"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct WholePartitions {
    /// Says what is asked for, and of which input.
    window: WindowAggExec,
    metrics: ExecutionPlanMetricsSet,
}

/// The function, if it is an aggregate of all rows of a partition.
fn whole(function: &Arc<dyn WindowExpr>) -> Option<&PlainAggregateWindowExpr> {
    let plain = function.as_any().downcast_ref::<PlainAggregateWindowExpr>()?;
    let frame = plain.get_window_frame();
    let peers = frame.units == WindowFrameUnits::Range && plain.order_by().is_empty();
    let reaches = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => peers,
        bound => bound.is_unbounded(),
    };
    // Nothing else says whether there is a FILTER.
    let unfiltered = format!("{plain:?}").ends_with("filter: None }");
    let grouped = plain.get_aggregate_expr().groups_accumulator_supported();
    let all = reaches(&frame.start_bound) && reaches(&frame.end_bound);
    (all && unfiltered && grouped).then_some(plain)
}

impl WholePartitions {
    fn instead(window: &WindowAggExec) -> Option<WholePartitions> {
        let all = window
            .window_expr()
            .iter()
            .all(|function| whole(function).is_some());
        (all && window.partition_by_sort_keys().is_ok()).then(|| WholePartitions {
            window: window.clone(),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for WholePartitions {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WholePartitions: ")?;
        self.window.fmt_as(format, f)
    }
}

impl ExecutionPlan for WholePartitions {
    fn name(&self) -> &str {
        "WholePartitions"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.window.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.window.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.window.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.window.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.window.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.window.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let window = replace_children_if_necessary(Arc::new(self.window.clone()), children)?;
        match window.downcast_ref::<WindowAggExec>() {
            Some(window) => Ok(Arc::new(WholePartitions {
                window: window.clone(),
                metrics: ExecutionPlanMetricsSet::new(),
            })),
            None => internal_err!("a window over another input is a window"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.window.input().execute(partition, Arc::clone(&context))?;
        let functions: Vec<_> = self.window.window_expr().iter().filter_map(whole).collect();
        let keys = self.window.partition_by_sort_keys()?;
        let work = Work {
            sums: functions.into_iter().map(Sum::of).collect::<Result<_>>()?,
            keys: keys
                .into_iter()
                .map(|PhysicalSortExpr { expr, .. }| expr)
                .collect(),
            open: None,
            held: Held {
                batches: Vec::new(),
                written: None,
                memory: MemoryConsumer::new(format!("WholePartitions[{partition}]"))
                    .with_can_spill(true)
                    .register(context.memory_pool()),
                spill: Arc::new(SpillManager::new(
                    context.runtime_env(),
                    SpillMetrics::new(&self.metrics, partition),
                    input.schema(),
                )),
            },
            ready: VecDeque::new(),
            replayed: None,
            input: Some(input),
            schema: self.schema(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let rows = stream::try_unfold(work, |mut work| async move {
            Ok(work.next().await?.map(|batch| (batch, work)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.window.child_stats_requests(partition)
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.window.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.window.cardinality_effect()
    }
}

/// One function, and what it makes of the partitions that are not given out yet.
struct Sum {
    of: Vec<Arc<dyn PhysicalExpr>>,
    values: Box<dyn GroupsAccumulator>,
}

impl Sum {
    fn of(function: &PlainAggregateWindowExpr) -> Result<Sum> {
        let aggregate = function.get_aggregate_expr();
        Ok(Sum {
            of: aggregate.expressions(),
            values: aggregate.create_groups_accumulator()?,
        })
    }
}

/// Rows of the partition that more rows may come of.
struct Held {
    /// The later ones of them.
    batches: Vec<RecordBatch>,
    /// The earlier ones, and who reads them.
    written: Option<(SpillPoolSink, SendableRecordBatchStream)>,
    memory: MemoryReservation,
    spill: Arc<SpillManager>,
}

impl Held {
    fn push(&mut self, rows: RecordBatch) -> Result<()> {
        let refused = self.memory.try_grow(get_record_batch_memory_size(&rows)).is_err();
        self.batches.push(rows);
        if !refused {
            return Ok(());
        }
        let open = || spsc_channel(FILE_BYTES, Arc::clone(&self.spill));
        let (file, _) = self.written.get_or_insert_with(open);
        for batch in self.batches.drain(..) {
            file.push_batch(&batch)?;
        }
        self.memory.free();
        Ok(())
    }
}

struct Work {
    sums: Vec<Sum>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The keys of the partition that more rows may come of, one row each.
    open: Option<Vec<ArrayRef>>,
    held: Held,
    ready: VecDeque<RecordBatch>,
    /// Rows that were written down, and what to put beside them.
    replayed: Option<(SendableRecordBatchStream, Vec<ArrayRef>)>,
    /// None: it has ended.
    input: Option<SendableRecordBatchStream>,
    schema: SchemaRef,
    metrics: BaselineMetrics,
}

impl Work {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((written, values)) = &mut self.replayed {
                if let Some(batch) = written.next().await.transpose()? {
                    let batch = beside(&self.schema, batch, values, None)?;
                    self.metrics.record_output(batch.num_rows());
                    return Ok(Some(batch));
                }
                self.replayed = None;
            }
            if let Some(batch) = self.ready.pop_front() {
                self.metrics.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
            let Some(input) = &mut self.input else {
                return Ok(None);
            };
            let batch = input.next().await.transpose()?;
            let timer = self.metrics.elapsed_compute().clone();
            let _timer = timer.timer();
            match batch {
                Some(batch) if batch.num_rows() > 0 => self.take(batch)?,
                Some(_) => {}
                None => {
                    self.input = None;
                    if self.open.is_some() {
                        let values = self.values(EmitTo::All)?;
                        self.give(&values)?;
                    }
                }
            }
        }
    }

    /// Rows join the partition that is open, or begin new ones. What is complete is given out.
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let starts = self.starts(&batch)?;
        // The open partition is group 0.
        let mut group = usize::from(self.open.is_some() && starts.first() == Some(&0));
        let mut groups = Vec::with_capacity(rows);
        let mut at = starts.iter().copied().filter(|start| *start > 0).peekable();
        for row in 0..rows {
            group += usize::from(at.next_if_eq(&row).is_some());
            groups.push(group);
        }
        for sum in &mut self.sums {
            let of = sum.of.iter().map(|of| of.evaluate(&batch)?.into_array(rows));
            let of = of.collect::<Result<Vec<_>>>()?;
            sum.values.update_batch(&of, &groups, None, group + 1)?;
        }
        self.open = Some(self.keys_of(&batch.slice(rows - 1, 1))?);
        if group == 0 {
            return self.held.push(batch);
        }
        let values = self.values(EmitTo::First(group))?;
        let of_held: Vec<ArrayRef> = values.iter().map(|values| values.slice(0, 1)).collect();
        self.give(&of_held)?;
        let done = groups.partition_point(|of| *of < group);
        if done > 0 {
            let groups = groups[..done].iter().map(|group| *group as u32);
            let groups = UInt32Array::from_iter_values(groups);
            let complete = beside(&self.schema, batch.slice(0, done), &values, Some(&groups))?;
            self.ready.push_back(complete);
        }
        self.held.push(batch.slice(done, rows - done))
    }

    fn keys_of(&self, rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let keys = self
            .keys
            .iter()
            .map(|key| key.evaluate(rows)?.into_array(rows.num_rows()));
        keys.collect()
    }

    /// Rows at which a partition begins.
    fn starts(&self, batch: &RecordBatch) -> Result<Vec<usize>> {
        if self.keys.is_empty() {
            return Ok(if self.open.is_none() { vec![0] } else { Vec::new() });
        }
        let keys = self.keys_of(batch)?;
        match &self.open {
            None => Ok(partition(&keys)?
                .ranges()
                .into_iter()
                .map(|range| range.start)
                .collect()),
            Some(before) => {
                let keys = before
                    .iter()
                    .zip(&keys)
                    .map(|(before, key)| concat(&[before, key]));
                let keys = keys.collect::<Result<Vec<_>, _>>()?;
                let ranges = partition(&keys)?.ranges().into_iter();
                Ok(ranges.filter_map(|range| range.start.checked_sub(1)).collect())
            }
        }
    }

    fn values(&mut self, of: EmitTo) -> Result<Vec<ArrayRef>> {
        self.sums.iter_mut().map(|sum| sum.values.evaluate(of)).collect()
    }

    /// The partition that was open is complete.
    fn give(&mut self, values: &[ArrayRef]) -> Result<()> {
        // The file ends here: who writes it is dropped.
        let written = self.held.written.take().map(|(_, rows)| rows);
        self.replayed = written.map(|rows| (rows, values.to_vec()));
        for batch in self.held.batches.drain(..) {
            self.ready.push_back(beside(&self.schema, batch, values, None)?);
        }
        self.held.memory.free();
        Ok(())
    }
}

/// Rows with the values of their partitions: those of the first one, unless somebody says which.
fn beside(
    schema: &SchemaRef,
    rows: RecordBatch,
    values: &[ArrayRef],
    of: Option<&UInt32Array>,
) -> Result<RecordBatch> {
    let first;
    let of = match of {
        Some(of) => of,
        None => {
            first = UInt32Array::from_value(0, rows.num_rows());
            &first
        }
    };
    let mut columns = rows.columns().to_vec();
    for values in values {
        columns.push(take(values, of, None)?);
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::execution::memory_pool::FairSpillPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// Batches of seven rows; `memory` bytes.
    fn session(ours: bool, memory: usize) -> SessionContext {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .build_arc()
            .unwrap();
        let config = SessionConfig::new()
            .with_batch_size(7)
            .with_target_partitions(2)
            .with_sort_spill_reservation_bytes(0);
        let mut state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_runtime_env(runtime);
        if ours {
            state = state.with_physical_optimizer_rule(Arc::new(ByPartition));
        }
        SessionContext::new_with_state(state.build())
    }

    struct Ran {
        rows: String,
        plan: String,
        spilled: usize,
    }

    fn spilled(plan: &Arc<dyn ExecutionPlan>) -> usize {
        let own = match plan.metrics() {
            Some(metrics) if plan.name() == "WholePartitions" => metrics.spilled_rows().unwrap_or(0),
            _ => 0,
        };
        own + plan.children().into_iter().map(spilled).sum::<usize>()
    }

    async fn ran(ours: bool, memory: usize, query: &str) -> Ran {
        let session = session(ours, memory);
        // Partitions of 1, 2, 3 … rows, of one row each, and one without a key.
        let rows = "CREATE VIEW t AS
            SELECT value AS x,
                CASE WHEN value < 400 THEN floor(sqrt(CAST(2 * value AS DOUBLE))) WHEN value < 500 THEN value END AS k,
                CASE WHEN value % 3 > 0 THEN concat('n', value % 11) END AS name,
                CAST(value AS DECIMAL(38, 18)) / 7 AS amount
            FROM generate_series(0, 599)";
        session.sql(rows).await.unwrap();
        let plan = session
            .sql(query)
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        let batches = collect(Arc::clone(&plan), session.task_ctx()).await.unwrap();
        Ran {
            rows: pretty_format_batches(&batches).unwrap().to_string(),
            plan: displayable(plan.as_ref()).indent(true).to_string(),
            spilled: spilled(&plan),
        }
    }

    fn sorted(rows: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = rows.lines().collect();
        lines.sort_unstable();
        lines
    }

    const PLENTY: usize = 1 << 30;

    #[tokio::test]
    async fn rows_have_what_datafusion_says_of_their_partitions() {
        for functions in [
            "max(x) OVER (PARTITION BY k) AS a, min(name) OVER (PARTITION BY k) AS b, count(*) OVER (PARTITION BY k) AS c",
            "sum(amount) OVER (PARTITION BY k) AS a, count(name) OVER (PARTITION BY k) AS b",
            "sum(amount) OVER (PARTITION BY name, k) AS a, avg(x) OVER (PARTITION BY name) AS b",
            "sum(amount) OVER () AS a, count(name) OVER () AS b",
            "max(name) OVER (PARTITION BY k ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS a",
            "min(x) OVER (PARTITION BY x) AS a",
        ] {
            let query = format!("SELECT x, k, name, {functions} FROM t ORDER BY x");
            let (ours, theirs) = (ran(true, PLENTY, &query).await, ran(false, PLENTY, &query).await);
            assert!(
                ours.plan.contains("WholePartitions: "),
                "{functions}: {}",
                ours.plan
            );
            assert!(!theirs.plan.contains("WholePartitions"));
            assert_eq!(ours.rows, theirs.rows, "{functions}");
            assert!(ours.rows.lines().count() > 600);
        }
    }

    #[tokio::test]
    async fn what_differs_within_a_partition_stays_with_datafusion() {
        for function in [
            "sum(x) OVER (PARTITION BY k ORDER BY x)",
            "sum(x) OVER (PARTITION BY k ORDER BY x ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
            "max(x) FILTER (WHERE x % 2 = 0) OVER (PARTITION BY k)",
            "first_value(x) OVER (PARTITION BY k)",
            "count(DISTINCT name) OVER (PARTITION BY k)",
        ] {
            let query = format!("SELECT x, {function} AS a FROM t ORDER BY x");
            let (ours, theirs) = (ran(true, PLENTY, &query).await, ran(false, PLENTY, &query).await);
            assert!(
                !ours.plan.contains("WholePartitions"),
                "{function}: {}",
                ours.plan
            );
            assert_eq!(ours.rows, theirs.rows, "{function}");
        }
    }

    #[tokio::test]
    async fn a_partition_that_memory_does_not_hold_is_written_down() {
        for (partitions, memory) in [("", 6_000), ("PARTITION BY x > 100", 9_000)] {
            let query = format!("SELECT x, k, sum(x) OVER ({partitions}) AS a FROM t");
            let (tight, plenty) = (ran(true, memory, &query).await, ran(true, PLENTY, &query).await);
            assert!(
                plenty.spilled == 0 && tight.spilled > 100,
                "{partitions}: {}",
                tight.spilled
            );
            assert_eq!(sorted(&tight.rows), sorted(&plenty.rows), "{partitions}");
        }
    }

    #[tokio::test]
    async fn no_rows_make_none() {
        let none = ran(
            true,
            PLENTY,
            "SELECT x, max(x) OVER (PARTITION BY k) AS a FROM t WHERE x < 0",
        )
        .await;
        assert!(!none.rows.contains('0'), "{}", none.rows);
    }
}
