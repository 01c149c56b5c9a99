//! The one place where a forecast is handed to a drill: a [`Forecaster`] learns on the spend that moves
//! with use, says how wrong it has been, and forecasts every series of the portfolio.
//!
//! What comes out is exact money; a method that counts in floating point turns its estimates into
//! amounts itself. Knows nothing of shocks, prices or paths.

use super::baseline;
use super::factor::Factor;
use crate::base::Result;
use chrono::NaiveDate;

/// Learns and measures. `drill::run` takes the weekday baseline; `drill::run_with` takes any other.
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

/// Weekday means with or without a trend, whichever did better (`baseline`).
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
