//! One table as one sheet: title, header, typed cells, filters, totals, and the exact decimals folded away.

use super::super::document::{Formula as Parts, Rows, Section};
use super::super::{cell, number, table};
use crate::base::{Result, money};
use crate::frame::{ColumnSpec, Frame, Role, is_name, unnamed};
use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use rust_xlsxwriter::utility::{column_number_to_name, row_col_to_cell};
use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Formula, Worksheet};

/// Rows of a sheet, less room for what stands around the table.
const MOST_ROWS: usize = 1_000_000;
/// Digits that every double keeps.
const DIGITS: usize = 15;
/// Characters of a cell.
const MOST_TEXT: usize = 32_000;
/// Rows before the header: title, subtitle, a blank.
const HEAD: u32 = 3;
/// A day of 1970-01-01 as spreadsheets count days.
const EPOCH: f64 = 25_569.0;
const INK: u32 = 0x0017_202B;
const MUTED: u32 = 0x0055_6270;
const BAD: u32 = 0x00B8_3A0A;
const BAND: u32 = 0x00E8_EEF5;

pub(super) struct Styles {
    pub(super) title: Format,
    pub(super) muted: Format,
    pub(super) plain: Format,
    pub(super) right: Format,
    pub(super) warning: Format,
    pub(super) head: Format,
    pub(super) head_right: Format,
    total: Format,
}

impl Styles {
    pub(super) fn new() -> Styles {
        let color = |rgb| Format::new().set_font_color(Color::RGB(rgb));
        let head = color(INK)
            .set_bold()
            .set_text_wrap()
            .set_background_color(Color::RGB(BAND))
            .set_border_bottom(FormatBorder::Thin)
            .set_align(FormatAlign::VerticalCenter);
        Styles {
            title: color(INK).set_bold().set_font_size(16),
            muted: color(MUTED),
            plain: Format::new(),
            right: Format::new().set_align(FormatAlign::Right),
            warning: color(BAD).set_bold(),
            head_right: head.clone().set_align(FormatAlign::Right),
            head,
            total: Format::new().set_bold().set_border_top(FormatBorder::Thin),
        }
    }

    /// A text, whatever it begins with. One that would become a formula when somebody edits the cell is
    /// marked as a text in its format, too.
    pub(super) fn text(
        &self,
        sheet: &mut Worksheet,
        row: u32,
        column: u16,
        text: &str,
        format: &Format,
    ) -> Result<()> {
        let text = clean(text);
        if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            let quoted = format.clone().set_quote_prefix().set_num_format("@");
            sheet.write_string_with_format(row, column, text, &quoted)?;
        } else {
            sheet.write_string_with_format(row, column, text, format)?;
        }
        Ok(())
    }
}

