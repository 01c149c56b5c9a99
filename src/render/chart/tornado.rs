//! A tornado: how far each contributor alone moves a result away from where it stands, the widest first.
//! Drawn columns: the change in a good case (P10) and in a bad one (P90). The full colour reaches as far as
//! the change is certain, the light one as far as the bad or the good case goes. The target column is the
//! mean: a mark on the bar.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::theme;
use crate::base::{Error, Result};
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK).bold();
const KEY: Type = Type::new(theme::LABEL, theme::MUTED);
const HEAD: f64 = 52.0;
const ROW_MOST: f64 = 72.0;
const ROW_LEAST: f64 = 44.0;
const GAP: f64 = 12.0;

struct Bar {
    name: String,
    low: f64,
    high: f64,
    mean: Option<f64>,
}

impl Bar {
    /// From where to where the change is certain, on one side of zero.
    fn certain(&self) -> (f64, f64) {
        if self.low > 0.0 {
            (0.0, self.low)
        } else if self.high < 0.0 {
            (self.high, 0.0)
        } else {
            (0.0, 0.0)
        }
    }
}

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let [low, high] = spec.y.as_slice() else {
        return Err(Error::config(
            "a tornado draws two columns: the good and the bad case",
        ));
    };
    let mut bars = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        let ends = (scale::value(frame, low, row)?, scale::value(frame, high, row)?);
        if let (Some(low), Some(high)) = ends {
            bars.push(Bar {
                name: frame.text(&spec.x, row)?.unwrap_or_default(),
                low: low.min(high),
                high: low.max(high),
                mean: spec
                    .target
                    .as_ref()
                    .map_or(Ok(None), |c| scale::value(frame, c, row))?,
            });
        }
    }
    if bars.is_empty() {
        return axis::nothing(canvas, area, "Nothing moves the result");
    }
    let format = scale::format(frame, low)?;
    let fitting = (((area.h - HEAD) / ROW_LEAST) as usize).max(1);
    let hidden = if bars.len() > fitting {
        bars.len() - fitting + 1
    } else {
        0
    };
    bars.truncate(bars.len() - hidden);
    let label = |value: f64| {
        let plus = if value > 0.0 { "+" } else { "" };
        format!("{plus}{}", number::label(value, &format))
    };
    // A side that no bar reaches to has no labels, and no room.
    let least = bars.iter().map(|b| b.low).fold(0.0, f64::min);
    let most = bars.iter().map(|b| b.high).fold(0.0, f64::max);
    let room = |values: &mut dyn Iterator<Item = f64>| {
        values.map(|v| VALUE.width(&label(v)) + GAP).fold(0.0, f64::max)
    };
    let names = bars
        .iter()
        .map(|b| NAME.width(&b.name))
        .fold(0.0, f64::max)
        .min(area.w * 0.38)
        + 2.0 * GAP;
    let left = room(&mut bars.iter().filter(|b| b.low < 0.0).map(|b| b.low));
    let right = room(&mut bars.iter().map(|b| b.high));
    let from = area.x + names + left;
    let x = Linear::new(least, most, from, (area.right() - right).max(from + 20.0));
    let zero = x.at(0.0);
    key(canvas, area, spec, &bars)?;

    let rows = bars.len() + usize::from(hidden > 0);
    let each = ((area.h - HEAD) / rows as f64).min(ROW_MOST);
    let thick = (each * 0.56).min(34.0);
    for (i, bar) in bars.iter().enumerate() {
        let middle = area.y + HEAD + each * (i as f64 + 0.5);
        let strip = |a: f64, b: f64| Rect::new(x.at(a), middle - thick / 2.0, x.at(b) - x.at(a), thick);
        canvas.text(
            area.x,
            middle + 9.5,
            &NAME.fit(&bar.name, names - 2.0 * GAP),
            NAME,
        )?;
        canvas.rect(strip(bar.low.min(0.0), bar.high.max(0.0)), theme::ACCENT_SOFT)?;
        let (a, b) = bar.certain();
        canvas.rect(strip(a, b), theme::ACCENT)?;
        if let Some(mean) = bar.mean {
            let at = x.at(mean);
            let (top, bottom) = (middle - thick / 2.0 - 4.0, middle + thick / 2.0 + 4.0);
            canvas.line((at, top), (at, bottom), theme::INK, 3.0)?;
        }
        if bar.high > 0.0 {
            canvas.text(x.at(bar.high) + GAP, middle + 9.5, &label(bar.high), VALUE)?;
        }
        if bar.low < 0.0 {
            let at = x.at(bar.low) - GAP;
            canvas.text(at, middle + 9.5, &label(bar.low), VALUE.align(Align::Right))?;
        }
    }
    let bottom = area.y + HEAD + each * bars.len() as f64;
    canvas.line((zero, area.y + HEAD - 6.0), (zero, bottom), theme::AXIS, 2.0)?;
    if hidden > 0 {
        let more = format!("and {hidden} more in the table");
        canvas.text(area.x, bottom + each / 2.0 + 9.5, &more, KEY)?;
    }
    Ok(())
}

/// What the colours and the mark are; what no bar has is not explained.
fn key(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, bars: &[Bar]) -> Result<()> {
    let mut x = area.x;
    let certain = bars.iter().any(|b| b.certain() != (0.0, 0.0));
    let open = bars.iter().any(|b| b.high > b.low);
    for (shown, i, color) in [(certain, 0, theme::ACCENT), (open, 1, theme::ACCENT_SOFT)] {
        if shown {
            canvas.rect(Rect::new(x, area.y + 3.0, 22.0, 22.0), color)?;
            canvas.text(x + 32.0, area.y + 24.0, spec.label(i), KEY)?;
            x += 32.0 + KEY.width(spec.label(i)) + 36.0;
        }
    }
    if bars.iter().any(|b| b.mean.is_some()) {
        canvas.line((x + 4.0, area.y + 1.0), (x + 4.0, area.y + 27.0), theme::INK, 3.0)?;
        canvas.text(x + 18.0, area.y + 24.0, spec.label(2), KEY)?;
    }
    Ok(())
}
