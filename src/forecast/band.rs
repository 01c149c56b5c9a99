//! How far off a forecast may be: from what the same method missed in the back-test.
//!
//! Errors are put on one scale (they grow with the days ahead and differ by weekday), pooled over all origins and
//! days, and their quantiles are the bands (conformal prediction). The models' own intervals take errors for
//! normal and parameters for known; they hold less than they claim, and for some models they are drawn by
//! chance that no seed governs.

use super::series::{WEEK, mean, quantile};
use super::trial::{Plan, Trial};

/// Shares of what comes that the bands are to hold.
pub(super) const LEVELS: [f64; 2] = [0.80, 0.95];

/// Half the width of a band, by level.
pub(super) type Reach = [f64; 2];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    /// Of each day ahead.
    pub(super) day: Vec<Reach>,
    /// Of the sum from the first day ahead to each.
    pub(super) total: Vec<Reach>,
    /// Share of the back-test's days inside the band that the other origins make, by level.
    pub(super) coverage: Option<Reach>,
}

impl Spread {
    /// Of the sum of so many days from a place on: as of the first so many, wider as its days are.
    pub(super) fn stretch(&self, from: usize, count: usize) -> Reach {
        let days = |from: usize, level: usize| -> f64 {
            self.day
                .iter()
                .skip(from)
                .take(count)
                .map(|reach| reach[level])
                .sum()
        };
        [0, 1].map(|level| {
            let total = self.total.get(count.max(1) - 1).map_or(0.0, |reach| reach[level]);
            let (here, first) = (days(from, level), days(0, level));
            if first > 0.0 { total * here / first } else { total }
        })
    }
}

/// `first` is the place of the first day ahead, so that weekdays are told apart by places.
pub(super) fn spread(trial: &Trial, plan: &Plan, first: usize, horizon: usize) -> Spread {
    let days = Errors::by_day(trial, plan);
    let totals = Errors::of_totals(trial, plan);
    let wider = wider(plan);
    let of = |errors: &Errors| -> Reach { [0, 1].map(|at| wider[at] * errors.quantile(LEVELS[at], None)) };
    let (day, total) = (of(&days), of(&totals));
    let reach = |errors: &Errors, quantiles: Reach, ahead: usize, place: usize| -> Reach {
        quantiles.map(|quantile| quantile * errors.scale(ahead, place))
    };
    Spread {
        day: (0..horizon).map(|at| reach(&days, day, at, first + at)).collect(),
        total: (0..horizon).map(|at| reach(&totals, total, at, 0)).collect(),
        coverage: days.coverage(wider),
    }
}

/// The band of what nothing could be measured of: half of it and all of it, to either side.
pub(super) fn unmeasured(ahead: &[f64]) -> Spread {
    let mut so_far = 0.0_f64;
    let of = |value: f64| [0.5, 1.0].map(|share| share * f64::abs(value));
    Spread {
        day: ahead.iter().map(|value| of(*value)).collect(),
        total: ahead
            .iter()
            .map(|value| {
                so_far += *value;
                of(so_far)
            })
            .collect(),
        coverage: None,
    }
}

/// A few origins close to one another have seen few different futures, so that bands from them are too narrow.
/// They are widened the more, the fewer stretches of days were tested apart: about half of what Student's
/// distribution would ask for, which is what held on series made for it (`benches/forecast.py`).
fn wider(plan: &Plan) -> Reach {
    let span = plan.origins.last().unwrap_or(&0) - plan.origins.first().unwrap_or(&0) + plan.days;
    let apart = span as f64 / plan.days.max(1) as f64;
    [1.0 + 0.6 / apart, 1.0 + 1.2 / apart]
}

struct Error {
    origin: usize,
    ahead: usize,
    place: usize,
    size: f64,
}

