//! The same small picture many times: a panel per series, over the same days, each from zero. Readers compare
//! shapes, so all panels have one scale, unless one would flatten the others: then each has its own, and the
//! picture says so.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear, nice_ticks};
use super::series::{self, Series};
use super::theme;
use crate::base::{Result, time};
use crate::frame::{ChartSpec, Frame};
use crate::render::number::{self, Format};

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK).bold();
const SMALL: Type = Type::new(theme::LABEL, theme::MUTED);
const PANEL_LEAST: f64 = 330.0;
const PANEL_MOST: f64 = 560.0;
const COLUMN_GAP: f64 = 44.0;
const ROW_GAP: f64 = 22.0;
const HEAD: f64 = 48.0;
const KEY: f64 = 44.0;
/// More than this between the largest and the smallest of the panels: each gets its own scale.
const APART: f64 = 8.0;
const ROW_LEAST: f64 = 130.0;
const ROW_HEIGHT: f64 = 220.0;
/// More panels than this are the table's.
const MOST: usize = 16;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let mut all = series::over_time(spec, frame)?;
    all.retain(|s| s.last().is_some());
    let Some((from, to)) = series::extent(&all) else {
        return axis::nothing(canvas, area, "No measured values in this window");
    };
    let target = super::line::target(spec, frame)?;
    let format = scale::format(frame, &spec.y[0])?;
    let tops: Vec<f64> = all.iter().map(|s| top(s).max(target.unwrap_or(0.0))).collect();
    let most = tops.iter().copied().fold(0.0, f64::max);
    let least = tops.iter().copied().filter(|t| *t > 0.0).fold(most, f64::min);
    let own = format != Format::Ratio && most > least * APART;
    let columns = columns(area.w).min(all.len());
    let foot = axis::FOOT;
    let fitting = ((area.h - KEY - foot) / ROW_LEAST).max(1.0) as usize * columns;
    let fitting = fitting.min(MOST);
    let hidden = all.len().saturating_sub(fitting);
    all.truncate(fitting);
    let rows = all.len().div_ceil(columns);
    let words = if own {
        "Each on its own scale, from zero; bold: the last value"
    } else {
        "All on one scale; bold: the last value"
    };
    let words = if hidden > 0 {
        format!("{hidden} more in the table. {words}")
    } else {
        words.to_owned()
    };
    let kind = SMALL.shrunk(&words, area.w);
    canvas.text(area.x, area.y + 26.0, &kind.fit(&words, area.w), kind)?;
    let wide = (area.w - COLUMN_GAP * (columns as f64 - 1.0)) / columns as f64;
    let wide = wide.min(PANEL_MOST);
    let high = (area.h - KEY - foot) / rows as f64;
    let step = series::step(&all);
    for (i, one) in all.iter().enumerate() {
        let (column, row) = (i % columns, i / columns);
        let panel = Rect::new(
            area.x + column as f64 * (wide + COLUMN_GAP),
            area.y + KEY + row as f64 * high,
            wide,
            high - ROW_GAP,
        );
        let (low, top) = if own {
            (bottom(one), top(one).max(target.unwrap_or(0.0)))
        } else {
            (all.iter().map(bottom).fold(0.0, f64::min), most)
        };
        let y = scale_of(low, top);
        draw_panel(canvas, panel, one, (from, to), step, y, target, &format)?;
        // Dates stand below the last panel of a column.
        if i + columns >= all.len() {
            let plot = panel.inset(0.0, HEAD, 0.0, 0.0);
            ends(canvas, plot, from, to)?;
        }
    }
    Ok(())
}

/// As high as its panels need at this width.
pub(super) fn height(spec: &ChartSpec, frame: &Frame, width: f64) -> Result<f64> {
    let mut all = series::over_time(spec, frame)?;
    all.retain(|s| s.last().is_some());
    let rows = all.len().clamp(1, MOST).div_ceil(columns(width));
    Ok(KEY + rows as f64 * ROW_HEIGHT + axis::FOOT)
}

