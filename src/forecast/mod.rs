//! How a daily series goes on: a forecast with its band, and the evidence it rests on.
//!
//! ```text
//! series → fees and one-offs out → methods tried at rolling origins → the best one → fees back in → band
//! ```
//!
//! Pure and without chance: the same series gives the same bytes. Amounts come in and go out as decimals; between
//! them is floating point (`estimate`), since a forecast is an estimate and not an amount. Knows no session, no
//! metric and no file. Whoever needs an expectation (a budget's burn, a drill, a chart) takes it from here.

mod band;
mod calendar;
mod estimate;
mod method;
mod schedule;
mod series;
mod trial;

pub use calendar::{Calendar, Due};
pub use estimate::measured;
pub use series::{Series, known_days};

use crate::base::{Error, Result, money};
use band::Spread;
use chrono::{Datelike, NaiveDate};
use estimate::Step;
use method::METHODS;
use series::{WEEK, mean};
use trial::{Chosen, History, LEARN, Plan, State, Trial};

/// Days of which something has to be known: two weeks to learn from, and two to test on.
pub const LEAST_DAYS: usize = 28;
/// Days ahead at most; nobody's budget reaches further.
pub const MOST_AHEAD: usize = 730;
/// Whatever comes monthly came twice in so many days.
const TWO_MONTHS: usize = 62;
/// One in so many days may be missing.
const GAPS: usize = 3;

/// What is asked of a forecast.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Days ahead.
    pub horizon: usize,
    pub calendar: Calendar,
}

/// What is expected, and between what it lies in 80 and in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub expected: i128,
    pub low_80: i128,
    pub high_80: i128,
    pub low_95: i128,
    pub high_95: i128,
}

/// Something that is projected by its day of the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monthly {
    pub due: Due,
    /// Beyond a usual day, as in the latest month.
    pub amount: i128,
    /// Months of the history that had it.
    pub months: usize,
}

/// Why a forecast may be believed, and how far. Shares are of scale 18; `None` is not measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub method: String,
    /// Days of the history, and those of them of which nothing is known.
    pub history: usize,
    pub gaps: usize,
    /// Rolling origins of the back-test, and days tested at each.
    pub origins: usize,
    pub tested: usize,
    /// Σ|actual − forecast| ÷ Σ|actual| over all days of all origins.
    pub wape: Option<i128>,
    /// The same of each origin's total.
    pub total_wape: Option<i128>,
    /// Mean |actual − forecast| ÷ mean change from one week to the next: below one beats seasonal-naive one week ahead.
    pub mase: Option<i128>,
    /// Share of the tested days that the 80 % and the 95 % band held, made without their own origin.
    pub coverage_80: Option<i128>,
    pub coverage_95: Option<i128>,
    /// Each method that could be tried, with its WAPE.
    pub tried: Vec<(&'static str, Option<i128>)>,
    pub monthly: Vec<Monthly>,
    /// What a reader has to know, in sentences.
    pub notes: Vec<String>,
}

impl Evidence {
    /// The evidence in one line.
    pub fn words(&self) -> String {
        if self.wape.is_none() && self.coverage_80.is_none() {
            return format!("{}: could not be tested", self.method);
        }
        let percent = |share: Option<i128>| match share {
            Some(share) => format!("{} %", tenths(share.saturating_mul(100))),
            None => "an unknown share".to_owned(),
        };
        let mase = self
            .mase
            .map_or(String::new(), |mase| format!(", MASE {}", hundredths(mase)));
        format!(
            "{}: missed {} of a day and {} of {} days in {} back-tests{mase}; the 80 % band held {} and the 95 % band {} of their days",
            self.method,
            percent(self.wape),
            percent(self.total_wape),
            self.tested,
            self.origins,
            percent(self.coverage_80),
            percent(self.coverage_95),
        )
    }
}

