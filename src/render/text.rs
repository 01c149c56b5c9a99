//! A table for a terminal. Amounts are rounded to what the column needs to stay readable; whoever
//! wants every digit takes a file format.
//!
//! The first rows say how wide the columns are; the others follow them. Where somebody looks, columns of
//! text give way until a row fits the terminal, digits never do, and where that is not enough each row
//! becomes lines of name and value. In a pipe nothing is cut.

use super::cell;
use super::rows::{Expanded, Layout, Rows};
use crate::base::Result;
use crate::frame::Frame;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Rows that are looked at before widths are settled, and the bytes that they may have.
const SAMPLE_ROWS: usize = 1_000;
const SAMPLE_BYTES: usize = 4 << 20;
/// A column of text is not cut below this.
const LEAST: usize = 8;
const CUT: char = '…';

pub(super) fn rows(layout: &Layout) -> Box<dyn Rows> {
    Box::new(Grid {
        layout: layout.clone(),
        columns: Vec::new(),
        waiting: Vec::new(),
        waiting_bytes: 0,
        shape: None,
        row: 0,
    })
}

struct Grid {
    layout: Layout,
    columns: Vec<Column>,
    /// The first rows, until widths are settled.
    waiting: Vec<Vec<Option<String>>>,
    waiting_bytes: usize,
    shape: Option<Shape>,
    row: u64,
}

struct Column {
    name: String,
    right: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// Width of each column.
    Beside(Vec<usize>),
    /// Name and value, line by line; width of the names.
    Below(usize),
}

