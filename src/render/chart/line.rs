//! Lines over time, named at their ends with their last day's value; a target is a dashed line across.

use super::axis::{self, Tag};
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::{series, theme};
use crate::base::{Result, time};
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let lines = series::over_time(spec, frame)?;
    let (Some((from, to)), Some((low, high))) = (series::extent(&lines), series::range(&lines)) else {
        return axis::nothing(canvas, area, "No measured values in this window");
    };
    let notes = axis::notes(spec, frame)?;
    let target = target(spec, frame)?;
    let format = scale::format(frame, &spec.y[0])?;
    let high = target.map_or(high, |t| high.max(t));
    let head = axis::HEAD + axis::notes_height(&notes);
    let inner_height = area.h - head - axis::FOOT;
    let ticks = axis::ticks(low.min(0.0), high, inner_height);
    let tags: Vec<Tag> = lines
        .iter()
        .enumerate()
        .filter_map(|(i, line)| {
            let (t, value) = line.last()?;
            let color = theme::series(i);
            Some(Tag {
                y: value,
                name: line.name.clone(),
                // Dated, or the last value would be read as the period's.
                value: format!(
                    "{}: {}",
                    time::from_micros(t).format("%-d %b"),
                    number::label(value, &format)
                ),
                color,
            })
        })
        .collect();
    let right = axis::tag_width(&tags, area);
    let plot = area.inset(axis::left_margin(&ticks, &format), head, right, axis::FOOT);
    let y = Linear::new(ticks[0], ticks[ticks.len() - 1], plot.bottom(), plot.y);
    let x = Linear::new(from as f64, to as f64, plot.x + 6.0, plot.right() - 6.0);
    let alone = from == to;
    let px = |t: i64| {
        if alone {
            plot.x + plot.w / 2.0
        } else {
            x.at(t as f64)
        }
    };
    axis::grid(canvas, plot, &y, &ticks, &format)?;
    if alone {
        let middle = Linear::new(from as f64 - 1.0, from as f64 + 1.0, plot.x, plot.right());
        axis::dates(canvas, plot, &middle, from, to)?;
        axis::annotate(canvas, plot, &middle, &notes)?;
    } else {
        axis::dates(canvas, plot, &x, from, to)?;
        axis::annotate(canvas, plot, &x, &notes)?;
    }
    let step = series::step(&lines);
    // The first series is the one that matters: it is drawn last, on top.
    for (i, line) in lines.iter().enumerate().rev() {
        let color = theme::series(i);
        for run in line.runs(step) {
            let points: Vec<(f64, f64)> = run.iter().map(|(t, v)| (px(*t), y.at(*v))).collect();
            match points.as_slice() {
                [only] => canvas.dot(*only, 5.0, color)?,
                points => canvas.path(points, color, theme::LINE)?,
            }
        }
        if let Some((t, v)) = line.last() {
            canvas.dot((px(t), y.at(v)), 6.0, color)?;
        }
    }
    if let Some(target) = target {
        let at = y.at(target);
        canvas.dashes(&[(plot.x, at), (plot.right(), at)], theme::INK, 2.0)?;
        let label = format!("target {}", number::tick(target, &format));
        let kind = Type::new(theme::LABEL, theme::INK).align(Align::Left);
        canvas.text(plot.x + 8.0, at - 10.0, &label, kind)?;
    }
    axis::tags(
        canvas,
        plot,
        right,
        tags.into_iter().map(|t| Tag { y: y.at(t.y), ..t }).collect(),
    )
}

/// The last target that is stated.
pub(super) fn target(spec: &ChartSpec, frame: &Frame) -> Result<Option<f64>> {
    let Some(column) = &spec.target else {
        return Ok(None);
    };
    for row in (0..frame.rows()).rev() {
        if let Some(target) = scale::value(frame, column, row)? {
            return Ok(Some(target));
        }
    }
    Ok(None)
}
