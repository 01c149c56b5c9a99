//! What was, and what may come: a line of actual values, then a dashed middle path inside its band, against a
//! budget. Drawn columns: actual, P10, P50, P90 (a part that is not drawn is NULL). The first time the middle
//! path, or the actual line, is over the budget is marked.

use super::axis::{self, Tag};
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::series::{self, Series};
use super::theme;
use crate::base::{Error, Result, time};
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    if spec.y.len() != 4 || spec.series.is_some() {
        return Err(Error::config(
            "a fan chart draws four columns: actual, P10, P50, P90",
        ));
    }
    let series = series::over_time(spec, frame)?;
    let (Some((from, to)), Some((low, high))) = (series::extent(&series), series::range(&series)) else {
        return axis::nothing(canvas, area, "No spend to project in this window");
    };
    let [actual, p10, p50, p90] = series.as_slice() else {
        return Err(Error::internal("a fan chart lost a series"));
    };
    let budget = budget(spec, frame)?;
    let top = budget.iter().map(|p| p.1).fold(high, f64::max);
    let format = scale::format(frame, &spec.y[0])?;
    let ticks = axis::ticks(low.min(0.0), top, area.h - axis::HEAD - axis::FOOT);
    let mut tags = Vec::new();
    for (line, color) in [
        (p90, theme::ACCENT_SOFT),
        (p50, theme::ACCENT),
        (p10, theme::ACCENT_SOFT),
    ] {
        if let Some((_, value)) = line.last() {
            tags.push(Tag {
                y: value,
                name: line.name.clone(),
                value: number::tick(value, &format),
                color,
            });
        }
    }
    // A line that ends before the band begins is told by the band; one beside it needs its own name.
    let beside = actual.last().map(|p| p.0) == p50.last().map(|p| p.0);
    if tags.is_empty() || beside {
        tags.extend(actual.last().map(|(_, value)| Tag {
            y: value,
            name: actual.name.clone(),
            value: number::tick(value, &format),
            color: theme::ACCENT,
        }));
    }
    let right = axis::tag_width(&tags, area);
    let plot = area.inset(axis::left_margin(&ticks, &format), axis::HEAD, right, axis::FOOT);
    let y = Linear::new(ticks[0], ticks[ticks.len() - 1], plot.bottom(), plot.y);
    let x = Linear::new(from as f64, to as f64, plot.x + 6.0, plot.right() - 6.0);
    axis::grid(canvas, plot, &y, &ticks, &format)?;
    axis::dates(canvas, plot, &x, from, to)?;
    let point = |(t, v): (i64, f64)| (x.at(t as f64), y.at(v));
    let step = series::step(&series);

    // The band is closed by walking back along its lower edge.
    let upper: Vec<(f64, f64)> = p90.runs(step).concat().into_iter().map(point).collect();
    let lower: Vec<(f64, f64)> = p10.runs(step).concat().into_iter().map(point).collect();
    if upper.len() > 1 && lower.len() > 1 {
        let band: Vec<(f64, f64)> = upper.iter().copied().chain(lower.iter().rev().copied()).collect();
        canvas.polygon(&band, theme::ACCENT, 0.2)?;
    }
    for run in p50.runs(step) {
        canvas.dashes(
            &run.into_iter().map(point).collect::<Vec<_>>(),
            theme::ACCENT,
            theme::LINE,
        )?;
    }
    for run in actual.runs(step) {
        canvas.path(
            &run.into_iter().map(point).collect::<Vec<_>>(),
            theme::ACCENT,
            theme::LINE + 0.5,
        )?;
    }
    if let Some(last) = actual.last() {
        canvas.dot(point(last), 7.0, theme::ACCENT)?;
    }
    if let Some((_, last)) = budget.last() {
        let path: Vec<(f64, f64)> = budget.iter().map(|p| point(*p)).collect();
        canvas.dashes(&path, theme::INK, 2.5)?;
        let label = format!("budget {}", number::tick(*last, &format));
        let at = path.first().copied().unwrap_or((plot.x, plot.y));
        canvas.text(
            plot.x + 8.0,
            at.1 - 10.0,
            &label,
            Type::new(theme::LABEL, theme::INK).bold(),
        )?;
    }
    if let Some(breach) = breach(actual, p50, &budget) {
        let at = point(breach);
        canvas.line((at.0, at.1), (at.0, plot.bottom()), theme::BAD, 2.0)?;
        canvas.dot(at, 9.0, theme::BAD)?;
        canvas.dot(at, 4.5, theme::PAPER)?;
        let label = format!("over budget {}", time::from_micros(breach.0).format("%-d %b"));
        let kind = Type::new(theme::LABEL, theme::BAD).bold();
        // Left of the mark, where the curve is lower, unless there is no room.
        let fits = at.0 - kind.width(&label) - 12.0 > plot.x;
        let (tx, align) = if fits {
            (at.0 - 12.0, Align::Right)
        } else {
            (at.0 + 12.0, Align::Left)
        };
        canvas.text(tx, plot.bottom() - 14.0, &label, kind.align(align))?;
    }
    axis::tags(
        canvas,
        plot,
        right,
        tags.into_iter().map(|t| Tag { y: y.at(t.y), ..t }).collect(),
    )
}

fn budget(spec: &ChartSpec, frame: &Frame) -> Result<Vec<(i64, f64)>> {
    let mut path = Vec::new();
    if let Some(column) = &spec.target {
        for row in 0..frame.rows() {
            if let (Some(t), Some(v)) = (frame.micros(&spec.x, row)?, scale::value(frame, column, row)?) {
                path.push((t, v));
            }
        }
    }
    path.sort_by_key(|p| p.0);
    Ok(path)
}

/// The first point over the budget of its time.
fn breach(actual: &Series, p50: &Series, budget: &[(i64, f64)]) -> Option<(i64, f64)> {
    let over = |line: &Series| {
        line.points.iter().find_map(|(t, v)| {
            let (v, limit) = ((*v)?, budget.iter().find(|b| b.0 == *t)?.1);
            (v > limit).then_some((*t, v))
        })
    };
    over(actual).or_else(|| over(p50))
}
