//! Rows into data files: split by partition, sorted, encoded, with statistics. Knows neither where the files go
//! nor which commit names them.

use super::delta;
use super::object::Location;
use super::open_file::{self, OpenFile};
use super::ordered::Ordered;
use super::stats;
use crate::base::hash::FileHash;
use crate::base::{Error, Result, seed};
use crate::schema::{TableSchema, Ty};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{LexicographicalComparator, SortColumn, partition, take, take_record_batch};
use arrow::datatypes::{Date32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use deltalake::kernel::Add;
use object_store::path::Path;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a partition that are put in order together.
const SORTED_ROWS: usize = 128 * 1024;
/// Rows that are held back when they are written: a log is nearly in order of time, and its stragglers then still
/// find their place.
const HELD_BACK: usize = SORTED_ROWS / 8;
/// Bytes of rows that wait in all partitions; beyond it the largest is written.
const WAITING_BYTES: usize = 96 << 20;
/// Size of a data file beyond which the next one is begun.
pub(super) const FILE_BYTES: usize = 64 << 20;
/// Size of all data files that are open at once; beyond it the largest is closed.
const OPEN_BYTES: usize = 64 << 20;
/// What the encoders of all open row groups hold; beyond it those of other partitions than the last one are ended.
/// A column with a dictionary takes 73 KB from its first row and 8 to 16 bytes a row, however little comes of it.
const ENCODING_BYTES: usize = 48 << 20;
/// Rows in so many runs of one partition each are not moved apart.
const RUNS: usize = 4;

/// A data file, not yet anywhere.
pub(super) struct Encoded {
    pub(super) add: Add,
    pub(super) partition: Vec<String>,
    pub(super) rows: u64,
    pub(super) bytes: Bytes,
}

/// Takes rows in any order and makes data files of them. What it holds is bounded by the constants above,
/// not by the input.
pub(super) struct Writer {
    files: Files,
    /// Columns of the table that are in a file.
    in_file: Vec<usize>,
    parts: BTreeMap<Vec<String>, Part>,
    waiting: usize,
}

/// What all files of a writer have in common.
struct Files {
    table: &'static TableSchema,
    schema: SchemaRef,
    /// Makes the names of its files its own: nobody else may delete them, or see them deleted.
    mark: String,
    /// Milliseconds since 1970, by the clock of the run.
    written_at: i64,
    /// Columns of a file that it is sorted by.
    sort_by: Vec<usize>,
    keys: RowConverter,
}

/// One partition: rows that wait, and the file they go to.
#[derive(Default)]
struct Part {
    waiting: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    file: Option<OpenFile>,
}

impl Writer {
    pub(super) fn new(table: &'static TableSchema, written_at: i64) -> Result<Writer> {
        let schema = file_schema(table);
        let sort_by: Vec<usize> = table
            .sort_by
            .iter()
            .filter_map(|name| schema.index_of(name).ok())
            .collect();
        let fields = sort_by
            .iter()
            .map(|at| SortField::new(schema.field(*at).data_type().clone()));
        let in_file =
            (0..table.columns.len()).filter(|i| !table.partition_by.contains(&table.columns[*i].name));
        Ok(Writer {
            files: Files {
                table,
                mark: format!("{:020}", seed::nonce()),
                written_at,
                keys: RowConverter::new(fields.collect())?,
                sort_by,
                schema,
            },
            in_file: in_file.collect(),
            parts: BTreeMap::new(),
            waiting: 0,
        })
    }

    /// Takes rows; gives out the files that became whole.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<Vec<Encoded>> {
        let mut done = Vec::new();
        for (values, rows) in split(self.files.table, batch)? {
            let rows = RecordBatch::try_new(
                Arc::clone(&self.files.schema),
                self.in_file.iter().map(|i| Arc::clone(rows.column(*i))).collect(),
            )?;
            let part = self.parts.entry(values.clone()).or_default();
            let bytes = match rows.num_rows() == batch.num_rows() {
                true => rows.get_array_memory_size(),
                false => sliced_bytes(&rows)?,
            };
            part.rows += rows.num_rows();
            part.bytes += bytes;
            part.waiting.push(rows);
            self.waiting += bytes;
            if part.rows >= SORTED_ROWS + HELD_BACK {
                self.write(&values, SORTED_ROWS, &mut done)?;
            }
        }
        while self.waiting > WAITING_BYTES {
            let largest = self.parts.iter().max_by_key(|(_, part)| part.bytes);
            let Some((values, rows)) = largest.map(|(values, part)| (values.clone(), part.rows)) else {
                break;
            };
            self.write(&values, rows - rows / 8, &mut done)?;
        }
        Ok(done)
    }

    /// Writes what is left: many partitions side by side, few of them one by one with their columns side by side.
    pub(super) fn finish(mut self) -> Result<Vec<Encoded>> {
        let parts = std::mem::take(&mut self.parts);
        let threads = open_file::threads();
        let (files, columns) = match parts.len() >= 2 * threads {
            true => (threads, 1),
            false => (1, threads),
        };
        let (parts, done) = (Mutex::new(parts.into_iter()), Mutex::new(Vec::new()));
        let to_be_written = &self.files;
        open_file::on_threads(files, &|| {
            loop {
                let next = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((values, mut part)) = next else {
                    return Ok(());
                };
                part.write(to_be_written, usize::MAX, columns)?;
                let file = part.close(to_be_written, &values, columns)?;
                done.lock().unwrap_or_else(PoisonError::into_inner).extend(file);
            }
        })?;
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by(|a, b| a.partition.cmp(&b.partition));
        Ok(done)
    }

    /// Writes the first `most` of the rows that wait in a partition; the others go on waiting.
    fn write(&mut self, values: &[String], most: usize, done: &mut Vec<Encoded>) -> Result<()> {
        let Some(part) = self.parts.get_mut(values) else {
            return Ok(());
        };
        self.waiting -= part.bytes;
        part.write(&self.files, most, open_file::threads())?;
        self.waiting += part.bytes;
        if part.size() > FILE_BYTES {
            self.close(values, done)?;
        }
        self.end_groups(values)?;
        while self.parts.values().map(Part::size).sum::<usize>() > OPEN_BYTES {
            let largest = self.parts.iter().max_by_key(|(_, part)| part.size());
            let Some(largest) = largest.map(|(values, _)| values.clone()) else {
                break;
            };
            self.close(&largest, done)?;
        }
        Ok(())
    }

    /// Ends row groups of other partitions than this one while too much is held for them. A log that is nearly in order
    /// hardly comes back to them, and what comes in any order begins a row group each time.
    fn end_groups(&mut self, last: &[String]) -> Result<()> {
        let encoding = |part: &Part| part.file.as_ref().map_or(0, OpenFile::encoding);
        let mut all: usize = self.parts.values().map(encoding).sum();
        while all > ENCODING_BYTES {
            let others = self
                .parts
                .iter_mut()
                .filter(|(values, _)| values.as_slice() != last);
            let files = others.filter_map(|(_, part)| part.file.as_mut());
            let largest = files.max_by_key(|file| file.encoding());
            let Some(file) = largest.filter(|file| file.encoding() > 0) else {
                break;
            };
            all -= file.encoding();
            file.end_group(open_file::threads())?;
        }
        Ok(())
    }

    fn close(&mut self, values: &[String], done: &mut Vec<Encoded>) -> Result<()> {
        if let Some(part) = self.parts.get_mut(values) {
            done.extend(part.close(&self.files, values, open_file::threads())?);
        }
        Ok(())
    }
}

