//! Seasons and trend by local regression (MSTL); the trend and what remains go on by exponential smoothing.

use super::{Past, logarithms};
use augurs::ets::AutoETS;
use augurs::mstl::MSTLModel;
use augurs::prelude::*;

/// Days of a year, a second season of a daily history of two years and more.
const YEAR: usize = 365;

pub(super) fn additive(past: Past<'_>, horizon: usize) -> Option<Vec<f64>> {
    // Two seasons and one day, and what exponential smoothing needs.
    if past.season < 2 || past.values.len() < (2 * past.season + 1).max(14) {
        return None;
    }
    let mut periods = vec![past.season];
    if past.season == 7 && past.values.len() >= 2 * YEAR {
        periods.push(YEAR);
    }
    let trend = AutoETS::new(1, "ZZN").ok()?.into_trend_model();
    let model = MSTLModel::new(periods, trend).fit(past.values).ok()?;
    model.predict(horizon, None).ok().map(|ahead| ahead.point)
}

pub(super) fn of_logarithms(past: Past<'_>, horizon: usize) -> Option<Vec<f64>> {
    let logarithms = logarithms(past.values)?;
    let ahead = additive(
        Past {
            values: &logarithms,
            ..past
        },
        horizon,
    )?;
    Some(ahead.into_iter().map(f64::exp).collect())
}