fn columns(width: f64) -> usize {
    (((width + COLUMN_GAP) / (PANEL_LEAST + COLUMN_GAP)) as usize).max(1)
}

#[allow(clippy::too_many_arguments)]
fn draw_panel(
    canvas: &Canvas<'_>,
    panel: Rect,
    one: &Series,
    (from, to): (i64, i64),
    step: i64,
    (low, high): (f64, f64),
    target: Option<f64>,
    format: &Format,
) -> Result<()> {
    let value = one
        .last()
        .map_or(String::new(), |(_, v)| number::label(v, format));
    let name = NAME.fit(&one.name, panel.w - VALUE.width(&value) - 14.0);
    canvas.text(panel.x, panel.y + 28.0, &name, NAME)?;
    canvas.text(panel.right(), panel.y + 28.0, &value, VALUE.align(Align::Right))?;
    let plot = panel.inset(0.0, HEAD, 0.0, 0.0);
    canvas.rect(plot, theme::CARD)?;
    let y = Linear::new(low, high, plot.bottom(), plot.y);
    let x = Linear::new(from as f64, to as f64, plot.x + 8.0, plot.right() - 8.0);
    let at = |t: i64| {
        if from == to {
            plot.x + plot.w / 2.0
        } else {
            x.at(t as f64)
        }
    };
    canvas.line(
        (plot.x, y.at(0.0)),
        (plot.right(), y.at(0.0)),
        theme::AXIS,
        theme::HAIR,
    )?;
    // The top of the scale, for which the scale leaves room.
    canvas.text(plot.x + 8.0, plot.y + 28.0, &number::tick(high, format), SMALL)?;
    if let Some(target) = target {
        let level = y.at(target);
        canvas.dashes(&[(plot.x, level), (plot.right(), level)], theme::INK, 1.5)?;
    }
    for run in one.runs(step) {
        let points: Vec<(f64, f64)> = run.iter().map(|(t, v)| (at(*t), y.at(*v))).collect();
        match points.as_slice() {
            [only] => canvas.dot(*only, 4.0, theme::ACCENT)?,
            points => {
                let (first, last) = (points[0].0, points[points.len() - 1].0);
                let mut fill = points.to_vec();
                fill.extend([(last, y.at(0.0)), (first, y.at(0.0))]);
                canvas.polygon(&fill, theme::ACCENT, 0.14)?;
                canvas.path(points, theme::ACCENT, theme::LINE)?;
            }
        }
    }
    if let Some((t, v)) = one.last() {
        canvas.dot((at(t), y.at(v)), 6.0, theme::ACCENT)?;
    }
    Ok(())
}

/// From a round value to a round value, with room for the words at the top.
fn scale_of(low: f64, top: f64) -> (f64, f64) {
    const FULL: f64 = 0.78;
    let ticks = nice_ticks(low, top, 2);
    let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
    let span = last - first;
    if top - first > span * FULL {
        (first, last + (ticks[1] - ticks[0]))
    } else {
        (first, last)
    }
}

/// The first and the last day.
fn ends(canvas: &Canvas<'_>, plot: Rect, from: i64, to: i64) -> Result<()> {
    let text = |t: i64| time::from_micros(t).format("%-d %b").to_string();
    let baseline = plot.bottom() + 34.0;
    canvas.text(plot.x, baseline, &text(from), SMALL)?;
    if to > from {
        canvas.text(plot.right(), baseline, &text(to), SMALL.align(Align::Right))?;
    }
    Ok(())
}

fn top(series: &Series) -> f64 {
    series.points.iter().filter_map(|p| p.1).fold(0.0, f64::max)
}

fn bottom(series: &Series) -> f64 {
    series.points.iter().filter_map(|p| p.1).fold(0.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_round_and_leaves_room_for_its_words() {
        for (top, end) in [(1.45, 2.0), (1.6, 3.0), (40.0, 60.0), (0.0, 0.5), (9.8, 15.0)] {
            assert_eq!(scale_of(0.0, top), (0.0, end), "{top}");
        }
        assert_eq!(scale_of(-5.0, 5.0).0, -5.0);
    }
}
