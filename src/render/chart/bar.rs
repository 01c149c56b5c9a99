//! Horizontal bars from zero, one per name. A second column is what the bar becomes with everything loaded on
//! it: a light extension. Where a value is missing, the row says why in words; a note beside a value
//! is muted.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK).bold();
const LOADED: Type = Type::new(theme::LABEL, theme::MUTED);
const BETWEEN: f64 = 12.0;
const KEY_HEIGHT: f64 = 46.0;
const ROW_MOST: f64 = 60.0;
const ROW_LEAST: f64 = 40.0;
/// On a picture less wide than this, names get more of it.
const NARROW: f64 = 900.0;

struct Bar {
    name: String,
    first: Option<f64>,
    second: Option<f64>,
    note: Option<String>,
}

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let mut bars = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        bars.push(Bar {
            name: frame.name(&spec.x, row)?,
            first: scale::value(frame, &spec.y[0], row)?,
            second: spec.y.get(1).map_or(Ok(None), |c| scale::value(frame, c, row))?,
            note: spec.note.as_ref().map_or(Ok(None), |c| frame.text(c, row))?,
        });
    }
    let format = scale::format(frame, &spec.y[0])?;
    let two = spec.y.len() > 1;
    let head = if two { KEY_HEIGHT } else { 0.0 };
    if two {
        key(canvas, area, spec)?;
    }
    // What does not fit is counted, not squeezed.
    let fitting = (((area.h - head) / ROW_LEAST) as usize).max(1);
    let hidden = if bars.len() > fitting {
        bars.len() - fitting + 1
    } else {
        0
    };
    bars.truncate(bars.len() - hidden);
    let rows = bars.len() + usize::from(hidden > 0);
    let height = ((area.h - head) / rows as f64).min(ROW_MOST);

    let names = bars
        .iter()
        .map(|b| NAME.width(&b.name))
        .fold(0.0, f64::max)
        .min(area.w * if area.w < NARROW { 0.48 } else { 0.42 })
        + 16.0;
    let values = bars.iter().map(|b| label_width(b, &format)).fold(0.0, f64::max) + 14.0;
    let low = bars
        .iter()
        .flat_map(|b| [b.first, b.second])
        .flatten()
        .fold(0.0, f64::min);
    let high = bars
        .iter()
        .flat_map(|b| [b.first, b.second])
        .flatten()
        .fold(0.0, f64::max);
    let x = Linear::new(
        low,
        high,
        area.x + names,
        (area.right() - values).max(area.x + names + 20.0),
    );
    let zero = x.at(0.0);
    for (i, bar) in bars.iter().enumerate() {
        let middle = area.y + head + height * (i as f64 + 0.5);
        let baseline = middle + 9.5;
        let kind = NAME.shrunk(&bar.name, names - 16.0).align(Align::Right);
        let name = kind.fit(&bar.name, names - 16.0);
        canvas.text(area.x + names - 16.0, baseline, &name, kind)?;
        let thick = (height * 0.56).min(30.0);
        let strip =
            |from: f64, to: f64| Rect::new(from.min(to), middle - thick / 2.0, (to - from).abs(), thick);
        let Some(first) = bar.first else {
            let words = bar.note.as_deref().unwrap_or(number::MISSING);
            let kind = Type::new(theme::LABEL, theme::MUTED);
            canvas.text(
                zero + 10.0,
                baseline,
                &kind.fit(words, area.right() - zero - 10.0),
                kind,
            )?;
            continue;
        };
        if let Some(second) = bar.second {
            canvas.rect(strip(zero, x.at(second)), theme::ACCENT_SOFT)?;
        }
        canvas.rect(strip(zero, x.at(first)), theme::ACCENT)?;
        let end = x.at(first.max(bar.second.unwrap_or(first)).max(0.0));
        let text = number::label(first, &format);
        canvas.text(end + 10.0, baseline, &text, VALUE)?;
        let mut x = end + 10.0 + VALUE.width(&text) + BETWEEN;
        if let Some(second) = bar.second {
            let text = number::label(second, &format);
            canvas.text(x, baseline, &text, LOADED)?;
            x += LOADED.width(&text) + BETWEEN;
        }
        if let Some(note) = &bar.note {
            canvas.text(x, baseline, &LOADED.fit(note, area.right() - x), LOADED)?;
        }
    }
    if hidden > 0 {
        let baseline = area.y + head + height * (bars.len() as f64 + 0.5) + 9.5;
        let more = format!("and {hidden} more in the table");
        canvas.text(
            zero + 10.0,
            baseline,
            &more,
            Type::new(theme::LABEL, theme::MUTED),
        )?;
    }
    let bottom = area.y + head + height * rows as f64;
    canvas.line((zero, area.y + head), (zero, bottom), theme::AXIS, theme::HAIR)?;
    if bars.iter().all(|b| b.first.is_none() && b.note.is_none()) {
        return axis::nothing(canvas, area, "No values in this window");
    }
    Ok(())
}

/// Room of the value, and of the second one and the note beside it.
fn label_width(bar: &Bar, format: &number::Format) -> f64 {
    let Some(first) = bar.first else { return 0.0 };
    let second = bar.second.map_or(0.0, |second| {
        LOADED.width(&number::label(second, format)) + BETWEEN
    });
    let note = bar.note.as_deref().map_or(0.0, |n| LOADED.width(n) + BETWEEN);
    VALUE.width(&number::label(first, format)) + second + note
}

/// What the two parts of a bar are.
fn key(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec) -> Result<()> {
    let kind = LOADED;
    let mut x = area.x;
    for (i, color) in [(0, theme::ACCENT), (1, theme::ACCENT_SOFT)] {
        canvas.rect(Rect::new(x, area.y + 5.0, 20.0, 20.0), color)?;
        canvas.text(x + 28.0, area.y + 25.0, spec.label(i), kind)?;
        x += 28.0 + kind.width(spec.label(i)) + 30.0;
    }
    Ok(())
}
