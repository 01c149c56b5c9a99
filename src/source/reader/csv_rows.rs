//! Rows of CSV as nearly all are written, read column by column: a text that a column had before costs a comparison,
//! not another look at what it means. Whatever is written otherwise is left to `Records`, which knows all the rules.

use super::csv::Fate;
use crate::base::Result;
use crate::source::BATCH_ROWS;
use crate::source::collect::Collector;
use crate::source::mapping::Mapping;
use crate::source::repeats::{Ids, Repeats};
use crate::source::tags::TagsBuilder;
use arrow::array::{Array, MapArray, StringArray, StringBuilder};
use memchr::{memchr, memchr2};
use std::ops::Range;

/// Texts of a column that are remembered by their beginning and end.
const REMEMBERED: usize = 512;

/// What the columns of a table mean, and how its rows are written.
pub(super) struct Table<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) delimiter: u8,
    pub(super) fates: &'a [Fate],
}

impl Table<'_> {
    /// Whether its rows can be read column by column at all: no column holds further fields as JSON.
    fn is_flat(&self) -> bool {
        let flat = |fate: &Fate| !matches!(fate, Fate::Wanted { inner: Some(_), .. });
        self.fates.len() > 1 && !matches!(self.delimiter, b'"' | b'\n' | b'\r') && self.fates.iter().all(flat)
    }
}

/// How far rows were read.
pub(super) struct Reached {
    /// Where the next row begins, and in which line of the file.
    pub(super) at: usize,
    pub(super) line: u64,
    /// Line of the last row.
    pub(super) last: Option<u64>,
}

/// Reads rows into chunks; its memory is used again.
pub(super) struct Rows<'a> {
    table: &'a Table<'a>,
    flat: bool,
    /// One per column; those that nobody wants stay empty.
    columns: Vec<Column>,
    /// The fields of the present row.
    fields: Vec<Range<u32>>,
    lines: Vec<u64>,
}

/// What a line is.
enum Line {
    Blank(usize),
    Row(usize),
    /// Written in a way that needs a closer look.
    Odd,
}

impl<'a> Rows<'a> {
    pub(super) fn new(table: &'a Table<'a>) -> Rows<'a> {
        Rows {
            table,
            flat: table.is_flat(),
            columns: table.fates.iter().map(|_| Column::default()).collect(),
            fields: Vec::with_capacity(table.fates.len()),
            lines: Vec::new(),
        }
    }

    /// Reads rows from the beginning of a text up to its end, or to the first that needs a closer look.
    pub(super) fn read(&mut self, bytes: &[u8], line: u64, out: &mut Collector<'_>) -> Result<Reached> {
        let mut reached = Reached {
            at: 0,
            line,
            last: None,
        };
        if !self.flat || u32::try_from(bytes.len()).is_err() {
            return Ok(reached);
        }
        let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
            return Ok(reached);
        };
        self.forget();
        while reached.at < bytes.len() {
            match self.split(bytes, reached.at) {
                Line::Odd => break,
                Line::Blank(next) => reached.at = next,
                Line::Row(next) => {
                    self.keep(bytes);
                    self.lines.push(reached.line);
                    reached.at = next;
                    reached.last = Some(reached.line);
                    if self.lines.len() >= BATCH_ROWS {
                        self.hand_on(text, out)?;
                    }
                }
            }
            reached.line += 1;
        }
        self.hand_on(text, out)?;
        Ok(reached)
    }

    /// Takes a line apart.
    fn split(&mut self, bytes: &[u8], start: usize) -> Line {
        let delimiter = self.table.delimiter;
        self.fields.clear();
        let mut at = start;
        loop {
            let from = at;
            if bytes.get(at) == Some(&b'"') {
                match closed(bytes, at) {
                    Some(end) if memchr2(b'\n', b'\r', &bytes[from..end]).is_none() => at = end,
                    _ => return Line::Odd,
                }
            } else {
                at = plain_end(bytes, at, delimiter);
            }
            self.fields.push(from as u32..at as u32);
            match bytes.get(at) {
                Some(byte) if *byte == delimiter => at += 1,
                Some(b'\n') => {
                    at += 1;
                    break;
                }
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                    at += 2;
                    break;
                }
                // The text ends here, a carriage return stands alone, or something follows a quote.
                _ => return Line::Odd,
            }
            if self.fields.len() == self.table.fates.len() {
                return Line::Odd;
            }
        }
        match self.fields.as_slice() {
            [one] if one.is_empty() => Line::Blank(at),
            fields if fields.len() == self.table.fates.len() => Line::Row(at),
            _ => Line::Odd,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let (row, fates) = (self.lines.len(), self.table.fates);
        for ((range, column), fate) in self.fields.iter().zip(&mut self.columns).zip(fates) {
            if !range.is_empty() && !matches!(fate, Fate::Ignored) {
                column.take(row, bytes, range);
            }
        }
    }

    fn forget(&mut self) {
        self.lines.clear();
        self.columns.iter_mut().for_each(Column::clear);
    }

    /// Hands the rows on as a chunk.
    fn hand_on(&mut self, text: &str, out: &mut Collector<'_>) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let rows = self.lines.len();
        let mapping = self.table.mapping;
        let mut fields = vec![StringArray::new_null(1); mapping.fields.len()];
        let mut ids = vec![Ids::new(); mapping.fields.len()];
        let (mut extra, mut tags) = (Pairs::default(), Pairs::default());
        for (column, fate) in self.columns.iter_mut().zip(self.table.fates) {
            if column.texts.is_empty() {
                continue;
            }
            column.ids.resize(rows, 0);
            match fate {
                Fate::Wanted { field, .. } => {
                    if let Some(field) = field {
                        fields[*field] = column.distinct(text);
                        ids[*field] = std::mem::replace(&mut column.ids, Ids::with_capacity(rows));
                    }
                }
                Fate::Extra(name) => extra.add(name, column, text, mapping),
                Fate::Tag(key) => tags.add(key, column, text, mapping),
                Fate::Ignored => {}
            }
        }
        let ((extra, extra_ids), (tags, tag_ids)) = (extra.finish(rows)?, tags.finish(rows)?);
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(rows));
        let repeats = Repeats::new(rows, ids, extra_ids, tag_ids);
        out.repeats(fields, extra, tags, lines, repeats)?;
        self.forget();
        Ok(())
    }
}

