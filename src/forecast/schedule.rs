//! What is charged once a month: found in the history, taken out before a model learns, and put back on its
//! days. A model would smear a fee of the 1st over the weekdays, or take it for an outlier.
//!
//! A charge is monthly when every month that the history holds its day of, two at least, stands out on that day:
//! by six times the usual scatter around its weekday, and by a fifth of a usual day. The amount that stands out
//! in the latest month is expected to go on. What stands out once, and by far more, is no model's to learn
//! either: it is set aside and told.

use super::calendar::{Calendar, Due};
#[cfg(test)]
use super::series::day;
use super::series::{like_days, mean, median};
use chrono::NaiveDate;

/// Days that one series may have in a month on which something falls due.
const MOST: usize = 8;
const FEWEST_MONTHS: usize = 2;
/// Times the usual scatter.
const STANDS_OUT: f64 = 6.0;
/// Of a usual day.
const AT_LEAST: f64 = 0.2;
/// Times what makes a day stand out: a one-off.
const ONE_OFF: f64 = 3.0;
/// Of the days: more than that is how the series is.
const FEW: usize = 30;
/// Makes the median distance of a normal distribution its standard deviation.
const NORMAL: f64 = 1.4826;

/// Something that falls due every month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Charge {
    pub(super) due: Due,
    /// Beyond a usual day of that weekday.
    pub(super) size: f64,
    pub(super) months: usize,
}

/// A history in its parts: what is left for a model, what is due monthly, what happened once.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    pub(super) charges: Vec<Charge>,
    /// Place and amount.
    pub(super) once: Vec<(usize, f64)>,
    pub(super) rest: Vec<Option<f64>>,
}

impl Schedule {
    pub(super) fn find(days: &[Option<f64>], first: NaiveDate, calendar: &Calendar) -> Schedule {
        let excess: Vec<Option<f64>> = (0..days.len())
            .map(|at| {
                let near = like_days(days, at, 4);
                days[at].filter(|_| near.len() > 1).map(|v| v - median(&near))
            })
            .collect();
        let away: Vec<f64> = excess.iter().flatten().map(|e| e.abs()).collect();
        let usual: Vec<f64> = days.iter().flatten().map(|v| v.abs()).collect();
        let bar = (STANDS_OUT * NORMAL * median(&away)).max(AT_LEAST * median(&usual));
        // In a series that is zero but for its fees everything stands out.
        let bar = bar.max(1e-9 * mean(&usual));
        let mut left: Vec<Option<f64>> = excess
            .iter()
            .map(|e| e.filter(|e| e.abs() > bar && bar > 0.0))
            .collect();
        let mut schedule = Schedule {
            rest: days.to_vec(),
            ..Schedule::default()
        };
        let mut dues = Due::places(first, days.len(), calendar);
        for (_, places) in &mut dues {
            places.retain(|at| days[*at].is_some());
        }
        while schedule.charges.len() < MOST {
            let best = dues
                .iter()
                .filter_map(|(due, places)| Some((*due, monthly(places, &left)?)))
                .reduce(|a, b| {
                    if weight(&b.1, &left) > weight(&a.1, &left) {
                        b
                    } else {
                        a
                    }
                });
            let Some((due, places)) = best else { break };
            let Some(amount) = places.last().and_then(|at| left[*at]) else {
                break;
            };
            for at in &places {
                schedule.take(*at, &mut left);
            }
            schedule.charges.push(Charge {
                due,
                size: amount,
                months: places.len(),
            });
        }
        let far: Vec<usize> = (0..left.len())
            .filter(|at| left[*at].is_some_and(|e| e.abs() > ONE_OFF * bar.max(median(&usual))))
            .collect();
        if far.len() <= (days.len() / FEW).max(1) {
            for at in far {
                if let Some(amount) = left[at] {
                    schedule.once.push((at, amount));
                    schedule.take(at, &mut left);
                }
            }
        }
        schedule
    }

    /// Takes what stands out of the rest.
    fn take(&mut self, at: usize, left: &mut [Option<f64>]) {
        if let (Some(rest), Some(amount)) = (self.rest[at].as_mut(), left[at].take()) {
            *rest -= amount;
        }
    }

    /// What falls due on a day.
    pub(super) fn on(&self, day: NaiveDate, calendar: &Calendar) -> f64 {
        self.charges
            .iter()
            .filter(|charge| charge.due.falls_on(day, calendar))
            .map(|charge| charge.size)
            .sum()
    }
}

