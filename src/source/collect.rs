//! Takes rows from a reader, cuts them into chunks, converts them and hands them on.

use super::column::Chunk;
use super::convert;
use super::decode::DecodeContext;
use super::hashes::Hashes;
use super::json_memory::Memory;
use super::mapping::Mapping;
use super::privacy::Show;
use super::repeats::{Constants, Repeats};
use super::report::{DecodeReport, Reject, Totals};
use super::tags::TagsBuilder;
use super::texts::{TagColumn, TextColumn};
use super::{BATCH_BYTES, BATCH_ROWS, MAX_RECORD_BYTES};
use crate::base::{Error, Result};
use arrow::array::{AsArray, MapArray, RecordBatch, StringArray};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Values of one file that may be refused before the file is.
const MOST_REJECTS: usize = 1_000_000;

/// Kinds of tokens in one usage. Producers know some twenty.
const MOST_COUNTS: usize = 1_000;

/// The texts of one row: parts of the row as it was read, the others in one buffer that is used again for the next row.
#[derive(Debug, Default, Clone)]
pub(super) struct Cells {
    text: String,
    fields: Vec<Option<Place>>,
    /// The addresses of the row as it was read; none when it is not at hand.
    row: Range<usize>,
    /// Bytes of all texts.
    bytes: usize,
    /// The fields that have, or had, a text.
    touched: Vec<usize>,
    /// Some of them have none any more.
    unset: bool,
    extra: Vec<(Range<usize>, Range<usize>)>,
    /// Counts of tokens that no field takes, by path.
    uncounted: Vec<(String, i64)>,
    tags: Vec<(Range<usize>, Range<usize>)>,
    /// What the rows before looked like, for whoever fills these.
    pub(super) memory: Memory,
}

/// Where the text of a field is.
#[derive(Debug, Clone)]
enum Place {
    /// In the row.
    Row(Range<usize>),
    /// In the buffer.
    Buffer(Range<usize>),
}

impl Cells {
    pub(super) fn new(fields: usize) -> Cells {
        Cells {
            text: String::new(),
            fields: vec![None; fields],
            row: 0..0,
            bytes: 0,
            touched: Vec::new(),
            unset: false,
            extra: Vec::new(),
            uncounted: Vec::new(),
            tags: Vec::new(),
            memory: Memory::default(),
        }
    }

    /// For a row that will be handed to the collector with its cells: what is part of it is not copied.
    pub(super) fn begin(&mut self, row: &str) {
        self.clear();
        let start = row.as_ptr() as usize;
        self.row = start..start + row.len();
    }

    pub(super) fn clear(&mut self) {
        self.row = 0..0;
        self.bytes = 0;
        self.text.clear();
        for field in self.touched.drain(..) {
            self.fields[field] = None;
        }
        self.unset = false;
        self.extra.clear();
        self.tags.clear();
        self.uncounted.clear();
    }

    /// Takes from the object around this one whatever this one does not say.
    pub(super) fn inherit(&mut self, outer: &Cells) {
        for field in 0..self.fields.len() {
            if let (None, Some(Place::Buffer(range))) = (&self.fields[field], outer.fields[field].clone()) {
                self.set(field, &outer.text[range]);
            }
        }
        for (path, count) in &outer.uncounted {
            self.add_uncounted(path, *count);
        }
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        self.bytes += text.len();
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    pub(super) fn set(&mut self, field: usize, text: &str) {
        let known = self.fields[field].is_some() || (self.unset && self.touched.contains(&field));
        if !known {
            self.touched.push(field);
        }
        let at = text.as_ptr() as usize;
        let in_row = self.row.start < self.row.end && self.row.start <= at && at + text.len() <= self.row.end;
        self.fields[field] = Some(if in_row {
            self.bytes += text.len();
            let at = at - self.row.start;
            Place::Row(at..at + text.len())
        } else {
            Place::Buffer(self.push(text))
        });
    }

    pub(super) fn unset(&mut self, field: usize) {
        self.unset |= self.fields[field].take().is_some();
    }

    #[cfg(test)]
    pub(super) fn get(&self, field: usize) -> Option<&str> {
        match self.fields[field].clone()? {
            Place::Buffer(range) => Some(&self.text[range]),
            Place::Row(_) => None,
        }
    }

    pub(super) fn add_uncounted(&mut self, path: &str, count: i64) {
        let full = self.uncounted.len() > MOST_COUNTS;
        match self.uncounted.iter_mut().find(|(known, _)| known == path) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            // The row is refused: that is no usage.
            None if full => {}
            None => self.uncounted.push((path.to_owned(), count)),
        }
    }