impl Part {
    /// Writes the first `most` of the rows that wait, on so many threads; the others go on waiting.
    fn write(&mut self, files: &Files, most: usize, threads: usize) -> Result<()> {
        let batches = std::mem::take(&mut self.waiting);
        (self.rows, self.bytes) = (0, 0);
        if batches.is_empty() {
            return Ok(());
        }
        let ordered = Ordered::new(&files.keys, &files.sort_by, &batches)?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => OpenFile::new(files.table, &files.schema, &files.sort_by, &batches)?,
        };
        file.goes_on(ordered.first(), threads)?;
        let most = most.min(ordered.len());
        file.write(&ordered, &batches, 0..most, threads)?;
        self.file = Some(file);
        ordered.rows(&batches, most..ordered.len(), &mut |rows| {
            self.rows += rows.num_rows();
            self.bytes += sliced_bytes(&rows)?;
            self.waiting.push(rows);
            Ok(())
        })
    }

    fn close(&mut self, files: &Files, values: &[String], threads: usize) -> Result<Option<Encoded>> {
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let (mut bytes, known, sorted) = file.finish(threads)?;
        // It grew by doubling, and may wait in memory.
        bytes.shrink_to_fit();
        let mut path = String::new();
        let mut partition_values = HashMap::new();
        for (column, value) in files.table.partition_by.iter().zip(values) {
            path.push_str(&format!("{column}={}/", folder(value)));
            partition_values.insert((*column).to_owned(), Some(value.clone()));
        }
        path.push_str(&format!(
            "{}-{}-{}.parquet",
            if sorted { SORTED } else { PART },
            files.mark,
            &FileHash::of(&bytes)[..HASH_DIGITS]
        ));
        Ok(Some(Encoded {
            add: Add {
                path,
                partition_values,
                size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
                modification_time: files.written_at,
                data_change: true,
                stats: Some(known.json()),
                ..Add::default()
            },
            partition: values.to_vec(),
            rows: known.rows(),
            bytes: Bytes::from(bytes),
        }))
    }

    /// Bytes of its file as far as it is written.
    fn size(&self) -> usize {
        self.file.as_ref().map_or(0, OpenFile::size)
    }
}