/// The end of a quoted field that begins here.
fn closed(bytes: &[u8], start: usize) -> Option<usize> {
    let mut from = start + 1;
    loop {
        let quote = from + memchr(b'"', &bytes[from..])?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote + 1);
        }
        from = quote + 2;
    }
}

/// The end of a field without quotes: where the delimiter stands, a line ends, or the text does.
fn plain_end(bytes: &[u8], start: usize, delimiter: u8) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let ends = |byte: u8| byte == delimiter || matches!(byte, b'\n' | b'\r');
    let wanted = ONES * u64::from(delimiter);
    let mut at = start;
    // Eight bytes at once: of those that are marked, the first is surely the delimiter or below 14.
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word);
        let other = word ^ wanted;
        let same = other.wrapping_sub(ONES) & !other;
        let low = word.wrapping_sub(ONES * 14) & !word;
        let marked = (same | low) & HIGH;
        if marked == 0 {
            at += 8;
            continue;
        }
        at += marked.trailing_zeros() as usize / 8;
        if ends(bytes[at]) {
            return at;
        }
        at += 1;
    }
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len())
}

/// A text as it stands in the file, quotes included, told from others by its beginning and its end.
#[derive(Clone, Copy, Default)]
struct Known {
    first: u64,
    last: u64,
    from: u32,
    len: u32,
    /// 0: nothing is known.
    id: u32,
}

impl Known {
    fn new(text: &[u8], from: u32) -> Known {
        let len = text.len();
        let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(first), Some(last)) => (
                    u64::from(u32::from_le_bytes(*first)),
                    u64::from(u32::from_le_bytes(*last)),
                ),
                _ => {
                    let all = text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
                    (all, 0)
                }
            },
        };
        Known {
            first,
            last,
            from,
            len: len as u32,
            id: 0,
        }
    }

    /// Up to 16 bytes, beginning and end are all there is.
    fn is(&self, other: &Known, bytes: &[u8]) -> bool {
        let text = |of: &Known| &bytes[of.from as usize..of.from as usize + of.len as usize];
        self.first == other.first
            && self.last == other.last
            && self.len == other.len
            && (self.len <= 16 || text(self) == text(other))
    }

    fn slot(&self) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(29) ^ u64::from(self.len))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize % REMEMBERED
    }
}

/// The texts of a column in a chunk.
#[derive(Default)]
struct Column {
    /// Text of each row up to the last that has one: 0 for none, else its place in `texts`, from 1.
    ids: Ids,
    /// Each different text, or nearly so: one that was forgotten in between stands there again.
    texts: Vec<Range<u32>>,
    last: Known,
    known: Vec<Known>,
}

impl Column {
    fn clear(&mut self) {
        self.ids.clear();
        self.texts.clear();
        self.last = Known::default();
        self.known.fill(Known::default());
    }