/// Sizes of errors and the scale they grow on.
struct Errors {
    all: Vec<Error>,
    /// Days that were tested.
    days: usize,
    /// Mean size in the middle of the first and of the second half of them.
    halves: (f64, f64),
    /// The power that sums grow with; 0 for single days, which grow along `halves`.
    power: f64,
    weekdays: [f64; WEEK],
}

impl Errors {
    fn by_day(trial: &Trial, plan: &Plan) -> Errors {
        let mut all = Vec::new();
        for (origin, (fold, at)) in trial.folds.iter().zip(&plan.origins).enumerate() {
            for (ahead, (forecast, actual)) in fold.iter().enumerate() {
                if let Some(actual) = actual {
                    all.push(Error {
                        origin,
                        ahead,
                        place: at + ahead,
                        size: (actual - forecast).abs(),
                    });
                }
            }
        }
        let half = |late: bool| -> f64 {
            let sizes: Vec<f64> = all
                .iter()
                .filter(|e| (2 * e.ahead >= plan.days) == late)
                .map(|e| e.size)
                .collect();
            mean(&sizes)
        };
        let halves = (half(false), half(true).max(half(false)));
        let mut errors = Errors {
            all,
            days: plan.days,
            halves,
            power: 0.0,
            weekdays: [1.0; WEEK],
        };
        errors.weekdays = errors.by_weekday();
        errors
    }

    fn of_totals(trial: &Trial, plan: &Plan) -> Errors {
        let mut all = Vec::new();
        for (origin, fold) in trial.folds.iter().enumerate() {
            let mut total = 0.0;
            for (ahead, (forecast, actual)) in fold.iter().enumerate() {
                total += actual.map_or(0.0, |a| a - forecast);
                if 3 * (ahead + 1) >= plan.days {
                    all.push(Error {
                        origin,
                        ahead,
                        place: 0,
                        size: f64::abs(total),
                    });
                }
            }
        }
        let near = |share: usize| -> f64 {
            let at = (plan.days * share / 3).max(1) - 1;
            mean(
                &all.iter()
                    .filter(|e| e.ahead == at)
                    .map(|e| e.size)
                    .collect::<Vec<_>>(),
            )
        };
        let (early, late) = (near(1), near(3));
        // Independent errors grow with the root of the days, a wrong level in step with them.
        let power = if early > 0.0 && late > 0.0 && plan.days >= 3 {
            ((late / early).ln() / 3_f64.ln()).clamp(0.5, 1.2)
        } else {
            1.0
        };
        let days = plan.days as f64;
        let level = mean(
            &all.iter()
                .map(|e| e.size * (days / (e.ahead + 1) as f64).powf(power))
                .collect::<Vec<_>>(),
        );
        Errors {
            all,
            days: plan.days,
            halves: (level, level),
            power,
            weekdays: [1.0; WEEK],
        }
    }

    /// How large an error is to be expected: of the mean size.
    fn scale(&self, ahead: usize, place: usize) -> f64 {
        let (days, at) = (self.days as f64, (ahead + 1) as f64);
        if self.power > 0.0 {
            return self.halves.0 * (at / days).powf(self.power);
        }
        let (early, late) = (self.halves.0.powi(2), self.halves.1.powi(2));
        let along = |at: f64| {
            (early + (late - early) * (at / days - 0.25) / 0.5)
                .max(early / 4.0)
                .sqrt()
        };
        // Beyond what was tested an error grows at least as that of a random walk.
        let beyond = if at > days {
            along(at).max(along(days) * (at / days).sqrt())
        } else {
            along(at)
        };
        beyond * self.weekdays[place % WEEK]
    }

    /// Mean size by weekday against that of all days, drawn half-way to it by eight days' worth.
    fn by_weekday(&self) -> [f64; WEEK] {
        let mut sums = [(0.0, 0.0); WEEK];
        for error in &self.all {
            let scale = self.scale(error.ahead, error.place);
            if scale > 0.0 {
                let sum = &mut sums[error.place % WEEK];
                *sum = (sum.0 + error.size / scale, sum.1 + 1.0);
            }
        }
        let all = sums.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        if all.0 <= 0.0 {
            return [1.0; WEEK];
        }
        let mean = all.0 / all.1;
        sums.map(|(sum, count)| (sum + 8.0 * mean) / (count + 8.0) / mean)
    }

