//! Rows into data files: split by partition, sorted, compressed, with statistics. The files are
//! invisible until a commit names them.

use super::delta;
use super::object::Location;
use super::stats;
use super::trouble;
use crate::base::{Error, Result, hash};
use crate::schema::{TableSchema, Ty};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, partition, take_record_batch};
use arrow::datatypes::{Date32Type, Schema, SchemaRef};
use deltalake::kernel::Add;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Rows of a row group: small enough to prune by time, large enough to compress.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Buffered bytes beyond which the largest partition is written out.
const BUFFER_BYTES: usize = 256 * 1024 * 1024;

/// Collects rows and writes data files. Memory is bounded by `BUFFER_BYTES`, not by the input.
pub(super) struct Staging<'a> {
    location: &'a Location,
    table: &'static TableSchema,
    /// Part of the files' names, so that the same rows written again later are another file.
    version: u64,
    /// Milliseconds since 1970, by the clock of the run.
    written_at: i64,
    buffers: BTreeMap<Vec<String>, Buffer>,
    bytes: usize,
    adds: Vec<Add>,
    rows: u64,
}

#[derive(Default)]
struct Buffer {
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl<'a> Staging<'a> {
    pub(super) fn new(
        location: &'a Location,
        table: &'static TableSchema,
        version: u64,
        written_at: i64,
    ) -> Self {
        Staging {
            location,
            table,
            version,
            written_at,
            buffers: BTreeMap::new(),
            bytes: 0,
            adds: Vec::new(),
            rows: 0,
        }
    }

    pub(super) async fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        for (values, rows) in split(self.table, batch)? {
            let bytes = rows.get_array_memory_size();
            self.rows += rows.num_rows() as u64;
            self.bytes += bytes;
            let buffer = self.buffers.entry(values).or_default();
            buffer.batches.push(rows);
            buffer.bytes += bytes;
        }
        while self.bytes > BUFFER_BYTES {
            let Some(largest) = self
                .buffers
                .iter()
                .max_by_key(|(_, b)| b.bytes)
                .map(|(k, _)| k.clone())
            else {
                break;
            };
            self.flush(&largest).await?;
        }
        Ok(())
    }

    /// Writes what is left; the actions of all files and the number of rows in them.
    pub(super) async fn finish(mut self) -> Result<(Vec<Add>, u64)> {
        let left: Vec<_> = self.buffers.keys().cloned().collect();
        for values in left {
            self.flush(&values).await?;
        }
        Ok((self.adds, self.rows))
    }

    async fn flush(&mut self, values: &[String]) -> Result<()> {
        let Some(buffer) = self.buffers.remove(values) else {
            return Ok(());
        };
        self.bytes -= buffer.bytes;
        let rows = concat_batches(&self.table.arrow(), &buffer.batches)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let rows = without_partitions(self.table, &sorted(self.table, rows)?)?;
        let bytes = encode(&rows)?;
        let name = format!(
            "part-{:05}-{}.parquet",
            self.version,
            &hash::content_hash(&bytes)[..24]
        );
        let mut path = String::new();
        let mut partition_values = HashMap::new();
        for (column, value) in self.table.partition_by.iter().zip(values) {
            path.push_str(&format!("{column}={}/", folder(value)));
            partition_values.insert((*column).to_owned(), Some(value.clone()));
        }
        path.push_str(&name);
        let size = bytes.len();
        let target = file_path(self.location, self.table, &path)?;
        let part = if self.location.is_remote() {
            PART
        } else {
            usize::MAX
        };
        upload(self.location.store.as_ref(), &target, bytes, part)
            .await
            .map_err(|e| trouble::told(&e, Error::io).context(format!("writing {target}")))?;
        self.adds.push(Add {
            path,
            partition_values,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            modification_time: self.written_at,
            data_change: true,
            stats: Some(stats::write(self.table, &rows)),
            ..Add::default()
        });
        Ok(())
    }
}

/// Larger files go to a server in parts: a put of one piece would have to be through before the request times out.
const PART: usize = 16 << 20;

async fn upload(
    store: &dyn ObjectStore,
    target: &Path,
    bytes: Vec<u8>,
    part: usize,
) -> object_store::Result<()> {
    if bytes.len() <= part {
        store.put(target, PutPayload::from(bytes)).await?;
        return Ok(());
    }
    let mut bytes = bytes::Bytes::from(bytes);
    let mut upload = store.put_multipart(target).await?;
    while !bytes.is_empty() {
        let piece = bytes.split_to(part.min(bytes.len()));
        if let Err(e) = upload.put_part(piece.into()).await {
            // What it leaves behind cannot be seen; the first error is the one to tell.
            let _ = upload.abort().await;
            return Err(e);
        }
    }
    upload.complete().await?;
    Ok(())
}

