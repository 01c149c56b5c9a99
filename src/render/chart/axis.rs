//! What the charts over time share: thin grid lines, labels that do not collide, names beside their lines.

use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{Linear, nice_ticks};
use super::theme;
use crate::base::{Result, time};
use crate::frame::{ChartSpec, Frame};
use crate::render::number::{self, Format};
use chrono::{Datelike, Months, NaiveDate};
use plotters::style::RGBColor;
use std::collections::BTreeMap;

pub(super) const TICK: Type = Type::new(theme::LABEL, theme::MUTED);

/// Room for the labels of the time axis.
pub(super) const FOOT: f64 = 46.0;
/// Room above the plot, so that the topmost label is not cut.
pub(super) const HEAD: f64 = 16.0;

/// Round values for the vertical axis of a plot of this height.
pub(super) fn ticks(min: f64, max: f64, height: f64) -> Vec<f64> {
    nice_ticks(min, max, ((height / 84.0) as usize).clamp(2, 5))
}

/// Round values of a format: people count time in halves and quarters of minutes and hours, not in tens.
pub(super) fn ticks_of(format: &Format, min: f64, max: f64, height: f64) -> Vec<f64> {
    const STEPS: [f64; 17] = [
        1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 21600e3,
        43200e3, 86400e3,
    ];
    let timed = matches!(format, Format::Measure(unit) if unit == "ms");
    if !timed || max < 4e3 || min < 0.0 || max > 4e8 {
        return ticks(min, max, height);
    }
    let wanted = (height / 84.0).clamp(2.0, 5.0);
    let step = STEPS.into_iter().find(|s| max / s <= wanted).unwrap_or(86400e3);
    let last = (max / step - 1e-9).ceil() as i64;
    (0..=last.max(1)).map(|i| i as f64 * step).collect()
}

/// Room that the labels of the vertical axis take.
pub(super) fn left_margin(ticks: &[f64], format: &Format) -> f64 {
    ticks
        .iter()
        .map(|t| TICK.width(&tick_label(*t, format)))
        .fold(0.0, f64::max)
        + 14.0
}

/// No time is no time in any unit.
fn tick_label(tick: f64, format: &Format) -> String {
    match format {
        Format::Measure(unit) if unit == "ms" && tick == 0.0 => "0".to_owned(),
        _ => number::tick(tick, format),
    }
}

/// Grid lines with their values at the left; the zero line is darker.
pub(super) fn grid(
    canvas: &Canvas<'_>,
    plot: Rect,
    y: &Linear,
    ticks: &[f64],
    format: &Format,
) -> Result<()> {
    for tick in ticks {
        let at = y.at(*tick);
        let color = if *tick == 0.0 { theme::AXIS } else { theme::GRID };
        canvas.line((plot.x, at), (plot.right(), at), color, theme::HAIR)?;
        let label = tick_label(*tick, format);
        canvas.text(plot.x - 12.0, at + 9.0, &label, TICK.align(Align::Right))?;
    }
    Ok(())
}

/// Dates below the plot, as many as fit. `from` and `to` are the first and last time that is drawn.
pub(super) fn dates(canvas: &Canvas<'_>, plot: Rect, x: &Linear, from: i64, to: i64) -> Result<()> {
    let mut free_from = f64::NEG_INFINITY;
    for (day, label) in date_ticks(from, to, plot.w) {
        let at = x.at(day as f64);
        let half = TICK.width(&label) / 2.0;
        // A label at an end leans inwards instead of leaving the picture.
        let center = at.clamp(
            plot.x + half - 30.0,
            (plot.right() + 12.0 - half).max(plot.x + half),
        );
        if center - half < free_from {
            continue;
        }
        canvas.line(
            (at, plot.bottom()),
            (at, plot.bottom() + 7.0),
            theme::AXIS,
            theme::HAIR,
        )?;
        canvas.text(center, plot.bottom() + 38.0, &label, TICK.align(Align::Center))?;
        free_from = center + half + 16.0;
    }
    Ok(())
}

