//! Orders of rows that hold in each task. A plan for one process may rely on an order that it knows rows to have
//! from far below, or from a column that a filter left with one value. Between two stages of a cluster that knowledge
//! is lost, and rows arrive in the order in which tasks sent them. So whoever needs an order gets a sort in
//! its own stage, by all of its keys.

use datafusion::error::Result;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, InputOrderMode, replace_children_if_necessary,
};
use std::sync::Arc;

type Plan = Arc<dyn ExecutionPlan>;

/// The same plan with a sort wherever an order would be lost.
pub(super) fn held(plan: Plan) -> Result<Plan> {
    let children = plan
        .children()
        .into_iter()
        .map(|child| held(Arc::clone(child)))
        .collect::<Result<Vec<_>>>()?;
    let plan = replace_children_if_necessary(plan, children)?;
    let input = match plan.children().as_slice() {
        [input] => Arc::clone(input),
        _ => return Ok(plan),
    };
    let sorted = if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
        if sorted_here(&input) {
            return Ok(plan);
        }
        let sort = SortExec::new(merge.expr().clone(), input).with_fetch(merge.fetch());
        Arc::new(sort.with_preserve_partitioning(true))
    } else if let Some((keys, then)) = window_keys(&plan) {
        match window_input(&keys, then, &input) {
            Some(sorted) => sorted,
            None => return Ok(plan),
        }
    } else {
        return Ok(plan);
    };
    replace_children_if_necessary(plan, vec![sorted])
}

/// What rows have to be together by, and their order then.
type WindowKeys = (Vec<Arc<dyn PhysicalExpr>>, Vec<PhysicalSortExpr>);

/// By what the rows of a window function have to be together, and in which order then.
fn window_keys(plan: &Plan) -> Option<WindowKeys> {
    let functions = if let Some(window) = plan.downcast_ref::<BoundedWindowAggExec>() {
        if window.input_order_mode != InputOrderMode::Sorted {
            return None;
        }
        window.window_expr()
    } else {
        plan.downcast_ref::<WindowAggExec>()?.window_expr()
    };
    let first = functions.first()?;
    Some((first.partition_by().to_vec(), first.order_by().to_vec()))
}

/// The input sorted by all keys. `None`: it is.
fn window_input(
    keys: &[Arc<dyn PhysicalExpr>],
    then: Vec<PhysicalSortExpr>,
    input: &Plan,
) -> Option<Arc<SortExec>> {
    let known: Vec<PhysicalSortExpr> = input
        .output_ordering()
        .map(|known| known.iter().cloned().collect())
        .unwrap_or_default();
    let first = &known[..keys.len().min(known.len())];
    let told = |key: &Arc<dyn PhysicalExpr>| first.iter().any(|sort| sort.expr.eq(key));
    if keys.iter().all(told) && (sorted_here(input) || (keys.is_empty() && then.is_empty())) {
        return None;
    }
    let by = |key: &Arc<dyn PhysicalExpr>| PhysicalSortExpr::new_default(Arc::clone(key));
    // All keys come first, each in the direction that it is known in; what else is known goes on to hold.
    let as_known = |key: &Arc<dyn PhysicalExpr>| known.iter().find(|sort| sort.expr.eq(key)).cloned();
    let first = keys.iter().map(|key| as_known(key).unwrap_or_else(|| by(key)));
    let mut order: Vec<PhysicalSortExpr> = Vec::new();
    for sort in first.chain(then).chain(known.iter().cloned()) {
        if !order.iter().any(|before| before.expr.eq(&sort.expr)) {
            order.push(sort);
        }
    }
    let order = LexOrdering::new(order)?;
    let (below, keeps) = match input.downcast_ref::<SortExec>() {
        Some(sort) if sort.fetch().is_none() => (Arc::clone(sort.input()), sort.preserve_partitioning()),
        _ => (Arc::clone(input), true),
    };
    Some(Arc::new(
        SortExec::new(order, below).with_preserve_partitioning(keeps),
    ))
}

/// Is there a sort in the stage of this operator, and does what stands above it keep its order. Joins may be turned
/// round on their way.
fn sorted_here(plan: &Plan) -> bool {
    if plan.is::<SortExec>() || plan.is::<SortPreservingMergeExec>() {
        return true;
    }
    let children = plan.children();
    if children.is_empty() {
        return plan.output_ordering().is_some();
    }
    let shuffles = plan.name() == "RepartitionExec";
    let one = children.len() == 1 && plan.maintains_input_order().first() == Some(&true);
    !shuffles && (one || plan.is::<UnionExec>()) && children.into_iter().all(sorted_here)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// The operators of a query's plan, from above, each once where it repeats.
    async fn operators(sql: &str) -> Vec<String> {
        let config = SessionConfig::new()
            .with_target_partitions(4)
            .with_round_robin_repartition(false);
        let context = SessionContext::new_with_config(config);
        let make = "CREATE TABLE t AS SELECT value AS a, value % 7 AS b, value % 3 AS c FROM generate_series(1, 100)";
        context.sql(make).await.unwrap().collect().await.unwrap();
        let plan = context
            .sql(sql)
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        let held = held(plan).unwrap().to_owned();
        let text = displayable(held.as_ref()).indent(false).to_string();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_column_with_one_value_is_sorted_by_all_the_same() {
        let lines =
            operators("SELECT a, row_number() OVER (PARTITION BY b, c ORDER BY a) AS n FROM t WHERE b = 3")
                .await;
        let sort = lines.iter().find(|line| line.starts_with("SortExec")).unwrap();
        assert!(
            sort.contains("b@1") && sort.contains("c@2") && sort.contains("a@0"),
            "{sort}"
        );
    }

    #[tokio::test]
    async fn a_sort_that_is_there_stays_the_only_one() {
        let lines = operators(
            "SELECT a, row_number() OVER (PARTITION BY b, c ORDER BY a) AS n, sum(a) OVER (PARTITION BY b, c ORDER BY a) AS s FROM t",
        )
        .await;
        let sorts = lines.iter().filter(|line| line.starts_with("SortExec")).count();
        assert_eq!(sorts, 1, "{lines:?}");
    }
}
