//! A frame cut into lines over time. What is missing stays missing: nothing is taken as zero, and a stretch
//! without rows breaks the line.

use super::scale;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub name: String,
    /// Microseconds and value, in order of time.
    pub points: Vec<(i64, Option<f64>)>,
}

impl Series {
    /// The stretches without a gap. `step` is the grain: a longer way between two points is a gap.
    pub(super) fn runs(&self, step: i64) -> Vec<Vec<(i64, f64)>> {
        let mut runs: Vec<Vec<(i64, f64)>> = Vec::new();
        let mut open = false;
        let mut before = None;
        for (x, y) in &self.points {
            let apart = before.is_some_and(|b| x - b > step + step / 2);
            before = Some(*x);
            let Some(y) = y else {
                open = false;
                continue;
            };
            match runs.last_mut() {
                Some(run) if open && !apart => run.push((*x, *y)),
                _ => runs.push(vec![(*x, *y)]),
            }
            open = true;
        }
        runs
    }

    pub(super) fn last(&self) -> Option<(i64, f64)> {
        self.points.iter().rev().find_map(|(x, y)| y.map(|y| (*x, y)))
    }
}

/// One series per drawn column, or per value of the splitting column (then of the first drawn column), in
/// order of first appearance.
pub(super) fn over_time(spec: &ChartSpec, frame: &Frame) -> Result<Vec<Series>> {
    let mut names: Vec<String> = Vec::new();
    let mut points: BTreeMap<(usize, i64), Option<f64>> = BTreeMap::new();
    for row in 0..frame.rows() {
        let Some(x) = frame.micros(&spec.x, row)? else {
            continue;
        };
        for (i, column) in spec
            .y
            .iter()
            .enumerate()
            .take(if spec.series.is_some() { 1 } else { usize::MAX })
        {
            let name = match &spec.series {
                Some(split) => frame.name(split, row)?,
                None => spec.label(i).to_owned(),
            };
            let at = names.iter().position(|n| *n == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            points.insert((at, x), scale::value(frame, column, row)?);
        }
    }
    let mut series: Vec<Series> = names
        .into_iter()
        .map(|name| Series {
            name,
            points: Vec::new(),
        })
        .collect();
    for ((i, x), y) in points {
        series[i].points.push((x, y));
    }
    Ok(series)
}

/// The grain: the shortest way between two points in time of any series. A day when there is only one.
pub(super) fn step(series: &[Series]) -> i64 {
    let mut times: Vec<i64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
    times.sort_unstable();
    times.dedup();
    times
        .windows(2)
        .map(|w| w[1] - w[0])
        .min()
        .unwrap_or(86_400_000_000)
}

/// First and last time.
pub(super) fn extent(series: &[Series]) -> Option<(i64, i64)> {
    let times = || series.iter().flat_map(|s| s.points.iter().map(|p| p.0));
    Some((times().min()?, times().max()?))
}

/// Smallest and largest value.
pub(super) fn range(series: &[Series]) -> Option<(f64, f64)> {
    let values = || series.iter().flat_map(|s| s.points.iter().filter_map(|p| p.1));
    let min = values().fold(f64::INFINITY, f64::min);
    let max = values().fold(f64::NEG_INFINITY, f64::max);
    (min <= max).then_some((min, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_break_a_line() {
        let day = 86_400_000_000;
        let series = Series {
            name: "a".into(),
            points: vec![
                (0, Some(1.0)),
                (day, None),
                (2 * day, Some(2.0)),
                (3 * day, Some(2.5)),
                (7 * day, Some(3.0)),
            ],
        };
        assert_eq!(
            series.runs(day).iter().map(Vec::len).collect::<Vec<_>>(),
            [1, 2, 1]
        );
        assert_eq!(series.last(), Some((7 * day, 3.0)));
    }
}
