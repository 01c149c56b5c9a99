//! A seeded bootstrap over the members of a row: how far a ratio of sums could have come out
//! otherwise with the same kind of tasks. All sums are exact, so a seed gives the same digits anywhere.

use super::header::Interval;
use crate::base::{Error, Result, money, seed};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, RecordBatch, RecordBatchOptions,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema};
use rand::Rng as _;
use std::sync::Arc;

/// More draws than this in all, and the number of resamples is cut: the interval of a very large
/// group is narrow, and its ends need fewer repetitions.
const MAX_DRAWS: usize = 20_000_000;
const MIN_RESAMPLES: usize = 200;

/// Puts the ends of the interval where the two lists stand, and drops the fixed cost. `key` names
/// the row, so that each has draws of its own and another row more or less changes none.
pub(super) fn replace_samples(interval: &Interval, key: &[&str], batch: &RecordBatch) -> Result<RecordBatch> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| Error::query(format!("the result has no column '{name}'")))
    };
    let wrong = |name: &str| Error::query(format!("column '{name}' has not the type an interval needs"));
    let ids = column(&interval.members)?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong(&interval.members))?;
    let costs = column(&interval.costs)?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong(&interval.costs))?;
    let successes = column(&interval.successes)?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong(&interval.successes))?;
    let fixed = column(&interval.fixed)?
        .as_primitive_opt::<Decimal128Type>()
        .ok_or_else(|| wrong(&interval.fixed))?;
    let names = key.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;

    let mut low = Vec::with_capacity(batch.num_rows());
    let mut high = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let mut purpose = "interval".to_owned();
        for name in &names {
            purpose.push('\0');
            purpose.push_str(&arrow::util::display::array_value_to_string(name, row)?);
        }
        let members = if ids.is_null(row) || costs.is_null(row) || successes.is_null(row) {
            Vec::new()
        } else {
            let lists = [ids.value(row), costs.value(row), successes.value(row)];
            members(&lists).ok_or_else(|| wrong(&interval.costs))?
        };
        let fixed = if fixed.is_null(row) { 0 } else { fixed.value(row) };
        let mut chance = seed::generator(interval.seed, &purpose);
        let ends = bootstrap(&members, fixed, interval.resamples as usize, &mut chance);
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

/// One entry per member, in the order of their names: rows of the same one are added up.
fn members([ids, costs, successes]: &[ArrayRef; 3]) -> Option<Vec<(i128, bool)>> {
    if costs.len() != ids.len() || successes.len() != ids.len() || costs.data_type() != &money::data_type() {
        return None;
    }
    let ids = cast(ids, &DataType::Utf8).ok()?;
    let ids = ids.as_string_opt::<i32>()?;
    let costs = costs.as_primitive_opt::<Decimal128Type>()?;
    let successes: &BooleanArray = successes.as_boolean_opt()?;
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|at| ids.value(*at));
    let mut members: Vec<(i128, bool)> = Vec::new();
    let mut last = None;
    for at in order {
        if last != Some(ids.value(at)) {
            last = Some(ids.value(at));
            members.push((0, false));
        }
        let member = members.last_mut()?;
        member.0 = member
            .0
            .checked_add(if costs.is_null(at) { 0 } else { costs.value(at) })?;
        member.1 |= successes.is_valid(at) && successes.value(at);
    }
    Some(members)
}

/// The 2.5th and the 97.5th percentile (nearest rank) of `(fixed + Σ cost) / Σ success` over
/// resamples with replacement. A resample without a success costs infinitely much per success; an
/// end that falls there is not known.
fn bootstrap(
    members: &[(i128, bool)],
    fixed: i128,
    resamples: usize,
    chance: &mut seed::Rng,
) -> (Option<i128>, Option<i128>) {
    if !members.iter().any(|(_, success)| *success) || resamples == 0 {
        return (None, None);
    }
    let resamples = resamples.min((MAX_DRAWS / members.len()).max(MIN_RESAMPLES));
    let mut ratios: Vec<i128> = (0..resamples)
        .map(|_| {
            let mut cost = fixed;
            let mut successes = 0_i128;
            for _ in 0..members.len() {
                let (one, success) = members[chance.random_range(0..members.len())];
                cost = cost.saturating_add(one);
                successes += i128::from(success);
            }
            money::div_half_even(cost.into(), successes.into()).unwrap_or(i128::MAX)
        })
        .collect();
    ratios.sort_unstable();
    let end = |per_mille: usize| {
        let rank = (resamples * per_mille).div_ceil(1000).max(1);
        Some(ratios[rank - 1]).filter(|ratio| *ratio != i128::MAX)
    };
    (end(25), end(975))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::ONE;

    fn ends(members: &[(i128, bool)], fixed: i128, seed: u64) -> (Option<i128>, Option<i128>) {
        bootstrap(members, fixed, 1000, &mut seed::generator(seed, "test"))
    }

    #[test]
    fn equal_tasks_have_no_spread() {
        assert_eq!(ends(&[(2 * ONE, true); 30], 0, 1), (Some(2 * ONE), Some(2 * ONE)));
        assert_eq!(
            ends(&[(2 * ONE, true); 30], 30 * ONE, 1),
            (Some(3 * ONE), Some(3 * ONE))
        );
    }

    #[test]
    fn the_interval_holds_the_ratio_and_repeats() {
        let members: Vec<(i128, bool)> = (0..100).map(|i| (i * ONE / 100, i % 3 == 0)).collect();
        let (low, high) = ends(&members, 0, 7);
        let ratio = 495 * ONE / 10 / 34;
        assert!(
            low.is_some_and(|l| l < ratio) && high.is_some_and(|h| h > ratio),
            "{low:?} {high:?}"
        );
        assert_eq!((low, high), ends(&members, 0, 7));
    }

    #[test]
    fn rows_of_a_member_are_added_up_wherever_they_stand() {
        let ids: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["b", "a", "b", "c"]));
        let costs = Decimal128Array::from(vec![Some(1), Some(2), None, Some(4)]);
        let costs: ArrayRef = Arc::new(costs.with_data_type(money::data_type()));
        let successes: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, false]));
        assert_eq!(
            members(&[ids, costs, successes]),
            Some(vec![(2, false), (1, true), (4, false)])
        );
    }

    #[test]
    fn no_success_no_interval_and_a_rare_one_has_no_upper_end() {
        assert_eq!(ends(&[(ONE, false); 5], 0, 1), (None, None));
        assert_eq!(ends(&[], 0, 1), (None, None));
        let (low, high) = ends(&[(ONE, true), (ONE, false), (ONE, false)], 0, 1);
        assert!(low.is_some());
        assert_eq!(high, None);
    }
}