fn date_ticks(from: i64, to: i64, width: f64) -> Vec<(i64, String)> {
    let day = |micros: i64| time::from_micros(micros).date_naive();
    let (first, last) = (day(from), day(to));
    let days = (last - first).num_days() + 1;
    let room = ((width / 130.0) as i64).max(2);
    let micros = |d: NaiveDate| time::day_start(d).timestamp_micros();
    if days > 31 * room {
        return months(first, last)
            .into_iter()
            .map(|d| (micros(d), d.format("%b %Y").to_string()))
            .collect();
    }
    if days > 62 {
        let starts = months(first, last);
        if starts.len() >= 2 {
            return starts
                .into_iter()
                .map(|d| (micros(d), d.format("%-d %b").to_string()))
                .collect();
        }
    }
    let step = [1, 2, 7, 14, 28]
        .into_iter()
        .find(|s| days / s < room)
        .unwrap_or(28);
    (0..days)
        .step_by(step as usize)
        .filter_map(|i| first.checked_add_days(chrono::Days::new(i as u64)))
        .map(|d| (micros(d), d.format("%-d %b").to_string()))
        .collect()
}

fn months(first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
    let mut at = first.with_day(1).unwrap_or(first);
    if at < first {
        at = at + Months::new(1);
    }
    let mut starts = Vec::new();
    while at <= last {
        starts.push(at);
        at = at + Months::new(1);
    }
    starts
}

/// A name beside its line or area.
pub(super) struct Tag {
    pub y: f64,
    pub name: String,
    pub value: String,
    pub color: RGBColor,
}

const TAG: Type = Type::new(theme::LABEL, theme::INK);
const SWATCH: f64 = 18.0;
const TAG_LINE: f64 = 34.0;

/// Height of a tag: its value has a line of its own as long as all tags fit into `height` that way.
fn tag_height(tags: &[Tag], height: f64) -> f64 {
    let two_lines = 2.0 * TAG_LINE + 6.0;
    let one_line = TAG_LINE + 3.0;
    let fits = two_lines * tags.len() as f64 <= height;
    if fits && tags.iter().any(|t| !t.value.is_empty()) {
        two_lines
    } else {
        one_line
    }
}

/// Room that tags take at the right of a chart of this area.
pub(super) fn tag_width(tags: &[Tag], area: Rect) -> f64 {
    let stacked = tag_height(tags, area.h) > TAG_LINE * 1.5;
    let widest = tags
        .iter()
        .map(|t| {
            let (name, value) = (TAG.width(&t.name), TAG.bold().width(&t.value));
            SWATCH
                + 10.0
                + if stacked {
                    name.max(value)
                } else {
                    name + value + 8.0
                }
        })
        .fold(0.0, f64::max);
    // A picture is for its marks: names may take two fifths of it.
    if widest > 0.0 {
        (widest + 18.0).min(area.w * 0.4)
    } else {
        0.0
    }
}

/// Writes tags at the right of the plot, pushed apart so that none covers another: name, and its value below.
pub(super) fn tags(canvas: &Canvas<'_>, plot: Rect, width: f64, mut tags: Vec<Tag>) -> Result<()> {
    tags.sort_by(|a, b| a.y.total_cmp(&b.y));
    let (top, bottom) = (plot.y - HEAD, plot.bottom() + FOOT);
    let each = tag_height(&tags, bottom - top);
    let stacked = each > TAG_LINE * 1.5;
    let tops = spread(
        &tags.iter().map(|t| t.y - each / 2.0).collect::<Vec<_>>(),
        each,
        top,
        bottom,
    );
    for (tag, top) in tags.iter().zip(tops) {
        let x = plot.right() + 16.0;
        let baseline = top + 27.0;
        canvas.rect(Rect::new(x, baseline - 17.0, SWATCH, SWATCH), tag.color)?;
        let (left, space) = (x + SWATCH + 10.0, width - SWATCH - 28.0);
        if stacked {
            canvas.text(left, baseline, &TAG.fit(&tag.name, space), TAG)?;
            canvas.text(left, baseline + TAG_LINE - 2.0, &tag.value, TAG.bold())?;
        } else {
            let value = TAG.bold().width(&tag.value);
            let name = TAG.fit(&tag.name, space - value - 8.0);
            canvas.text(left, baseline, &name, TAG)?;
            if !tag.value.is_empty() {
                canvas.text(left + TAG.width(&name) + 8.0, baseline, &tag.value, TAG.bold())?;
            }
        }
    }
    Ok(())
}

