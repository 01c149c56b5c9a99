//! One data file while it is written: column by column, on all processors. A column's rows are put in order, counted and
//! encoded while they are at hand, and what one column needs for that is there for it alone.

use super::encoding;
use super::ordered::Ordered;
use super::stats::{Collected, Known};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::row::{OwnedRow, Row};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::file::writer::SerializedFileWriter;
use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Values for which a second thread is worth its while.
const WORTH_A_THREAD: usize = 1 << 16;

/// How many columns, or files, may be written at once.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

pub(super) struct OpenFile {
    writer: SerializedFileWriter<Vec<u8>>,
    groups: ArrowRowGroupWriterFactory,
    columns: Vec<Column>,
    /// Rows of the row group that is open.
    rows: usize,
    most_rows: usize,
    rows_before: u64,
    /// The key of the row that was written last.
    last: Option<OwnedRow>,
    /// Is the file in order as a whole; its row groups always are.
    sorted: bool,
}

/// One column: maps have several places in a file.
struct Column {
    field: FieldRef,
    /// While a row group is open.
    leaves: Vec<ArrowColumnWriter>,
    /// What is left of them when it is closed.
    chunks: Vec<ArrowColumnChunk>,
    known: Option<Known>,
}

impl OpenFile {
    /// A file of these columns; `rows` are its first.
    pub(super) fn new(
        table: &'static TableSchema,
        schema: &SchemaRef,
        sort_by: &[usize],
        rows: &[RecordBatch],
    ) -> Result<OpenFile> {
        let properties = encoding::properties(table, schema, sort_by, rows)?;
        let most_rows = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?;
        let (writer, groups) = writer.into_serialized_writer()?;
        let mut known = Known::columns(table, schema);
        let columns = schema.fields().iter().enumerate().map(|(at, field)| Column {
            field: Arc::clone(field),
            leaves: Vec::new(),
            chunks: Vec::new(),
            known: known.remove(&at),
        });
        Ok(OpenFile {
            columns: columns.collect(),
            writer,
            groups,
            rows: 0,
            most_rows,
            rows_before: 0,
            last: None,
            sorted: true,
        })
    }

    /// Rows that are in order come, of which this is the first.
    pub(super) fn goes_on(&mut self, first: Option<Row<'_>>, threads: usize) -> Result<()> {
        if self.last.as_ref().is_some_and(|last| first < Some(last.row())) {
            self.sorted = false;
            self.end_group(threads)?;
        }
        Ok(())
    }

    /// Writes the rows of some places.
    pub(super) fn write(
        &mut self,
        ordered: &Ordered,
        batches: &[RecordBatch],
        mut places: Range<usize>,
        threads: usize,
    ) -> Result<()> {
        if let Some(last) = places.end.checked_sub(1).and_then(|last| ordered.at(last)) {
            self.last = Some(last.owned());
        }
        while !places.is_empty() {
            if self.rows == 0 {
                self.begin_group()?;
            }
            let end = places.end.min(places.start + (self.most_rows - self.rows));
            let some = places.start..end;
            self.rows += some.len();
            let full = self.rows >= self.most_rows;
            let threads = match some.len() * self.columns.len() < WORTH_A_THREAD {
                true => 1,
                false => threads,
            };
            self.each_column(threads, &|at, column| {
                column.write(ordered, batches, at, some.clone())?;
                if full { column.end_group() } else { Ok(()) }
            })?;
            if full {
                self.append_group()?;
            }
            places.start = end;
        }
        Ok(())
    }

    fn begin_group(&mut self) -> Result<()> {
        let leaves = self
            .groups
            .create_column_writers(self.writer.flushed_row_groups().len())?;
        let mut leaves = leaves.into_iter();
        for column in &mut self.columns {
            let places = encoding::leaves(column.field.data_type());
            column.leaves = leaves.by_ref().take(places).collect();
        }
        Ok(())
    }

    pub(super) fn end_group(&mut self, threads: usize) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let threads = match self.rows * self.columns.len() < WORTH_A_THREAD {
            true => 1,
            false => threads,
        };
        self.each_column(threads, &|_, column| column.end_group())?;
        self.append_group()
    }

    fn append_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for chunk in self.columns.iter_mut().flat_map(|column| column.chunks.drain(..)) {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.rows_before += self.rows as u64;
        self.rows = 0;
        Ok(())
    }

    /// Does something to each column, on some threads. The last ones first: maps take longest.
    fn each_column(
        &mut self,
        threads: usize,
        to_do: &(dyn Fn(usize, &mut Column) -> Result<()> + Sync),
    ) -> Result<()> {
        let columns = Mutex::new(self.columns.iter_mut().enumerate().rev());
        let work = || -> Result<()> {
            loop {
                let next = columns.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, column)) = next else { return Ok(()) };
                to_do(at, column)?;
            }
        };
        on_threads(threads, &work)
    }

    pub(super) fn size(&self) -> usize {
        let open = self.columns.iter().flat_map(|column| &column.leaves);
        self.writer.bytes_written()
            + open
                .map(ArrowColumnWriter::get_estimated_total_bytes)
                .sum::<usize>()
    }

    /// What the encoders of the open row group hold, which is many times what will come of them.
    pub(super) fn encoding(&self) -> usize {
        let open = self.columns.iter().flat_map(|column| &column.leaves);
        open.map(ArrowColumnWriter::memory_size).sum()
    }

    /// Its bytes, what is known of it, and whether it is in order as a whole.
    pub(super) fn finish(mut self, threads: usize) -> Result<(Vec<u8>, Collected, bool)> {
        self.end_group(threads)?;
        let known = self.columns.into_iter().filter_map(|column| column.known);
        let known = Collected::new(self.rows_before, known.collect());
        Ok((self.writer.into_inner()?, known, self.sorted))
    }
}

impl Column {
    fn write(
        &mut self,
        ordered: &Ordered,
        batches: &[RecordBatch],
        at: usize,
        places: Range<usize>,
    ) -> Result<()> {
        ordered.column(batches, at, places, &mut |array| {
            if let Some(known) = &mut self.known {
                known.add(&array);
            }
            let leaves = compute_leaves(&self.field, &array)?;
            for (writer, leaf) in self.leaves.iter_mut().zip(&leaves) {
                writer.write(leaf)?;
            }
            Ok(())
        })
    }

    fn end_group(&mut self) -> Result<()> {
        for writer in self.leaves.drain(..) {
            self.chunks.push(writer.close()?);
        }
        Ok(())
    }
}

/// Does the same on so many threads, this one among them.
pub(super) fn on_threads(threads: usize, work: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut result = work();
        for other in others {
            let came = other
                .join()
                .unwrap_or_else(|_| Err(Error::internal("a thread that writes columns is gone")));
            result = result.and(came);
        }
        result
    })
}