/// What XML cannot hold is replaced; what a cell cannot hold is cut, and says so.
fn clean(text: &str) -> String {
    let mut kept: String = text
        .chars()
        .take(MOST_TEXT)
        .map(|c| match c {
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect();
    if text.chars().nth(MOST_TEXT).is_some() {
        kept.push('…');
    }
    kept
}

/// The nearest double of an amount: the decimal text is read by the standard library, which rounds once.
pub(super) fn nearest(amount: i128) -> f64 {
    number::exact(amount, money::SCALE as i8)
        .parse()
        .unwrap_or(f64::NAN)
}

/// Whether a spreadsheet shows every digit of it.
fn fits(amount: i128) -> bool {
    let text = number::exact(amount, money::SCALE as i8);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len() <= DIGITS
}

pub(super) fn money_format(currency: &str, decimals: u8) -> String {
    let symbol = match currency {
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "INR" => "₹",
        other => other,
    };
    let letters = |c: &char| c.is_alphanumeric() || "$€£¥₹".contains(*c);
    let symbol: String = symbol.chars().filter(letters).take(8).collect();
    let blank = if symbol.chars().all(char::is_alphabetic) {
        "\\ "
    } else {
        ""
    };
    let zeros = "0".repeat(usize::from(decimals));
    let symbol = if symbol.is_empty() {
        String::new()
    } else {
        format!("[${symbol}]{blank}")
    };
    format!("{symbol}#,##0.{zeros};-{symbol}#,##0.{zeros}")
}

/// What the cells of a column are.
enum Kind {
    Amount { decimals: u8 },
    Ratio,
    Count,
    Decimal,
    Float { format: String },
    Day,
    Instant,
    Text,
}

fn kind(frame: &Frame, index: usize) -> Result<Kind> {
    let column = &frame.columns[index];
    Ok(match (column.role, frame.batch.column(index).data_type()) {
        (Role::Money, DataType::Decimal128(_, 0..=18)) => Kind::Amount {
            decimals: table::decimals(frame, index)?,
        },
        (Role::Ratio, DataType::Decimal128(_, 0..=18)) => Kind::Ratio,
        (_, DataType::Decimal128(_, 0..=18)) => Kind::Decimal,
        (_, t) if t.is_integer() => Kind::Count,
        (role, DataType::Float64 | DataType::Float32) => Kind::Float {
            format: match (role, column.unit.as_str()) {
                (Role::Ratio, _) => "0.0%".to_owned(),
                (_, "ms") => "#,##0".to_owned(),
                _ => "#,##0.00##".to_owned(),
            },
        },
        (_, DataType::Date32) => Kind::Day,
        (_, DataType::Timestamp(..)) => Kind::Instant,
        _ => Kind::Text,
    })
}

pub(super) fn write(sheet: &mut Worksheet, section: &Section, rows: &Rows, styles: &Styles) -> Result<()> {
    let frame = &rows.frame;
    let kinds = (0..frame.columns.len())
        .map(|index| kind(frame, index))
        .collect::<Result<Vec<_>>>()?;
    let count = frame.rows().min(MOST_ROWS);
    styles.text(sheet, 0, 0, &section.title, &styles.title)?;
    styles.text(sheet, 1, 0, &section.subtitle, &styles.muted)?;

    let first = HEAD + 1;
    let last = HEAD + (count as u32).max(1);
    let order = order(rows)?;
    let mut place = vec![0; order.len()];
    for (at, index) in order.iter().enumerate() {
        place[*index] = at as u16;
    }
    let table = Table {
        frame,
        rows,
        place,
        first,
        last,
    };
    let mut exact_at = frame.columns.len() as u16 + 1;
    let exact_from = exact_at;
    for index in order {
        let (kind, column) = (&kinds[index], table.place[index]);
        let name = heading(rows, &frame.columns[index]);
        let right = !matches!(kind, Kind::Text | Kind::Day | Kind::Instant);
        let head = if right { &styles.head_right } else { &styles.head };
        styles.text(sheet, HEAD, column, &name, head)?;
        let words = name
            .split(' ')
            .map(|word| word.chars().count())
            .max()
            .unwrap_or(0);
        let mut widest = words.max(name.chars().count() / 2);
        let mut inexact = false;
        for row in 0..count {
            let (wide, exact) = table.cell(sheet, index, kind, row, styles)?;
            widest = widest.max(wide);
            inexact |= !exact;
        }
        let totals = table.totals(sheet, index, kind, styles)?;
        widest = widest.max(totals.0);
        inexact |= !totals.1;
        sheet.set_column_width(column, (widest as f64 + 3.0).clamp(9.0, 60.0))?;
        if inexact {
            table.exact(sheet, index, exact_at, &name, styles)?;
            exact_at += 1;
        }
    }
    // Two lines for a long name.
    sheet.set_row_height(HEAD, 32)?;
    if exact_at > exact_from {
        sheet.group_columns_collapsed(exact_from, exact_at - 1)?;
    }
    table.name_totals(sheet, &kinds, styles)?;
    let mut below = last + rows.total_lines().len() as u32 + 2;
    if frame.rows() > count {
        let text = format!("{} more rows do not fit on a sheet.", frame.rows() - count);
        styles.text(sheet, below, 0, &text, &styles.warning)?;
        below += 1;
    }
    for notice in &section.notices {
        styles.text(sheet, below, 0, notice, &styles.muted)?;
        below += 1;
    }
    if !frame.columns.is_empty() {
        sheet.autofilter(HEAD, 0, last, frame.columns.len() as u16 - 1)?;
    }
    sheet.set_freeze_panes(HEAD + 1, 1)?;
    sheet.set_repeat_rows(HEAD, HEAD)?;
    // Paper gets what people are shown; the other columns are for whoever opens the file.
    let printed = if rows.shown.is_empty() {
        frame.columns.len()
    } else {
        rows.shown.len()
    };
    sheet.set_print_area(0, 0, below, (printed as u16).saturating_sub(1))?;
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_print_fit_to_pages(1, 0);
    Ok(())
}

/// Places of the frame's columns: those that people are shown first, then the others.
fn order(rows: &Rows) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = table::shown(rows)?.into_iter().map(|(index, _)| index).collect();
    for index in 0..rows.frame.columns.len() {
        if !order.contains(&index) {
            order.push(index);
        }
    }
    Ok(order)
}

/// A column as people are shown it, else by its name; with its unit where that is not plain.
fn heading(rows: &Rows, spec: &ColumnSpec) -> String {
    let shown = rows.shown.iter().find(|(column, _)| *column == spec.name);
    let name = shown.map_or_else(|| spec.name.replace('_', " "), |(_, name)| name.clone());
    let plain = spec.unit.is_empty() || name.contains(&spec.unit) || spec.unit == "×";
    if plain || spec.role == Role::Money {
        name
    } else {
        format!("{name} ({})", spec.unit)
    }
}

struct Table<'a> {
    frame: &'a Frame,
    rows: &'a Rows,
    /// The column of the sheet, by column of the frame.
    place: Vec<u16>,
    /// Row of the first cells, and of the last ones.
    first: u32,
    last: u32,
}

