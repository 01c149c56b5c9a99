//! Lines over time, named at their ends with their last day's value; a target is a dashed line across.

use super::axis::{self, Tag};
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::series::{self, Series};
use super::theme;
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
    let ticks = axis::ticks_of(&format, low.min(0.0), high, inner_height);
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
    for (i, line) in lines.iter().enumerate() {
        if let Some((t, v)) = peak(line) {
            let (at, color) = ((px(t), y.at(v)), theme::series(i));
            canvas.dot(at, 6.0, color)?;
            let text = format!(
                "{}: {}",
                time::from_micros(t).format("%-d %b"),
                number::label(v, &format)
            );
            let kind = Type::new(theme::LABEL, theme::INK);
            let baseline = (at.1 + 8.0).max(plot.y + 18.0);
            if at.0 + 16.0 + kind.width(&text) < plot.right() {
                canvas.text(at.0 + 16.0, baseline, &text, kind)?;
            } else {
                canvas.text(at.0 - 16.0, baseline, &text, kind.align(Align::Right))?;
            }
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

/// The highest point of a line, where it stands out: three times what is usual, and not the last one, which has
/// its figure beside it.
fn peak(line: &Series) -> Option<(i64, f64)> {
    const USUAL: f64 = 3.0;
    const LEAST_POINTS: usize = 7;
    let mut points: Vec<(i64, f64)> = line.points.iter().filter_map(|p| Some((p.0, p.1?))).collect();
    if points.len() < LEAST_POINTS {
        return None;
    }
    points.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (usual, highest) = (points[points.len() / 2].1, points[points.len() - 1]);
    let last = line.last().map(|p| p.0);
    (usual > 0.0 && highest.1 >= usual * USUAL && Some(highest.0) != last).then_some(highest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_stands_out_is_the_peak() {
        let line = |values: &[Option<f64>]| Series {
            name: "a".into(),
            points: (0..).zip(values.iter().copied()).collect(),
        };
        let calm = [1.0, 2.0, 1.0, 2.0, 2.5, 1.0, 1.5, 2.0].map(Some);
        assert_eq!(peak(&line(&calm)), None);
        let mut spike = calm;
        spike[3] = Some(9.0);
        assert_eq!(peak(&line(&spike)), Some((3, 9.0)));
        // The last value has its figure at the end of the line.
        let mut end = calm;
        end[7] = Some(9.0);
        assert_eq!(peak(&line(&end)), None);
        spike[0] = None;
        assert_eq!(peak(&line(&spike[..7])), None, "six points tell nothing usual");
    }
}
