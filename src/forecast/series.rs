//! A daily series: what is known, what is missing, and how a model gets to see it.

use super::calendar::Calendar;
use super::estimate;
use crate::base::{Error, Result};
use chrono::{Datelike, Days, NaiveDate};
use std::collections::BTreeSet;

/// Days in a row from `first`; `None` is a day of which nothing is known. A day that cost nothing is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub first: NaiveDate,
    pub values: Vec<Option<i128>>,
}

impl Series {
    /// The day at a place, which may be after the end.
    pub fn day(&self, at: usize) -> NaiveDate {
        day(self.first, at)
    }

    /// Days of which something is known.
    pub fn known(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// The sum of series of the same days. A day that one of them does not know is not known.
    pub fn sum(parts: &[Series]) -> Result<Series> {
        let (head, rest) = parts
            .split_first()
            .ok_or_else(|| Error::internal("a sum without parts"))?;
        let mut sum = head.clone();
        for part in rest {
            if part.first != sum.first || part.values.len() != sum.values.len() {
                return Err(Error::internal("the parts of a sum have different days"));
            }
            for (day, value) in sum.values.iter_mut().zip(&part.values) {
                *day = match day.zip(*value) {
                    Some((a, b)) => Some(
                        a.checked_add(b)
                            .ok_or_else(|| Error::data("a day is out of the range of amounts"))?,
                    ),
                    None => None,
                };
            }
        }
        Ok(sum)
    }

    /// The values in the floating point of the models.
    pub(super) fn numbers(&self) -> Vec<Option<f64>> {
        self.values.iter().map(|v| v.map(estimate::number)).collect()
    }
}

/// For each day of a span whether anything is known of it, by the days that have lines: a day without any is
/// missing, unless its weekday mostly has none; then nothing happened.
pub fn known_days(seen: &BTreeSet<NaiveDate>, first: NaiveDate, last: NaiveDate) -> Vec<bool> {
    let span = || first.iter_days().take_while(|day| *day <= last);
    let weekday = |day: NaiveDate| day.weekday().num_days_from_monday() as usize;
    let (mut with, mut all) = ([0_usize; WEEK], [0_usize; WEEK]);
    for day in span() {
        all[weekday(day)] += 1;
        with[weekday(day)] += usize::from(seen.contains(&day));
    }
    span()
        .map(|day| seen.contains(&day) || 2 * with[weekday(day)] < all[weekday(day)])
        .collect()
}

pub(super) fn day(first: NaiveDate, at: usize) -> NaiveDate {
    first
        .checked_add_days(Days::new(at as u64))
        .unwrap_or(NaiveDate::MAX)
}

pub(super) const WEEK: usize = 7;

/// The same weekday around a day, nearest first: what the day would have been had nothing happened.
/// `wanted` values at most, from up to eight weeks away.
pub(super) fn like_days(days: &[Option<f64>], at: usize, wanted: usize) -> Vec<f64> {
    let mut found = Vec::with_capacity(wanted);
    for weeks in 1..=8 {
        let before = at.checked_sub(weeks * WEEK);
        let after = Some(at + weeks * WEEK);
        for value in [before, after]
            .into_iter()
            .flatten()
            .filter_map(|at| days.get(at).copied().flatten())
        {
            if found.len() < wanted {
                found.push(value);
            }
        }
    }
    found
}

/// Every day with a value: a gap, and a holiday, stands as the mean of the same weekday around it.
pub(super) fn filled(days: &[Option<f64>], first: NaiveDate, calendar: &Calendar) -> Vec<f64> {
    let plain: Vec<Option<f64>> = days
        .iter()
        .enumerate()
        .map(|(at, v)| v.filter(|_| !calendar.is_holiday(day(first, at))))
        .collect();
    let known: Vec<f64> = plain.iter().copied().flatten().collect();
    let level = mean(&known);
    (0..days.len())
        .map(|at| {
            plain[at].unwrap_or_else(|| match like_days(&plain, at, 2).as_slice() {
                [] => level,
                near => mean(near),
            })
        })
        .collect()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
}

pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a share of the values lies, between neighbours straight. Zero of none.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len().max(1) - 1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (place - low as f64),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monday() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default()
    }

    #[test]
    fn a_gap_stands_as_the_same_weekday_around_it() {
        let mut days: Vec<Option<f64>> = (0..21).map(|d| Some(f64::from(d))).collect();
        days[9] = None;
        days[0] = None;
        let all = filled(&days, monday(), &Calendar::default());
        // Of 2 and 16; the first day has only days after it: 7 and 14.
        assert_eq!((all[9], all[0], all[10]), (9.0, 10.5, 10.0));
    }

    #[test]
    fn a_business_that_rests_on_sundays_has_no_gaps_there() {
        let last = day(monday(), 90);
        let open =
            |day: &NaiveDate| day.weekday().num_days_from_monday() < 6 && day.to_string() != "2026-07-07";
        let seen: BTreeSet<NaiveDate> = monday().iter_days().take(91).filter(open).collect();
        let known = known_days(&seen, monday(), last);
        let missing: Vec<String> = (0..known.len())
            .filter(|at| !known[*at])
            .map(|at| day(monday(), at).to_string())
            .collect();
        assert_eq!((known.len(), missing), (91, vec!["2026-07-07".to_owned()]));
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), 2.5);
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 1.0), 4.0);
        assert_eq!(quantile(&[], 0.3), 0.0);
    }
}