/// The places of a due day that stand out: all, to the same side. One of six months may be missing.
fn monthly(places: &[usize], left: &[Option<f64>]) -> Option<Vec<usize>> {
    let out: Vec<usize> = places.iter().copied().filter(|at| left[*at].is_some()).collect();
    let ups = out.iter().filter(|at| left[**at] > Some(0.0)).count();
    let one_side = ups == 0 || ups == out.len();
    let missing = places.len() - out.len();
    let latest = out.last() == places.last();
    (out.len() >= FEWEST_MONTHS && one_side && latest && missing * 6 <= places.len()).then_some(out)
}

fn weight(places: &[usize], left: &[Option<f64>]) -> f64 {
    places.iter().filter_map(|at| left[*at]).map(f64::abs).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 7, 1).unwrap_or_default()
    }

    /// A weekly pattern with a small ripple.
    fn quarter() -> Vec<f64> {
        (0..92_i32)
            .map(|d| {
                [100.0, 101.0, 99.0, 102.0, 100.0, 40.0, 38.0][(d % 7) as usize]
                    + f64::from(d * 37 % 11) / 5.0
            })
            .collect()
    }

    fn find(days: &[f64]) -> Schedule {
        let days: Vec<Option<f64>> = days.iter().copied().map(Some).collect();
        Schedule::find(&days, first(), &Calendar::default())
    }

    #[test]
    fn a_fee_of_the_first_is_found_and_its_latest_amount_goes_on() {
        let mut days = quarter();
        for (at, fee) in [(0, 500.0), (31, 500.0), (62, 650.0)] {
            days[at] += fee;
        }
        let found = find(&days);
        let [charge] = found.charges.as_slice() else {
            panic!("{:?}", found.charges)
        };
        assert_eq!((charge.due, charge.months), (Due::Day(1), 3));
        assert!((charge.size - 650.0).abs() < 5.0, "{}", charge.size);
        assert!(found.rest[31].is_some_and(|v| v < 105.0));
        // 1 October is due again, the 2nd is not.
        let calendar = Calendar::default();
        assert_eq!(found.on(day(first(), 92), &calendar), charge.size);
        assert_eq!(found.on(day(first(), 93), &calendar), 0.0);
    }

    #[test]
    fn the_last_business_day_is_told_from_the_last_day() {
        let mut days = quarter();
        // 31 July 2026 is a Friday, 31 August a Monday, 30 September a Wednesday: both rules fit, the plain one wins.
        for at in [30, 61, 91] {
            days[at] += 300.0;
        }
        assert_eq!(find(&days).charges[0].due, Due::BeforeEnd(0));
        // From 1 May on: the last business days are 29 May, 30 June, 31 July.
        let may = NaiveDate::from_ymd_opt(2026, 5, 1).unwrap_or_default();
        let mut days: Vec<Option<f64>> = quarter().into_iter().map(Some).collect();
        for at in [28, 60, 91] {
            days[at] = days[at].map(|v| v + 300.0);
        }
        let found = Schedule::find(&days, may, &Calendar::default());
        assert_eq!(found.charges[0].due, Due::LastBusinessDay);
    }

    #[test]
    fn a_fee_that_has_ended_is_not_due_and_a_purchase_is_a_one_off() {
        let mut days = quarter();
        days[0] += 500.0;
        days[31] += 500.0;
        days[50] += 9000.0;
        let found = find(&days);
        assert!(found.charges.is_empty());
        assert_eq!(found.once.iter().map(|o| o.0).collect::<Vec<_>>(), [0, 31, 50]);
        assert!(found.rest[50].is_some_and(|v| v < 110.0));
    }

    #[test]
    fn licences_that_are_nothing_but_fees_leave_nothing_to_learn() {
        let mut days = vec![0.0; 92];
        for at in [0, 31, 62] {
            days[at] = 2097.22;
        }
        let found = find(&days);
        assert_eq!(found.charges.len(), 1);
        assert_eq!(found.charges[0].size, 2097.22);
        assert!(found.rest.iter().all(|v| *v == Some(0.0)));
    }

    #[test]
    fn noise_has_no_schedule() {
        // A crude generator: no two months alike.
        let mut state = 12345_u64;
        let days: Vec<f64> = (0..180)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                100.0 + (state >> 40) as f64 / 1e6
            })
            .collect();
        let found = find(&days);
        assert!(found.charges.is_empty() && found.once.is_empty());
    }
}
