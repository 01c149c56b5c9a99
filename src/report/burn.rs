//! A budget's period: what is spent day by day, and where it goes from here. Pure, from daily amounts.

use super::reckon::days_between;
use crate::base::{Error, ErrorKind, Result};
use crate::forecast::{self, Ask, Forecast, Series, known_days};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// Days that the forecast looks back on: half a year shows its weeks, and its months' ends.
pub(super) const LOOK_BACK: u64 = 182;

/// One day of the period; amounts are cumulative since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct BurnDay {
    pub day: NaiveDate,
    pub actual: Option<i128>,
    pub p10: Option<i128>,
    pub p50: Option<i128>,
    pub p90: Option<i128>,
}

/// The period, and in words how it is expected to go on, or why nothing is expected.
#[derive(Debug)]
pub(super) struct Course {
    pub days: Vec<BurnDay>,
    pub words: Option<String>,
}

/// The period from `first` to `last`. `daily` may reach back before it; it is known up to `known`, and a day
/// without an entry up to then cost nothing. The rest is forecast.
pub(super) fn burn(
    daily: &BTreeMap<NaiveDate, i128>,
    first: NaiveDate,
    last: NaiveDate,
    known: NaiveDate,
) -> Result<Course> {
    let (forecast, words) = match ahead(daily, last, known) {
        Ok(None) => (None, None),
        Ok(Some(forecast)) => {
            let evidence = &forecast.evidence;
            let words = format!(
                "Dashed: the forecast ({}); band: 80 % of cases, by what it missed in {} back-tests.",
                evidence.method, evidence.origins
            );
            (Some(forecast), Some(words))
        }
        Err(refusal) if refusal.kind() == ErrorKind::Data => (None, Some(format!("No forecast: {refusal}."))),
        Err(error) => return Err(error),
    };
    let mut days = Vec::new();
    let mut spent = 0_i128;
    for day in days_between(first, known) {
        spent = sum(spent, daily.get(&day).copied().unwrap_or(0))?;
        // The expectation starts where the actual line ends.
        let joint = (day == known && forecast.is_some()).then_some(spent);
        days.push(BurnDay {
            day,
            actual: Some(spent),
            p10: joint,
            p50: joint,
            p90: joint,
        });
    }
    let ahead = days_between(known, last).skip(1).enumerate();
    for (at, day) in ahead {
        let point = forecast.as_ref().and_then(|f| f.totals.get(at));
        let total = |amount: i128| sum(spent, amount);
        days.push(BurnDay {
            day,
            actual: None,
            p10: point.map(|p| total(p.low_80)).transpose()?,
            p50: point.map(|p| total(p.expected)).transpose()?,
            p90: point.map(|p| total(p.high_80)).transpose()?,
        });
    }
    Ok(Course { days, words })
}

/// When the limit may be passed though it is not expected to be; the chart marks what is and what was.
pub(super) fn risk(days: &[BurnDay], limit: i128) -> Option<String> {
    let first = |pick: fn(&BurnDay) -> Option<i128>| {
        days.iter()
            .find(|day| pick(day).is_some_and(|amount| amount > limit))
    };
    if first(|d| d.actual).or(first(|d| d.p50)).is_some() {
        return None;
    }
    let day = first(|d| d.p90)?.day.format("%-d %b");
    Some(format!(
        "In one case of ten the limit is passed by {day} or earlier."
    ))
}

/// The days after `known`; `None` when the period is over.
fn ahead(daily: &BTreeMap<NaiveDate, i128>, last: NaiveDate, known: NaiveDate) -> Result<Option<Forecast>> {
    let horizon = days_between(known, last).skip(1).count();
    let Some(begin) = daily.keys().next().filter(|_| horizon > 0) else {
        return Ok(None);
    };
    let seen: BTreeSet<NaiveDate> = daily.keys().copied().collect();
    let values = days_between(*begin, known)
        .zip(known_days(&seen, *begin, known))
        .map(|(day, known)| known.then(|| daily.get(&day).copied().unwrap_or(0)))
        .collect();
    let series = Series {
        first: *begin,
        values,
    };
    let ask = Ask {
        horizon,
        ..Ask::default()
    };
    forecast::forecast(&series, &ask).map(Some)
}

