//! Areas over time, one on the other from the zero line; what is negative hangs below it. Where a part has no
//! value its band ends: nothing is drawn across a gap. Each is named beside its end with its total.

use super::axis::{self, Tag};
use super::canvas::{Canvas, Rect};
use super::scale::{self, Linear};
use super::series;
use super::stacked_bar::{Block, stack};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let parts = series::over_time(spec, frame)?;
    let Some((from, to)) = series::extent(&parts) else {
        return axis::nothing(canvas, area, "No data in this window");
    };
    let notes = axis::notes(spec, frame)?;
    let blocks = stack(&parts);
    let low = blocks.iter().map(|b| b.from.min(b.to)).fold(0.0, f64::min);
    let high = blocks.iter().map(|b| b.from.max(b.to)).fold(0.0, f64::max);
    let format = scale::format(frame, &spec.y[0])?;
    let head = axis::HEAD + axis::notes_height(&notes);
    let ticks = axis::ticks(low, high, area.h - head - axis::FOOT);
    let mut tags: Vec<Tag> = parts
        .iter()
        .enumerate()
        .map(|(i, part)| Tag {
            y: 0.0,
            name: part.name.clone(),
            value: number::label(part.points.iter().filter_map(|p| p.1).sum(), &format),
            color: theme::series(i),
        })
        .collect();
    let right = axis::tag_width(&tags, area);
    let plot = area.inset(axis::left_margin(&ticks, &format), head, right, axis::FOOT);
    let y = Linear::new(ticks[0], ticks[ticks.len() - 1], plot.bottom(), plot.y);
    let step = series::step(&parts);
    // One point alone has half a step to both sides.
    let half = if from == to { step as f64 / 2.0 } else { 0.0 };
    let x = Linear::new(from as f64 - half, to as f64 + half, plot.x, plot.right() - 4.0);
    axis::grid(canvas, plot, &y, &ticks, &format)?;
    for (i, _) in parts.iter().enumerate() {
        let of_part: Vec<&Block> = blocks.iter().filter(|b| b.part == i).collect();
        for run in runs(&of_part, step) {
            let point = |t: i64, v: f64| (x.at(t as f64), y.at(v));
            let mut outline: Vec<(f64, f64)> = Vec::with_capacity(2 * run.len() + 2);
            if let [only] = run.as_slice() {
                let half = (x.at(step as f64) - x.at(0.0)).abs() * 0.2;
                let center = x.at(only.time as f64);
                let left = (center - half).max(plot.x);
                let width = (center + half).min(plot.right()) - left;
                let (a, b) = (y.at(only.from), y.at(only.to));
                canvas.rect(Rect::new(left, a.min(b), width, (a - b).abs()), theme::series(i))?;
                continue;
            }
            outline.extend(run.iter().map(|b| point(b.time, b.to)));
            outline.extend(run.iter().rev().map(|b| point(b.time, b.from)));
            canvas.polygon(&outline, theme::series(i), 1.0)?;
            // Paper between neighbours, so that two colours never touch.
            let edge: Vec<(f64, f64)> = run.iter().map(|b| point(b.time, b.to)).collect();
            canvas.path(&edge, theme::PAPER, 1.5)?;
        }
    }
    let zero = y.at(0.0);
    canvas.line((plot.x, zero), (plot.right(), zero), theme::AXIS, theme::HAIR)?;
    axis::dates(canvas, plot, &x, from, to)?;
    axis::annotate(canvas, plot, &x, &notes)?;
    for (i, tag) in tags.iter_mut().enumerate() {
        let last = blocks.iter().rev().find(|b| b.part == i && b.from != b.to);
        tag.y = last.map_or(plot.bottom(), |b| (y.at(b.from) + y.at(b.to)) / 2.0);
    }
    axis::tags(canvas, plot, right, tags)
}

/// Stretches of a part without a gap and on one side of zero.
fn runs<'a>(blocks: &[&'a Block], step: i64) -> Vec<Vec<&'a Block>> {
    let mut runs: Vec<Vec<&Block>> = Vec::new();
    for block in blocks {
        let goes_on = runs.last().and_then(|run| run.last()).is_some_and(|before| {
            block.time - before.time <= step + step / 2
                && (block.to < block.from) == (before.to < before.from)
        });
        match runs.last_mut() {
            Some(run) if goes_on => run.push(block),
            _ => runs.push(vec![block]),
        }
    }
    runs
}
