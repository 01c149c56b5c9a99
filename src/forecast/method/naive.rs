//! Seasonal-naive: the last season again. What every other method has to beat.

use super::Past;

pub(super) fn forecast(past: Past<'_>, horizon: usize) -> Option<Vec<f64>> {
    let from = past.values.len().checked_sub(past.season)?;
    let last = &past.values[from..];
    Some(last.iter().copied().cycle().take(horizon).collect())
}
