//! Small exact sums over the rows of a frame.

use crate::base::money::{self, ONE};
use crate::base::{Error, Result, time};
use crate::frame::{Frame, Role};
use crate::render::document::Value;
use arrow::datatypes::DataType;
use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::BTreeMap;

/// The rows whose columns have these texts.
pub(super) fn rows_where(frame: &Frame, filter: &BTreeMap<String, String>) -> Result<Vec<usize>> {
    let mut kept = Vec::new();
    for row in 0..frame.rows() {
        let mut all = true;
        for (column, wanted) in filter {
            all &= frame.text(column, row)?.as_deref() == Some(wanted);
        }
        if all {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// The rows in a currency, and what stands in others: code and amount of `column`.
pub(super) fn split_currency(
    frame: &Frame,
    rows: Vec<usize>,
    currency: &str,
    column: &str,
) -> Result<(Vec<usize>, BTreeMap<String, i128>)> {
    let Some(spec) = frame.columns.iter().find(|c| c.role == Role::Currency) else {
        return Ok((rows, BTreeMap::new()));
    };
    let (mut kept, mut others) = (Vec::new(), BTreeMap::new());
    for row in rows {
        match frame.text(&spec.name, row)? {
            Some(code) if code != currency => {
                if let Some(amount) = amount(frame, column, row)?.filter(|a| *a != 0) {
                    add(others.entry(code).or_insert(0), amount)?;
                }
            }
            _ => kept.push(row),
        }
    }
    Ok((kept, others))
}

/// A cell as a decimal of scale 18, whatever it is stored as. A measurement keeps nine decimals.
pub(super) fn amount(frame: &Frame, column: &str, row: usize) -> Result<Option<i128>> {
    match frame.batch.column(frame.index(column)?).data_type() {
        DataType::Float64 | DataType::Float32 => Ok(frame.float(column, row)?.and_then(from_float)),
        DataType::Decimal128(..) => frame.decimal(column, row),
        _ => Ok(frame
            .int(column, row)?
            .and_then(|n| i128::from(n).checked_mul(ONE))),
    }
}

/// A physical share or measurement, never an amount of money.
pub(super) fn from_float(value: f64) -> Option<i128> {
    (value.is_finite() && value.abs() < 1e18).then(|| (value * 1e9).round() as i128 * (ONE / 1_000_000_000))
}

pub(super) fn add(sum: &mut i128, amount: i128) -> Result<()> {
    *sum = sum
        .checked_add(amount)
        .ok_or_else(|| Error::internal("a sum of a report is out of range"))?;
    Ok(())
}

/// The sum over rows; `None` when all of them are missing.
pub(super) fn sum(frame: &Frame, column: &str, rows: &[usize]) -> Result<Option<i128>> {
    let mut total = None;
    for row in rows {
        if let Some(amount) = amount(frame, column, *row)? {
            add(total.get_or_insert(0), amount)?;
        }
    }
    Ok(total)
}

/// The sum of several columns over rows.
pub(super) fn sum_columns(frame: &Frame, columns: &[String], rows: &[usize]) -> Result<Option<i128>> {
    let mut total = None;
    for column in columns {
        if let Some(part) = sum(frame, column, rows)? {
            add(total.get_or_insert(0), part)?;
        }
    }
    Ok(total)
}

/// A sum over a sum. `None` when either is missing or the whole is 0.
pub(super) fn share(
    frame: &Frame,
    part: &[String],
    whole: &[String],
    rows: &[usize],
) -> Result<Option<i128>> {
    let (part, whole) = (sum_columns(frame, part, rows)?, sum_columns(frame, whole, rows)?);
    Ok(part.zip(whole).and_then(|(p, w)| money::ratio(p, w)))
}

/// A number of a column with what it is: money of a currency, a share, a count, a measurement.
pub(super) fn value(
    frame: &Frame,
    column: &str,
    number: i128,
    currency: &str,
    unit: Option<&str>,
) -> Result<Value> {
    let index = frame.index(column)?;
    let spec = &frame.columns[index];
    Ok(match spec.role {
        Role::Money => Value::Money {
            amount: number,
            currency: currency.to_owned(),
        },
        Role::Ratio => Value::Ratio(number),
        _ if frame.batch.column(index).data_type().is_integer() => {
            Value::Count(i64::try_from(number / ONE).unwrap_or(i64::MAX))
        }
        _ => Value::Measure {
            value: crate::render::chart::scale::height(number),
            unit: unit.unwrap_or(&spec.unit).to_owned(),
        },
    })
}

/// The day of a cell. A metric that is grouped by day writes it as a text, as all its group columns.
pub(super) fn day(frame: &Frame, column: &str, row: usize) -> Result<Option<NaiveDate>> {
    match frame.batch.column(frame.index(column)?).data_type() {
        DataType::Date32 | DataType::Timestamp(..) => {
            Ok(frame.micros(column, row)?.map(|m| time::from_micros(m).date_naive()))
        }
        _ => Ok(frame.text(column, row)?.and_then(|text| time::parse_date(&text))),
    }
}

/// The Monday at or before a day.
pub(super) fn week(day: NaiveDate) -> NaiveDate {
    day.week(Weekday::Mon).first_day()
}

/// Every day from the first to the last, both included.
pub(super) fn days_between(first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let count = (last.num_days_from_ce() - first.num_days_from_ce() + 1).max(0);
    (0..count).filter_map(move |i| first.checked_add_days(Days::new(i as u64)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::frame::build::{decimals, texts};

    #[test]
    fn currencies_are_kept_apart_and_missing_is_not_zero() {
        let frame = Frame::of(vec![
            (
                "currency",
                Role::Currency,
                "",
                texts([Some("USD"), Some("EUR"), Some("USD")]),
            ),
            (
                "amount",
                Role::Money,
                "",
                decimals([Some(ONE), Some(5 * ONE), None]),
            ),
        ])
        .unwrap();
        let (rows, others) = split_currency(&frame, vec![0, 1, 2], "USD", "amount").unwrap();
        assert_eq!(rows, [0, 2]);
        assert_eq!(others["EUR"], 5 * ONE);
        assert_eq!(sum(&frame, "amount", &rows).unwrap(), Some(ONE));
        assert_eq!(sum(&frame, "amount", &[2]).unwrap(), None);
    }
}
