//! A bootstrap over the members of a row: how far a ratio of sums could have come out otherwise with the same kind of
//! tasks. `resampled` draws (`engine/udf`), so that days can be added up; here stands what is made of the draws. All sums
//! are exact, so the same members give the same digits anywhere.

use super::header::Interval;
use crate::base::{Error, Result, money};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema, i256};
use std::sync::Arc;

/// What the members of a row are, resample by resample, in amounts of 18 places. A list that nobody adds to is empty.
struct Draws {
    members: Vec<i128>,
    costs: Vec<i128>,
    successes: Vec<i128>,
    /// The cost that stands in every resample.
    fixed: i128,
    /// How many members there are.
    count: i64,
}

/// Puts the ends of the interval where two of the lists stand, and drops what else was only needed for them.
pub(super) fn replace_samples(interval: &Interval, batch: &RecordBatch) -> Result<RecordBatch> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| Error::query(format!("the result has no column '{name}'")))
    };
    let wrong = |name: &str| Error::query(format!("column '{name}' has not the type an interval needs"));
    let list = |name: &str, row: usize| -> Result<Vec<i128>> {
        let lists = column(name)?.as_list_opt::<i32>().ok_or_else(|| wrong(name))?;
        if lists.is_null(row) {
            return Ok(Vec::new());
        }
        let values = lists.value(row);
        let values = values.as_primitive_opt::<Decimal128Type>();
        Ok(values.ok_or_else(|| wrong(name))?.values().to_vec())
    };
    let fixed = column(&interval.fixed)?
        .as_primitive_opt::<Decimal128Type>()
        .ok_or_else(|| wrong(&interval.fixed))?;
    let count = cast(column(&interval.count)?, &DataType::Int64)?;
    let count: &Int64Array = count
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| wrong(&interval.count))?;

    let mut low = Vec::with_capacity(batch.num_rows());
    let mut high = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let ends = ends(&Draws {
            members: list(&interval.members, row)?,
            costs: list(&interval.costs, row)?,
            successes: list(&interval.successes, row)?,
            fixed: if fixed.is_null(row) { 0 } else { fixed.value(row) },
            count: if count.is_null(row) { 0 } else { count.value(row) },
        });
        low.push(ends.0);
        high.push(ends.1);
    }

    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let ends = if field.name() == &interval.costs {
            Some((&interval.low, &mut low))
        } else if field.name() == &interval.successes {
            Some((&interval.high, &mut high))
        } else {
            None
        };
        match ends {
            Some((name, values)) => {
                fields.push(Field::new(name, money::data_type(), true));
                let array = Decimal128Array::from(std::mem::take(values)).with_data_type(money::data_type());
                columns.push(Arc::new(array));
            }
            None if [&interval.fixed, &interval.members].contains(&field.name()) => {}
            None => {
                fields.push(field.as_ref().clone());
                columns.push(column.clone());
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        columns,
        &options,
    )?)
}

/// The 2.5th and the 97.5th percentile (nearest rank) of `(fixed + Σ cost) / Σ success`. A resample that drew more or
/// fewer members than there are bears the fixed cost in proportion; one that drew nobody says nothing. One without a
/// success costs infinitely much per success; an end that falls there is not known.
fn ends(draws: &Draws) -> (Option<i128>, Option<i128>) {
    let mut ratios: Vec<i128> = Vec::with_capacity(draws.members.len());
    let mut any = false;
    let at = |list: &[i128], place: usize| list.get(place).copied().unwrap_or(0);
    for (place, members) in draws
        .members
        .iter()
        .enumerate()
        .filter(|(_, members)| **members > 0)
    {
        let (cost, success) = (at(&draws.costs, place), at(&draws.successes, place));
        any |= success > 0;
        let fixed = i256::from_i128(draws.fixed)
            .checked_mul(i256::from_i128(*members))
            .and_then(|product| {
                money::div_half_even(
                    product,
                    i256::from_i128(draws.count.into()) * i256::from_i128(money::ONE),
                )
            });
        let ratio = fixed
            .and_then(|fixed| fixed.checked_add(cost))
            .and_then(|cost| i256::from_i128(cost).checked_mul(i256::from_i128(money::ONE)))
            .and_then(|cost| money::div_half_even(cost, i256::from_i128(success)));
        ratios.push(ratio.unwrap_or(i128::MAX));
    }
    if !any {
        return (None, None);
    }
    ratios.sort_unstable();
    let end = |per_mille: usize| {
        let rank = (ratios.len() * per_mille).div_ceil(1000).max(1);
        Some(ratios[rank - 1]).filter(|ratio| *ratio != i128::MAX)
    };
    (end(25), end(975))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::ONE;

    /// Each resample as how many members it drew, what they cost, and how many were successes.
    fn of(resamples: &[(i128, i128, i128)], fixed: i128, count: i64) -> (Option<i128>, Option<i128>) {
        let each = |pick: fn(&(i128, i128, i128)) -> i128| resamples.iter().map(pick).collect();
        ends(&Draws {
            members: each(|r| r.0 * ONE),
            costs: each(|r| r.1 * ONE),
            successes: each(|r| r.2 * ONE),
            fixed: fixed * ONE,
            count,
        })
    }

    #[test]
    fn equal_tasks_have_no_spread_however_many_are_drawn() {
        // Tasks of 2 that all succeed, 30 of them; each carries 1 of a fixed cost of 30.
        let resamples: Vec<_> = (20..40).map(|n| (n, 2 * n, n)).collect();
        assert_eq!(of(&resamples, 0, 30), (Some(2 * ONE), Some(2 * ONE)));
        assert_eq!(of(&resamples, 30, 30), (Some(3 * ONE), Some(3 * ONE)));
    }

    #[test]
    fn ends_are_nearest_ranks() {
        // Ratios 1 to 40: 2.5 % of 40 is the first, 97.5 % the 39th.
        let resamples: Vec<_> = (1..=40).rev().map(|cost| (1, cost, 1)).collect();
        assert_eq!(of(&resamples, 0, 1), (Some(ONE), Some(39 * ONE)));
    }

    #[test]
    fn no_success_no_interval_and_a_rare_one_has_no_upper_end() {
        assert_eq!(of(&[(5, 5, 0); 9], 0, 5), (None, None));
        assert_eq!(of(&[], 0, 0), (None, None));
        let rare = [[(3, 3, 1); 5], [(3, 3, 0); 5]].concat();
        assert_eq!(of(&rare, 0, 3), (Some(3 * ONE), None));
        // Nobody drawn: not a failure.
        let few = [[(1, 2, 1); 5], [(0, 0, 0); 5]].concat();
        assert_eq!(of(&few, 0, 1), (Some(2 * ONE), Some(2 * ONE)));
    }
}