impl Rows for Grid {
    fn begin(&mut self, head: &Frame, _: &mut Vec<u8>) -> Result<()> {
        self.columns = head
            .columns
            .iter()
            .zip(head.batch.columns())
            .map(|(column, array)| Column {
                name: match column.unit.is_empty() || column.name.ends_with(&column.unit) {
                    true => tame(&column.name),
                    false => format!("{} [{}]", tame(&column.name), column.unit),
                },
                right: cell::is_number(column, array.data_type()),
            })
            .collect();
        Ok(())
    }

    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let mut columns: Vec<std::vec::IntoIter<Option<String>>> = (0..frame.columns.len())
            .map(|at| Ok(cell::column_for_people(frame, at)?.into_iter()))
            .collect::<Result<_>>()?;
        for _ in 0..frame.rows() {
            let row: Vec<Option<String>> = columns
                .iter_mut()
                .map(|texts| texts.next().flatten().map(|text| tame(&text)))
                .collect();
            match self.shape.clone() {
                Some(shape) => self.line(&shape, &row, out),
                None => {
                    self.waiting_bytes += row.iter().flatten().map(String::len).sum::<usize>();
                    self.waiting.push(row);
                    if self.waiting.len() >= SAMPLE_ROWS || self.waiting_bytes >= SAMPLE_BYTES {
                        self.settle(out);
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.shape.is_none() {
            self.settle(out);
        }
        Ok(())
    }
}

impl Grid {
    /// Settles the widths by the rows that wait, and writes those.
    fn settle(&mut self, out: &mut Vec<u8>) {
        let shape = self.choose();
        if let Shape::Beside(widths) = &shape {
            let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            self.beside(widths, &names, Some(BOLD), |_| false, out);
        }
        for row in std::mem::take(&mut self.waiting) {
            self.line(&shape, &row, out);
        }
        self.shape = Some(shape);
    }

    fn choose(&self) -> Shape {
        let below = || Shape::Below(self.columns.iter().map(|c| c.name.width()).max().unwrap_or(0));
        if self.layout.expanded == Expanded::Always {
            return below();
        }
        let widths: Vec<Width> = (self.columns.iter().enumerate())
            .map(|(at, column)| {
                let cells = self.waiting.iter().filter_map(|row| row.get(at));
                let null = &self.layout.null;
                let data = cells.map(|text| lines_width(text.as_ref().unwrap_or(null)));
                Width {
                    head: column.name.width(),
                    data: data.max().unwrap_or(0),
                    right: column.right,
                }
            })
            .collect();
        let natural = || widths.iter().map(|w| w.head.max(w.data)).collect();
        let Some(width) = self.layout.width else {
            return Shape::Beside(natural());
        };
        match fit(&widths, width) {
            Some(widths) => Shape::Beside(widths),
            None if self.layout.expanded == Expanded::WhenWide && widths.len() > 1 => below(),
            None => Shape::Beside(widths.iter().map(|w| w.least()).collect()),
        }
    }

    fn line(&mut self, shape: &Shape, row: &[Option<String>], out: &mut Vec<u8>) {
        self.row += 1;
        match shape {
            Shape::Beside(widths) => {
                let null = self.layout.null.clone();
                let texts: Vec<&str> = row.iter().map(|t| t.as_deref().unwrap_or(&null)).collect();
                self.beside(widths, &texts, None, |at| row[at].is_none(), out);
            }
            Shape::Below(names) => self.below(*names, row, out),
        }
    }

    /// One row, of as many lines as its tallest cell has.
    fn beside(
        &self,
        widths: &[usize],
        texts: &[&str],
        style: Option<&str>,
        dim: impl Fn(usize) -> bool,
        out: &mut Vec<u8>,
    ) {
        let lines: Vec<Vec<&str>> = texts.iter().map(|text| text.split('\n').collect()).collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let mut line = String::new();
            for (column, width) in widths.iter().enumerate() {
                let text = lines[column].get(at).copied().unwrap_or("");
                let text = match self.layout.width {
                    Some(_) if !(self.columns[column].right && style.is_none()) => cut(text, *width),
                    _ => text.to_owned(),
                };
                let pad = " ".repeat(width.saturating_sub(text.width()));
                let style = style.or_else(|| dim(column).then_some(DIM));
                let text = match style.filter(|_| self.layout.styled && !text.is_empty()) {
                    Some(style) => format!("{style}{text}{PLAIN}"),
                    None => text,
                };
                let (before, after) = match self.columns[column].right {
                    true => (pad.as_str(), ""),
                    false => ("", pad.as_str()),
                };
                line.extend([" ", before, &text, after, " "]);
            }
            out.extend_from_slice(line.trim_end().as_bytes());
            out.push(b'\n');
        }
    }

    fn below(&self, names: usize, row: &[Option<String>], out: &mut Vec<u8>) {
        let title = format!("-[ row {} ]", self.row);
        let rule = "-".repeat((names + 12).saturating_sub(title.len()));
        out.extend_from_slice(format!("{title}{rule}\n").as_bytes());
        for (column, text) in self.columns.iter().zip(row) {
            let mut name = column.name.as_str();
            for line in text.as_deref().unwrap_or(&self.layout.null).split('\n') {
                let pad = " ".repeat(names.saturating_sub(name.width()));
                let line = match text {
                    None if self.layout.styled => format!("{DIM}{line}{PLAIN}"),
                    _ => line.to_owned(),
                };
                let line = format!(" {name}{pad} | {line}");
                out.extend_from_slice(line.trim_end().as_bytes());
                out.push(b'\n');
                name = "";
            }
        }
    }
}

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// What a column would like to have.
#[derive(Debug, Clone, Copy)]
struct Width {
    head: usize,
    data: usize,
    right: bool,
}

impl Width {
    fn least(self) -> usize {
        match self.right {
            // Digits stay, the name above them may be cut.
            true => self.data.max(self.head.min(LEAST)),
            false => self.head.max(self.data).min(LEAST),
        }
    }

    fn at_most(self, cap: usize) -> usize {
        self.head.max(self.data).min(cap).max(self.least())
    }
}

/// The widest columns that fit: all texts are cut at the same width, if any is. None: nothing fits.
fn fit(widths: &[Width], total: usize) -> Option<Vec<usize>> {
    // A blank on either side of each column.
    let room = total.checked_sub(2 * widths.len())?;
    let with = |cap: usize| -> Vec<usize> { widths.iter().map(|w| w.at_most(cap)).collect() };
    let sum = |cap: usize| with(cap).iter().sum::<usize>();
    if sum(LEAST) > room {
        return None;
    }
    let (mut low, mut high) = (
        LEAST,
        widths
            .iter()
            .map(|w| w.head.max(w.data))
            .max()
            .unwrap_or(0)
            .max(LEAST),
    );
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match sum(middle) <= room {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    Some(with(low))
}

fn lines_width(text: &str) -> usize {
    text.split('\n').map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// The text in at most so many columns; a mark says that there is more.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut out = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        out.push(c);
    }
    out.push(CUT);
    out
}

/// Control characters of the data must not drive the reader's terminal. Line ends stay, as lines of a cell.
fn tame(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => c,
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::frame::Role;
    use crate::frame::build::texts;
    use crate::render::{rows::whole, sample};

    fn shown(layout: &Layout, frame: &Frame) -> String {
        String::from_utf8(whole(rows(layout), frame).unwrap()).unwrap()
    }

    fn looked_at(width: usize, expanded: Expanded) -> Layout {
        Layout {
            width: Some(width),
            expanded,
            ..Layout::default()
        }
    }

    #[test]
    fn numbers_stand_right_and_missing_is_a_dash() {
        let plain = shown(&Layout::default(), &sample::small());
        let lines: Vec<&str> = plain.lines().map(str::trim).collect();
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["use_case", "currency", "cost", "rate"]
        );
        assert!(lines[1].ends_with("1,234.50000  34.2\u{a0}%"), "{plain}");
        assert!(lines[2].contains('–'), "{plain}");
        assert!(!plain.contains('\u{1b}'));
        let styled = Layout {
            styled: true,
            ..Layout::default()
        };
        let styled = shown(&styled, &sample::small());
        let stripped = [BOLD, DIM, PLAIN]
            .iter()
            .fold(styled.clone(), |text, code| text.replace(code, ""));
        assert!(styled.contains(BOLD) && styled.contains(DIM), "{styled}");
        assert_eq!(stripped, plain);
    }

    #[test]
    fn texts_give_way_to_the_terminal_and_digits_do_not() {
        let widths = [(4, 40, false), (20, 6, true), (5, 12, false)].map(|(head, data, right)| Width {
            head,
            data,
            right,
        });
        assert_eq!(fit(&widths, 200), Some(vec![40, 20, 12]));
        assert_eq!(fit(&widths, 60), Some(vec![22, 20, 12]));
        // Two texts of eight, a head that is cut to eight.
        assert_eq!(fit(&widths, 30), Some(vec![8, 8, 8]));
        assert_eq!(fit(&widths, 29), None);
        for width in 30..90 {
            let fitted = fit(&widths, width).unwrap();
            assert!(fitted.iter().sum::<usize>() + 6 <= width && fitted[1] >= 6);
        }
        assert_eq!(cut("ユニット経済", 7), "ユニッ…");
        assert_eq!(cut("fits", 4), "fits");
    }

    #[test]
    fn what_does_not_fit_is_written_below_each_other() {
        let columns = (0..9).map(|_| {
            (
                "name",
                Role::Dimension,
                "",
                texts([Some("a rather long text\nof two lines"), None]),
            )
        });
        let frame = Frame::of(columns.collect()).unwrap();
        let below = shown(&looked_at(40, Expanded::WhenWide), &frame);
        assert!(
            below.starts_with("-[ row 1 ]------\n name | a rather long text\n      | of two lines\n"),
            "{below}"
        );
        assert!(below.contains("-[ row 2 ]------\n name | –\n"), "{below}");
        let beside = shown(&looked_at(100, Expanded::WhenWide), &frame);
        assert!(beside.lines().all(|line| line.width() <= 100), "{beside}");
        assert!(beside.lines().nth(1).unwrap().starts_with(" a rathe"), "{beside}");
        let piped = shown(&Layout::default(), &frame);
        assert!(piped.contains("a rather long text"), "{piped}");
    }

    #[test]
    fn later_rows_follow_the_first_and_lose_no_digit() {
        let mut out = Vec::new();
        let frame = |text: &str| Frame::of(vec![("n", Role::Number, "", texts([Some(text)]))]).unwrap();
        let mut grid = rows(&looked_at(20, Expanded::Never));
        grid.begin(&frame("1"), &mut out).unwrap();
        for _ in 0..SAMPLE_ROWS {
            grid.rows(&frame("1"), &mut out).unwrap();
        }
        grid.rows(&frame("1234567"), &mut out).unwrap();
        grid.end(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), SAMPLE_ROWS + 2);
        assert_eq!(text.lines().last(), Some(" 1234567"));
    }
}
