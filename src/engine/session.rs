//! The query session: every option that can change an answer is set here, on purpose.

use super::cluster::{self, Cluster};
use super::memory::Headroom;
use super::operators::Operators;
use super::{Registry, Settings, sides, spilled, udf, windows};
use crate::base::Result;
use datafusion::common::config::Dialect;
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::num::NonZeroUsize;
use std::sync::Arc;

const BATCH_ROWS: usize = 8192;
/// Fewer rows are not worth the steps.
const LEAST_BATCH_ROWS: usize = 512;
/// What a batch of long rows may need of the memory: a sort that spills holds several at once.
const ROW_BYTES: usize = 1 << 16;
/// Below this, a part of a query spends its time spilling.
const PART_BYTES: usize = 64 << 20;
/// Bytes of a row of which the merge of spilled runs is to have half a part's memory, and how many runs that may be.
/// Each run is read ahead in two batches, and each batch is counted twice.
const MERGED_ROW_BYTES: usize = 1 << 10;
const MERGED_RUNS: std::ops::RangeInclusive<usize> = 4..=16;
/// How many of the hungriest operators an out-of-memory error names.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// Little memory goes further in smaller batches and fewer parts; two gigabytes are enough for anything.
fn parts(memory_limit: usize) -> usize {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    threads.min((memory_limit / PART_BYTES).max(1))
}

fn batch_rows(memory_limit: usize) -> usize {
    (memory_limit / ROW_BYTES).clamp(LEAST_BATCH_ROWS, BATCH_ROWS)
}

/// How many runs of spilled rows are merged at once.
fn merged_runs(memory_limit: usize) -> usize {
    let run = 4 * batch_rows(memory_limit) * MERGED_ROW_BYTES;
    let runs = memory_limit / (2 * parts(memory_limit) * run);
    runs.clamp(*MERGED_RUNS.start(), *MERGED_RUNS.end())
}

fn config(memory_limit: usize) -> SessionConfig {
    let (parts, rows) = (parts(memory_limit), batch_rows(memory_limit));
    let merging = memory_limit / (8 * parts);
    let mut config = SessionConfig::new()
        .with_target_partitions(parts)
        .with_batch_size(rows)
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(true)
        .with_default_catalog_and_schema("spendscope", "public");
    let options = config.options_mut();
    let execution = &mut options.execution;
    execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(merging);
    // A literal 1.5 is a decimal: as a float it would turn money into floating point.
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.enable_ident_normalization = true;
    options.sql_parser.dialect = Dialect::Generic;
    // Text is Utf8 everywhere: in the lake, in literals and casts, in what Parquet gives back.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    options.execution.parquet.binary_as_string = false;
    // Views that are kept are worked out when they are planned: one after the other, since each may take all memory.
    options.execution.planning_concurrency = 1;
    options.execution.time_zone = Some("UTC".to_owned());
    options.execution.collect_statistics = true;
    options.execution.parquet.pruning = true;
    options.execution.parquet.enable_page_index = true;
    // NULL sorts last ascending, first descending, as in PostgreSQL.
    options.sql_parser.default_null_ordering = "nulls_max".to_owned();
    options.optimizer.prefer_hash_join = true;
    // Rows that are parted by some of what they are grouped by are not parted again.
    options.optimizer.subset_repartition_threshold = 1;
    // Field accesses moved below a join get one name on both sides, and a filter over costs then fails.
    options.optimizer.enable_leaf_expression_pushdown = false;
    options.optimizer.skip_failed_rules = false;
    config
}

/// The memory and the disk that sessions share.
pub(super) fn runtime(settings: &Settings) -> Result<Arc<RuntimeEnv>> {
    let pool = TrackConsumersPool::new(Headroom::new(settings.memory_limit), NAMED_CONSUMERS);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_max_spill_merge_fan_in(merged_runs(settings.memory_limit))
        .build_arc()?;
    spilled::watch(&runtime);
    Ok(runtime)
}

/// DataFusion's, and ours about memory.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let chosen = rules.iter().position(|rule| rule.name() == "join_selection");
    rules.insert(chosen.map_or(0, |at| at + 1), Arc::new(sides::NarrowSide));
    rules.push(Arc::new(windows::ByPartition));
    rules
}

/// A session without tables, with all functions.
pub(super) fn open(
    settings: &Settings,
    registry: &Registry,
    runtime: Arc<RuntimeEnv>,
) -> Result<SessionContext> {
    let builder = SessionStateBuilder::new()
        .with_runtime_env(runtime)
        .with_default_features();
    let builder = match &settings.cluster {
        None => builder
            .with_config(config(settings.memory_limit))
            .with_physical_optimizer_rules(physical_rules()),
        Some(there) => {
            let sent = Arc::new(Cluster::new(there.clone()));
            let config =
                cluster::configure(config(settings.memory_limit), there).with_extension(Arc::clone(&sent));
            cluster::send_plans(builder.with_config(config), sent)
        }
    };
    let context = SessionContext::new_with_state(builder.build());
    for function in udf::scalars(settings, registry) {
        context.register_udf(function);
    }
    for function in udf::aggregates() {
        context.register_udaf(function);
    }
    let operators = Operators {
        ratio: Arc::new(udf::ratio()),
        json_extract_string: Arc::new(udf::json_extract_string()),
    };
    let state = context.state_ref();
    state.write().register_expr_planner(Arc::new(operators))?;
    Ok(context)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::datatypes::DataType;

    #[tokio::test]
    async fn literals_are_decimals_and_text_is_utf8() {
        let settings = Settings::new(crate::base::time::from_micros(0));
        let context = open(&settings, &Registry::default(), runtime(&settings).unwrap()).unwrap();
        let frame = context
            .sql("SELECT 1.5 AS a, 1.5 * 1.0 AS b, CAST(1 AS VARCHAR) AS c, 'x' AS d")
            .await
            .unwrap();
        let types: Vec<&DataType> = frame.schema().fields().iter().map(|f| f.data_type()).collect();
        assert!(matches!(types[0], DataType::Decimal128(..)), "{types:?}");
        assert!(matches!(types[1], DataType::Decimal128(..)), "{types:?}");
        assert_eq!(types[2..], [&DataType::Utf8, &DataType::Utf8]);
    }
}
