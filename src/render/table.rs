//! A table as pages, pictures and texts show it: chosen columns with readable names, figures rounded as a
//! person reads them, a line of totals per currency. All three take it from here, so that they agree.

use super::document::Rows;
use super::{cell, number};
use crate::base::{Result, money};
use crate::frame::{Frame, Role, is_name, unnamed};
use arrow::array::AsArray;
use arrow::datatypes::DataType;

/// A page is read; whoever wants more rows than this has the workbook.
const MOST_ROWS: usize = 400;

pub(super) struct Laid {
    pub heads: Vec<String>,
    /// Whether a column's texts stand at the right.
    pub right: Vec<bool>,
    pub rows: Vec<Vec<String>>,
    pub totals: Vec<Vec<String>>,
    /// Rows that are not shown.
    pub hidden: usize,
}

/// Columns of our own words: people read them as pictures write them, without the underscore. A user's names stay
/// as they are.
const WORDS: [&str; 6] = ["aspect", "kind", "leaf", "purchase", "state", "what"];

pub(super) fn lay(table: &Rows, most: usize) -> Result<Laid> {
    let frame = &table.frame;
    let shown = shown(table)?;
    let rows = frame.rows().min(most);
    let mut laid = Laid {
        heads: shown.iter().map(|(_, name)| name.clone()).collect(),
        right: Vec::with_capacity(shown.len()),
        rows: vec![Vec::with_capacity(shown.len()); rows],
        totals: Vec::new(),
        hidden: frame.rows() - rows,
    };
    let lines = table.total_lines();
    laid.totals = vec![Vec::with_capacity(shown.len()); lines.len()];
    let mut named = false;
    let told = shown
        .iter()
        .any(|(i, _)| frame.columns[*i].role == Role::Currency);
    for (index, _) in &shown {
        let column = &frame.columns[*index];
        laid.right
            .push(cell::is_number(column, frame.batch.column(*index).data_type()));
        let decimals = decimals(frame, *index)?;
        for (row, line) in laid.rows.iter_mut().enumerate() {
            line.push(text(frame, *index, decimals, row)?.unwrap_or_else(|| missing(&column.name)));
        }
        for (line, currency) in laid.totals.iter_mut().zip(&lines) {
            line.push(match table.total(*currency, &column.name) {
                Some(amount) => sum(frame, *index, decimals, amount),
                None if column.role == Role::Currency => currency.unwrap_or_default().to_owned(),
                None => String::new(),
            });
        }
        // The first text column says what the line is.
        if !named && column.role == Role::Dimension {
            named = true;
            for (line, currency) in laid.totals.iter_mut().zip(&lines) {
                if let Some(last) = line.last_mut() {
                    *last = match currency {
                        // Two lines have to be told apart where no column does it.
                        _ if lines.len() < 2 || told => "Total".to_owned(),
                        Some(code) => format!("Total {code}"),
                        None => "Total, currency not known".to_owned(),
                    };
                }
            }
        }
    }
    Ok(laid)
}

/// What people read where a cell holds nothing: the word that pictures have, too, or a dash.
pub(super) fn missing(column: &str) -> String {
    if is_name(column) {
        unnamed(column)
    } else {
        number::MISSING.to_owned()
    }
}

/// As many rows as a page holds.
pub(super) fn lay_page(table: &Rows) -> Result<Laid> {
    lay(table, MOST_ROWS)
}

/// Places and names of the columns that are shown.
pub(super) fn shown(table: &Rows) -> Result<Vec<(usize, String)>> {
    let frame = &table.frame;
    if table.shown.is_empty() {
        let all = frame.columns.iter().enumerate();
        return Ok(all.map(|(i, c)| (i, c.name.replace('_', " "))).collect());
    }
    table
        .shown
        .iter()
        .map(|(column, name)| Ok((frame.index(column)?, name.clone())))
        .collect()
}

/// Decimals of a column of amounts: its largest one shows four digits, and cents at least.
pub(super) fn decimals(frame: &Frame, index: usize) -> Result<u8> {
    let column = &frame.columns[index];
    if column.role != Role::Money
        || !matches!(frame.batch.column(index).data_type(), DataType::Decimal128(..))
    {
        return Ok(0);
    }
    let mut largest = 0;
    for row in 0..frame.rows() {
        if let Some(amount) = frame.decimal(&column.name, row)? {
            largest = largest.max(amount.unsigned_abs());
        }
    }
    Ok(amount_digits(largest as i128))
}

/// Decimals with which an amount shows four digits, and cents at least.
pub(super) fn amount_digits(amount: i128) -> u8 {
    if amount == 0 {
        return 2;
    }
    let first_digit = amount.unsigned_abs().ilog10() as i32 - i32::from(money::SCALE);
    (3 - first_digit).clamp(2, 8) as u8
}

