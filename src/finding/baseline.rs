//! What was to be expected, as an average that anyone can check: the mean of up to four days of the same weekday
//! before, times the growth that the weeks before had anyway.

use super::event::Event;
use super::outcome::Kind;
use super::panel::{Cell, Series};
use crate::base::money;
use arrow::datatypes::i256;

/// Days of the same weekday, at most and at least.
const MOST_WEEKS: usize = 4;
const LEAST_WEEKS: usize = 2;
/// Days of the same kind (workday, weekend) where too few of the weekday are there.
const MOST_ALIKE: usize = 8;
/// Growth is followed no further than this.
const FAR_DAYS: f64 = 28.0;
/// The growth factor has four decimals.
const GROWTH_ONE: i128 = 10_000;

#[derive(Debug, Clone)]
pub(super) struct Baseline {
    /// For each day that is counted: the days it is compared with, and the growth since them.
    days: Vec<(Vec<usize>, i128)>,
}

impl Baseline {
    pub(super) fn of(series: &Series, event: &Event, events: &[Event], counted: &[usize]) -> Baseline {
        if event.kind == Kind::New {
            return Baseline {
                days: vec![(Vec::new(), GROWTH_ONE); counted.len()],
            };
        }
        let disturbed = |day: usize| {
            events
                .iter()
                .any(|e| e.kind != Kind::Step && (e.from..e.to).contains(&day))
        };
        let usual = |day: &usize| series.covered[*day] && !disturbed(*day);
        let mut before: Vec<usize> = (event.since..event.from).rev().filter(usual).collect();
        if before.len() < LEAST_WEEKS {
            // All of the level that was left was off: then that is what it was.
            before = (event.since..event.from)
                .rev()
                .filter(|day| series.covered[*day])
                .collect();
        }
        // A day that fell back is also known by what came after it, up to the next step.
        let next = events
            .iter()
            .filter(|e| e.kind == Kind::Step && e.from >= event.to)
            .map(|e| e.from)
            .min()
            .unwrap_or(series.amount.len());
        let after: Vec<usize> = match event.kind {
            Kind::Episode => (event.to..next).filter(usual).collect(),
            _ => Vec::new(),
        };
        let days = counted
            .iter()
            .map(|day| {
                let days = comparable(series, *day, &before, &after);
                let growth = growth(event.trend, *day, &days);
                (days, growth)
            })
            .collect();
        Baseline { days }
    }

    /// What the counted days were expected to bring of a quantity or amount.
    pub(super) fn expected(&self, values: &[i128]) -> Option<i128> {
        let mut sum = 0_i128;
        for (days, growth) in self.days.iter().filter(|(days, _)| !days.is_empty()) {
            let mut before = i256::ZERO;
            for day in days {
                before = before.checked_add(i256::from_i128(values[*day]))?;
            }
            let parts = i256::from_i128(days.len() as i128 * GROWTH_ONE);
            let grown = before.checked_mul(i256::from_i128(*growth))?;
            sum = sum.checked_add(money::div_half_even(grown, parts)?)?;
        }
        Some(sum)
    }

    /// How much the comparable days scatter about their own means, summed over the counted days: the noise of a
    /// sum of that many.
    pub(super) fn noise(&self, values: &[i128]) -> f64 {
        let mut sum = 0.0;
        for (days, _) in self.days.iter().filter(|(days, _)| days.len() > 1) {
            let sizes: Vec<f64> = days.iter().map(|d| Cell::size(values[*d])).collect();
            let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
            let squares: f64 = sizes.iter().map(|s| (s - mean) * (s - mean)).sum();
            sum += squares / (sizes.len() - 1) as f64;
        }
        sum.sqrt()
    }

    /// How many days stand behind the expectation.
    pub(super) fn compared(&self) -> usize {
        let mut all: Vec<usize> = self.days.iter().flat_map(|(days, _)| days).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }
}

fn comparable(series: &Series, day: usize, before: &[usize], after: &[usize]) -> Vec<usize> {
    let weekday = series.weekday(day);
    let same = |d: &&usize| series.weekday(**d) == weekday;
    let alike = |d: &&usize| (series.weekday(**d) >= 5) == (weekday >= 5);
    let take = |days: &[usize], most: usize, fits: &dyn Fn(&&usize) -> bool| -> Vec<usize> {
        days.iter().filter(fits).take(most).copied().collect()
    };
    for (days, most, least, fits) in [
        (before, MOST_WEEKS, LEAST_WEEKS, &same as &dyn Fn(&&usize) -> bool),
        (after, MOST_WEEKS, LEAST_WEEKS, &same),
        (before, MOST_ALIKE, LEAST_WEEKS, &alike),
        (after, MOST_ALIKE, LEAST_WEEKS, &alike),
    ] {
        let found = take(days, most, fits);
        if found.len() >= least {
            return found;
        }
    }
    let rest = if before.is_empty() { after } else { before };
    take(rest, MOST_ALIKE, &|_| true)
}

fn growth(trend: f64, day: usize, days: &[usize]) -> i128 {
    if trend == 0.0 || days.is_empty() {
        return GROWTH_ONE;
    }
    let mean = days.iter().sum::<usize>() as f64 / days.len() as f64;
    let distance = (day as f64 - mean).clamp(-FAR_DAYS, FAR_DAYS);
    let factor = (trend * distance).exp().clamp(0.5, 2.0);
    (factor * GROWTH_ONE as f64).round() as i128
}