    /// The text of a row, which comes after all that have one yet.
    fn take(&mut self, row: usize, bytes: &[u8], range: &Range<u32>) {
        if self.ids.len() < row {
            self.ids.resize(row, 0);
        }
        let mut text = Known::new(&bytes[range.start as usize..range.end as usize], range.start);
        if self.last.id > 0 && self.last.is(&text, bytes) {
            self.ids.push(self.last.id);
            return;
        }
        if self.known.is_empty() {
            self.known.resize(REMEMBERED, Known::default());
        }
        let known = &mut self.known[text.slot()];
        if known.id > 0 && known.is(&text, bytes) {
            text.id = known.id;
        } else {
            self.texts.push(range.clone());
            text.id = self.texts.len() as u32;
            *known = text;
        }
        self.ids.push(text.id);
        self.last = text;
    }

    /// Nothing first, then each text without its quotes.
    fn distinct(&self, text: &str) -> StringArray {
        let bytes = self.texts.iter().map(|range| range.len()).sum();
        let mut all = StringBuilder::with_capacity(self.texts.len() + 1, bytes);
        all.append_null();
        for range in &self.texts {
            let raw = &text[range.start as usize..range.end as usize];
            match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
                None => all.append_value(raw),
                Some("") => all.append_null(),
                Some(inner) if inner.contains('"') => all.append_value(inner.replace("\"\"", "\"")),
                Some(inner) => all.append_value(inner),
            }
        }
        all.finish()
    }
}

/// Columns that are kept as pairs of their name and the row's text.
#[derive(Default)]
struct Pairs<'a> {
    names: Vec<&'a str>,
    texts: Vec<StringArray>,
    ids: Vec<Ids>,
}

impl<'a> Pairs<'a> {
    fn add(&mut self, name: &'a str, column: &Column, text: &str, mapping: &Mapping) {
        let texts = column.distinct(text);
        let told = |text: &&str| {
            let trimmed = text.trim();
            !trimmed.is_empty() && !mapping.is_null(trimmed)
        };
        self.names.push(name);
        self.texts
            .push(texts.iter().map(|text| text.filter(told)).collect());
        self.ids.push(column.ids.clone());
    }