    pub(super) fn uncounted(&self) -> impl Iterator<Item = (&str, i64)> {
        self.uncounted.iter().map(|(path, count)| (path.as_str(), *count))
    }

    /// An unknown field that is kept under its own name.
    pub(super) fn add_extra(&mut self, name: &str, value: &str) {
        let pair = (self.push(name), self.push(value));
        self.extra.push(pair);
    }

    /// A field that holds one tag.
    pub(super) fn add_tag(&mut self, key: &str, value: &str) {
        let pair = (self.push(key), self.push(value));
        self.tags.push(pair);
    }

    fn pairs(&self, ranges: &[(Range<usize>, Range<usize>)]) -> Vec<(&str, Option<&str>)> {
        let text = |range: &Range<usize>| &self.text[range.clone()];
        ranges.iter().map(|(k, v)| (text(k), Some(text(v)))).collect()
    }
}

pub(super) struct Collector<'a> {
    mapping: &'a Mapping,
    ctx: &'a DecodeContext,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
    books: Books,
    fields: Vec<TextColumn>,
    extra: TagColumn,
    uncounted: TagColumn,
    tags: TagColumn,
    lines: Vec<u64>,
    rows: Vec<u64>,
    /// Bytes of text of the rows that wait.
    bytes: usize,
    /// What is worth knowing for the next part, too.
    pub(super) kept: Kept,
}

/// What one thread learns of a file's rows.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// For whoever fills cells.
    pub(super) cells: Option<Cells>,
    hashes: Hashes,
    constants: Constants,
    /// As large as the last chunk was.
    fields: Vec<TextColumn>,
}

/// What is counted while rows go by. The books of the parts of a file, in order, are those of the file.
#[derive(Debug, Default)]
pub(super) struct Books {
    report: DecodeReport,
    totals: Totals,
    /// Rows so far, those that turn out to be none included.
    seen: u64,
    /// Rows of the source that are none of ours.
    skipped: u64,
    /// Rows and tokens of each count that no column takes.
    classes: BTreeMap<String, (u64, i64)>,
}

