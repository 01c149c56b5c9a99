//! The one place where a forecast is handed to a drill: a [`Forecaster`] learns on the spend that moves
//! with use, says how wrong it has been, and forecasts every series of the portfolio.
//!
//! What comes out is exact money; a method that counts in floating point turns its estimates into
//! amounts itself. Knows nothing of shocks, prices or paths.

use super::baseline;
use super::factor::Factor;
use crate::base::{ErrorKind, Result};
use crate::forecast::{self, Ask, Calendar, Series};
use chrono::NaiveDate;

/// Learns and measures.
pub trait Forecaster: Sync {
    /// `history` is the daily spend that moves with use, its first day `first_day`. Refuses a history
    /// that is too short for it.
    fn learn(&self, history: &[i128], first_day: NaiveDate, horizon_days: usize) -> Result<Box<dyn Learned>>;
}

/// A method that has been chosen and measured.
pub trait Learned {
    /// How well it did on history it had not seen; `levels` is the distribution of its error.
    fn back_test(&self) -> &BackTest;
    /// The `horizon_days` days after a series of the same days as the history that was learned on.
    /// `None` on overflow.
    fn ahead(&self, series: &[i128]) -> Option<Vec<i128>>;
    /// What past days were to their forecast: whole weeks, as many for every series.
    fn deviations(&self, series: &[i128]) -> Option<Vec<Factor>>;
    /// How many weeks of deviations there are to draw from.
    fn weeks(&self) -> usize;
}

/// How well a method did on history it had not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackTest {
    /// In words, as reports name it.
    pub method: String,
    pub folds: usize,
    pub horizon_days: usize,
    /// Σ|actual − forecast| / Σ|actual| over all days of all folds (scale 18); `None` when not measured.
    pub wape: Option<i128>,
    /// Actual total over forecast total, one per fold: the error of the level.
    pub levels: Vec<Factor>,
}

/// The method that `forecast` chooses in its back-test of the sum; each series goes on by it. Weekday means where
/// the history is too short for that. What past days were to their expectation is taken by the weekday means of
/// the last four weeks, whatever the method: they scatter about as much around it, and draws need whole weeks.
#[derive(Debug, Clone, Copy, Default)]
pub struct BackTested;

impl Forecaster for BackTested {
    fn learn(&self, history: &[i128], first_day: NaiveDate, horizon_days: usize) -> Result<Box<dyn Learned>> {
        let series = Series {
            first: first_day,
            values: history.iter().copied().map(Some).collect(),
        };
        let ask = Ask {
            horizon: horizon_days,
            calendar: Calendar::default(),
        };
        let learned = match forecast::learn(&series, &ask) {
            Ok(learned) => learned,
            Err(refusal) if refusal.kind() == ErrorKind::Data => {
                let (method, mut back_test) = baseline::back_test(history, horizon_days)?;
                back_test.method = format!("{} ({refusal})", back_test.method);
                return Ok(Box::new(Weekday {
                    method,
                    back_test,
                    days: history.len(),
                    horizon_days,
                }));
            }
            Err(error) => return Err(error),
        };
        let levels = learned
            .totals
            .iter()
            .filter(|(expected, actual)| *expected > 0 && *actual > 0)
            .filter_map(|(expected, actual)| Factor::ratio(*actual, *expected))
            .collect();
        let back_test = BackTest {
            method: learned.evidence.method.clone(),
            folds: learned.evidence.origins,
            horizon_days: learned.evidence.tested,
            wape: learned.evidence.wape,
            levels,
        };
        Ok(Box::new(Tested {
            learned,
            back_test,
            days: history.len(),
        }))
    }
}

struct Tested {
    learned: forecast::Learned,
    back_test: BackTest,
    days: usize,
}

impl Learned for Tested {
    fn back_test(&self) -> &BackTest {
        &self.back_test
    }

    fn ahead(&self, series: &[i128]) -> Option<Vec<i128>> {
        self.learned.ahead(series)
    }

    fn deviations(&self, series: &[i128]) -> Option<Vec<Factor>> {
        baseline::residuals(series, baseline::Method::Weekday)
    }

    fn weeks(&self) -> usize {
        baseline::weeks(self.days)
    }
}

/// Weekday means with or without a trend, whichever did better (`baseline`): exact, so the closed forms stand on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weekdays;

impl Forecaster for Weekdays {
    fn learn(
        &self,
        history: &[i128],
        _first_day: NaiveDate,
        horizon_days: usize,
    ) -> Result<Box<dyn Learned>> {
        let (method, back_test) = baseline::back_test(history, horizon_days)?;
        Ok(Box::new(Weekday {
            method,
            back_test,
            days: history.len(),
            horizon_days,
        }))
    }
}

struct Weekday {
    method: baseline::Method,
    back_test: BackTest,
    days: usize,
    horizon_days: usize,
}

impl Learned for Weekday {
    fn back_test(&self) -> &BackTest {
        &self.back_test
    }

    fn ahead(&self, series: &[i128]) -> Option<Vec<i128>> {
        baseline::forecast(series, self.horizon_days, self.method)
    }

    fn deviations(&self, series: &[i128]) -> Option<Vec<Factor>> {
        baseline::residuals(series, self.method)
    }

    fn weeks(&self) -> usize {
        baseline::weeks(self.days)
    }
}