fn tenths(value: i128) -> String {
    let tenths = value.saturating_add(money::ONE / 20) / (money::ONE / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn hundredths(value: i128) -> String {
    let hundredths = value.saturating_add(money::ONE / 200) / (money::ONE / 100);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The days after a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    pub first: NaiveDate,
    pub days: Vec<Point>,
    /// From the first day ahead up to and with each: bands of days do not add up, these are of the sums.
    pub totals: Vec<Point>,
    /// Calendar months as far as they lie ahead, each with its first day and its days.
    pub months: Vec<(NaiveDate, usize, Point)>,
    pub evidence: Evidence,
}

impl Forecast {
    /// What is expected in all.
    pub fn total(&self) -> Option<Point> {
        self.totals.last().copied()
    }
}

/// A sum and its parts, day by day: the sum is that of the parts to the last digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub total: Forecast,
    pub parts: Vec<Forecast>,
    /// What forecasting the sum as one series would have missed in the same back-test.
    pub direct_wape: Option<i128>,
}

/// Forecasts one series, or refuses with a reason.
pub fn forecast(series: &Series, ask: &Ask) -> Result<Forecast> {
    judge_one(series, ask)?.forecast(ask)
}

/// Chooses a method by the back-test of one series, for the series that it is the sum of.
pub fn learn(series: &Series, ask: &Ask) -> Result<Learned> {
    let judged = judge_one(series, ask)?;
    let evidence = judged.evidence(&judged.spread(ask));
    let trial = &judged.chosen.trial;
    let amount = |value: f64| judged.step.amount(value).ok_or_else(out_of_range);
    let totals = trial
        .totals()
        .map(|(expected, actual)| Ok((amount(expected)?, amount(actual)?)))
        .collect::<Result<Vec<_>>>()?;
    Ok(Learned {
        method: trial.method,
        tested: judged.plan.days,
        first: series.first,
        ask: ask.clone(),
        evidence,
        totals,
    })
}

/// A method that was chosen for a sum, and how well it did.
#[derive(Debug, Clone)]
pub struct Learned {
    method: usize,
    tested: usize,
    first: NaiveDate,
    ask: Ask,
    pub evidence: Evidence,
    /// What was expected and what it was, of all days of each origin that are known.
    pub totals: Vec<(i128, i128)>,
}

impl Learned {
    /// The days after a series of the same days, by the method of the sum, or by the simplest where that one
    /// cannot learn from it. `None`: out of the range of amounts.
    pub fn ahead(&self, values: &[i128]) -> Option<Vec<i128>> {
        let days: Vec<Option<f64>> = values.iter().map(|v| Some(estimate::number(*v))).collect();
        let typical: Vec<f64> = days.iter().flatten().map(|v| v.abs()).collect();
        let step = Step::of(mean(&typical));
        let past = History {
            days: &days,
            first: self.first,
            calendar: &self.ask.calendar,
        };
        let ahead = trial::ahead_by(past, self.method, self.ask.horizon, self.tested)?;
        ahead.into_iter().map(|value| step.amount(value)).collect()
    }
}

/// The back-test of a series that stands alone, unless it is too young.
fn judge_one(series: &Series, ask: &Ask) -> Result<Judged> {
    refuse(series, ask)?;
    let judged = judge(series, ask)?;
    if judged.chosen.state == State::Young {
        let days = series.values.len() - trial::start(&series.numbers());
        return Err(Error::data(format!(
            "it began {days} days before the end of its history, too few to forecast from"
        ))
        .advise(format!(
            "a forecast needs {LEARN} days at least since the beginning"
        )));
    }
    Ok(judged)
}

/// Forecasts each part and adds them up. All parts have the same days; what began lately goes on at its level.
pub fn forecast_sum(parts: &[Series], ask: &Ask) -> Result<Sum> {
    let whole = Series::sum(parts)?;
    refuse(&whole, ask)?;
    let judged = parts
        .iter()
        .map(|part| judge(part, ask))
        .collect::<Result<Vec<_>>>()?;
    let forecasts = judged
        .iter()
        .map(|part| part.forecast(ask))
        .collect::<Result<Vec<_>>>()?;
    let direct = judge(&whole, ask)?;
    let direct_wape = wape(&direct.chosen.trial);
    let trials: Vec<&Trial> = judged.iter().map(|part| &part.chosen.trial).collect();
    let trial = Trial::sum(&trials).ok_or_else(|| Error::internal("a sum without parts"))?;
    let expected = (0..ask.horizon)
        .map(|at| {
            forecasts
                .iter()
                .try_fold(0_i128, |sum, part| sum.checked_add(part.days.get(at)?.expected))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(out_of_range)?;
    let mut total = Judged {
        chosen: Chosen {
            trial,
            ..direct.chosen
        },
        ..direct
    };
    total.chosen.floor = judged.iter().all(|part| part.chosen.floor);
    let spread = total.spread(ask);
    let mut evidence = total.evidence(&spread);
    evidence.method = format!("sum of {} parts", parts.len());
    evidence.tried = Vec::new();
    evidence.monthly = Vec::new();
    Ok(Sum {
        total: total.points(&expected, &spread, evidence)?,
        parts: forecasts,
        direct_wape,
    })
}

fn refuse(series: &Series, ask: &Ask) -> Result<()> {
    let (known, all) = (series.known(), series.values.len());
    if ask.horizon == 0 || ask.horizon > MOST_AHEAD {
        return Err(Error::usage(format!("a horizon of {} days", ask.horizon))
            .advise(format!("a forecast reaches 1 to {MOST_AHEAD} days ahead")));
    }
    if known < LEAST_DAYS {
        return Err(
            Error::data(format!("{known} days of history are too few to forecast from")).advise(format!(
                "a forecast needs {LEAST_DAYS} days at least, two weeks to learn from and two to test on"
            )),
        );
    }
    if (all - known) * GAPS > all {
        return Err(
            Error::data(format!("{} of {all} days of history are missing", all - known))
                .advise("a forecast needs two days of three; --from leaves out a beginning with gaps"),
        );
    }
    if ask.horizon > known {
        return Err(Error::data(format!(
            "{known} days of history say nothing of {} days ahead",
            ask.horizon
        ))
        .advise(format!("--horizon {known}d at most")));
    }
    Ok(())
}

/// A series after its back-test.
struct Judged {
    first: NaiveDate,
    days: Vec<Option<f64>>,
    plan: Plan,
    step: Step,
    chosen: Chosen,
}

fn judge(series: &Series, ask: &Ask) -> Result<Judged> {
    let days = series.numbers();
    let plan = Plan::new(days.len(), ask.horizon);
    let history = History {
        days: &days,
        first: series.first,
        calendar: &ask.calendar,
    };
    let chosen = trial::choose(history, &plan, ask.horizon)
        .ok_or_else(|| Error::data("no method can learn from this history"))?;
    let typical: Vec<f64> = days.iter().flatten().map(|v| v.abs()).collect();
    Ok(Judged {
        first: series.first,
        step: Step::of(mean(&typical)),
        days,
        plan,
        chosen,
    })
}

impl Judged {
    fn spread(&self, ask: &Ask) -> Spread {
        if self.chosen.state == State::Young {
            return band::unmeasured(&self.chosen.ahead);
        }
        band::spread(&self.chosen.trial, &self.plan, self.days.len(), ask.horizon)
    }

    fn forecast(&self, ask: &Ask) -> Result<Forecast> {
        let expected = self
            .chosen
            .ahead
            .iter()
            .map(|v| self.step.amount(*v))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(out_of_range)?;
        let spread = self.spread(ask);
        let evidence = self.evidence(&spread);
        self.points(&expected, &spread, evidence)
    }

    fn points(&self, expected: &[i128], spread: &Spread, evidence: Evidence) -> Result<Forecast> {
        let point = |expected: i128, reach: band::Reach| -> Option<Point> {
            let [near, far] = [self.step.amount(reach[0])?, self.step.amount(reach[1])?];
            let low = |reach: i128| {
                let low = expected.checked_sub(reach)?;
                Some(if self.chosen.floor { low.max(0) } else { low })
            };
            Some(Point {
                expected,
                low_80: low(near)?,
                high_80: expected.checked_add(near)?,
                low_95: low(far.max(near))?,
                high_95: expected.checked_add(far.max(near))?,
            })
        };
        let first = series::day(self.first, self.days.len());
        let mut so_far = 0_i128;
        let (mut days, mut totals) = (Vec::new(), Vec::new());
        for (at, value) in expected.iter().enumerate() {
            so_far = so_far.checked_add(*value).ok_or_else(out_of_range)?;
            let both = point(*value, spread.day[at]).zip(point(so_far, spread.total[at]));
            let (day, total) = both.ok_or_else(out_of_range)?;
            days.push(day);
            totals.push(total);
        }
        let mut months = Vec::new();
        let mut from = 0;
        while from < expected.len() {
            let begin = series::day(first, from);
            let count = begin
                .iter_days()
                .take(expected.len() - from)
                .take_while(|day| day.month() == begin.month())
                .count();
            let sum = expected[from..from + count]
                .iter()
                .try_fold(0_i128, |sum, value| sum.checked_add(*value))
                .ok_or_else(out_of_range)?;
            let month = point(sum, spread.stretch(from, count)).ok_or_else(out_of_range)?;
            months.push((begin, count, month));
            from += count;
        }
        Ok(Forecast {
            first,
            days,
            totals,
            months,
            evidence,
        })
    }

    fn evidence(&self, spread: &Spread) -> Evidence {
        let trial = &self.chosen.trial;
        let (missed, of) = trial.missed();
        let (totals, of_totals) = trial.missed_totals();
        let tested = trial.folds.iter().flatten().filter(|day| day.1.is_some()).count();
        let changes: Vec<f64> = (WEEK..self.days.len())
            .filter_map(|at| Some((self.days[at]? - self.days[at - WEEK]?).abs()))
            .collect();
        // What was not there yet at the origins was not tested.
        let measured = self.chosen.state != State::Young;
        let wape = |missed: f64, of: f64| measured.then(|| estimate::ratio(missed, of)).flatten();
        let share = |at: usize| {
            let coverage = spread.coverage?;
            estimate::ratio(coverage[at], 1.0)
        };
        Evidence {
            method: match self.chosen.state {
                State::Running => METHODS[trial.method].0.to_owned(),
                State::Young => "mean so far".to_owned(),
                State::Ended => "ended".to_owned(),
            },
            history: self.days.len(),
            gaps: self.days.iter().filter(|v| v.is_none()).count(),
            origins: trial.folds.len(),
            tested: self.plan.days,
            wape: wape(missed, of),
            total_wape: wape(totals, of_totals),
            mase: wape(missed / tested.max(1) as f64, mean(&changes)),
            coverage_80: share(0),
            coverage_95: share(1),
            tried: self
                .chosen
                .tried
                .iter()
                .map(|(method, missed)| (METHODS[*method].0, estimate::ratio(*missed, of)))
                .collect(),
            monthly: self
                .chosen
                .schedule
                .charges
                .iter()
                .filter_map(|charge| {
                    Some(Monthly {
                        due: charge.due,
                        amount: self.step.amount(charge.size)?,
                        months: charge.months,
                    })
                })
                .collect(),
            notes: self.notes(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let gaps = self.days.iter().filter(|v| v.is_none()).count();
        if gaps > 0 {
            notes.push(format!(
                "{gaps} days of the history are missing and were not scored"
            ));
        }
        match self.chosen.state {
            State::Running => {}
            State::Young => notes.push(format!(
                "it began {} days before the end of its history: its mean goes on, without a weekday or a trend, \
                 and its band is a rule (half of it, all of it) and not a measurement",
                self.days.len() - trial::start(&self.days)
            )),
            State::Ended => notes.push("it has ended: nothing for two weeks and more".to_owned()),
        }
        let once = self.chosen.schedule.once.len();
        if once > 0 {
            let days = if once == 1 { "day stands" } else { "days stand" };
            // A charge of the month's first day is known for one when it came twice.
            let why = if self.days.len() < TWO_MONTHS {
                "; less than two months of history do not tell a monthly charge from a single one"
            } else {
                ""
            };
            notes.push(format!("{once} {days} out once and are not expected again{why}"));
        }
        if self.chosen.ahead.len() > self.plan.days {
            notes.push(format!(
                "beyond {} days nothing could be tested: the level stays, and the band widens with the root of the days",
                self.plan.days
            ));
        }
        notes
    }
}

fn wape(trial: &Trial) -> Option<i128> {
    let (missed, of) = trial.missed();
    estimate::ratio(missed, of)
}

fn out_of_range() -> Error {
    Error::data("a forecast is out of the range of amounts")
}

#[cfg(test)]
mod tests;