    /// Each different set of pairs, or nearly so, and which one each row has.
    fn finish(self, rows: usize) -> Result<(MapArray, Ids)> {
        let mut sets = TagsBuilder::default();
        sets.append::<&str, &str>(&[])?;
        if self.names.is_empty() {
            return Ok((sets.finish()?, Ids::new()));
        }
        let mut count = 0_u32;
        let mut ids = Ids::with_capacity(rows);
        // Rows in which a set was met first, by a number made of what is in it.
        let mut known: Vec<Option<(usize, u32)>> = vec![None; REMEMBERED];
        let mut pairs: Vec<(&str, Option<&str>)> = Vec::new();
        for row in 0..rows {
            let mixed = self.ids.iter().fold(0_u64, |mixed, ids| {
                (mixed.rotate_left(7) ^ u64::from(ids[row])).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            });
            let slot = &mut known[(mixed >> 32) as usize % REMEMBERED];
            if let Some((as_in, id)) = *slot
                && self.ids.iter().all(|ids| ids[row] == ids[as_in])
            {
                ids.push(id);
                continue;
            }
            pairs.clear();
            for ((name, texts), ids) in self.names.iter().zip(&self.texts).zip(&self.ids) {
                let at = ids[row] as usize;
                if texts.is_valid(at) {
                    pairs.push((name, Some(texts.value(at))));
                }
            }
            let id = match pairs.is_empty() {
                true => 0,
                false => {
                    sets.append(&pairs)?;
                    count += 1;
                    count
                }
            };
            *slot = Some((row, id));
            ids.push(id);
        }
        Ok((sets.finish()?, ids))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::testing::{context, decode_with};

    #[test]
    fn fields_end_where_they_should() {
        let text = "a\u{1}b,long enough for words of eight\tbytes, \u{e4}\u{f6}\r\nx";
        let bytes = text.as_bytes();
        let plainly = |from: usize| {
            let ends = |b: &u8| matches!(b, b',' | b'\n' | b'\r');
            bytes[from..]
                .iter()
                .position(ends)
                .map_or(bytes.len(), |at| from + at)
        };
        for from in 0..=bytes.len() {
            assert_eq!(plain_end(bytes, from, b','), plainly(from), "{from}");
        }
        assert_eq!(closed(b"\"a\"\"b\",c", 0), Some(6));
        assert_eq!(closed(b"\"a\"\"b", 0), None);
        assert_eq!(closed(b"\"", 0), None);
    }

    #[test]
    fn texts_are_told_apart() {
        let words = [
            "a",
            "b",
            "aa",
            "ab",
            "abc",
            "abcd",
            "abcde",
            "abcdefg",
            "abcdefgh",
            "abcdefghi",
            "bcdefghi",
            "2026-09-01T00:00:00Z",
            "2026-09-11T00:00:00Z",
            "2026-09-01T01:00:00Z",
            "12345678-x-12345678",
            "12345678-y-12345678",
        ];
        let mut text = String::new();
        let mut ranges = Vec::new();
        for round in 0..3 {
            for at in 0..words.len() {
                let from = text.len() as u32;
                text.push_str(words[(at * (round + 1)) % words.len()]);
                ranges.push(from..text.len() as u32);
            }
        }
        let mut column = Column::default();
        for (row, range) in ranges.iter().enumerate() {
            column.take(row, text.as_bytes(), range);
        }
        let texts = column.distinct(&text);
        for (range, id) in ranges.iter().zip(&column.ids) {
            assert_eq!(
                texts.value(*id as usize),
                &text[range.start as usize..range.end as usize]
            );
        }
        assert!(texts.len() <= 2 * words.len());
    }

    /// Whatever stands in the fields, a bill read text by text is the bill read row by row.
    #[test]
    fn texts_that_repeat_are_read_as_rows_are() {
        const HEADER: [(&str, &[&str]); 18] = [
            (
                "BilledCost",
                &[
                    "0.1",
                    "12.5",
                    "-3e-7",
                    "0.123456789012345678901",
                    "1,5",
                    "\"7\"",
                    "NULL",
                    "",
                ],
            ),
            ("EffectiveCost", &["0.1", "", "nothing", "99999999999999999999.9"]),
            ("ServiceProviderName", &["", "AWS", " ", "null"]),
            (
                "ProviderName",
                &["Amazon", "", "\"A \"\"quoted\"\" name\"", "NULL"],
            ),
            ("BillingCurrency", &["USD", "eur", "USD", "EUR", ""]),
            (
                "BillingPeriodStart",
                &["2026-09-01T00:00:00Z", "2026-10-01", "9/1/26", "never"],
            ),
            ("BillingPeriodEnd", &["2026-10-01T00:00:00Z", ""]),
            (
                "ChargePeriodStart",
                &[
                    "2026-09-01T00:00:00Z",
                    "2026-09-01T01:00:00Z",
                    "2026-09-30 23:00:00",
                ],
            ),
            (
                "ChargePeriodEnd",
                &["2026-09-02T00:00:00Z", "2026-09-01T02:00:00Z"],
            ),
            ("ChargeCategory", &["Usage", "usage", "Tax", "Gift", "Usage"]),
            (
                "ChargeDescription",
                &["short", "\"a, b\"", "\"\"", "5\" disk", "ä longer one", "x"],
            ),
            ("ServiceName", &["EC2", "EC2", "S3"]),
            ("ResourceId", &["res-000001", "res-000002", "", "res-100001"]),
            (
                "Tags",
                &[
                    "",
                    "\"{\"\"team\"\": \"\"cx\"\"}\"",
                    "\"[\"\"a:b\"\"]\"",
                    "{broken",
                ],
            ),
            ("x_Operation", &["", "RunInstances", "NULL", "RunInstances"]),
            ("x_Discounts", &["{}", "\"{\"\"a\"\": 1}\"", ""]),
            ("", &["", "nameless"]),
            ("InvoiceId", &[""]),
        ];
        let names: Vec<&str> = HEADER.iter().map(|(name, _)| *name).collect();
        let mut text = names.join(",") + "\r\n";
        for row in 0..3_000_usize {
            // Most rows are good and alike.
            let odd = row % 7 == 3;
            let fields: Vec<&str> = HEADER
                .iter()
                .zip([7, 11, 13, 5, 3, 17, 19, 23, 29, 31, 37, 41, 2, 43, 47, 53, 59, 61])
                .map(|((_, values), step)| {
                    values[if odd {
                        row / step % values.len()
                    } else {
                        row / step % 2 % values.len()
                    }]
                })
                .collect();
            text.push_str(&fields.join(","));
            text.push_str(if row % 3 == 0 { "\n" } else { "\r\n" });
        }
        let focus = include_str!("../../../queries/sources/focus.toml");
        let mapping = Mapping::parse("focus", focus).unwrap();
        let ctx = context();
        let mut slow = Vec::new();
        let mut keep = |batch| {
            slow.push(batch);
            Ok(())
        };
        let mut out = Collector::new(&mapping, &ctx, &mut keep).unwrap();
        super::super::csv::slowly(&text, &mapping, &mut out).unwrap();
        let expected = out.finish().unwrap();
        let (report, batch) = decode_with(&mapping, text.into_bytes(), &ctx).unwrap();
        let slow = arrow::compute::concat_batches(&mapping.table.arrow(), &slow).unwrap();
        assert!(expected.rejects.len() > 100 && expected.rows_out > 900);
        assert_eq!(report.rejects, expected.rejects);
        assert_eq!(report.totals, expected.totals);
        for (at, column) in mapping.table.columns.iter().enumerate() {
            assert_eq!(batch.column(at), slow.column(at), "{}", column.name);
        }
    }
}
