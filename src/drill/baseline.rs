//! The forecast under a drill: seasonal by weekday, with or without the trend of the last 28 days,
//! whichever was closer in a rolling-origin back-test. Exact: a forecast is a rational combination
//! of past amounts, rounded once. Knows nothing of shocks.
//!
//! With four weeks of history, day `q` weeks after the window's first day of its weekday gets
//! `mean of its weekday + slope × (7q − 10.5)`, where the slope is the difference between the means
//! of the last and the first fortnight over 14 days. A trend is followed as far ahead as it was
//! observed, 28 days, and then stays level.

use super::factor::Factor;
use super::forecaster::BackTest;
use crate::base::{Error, Result, money};
use arrow::datatypes::i256;

const WEEK: usize = 7;
/// Weeks that a forecast looks back.
const WEEKS: usize = 4;
/// Two full seasons; less is refused.
pub(super) const MIN_DAYS: usize = 2 * WEEK;
const MAX_FOLDS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Weekday,
    WeekdayTrend,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Weekday => "weekday means of the last four weeks",
            Method::WeekdayTrend => "weekday means and trend of the last four weeks",
        }
    }
}

/// Whole weeks, up to four, that a series of this length can be learned from.
pub(super) fn weeks(days: usize) -> usize {
    (days / WEEK).min(WEEKS)
}

/// The forecast of the days after a series.
pub(super) fn forecast(series: &[i128], horizon: usize, method: Method) -> Option<Vec<i128>> {
    let window = Window::of(series)?;
    (0..horizon).map(|day| window.value(day, method)).collect()
}

/// What each day of the learning window was to its forecast: `actual / fitted`, by day of the window.
/// A day whose fit is not above zero says nothing and stands as one.
pub(super) fn residuals(series: &[i128], method: Method) -> Option<Vec<Factor>> {
    let window = Window::of(series)?;
    let days = window.weeks * WEEK;
    (0..days)
        .map(|at| {
            let fitted = window.fit(at % WEEK, at / WEEK, method)?;
            Some(match window.days.get(at) {
                Some(actual) if fitted > 0 && *actual >= 0 => Factor::ratio(*actual, fitted)?,
                _ => Factor::ONE,
            })
        })
        .collect()
}

struct Window<'a> {
    days: &'a [i128],
    weeks: usize,
    /// A series that was never negative is not forecast to be.
    floor: bool,
}