fn sum(a: i128, b: i128) -> Result<i128> {
    a.checked_add(b)
        .ok_or_else(|| Error::internal("a budget's course is out of range"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::money::ONE;
    use chrono::Datelike;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 1).unwrap() + chrono::Days::new(u64::from(n))
    }

    /// Weekends cost 1, other days 10.
    fn cost(day: NaiveDate) -> i128 {
        if day.weekday().num_days_from_monday() > 4 {
            ONE
        } else {
            10 * ONE
        }
    }

    /// Ten weeks up to the 28th of October.
    fn steady() -> BTreeMap<NaiveDate, i128> {
        let begin = day(27) - chrono::Days::new(69);
        begin.iter_days().take(70).map(|d| (d, cost(d))).collect()
    }

    #[test]
    fn a_steady_week_goes_on() {
        let course = burn(&steady(), day(0), day(30), day(27)).unwrap();
        assert_eq!(course.days.len(), 31);
        let spent: i128 = (0..28).map(|n| cost(day(n))).sum();
        assert_eq!(course.days[27].actual, Some(spent));
        assert_eq!(course.days[27].p50, Some(spent));
        assert_eq!(course.days[26].p50, None);
        let expected = spent + (28..=30).map(|n| cost(day(n))).sum::<i128>();
        let end = course.days[30];
        assert_eq!(end.actual, None);
        assert!((end.p50.unwrap() - expected).abs() < ONE / 100, "{end:?}");
        assert!(end.p10.unwrap() <= end.p50.unwrap() && end.p50.unwrap() <= end.p90.unwrap());
        assert!(course.words.unwrap().starts_with("Dashed: the forecast ("));
    }

    #[test]
    fn scatter_widens_the_band() {
        let mut daily = steady();
        for (at, amount) in daily.values_mut().enumerate() {
            *amount += ONE * ((at as i128 * 7919) % 5);
        }
        let course = burn(&daily, day(0), day(30), day(20)).unwrap();
        let width = |at: usize| course.days[at].p90.unwrap() - course.days[at].p10.unwrap();
        assert!(width(30) > width(25) && width(25) > 0);
    }

    #[test]
    fn little_history_gives_no_band_and_says_so() {
        let few: BTreeMap<_, _> = (0..5).map(|n| (day(n), ONE)).collect();
        let course = burn(&few, day(0), day(30), day(4)).unwrap();
        assert!(course.days.iter().all(|d| d.p50.is_none()));
        assert_eq!((course.days.len(), course.days[4].actual), (31, Some(5 * ONE)));
        assert_eq!(
            course.words.unwrap(),
            "No forecast: 5 days of history are too few to forecast from."
        );
        // A period that is over needs none.
        let over = burn(&few, day(0), day(4), day(4)).unwrap();
        assert_eq!((over.days.len(), over.words), (5, None));
    }

    #[test]
    fn a_limit_that_only_the_band_passes_is_a_risk() {
        let days = |actual: i128, p50: i128, p90: [i128; 2]| {
            let past = BurnDay {
                day: day(0),
                actual: Some(actual),
                ..BurnDay::default()
            };
            let ahead = |n: u32| BurnDay {
                day: day(n),
                p50: Some(p50),
                p90: Some(p90[n as usize - 1]),
                ..BurnDay::default()
            };
            [past, ahead(1), ahead(2)]
        };
        let said = |days: &[BurnDay]| risk(days, 10);
        assert_eq!(
            said(&days(8, 9, [10, 15])).as_deref(),
            Some("In one case of ten the limit is passed by 3 Oct or earlier.")
        );
        assert_eq!(said(&days(8, 9, [9, 10])), None);
        assert_eq!(said(&days(8, 11, [12, 15])), None);
        assert_eq!(said(&days(11, 12, [12, 15])), None);
    }
}