impl Books {
    fn add(&mut self, part: Books) {
        self.report.rows_in += part.report.rows_in;
        self.report.rows_out += part.report.rows_out;
        self.report.rejects.extend(part.report.rejects);
        self.report.notes.extend(part.report.notes);
        self.report.cut_off |= part.report.cut_off;
        self.totals.add_all(part.totals);
        self.seen = part.seen;
        self.skipped += part.skipped;
        for (path, (rows, count)) in part.classes {
            let class = self.classes.entry(path).or_default();
            class.0 += rows;
            class.1 = class.1.saturating_add(count);
        }
    }
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        mapping: &'a Mapping,
        ctx: &'a DecodeContext,
        sink: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<Collector<'a>> {
        Ok(Collector {
            mapping,
            ctx,
            sink,
            books: Books::default(),
            fields: mapping.fields.iter().map(|_| TextColumn::default()).collect(),
            extra: TagColumn::default(),
            uncounted: TagColumn::default(),
            tags: TagColumn::default(),
            lines: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
            kept: Kept::default(),
        })
    }

    /// One for a part of the file, before which there are `seen` rows; `kept` comes from another part of it.
    pub(super) fn part(
        mapping: &'a Mapping,
        ctx: &'a DecodeContext,
        sink: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
        seen: u64,
        kept: Kept,
    ) -> Result<Collector<'a>> {
        let mut part = Collector::new(mapping, ctx, sink)?;
        part.books.seen = seen;
        part.kept = kept;
        if part.kept.fields.len() == part.fields.len() {
            part.fields = std::mem::take(&mut part.kept.fields);
        }
        Ok(part)
    }

    /// Closes a part.
    pub(super) fn close(mut self) -> Result<(Books, Kept)> {
        self.flush()?;
        self.kept.fields = self.fields;
        Ok((self.books, self.kept))
    }

    /// Takes over what came of the part that follows.
    pub(super) fn append(&mut self, batches: Vec<RecordBatch>, books: Books) -> Result<()> {
        self.flush()?;
        self.books.add(books);
        self.hopeless()?;
        batches.into_iter().try_for_each(|batch| (self.sink)(batch))
    }

    /// Takes one row. `line` is where it stands in its file.
    pub(super) fn row(&mut self, line: u64, cells: &Cells) -> Result<()> {
        self.row_of(line, cells, "")
    }

    /// The same for cells that began with this text.
    pub(super) fn row_of(&mut self, line: u64, cells: &Cells, text: &str) -> Result<()> {
        if cells.bytes > MAX_RECORD_BYTES {
            let reason = format!("the row is longer than {} MiB", MAX_RECORD_BYTES >> 20);
            self.reject(line, "", None, reason);
            return Ok(());
        }
        if cells.uncounted.len() > MOST_COUNTS {
            let reason = format!("more than {MOST_COUNTS} kinds of tokens in one usage");
            self.reject(line, "", None, reason);
            return Ok(());
        }
        self.bytes += cells.bytes;
        self.books.report.rows_in += 1;
        self.books.seen += 1;
        let row = self.lines.len();
        for field in &cells.touched {
            let text = match &cells.fields[*field] {
                Some(Place::Row(range)) => &text[range.clone()],
                Some(Place::Buffer(range)) => &cells.text[range.clone()],
                None => continue,
            };
            self.fields[*field].set(row, text);
        }
        if !cells.extra.is_empty() {
            self.extra.set(row, &cells.pairs(&cells.extra))?;
        }
        if !cells.tags.is_empty() {
            self.tags.set(row, &cells.pairs(&cells.tags))?;
        }
        if !cells.uncounted.is_empty() {
            let counts: Vec<(&str, Option<String>)> = cells
                .uncounted()
                .map(|(path, count)| (path, Some(count.to_string())))
                .collect();
            self.uncounted.set(row, &counts)?;
        }
        self.lines.push(line);
        self.rows.push(self.books.seen);
        if self.lines.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Refuses a row that could not even be taken apart.
    pub(super) fn reject(&mut self, line: u64, column: &str, value: Option<&str>, reason: impl Into<String>) {
        self.books.report.rows_in += 1;
        self.books.seen += 1;
        if self.books.report.rejects.len() >= MOST_REJECTS {
            return;
        }
        self.books.report.rejects.push(Reject {
            line,
            column: column.to_owned(),
            value: value.map(|v| Show::of(self.mapping.table, self.ctx.users.as_ref()).value(v)),
            reason: reason.into(),
        });
    }

    /// The file ended in the middle of what was refused last.
    pub(super) fn ends_early(&mut self) {
        self.books.report.cut_off = true;
    }

    /// The file ends before this line, where more was to come.
    pub(super) fn breaks_off(&mut self, line: u64) {
        if !self.books.report.cut_off {
            self.reject(line, "", None, "the packed file breaks off before this line");
        }
        self.ends_early();
    }

    /// How many values were refused so far.
    pub(super) fn rejects(&self) -> usize {
        self.books.report.rejects.len()
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.books.report.notes.push(note.into());
    }

    /// The ordinal of the row that comes next.
    pub(super) fn next_row(&self) -> u64 {
        self.books.seen + 1
    }

    fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        if self.lines.is_empty() {
            return Ok(());
        }
        let rows = self.lines.len();
        let fields = self.fields.iter_mut().map(|field| field.finish(rows));
        let chunk = Chunk {
            fields: fields.collect::<Result<Vec<StringArray>>>()?,
            repeats: None,
            lines: std::mem::take(&mut self.lines),
            rows: std::mem::take(&mut self.rows),
            extra: self.extra.finish(rows)?,
            uncounted: self.uncounted.finish(rows)?,
            tags: self.tags.finish(rows)?,
            zone: self.ctx.zone.unwrap_or(chrono_tz::Tz::UTC),
            users: self.ctx.users.clone(),
            hashes: std::mem::take(&mut self.kept.hashes),
            constants: std::mem::take(&mut self.kept.constants),
        };
        self.convert(chunk)
    }

    /// Takes rows that come next, as texts of which each stands there once.
    pub(super) fn repeats(
        &mut self,
        fields: Vec<StringArray>,
        extra: MapArray,
        tags: MapArray,
        lines: Vec<u64>,
        repeats: Repeats,
    ) -> Result<()> {
        self.flush()?;
        let rows = lines.len() as u64;
        let first = self.next_row();
        self.books.report.rows_in += rows;
        self.books.seen += rows;
        let chunk = Chunk {
            fields,
            repeats: Some(repeats),
            lines,
            rows: (first..first + rows).collect(),
            extra: Arc::new(extra),
            uncounted: Arc::new(TagsBuilder::of_none()?),
            tags: Arc::new(tags),
            zone: self.ctx.zone.unwrap_or(chrono_tz::Tz::UTC),
            users: self.ctx.users.clone(),
            hashes: std::mem::take(&mut self.kept.hashes),
            constants: std::mem::take(&mut self.kept.constants),
        };
        self.convert(chunk)
    }

    fn convert(&mut self, chunk: Chunk) -> Result<()> {
        let (batch, skipped) = convert::convert(
            self.mapping,
            &chunk,
            self.ctx,
            &mut self.books.report.rejects,
            &mut self.books.totals,
        )?;
        self.kept.hashes = chunk.hashes;
        self.kept.constants = chunk.constants;
        self.hopeless()?;
        self.books.skipped += skipped;
        self.books.report.rows_in -= skipped;
        self.count_classes(&batch);
        self.books.report.rows_out += batch.num_rows() as u64;
        if batch.num_rows() > 0 {
            (self.sink)(batch)
        } else {
            Ok(())
        }
    }

    /// What has so many bad rows is something else, and they would fill the memory.
    fn hopeless(&self) -> Result<()> {
        let rejects = &self.books.report.rejects;
        match rejects.first().filter(|_| rejects.len() >= MOST_REJECTS) {
            None => Ok(()),
            Some(first) => Err(Error::data(format!(
                "{MOST_REJECTS} of its values cannot be read; the first: line {}, {}: {}",
                first.line, first.column, first.reason
            ))
            .context(self.ctx.file_name.clone())),
        }
    }

    /// Counts what the kept rows hold of tokens that no column takes.
    fn count_classes(&mut self, batch: &RecordBatch) {
        let Some(maps) = batch.column_by_name("uncounted").map(|c| c.as_map()) else {
            return;
        };
        let (paths, counts) = (maps.keys().as_string::<i32>(), maps.values().as_string::<i32>());
        for (path, count) in paths.iter().zip(counts) {
            let (Some(path), Some(Ok(count))) = (path, count.map(str::parse::<i64>)) else {
                continue;
            };
            let class = self.books.classes.entry(path.to_owned()).or_default();
            class.0 += 1;
            class.1 = class.1.saturating_add(count);
        }
    }

    pub(super) fn finish(mut self) -> Result<DecodeReport> {
        self.flush()?;
        self.hopeless()?;
        if self.books.skipped > 0 {
            let table = self.mapping.table.name;
            self.note(format!("entries that are no {table}: {}", self.books.skipped));
        }
        if self.mapping.asks_for_a_zone() && self.books.report.rows_out > 0 {
            let zone = self.ctx.zone.unwrap_or(chrono_tz::Tz::UTC);
            self.note(format!("local times were read as those of {zone}"));
        }
        for (path, (rows, count)) in std::mem::take(&mut self.books.classes) {
            self.note(format!("no column takes {path}: {count} in {rows} rows"));
        }
        self.books.report.totals = self.books.totals.finish();
        self.books
            .report
            .rejects
            .sort_by(|a, b| (a.line, &a.column).cmp(&(b.line, &b.column)));
        // A value that several columns are made of is refused once.
        self.books.report.rejects.dedup();
        Ok(self.books.report)
    }
}
