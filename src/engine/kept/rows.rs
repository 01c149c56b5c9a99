//! The rows of a kept view: worked out once, few of them held in memory, many written to Parquet files.

use super::remote::Remote;
use super::store::{Entry, Store};
use crate::engine::thrift;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{ColumnStatistics, DataFusionError, Result, ScalarValue, Statistics};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream_partitioned};
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// Rows of a file that are buffered and read together.
const ROWS_PER_GROUP: usize = 64 << 10;

/// Bytes of rows that travel with each plan that reads them.
const TRAVELLING: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Rows {
    memory: Option<MemTable>,
    files: Option<ListingTable>,
    /// Where the files lie, for as long as they are read.
    place: Place,
}

#[derive(Debug)]
enum Place {
    Nowhere,
    Session { _folder: TempDir },
    Store { _entry: Entry },
}

/// What one partition of the view came to.
enum Part {
    Memory(Vec<RecordBatch>),
    File(PathBuf),
}

impl Part {
    /// Writes what is in memory into the folder.
    fn move_to_file(&mut self, folder: &Path, at: usize, schema: &SchemaRef) -> Result<PathBuf> {
        let path = match self {
            Part::File(path) => return Ok(path.clone()),
            Part::Memory(batches) => {
                let path = folder.join(format!("{at}.parquet"));
                write(&path, schema, batches)?;
                path
            }
        };
        *self = Part::File(path.clone());
        Ok(path)
    }
}

impl Rows {
    /// From the store, if it has them.
    pub(super) fn stored(store: &Store, name: &str, key: &str, schema: &SchemaRef) -> Result<Option<Rows>> {
        let Some(entry) = store.find(name, key) else {
            return Ok(None);
        };
        Ok(Some(Rows {
            memory: None,
            files: Some(listing(&entry.files(), schema)?),
            place: Place::Store { _entry: entry },
        }))
    }

    /// The same when nothing but the key is known: the files say what columns there are.
    pub(super) fn found(store: &Store, name: &str, key: &str) -> Option<(Rows, SchemaRef, Vec<PathBuf>)> {
        let entry = store.find(name, key)?;
        let files = entry.files();
        let first = File::open(files.first()?).ok()?;
        let about = ArrowReaderMetadata::load(&first, ArrowReaderOptions::new()).ok()?;
        let schema = Arc::new(Schema::new(about.schema().fields().clone()));
        let rows = Rows {
            memory: None,
            files: Some(listing(&files, &schema).ok()?),
            place: Place::Store { _entry: entry },
        };
        Some((rows, schema, files))
    }

    /// Will later sessions find them?
    pub(super) fn stay(&self) -> bool {
        matches!(self.place, Place::Store { .. })
    }

    /// Works them out. `store` and `key` say where they may stay for other sessions.
    pub(super) async fn compute(
        plan: &LogicalPlan,
        state: &dyn Session,
        schema: &SchemaRef,
        budget: usize,
        store: Option<(&Store, &str, &str)>,
    ) -> Result<Rows> {
        let started = Instant::now();
        // Files that may stay are written where they would stay: moving them is then a rename.
        let folder = match store.and_then(|(store, ..)| store.room()) {
            Some(folder) => folder,
            None => tempfile::tempdir()?,
        };
        let mut parts = work_out(plan, state, schema, budget, folder.path()).await?;
        if let Some((store, name, key)) = store
            && started.elapsed() >= store.worth
        {
            for (at, part) in parts.iter_mut().enumerate() {
                part.move_to_file(folder.path(), at, schema)?;
            }
            return match store.put(name, key, folder) {
                Ok(entry) => Ok(Rows {
                    memory: None,
                    files: Some(listing(&entry.files(), schema)?),
                    place: Place::Store { _entry: entry },
                }),
                Err(folder) => Rows::of(parts, schema, folder),
            };
        }
        Rows::of(parts, schema, folder)
    }

    /// The same for executors of a cluster: in the place beside the lake that they read too. Few rows stay in
    /// memory, and travel with the plans that read them.
    pub(super) async fn for_executors(
        plan: &LogicalPlan,
        state: &dyn Session,
        schema: &SchemaRef,
        place: &Remote,
        (name, key): (&str, &str),
    ) -> Result<Rows> {
        place.make_known(state);
        if let Some(files) = place.find(name, key).await? {
            return Rows::beside_the_lake(files, schema);
        }
        let folder = tempfile::tempdir()?;
        let mut parts = work_out(plan, state, schema, TRAVELLING, folder.path()).await?;
        if parts.iter().all(|part| matches!(part, Part::Memory(_))) {
            return Rows::of(parts, schema, folder);
        }
        let mut files = Vec::new();
        for (at, part) in parts.iter_mut().enumerate() {
            files.push(part.move_to_file(folder.path(), at, schema)?);
        }
        Rows::beside_the_lake(place.put(name, key, &files).await?, schema)
    }

