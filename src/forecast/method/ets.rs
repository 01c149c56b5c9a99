//! Exponential smoothing (error, trend, damped or not: chosen by AICc) of the history without its season.

use super::{Past, logarithms, season};
use augurs::ets::AutoETS;
use augurs::prelude::*;

pub(super) fn additive(past: Past<'_>, horizon: usize) -> Option<Vec<f64>> {
    let effects = season::of(past)?;
    let plain: Vec<f64> = past
        .values
        .iter()
        .enumerate()
        .map(|(at, v)| v - effects[at % past.season])
        .collect();
    let ahead = smooth(&plain, horizon)?;
    let from = past.values.len();
    Some(
        ahead
            .iter()
            .enumerate()
            .map(|(at, v)| v + effects[(from + at) % past.season])
            .collect(),
    )
}

/// The season as a factor; the rest is smoothed as it is, not in logarithms.
pub(super) fn of_ratios(past: Past<'_>, horizon: usize) -> Option<Vec<f64>> {
    let logarithms = logarithms(past.values)?;
    let effects = season::of(Past {
        values: &logarithms,
        ..past
    })?;
    let plain: Vec<f64> = past
        .values
        .iter()
        .enumerate()
        .map(|(at, v)| v / effects[at % past.season].exp())
        .collect();
    let ahead = smooth(&plain, horizon)?;
    let from = past.values.len();
    Some(
        ahead
            .iter()
            .enumerate()
            .map(|(at, v)| v * effects[(from + at) % past.season].exp())
            .collect(),
    )
}

/// Fewer days than this leave no degree of freedom for the largest model.
const LEAST: usize = 14;

fn smooth(values: &[f64], horizon: usize) -> Option<Vec<f64>> {
    if values.len() < LEAST || super::flat(values) {
        return values.last().map(|last| vec![*last; horizon]);
    }
    let model = AutoETS::new(1, "ZZN").ok()?.fit(values).ok()?;
    model.predict(horizon, None).ok().map(|ahead| ahead.point)
}