/// A data file of a table, as a path in the store.
pub(super) fn file_path(location: &Location, table: &TableSchema, relative: &str) -> Result<Path> {
    let text = format!("{}/{relative}", location.table_prefix(table.name));
    Path::parse(&text).map_err(|e| delta::error(e.into()).context("naming a data file"))
}

/// A partition value as the name of a folder. The true value stands in the log, so what a file
/// system or a URL could misread is simply replaced.
fn folder(value: &str) -> String {
    value
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// One batch per combination of partition values.
fn split(table: &TableSchema, batch: &RecordBatch) -> Result<Vec<(Vec<String>, RecordBatch)>> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let columns = table
        .partition_by
        .iter()
        .map(|name| {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| missing(table, name))
        })
        .collect::<Result<Vec<_>>>()?;
    if columns.is_empty() {
        return Ok(vec![(Vec::new(), batch.clone())]);
    }
    let order = lexsort_to_indices(
        &columns
            .iter()
            .map(|c| SortColumn {
                values: Arc::clone(c),
                options: None,
            })
            .collect::<Vec<_>>(),
        None,
    )?;
    let batch = take_record_batch(batch, &order)?;
    let columns: Vec<ArrayRef> = table
        .partition_by
        .iter()
        .filter_map(|name| batch.column_by_name(name).cloned())
        .collect();
    partition(&columns)?
        .ranges()
        .into_iter()
        .map(|range| {
            let values = table
                .partition_by
                .iter()
                .zip(&columns)
                .map(|(name, column)| partition_text(table, name, column, range.start))
                .collect::<Result<Vec<_>>>()?;
            Ok((values, batch.slice(range.start, range.len())))
        })
        .collect()
}

/// A partition value as Delta writes it. Empty text would be read back as NULL.
fn partition_text(table: &TableSchema, name: &str, column: &dyn Array, row: usize) -> Result<String> {
    let text = match table.column(name).map(|c| c.ty) {
        Some(Ty::Date) => stats::date(column.as_primitive::<Date32Type>().value(row)).map(|d| d.to_string()),
        Some(Ty::Text) => Some(column.as_string::<i32>().value(row).to_owned()),
        _ => None,
    };
    match text {
        Some(text) if !text.is_empty() && column.is_valid(row) => Ok(text),
        _ => Err(Error::data(format!(
            "{}.{name} is empty, and the table is partitioned by it",
            table.name
        ))),
    }
}

fn missing(table: &TableSchema, column: &str) -> Error {
    Error::internal(format!("rows for {} come without {column}", table.name))
}

fn sorted(table: &TableSchema, rows: RecordBatch) -> Result<RecordBatch> {
    let columns = table
        .sort_by
        .iter()
        .map(|name| {
            let values = rows
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| missing(table, name))?;
            Ok(SortColumn {
                values,
                options: None,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let order: UInt32Array = lexsort_to_indices(&columns, None)?;
    Ok(take_record_batch(&rows, &order)?)
}

fn without_partitions(table: &TableSchema, rows: &RecordBatch) -> Result<RecordBatch> {
    let keep: Vec<usize> = (0..table.columns.len())
        .filter(|i| !table.partition_by.contains(&table.columns[*i].name))
        .collect();
    Ok(rows.project(&keep)?)
}

/// The columns inside a data file.
pub(super) fn file_schema(table: &TableSchema) -> SchemaRef {
    let fields: Vec<_> = table
        .arrow()
        .fields()
        .iter()
        .filter(|f| !table.partition_by.contains(&f.name().as_str()))
        .cloned()
        .collect();
    Arc::new(Schema::new(fields))
}

fn encode(rows: &RecordBatch) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by("spendscope".into())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
    writer.write(rows)?;
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_file_in_parts_is_the_file() {
        let store = object_store::memory::InMemory::new();
        let bytes: Vec<u8> = (0..=250).collect();
        for part in [1, 30, 250, 251, usize::MAX] {
            let target = Path::from(format!("{part}"));
            upload(&store, &target, bytes.clone(), part).await.unwrap();
            assert_eq!(
                store.get(&target).await.unwrap().bytes().await.unwrap(),
                bytes,
                "{part}"
            );
        }
    }
}
