//! One cell of a frame, as people read it (rounded in `number`) and as machines read it (every digit).

use crate::base::{Result, money};
use crate::frame::{ColumnSpec, Frame, Role};
use crate::render::number;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::Write;

/// Texts of one column for people; `None` is NULL.
pub fn column_for_people(frame: &Frame, index: usize) -> Result<Vec<Option<String>>> {
    let column = &frame.columns[index];
    let array = frame.batch.column(index);
    let decimals = match (column.role, array.data_type()) {
        (Role::Money, DataType::Decimal128(..)) => {
            let mut amounts = Vec::with_capacity(frame.rows());
            for row in 0..frame.rows() {
                amounts.extend(frame.decimal(&column.name, row)?);
            }
            Some(number::column_decimals(amounts.into_iter()))
        }
        _ => None,
    };
    (0..frame.rows())
        .map(|row| for_people(frame, column, array.as_ref(), decimals, row))
        .collect()
}

fn for_people(
    frame: &Frame,
    column: &ColumnSpec,
    array: &dyn Array,
    decimals: Option<u8>,
    row: usize,
) -> Result<Option<String>> {
    if is_null(array, row) {
        return Ok(None);
    }
    if let (Some(decimals), Some(amount)) = (
        decimals,
        decimals.and_then(|_| frame.decimal(&column.name, row).ok().flatten()),
    ) {
        return Ok(Some(number::fixed(amount, decimals)));
    }
    match (column.role, array.data_type()) {
        (Role::Ratio, DataType::Decimal128(..)) => Ok(frame.decimal(&column.name, row)?.map(number::percent)),
        (Role::Ratio, DataType::Float64 | DataType::Float32) => Ok(frame
            .float(&column.name, row)?
            .map(|v| number::tick(v, &number::Format::Ratio))),
        (Role::Measure, DataType::Decimal128(..)) => match frame.decimal(&column.name, row) {
            Ok(Some(value)) => Ok(Some(rounded_decimal(value))),
            // More digits than an amount holds: they are shown as they are.
            _ => for_machines(array, row),
        },
        (_, DataType::Float64 | DataType::Float32) => Ok(frame.float(&column.name, row)?.map(rounded_float)),
        _ => for_machines(array, row),
    }
}

/// Whether a cell is NULL. An untyped NULL has no validity bits, of which `is_null` alone would know.
pub(super) fn is_null(array: &dyn Array, row: usize) -> bool {
    array.is_null(row) || *array.data_type() == DataType::Null
}

/// A float with at most six significant digits: more than a measurement ever has.
fn rounded_float(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value.is_finite() {
            "0".to_owned()
        } else {
            value.to_string()
        };
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&exponent) {
        return format!("{value:.5e}");
    }
    let text = format!("{value:.*}", (5 - exponent).clamp(0, 12) as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A measured decimal with at most three decimals, or with its first digits where it is smaller than that.
fn rounded_decimal(value: i128) -> String {
    let text = number::fixed(value, 3);
    if value != 0 && text.bytes().all(|b| !(b'1'..=b'9').contains(&b)) {
        return rounded_float(value as f64 / money::ONE as f64);
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text of a cell with every digit; `None` is NULL. Instants are RFC 3339 in UTC, lists and
/// structs are written as Arrow displays them.
pub fn for_machines(array: &dyn Array, row: usize) -> Result<Option<String>> {
    if is_null(array, row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Decimal128(_, scale) => {
            number::exact(array.as_primitive::<Decimal128Type>().value(row), *scale)
        }
        _ => arrow::util::display::array_value_to_string(array, row)?,
    }))
}

/// The texts of one column with every digit, as `for_machines` gives them, for those who read many.
pub struct Exact<'a> {
    array: &'a dyn Array,
    shown: Shown<'a>,
}

enum Shown<'a> {
    Decimal(i8),
    Other(ArrayFormatter<'a>),
}

impl<'a> Exact<'a> {
    pub fn columns(frame: &'a Frame) -> Result<Vec<Exact<'a>>> {
        let options = FormatOptions::default().with_display_error(true);
        let arrays = frame.batch.columns().iter();
        arrays
            .map(|array| {
                let shown = match array.data_type() {
                    DataType::Decimal128(_, scale) => Shown::Decimal(*scale),
                    _ => Shown::Other(ArrayFormatter::try_new(array.as_ref(), &options)?),
                };
                Ok(Exact {
                    array: array.as_ref(),
                    shown,
                })
            })
            .collect()
    }

    pub fn data_type(&self) -> &DataType {
        self.array.data_type()
    }

    /// Appends the text of a cell; false is NULL.
    pub fn write(&self, row: usize, out: &mut String) -> bool {
        if is_null(self.array, row) {
            return false;
        }
        match &self.shown {
            Shown::Decimal(scale) => {
                let value = self.array.as_primitive::<Decimal128Type>().value(row);
                out.push_str(&number::exact(value, *scale));
            }
            Shown::Other(formatter) => {
                let _ = write!(out, "{}", formatter.value(row));
            }
        }
        true
    }
}

/// Whether a column's texts stand at the right.
pub fn is_number(column: &ColumnSpec, data_type: &DataType) -> bool {
    matches!(
        column.role,
        Role::Measure | Role::Number | Role::Money | Role::Ratio
    ) || data_type.is_numeric()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::frame::build::decimals;

    #[test]
    fn measures_are_rounded_and_unknown_numbers_are_not() {
        let values = || decimals([1_711_111_111_111_111_111, 4 * money::ONE, 123_456_789].map(Some));
        let texts = |role| {
            let frame = Frame::of(vec![("gpus", role, "", values())]).unwrap();
            let texts = column_for_people(&frame, 0).unwrap();
            texts.into_iter().map(Option::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(texts(Role::Measure), ["1.711", "4", "1.23457e-10"]);
        assert_eq!(
            texts(Role::Number),
            ["1.711111111111111111", "4", "0.000000000123456789"]
        );
    }
}
