//! Reading arguments: as typed arrays, after coercion.

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array, MapArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, TimestampMicrosecondType};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

pub(super) fn arrays(args: &ScalarFunctionArgs) -> Result<Vec<ArrayRef>> {
    args.args.iter().map(|a| a.to_array(args.number_rows)).collect()
}

pub(super) fn decimals(array: &ArrayRef) -> Result<&Decimal128Array> {
    match array.as_primitive_opt::<Decimal128Type>() {
        Some(values) => Ok(values),
        None => exec_err!("expected a decimal, got {}", array.data_type()),
    }
}

pub(super) fn wide_decimals(array: &ArrayRef) -> Result<&Decimal256Array> {
    match array.as_primitive_opt::<Decimal256Type>() {
        Some(values) => Ok(values),
        None => exec_err!("expected a wide decimal, got {}", array.data_type()),
    }
}

pub(super) fn instants(array: &ArrayRef) -> Result<&TimestampMicrosecondArray> {
    match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(values) => Ok(values),
        None => exec_err!("expected an instant, got {}", array.data_type()),
    }
}

pub(super) fn texts(array: &ArrayRef) -> Result<&StringArray> {
    match array.as_string_opt::<i32>() {
        Some(values) => Ok(values),
        None => exec_err!("expected text, got {}", array.data_type()),
    }
}

/// The keys and values of a map of texts, row by row; a key without a value is not said.
pub(super) struct Pairs<'a>(Option<(&'a MapArray, &'a StringArray, &'a StringArray)>);

impl<'a> Pairs<'a> {
    /// Of no row.
    pub(super) fn none() -> Pairs<'a> {
        Pairs(None)
    }

    pub(super) fn of(&self, row: usize) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let found = self.0.filter(|(map, ..)| !map.is_null(row));
        found.into_iter().flat_map(move |(map, keys, values)| {
            let offsets = map.value_offsets();
            (offsets[row] as usize..offsets[row + 1] as usize)
                .filter(|at| !values.is_null(*at))
                .map(|at| (keys.value(at), values.value(at)))
        })
    }
}

pub(super) fn pairs(array: &ArrayRef) -> Result<Pairs<'_>> {
    if array.data_type().is_null() {
        return Ok(Pairs(None));
    }
    let Some(map) = array.as_map_opt() else {
        return exec_err!("expected a map of texts, got {}", array.data_type());
    };
    Ok(Pairs(Some((map, texts(map.keys())?, texts(map.values())?))))
}

/// The text of an argument that is the same for all rows.
pub(super) fn constant_text(value: &ColumnarValue) -> Option<&str> {
    match value {
        ColumnarValue::Scalar(scalar) => scalar.try_as_str().flatten(),
        ColumnarValue::Array(_) => None,
    }
}

/// Exactly so many arguments.
pub(super) fn count(function: &str, types: &[DataType], expected: usize) -> Result<()> {
    if types.len() == expected {
        return Ok(());
    }
    plan_err!("{function} takes {expected} arguments, not {}", types.len())
}

/// Whole numbers and decimals become decimals of one scale, which is the largest among them, and
/// as wide as the widest.
pub(super) fn one_scale(function: &str, types: &[DataType]) -> Result<DataType> {
    let mut scale = 0;
    let mut wide = false;
    for ty in types {
        wide |= matches!(ty, DataType::Decimal256(..));
        match ty {
            DataType::Decimal32(_, s)
            | DataType::Decimal64(_, s)
            | DataType::Decimal128(_, s)
            | DataType::Decimal256(_, s) => scale = scale.max(*s),
            DataType::Null => {}
            other if other.is_integer() => {}
            other => {
                return plan_err!("{function} takes whole numbers and decimals, not {other}");
            }
        }
    }
    Ok(if wide {
        DataType::Decimal256(76, scale)
    } else {
        DataType::Decimal128(38, scale)
    })
}

/// An amount: a decimal, or a whole number that becomes one.
pub(super) fn amount(function: &str, ty: &DataType) -> Result<DataType> {
    one_scale(function, std::slice::from_ref(ty))?;
    Ok(crate::base::money::data_type())
}

pub(super) fn instant(function: &str, ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Null => Ok(crate::base::time::data_type()),
        other => plan_err!("{function} takes an instant, not {other}"),
    }
}

/// The same, where a text may name the instant.
pub(super) fn instant_or_text(function: &str, ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(crate::base::time::data_type()),
        other => instant(function, other),
    }
}
