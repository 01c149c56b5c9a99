//! Columns over time, one part per series; credits hang below the zero line. Each series is named beside the
//! last columns with its total.

use super::axis::{self, Tag};
use super::canvas::{Canvas, Rect};
use super::scale::{self, Linear};
use super::series::{self, Series};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let parts = series::over_time(spec, frame)?;
    let Some((from, to)) = series::extent(&parts) else {
        return axis::nothing(canvas, area, "No data in this window");
    };
    let notes = axis::notes(spec, frame)?;
    let stacks = stack(&parts);
    let low = stacks.iter().map(|b| b.from.min(b.to)).fold(0.0, f64::min);
    let high = stacks.iter().map(|b| b.from.max(b.to)).fold(0.0, f64::max);
    let format = scale::format(frame, &spec.y[0])?;
    let head = axis::HEAD + axis::notes_height(&notes);
    let ticks = axis::ticks(low, high, area.h - head - axis::FOOT);
    let mut tags: Vec<Tag> = parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let total = part.points.iter().filter_map(|p| p.1).sum();
            let (name, color) = (part.name.clone(), theme::series(i));
            Tag {
                y: 0.0,
                name,
                value: number::label(total, &format),
                color,
            }
        })
        .collect();
    let right = axis::tag_width(&tags, area);
    let plot = area.inset(axis::left_margin(&ticks, &format), head, right, axis::FOOT);
    let y = Linear::new(ticks[0], ticks[ticks.len() - 1], plot.bottom(), plot.y);
    let step = series::step(&parts) as f64;
    // Every column has its step of room, the first and the last too.
    let x = Linear::new(
        from as f64 - step / 2.0,
        to as f64 + step / 2.0,
        plot.x,
        plot.right(),
    );
    let slot = plot.w * step / (to as f64 - from as f64 + step);
    let width = (slot * 0.78).clamp(1.0, 90.0);
    axis::grid(canvas, plot, &y, &ticks, &format)?;
    for block in &stacks {
        let (a, b) = (y.at(block.from), y.at(block.to));
        let left = x.at(block.time as f64) - width / 2.0;
        canvas.rect(
            Rect::new(left, a.min(b), width, (a - b).abs()),
            theme::series(block.part),
        )?;
    }
    axis::dates(canvas, plot, &x, from, to)?;
    axis::annotate(canvas, plot, &x, &notes)?;
    // A tag stands at the height of its part in the last column that has it.
    for (i, tag) in tags.iter_mut().enumerate() {
        let last = stacks.iter().rev().find(|b| b.part == i && b.from != b.to);
        tag.y = last.map_or(plot.bottom(), |b| (y.at(b.from) + y.at(b.to)) / 2.0);
    }
    axis::tags(canvas, plot, right, tags)
}

pub(super) struct Block {
    pub part: usize,
    pub time: i64,
    pub from: f64,
    pub to: f64,
}

/// In order of time, then of the parts from the zero line outwards.
pub(super) fn stack(parts: &[Series]) -> Vec<Block> {
    let values: BTreeMap<(i64, usize), f64> = parts
        .iter()
        .enumerate()
        .flat_map(|(i, part)| {
            part.points
                .iter()
                .filter_map(move |(t, v)| Some(((*t, i), (*v)?)))
        })
        .collect();
    let times: BTreeSet<i64> = values.keys().map(|k| k.0).collect();
    let mut blocks = Vec::with_capacity(values.len());
    for time in times {
        let (mut above, mut below) = (0.0, 0.0);
        for part in 0..parts.len() {
            let Some(value) = values.get(&(time, part)).copied() else {
                continue;
            };
            let edge = if value < 0.0 { &mut below } else { &mut above };
            blocks.push(Block {
                part,
                time,
                from: *edge,
                to: *edge + value,
            });
            *edge += value;
        }
    }
    blocks
}