impl Table<'_> {
    fn currency(&self) -> Option<&ColumnSpec> {
        self.frame.columns.iter().find(|c| c.role == Role::Currency)
    }

    fn decimal(&self, index: usize, row: usize) -> Result<Option<i128>> {
        self.frame.decimal_or_int(&self.frame.columns[index].name, row)
    }

    /// Writes a cell; says how wide it is, and whether the sheet holds every digit.
    fn cell(
        &self,
        sheet: &mut Worksheet,
        index: usize,
        kind: &Kind,
        row: usize,
        styles: &Styles,
    ) -> Result<(usize, bool)> {
        let array = self.frame.batch.column(index);
        let (at, column) = (self.first + row as u32, self.place[index]);
        let name = &self.frame.columns[index].name;
        if cell::is_null(array.as_ref(), row) {
            if !matches!(kind, Kind::Text) || !is_name(name) {
                return Ok((0, true));
            }
            let word = unnamed(name);
            styles.text(sheet, at, column, &word, &styles.plain)?;
            return Ok((word.chars().count(), true));
        }
        match kind {
            Kind::Amount { .. } | Kind::Ratio | Kind::Count | Kind::Decimal => {
                let Some(value) = self.decimal(index, row)? else {
                    return Ok((0, true));
                };
                let format = Format::new().set_num_format(self.number_format(kind, row)?);
                match self.rows.formulas.iter().find(|f| f.column == *name) {
                    Some(parts) => {
                        let formula = self.across(parts, at)?.set_result(nearest(value).to_string());
                        sheet.write_formula_with_format(at, column, formula, &format)?;
                    }
                    None => {
                        sheet.write_number_with_format(at, column, nearest(value), &format)?;
                    }
                }
                let exact = matches!(kind, Kind::Ratio) || fits(value);
                Ok((width(kind, value), exact))
            }
            Kind::Float { format } => {
                let value = self.frame.float(name, row)?.filter(|v| v.is_finite());
                if let Some(value) = value {
                    let format = Format::new().set_num_format(format);
                    sheet.write_number_with_format(at, column, value, &format)?;
                }
                Ok((10, true))
            }
            Kind::Day | Kind::Instant => {
                let (format, wide) = match kind {
                    Kind::Day => ("yyyy-mm-dd", 10),
                    _ => ("yyyy-mm-dd hh:mm:ss", 19),
                };
                if let Some(micros) = self.frame.micros(name, row)? {
                    let serial = micros as f64 / 86_400e6 + EPOCH;
                    let format = Format::new().set_num_format(format).set_align(FormatAlign::Left);
                    if serial >= 61.0 {
                        sheet.write_number_with_format(at, column, serial, &format)?;
                    } else {
                        // Spreadsheets know no day before 1900.
                        let text = cell::for_machines(array.as_ref(), row)?.unwrap_or_default();
                        styles.text(sheet, at, column, &text, &styles.plain)?;
                    }
                }
                Ok((wide, true))
            }
            Kind::Text => {
                let text = match array.data_type() {
                    DataType::Boolean => {
                        sheet.write_boolean(at, column, array.as_boolean().value(row))?;
                        return Ok((6, true));
                    }
                    _ => cell::for_machines(array.as_ref(), row)?.unwrap_or_default(),
                };
                styles.text(sheet, at, column, &text, &styles.plain)?;
                Ok((text.chars().count(), true))
            }
        }
    }

    fn number_format(&self, kind: &Kind, row: usize) -> Result<String> {
        let currency = match self.currency() {
            Some(column) => self.frame.text(&column.name, row)?,
            None => None,
        };
        Ok(number_format(kind, currency.as_deref()))
    }

    /// `= D5 - E5`.
    fn across(&self, parts: &Parts, row: u32) -> Result<Formula> {
        let mut text = String::from("=");
        for (i, (less, column)) in parts.terms.iter().enumerate() {
            match (*less, i) {
                (true, _) => text.push('-'),
                (false, 0) => {}
                (false, _) => text.push('+'),
            }
            text.push_str(&row_col_to_cell(row, self.place[self.frame.index(column)?]));
        }
        Ok(Formula::new(text))
    }

    /// The lines of totals of one column: what is added up is a formula with the stored sum as its result.
    fn totals(
        &self,
        sheet: &mut Worksheet,
        index: usize,
        kind: &Kind,
        styles: &Styles,
    ) -> Result<(usize, bool)> {
        let spec = &self.frame.columns[index];
        let (mut widest, mut exact) = (0, true);
        for (line, currency) in self.rows.total_lines().into_iter().enumerate() {
            let (at, column) = (self.last + 1 + line as u32, self.place[index]);
            let Some(total) = self.rows.total(currency, &spec.name) else {
                sheet.write_blank(at, column, &styles.total)?;
                continue;
            };
            let letter = column_number_to_name(column);
            let range = |letter: &str| format!("{letter}${}:{letter}${}", self.first + 1, self.last + 1);
            let formula = match (self.currency(), currency) {
                (Some(by), Some(code)) => {
                    let by = column_number_to_name(self.place[self.frame.index(&by.name)?]);
                    let code = code.replace('"', "\"\"");
                    format!("=SUMIFS({},{},\"{code}\")", range(&letter), range(&by))
                }
                // Rows without a currency.
                (Some(by), None) => {
                    let by = column_number_to_name(self.place[self.frame.index(&by.name)?]);
                    format!("=SUMIFS({},{},\"=\")", range(&letter), range(&by))
                }
                (None, _) => format!("=SUM({})", range(&letter)),
            };
            let format = styles.total.clone().set_num_format(number_format(kind, currency));
            let formula = Formula::new(formula).set_result(nearest(total).to_string());
            sheet.write_formula_with_format(at, column, formula, &format)?;
            widest = widest.max(width(kind, total));
            exact &= matches!(kind, Kind::Float { .. }) || fits(total);
        }
        Ok((widest, exact))
    }

    /// The first column of text says what the lines are, the currency's which currency.
    fn name_totals(&self, sheet: &mut Worksheet, kinds: &[Kind], styles: &Styles) -> Result<()> {
        let is_name =
            |(i, c): &(usize, &ColumnSpec)| c.role == Role::Dimension && matches!(kinds[*i], Kind::Text);
        let name = self
            .frame
            .columns
            .iter()
            .enumerate()
            .filter(is_name)
            .map(|(i, _)| self.place[i])
            .min();
        let currency = match self.currency() {
            Some(column) => Some(self.place[self.frame.index(&column.name)?]),
            None => None,
        };
        for (line, code) in self.rows.total_lines().into_iter().enumerate() {
            let at = self.last + 1 + line as u32;
            if let Some(column) = name {
                styles.text(sheet, at, column, "Total", &styles.total)?;
            }
            if let (Some(column), Some(code)) = (currency, code) {
                styles.text(sheet, at, column, code, &styles.total)?;
            }
        }
        Ok(())
    }

    /// A column once more, as text with every digit.
    fn exact(
        &self,
        sheet: &mut Worksheet,
        index: usize,
        column: u16,
        name: &str,
        styles: &Styles,
    ) -> Result<()> {
        // At the left, or it would run over the columns before the folded ones.
        let format = Format::new().set_align(FormatAlign::Left);
        styles.text(sheet, HEAD, column, &format!("{name}, every digit"), &styles.head)?;
        for row in 0..self.frame.rows().min(MOST_ROWS) {
            if let Some(value) = self.decimal(index, row)? {
                let text = number::exact(value, money::SCALE as i8);
                styles.text(sheet, self.first + row as u32, column, &text, &format)?;
            }
        }
        let spec = &self.frame.columns[index];
        for (line, currency) in self.rows.total_lines().into_iter().enumerate() {
            if let Some(total) = self.rows.total(currency, &spec.name) {
                let text = number::exact(total, money::SCALE as i8);
                let format = styles.total.clone().set_align(FormatAlign::Left);
                styles.text(sheet, self.last + 1 + line as u32, column, &text, &format)?;
            }
        }
        sheet.set_column_width(column, 30)?;
        Ok(())
    }
}

fn number_format(kind: &Kind, currency: Option<&str>) -> String {
    match kind {
        Kind::Amount { decimals } => money_format(currency.unwrap_or_default(), *decimals),
        Kind::Ratio => "0.0%".to_owned(),
        Kind::Count => "#,##0".to_owned(),
        Kind::Decimal => "#,##0.###".to_owned(),
        Kind::Float { format } => format.clone(),
        Kind::Day | Kind::Instant | Kind::Text => "General".to_owned(),
    }
}

fn width(kind: &Kind, value: i128) -> usize {
    match kind {
        Kind::Amount { decimals } => number::fixed(value, *decimals).len() + 4,
        Kind::Ratio => 8,
        _ => number::fixed(value, 0).len() + 2,
    }
}
