//! A table on a picture.

use super::SMALL;
use crate::base::Result;
use crate::render::chart::canvas::{Align, Canvas, Rect, Type};
use crate::render::chart::theme;
use crate::render::number;
use crate::render::table::Laid;

pub(super) const ROW: f64 = 42.0;

/// Columns as wide as what stands in them; what is left is shared. What is lacking is taken from the texts: a
/// figure is never cut.
pub(super) fn draw(c: &Canvas<'_>, area: Rect, laid: &Laid) -> Result<()> {
    const GAP: f64 = 22.0;
    let cell = Type::new(theme::LABEL, theme::INK);
    let columns = laid.heads.len();
    let mut widths = Vec::with_capacity(columns);
    for i in 0..columns {
        let texts = laid.rows.iter().map(|row| cell.width(&row[i]));
        let totals = laid.totals.iter().map(|row| cell.bold().width(&row[i]));
        widths.push(texts.chain(totals).fold(SMALL.width(&laid.heads[i]), f64::max) + GAP);
    }
    let wanted: f64 = widths.iter().sum();
    let texts: f64 = widths
        .iter()
        .zip(&laid.right)
        .filter(|(_, right)| !**right)
        .map(|(w, _)| w)
        .sum();
    let lacking = wanted - area.w;
    for (width, right) in widths.iter_mut().zip(&laid.right) {
        if lacking <= 0.0 {
            *width += -lacking / columns.max(1) as f64;
        } else if texts - lacking > 40.0 * columns as f64 {
            *width -= if *right { 0.0 } else { lacking * *width / texts };
        } else {
            *width *= area.w / wanted;
        }
    }
    let mut left = area.x;
    let rule = |y: f64, color| c.line((area.x, y), (area.right(), y), color, theme::HAIR);
    for (i, width) in widths.iter().enumerate() {
        let (x, align) = if laid.right[i] {
            // The last column of numbers ends where the page does.
            (
                left + width - if i + 1 == columns { 0.0 } else { GAP },
                Align::Right,
            )
        } else {
            (left, Align::Left)
        };
        let space = width - GAP + 1.0;
        c.text(
            x,
            area.y + 28.0,
            &SMALL.fit(&laid.heads[i], space),
            SMALL.align(align),
        )?;
        let lines = laid.rows.iter().map(|row| (row, cell));
        let totals = laid.totals.iter().map(|row| (row, cell.bold()));
        for (line, (row, kind)) in lines.chain(totals).enumerate() {
            let y = area.y + 28.0 + (line + 1) as f64 * ROW;
            c.text(x, y, &kind.fit(&row[i], space), kind.align(align))?;
        }
        left += width;
    }
    rule(area.y + ROW - 1.0, theme::AXIS)?;
    for line in 1..laid.rows.len() {
        rule(area.y + ROW * (line + 1) as f64 - 1.0, theme::GRID)?;
    }
    let end = area.y + ROW * (laid.rows.len() + 1) as f64 - 1.0;
    if !laid.totals.is_empty() {
        rule(end, theme::AXIS)?;
    }
    if laid.hidden > 0 {
        let y = end + ROW * laid.totals.len() as f64 + 29.0;
        let words = format!(
            "and {} more rows in the workbook",
            number::count(laid.hidden as i64)
        );
        c.text(area.x, y, &words, SMALL)?;
    }
    Ok(())
}