/// Digits of the BLAKE3 of a file in its name. Older programs wrote 24 of its SHA-256.
pub(super) const HASH_DIGITS: usize = 32;

/// First word of the name of a file whose rows are all in the order of `sort_by`.
pub(super) const SORTED: &str = "sorted";
/// The same of one of which only each row group is.
pub(super) const PART: &str = "part";

/// What rows take that may be a part of larger arrays.
fn sliced_bytes(rows: &RecordBatch) -> Result<usize> {
    let sizes = rows
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size());
    Ok(sizes.sum::<std::result::Result<usize, ArrowError>>()?)
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
    let runs = partition(&columns)?.ranges();
    if runs.len() <= RUNS {
        // Parts of a log that is in order keep each other alive, and are hardly written apart.
        let mut parts = BTreeMap::new();
        for run in &runs {
            let mut rows = batch.slice(run.start, run.len());
            if 2 * run.len() < batch.num_rows() {
                // Few rows of a day would keep all of it alive until the end.
                let all: UInt32Array = (0_u32..).take(run.len()).collect();
                rows = take_record_batch(&rows, &all)?;
            }
            parts.insert(values_at(table, &columns, run.start)?, rows);
        }
        if parts.len() == runs.len() {
            return Ok(parts.into_iter().collect());
        }
    }
    let sort: Vec<SortColumn> = columns
        .iter()
        .map(|c| SortColumn {
            values: Arc::clone(c),
            options: None,
        })
        .collect();
    let order = stable_order(&sort)?;
    let sorted = columns
        .iter()
        .map(|column| Ok(take(column, &order, None)?))
        .collect::<Result<Vec<ArrayRef>>>()?;
    partition(&sorted)?
        .ranges()
        .into_iter()
        .map(|range| {
            // Each with memory of its own: what waits would keep the whole batch alive.
            let rows = take_record_batch(batch, &order.slice(range.start, range.len()))?;
            Ok((values_at(table, &sorted, range.start)?, rows))
        })
        .collect()
}

/// Places in order of partition, those of one partition as they came.
fn stable_order(columns: &[SortColumn]) -> Result<UInt32Array> {
    let comparator = LexicographicalComparator::try_new(columns)?;
    let rows = columns.first().map_or(0, |c| c.values.len());
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| comparator.compare(*a, *b));
    Ok(order
        .into_iter()
        .map(|row| u32::try_from(row).unwrap_or(u32::MAX))
        .collect())
}

