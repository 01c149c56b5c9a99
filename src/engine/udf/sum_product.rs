//! `sum_product(amount, rate)`: Σ amount × rate, rounded once; `sum_product_exact`: not rounded.

use super::args;
use crate::base::money;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array};
use arrow::datatypes::{DataType, Decimal256Type, Field, FieldRef, i256};
use datafusion::common::{ScalarValue, exec_datafusion_err, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use std::sync::Arc;

/// A converted total. The sum of the products is kept in 256 bits at scale 36 and rounded half to
/// even to 18 places at the end; the exact variant, for weights, gives all 36 as `DECIMAL(76, 36)`.
/// Rows without an amount or without a rate are left out; no row at all gives NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SumProduct {
    signature: Signature,
    exact: bool,
}

impl SumProduct {
    pub(super) fn rounded() -> Self {
        SumProduct {
            signature: Signature::user_defined(Volatility::Immutable),
            exact: false,
        }
    }
    pub(super) fn exact() -> Self {
        SumProduct {
            exact: true,
            ..SumProduct::rounded()
        }
    }
}

const STATE: DataType = DataType::Decimal256(76, 36);

fn product(a: i128, b: i128) -> Result<i256> {
    i256::from_i128(a)
        .checked_mul(i256::from_i128(b))
        .ok_or_else(|| exec_datafusion_err!("a product is too large to be added up"))
}

fn plus(a: i256, b: i256) -> Result<i256> {
    a.checked_add(b)
        .ok_or_else(|| exec_datafusion_err!("a sum of products is too large"))
}

fn rounded(sum: i256) -> Result<i128> {
    money::div_half_even(sum, i256::from_i128(money::ONE))
        .ok_or_else(|| exec_datafusion_err!("a sum of products is too large for an amount"))
}

/// Calls back with every row that counts and its product.
fn each_product(values: &[ArrayRef], mut f: impl FnMut(usize, i256) -> Result<()>) -> Result<()> {
    let (a, b) = (args::decimals(&values[0])?, args::decimals(&values[1])?);
    for row in 0..a.len() {
        if !a.is_null(row) && !b.is_null(row) {
            f(row, product(a.value(row), b.value(row))?)?;
        }
    }
    Ok(())
}

fn states(values: &[ArrayRef]) -> Result<&Decimal256Array> {
    match values[0].as_primitive_opt::<Decimal256Type>() {
        Some(states) => Ok(states),
        None => exec_err!("the state of sum_product is not a wide decimal"),
    }
}

fn selected(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}

impl AggregateUDFImpl for SumProduct {
    fn name(&self) -> &str {
        if self.exact {
            "sum_product_exact"
        } else {
            "sum_product"
        }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        types.iter().map(|t| args::amount(self.name(), t)).collect()
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.exact { STATE } else { money::data_type() })
    }
    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(
            format!("{}[products]", args.name),
            STATE,
            true,
        ))])
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One {
            exact: self.exact,
            sum: None,
        }))
    }
    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }
    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many {
            exact: self.exact,
            sums: Vec::new(),
        }))
    }
}

/// The sum of one group.
#[derive(Debug)]
struct One {
    exact: bool,
    sum: Option<i256>,
}

impl One {
    fn add(&mut self, product: i256) -> Result<()> {
        self.sum = Some(plus(self.sum.unwrap_or(i256::ZERO), product)?);
        Ok(())
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each_product(values, |_, product| self.add(product))
    }
    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        states(values)?.iter().flatten().try_for_each(|sum| self.add(sum))
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal256(self.sum, 76, 36)])
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.exact {
            return Ok(ScalarValue::Decimal256(self.sum, 76, 36));
        }
        let total = self.sum.map(rounded).transpose()?;
        Ok(ScalarValue::Decimal128(
            total,
            money::PRECISION,
            money::SCALE as i8,
        ))
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// The sums of many groups at once.
#[derive(Debug)]
struct Many {
    exact: bool,
    sums: Vec<Option<i256>>,
}

impl Many {
    fn add(&mut self, group: usize, product: i256) -> Result<()> {
        self.sums[group] = Some(plus(self.sums[group].unwrap_or(i256::ZERO), product)?);
        Ok(())
    }
}

impl GroupsAccumulator for Many {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_groups, None);
        each_product(values, |row, product| {
            if selected(filter, row) {
                self.add(groups[row], product)
            } else {
                Ok(())
            }
        })
    }
    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.sums.resize(total_groups, None);
        for (sum, group) in states(values)?.iter().zip(groups) {
            if let Some(sum) = sum {
                self.add(*group, sum)?;
            }
        }
        Ok(())
    }
    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        if self.exact {
            return Ok(self.state(emit)?.remove(0));
        }
        let sums = emit.take_needed(&mut self.sums);
        let totals = sums
            .into_iter()
            .map(|sum| sum.map(rounded).transpose())
            .collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(
            Decimal128Array::from(totals).with_data_type(money::data_type()),
        ))
    }
    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = Decimal256Array::from(emit.take_needed(&mut self.sums)).with_data_type(STATE);
        Ok(vec![Arc::new(sums)])
    }
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut products = vec![None; values[0].len()];
        each_product(values, |row, product| {
            products[row] = selected(filter, row).then_some(product);
            Ok(())
        })?;
        Ok(vec![Arc::new(
            Decimal256Array::from(products).with_data_type(STATE),
        )])
    }
    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Option<i256>>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn products_are_rounded_once_at_the_end() {
        // Each product is half of the last digit: rounded one by one they would all vanish.
        let half = "(VALUES (1, 0.000000000000000001), (1, 0.000000000000000001), (2, NULL)) AS v(g, a)";
        assert_eq!(
            query(&format!("SELECT sum_product(a, 0.5) FROM {half}")),
            ["0.000000000000000001"]
        );
        assert_eq!(
            query(&format!(
                "SELECT sum_product(a, 0.5) FROM {half} GROUP BY g ORDER BY g"
            )),
            ["0.000000000000000001", "NULL"]
        );
        assert_eq!(
            query(&format!(
                "SELECT sum_product(a, 2) FILTER (WHERE g = 2) FROM {half}"
            )),
            ["NULL"]
        );
        assert_eq!(
            query(&format!(
                "SELECT sum_product_exact(a, 0.5) FROM {half} GROUP BY g ORDER BY g"
            )),
            ["0.000000000000000001000000000000000000", "NULL"]
        );
        let running = "SELECT sum_product(x, 2) OVER (ORDER BY x) FROM (VALUES (1), (2)) AS v(x) ORDER BY x";
        assert_eq!(query(running), ["2.000000000000000000", "6.000000000000000000"]);
    }
}
