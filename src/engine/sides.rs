//! Which side of a hash join is held. DataFusion holds the side of fewer rows wherever it does not know how many bytes they
//! take, and it does not know that of texts. A few million rows of twenty columns are held then, instead of twice as many of
//! one number. Here columns count, too.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, Statistics};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use std::sync::Arc;

/// Bytes of what has no width of its own: names and ids.
const TEXT: usize = 24;

/// Comes after DataFusion's choice and before anything relies on it.
#[derive(Debug)]
pub(super) struct NarrowSide;

impl PhysicalOptimizerRule for NarrowSide {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !config.optimizer.join_reordering {
            return Ok(plan);
        }
        let turned = plan.transform_up(|plan| {
            let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(plan));
            };
            let turns = join.join_type().supports_swap()
                && !join.null_aware
                && *join.partition_mode() == PartitionMode::Partitioned
                && held_is_larger(join)?;
            Ok(match turns {
                true => Transformed::yes(join.swap_inputs(PartitionMode::Partitioned)?),
                false => Transformed::no(plan),
            })
        })?;
        Ok(turned.data)
    }

    fn name(&self) -> &str {
        "narrow_side"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Would the other side take fewer bytes? False where DataFusion knew bytes, or nobody knows rows.
fn held_is_larger(join: &HashJoinExec) -> Result<bool> {
    let context = StatisticsContext::new();
    let of = |side: &Arc<dyn ExecutionPlan>| context.compute(side.as_ref(), &StatisticsArgs::new());
    let (held, passed) = (of(join.left())?, of(join.right())?);
    let knew = [&held, &passed].map(|side| side.total_byte_size.get_value().is_some());
    if knew == [true, true] {
        return Ok(false);
    }
    let bytes =
        [(&held, join.left()), (&passed, join.right())].map(|(said, side)| bytes(said, &side.schema()));
    // Both numbers of rows are guesses: a small difference says nothing.
    Ok(matches!(bytes, [Some(held), Some(passed)] if held > passed.saturating_add(passed / 2)))
}

fn bytes(said: &Statistics, rows: &Schema) -> Option<usize> {
    let widths = rows.fields().iter().map(|field| width(field.data_type()));
    said.num_rows
        .get_value()
        .map(|rows| rows.saturating_mul(widths.sum()))
}

fn width(of: &DataType) -> usize {
    match of {
        DataType::Boolean => 1,
        DataType::Dictionary(key, _) => width(key),
        other => other.primitive_width().unwrap_or(TEXT),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::session;
    use super::super::{Registry, Settings};
    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{ParquetReadOptions, SessionContext};
    use std::fs::File;
    use std::path::Path;
    use std::sync::Arc;

    /// A file of as many rows, with so many texts beside a number.
    fn write(folder: &Path, name: &str, rows: i64, texts: usize) -> String {
        let mut fields = vec![Field::new(format!("{name}_id"), DataType::Int64, false)];
        fields.extend((0..texts).map(|at| Field::new(format!("{name}_{at}"), DataType::Utf8, false)));
        let schema = Arc::new(Schema::new(fields));
        let mut columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(0..rows))];
        let text = Arc::new(StringArray::from_iter_values(
            (0..rows).map(|row| format!("text {row}")),
        ));
        columns.extend((0..texts).map(|_| Arc::clone(&text) as _));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let path = folder.join(format!("{name}.parquet"));
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn held(context: &SessionContext, query: &str) -> String {
        let plan = context
            .sql(query)
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        let plan = displayable(plan.as_ref()).indent(true).to_string();
        assert!(plan.contains("mode=Partitioned"), "{plan}");
        let scans = plan.lines().filter(|line| line.contains("DataSourceExec"));
        let first = scans
            .into_iter()
            .next()
            .unwrap()
            .split(".parquet")
            .next()
            .unwrap();
        first.rsplit('/').next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_side_of_fewer_bytes_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new(crate::base::time::from_micros(0));
        let runtime = session::runtime(&settings).unwrap();
        let context = session::open(&settings, &Registry::default(), runtime).unwrap();
        let options = &mut context
            .state_ref()
            .write()
            .config_mut()
            .options_mut()
            .optimizer
            .clone();
        options.hash_join_single_partition_threshold = 0;
        options.hash_join_single_partition_threshold_rows = 0;
        context.state_ref().write().config_mut().options_mut().optimizer = options.clone();
        for (name, rows, texts) in [("wide", 20_000, 8), ("narrow", 30_000, 1), ("short", 2_000, 8)] {
            let path = write(folder.path(), name, rows, texts);
            context
                .register_parquet(name, &path, ParquetReadOptions::new())
                .await
                .unwrap();
        }
        for (query, side) in [
            (
                "SELECT * FROM wide INNER JOIN narrow ON wide_id = narrow_id",
                "narrow",
            ),
            (
                "SELECT * FROM narrow INNER JOIN wide ON wide_id = narrow_id",
                "narrow",
            ),
            (
                "SELECT * FROM wide LEFT JOIN narrow ON wide_id = narrow_id",
                "narrow",
            ),
            (
                "SELECT * FROM narrow LEFT JOIN short ON short_id = narrow_id",
                "short",
            ),
            // Only what is read of it counts.
            (
                "SELECT narrow_0 FROM narrow INNER JOIN wide ON wide_id = narrow_id",
                "wide",
            ),
        ] {
            assert_eq!(held(&context, query).await, side, "{query}");
        }
    }
}