fn values_at(table: &TableSchema, columns: &[ArrayRef], row: usize) -> Result<Vec<String>> {
    table
        .partition_by
        .iter()
        .zip(columns)
        .map(|(name, column)| partition_text(table, name, column, row))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{BooleanArray, StringArray, TimestampMicrosecondArray, new_null_array};
    use arrow::datatypes::TimestampMicrosecondType;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn outcomes() -> &'static TableSchema {
        TableSchema::named("outcomes").unwrap()
    }

    /// One label of one task at each of these seconds.
    fn labels(seconds: &[i64]) -> RecordBatch {
        let table = outcomes();
        let columns = table.columns.iter().map(|column| -> ArrayRef {
            match column.ty {
                _ if column.nullable => new_null_array(&column.ty.arrow(), seconds.len()),
                Ty::Instant => {
                    let at: TimestampMicrosecondArray = seconds.iter().map(|s| Some(s * 1_000_000)).collect();
                    Arc::new(at.with_timezone("UTC"))
                }
                Ty::Bool => Arc::new(BooleanArray::from(vec![true; seconds.len()])),
                Ty::Int => Arc::new(arrow::array::Int64Array::from(seconds.to_vec())),
                _ => Arc::new(StringArray::from_iter_values(seconds.iter().map(|_| "t"))),
            }
        });
        RecordBatch::try_new(table.arrow(), columns.collect()).unwrap()
    }

    /// Writes seconds, a batch of a thousand at a time; the files, and the seconds of each of their row groups.
    fn written(seconds: &[i64]) -> Vec<(Encoded, Vec<Vec<i64>>)> {
        let mut writer = Writer::new(outcomes(), 0).unwrap();
        let mut files = Vec::new();
        for batch in seconds.chunks(1000) {
            files.extend(writer.push(&labels(batch)).unwrap());
        }
        files.extend(writer.finish().unwrap());
        let groups = |file: &Encoded| {
            let open = || ParquetRecordBatchReaderBuilder::try_new(file.bytes.clone()).unwrap();
            let of_group = |group: usize| {
                let mut all = Vec::new();
                for batch in open().with_row_groups(vec![group]).build().unwrap() {
                    let batch = batch.unwrap();
                    let at = batch.column_by_name("recorded_at").unwrap();
                    all.extend_from_slice(at.as_primitive::<TimestampMicrosecondType>().values());
                }
                all
            };
            (0..open().metadata().num_row_groups()).map(of_group).collect()
        };
        files
            .into_iter()
            .map(|file| {
                let groups = groups(&file);
                (file, groups)
            })
            .collect()
    }

    #[test]
    fn files_say_whether_they_are_in_order_and_row_groups_are() {
        let rows = 400_000;
        let forward: Vec<i64> = (0..rows).collect();
        // A log whose stragglers come up to ten thousand rows late.
        let nearly: Vec<i64> = forward.iter().map(|n| n - n % 7 * 1_500).collect();
        let backward: Vec<i64> = forward.iter().rev().copied().collect();
        for (seconds, sorted) in [(&forward, true), (&nearly, true), (&backward, false)] {
            let files = written(seconds);
            let [(file, groups)] = files.as_slice() else {
                panic!("{} files", files.len());
            };
            let name = file.add.path.rsplit('/').next().unwrap();
            assert_eq!(name.starts_with("sorted-"), sorted, "{name}");
            assert!(groups.len() >= 3 && groups.iter().all(|group| group.is_sorted()));
            let mut all = groups.concat();
            assert_eq!(all.is_sorted(), sorted);
            all.sort_unstable();
            let mut expected: Vec<i64> = seconds.iter().map(|s| s * 1_000_000).collect();
            expected.sort_unstable();
            assert!(all == expected, "a row is lost or doubled");
            let told: serde_json::Value = serde_json::from_str(file.add.stats.as_ref().unwrap()).unwrap();
            assert_eq!((file.rows, told["numRecords"].as_i64()), (400_000, Some(rows)));
            let low = told["minValues"]["file_row"].as_i64();
            assert_eq!(low, expected.first().map(|micros| micros / 1_000_000));
        }
    }

    #[test]
    fn names_of_files_are_never_used_twice() {
        let name = || written(&[1, 2]).remove(0).0.add.path;
        assert_ne!(name(), name());
    }
}
