//! Rows into data files: split by partition, sorted, encoded, with statistics. Knows neither where the files go
//! nor which commit names them.

use super::delta;
use super::encoding;
use super::object::Location;
use super::stats::{self, Collected};
use crate::base::{Error, Result, hash, seed};
use crate::schema::{TableSchema, Ty};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{
    LexicographicalComparator, SortColumn, interleave_record_batch, partition, take, take_record_batch,
};
use arrow::datatypes::{Date32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, Row, RowConverter, Rows, SortField};
use bytes::Bytes;
use deltalake::kernel::Add;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

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
const OPEN_BYTES: usize = 96 << 20;
/// Rows that are put in order at a time.
const CHUNK_ROWS: usize = 8 * 1024;

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
    table: &'static TableSchema,
    schema: SchemaRef,
    /// Makes the names of its files its own: nobody else may delete them, or see them deleted.
    mark: String,
    /// Milliseconds since 1970, by the clock of the run.
    written_at: i64,
    /// Columns of the table that are in a file.
    in_file: Vec<usize>,
    /// Columns of a file that it is sorted by.
    sort_by: Vec<usize>,
    keys: RowConverter,
    parts: BTreeMap<Vec<String>, Part>,
    waiting: usize,
}

/// One partition: rows that wait, and the file they go to.
#[derive(Default)]
struct Part {
    waiting: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    file: Option<Open>,
}

struct Open {
    writer: ArrowWriter<Vec<u8>>,
    known: Collected,
    /// The key of the row that was written last.
    last: Option<OwnedRow>,
    /// Is the file in order as a whole; its row groups always are.
    sorted: bool,
}

impl Open {
    fn size(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }
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
            table,
            mark: format!("{:020}", seed::nonce()),
            written_at,
            in_file: in_file.collect(),
            keys: RowConverter::new(fields.collect())?,
            sort_by,
            schema,
            parts: BTreeMap::new(),
            waiting: 0,
        })
    }

    /// Takes rows; gives out the files that became whole.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<Vec<Encoded>> {
        let mut done = Vec::new();
        for (values, rows) in split(self.table, batch)? {
            let rows = RecordBatch::try_new(
                Arc::clone(&self.schema),
                self.in_file.iter().map(|i| Arc::clone(rows.column(*i))).collect(),
            )?;
            let part = self.parts.entry(values.clone()).or_default();
            let bytes = rows.get_array_memory_size();
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

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<Vec<Encoded>> {
        let mut done = Vec::new();
        let all: Vec<_> = self.parts.keys().cloned().collect();
        for values in all {
            self.write(&values, usize::MAX, &mut done)?;
            self.close(&values, &mut done)?;
        }
        Ok(done)
    }

    /// Writes the first `most` of the rows that wait in a partition; the others go on waiting.
    fn write(&mut self, values: &[String], most: usize, done: &mut Vec<Encoded>) -> Result<()> {
        let Some(part) = self.parts.get_mut(values) else {
            return Ok(());
        };
        let batches = std::mem::take(&mut part.waiting);
        self.waiting -= part.bytes;
        (part.rows, part.bytes) = (0, 0);
        if batches.is_empty() {
            return Ok(());
        }
        let ordered = Ordered::new(&self.keys, &self.sort_by, &batches)?;
        let mut file = match part.file.take() {
            Some(file) => file,
            None => Open {
                writer: ArrowWriter::try_new(
                    Vec::new(),
                    Arc::clone(&self.schema),
                    Some(encoding::properties(
                        self.table,
                        &self.schema,
                        &self.sort_by,
                        &batches,
                    )?),
                )?,
                known: Collected::new(self.table, &self.schema),
                last: None,
                sorted: true,
            },
        };
        if file
            .last
            .as_ref()
            .is_some_and(|last| ordered.first() < Some(last.row()))
        {
            file.sorted = false;
            file.writer.flush()?;
        }
        let most = most.min(ordered.len());
        ordered.chunks(&batches, 0..most, &mut |rows| {
            file.known.add(&rows);
            Ok(file.writer.write(&rows)?)
        })?;
        file.last = ordered.at(most.saturating_sub(1)).map(|key| key.owned());
        ordered.chunks(&batches, most..ordered.len(), &mut |rows| {
            let bytes = sliced_bytes(&rows)?;
            part.rows += rows.num_rows();
            part.bytes += bytes;
            self.waiting += bytes;
            part.waiting.push(rows);
            Ok(())
        })?;
        let size = file.size();
        part.file = Some(file);
        if size > FILE_BYTES {
            self.close(values, done)?;
        }
        while self
            .parts
            .values()
            .filter_map(|p| p.file.as_ref())
            .map(Open::size)
            .sum::<usize>()
            > OPEN_BYTES
        {
            let largest = self
                .parts
                .iter()
                .max_by_key(|(_, part)| part.file.as_ref().map_or(0, Open::size));
            let Some(largest) = largest.map(|(values, _)| values.clone()) else {
                break;
            };
            self.close(&largest, done)?;
        }
        Ok(())
    }

    fn close(&mut self, values: &[String], done: &mut Vec<Encoded>) -> Result<()> {
        let Some(file) = self.parts.get_mut(values).and_then(|part| part.file.take()) else {
            return Ok(());
        };
        let bytes = Bytes::from(file.writer.into_inner()?);
        let mut path = String::new();
        let mut partition_values = HashMap::new();
        for (column, value) in self.table.partition_by.iter().zip(values) {
            path.push_str(&format!("{column}={}/", folder(value)));
            partition_values.insert((*column).to_owned(), Some(value.clone()));
        }
        path.push_str(&format!(
            "{}-{}-{}.parquet",
            if file.sorted { SORTED } else { PART },
            self.mark,
            &hash::content_hash(&bytes)[..24]
        ));
        done.push(Encoded {
            add: Add {
                path,
                partition_values,
                size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
                modification_time: self.written_at,
                data_change: true,
                stats: Some(file.known.json()),
                ..Add::default()
            },
            partition: values.to_vec(),
            rows: file.known.rows(),
            bytes,
        });
        Ok(())
    }
}

