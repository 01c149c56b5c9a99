//! 95 % intervals of differences between two arms of an experiment: `newcombe_low`, `newcombe_high`
//! (hits, members, hits, members) for shares; `welch_low`, `welch_high` (members, sum, sum of
//! squares, and the same again) for means. The second arm is taken from the first.

use super::args;
use crate::base::money;
use crate::base::statistics::{Sums, difference_of_means, difference_of_shares};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Shares,
    Means,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum End {
    Low,
    High,
}

/// One end of one kind of interval. NULL where an argument is, and where there is no interval.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Difference {
    signature: Signature,
    of: Of,
    end: End,
}

impl Difference {
    pub(super) fn new(of: Of, end: End) -> Self {
        Difference {
            signature: Signature::user_defined(Volatility::Immutable),
            of,
            end,
        }
    }
}

pub(super) fn whole(array: &ArrayRef) -> Result<&Int64Array> {
    match array.as_primitive_opt::<Int64Type>() {
        Some(values) => Ok(values),
        None => exec_err!("expected a whole number, got {}", array.data_type()),
    }
}

/// Count, sum and sum of squares from three arguments.
fn sums(arrays: &[ArrayRef], row: usize) -> Result<Sums> {
    Ok(Sums {
        count: whole(&arrays[0])?.value(row),
        sum: args::decimals(&arrays[1])?.value(row),
        squares: args::wide_decimals(&arrays[2])?.value(row),
    })
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &str {
        match (self.of, self.end) {
            (Of::Shares, End::Low) => "newcombe_low",
            (Of::Shares, End::High) => "newcombe_high",
            (Of::Means, End::Low) => "welch_low",
            (Of::Means, End::High) => "welch_high",
        }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let arm = match self.of {
            Of::Shares => vec![DataType::Int64, DataType::Int64],
            Of::Means => vec![DataType::Int64, money::data_type(), DataType::Decimal256(76, 36)],
        };
        args::count(self.name(), types, 2 * arm.len())?;
        Ok([arm.clone(), arm].concat())
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let half = arrays.len() / 2;
        let mut ends = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            if arrays.iter().any(|a| a.is_null(row)) {
                ends.push(None);
                continue;
            }
            let interval = match self.of {
                Of::Shares => {
                    let count = |at: usize| whole(&arrays[at]).map(|values| values.value(row));
                    difference_of_shares((count(0)?, count(1)?), (count(2)?, count(3)?))
                }
                Of::Means => difference_of_means(sums(&arrays[..half], row)?, sums(&arrays[half..], row)?),
            };
            ends.push(interval.map(|(low, high)| match self.end {
                End::Low => low,
                End::High => high,
            }));
        }
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(ends))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn both_ends_of_both_kinds() {
        assert_eq!(query("SELECT round(newcombe_low(56, 70, 48, 80), 4)"), ["0.0524"]);
        assert_eq!(
            query("SELECT round(newcombe_high(56, 70, 48, 80), 4)"),
            ["0.3339"]
        );
        assert_eq!(query("SELECT newcombe_low(0, 0, 1, 2)"), ["NULL"]);
        // 1, 2, 3 against 1, 1, 4: each mean is 2, variances 1 and 3, 3.2 degrees of freedom.
        let welch = |end: &str| query(&format!("SELECT round(welch_{end}(3, 6, 14, 3, 6, 18), 3)"));
        assert_eq!(welch("low"), ["-3.548"]);
        assert_eq!(welch("high"), ["3.548"]);
        assert_eq!(query("SELECT welch_low(3, 6, NULL, 3, 6, 18)"), ["NULL"]);
    }
}
