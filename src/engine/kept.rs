//! A view whose rows are worked out once per session, when something first reads them.
//!
//! Views that build on each other are planned into one another. Where several read the same costly
//! one, its work would be done again for each; a kept view does it once and hands out the rows. Few
//! rows stay in memory; many go to temporary Parquet files, which are gone with the session.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream_partitioned};
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Rows of a temporary file that are buffered and read together.
const ROWS_PER_GROUP: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct KeptView {
    plan: LogicalPlan,
    definition: String,
    schema: SchemaRef,
    /// Bytes that its rows may take in memory.
    budget: usize,
    rows: OnceCell<Rows>,
}

#[derive(Debug)]
struct Rows {
    memory: Option<MemTable>,
    files: Option<ListingTable>,
    /// Where the files lie, for as long as they are read.
    _folder: Option<TempDir>,
}

/// What one partition of the view came to.
enum Part {
    Memory(Vec<RecordBatch>),
    File(PathBuf),
}

impl KeptView {
    /// `plan` must be analysed: only then are its types the ones of its rows. Every column counts as
    /// nullable, since what runs and what was planned may differ about that.
    pub(super) fn new(plan: LogicalPlan, definition: String, budget: usize) -> KeptView {
        let fields = plan
            .schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        KeptView {
            plan,
            definition,
            schema,
            budget,
            rows: OnceCell::new(),
        }
    }

    async fn compute(&self, state: &dyn Session) -> Result<Rows> {
        let plan = state.create_physical_plan(&self.plan).await?;
        let streams = execute_stream_partitioned(plan, state.task_ctx())?;
        let folder = tempfile::tempdir()?;
        let budget = self.budget / streams.len().max(1);
        let tasks: Vec<_> = streams
            .into_iter()
            .enumerate()
            .map(|(at, stream)| {
                let path = folder.path().join(format!("{at}.parquet"));
                SpawnedTask::spawn(keep(stream, Arc::clone(&self.schema), budget, path))
            })
            .collect();
        let (mut memory, mut files) = (Vec::new(), Vec::new());
        for task in tasks {
            match task
                .join()
                .await
                .map_err(|e| DataFusionError::External(Box::new(e)))??
            {
                Part::Memory(batches) => memory.push(batches),
                Part::File(path) => files.push(path),
            }
        }
        let folder = (!files.is_empty()).then_some(folder);
        Ok(Rows {
            memory: match memory.is_empty() {
                true => None,
                false => Some(MemTable::try_new(Arc::clone(&self.schema), memory)?),
            },
            files: match files.is_empty() {
                true => None,
                false => Some(listing(&files, &self.schema)?),
            },
            _folder: folder,
        })
    }
}

/// Reads a partition to its end: into memory while it fits, into a file from then on.
async fn keep(
    mut stream: SendableRecordBatchStream,
    schema: SchemaRef,
    budget: usize,
    path: PathBuf,
) -> Result<Part> {
    let mut held = Vec::new();
    let mut bytes = 0;
    let mut file: Option<ArrowWriter<File>> = None;
    while let Some(batch) = stream.try_next().await? {
        let batch = batch.with_schema(Arc::clone(&schema))?;
        if let Some(file) = &mut file {
            file.write(&batch)?;
            continue;
        }
        bytes += size(&batch)?;
        held.push(batch);
        if bytes > budget {
            let mut opened = open(&path, &schema)?;
            for batch in held.drain(..) {
                opened.write(&batch)?;
            }
            file = Some(opened);
        }
    }
    match file {
        Some(file) => {
            file.close()?;
            Ok(Part::File(path))
        }
        None => Ok(Part::Memory(held)),
    }
}

/// What the rows take, not what the buffers behind them do: batches are often slices of one.
fn size(batch: &RecordBatch) -> Result<usize> {
    let mut bytes = 0;
    for column in batch.columns() {
        bytes += column.to_data().get_slice_memory_size()?;
    }
    Ok(bytes)
}

fn open(path: &Path, schema: &SchemaRef) -> Result<ArrowWriter<File>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .build();
    Ok(ArrowWriter::try_new(
        File::create(path)?,
        Arc::clone(schema),
        Some(properties),
    )?)
}

fn listing(files: &[PathBuf], schema: &SchemaRef) -> Result<ListingTable> {
    let urls = files
        .iter()
        .map(|path| ListingTableUrl::parse(path.to_string_lossy()))
        .collect::<Result<Vec<_>>>()?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(Arc::clone(schema));
    ListingTable::try_new(config)
}

#[async_trait]
impl TableProvider for KeptView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    /// Filters choose row groups of the files; whoever asked applies them to the rows.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows.get_or_try_init(|| self.compute(state)).await?;
        // A limit counts rows after the filters, which these scans do not apply in full.
        let limit = limit.filter(|_| filters.is_empty());
        let mut parts = Vec::new();
        if let Some(memory) = &rows.memory {
            parts.push(memory.scan(state, projection, &[], limit).await?);
        }
        if let Some(files) = &rows.files {
            parts.push(files.scan(state, projection, filters, limit).await?);
        }
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use datafusion::prelude::{SessionConfig, SessionContext};

    async fn answers(budget: usize) -> (Vec<String>, bool) {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        let plan = context
            .sql(
                "SELECT value AS n, value % 7 AS k, CAST(value AS DECIMAL(38, 18)) AS amount, \
                 CASE WHEN value % 3 = 0 THEN NULL ELSE concat('t', value) END AS name \
                 FROM generate_series(1, 50000) AS s(value)",
            )
            .await
            .unwrap()
            .into_unoptimized_plan();
        let state = context.state();
        let plan = state
            .analyzer()
            .execute_and_check(plan, state.config_options(), |_, _| {})
            .unwrap();
        let view = Arc::new(KeptView::new(plan, String::new(), budget));
        context.register_table("kept", Arc::clone(&view) as _).unwrap();
        let mut lines = Vec::new();
        for sql in [
            "SELECT k, count(*), count(name), sum(amount), min(name) FROM kept GROUP BY k ORDER BY k",
            "SELECT n, name FROM kept WHERE n > 49997 ORDER BY n",
            "SELECT count(*) FROM (SELECT n FROM kept LIMIT 9)",
            "SELECT count(*) FROM (SELECT n FROM kept WHERE k = 3 LIMIT 9)",
        ] {
            let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
            lines.push(
                arrow::util::pretty::pretty_format_batches(&batches)
                    .unwrap()
                    .to_string(),
            );
        }
        let spilled = view.rows.get().unwrap().files.is_some();
        (lines, spilled)
    }

    #[tokio::test]
    async fn rows_in_files_answer_like_rows_in_memory() {
        let (in_memory, spilled) = answers(usize::MAX).await;
        assert!(!spilled);
        let (in_files, spilled) = answers(1000).await;
        assert!(spilled);
        assert_eq!(in_memory, in_files);
        assert!(
            in_memory[0].contains("50000") || in_memory[0].contains("7143"),
            "{}",
            in_memory[0]
        );
    }
}