/// First word of the name of a file whose rows are all in the order of `sort_by`.
pub(super) const SORTED: &str = "sorted";
/// The same of one of which only each row group is.
pub(super) const PART: &str = "part";

/// Rows of several batches in the order of their keys.
struct Ordered {
    keys: Vec<Rows>,
    /// Batch and row.
    order: Vec<(usize, usize)>,
    /// They came in order: nothing has to be moved.
    as_they_came: bool,
}

fn keys_of(converter: &RowConverter, columns: &[usize], batches: &[RecordBatch]) -> Result<Vec<Rows>> {
    let of = |batch: &RecordBatch| {
        let columns: Vec<_> = columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
        Ok(converter.convert_columns(&columns)?)
    };
    batches.iter().map(of).collect()
}

/// A text that is the same in all rows.
fn same_in_all(column: usize, batches: &[RecordBatch]) -> bool {
    let mut texts = batches
        .iter()
        .filter_map(|batch| batch.column(column).as_string_opt::<i32>());
    let text = |array: &StringArray| {
        (array.null_count() == 0 && !array.is_empty()).then(|| array.value(0).to_owned())
    };
    let Some(first) = texts.clone().next().and_then(text) else {
        return false;
    };
    texts.all(|array| array.null_count() == 0 && array.iter().all(|value| value == Some(first.as_str())))
}

impl Ordered {
    fn new(converter: &RowConverter, sort_by: &[usize], batches: &[RecordBatch]) -> Result<Ordered> {
        let keys = keys_of(converter, sort_by, batches)?;
        let mut order: Vec<(usize, usize)> = batches
            .iter()
            .enumerate()
            .flat_map(|(at, batch)| (0..batch.num_rows()).map(move |row| (at, row)))
            .collect();
        // What is the same in all rows decides nothing: the hash of the one file, say, is 64 bytes of every key.
        let deciding: Vec<usize> = sort_by
            .iter()
            .copied()
            .filter(|at| !same_in_all(*at, batches))
            .collect();
        let short = match batches.first() {
            Some(batch) if (1..sort_by.len()).contains(&deciding.len()) => {
                let schema = batch.schema_ref();
                let fields = deciding
                    .iter()
                    .map(|at| SortField::new(schema.field(*at).data_type().clone()));
                Some(keys_of(
                    &RowConverter::new(fields.collect())?,
                    &deciding,
                    batches,
                )?)
            }
            _ => None,
        };
        let by = short.as_ref().unwrap_or(&keys);
        let key = |(batch, row): &(usize, usize)| by[*batch].row(*row);
        let as_they_came = deciding.is_empty() || order.is_sorted_by(|a, b| key(a) <= key(b));
        if !as_they_came {
            order.sort_by(|a, b| key(a).cmp(&key(b)));
        }
        Ok(Ordered {
            keys,
            order,
            as_they_came,
        })
    }

    fn len(&self) -> usize {
        self.order.len()
    }

    fn at(&self, place: usize) -> Option<Row<'_>> {
        let (batch, row) = self.order.get(place)?;
        Some(self.keys[*batch].row(*row))
    }

    fn first(&self) -> Option<Row<'_>> {
        self.at(0)
    }

    /// The rows of some places, a few thousand at a time.
    fn chunks(
        &self,
        batches: &[RecordBatch],
        places: Range<usize>,
        each: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        if !self.as_they_came {
            let batches: Vec<&RecordBatch> = batches.iter().collect();
            for chunk in self.order[places].chunks(CHUNK_ROWS) {
                each(interleave_record_batch(&batches, chunk)?)?;
            }
            return Ok(());
        }
        let mut start = 0;
        for batch in batches {
            let end = start + batch.num_rows();
            let (from, to) = (places.start.max(start), places.end.min(end));
            if from < to {
                each(batch.slice(from - start, to - from))?;
            }
            start = end;
        }
        Ok(())
    }
}

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
    let same = partition(&columns)?.ranges().len() == 1;
    if same {
        let values = values_at(table, &columns, 0)?;
        return Ok(vec![(values, batch.clone())]);
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
    use arrow::array::{BooleanArray, TimestampMicrosecondArray, new_null_array};
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