impl<'a> Window<'a> {
    fn of(series: &'a [i128]) -> Option<Window<'a>> {
        let weeks = weeks(series.len());
        let days = series.get(series.len() - weeks * WEEK..)?;
        (weeks > 0).then(|| Window {
            days,
            weeks,
            floor: series.iter().all(|v| *v >= 0),
        })
    }

    fn value(&self, day_ahead: usize, method: Method) -> Option<i128> {
        let week = (self.weeks + day_ahead / WEEK).min(2 * WEEKS);
        let value = self.fit(day_ahead % WEEK, week, method)?;
        Some(if self.floor { value.max(0) } else { value })
    }

    /// The fitted line at `weekday` (0: that of the window's first day), `week` weeks into the window.
    fn fit(&self, weekday: usize, week: usize, method: Method) -> Option<i128> {
        let sum: i128 = self.days.iter().skip(weekday).step_by(WEEK).sum();
        if method == Method::Weekday || self.weeks < WEEKS {
            return money::div_half_even(i256::from_i128(sum), i256::from_i128(self.weeks as i128));
        }
        let (first, last) = self.days.split_at(2 * WEEK);
        let rise = last.iter().sum::<i128>().checked_sub(first.iter().sum())?;
        // sum/4 + rise/14/14 × (7·week − 10.5), over one denominator.
        let along = rise.checked_mul(14 * week as i128 - 21)?;
        let numerator = sum.checked_mul(98)?.checked_add(along)?;
        money::div_half_even(i256::from_i128(numerator), i256::from_i128(392))
    }
}

/// Tries both methods on the latest history of a total and keeps the better one.
pub(super) fn back_test(total: &[i128], horizon: usize) -> Result<(Method, BackTest)> {
    if total.len() < MIN_DAYS {
        return Err(Error::data(format!(
            "{} days of history are too few to forecast from",
            total.len()
        ))
        .advise(format!(
            "a drill needs {MIN_DAYS} days at least, two full weeks; eight weeks also measure its error"
        )));
    }
    // Four weeks to learn from where there are as many, then as long a test as fits, up to four weeks.
    let learn = if total.len() >= WEEKS * WEEK + WEEK {
        WEEKS * WEEK
    } else {
        MIN_DAYS
    };
    let test = (total.len() - learn).min(horizon).min(WEEKS * WEEK);
    let origins: Vec<usize> = (0..MAX_FOLDS)
        .filter_map(|fold| total.len().checked_sub(test + fold * WEEK))
        .filter(|origin| test > 0 && *origin >= learn)
        .collect();
    let plain = measure(total, &origins, test, Method::Weekday).ok_or_else(super::overflow)?;
    let trend = measure(total, &origins, test, Method::WeekdayTrend).ok_or_else(super::overflow)?;
    Ok(match (plain.wape, trend.wape) {
        (Some(p), Some(t)) if t < p => (Method::WeekdayTrend, trend),
        _ => (Method::Weekday, plain),
    })
}

fn measure(total: &[i128], origins: &[usize], test: usize, method: Method) -> Option<BackTest> {
    let (mut missed, mut spent) = (0_i128, 0_i128);
    let mut levels = Vec::with_capacity(origins.len());
    for origin in origins {
        let predicted = forecast(&total[..*origin], test, method)?;
        let actual = &total[*origin..*origin + test];
        for (p, a) in predicted.iter().zip(actual) {
            missed = missed.checked_add((a - p).abs())?;
            spent = spent.checked_add(a.abs())?;
        }
        let (a, p) = (actual.iter().sum::<i128>(), predicted.iter().sum::<i128>());
        if a > 0 && p > 0 {
            levels.push(Factor::ratio(a, p)?);
        }
    }
    Some(BackTest {
        method: method.name().to_owned(),
        folds: origins.len(),
        horizon_days: test,
        wape: money::ratio(missed, spent),
        levels,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(days: usize, start: i128, slope: i128) -> Vec<i128> {
        (0..days as i128)
            .map(|d| (start + slope * d) * money::ONE)
            .collect()
    }

    #[test]
    fn a_straight_line_goes_on_straight_for_four_weeks_and_then_stays() {
        let history = line(56, 100, 3);
        let ahead = forecast(&history, 60, Method::WeekdayTrend).unwrap();
        assert_eq!(ahead[..28], line(84, 100, 3)[56..]);
        assert_eq!(ahead[28..35], ahead[35..42]);
        let (method, test) = back_test(&history, 28).unwrap();
        assert_eq!(
            (method, test.wape, test.folds),
            (Method::WeekdayTrend, Some(0), 1)
        );
        assert!(
            residuals(&history, Method::WeekdayTrend)
                .unwrap()
                .iter()
                .all(|f| *f == Factor::ONE)
        );
    }

    #[test]
    fn weekdays_repeat() {
        let week = [5, 6, 7, 8, 9, 1, 2];
        let history: Vec<i128> = (0..70).map(|d| week[d % 7] * money::ONE).collect();
        let ahead = forecast(&history, 9, Method::Weekday).unwrap();
        assert_eq!(
            ahead,
            (0..9).map(|d| week[d % 7] * money::ONE).collect::<Vec<_>>()
        );
        assert_eq!(back_test(&history, 90).unwrap().1.wape, Some(0));
    }

    #[test]
    fn the_forecast_of_a_sum_is_the_sum_of_the_forecasts() {
        // Up to the rounding of the last digit, since a forecast is linear in its history.
        let (a, b) = (line(40, 10, 2), line(40, 500, -3));
        let sum: Vec<i128> = a.iter().zip(&b).map(|(x, y)| x + y).collect();
        let ahead = |s: &[i128]| forecast(s, 40, Method::WeekdayTrend).unwrap();
        for ((x, y), s) in ahead(&a).iter().zip(ahead(&b)).zip(ahead(&sum)) {
            assert!((x + y - s).abs() <= 2);
        }
    }

    #[test]
    fn too_little_history_is_refused_and_an_unmeasured_error_is_none() {
        assert!(back_test(&line(13, 1, 0), 10).is_err());
        assert_eq!(back_test(&line(14, 1, 0), 10).unwrap().1.wape, None);
    }
}
