//! The whole way from a history to a forecast, and the rolling-origin back-test that decides by which method.
//!
//! At each origin everything is done as if the days after it had not happened yet: the fees are looked for, the
//! method is fitted. What it then missed on days that are known is the evidence, and makes the bands.

use super::calendar::Calendar;
use super::method::{self, METHODS, Past};
use super::schedule::Schedule;
use super::series::{WEEK, day, filled, mean};
use chrono::{Datelike, NaiveDate, Weekday};

/// Days to learn from at the first origin.
pub(super) const LEARN: usize = 2 * WEEK;
const MOST_ORIGINS: usize = 14;
/// Older history says nothing any more, and costs time.
const LOOK_BACK: usize = 3 * 365;
/// A simpler method stays unless it misses by this much more.
const BETTER: f64 = 0.99;

/// Where a back-test stands: the same for all parts of a sum, so that their errors can be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// Days that each origin is tested on.
    pub(super) days: usize,
    /// Days of history before each origin, ascending.
    pub(super) origins: Vec<usize>,
}

impl Plan {
    /// A third of the history is tested on, as long as the horizon at most and a week at least.
    pub(super) fn new(history: usize, horizon: usize) -> Plan {
        let days = horizon.min(history / 3).max(1);
        let last = history.saturating_sub(days);
        let first = LEARN.max(history / 3).max(last.saturating_sub(LOOK_BACK / 2));
        let room = (last + 1).saturating_sub(first);
        let step = room.div_ceil(MOST_ORIGINS).max(1);
        // A step of whole weeks would test every step ahead on one weekday only.
        let step = if step.is_multiple_of(WEEK) { step + 1 } else { step };
        let mut origins: Vec<usize> = (0..room.div_ceil(step)).map(|at| last - at * step).collect();
        origins.reverse();
        Plan { days, origins }
    }
}

/// A history as far as it is known, in numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct History<'a> {
    pub(super) days: &'a [Option<f64>],
    pub(super) first: NaiveDate,
    pub(super) calendar: &'a Calendar,
}

impl History<'_> {
    fn until(self, end: usize) -> Self {
        History {
            days: &self.days[..end],
            ..self
        }
    }
}

/// What a history is to all methods alike.
struct Prepared {
    first: NaiveDate,
    state: State,
    schedule: Schedule,
    /// Complete and around one.
    values: Vec<f64>,
    size: f64,
    /// A series that was never negative is not forecast to be.
    floor: bool,
    /// What a holiday was to its weekday.
    holiday: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    /// Fewer days than a method learns from.
    Young,
    /// Nothing for two weeks, and for twice as long as ever before.
    Ended,
}

/// Place of the first day that was not nothing.
pub(super) fn start(days: &[Option<f64>]) -> usize {
    days.iter()
        .position(|v| v.is_some_and(|v| v != 0.0))
        .unwrap_or(days.len())
}

fn state(days: &[f64]) -> State {
    if days.len() < LEARN {
        return State::Young;
    }
    let mut runs = days.split(|v| *v != 0.0).map(<[f64]>::len).rev();
    let last = runs.next().unwrap_or(0);
    if last >= LEARN && last < days.len() && last > 2 * runs.max().unwrap_or(0) {
        State::Ended
    } else {
        State::Running
    }
}

fn prepare(past: History<'_>) -> Prepared {
    let from = past.days.len().saturating_sub(LOOK_BACK).max(start(past.days));
    let (days, first) = (&past.days[from..], day(past.first, from));
    let schedule = Schedule::find(days, first, past.calendar);
    let values = filled(&schedule.rest, first, past.calendar);
    let size = mean(&values.iter().map(|v| v.abs()).collect::<Vec<_>>());
    let size = if size > 0.0 { size } else { 1.0 };
    let holiday = of_holidays(&schedule.rest, &values, first, past.calendar);
    Prepared {
        first,
        state: state(&values),
        values: values.iter().map(|v| v / size).collect(),
        size,
        floor: days.iter().flatten().all(|v| *v >= 0.0),
        holiday,
        schedule,
    }
}

/// Past holidays over what their weekdays would have been; without any, Sundays over all days.
fn of_holidays(known: &[Option<f64>], usual: &[f64], first: NaiveDate, calendar: &Calendar) -> f64 {
    let pick = |wanted: &dyn Fn(NaiveDate) -> bool| -> (f64, f64) {
        (0..known.len())
            .filter(|at| wanted(day(first, *at)))
            .filter_map(|at| Some((known[at]?, usual[at])))
            .fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a, sum.1 + b))
    };
    let (was, instead) = pick(&|day| calendar.is_holiday(day));
    let (sundays, _) = pick(&|day| day.weekday() == Weekday::Sun);
    let (workdays, _) = pick(&|day| day.weekday() == Weekday::Wed);
    let ratio = if instead > 0.0 {
        was / instead
    } else {
        sundays / workdays
    };
    if ratio.is_finite() { ratio.max(0.0) } else { 1.0 }
}

impl Prepared {
    /// What comes after, by every method: its own, holidays, and what falls due.
    fn ahead(&self, horizon: usize, tested: usize, calendar: &Calendar) -> Vec<Option<Vec<f64>>> {
        let all = match self.state {
            State::Running => method::all(
                Past {
                    values: &self.values,
                    season: WEEK,
                },
                horizon,
            ),
            State::Young => METHODS
                .iter()
                .map(|_| Some(vec![mean(&self.values); horizon]))
                .collect(),
            State::Ended => METHODS.iter().map(|_| Some(vec![0.0; horizon])).collect(),
        };
        all.into_iter()
            .map(|ahead| Some(self.finish(ahead?, tested, calendar)))
            .collect()
    }

