//! A history apart from its season: what exponential smoothing, which knows no seasons here, is given.

use super::Past;

/// What an older season says of how the season is now, against the one after it.
const FADE: f64 = 0.85;

/// The season by place (beginning with the history's first day), its sum zero; `None` with less than two.
///
/// Each full season, counted from the end, is held against its own mean and the slope to its neighbours; the
/// deviations are averaged, the older the lighter.
pub(super) fn of(past: Past<'_>) -> Option<Vec<f64>> {
    let (values, season) = (past.values, past.season);
    let start = values.len() % season.max(1);
    let blocks: Vec<&[f64]> = values[start..].chunks_exact(season.max(1)).collect();
    if season < 2 || blocks.len() < 2 {
        return None;
    }
    let means: Vec<f64> = blocks
        .iter()
        .map(|b| b.iter().sum::<f64>() / season as f64)
        .collect();
    let mut effects = vec![0.0; season];
    let mut weights = 0.0;
    for (at, block) in blocks.iter().enumerate() {
        let (before, after) = (at.saturating_sub(1), (at + 1).min(blocks.len() - 1));
        let slope = (means[after] - means[before]) / ((after - before) * season) as f64;
        let weight = FADE.powi((blocks.len() - 1 - at) as i32);
        weights += weight;
        for (place, value) in block.iter().enumerate() {
            let along = slope * (place as f64 - (season - 1) as f64 / 2.0);
            effects[(start + place) % season] += weight * (value - means[at] - along);
        }
    }
    let mean = effects.iter().sum::<f64>() / season as f64;
    Some(effects.iter().map(|e| (e - mean) / weights).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_season_on_a_line_is_told_from_the_line() {
        for (season, days) in [(7_usize, 45), (12, 48), (4, 9)] {
            let effect = |at: usize| {
                if at % season == 1 {
                    (season - 1) as f64
                } else {
                    -1.0
                }
            };
            let values: Vec<f64> = (0..days).map(|at| 50.0 + 0.3 * at as f64 + effect(at)).collect();
            let found = of(Past {
                values: &values,
                season,
            })
            .unwrap();
            for (at, value) in found.iter().enumerate() {
                assert!((value - effect(at)).abs() < 1e-6, "{season}, {at}: {value}");
            }
        }
        assert_eq!(
            of(Past {
                values: &[1.0; 13],
                season: 7
            }),
            None
        );
    }
}
