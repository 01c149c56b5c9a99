//! Takes rows from a reader, cuts them into chunks, converts them and hands them on.

use super::BATCH_ROWS;
use super::column::Chunk;
use super::convert;
use super::decode::DecodeContext;
use super::mapping::Mapping;
use super::report::{DecodeReport, Reject, Totals, shown};
use super::tags::TagsBuilder;
use crate::base::Result;
use arrow::array::{RecordBatch, StringBuilder};
use std::ops::Range;
use std::sync::Arc;

/// The texts of one row, in one buffer that is used again for the next row.
#[derive(Debug, Default, Clone)]
pub(super) struct Cells {
    text: String,
    fields: Vec<Option<Range<usize>>>,
    extra: Vec<(Range<usize>, Range<usize>)>,
    tags: Vec<(Range<usize>, Range<usize>)>,
}

impl Cells {
    pub(super) fn new(fields: usize) -> Cells {
        Cells {
            text: String::new(),
            fields: vec![None; fields],
            extra: Vec::new(),
            tags: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.fields.fill(None);
        self.extra.clear();
        self.tags.clear();
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    pub(super) fn set(&mut self, field: usize, text: &str) {
        self.fields[field] = Some(self.push(text));
    }

    pub(super) fn unset(&mut self, field: usize) {
        self.fields[field] = None;
    }

    #[cfg(test)]
    pub(super) fn get(&self, field: usize) -> Option<&str> {
        self.fields[field].clone().map(|range| &self.text[range])
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
    report: DecodeReport,
    totals: Totals,
    fields: Vec<StringBuilder>,
    extra: TagsBuilder,
    tags: TagsBuilder,
    lines: Vec<u64>,
    rows: Vec<u64>,
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
            report: DecodeReport::default(),
            totals: Totals::default(),
            fields: mapping.fields.iter().map(|_| StringBuilder::new()).collect(),
            extra: TagsBuilder::default(),
            tags: TagsBuilder::default(),
            lines: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// Takes one row. `line` is where it stands in its file.
    pub(super) fn row(&mut self, line: u64, cells: &Cells) -> Result<()> {
        self.report.rows_in += 1;
        for (builder, range) in self.fields.iter_mut().zip(&cells.fields) {
            builder.append_option(range.clone().map(|r| &cells.text[r]));
        }
        self.extra.append(&cells.pairs(&cells.extra))?;
        self.tags.append(&cells.pairs(&cells.tags))?;
        self.lines.push(line);
        self.rows.push(self.report.rows_in);
        if self.lines.len() >= BATCH_ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Refuses a row that could not even be taken apart.
    pub(super) fn reject(&mut self, line: u64, column: &str, value: Option<&str>, reason: impl Into<String>) {
        self.report.rows_in += 1;
        self.report.rejects.push(Reject {
            line,
            column: column.to_owned(),
            value: value.map(shown),
            reason: reason.into(),
        });
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.report.notes.push(note.into());
    }

    fn flush(&mut self) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let chunk = Chunk {
            fields: self.fields.iter_mut().map(StringBuilder::finish).collect(),
            lines: std::mem::take(&mut self.lines),
            rows: std::mem::take(&mut self.rows),
            extra: Arc::new(self.extra.finish()?),
            tags: Arc::new(self.tags.finish()?),
        };
        let batch = convert::convert(
            self.mapping,
            &chunk,
            self.ctx,
            &mut self.report.rejects,
            &mut self.totals,
        )?;
        self.report.rows_out += batch.num_rows() as u64;
        if batch.num_rows() > 0 {
            (self.sink)(batch)
        } else {
            Ok(())
        }
    }

    pub(super) fn finish(mut self) -> Result<DecodeReport> {
        self.flush()?;
        self.report.totals = self.totals.finish();
        self.report
            .rejects
            .sort_by(|a, b| (a.line, &a.column).cmp(&(b.line, &b.column)));
        // A value that several columns are made of is refused once.
        self.report.rejects.dedup();
        Ok(self.report)
    }
}
