//! A small line without axes: the shape of the window beside a figure. Its last point is marked.

use super::canvas::{Canvas, Rect};
use super::scale::Linear;
use super::{series, theme};
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let lines = series::over_time(spec, frame)?;
    let (Some((from, to)), Some((low, high))) = (series::extent(&lines), series::range(&lines)) else {
        return Ok(());
    };
    let Some(line) = lines.first() else { return Ok(()) };
    let area = area.inset(4.0, 6.0, 8.0, 6.0);
    let x = Linear::new(from as f64, to as f64, area.x, area.right());
    // A flat line runs through the middle; small noise is not blown up to the full height.
    let slack = ((high - low) * 0.1).max(high.abs() * 0.02).max(f64::MIN_POSITIVE);
    let y = Linear::new(low - slack, high + slack, area.bottom(), area.y);
    for run in line.runs(series::step(&lines)) {
        let points: Vec<(f64, f64)> = run.iter().map(|(t, v)| (x.at(*t as f64), y.at(*v))).collect();
        match points.as_slice() {
            [only] => canvas.dot(*only, 3.0, theme::ACCENT)?,
            points => canvas.path(points, theme::ACCENT, 2.5)?,
        }
    }
    match line.last() {
        Some((t, v)) => canvas.dot((x.at(t as f64), y.at(v)), 5.5, theme::ACCENT),
        None => Ok(()),
    }
}