    fn beside_the_lake(files: Vec<ListingTableUrl>, schema: &SchemaRef) -> Result<Rows> {
        Ok(Rows {
            memory: None,
            files: Some(listing_of(files, schema)?),
            place: Place::Nowhere,
        })
    }

    fn of(parts: Vec<Part>, schema: &SchemaRef, folder: TempDir) -> Result<Rows> {
        let (mut memory, mut files) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Memory(batches) => memory.push(batches),
                Part::File(path) => files.push(path),
            }
        }
        Ok(Rows {
            memory: match memory.is_empty() {
                true => None,
                false => Some(MemTable::try_new(Arc::clone(schema), memory)?),
            },
            place: match files.is_empty() {
                true => Place::Nowhere,
                false => Place::Session { _folder: folder },
            },
            files: match files.is_empty() {
                true => None,
                false => Some(listing(&files, schema)?),
            },
        })
    }

    pub(super) async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // A limit counts rows after the filters, which these scans do not apply in full.
        let limit = limit.filter(|_| filters.is_empty());
        let mut parts = Vec::new();
        if let Some(memory) = &self.memory {
            parts.push(memory.scan(state, projection, &[], limit).await?);
        }
        if let Some(files) = &self.files {
            parts.push(files.scan(state, projection, filters, limit).await?);
        }
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }

    #[cfg(test)]
    pub(super) fn in_files(&self) -> bool {
        self.files.is_some()
    }
}

/// Between which values the columns of files lie, as far as all of them say.
pub(super) fn bounds(files: &[PathBuf], schema: &SchemaRef) -> Option<Statistics> {
    let mut all = Vec::new();
    for path in files {
        let about = ArrowReaderMetadata::load(&File::open(path).ok()?, ArrowReaderOptions::new()).ok()?;
        let mut said = DFParquetMetadata::statistics_from_parquet_metadata(about.metadata(), schema).ok()?;
        for column in &mut said.column_statistics {
            // Of a column without bounds it says that all may be NULL, and who looks for others would not read it.
            if column.min_value.get_value().is_none_or(ScalarValue::is_null) {
                *column = ColumnStatistics::new_unknown();
            }
        }
        all.push(said);
    }
    Statistics::try_merge_iter(&all, schema).ok()
}

/// The rows of a view, partition by partition, those that are too many in files of the folder. Where its joins want
/// more memory than there is, the view is worked out once more by joins that wait on the disk.
async fn work_out(
    plan: &LogicalPlan,
    state: &dyn Session,
    schema: &SchemaRef,
    budget: usize,
    folder: &Path,
) -> Result<Vec<Part>> {
    let physical = state.create_physical_plan(plan).await?;
    let error = match in_turn(&physical, &state.task_ctx(), schema, budget, folder).await {
        Ok(parts) => return Ok(parts),
        Err(error) => error,
    };
    let thrifty = thrift::instead(state, &physical, &error).ok_or(error)?;
    let physical = thrifty.create_physical_plan(plan).await?;
    in_turn(&physical, &thrifty.task_ctx(), schema, budget, folder).await
}

/// The branches of a union one after the other, since each may take all memory; the partitions of a branch side by side.
async fn in_turn(
    plan: &Arc<dyn ExecutionPlan>,
    task: &Arc<TaskContext>,
    schema: &SchemaRef,
    budget: usize,
    folder: &Path,
) -> Result<Vec<Part>> {
    let branches = match plan.downcast_ref::<UnionExec>() {
        Some(union) => union.inputs().clone(),
        None => vec![Arc::clone(plan)],
    };
    let budget = budget / branches.len().max(1);
    let mut parts = Vec::new();
    for branch in branches {
        let streams = execute_stream_partitioned(branch, Arc::clone(task))?;
        let budget = budget / streams.len().max(1);
        let tasks: Vec<_> = streams
            .into_iter()
            .enumerate()
            .map(|(at, stream)| {
                let path = folder.join(format!("{}.parquet", parts.len() + at));
                SpawnedTask::spawn(keep(stream, Arc::clone(schema), budget, path))
            })
            .collect();
        for task in tasks {
            let part = task.join().await;
            parts.push(part.map_err(|e| DataFusionError::External(Box::new(e)))??);
        }
    }
    Ok(parts)
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
        // Branches of a union have names of their own.
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?;
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

fn write(path: &Path, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<()> {
    let mut file = open(path, schema)?;
    for batch in batches {
        file.write(batch)?;
    }
    file.close()?;
    Ok(())
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
    listing_of(urls, schema)
}

fn listing_of(urls: Vec<ListingTableUrl>, schema: &SchemaRef) -> Result<ListingTable> {
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(Arc::clone(schema));
    ListingTable::try_new(config)
}
