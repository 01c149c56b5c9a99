//! Several readings of one thing on one line, from zero: percentiles, or a value inside its interval. The
//! figures stand in columns at the right, below the name and colour of their dots.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK);
const HEAD: Type = Type::new(theme::LABEL, theme::MUTED);
const KEY: f64 = 50.0;
const ROW_MOST: f64 = 60.0;
const ROW_LEAST: f64 = 40.0;
const SWATCH: f64 = 16.0;
const GAP: f64 = 26.0;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let format = scale::format(frame, &spec.y[0])?;
    let fitting = (((area.h - KEY) / ROW_LEAST) as usize).max(1);
    let hidden = if frame.rows() > fitting {
        frame.rows() - fitting + 1
    } else {
        0
    };
    let shown = frame.rows() - hidden;
    let mut rows = Vec::with_capacity(shown);
    for row in 0..shown {
        let name = frame.name(&spec.x, row)?;
        let values = spec
            .y
            .iter()
            .map(|column| scale::value(frame, column, row))
            .collect::<Result<Vec<_>>>()?;
        let note = match &spec.note {
            Some(column) => frame.text(column, row)?,
            None => None,
        };
        rows.push((name, values, note));
    }
    let all = || rows.iter().flat_map(|r| r.1.iter().copied().flatten());
    if all().next().is_none() && rows.iter().all(|r| r.2.is_none()) {
        return axis::nothing(canvas, area, "No measured values in this window");
    }
    let text = |value: &Option<f64>| value.map_or(number::MISSING.to_owned(), |v| number::label(v, &format));
    let widths: Vec<f64> = (0..spec.y.len())
        .map(|i| {
            let head = SWATCH + 8.0 + HEAD.width(spec.label(i));
            rows.iter()
                .map(|r| VALUE.width(&text(&r.1[i])))
                .fold(head, f64::max)
                + GAP
        })
        .collect();
    let values: f64 = widths.iter().sum();
    let names = rows
        .iter()
        .map(|r| NAME.width(&r.0))
        .fold(0.0, f64::max)
        .min(area.w * 0.32)
        + 20.0;
    let plot = Rect::new(
        area.x + names,
        area.y + KEY,
        (area.w - names - values).max(60.0),
        area.h - KEY,
    );
    let each = (plot.h / (rows.len() + usize::from(hidden > 0)) as f64).min(ROW_MOST);
    let x = Linear::new(
        all().fold(0.0, f64::min),
        all().fold(0.0, f64::max),
        plot.x + 8.0,
        plot.right() - 8.0,
    );
    let bottom = plot.y + each * rows.len() as f64;
    canvas.line((x.at(0.0), plot.y), (x.at(0.0), bottom), theme::AXIS, theme::HAIR)?;

    let mut left = plot.right();
    for (i, width) in widths.iter().enumerate() {
        let right = left + width;
        let label = spec.label(i);
        let from = right - HEAD.width(label) - 8.0 - SWATCH;
        canvas.dot((from + SWATCH / 2.0, area.y + 17.0), SWATCH / 2.0, color(i))?;
        canvas.text(right, area.y + 26.0, label, HEAD.align(Align::Right))?;
        for (row, (_, values, note)) in rows.iter().enumerate() {
            if values.iter().all(Option::is_none) && note.is_some() {
                continue;
            }
            let baseline = plot.y + each * (row as f64 + 0.5) + 9.5;
            let kind = if i == 0 { VALUE.bold() } else { VALUE };
            canvas.text(right, baseline, &text(&values[i]), kind.align(Align::Right))?;
        }
        left = right;
    }
    for (row, (name, values, note)) in rows.iter().enumerate() {
        let middle = plot.y + each * (row as f64 + 0.5);
        let kind = NAME.shrunk(name, names - 20.0).align(Align::Right);
        let shown = kind.fit(name, names - 20.0);
        canvas.text(plot.x - 20.0, middle + 9.5, &shown, kind)?;
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        if known.is_empty() {
            if let Some(note) = note {
                let kind = Type::new(theme::LABEL, theme::MUTED);
                canvas.text(
                    x.at(0.0) + 10.0,
                    middle + 9.5,
                    &kind.fit(note, area.right() - x.at(0.0) - 10.0),
                    kind,
                )?;
            }
            continue;
        }
        let (low, high) = (
            known.iter().copied().fold(f64::INFINITY, f64::min),
            known.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        canvas.line((plot.x, middle), (plot.right(), middle), theme::GRID, theme::HAIR)?;
        canvas.line((x.at(low), middle), (x.at(high), middle), theme::ACCENT_SOFT, 8.0)?;
        // The first reading is the one that counts: it lies on top.
        for (i, value) in values.iter().enumerate().rev() {
            if let Some(value) = value {
                canvas.dot((x.at(*value), middle), if i == 0 { 10.0 } else { 8.0 }, color(i))?;
            }
        }
    }
    if hidden > 0 {
        let kind = Type::new(theme::LABEL, theme::MUTED);
        canvas.text(
            plot.x,
            bottom + each / 2.0 + 9.5,
            &format!("and {hidden} more in the table"),
            kind,
        )?;
    }
    Ok(())
}

fn color(i: usize) -> plotters::style::RGBColor {
    match i {
        0 => theme::ACCENT,
        i => theme::series(i),
    }
}
