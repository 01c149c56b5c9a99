//! A table of results with what each of its columns is: what every renderer and every drill eats.

pub mod build;
mod chart_spec;

pub use chart_spec::ChartSpec;

use crate::base::{Error, Result, money};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use serde::{Deserialize, Serialize};

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A day, an hour, an instant.
    Time,
    /// Something to group by.
    #[default]
    Dimension,
    /// Code of the currency that the money of the row is in.
    Currency,
    /// A count or a measurement.
    Measure,
    /// A number of which nothing else is known: every digit is shown.
    Number,
    /// An amount in the row's currency.
    Money,
    /// A share of one: 0.25 is shown as 25 %.
    Ratio,
}

/// Columns whose texts name what their row is about.
const NAMES: [&str; 18] = [
    "account",
    "gpu_model",
    "host",
    "key_alias",
    "model",
    "namespace",
    "owner",
    "provider",
    "purchase",
    "region",
    "risk_tier",
    "scope",
    "service",
    "source",
    "stage",
    "team",
    "tier",
    "use_case",
];

/// Whether people are told in a word that the column has no text; elsewhere a dash does.
pub fn is_name(column: &str) -> bool {
    NAMES.contains(&column)
}

/// What stands for a name that is missing: traffic without a use case is unregistered, a device without an owner
/// has no owner.
pub fn unnamed(column: &str) -> String {
    match column {
        "use_case" => "unregistered".to_owned(),
        other => format!("no {}", other.replace('_', " ")),
    }
}

/// One column of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    pub name: String,
    pub role: Role,
    /// `tokens`, `ms`, `Wh` …; empty for names.
    #[serde(default)]
    pub unit: String,
}

/// One batch of results and its column specs, which stand in the batch's order.
#[derive(Debug, Clone)]
pub struct Frame {
    pub columns: Vec<ColumnSpec>,
    pub batch: RecordBatch,
}

impl Frame {
    pub fn new(columns: Vec<ColumnSpec>, batch: RecordBatch) -> Result<Frame> {
        let names: Vec<&str> = batch
            .schema_ref()
            .fields()
            .iter()
            .map(|f| f.name().as_str())
            .collect();
        if columns.iter().map(|c| c.name.as_str()).ne(names.iter().copied()) {
            return Err(Error::internal(format!(
                "a frame's columns do not match its data: {names:?}"
            )));
        }
        Ok(Frame { columns, batch })
    }

    /// A frame whose columns are told by their types: numbers are numbers, dates are time, all else
    /// are dimensions. None counts as money or a measure, so that every digit is shown.
    pub fn guess(batch: RecordBatch) -> Frame {
        let columns = batch
            .schema()
            .fields()
            .iter()
            .map(|f| {
                let role = match f.data_type() {
                    _ if f.name() == "currency" => Role::Currency,
                    t if t.is_numeric() => Role::Number,
                    DataType::Date32 | DataType::Timestamp(..) => Role::Time,
                    _ => Role::Dimension,
                };
                ColumnSpec {
                    name: f.name().clone(),
                    role,
                    unit: String::new(),
                }
            })
            .collect();
        Frame { columns, batch }
    }

    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Some of the columns, in the order given.
    pub fn pick(&self, columns: &[&str]) -> Result<Frame> {
        let places = columns
            .iter()
            .map(|column| self.index(column))
            .collect::<Result<Vec<_>>>()?;
        Ok(Frame {
            columns: places.iter().map(|at| self.columns[*at].clone()).collect(),
            batch: self.batch.project(&places)?,
        })
    }

    pub fn index(&self, column: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|c| c.name == column)
            .ok_or_else(|| Error::internal(format!("the frame has no column '{column}'")))
    }

    fn array(&self, column: &str) -> Result<&dyn Array> {
        Ok(self.batch.column(self.index(column)?).as_ref())
    }

    /// The text of a cell; NULL is `None`. Texts come in three Arrow layouts.
    pub fn text(&self, column: &str, row: usize) -> Result<Option<String>> {
        let array = self.array(column)?;
        if array.is_null(row) {
            return Ok(None);
        }
        Ok(Some(match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
            DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
            DataType::Utf8View => array.as_string_view().value(row).to_owned(),
            _ => arrow::util::display::array_value_to_string(array, row)?,
        }))
    }

    /// The text of a cell that names its row. Where there is none, a word says so: the same one in pictures,
    /// tables and sentences.
    pub fn name(&self, column: &str, row: usize) -> Result<String> {
        Ok(self.text(column, row)?.unwrap_or_else(|| unnamed(column)))
    }

    /// A decimal cell as a stored amount (10⁻¹⁸), whatever its scale up to 18.
    pub fn decimal(&self, column: &str, row: usize) -> Result<Option<i128>> {
        let array = self.array(column)?;
        if array.is_null(row) {
            return Ok(None);
        }
        match array.data_type() {
            DataType::Decimal128(_, scale) if (0..=18).contains(scale) => {
                let raw = array.as_primitive::<Decimal128Type>().value(row);
                Ok(raw.checked_mul(10_i128.pow(u32::from(money::SCALE) - scale.unsigned_abs() as u32)))
            }
            DataType::Int64 => {
                Ok(i128::from(array.as_primitive::<Int64Type>().value(row)).checked_mul(money::ONE))
            }
            other => Err(Error::internal(format!(
                "column '{column}' is {other}, not a decimal"
            ))),
        }
    }

    /// A decimal or a whole number as a stored amount (10⁻¹⁸).
    pub fn decimal_or_int(&self, column: &str, row: usize) -> Result<Option<i128>> {
        match self.array(column)?.data_type() {
            t if t.is_integer() => Ok(self
                .int(column, row)?
                .and_then(|n| i128::from(n).checked_mul(money::ONE))),
            _ => self.decimal(column, row),
        }
    }

    /// A whole number.
    pub fn int(&self, column: &str, row: usize) -> Result<Option<i64>> {
        let array = self.array(column)?;
        if array.is_null(row) {
            return Ok(None);
        }
        let cast = arrow::compute::cast(array, &DataType::Int64)?;
        Ok(Some(cast.as_primitive::<Int64Type>().value(row)))
    }

    /// A measurement. Not for amounts.
    pub fn float(&self, column: &str, row: usize) -> Result<Option<f64>> {
        let array = self.array(column)?;
        if array.is_null(row) {
            return Ok(None);
        }
        let cast = arrow::compute::cast(array, &DataType::Float64)?;
        Ok(Some(cast.as_primitive::<Float64Type>().value(row)))
    }

    /// A point in time as UTC microseconds: an instant, or a day's midnight.
    pub fn micros(&self, column: &str, row: usize) -> Result<Option<i64>> {
        let array = self.array(column)?;
        if array.is_null(row) {
            return Ok(None);
        }
        match array.data_type() {
            DataType::Date32 => Ok(Some(
                i64::from(array.as_primitive::<Date32Type>().value(row)) * 86_400_000_000,
            )),
            DataType::Timestamp(..) => {
                let cast = arrow::compute::cast(array, &crate::base::time::data_type())?;
                Ok(Some(cast.as_primitive::<TimestampMicrosecondType>().value(row)))
            }
            other => Err(Error::internal(format!(
                "column '{column}' is {other}, not a time"
            ))),
        }
    }
}