/// Tops of boxes of one height, near where they want to be (in ascending order), none over another, all between
/// the bounds as long as they fit.
pub(super) fn spread(wanted: &[f64], height: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut tops: Vec<f64> = wanted.to_vec();
    let mut free = top;
    for t in &mut tops {
        *t = t.max(free);
        free = *t + height;
    }
    let mut limit = bottom;
    for t in tops.iter_mut().rev() {
        *t = t.min(limit - height);
        limit = *t;
    }
    tops
}

/// What happened, at its time: words above the plot with a line down into it.
pub(super) struct Note {
    at: i64,
    text: String,
}

const NOTE: Type = Type::new(theme::LABEL, theme::INK);
const NOTE_LINE: f64 = 36.0;
const NOTE_LEVELS: usize = 3;
const NOTE_GAP: f64 = 8.0;

/// The words of a chart over time, in order of time; those of one moment together.
pub(super) fn notes(spec: &ChartSpec, frame: &Frame) -> Result<Vec<Note>> {
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    if let Some(column) = &spec.note {
        for row in 0..frame.rows() {
            if let (Some(at), Some(text)) = (frame.micros(&spec.x, row)?, frame.text(column, row)?) {
                let texts = found.entry(at).or_default();
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
    }
    let note = |(at, texts): (i64, Vec<String>)| Note {
        at,
        text: texts.join("; "),
    };
    Ok(found.into_iter().map(note).collect())
}

/// Room above the plot that notes take.
pub(super) fn notes_height(notes: &[Note]) -> f64 {
    notes.len().min(NOTE_LEVELS) as f64 * NOTE_LINE
}

/// Where a note's words stand: level from the top, first and last pixel.
struct Placed {
    line: f64,
    level: usize,
    from: f64,
    to: f64,
}

impl Placed {
    /// Words do not cover each other, and no line runs through words below its own.
    fn meets(&self, other: &Placed) -> bool {
        let words = self.level == other.level && self.from < other.to && other.from < self.to;
        let through = |a: &Placed, b: &Placed| {
            a.level < b.level && a.line > b.from - NOTE_GAP && a.line < b.to + NOTE_GAP
        };
        words || through(self, other) || through(other, self)
    }
}

/// Writes notes above the plot. What finds no place is counted at the last one that did.
pub(super) fn annotate(canvas: &Canvas<'_>, plot: Rect, x: &Linear, notes: &[Note]) -> Result<()> {
    let levels = notes.len().min(NOTE_LEVELS);
    let top = plot.y - HEAD - notes_height(notes);
    let mut placed: Vec<(Placed, String)> = Vec::new();
    let mut hidden = 0;
    for note in notes {
        let line = x.at(note.at as f64);
        let text = NOTE.fit(&note.text, plot.w * 0.7);
        let width = NOTE.width(&text) + NOTE_GAP;
        let sides = [(line, line + width), (line - width, line)];
        let places = (0..levels).flat_map(|level| sides.iter().map(move |side| (level, *side)));
        let place = places
            .map(|(level, (from, to))| Placed {
                line,
                level,
                from,
                to,
            })
            .find(|p| {
                p.from >= plot.x - NOTE_GAP
                    && p.to <= plot.right() + 1.0
                    && !placed.iter().any(|(other, _)| p.meets(other))
            });
        match place {
            Some(place) => placed.push((place, text)),
            None => hidden += 1,
        }
    }
    if let Some((_, text)) = placed.last_mut()
        && hidden > 0
    {
        text.push_str(&format!(" (+{hidden})"));
    }
    for (place, text) in &placed {
        let baseline = top + place.level as f64 * NOTE_LINE + 26.0;
        let line = [(place.line, baseline - 20.0), (place.line, plot.bottom())];
        canvas.dashes(&line, theme::MUTED, 1.5)?;
        if place.from < place.line {
            canvas.text(place.line - NOTE_GAP, baseline, text, NOTE.align(Align::Right))?;
        } else {
            canvas.text(place.line + NOTE_GAP, baseline, text, NOTE)?;
        }
    }
    Ok(())
}

/// A sentence where there is nothing to draw.
pub(crate) fn nothing(canvas: &Canvas<'_>, area: Rect, why: &str) -> Result<()> {
    let area = Rect {
        h: area.h.min(200.0),
        ..area
    };
    canvas.rect(area, theme::CARD)?;
    let kind = Type::new(theme::BODY, theme::MUTED).align(Align::Center);
    let lines = kind.wrap(why, area.w - 64.0);
    let first = area.y + area.h / 2.0 - (lines.len() as f64 - 1.0) * 20.0 + 11.0;
    for (i, line) in lines.iter().enumerate() {
        canvas.text(area.x + area.w / 2.0, first + i as f64 * 40.0, line, kind)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_pushed_apart() {
        let tops = spread(&[10.0, 11.0, 12.0, 90.0], 20.0, 0.0, 100.0);
        assert!(tops.windows(2).all(|w| w[1] - w[0] >= 20.0 - 1e-9), "{tops:?}");
        assert!(tops[3] + 20.0 <= 100.0);
    }

    #[test]
    fn words_above_a_plot_do_not_cross() {
        let place = |line: f64, level, width: f64| Placed {
            line,
            level,
            from: line,
            to: line + width,
        };
        assert!(place(10.0, 0, 50.0).meets(&place(40.0, 0, 50.0)));
        assert!(!place(10.0, 0, 50.0).meets(&place(80.0, 0, 50.0)));
        // The later one below: its line does not reach up to the words of the earlier one.
        assert!(!place(10.0, 0, 50.0).meets(&place(40.0, 1, 50.0)));
        assert!(place(10.0, 1, 50.0).meets(&place(40.0, 0, 50.0)));
    }

    #[test]
    fn time_is_counted_as_people_do() {
        let seconds = |max: f64| -> Vec<f64> {
            let ms = Format::Measure("ms".to_owned());
            ticks_of(&ms, 0.0, max * 1e3, 338.0)
                .iter()
                .map(|t| t / 1e3)
                .collect()
        };
        assert_eq!(seconds(127.0), [0.0, 60.0, 120.0, 180.0]);
        assert_eq!(seconds(50.0), [0.0, 15.0, 30.0, 45.0, 60.0]);
        assert_eq!(seconds(5400.0), [0.0, 1800.0, 3600.0, 5400.0]);
        // Below a few seconds, and of anything else, tens are as good.
        assert_eq!(seconds(0.8), [0.0, 0.2, 0.4, 0.6, 0.8]);
        let money = Format::Money("USD".to_owned());
        assert_eq!(ticks_of(&money, 0.0, 97e3, 420.0)[1], 20e3);
    }

    #[test]
    fn dates_fit_their_window() {
        let day = 86_400_000_000;
        assert_eq!(date_ticks(0, 0, 700.0).len(), 1);
        assert!(date_ticks(0, 30 * day, 700.0).len() <= 6);
        assert!(date_ticks(0, 91 * day, 700.0).len() >= 3);
        assert!(date_ticks(0, 800 * day, 700.0).len() < 30);
    }
}
