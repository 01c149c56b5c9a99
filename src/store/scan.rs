//! A table provider whose plan is a plain Parquet scan over a snapshot's files.
//!
//! Delta's own scan node could not leave the process; `DataSourceExec` can. Partition columns are
//! values of the file, not columns in it, so the scan's columns are reordered by its projection.

use super::object::Location;
use super::snapshot::{DataFile, Snapshot};
use super::{stats, write};
use crate::base::scan::{Scan, scan_by};
use crate::schema;
use arrow::datatypes::{Field, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::FutureExt;
use futures::future::ready;
use std::sync::Arc;

/// The scan's own order of columns: those in the files, then the partition columns.
pub(super) fn scan_schema(table: &schema::TableSchema) -> TableSchema {
    let partition: Vec<_> = table
        .partition_by
        .iter()
        .filter_map(|name| table.column(name))
        .map(|c| Arc::new(Field::new(c.name, c.ty.arrow(), c.nullable)))
        .collect();
    TableSchema::builder(write::file_schema(table))
        .with_table_partition_cols(partition)
        .build()
}

#[derive(Debug)]
pub(super) struct FileScan {
    location: Location,
    /// What callers see: our columns in our order.
    schema: SchemaRef,
    scanned: TableSchema,
    /// For each of our columns, its place in `scanned`.
    places: Vec<usize>,
    files: Arc<Vec<DataFile>>,
}

impl FileScan {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let schema = snapshot.table.arrow();
        let scanned = scan_schema(snapshot.table);
        let places = schema
            .fields()
            .iter()
            .filter_map(|f| scanned.table_schema().index_of(f.name()).ok())
            .collect();
        FileScan {
            location: snapshot.location.clone(),
            schema,
            scanned,
            places,
            files: Arc::clone(&snapshot.files),
        }
    }

    /// Files that may hold a row for which all filters hold.
    fn matching(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&DataFile>> {
        let all = || self.files.iter().collect::<Vec<_>>();
        let Some(filter) = conjunction(filters.iter().cloned()) else {
            return Ok(all());
        };
        let schema = self.scanned.table_schema();
        let predicate = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(schema))?)?;
        // What cannot be decided from statistics prunes nothing.
        let Ok(pruning) = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(schema))
            .try_build(predicate)
        else {
            return Ok(all());
        };
        let known = self.files.iter().map(|f| Arc::clone(&f.statistics)).collect();
        let Ok(keep) = pruning.prune(&PrunableStatistics::new(known, Arc::clone(schema))) else {
            return Ok(all());
        };
        Ok(self
            .files
            .iter()
            .zip(keep)
            .filter_map(|(file, keep)| keep.then_some(file))
            .collect())
    }

    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> Scan<'a> {
        ready(self.planned(state, projection, filters, limit)).boxed()
    }

    fn planned(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = match projection {
            Some(columns) => columns
                .iter()
                .filter_map(|i| self.places.get(*i).copied())
                .collect(),
            None => self.places.clone(),
        };
        let files = self.matching(state, filters)?;
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let url = ObjectStoreUrl::parse(self.location.root_url())?;
        if !self.location.is_file() {
            // Every session knows the file system; other stores are made known when first read.
            state
                .runtime_env()
                .register_object_store(url.as_ref(), Arc::clone(&self.location.store));
        }
        let files: Vec<PartitionedFile> = files
            .into_iter()
            .map(|file| {
                let mut part = PartitionedFile::new("", file.size);
                part.object_meta.location = file.location.clone();
                part.partition_values = file.partition_values.clone();
                // Set whole: the statistics already cover the partition columns.
                part.statistics = Some(Arc::new(stats::for_planning((*file.statistics).clone())));
                part
            })
            .collect();
        let schema = self.scanned.table_schema();
        let known = files.iter().filter_map(|f| f.statistics.as_deref());
        let statistics = Statistics::try_merge_iter(known, schema)?;
        let groups = FileGroup::new(files)
            .split_files(state.config().target_partitions())
            .into_iter()
            .map(|group| {
                let known = group.iter().filter_map(|f| f.statistics.as_deref());
                let statistics = Statistics::try_merge_iter(known, schema)?;
                Ok(group.with_statistics(Arc::new(statistics)))
            })
            .collect::<Result<Vec<_>>>()?;
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        // What a file says of itself is read once in a session, however many queries read the file.
        let environment = state.runtime_env();
        let known = environment.cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(environment.object_store(&url)?, known);
        let source = ParquetSource::new(self.scanned.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(wanted))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl TableProvider for FileScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    scan_by!(scanned);
}
