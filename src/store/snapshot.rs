//! One version of one table: which files it has, and what is known of them.

use super::object::Location;
use super::scan::FileScan;
use super::{stats, write};
use crate::base::{Error, Result, time};
use crate::schema::{TableSchema, Ty};
use datafusion::catalog::TableProvider;
use datafusion::common::{ScalarValue, Statistics};
use deltalake::kernel::Remove;
use deltalake::table::state::DeltaTableState;
use object_store::path::Path;
use std::sync::Arc;

/// A table as it was at one version.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) location: Location,
    pub(super) table: &'static TableSchema,
    pub(super) state: Arc<DeltaTableState>,
    pub(super) files: Arc<Vec<DataFile>>,
}

/// One data file. Its statistics cover the file's columns, then the partition columns.
#[derive(Debug, Clone)]
pub(super) struct DataFile {
    /// As the Delta log names it, relative to the table.
    pub(super) path: String,
    pub(super) location: Path,
    pub(super) size: u64,
    /// In the order of `partition_by`.
    pub(super) partition: Vec<String>,
    pub(super) partition_values: Vec<ScalarValue>,
    pub(super) statistics: Arc<Statistics>,
    pub(super) remove: Remove,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} version {})", self.table.name, self.version())
    }
}

impl Snapshot {
    pub(super) fn new(
        location: Location,
        table: &'static TableSchema,
        state: DeltaTableState,
    ) -> Result<Self> {
        let schema = super::scan::scan_schema(table);
        let mut files = Vec::new();
        for view in state.log_data().iter() {
            let path = view.path().into_owned();
            let raw = view.partition_values_map();
            let mut partition = Vec::new();
            let mut partition_values = Vec::new();
            for name in table.partition_by {
                let text = raw.get(*name).cloned().flatten().unwrap_or_default();
                partition_values.push(partition_scalar(table, name, &text)?);
                partition.push(text);
            }
            let size = u64::try_from(view.size()).unwrap_or(0);
            let bytes = usize::try_from(size).unwrap_or(usize::MAX);
            let statistics = stats::read(
                table,
                schema.table_schema(),
                view.stats().as_deref(),
                bytes,
                &partition_values,
            )?;
            files.push(DataFile {
                location: write::file_path(&location, table, &path)?,
                path,
                size,
                partition,
                partition_values,
                statistics: Arc::new(statistics),
                remove: view.remove_action(true),
            });
        }
        // The log lists the newest first; a fixed order makes scans repeatable.
        files.sort_by(|a, b| (&a.partition, &a.path).cmp(&(&b.partition, &b.path)));
        Ok(Snapshot {
            location,
            table,
            state: Arc::new(state),
            files: Arc::new(files),
        })
    }

    pub fn version(&self) -> i64 {
        i64::try_from(self.state.version()).unwrap_or(i64::MAX)
    }

    pub fn table(&self) -> &'static TableSchema {
        self.table
    }

    /// Rows in the table, from the log alone.
    pub fn rows(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|f| f.statistics.num_rows.get_value())
            .map(|n| *n as u64)
            .sum()
    }

    /// Partitions that hold rows, each once, in order of `partition_by`.
    pub fn partitions(&self) -> Vec<Vec<String>> {
        let mut all: Vec<_> = self.files.iter().map(|f| f.partition.clone()).collect();
        all.dedup();
        all
    }

    /// The same version with only the files of these partitions.
    #[must_use]
    pub fn only_partitions(&self, wanted: &[Vec<String>]) -> Snapshot {
        let files = self
            .files
            .iter()
            .filter(|f| wanted.contains(&f.partition))
            .cloned()
            .collect();
        Snapshot {
            files: Arc::new(files),
            ..self.clone()
        }
    }

    /// The same version with only this data file.
    #[must_use]
    pub fn only_file(&self, name: &str) -> Snapshot {
        let files = self.files.iter().filter(|f| f.path == name).cloned().collect();
        Snapshot {
            files: Arc::new(files),
            ..self.clone()
        }
    }

    /// Names of the data files, as `Replace::Files` takes them.
    pub fn file_names(&self) -> Vec<String> {
        self.files.iter().map(|f| f.path.clone()).collect()
    }

    /// Was a change of this name committed to the table at this version or before.
    pub(super) async fn transaction(
        &self,
        log_store: &deltalake::logstore::LogStoreRef,
        id: &str,
    ) -> Result<bool> {
        let version = self
            .state
            .transaction_version(log_store.as_ref(), id)
            .await
            .map_err(super::delta::error)?;
        Ok(version.is_some())
    }

    /// Scans as plain Parquet nodes: nothing of the lake is left in the plan.
    pub fn table_provider(&self) -> Arc<dyn TableProvider> {
        Arc::new(FileScan::new(self))
    }
}

fn partition_scalar(table: &TableSchema, name: &str, text: &str) -> Result<ScalarValue> {
    match table.column(name).map(|c| c.ty) {
        Some(Ty::Date) => time::parse_date(text)
            .map(|d| ScalarValue::Date32(Some(stats::days(d))))
            .ok_or_else(|| {
                Error::lake(format!(
                    "{}: '{text}' is not a day of partition {name}",
                    table.name
                ))
            }),
        _ => Ok(ScalarValue::Utf8(Some(text.to_owned()))),
    }
}