fn text(frame: &Frame, index: usize, decimals: u8, row: usize) -> Result<Option<String>> {
    let column = &frame.columns[index];
    let array = frame.batch.column(index);
    if cell::is_null(array.as_ref(), row) {
        return Ok(None);
    }
    let name = &column.name;
    Ok(match (column.role, array.data_type()) {
        (Role::Money, DataType::Decimal128(..)) => frame.decimal(name, row)?.map(|a| amount(a, decimals)),
        (Role::Ratio, DataType::Decimal128(..)) => frame.decimal(name, row)?.map(number::percent),
        (Role::Ratio, DataType::Float64 | DataType::Float32) => {
            frame.float(name, row)?.and_then(share).map(number::percent)
        }
        (_, DataType::Float64 | DataType::Float32) => {
            frame.float(name, row)?.map(|v| measured(v, &column.unit))
        }
        (Role::Measure, DataType::Decimal128(..)) => match frame.decimal(name, row) {
            Ok(Some(value)) => Some(count(value)),
            _ => cell::for_machines(array.as_ref(), row)?,
        },
        (_, DataType::Boolean) => Some(
            if array.as_boolean().value(row) {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ),
        (Role::Measure, t) if t.is_integer() => frame.decimal_or_int(name, row)?.map(count),
        (_, DataType::Timestamp(..)) => frame.micros(name, row)?.map(|micros| {
            crate::base::time::from_micros(micros)
                .format("%Y-%m-%d %H:%M")
                .to_string()
        }),
        (Role::Dimension, _) if WORDS.contains(&name.as_str()) => {
            cell::for_machines(array.as_ref(), row)?.map(|word| word.replace('_', " "))
        }
        _ => cell::for_machines(array.as_ref(), row)?,
    })
}

/// A sum, written as the cells above it.
fn sum(frame: &Frame, index: usize, decimals: u8, total: i128) -> String {
    let column = &frame.columns[index];
    match (column.role, frame.batch.column(index).data_type()) {
        (Role::Money, _) => amount(total, decimals),
        (_, DataType::Float64 | DataType::Float32) => {
            measured(super::chart::scale::height(total), &column.unit)
        }
        _ => count(total),
    }
}

/// An amount; one that would be shown as nothing says that it is more.
fn amount(amount: i128, decimals: u8) -> String {
    let text = number::fixed(amount.saturating_abs(), decimals);
    let shows_zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let sign = if amount < 0 { "−" } else { "" };
    if amount != 0 && shows_zero {
        let least = format!("0.{:0>width$}", 1, width = usize::from(decimals));
        return format!("<{sign}{least}");
    }
    format!("{sign}{text}")
}

/// A share that was measured, as a decimal with nine digits.
fn share(value: f64) -> Option<i128> {
    (value.is_finite() && value.abs() < 1e9)
        .then(|| (value * 1e9).round() as i128 * (money::ONE / 1_000_000_000))
}

/// A count, or a factor with at most three decimals.
fn count(value: i128) -> String {
    let text = number::fixed(value.saturating_abs(), 3);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{text}")
}

fn measured(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return number::MISSING.to_owned();
    }
    if unit == "ms" {
        return number::duration_ms(value);
    }
    let size = value.abs();
    let digits = match size {
        s if s >= 1000.0 || s == 0.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 1.0 => 2,
        s => (2 - s.log10().floor() as i32).clamp(2, 9) as usize,
    };
    let text = format!("{size:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0.0 { "−" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", number::group_thousands(whole))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn amounts_show_cents_and_never_nothing() {
        let one = money::ONE;
        assert_eq!(amount(one * 1_234_567 + one / 2, 2), "1,234,567.50");
        assert_eq!(amount(-one / 4, 2), "−0.25");
        assert_eq!(amount(one / 1000, 2), "<0.01");
        assert_eq!(amount(0, 2), "0.00");
        assert_eq!(measured(1234.56, ""), "1,235");
        assert_eq!(measured(4_200.0, "ms"), "4.2\u{a0}s");
        assert_eq!(measured(0.012_345, "kWh"), "0.0123");
        assert_eq!(count(31_115 * one), "31,115");
        assert_eq!(count(one + one / 8), "1.125");
    }

    #[test]
    fn a_table_has_its_columns_and_a_line_per_currency() {
        let document = sample::close();
        let laid = lay_page(&document.sections[0].table().unwrap()).unwrap();
        assert_eq!(
            laid.heads,
            ["Source", "Currency", "Lines", "Bill", "Leaves", "Difference"]
        );
        assert_eq!(laid.totals.len(), 2);
        assert_eq!(
            laid.totals[1],
            ["Total", "USD", "14", "1,334.51", "1,334.51", "0.00"]
        );
    }
}
