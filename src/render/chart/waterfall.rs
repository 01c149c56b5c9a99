//! From one total to another in steps, top to bottom: each bar starts where the one before ended. The first
//! row is the starting total; the sum stands at the end. Where the drawn column has a label, all rows are
//! steps and the label is what their sum is called.

use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, Linear};
use super::theme;
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK).bold();

struct Step {
    name: String,
    from: f64,
    to: f64,
    total: bool,
    missing: bool,
}

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let mut steps: Vec<Step> = Vec::with_capacity(frame.rows() + 1);
    let mut running = 0.0;
    let sum = spec.labels.first();
    for row in 0..frame.rows() {
        let name = frame.name(&spec.x, row)?;
        let value = scale::value(frame, &spec.y[0], row)?;
        let to = running + value.unwrap_or(0.0);
        steps.push(Step {
            name,
            from: running,
            to,
            total: row == 0 && sum.is_none(),
            missing: value.is_none(),
        });
        running = to;
    }
    steps.push(Step {
        name: sum.map_or_else(|| "Sum".to_owned(), Clone::clone),
        from: 0.0,
        to: running,
        total: true,
        missing: false,
    });
    let format = scale::format(frame, &spec.y[0])?;
    let names = steps
        .iter()
        .map(|s| NAME.width(&s.name))
        .fold(0.0, f64::max)
        .min(area.w * 0.36)
        + 16.0;
    let label = |s: &Step| {
        let value = number::label(s.to - s.from, &format);
        if s.total || s.to < s.from {
            value
        } else {
            format!("+{value}")
        }
    };
    let values = steps.iter().map(|s| VALUE.width(&label(s))).fold(0.0, f64::max) + 14.0;
    let low = steps.iter().map(|s| s.to).fold(0.0, f64::min);
    let high = steps.iter().map(|s| s.to).fold(0.0, f64::max);
    let x = Linear::new(
        low,
        high,
        area.x + names,
        (area.right() - values).max(area.x + names + 20.0),
    );
    let height = (area.h / steps.len() as f64).min(60.0);
    let thick = height * 0.6;
    for (i, step) in steps.iter().enumerate() {
        let middle = area.y + height * (i as f64 + 0.5);
        let kind = NAME.shrunk(&step.name, names - 16.0).align(Align::Right);
        let name = kind.fit(&step.name, names - 16.0);
        canvas.text(area.x + names - 16.0, middle + 9.5, &name, kind)?;
        let (a, b) = (x.at(step.from), x.at(step.to));
        let color = match step {
            s if s.total => theme::ACCENT,
            // Parts of a whole are neither good nor bad.
            s if sum.is_some() && s.to >= s.from => theme::ACCENT_SOFT,
            s if s.to < s.from => theme::GOOD,
            _ => theme::PALETTE[5],
        };
        if step.missing {
            canvas.text(a + 10.0, middle + 9.5, number::MISSING, NAME.color(theme::MUTED))?;
            continue;
        }
        canvas.rect(
            Rect::new(a.min(b), middle - thick / 2.0, (b - a).abs().max(1.5), thick),
            color,
        )?;
        canvas.text(a.max(b) + 10.0, middle + 9.5, &label(step), VALUE)?;
        if i + 1 < steps.len() {
            canvas.line(
                (b, middle + thick / 2.0),
                (b, middle + height - thick / 2.0),
                theme::AXIS,
                theme::HAIR,
            )?;
        }
    }
    let zero = x.at(0.0);
    canvas.line(
        (zero, area.y),
        (zero, area.y + height * steps.len() as f64),
        theme::AXIS,
        theme::HAIR,
    )
}
