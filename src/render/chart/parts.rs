//! One bar per name, made of parts: drawn columns, or one column split by a series. What is negative hangs to
//! the left of zero. The sum stands at the end, the parts are named above.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK).bold();
const KEY: Type = Type::new(theme::LABEL, theme::MUTED);
const KEY_LINE: f64 = 36.0;
const ROW_MOST: f64 = 60.0;
const ROW_LEAST: f64 = 40.0;

struct Bar {
    name: String,
    /// By part; what is missing has no length.
    parts: Vec<Option<f64>>,
}

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let (names, mut bars) = bars(spec, frame)?;
    let values = || bars.iter().flat_map(|b| b.parts.iter().copied().flatten());
    if values().next().is_none() {
        return axis::nothing(canvas, area, "No values in this window");
    }
    let used: Vec<bool> = (0..names.len())
        .map(|i| bars.iter().any(|b| b.parts[i].is_some_and(|v| v != 0.0)))
        .collect();
    let head = key(canvas, area, &names, &used)?;
    let fitting = (((area.h - head) / ROW_LEAST) as usize).max(1);
    let hidden = if bars.len() > fitting {
        bars.len() - fitting + 1
    } else {
        0
    };
    bars.truncate(bars.len() - hidden);
    let format = scale::format(frame, &spec.y[0])?;
    let sum = |b: &Bar, keep: fn(f64) -> bool| -> f64 {
        b.parts.iter().copied().flatten().filter(|v| keep(*v)).sum()
    };
    let above = |b: &Bar| sum(b, |v| v > 0.0);
    let below = |b: &Bar| sum(b, |v| v < 0.0);
    let total = |b: &Bar| number::label(sum(b, |_| true), &format);
    let left = bars
        .iter()
        .map(|b| NAME.width(&b.name))
        .fold(0.0, f64::max)
        .min(area.w * 0.34)
        + 16.0;
    let right = bars.iter().map(|b| VALUE.width(&total(b))).fold(0.0, f64::max) + 16.0;
    let x = Linear::new(
        bars.iter().map(below).fold(0.0, f64::min),
        bars.iter().map(above).fold(0.0, f64::max),
        area.x + left,
        (area.right() - right).max(area.x + left + 20.0),
    );
    let rows = bars.len() + usize::from(hidden > 0);
    let each = ((area.h - head) / rows as f64).min(ROW_MOST);
    let thick = (each * 0.58).min(32.0);
    for (i, bar) in bars.iter().enumerate() {
        let middle = area.y + head + each * (i as f64 + 0.5);
        let kind = NAME.shrunk(&bar.name, left - 16.0).align(Align::Right);
        let name = kind.fit(&bar.name, left - 16.0);
        canvas.text(area.x + left - 16.0, middle + 9.5, &name, kind)?;
        let (mut up, mut down) = (0.0, 0.0);
        for (part, value) in bar.parts.iter().enumerate() {
            let Some(value) = value else { continue };
            let edge = if *value < 0.0 { &mut down } else { &mut up };
            let (a, b) = (x.at(*edge), x.at(*edge + value));
            canvas.rect(
                Rect::new(a.min(b), middle - thick / 2.0, (b - a).abs(), thick),
                theme::series(part),
            )?;
            *edge += value;
        }
        canvas.text(x.at(up) + 12.0, middle + 9.5, &total(bar), VALUE)?;
    }
    let bottom = area.y + head + each * bars.len() as f64;
    canvas.line(
        (x.at(0.0), area.y + head),
        (x.at(0.0), bottom),
        theme::AXIS,
        theme::HAIR,
    )?;
    if hidden > 0 {
        let kind = Type::new(theme::LABEL, theme::MUTED);
        canvas.text(
            x.at(0.0) + 10.0,
            bottom + each / 2.0 + 9.5,
            &format!("and {hidden} more in the table"),
            kind,
        )?;
    }
    Ok(())
}

/// The names of the parts, and the bars: rows as they come, or the largest sum first where rows are put together.
fn bars(spec: &ChartSpec, frame: &Frame) -> Result<(Vec<String>, Vec<Bar>)> {
    let mut names: Vec<String> = match &spec.series {
        Some(_) => Vec::new(),
        None => (0..spec.y.len()).map(|i| spec.label(i).to_owned()).collect(),
    };
    let mut bars: Vec<Bar> = Vec::new();
    for row in 0..frame.rows() {
        let name = frame.name(&spec.x, row)?;
        let at = bars.iter().position(|b| b.name == name).unwrap_or_else(|| {
            bars.push(Bar {
                name,
                parts: Vec::new(),
            });
            bars.len() - 1
        });
        match &spec.series {
            Some(column) => {
                let part = frame.name(column, row)?.replace('_', " ");
                let i = names.iter().position(|n| *n == part).unwrap_or_else(|| {
                    names.push(part);
                    names.len() - 1
                });
                put(&mut bars[at].parts, i, scale::value(frame, &spec.y[0], row)?);
            }
            None => {
                for (i, column) in spec.y.iter().enumerate() {
                    put(&mut bars[at].parts, i, scale::value(frame, column, row)?);
                }
            }
        }
    }
    for bar in &mut bars {
        bar.parts.resize(names.len(), None);
    }
    // Rows that are put together here come in the order of their largest part, not of their sums.
    if spec.series.is_some() {
        let sum = |bar: &Bar| bar.parts.iter().copied().flatten().sum::<f64>();
        bars.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
    }
    Ok((names, bars))
}

fn put(parts: &mut Vec<Option<f64>>, i: usize, value: Option<f64>) {
    if parts.len() <= i {
        parts.resize(i + 1, None);
    }
    parts[i] = match (parts[i], value) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
}

/// What the colours are, on as many lines as it takes; returns their height.
fn key(canvas: &Canvas<'_>, area: Rect, names: &[String], used: &[bool]) -> Result<f64> {
    let (mut x, mut y) = (area.x, area.y);
    for (i, name) in names.iter().enumerate().filter(|(i, _)| used[*i]) {
        let wide = 28.0 + KEY.width(name) + 30.0;
        if x > area.x && x + wide - 30.0 > area.right() {
            x = area.x;
            y += KEY_LINE;
        }
        canvas.rect(Rect::new(x, y + 5.0, 20.0, 20.0), theme::series(i))?;
        canvas.text(x + 28.0, y + 25.0, &KEY.fit(name, area.w - 28.0), KEY)?;
        x += wide;
    }
    Ok(y - area.y + KEY_LINE + 14.0)
}