    fn finish(&self, mut ahead: Vec<f64>, tested: usize, calendar: &Calendar) -> Vec<f64> {
        // A trend is followed as far as it was tested; then its last week goes on.
        for at in tested.max(WEEK)..ahead.len() {
            ahead[at] = ahead[at - WEEK];
        }
        let floor = |value: f64| if self.floor { value.max(0.0) } else { value };
        for (at, value) in ahead.iter_mut().enumerate() {
            let date = day(self.first, self.values.len() + at);
            let holiday = if calendar.is_holiday(date) {
                self.holiday
            } else {
                1.0
            };
            let usual = floor(*value * self.size * holiday);
            *value = floor(usual + self.schedule.on(date, calendar));
        }
        ahead
    }
}

/// A method's forecasts at all origins of a plan.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) method: usize,
    /// By origin, by day ahead: forecast, and what it was if known.
    pub(super) folds: Vec<Vec<(f64, Option<f64>)>>,
}

impl Trial {
    /// Σ|error| and Σ|actual| over known days.
    pub(super) fn missed(&self) -> (f64, f64) {
        self.folds
            .iter()
            .flatten()
            .filter_map(|(p, a)| a.map(|a| ((a - p).abs(), a.abs())))
            .fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1))
    }

    /// The same of each origin's total.
    pub(super) fn missed_totals(&self) -> (f64, f64) {
        self.totals()
            .fold((0.0, 0.0), |sum, (p, a)| (sum.0 + (a - p).abs(), sum.1 + a.abs()))
    }

    /// By origin, forecast and actual of all its days that are known.
    pub(super) fn totals(&self) -> impl Iterator<Item = (f64, f64)> {
        self.folds.iter().map(|fold| {
            fold.iter()
                .filter_map(|(p, a)| a.map(|a| (p, a)))
                .fold((0.0, 0.0), |sum, (p, a)| (sum.0 + p, sum.1 + a))
        })
    }

    /// What decides: the mean of what is missed by day and of what is missed in total. A forecast of zero for
    /// what comes now and then would be right on most days and wrong about the money.
    fn score(&self) -> f64 {
        self.missed().0 + self.missed_totals().0
    }

    /// The trial of a sum: forecasts and actuals of its parts added, where all of them are known.
    pub(super) fn sum(trials: &[&Trial]) -> Option<Trial> {
        let (head, rest) = trials.split_first()?;
        let mut sum = Trial {
            method: head.method,
            folds: head.folds.clone(),
        };
        for trial in rest {
            for (fold, other) in sum.folds.iter_mut().zip(&trial.folds) {
                for (day, other) in fold.iter_mut().zip(other) {
                    *day = (day.0 + other.0, day.1.zip(other.1).map(|(a, b)| a + b));
                }
            }
        }
        Some(sum)
    }
}

/// What the back-test chose, and what it says goes on.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) trial: Trial,
    pub(super) ahead: Vec<f64>,
    pub(super) schedule: Schedule,
    pub(super) floor: bool,
    pub(super) state: State,
    /// Every method that was tried at all origins, with Σ|error|.
    pub(super) tried: Vec<(usize, f64)>,
}

/// What comes after a history by one method, or by the first that can learn from it.
pub(super) fn ahead_by(past: History<'_>, method: usize, horizon: usize, tested: usize) -> Option<Vec<f64>> {
    let mut all = prepare(past).ahead(horizon, tested, past.calendar);
    match all.get_mut(method).and_then(Option::take) {
        Some(ahead) => Some(ahead),
        None => all.into_iter().flatten().next(),
    }
}

/// Tries every method at every origin. `None` when none of them can learn from the history.
pub(super) fn choose(past: History<'_>, plan: &Plan, horizon: usize) -> Option<Chosen> {
    let at_origins: Vec<Vec<Option<Vec<f64>>>> = plan
        .origins
        .iter()
        .map(|origin| prepare(past.until(*origin)).ahead(plan.days, plan.days, past.calendar))
        .collect();
    let now = prepare(past);
    let mut trials = Vec::new();
    for (method, ahead) in now
        .ahead(horizon, plan.days, past.calendar)
        .into_iter()
        .enumerate()
    {
        let folds: Option<Vec<_>> = at_origins
            .iter()
            .zip(&plan.origins)
            .map(|(all, origin)| {
                let ahead = all[method].as_ref()?.iter().copied();
                Some(ahead.zip(past.days[*origin..].iter().copied()).collect())
            })
            .collect();
        if let (Some(folds), Some(ahead)) = (folds, ahead) {
            trials.push((Trial { method, folds }, ahead));
        }
    }
    let tried = trials
        .iter()
        .map(|(trial, _)| (trial.method, trial.missed().0))
        .collect();
    let (trial, ahead) = trials.into_iter().reduce(|best, next| {
        if next.0.score() < BETTER * best.0.score() {
            next
        } else {
            best
        }
    })?;
    Some(Chosen {
        trial,
        ahead,
        floor: now.floor,
        state: now.state,
        schedule: now.schedule,
        tried,
    })
}
