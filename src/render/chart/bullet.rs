//! A value against its target, one row per name: a bar, a tick where the target is, the verdict in words.
//! Shares run to 100 %.

use super::axis;
use super::canvas::{Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number::{self, Format};

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const ROW_MOST: f64 = 140.0;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let format = scale::format(frame, &spec.y[0])?;
    let mut rows = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        rows.push((
            frame.text(&spec.x, row)?.unwrap_or_else(|| "all".to_owned()),
            scale::value(frame, &spec.y[0], row)?,
            spec.target
                .as_ref()
                .map_or(Ok(None), |c| scale::value(frame, c, row))?,
            spec.note.as_ref().map_or(Ok(None), |c| frame.text(c, row))?,
        ));
    }
    if rows.iter().all(|r| r.1.is_none()) {
        return axis::nothing(canvas, area, "Nothing was measured in this window");
    }
    let most = rows.iter().flat_map(|r| [r.1, r.2]).flatten().fold(0.0, f64::max);
    let full = if format == Format::Ratio {
        most.max(1.0)
    } else {
        most * 1.05
    };
    let x = Linear::new(0.0, full, area.x, area.right());
    let height = (area.h / rows.len() as f64).min(ROW_MOST);
    let thick = (height * 0.3).min(34.0);
    for (i, (name, value, target, note)) in rows.iter().enumerate() {
        let top = area.y + height * i as f64;
        let baseline = top + 27.0;
        let bar = top + 42.0;
        let verdict = match (value, target) {
            (Some(v), Some(t)) if v < t => theme::BAD,
            (Some(_), Some(_)) => theme::GOOD,
            _ => theme::INK,
        };
        let mut words = value.map_or(number::MISSING.to_owned(), |v| number::label(v, &format));
        if let Some(target) = target {
            words = format!("{words}, target {}", number::label(*target, &format));
        }
        let kind = Type::new(theme::LABEL, verdict).bold();
        let space = area.w - kind.width(&words) - 24.0;
        let mut label = NAME.fit(name, space);
        if let Some(note) = note {
            let rest = space - NAME.width(&label) - 14.0;
            let muted = Type::new(theme::LABEL, theme::MUTED);
            if rest > 80.0 {
                canvas.text(
                    area.x + NAME.width(&label) + 14.0,
                    baseline,
                    &muted.fit(note, rest),
                    muted,
                )?;
            }
        } else {
            label = NAME.fit(name, space);
        }
        canvas.text(area.x, baseline, &label, NAME)?;
        canvas.text(
            area.right(),
            baseline,
            &words,
            kind.align(super::canvas::Align::Right),
        )?;
        canvas.rect(Rect::new(area.x, bar, area.w, thick), theme::GRID)?;
        if let Some(value) = value {
            let color = if verdict == theme::INK {
                theme::ACCENT
            } else {
                verdict
            };
            canvas.rect(
                Rect::new(area.x, bar, (x.at(*value) - area.x).max(0.0), thick),
                color,
            )?;
        }
        if let Some(target) = target {
            let at = x.at(*target);
            canvas.rect(Rect::new(at - 2.5, bar - 6.0, 5.0, thick + 12.0), theme::INK)?;
        }
    }
    Ok(())
}
