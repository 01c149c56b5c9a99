//! The methods that a back-test chooses from: one file each, and one line in `METHODS`.
//!
//! A method gets a complete history of numbers around one (the series over its mean size) and its season, and
//! says how it goes on. It knows no days, no money and no schedule. It refuses what it cannot learn from.

mod ets;
mod means;
mod mstl;
mod naive;
mod season;

/// What a method is asked: the history and the days of a season.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) values: &'a [f64],
    pub(super) season: usize,
}

pub(super) enum Way {
    Alone(fn(Past<'_>, usize) -> Option<Vec<f64>>),
    /// The mean of two that stand before it in the list: two that err differently err less together.
    Mean(usize, usize),
}
use Way::{Alone, Mean};

/// The simpler first: of two that miss alike the first is taken.
pub(super) const METHODS: [(&str, Way); 8] = [
    ("seasonal-naive", Alone(naive::forecast)),
    ("weekday means", Alone(means::forecast)),
    ("ETS", Alone(ets::additive)),
    ("ETS of ratios", Alone(ets::of_ratios)),
    ("MSTL", Alone(mstl::additive)),
    ("MSTL of logarithms", Alone(mstl::of_logarithms)),
    ("mean of ETS and MSTL", Mean(2, 4)),
    ("mean of ETS and MSTL of ratios", Mean(3, 5)),
];

/// What every method of the list says; nothing of one that cannot learn from the history or runs away.
pub(super) fn all(past: Past<'_>, horizon: usize) -> Vec<Option<Vec<f64>>> {
    if flat(past.values) {
        let last = past.values.last().copied().unwrap_or_default();
        return METHODS.iter().map(|_| Some(vec![last; horizon])).collect();
    }
    let mut all: Vec<Option<Vec<f64>>> = Vec::with_capacity(METHODS.len());
    for (_, way) in &METHODS {
        let ahead = match way {
            Alone(draw) => draw(past, horizon),
            Mean(a, b) => match (all.get(*a), all.get(*b)) {
                (Some(Some(a)), Some(Some(b))) => {
                    Some(a.iter().zip(b).map(|(a, b)| f64::midpoint(*a, *b)).collect())
                }
                _ => None,
            },
        };
        all.push(ahead.filter(|ahead| {
            ahead.len() == horizon && ahead.iter().all(|v| v.is_finite() && v.abs() < RUNAWAY)
        }));
    }
    all
}

/// Times the mean size of the history: a forecast beyond is an accident of a fit.
const RUNAWAY: f64 = 1e3;

/// Nothing varies: there is nothing to fit, and a likelihood would be infinite.
fn flat(values: &[f64]) -> bool {
    let Some(first) = values.first() else { return true };
    values.iter().all(|v| (v - first).abs() < 1e-9)
}

/// A history that is above zero throughout, in logarithms.
fn logarithms(values: &[f64]) -> Option<Vec<f64>> {
    values
        .iter()
        .all(|v| *v > LEAST)
        .then(|| values.iter().map(|v| v.ln()).collect())
}

/// Below this share of the mean size a logarithm says more about nothing than about the series.
const LEAST: f64 = 1e-3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A week that repeats, on a rising line.
    fn weeks(weeks: usize, slope: f64) -> Vec<f64> {
        (0..weeks * 7)
            .map(|d| [1.2, 1.3, 1.1, 1.2, 1.2, 0.5, 0.5][d % 7] + slope * d as f64)
            .collect()
    }

    fn past(values: &[f64]) -> Past<'_> {
        Past { values, season: 7 }
    }

    #[test]
    fn every_method_goes_on_with_a_week_that_repeats() {
        let values = weeks(12, 0.0);
        for ((name, _), ahead) in METHODS.iter().zip(all(past(&values), 14)) {
            for (day, value) in ahead.unwrap().iter().enumerate() {
                assert!(
                    (value - values[day % 7]).abs() < 0.02,
                    "{name}, day {day}: {value}"
                );
            }
        }
    }

    #[test]
    fn the_models_follow_a_trend_and_the_naive_does_not() {
        let values = weeks(16, 0.01);
        let truth = weeks(20, 0.01);
        let all = all(past(&values), 28);
        let missed = |at: usize| -> f64 {
            let ahead = all[at].as_ref().unwrap();
            ahead.iter().zip(&truth[112..]).map(|(a, b)| (a - b).abs()).sum()
        };
        assert!((missed(0) - 28.0 * 0.01 * 17.5).abs() < 0.1, "{}", missed(0));
        assert!(missed(2) < 0.3 && missed(4) < 0.3, "{} {}", missed(2), missed(4));
        assert!(missed(6) <= missed(2).max(missed(4)));
    }

    #[test]
    fn what_nothing_varies_in_goes_on() {
        assert_eq!(all(past(&[2.0; 30]), 3), vec![Some(vec![2.0; 3]); METHODS.len()]);
    }

    #[test]
    fn zeros_have_no_logarithms() {
        let mut values = weeks(8, 0.0);
        values[20] = 0.0;
        let all = all(past(&values), 3);
        let known: Vec<bool> = all.iter().map(Option::is_some).collect();
        assert_eq!(known, [true, true, true, false, true, false, true, false]);
    }
}