    /// The quantile of scaled errors, an origin left out if asked.
    fn quantile(&self, level: f64, without: Option<usize>) -> f64 {
        let scaled: Vec<f64> = self
            .all
            .iter()
            .filter(|e| Some(e.origin) != without)
            .map(|e| (e.size, self.scale(e.ahead, e.place)))
            .filter(|(_, scale)| *scale > 0.0)
            .map(|(size, scale)| size / scale)
            .collect();
        let count = scaled.len() as f64;
        quantile(&scaled, (level * (count + 1.0) / count.max(1.0)).min(1.0))
    }

    fn coverage(&self, wider: Reach) -> Option<Reach> {
        let origins = self.all.iter().map(|e| e.origin + 1).max().filter(|n| *n > 1)?;
        let mut inside = [0.0; 2];
        for origin in 0..origins {
            for (level, inside) in inside.iter_mut().enumerate() {
                let reach = wider[level] * self.quantile(LEVELS[level], Some(origin));
                *inside += self
                    .all
                    .iter()
                    .filter(|e| {
                        e.origin == origin && e.size <= reach * self.scale(e.ahead, e.place) + f64::EPSILON
                    })
                    .count() as f64;
            }
        }
        Some(inside.map(|n| n / self.all.len() as f64))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Errors of a fixed size by day ahead, forecast 100.
    fn trial(plan: &Plan, error: impl Fn(usize, usize) -> f64) -> Trial {
        Trial {
            method: 0,
            folds: (0..plan.origins.len())
                .map(|o| {
                    (0..plan.days)
                        .map(|h| (100.0, Some(100.0 + error(o, h))))
                        .collect()
                })
                .collect(),
        }
    }

    #[test]
    fn errors_of_one_size_make_bands_of_that_size_and_sums_grow_in_step() {
        let plan = Plan::new(120, 28);
        let spread = spread(&trial(&plan, |_, _| 5.0), &plan, 120, 28);
        let wide = wider(&plan);
        for reach in &spread.day {
            assert!((reach[0] - 5.0 * wide[0]).abs() < 1e-9 && (reach[1] - 5.0 * wide[1]).abs() < 1e-9);
        }
        assert!((spread.total[27][0] / wide[0] - 140.0).abs() < 1e-6);
        // A week further on is as a week now.
        assert!((spread.stretch(14, 7)[0] / wide[0] - 35.0).abs() < 1e-6);
        assert_eq!(spread.coverage, Some([1.0, 1.0]));
    }

    #[test]
    fn errors_that_cancel_leave_a_narrow_total_and_untested_days_are_wider() {
        let plan = Plan::new(120, 28);
        let spread = spread(
            &trial(&plan, |_, h| if h % 2 == 0 { 5.0 } else { -5.0 }),
            &plan,
            120,
            112,
        );
        assert!(spread.total[27][1] < 2.0 * 28.0);
        assert!((spread.day[111][0] / spread.day[27][0] - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_weekday_that_is_hard_to_tell_has_a_wider_band() {
        let plan = Plan::new(120, 28);
        let hard = |origin: usize, h: usize| {
            if (plan.origins[origin] + h) % 7 == 3 {
                30.0
            } else {
                3.0
            }
        };
        let spread = spread(&trial(&plan, hard), &plan, 120, 14);
        let widest = (0..7)
            .max_by(|a, b| spread.day[*a][0].total_cmp(&spread.day[*b][0]))
            .unwrap();
        assert_eq!((120 + widest) % 7, 3);
        assert!(spread.day[widest][0] > 4.0 * spread.day[(widest + 1) % 7][0]);
    }
}
