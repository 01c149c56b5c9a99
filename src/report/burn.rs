//! A budget's period: what is spent day by day, and where it goes from here. Pure, from daily amounts.

use crate::base::money;
use arrow::datatypes::i256;
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeMap;

use super::reckon::days_between;

/// Fewer days than this say nothing about weekdays.
pub(super) const LEAST_HISTORY: usize = 14;
/// Days that the projection looks back on.
pub(super) const LOOK_BACK: usize = 28;
/// Standard deviations on either side that hold 80 % of a normal distribution.
const SIDE: (i128, i128) = (12_816, 10_000);

/// One day of the period; amounts are cumulative since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BurnDay {
    pub day: NaiveDate,
    pub actual: Option<i128>,
    pub p10: Option<i128>,
    pub p50: Option<i128>,
    pub p90: Option<i128>,
}

/// The period from `first` to `last`. `daily` may reach back before it; it is known up to `known`, and a day
/// without an entry up to then cost nothing. The rest is expected to follow the weekdays of the last four
/// weeks, its band the scatter around them, day by day independent. `None`: an amount out of range.
pub(super) fn burn(
    daily: &BTreeMap<NaiveDate, i128>,
    first: NaiveDate,
    last: NaiveDate,
    known: NaiveDate,
) -> Option<Vec<BurnDay>> {
    let amount = |day: NaiveDate| daily.get(&day).copied().unwrap_or(0);
    let start = daily.keys().next().copied().unwrap_or(first);
    let look_from = known - chrono::Days::new(LOOK_BACK as u64 - 1);
    let history: Vec<NaiveDate> = days_between(start.max(look_from), known).collect();
    let pattern = if history.len() >= LEAST_HISTORY {
        Some(weekdays(&history, amount)?)
    } else {
        None
    };
    let mut days = Vec::new();
    let (mut total, mut variance) = (0_i128, 0_i128);
    for day in days_between(first, last) {
        if day <= known {
            total = total.checked_add(amount(day))?;
            // The expectation starts where the actual line ends.
            let joint = (day == known && pattern.is_some() && known < last).then_some(total);
            days.push(BurnDay {
                day,
                actual: Some(total),
                p10: joint,
                p50: joint,
                p90: joint,
            });
            continue;
        }
        let Some(pattern) = &pattern else {
            days.push(BurnDay {
                day,
                actual: None,
                p10: None,
                p50: None,
                p90: None,
            });
            continue;
        };
        total = total.checked_add(pattern.mean[day.weekday().num_days_from_monday() as usize])?;
        variance = variance.checked_add(pattern.variance)?;
        let side = variance.isqrt().checked_mul(COARSE)?.checked_mul(SIDE.0)? / SIDE.1;
        days.push(BurnDay {
            day,
            actual: None,
            p10: Some(total.checked_sub(side)?),
            p50: Some(total),
            p90: Some(total.checked_add(side)?),
        });
    }
    Some(days)
}

struct Pattern {
    /// Monday first.
    mean: [i128; 7],
    /// Of a day around the mean of its weekday, in squares of `COARSE`.
    variance: i128,
}

/// Squares are taken of millionths, so that they fit: a band is no place for eighteen decimals.
const COARSE: i128 = money::ONE / 1_000_000;

fn weekdays(history: &[NaiveDate], amount: impl Fn(NaiveDate) -> i128) -> Option<Pattern> {
    let mut mean = [0; 7];
    for (weekday, mean) in mean.iter_mut().enumerate() {
        let same: Vec<i128> = history
            .iter()
            .filter(|d| d.weekday().num_days_from_monday() as usize == weekday)
            .map(|d| amount(*d))
            .collect();
        let sum = same.iter().try_fold(0_i128, |sum, a| sum.checked_add(*a))?;
        *mean = money::div_half_even(i256::from_i128(sum), i256::from_i128(same.len().max(1) as i128))?;
    }
    let mut squares = 0_i128;
    for day in history {
        let residual = (amount(*day) - mean[day.weekday().num_days_from_monday() as usize]) / COARSE;
        squares = squares.checked_add(residual.checked_mul(residual)?)?;
    }
    // Seven means were taken from the data.
    Some(Pattern {
        mean,
        variance: squares / (history.len() as i128 - 7).max(1),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::money::ONE;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 1).unwrap() + chrono::Days::new(u64::from(n))
    }

    #[test]
    fn a_steady_week_goes_on_without_a_band() {
        // Weekends cost 1, other days 10.
        let cost = |d: NaiveDate| {
            if d.weekday().num_days_from_monday() > 4 {
                ONE
            } else {
                10 * ONE
            }
        };
        let daily: BTreeMap<_, _> = (0..28).map(|n| (day(n), cost(day(n)))).collect();
        let days = burn(&daily, day(0), day(30), day(27)).unwrap();
        assert_eq!(days.len(), 31);
        let spent: i128 = daily.values().sum();
        assert_eq!(days[27].actual, Some(spent));
        let expected = spent + (28..=30).map(|n| cost(day(n))).sum::<i128>();
        let end = days[30];
        assert_eq!(
            (end.actual, end.p10, end.p50, end.p90),
            (None, Some(expected), Some(expected), Some(expected))
        );
    }

    #[test]
    fn scatter_widens_the_band_and_little_history_gives_none() {
        let daily: BTreeMap<_, _> = (0..21)
            .map(|n| (day(n), ONE * i128::from(10 + (n / 7) * 2)))
            .collect();
        let days = burn(&daily, day(0), day(30), day(20)).unwrap();
        let width = |d: &BurnDay| d.p90.unwrap() - d.p10.unwrap();
        assert!(width(&days[30]) > width(&days[25]) && width(&days[25]) > 0);
        // Each weekday had 10, 12, 14: squares 21 × 8/3 over 14 degrees of freedom = 4, so one day is ±1.2816 × 2.
        assert_eq!(
            days[21].p90.unwrap() - days[21].p50.unwrap(),
            2_563_200_000_000_000_000
        );
        let few: BTreeMap<_, _> = (0..5).map(|n| (day(n), ONE)).collect();
        assert!(
            burn(&few, day(0), day(30), day(4))
                .unwrap()
                .iter()
                .all(|d| d.p50.is_none())
        );
    }
}
