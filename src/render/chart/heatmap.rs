//! A field of cells: one row per series, one column per name or point in time, as dark as its value is large.
//! A cell without a value is empty, and an empty column stands where a name or a day is missing between others.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::scale::{self, nice_ticks};
use super::theme;
use crate::base::{Result, time};
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::number;
use std::collections::BTreeMap;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const KEY: Type = Type::new(theme::LABEL, theme::MUTED);
const KEY_HEIGHT: f64 = 56.0;
const SWATCH: f64 = 34.0;
const NOTHING: &str = "no value";
const HIGHEST: &str = "highest";
const ROW_MOST: f64 = 50.0;
const BETWEEN: f64 = 2.0;
/// More columns than this are no wider than the lines between them.
const MOST_COLUMNS: usize = 400;

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let field = Field::of(spec, frame)?;
    let Some((peak, most)) = field.peak() else {
        return axis::nothing(canvas, area, "No measured values in this window");
    };
    if field.columns.len() > MOST_COLUMNS {
        return axis::nothing(canvas, area, "Too many columns to draw: see the table");
    }
    let format = scale::format(frame, &spec.y[0])?;
    let least = field.cells.values().copied().fold(0.0, f64::min);
    let ticks = nice_ticks(least, most, 4);
    let full = ticks.iter().fold(0.0_f64, |a, t| a.max(t.abs()));
    key(canvas, area, &ticks, full, &field, &format)?;
    let names = field
        .rows
        .iter()
        .map(|r| NAME.width(r))
        .fold(0.0, f64::max)
        .min(area.w * 0.3)
        + 16.0;
    let plot = area.inset(names, KEY_HEIGHT, 0.0, axis::FOOT);
    let high = (plot.h / field.rows.len() as f64).min(ROW_MOST);
    let wide = plot.w / field.columns.len() as f64;
    let between = BETWEEN.min(wide * 0.2);
    let cell = |(row, column): (usize, usize)| {
        Rect::new(
            plot.x + wide * column as f64,
            plot.y + high * row as f64,
            wide - between,
            high - BETWEEN,
        )
    };
    for (i, name) in field.rows.iter().enumerate() {
        let baseline = plot.y + high * (i as f64 + 0.5) + 8.5;
        let name = NAME.fit(name, names - 16.0);
        canvas.text(plot.x - 14.0, baseline, &name, NAME.align(Align::Right))?;
    }
    for (at, value) in &field.cells {
        paint(canvas, cell(*at), *value, full)?;
    }
    for row in 0..field.rows.len() {
        for column in 0..field.columns.len() {
            if !field.cells.contains_key(&(row, column)) {
                empty(canvas, cell((row, column)))?;
            }
        }
    }
    let bottom = Rect {
        h: high * field.rows.len() as f64,
        ..plot
    };
    field.labels(canvas, bottom, wide)?;
    let peak = cell(peak);
    canvas.outline(peak.inset(1.0, 1.0, 1.0, 1.0), theme::INK, 3.0)
}

/// As high as its rows need.
pub(super) fn height(spec: &ChartSpec, frame: &Frame) -> Result<f64> {
    let rows = Field::of(spec, frame)?.rows.len();
    Ok(KEY_HEIGHT + rows as f64 * ROW_MOST + axis::FOOT)
}

/// No value: nothing but a thin line, which no shade is.
fn empty(canvas: &Canvas<'_>, cell: Rect) -> Result<()> {
    let middle = cell.y + cell.h / 2.0;
    let half = (cell.w * 0.2).min(7.0);
    let center = cell.x + cell.w / 2.0;
    canvas.line(
        (center - half, middle),
        (center + half, middle),
        theme::AXIS,
        theme::HAIR,
    )
}

/// The shade of a value is its share of the full scale; below zero it is another colour.
fn paint(canvas: &Canvas<'_>, cell: Rect, value: f64, full: f64) -> Result<()> {
    canvas.rect(cell, theme::CARD)?;
    let share = (value.abs() / full).min(1.0);
    if share == 0.0 {
        return Ok(());
    }
    let color = if value < 0.0 {
        theme::PALETTE[5]
    } else {
        theme::ACCENT
    };
    canvas.shade(cell, color, (share * 1000.0).round() / 1000.0)
}

/// What the shades mean, and where the darkest is. In little room the first and the last shade must do.
fn key(
    canvas: &Canvas<'_>,
    area: Rect,
    ticks: &[f64],
    full: f64,
    field: &Field,
    format: &number::Format,
) -> Result<()> {
    let baseline = area.y + 26.0;
    let highest = field.peak().map(|((row, column), value)| {
        format!(
            "{}, {}: {}",
            field.rows[row],
            field.columns[column],
            number::label(value, format)
        )
    });
    let peak = NAME.bold().align(Align::Right);
    let words = highest
        .as_ref()
        .map_or(0.0, |text| KEY.width(HIGHEST) + 10.0 + peak.width(text));
    let label = |tick: &f64| number::tick(*tick, format);
    let wide = |text: &str| SWATCH + 8.0 + KEY.width(text) + 20.0;
    let gaps = field.cells.len() < field.rows.len() * field.columns.len();
    let gap = if gaps { wide(NOTHING) } else { 0.0 };
    let all: f64 = ticks.iter().map(|t| wide(&label(t))).sum();
    let few = all + gap + words > area.w;
    let mut x = area.x;
    for (i, tick) in ticks.iter().enumerate() {
        if few && i > 0 && i + 1 < ticks.len() {
            continue;
        }
        paint(canvas, Rect::new(x, area.y + 4.0, SWATCH, 26.0), *tick, full)?;
        let text = label(tick);
        canvas.text(x + SWATCH + 8.0, baseline, &text, KEY)?;
        x += wide(&text);
    }
    if gaps {
        empty(canvas, Rect::new(x, area.y + 4.0, SWATCH, 26.0))?;
        canvas.text(x + SWATCH + 8.0, baseline, NOTHING, KEY)?;
        x += gap;
    }
    if let Some(text) = highest {
        let from = area.right() - peak.width(&text);
        if from > x {
            canvas.text(area.right(), baseline, &text, peak)?;
        }
        if area.right() - words > x {
            canvas.text(area.right() - words, baseline, HIGHEST, KEY)?;
        }
    }
    Ok(())
}

/// The values by row and column, and what stands beside them.
struct Field {
    rows: Vec<String>,
    columns: Vec<String>,
    cells: BTreeMap<(usize, usize), f64>,
    /// First and last time, where the columns are time.
    time: Option<(i64, i64)>,
}

impl Field {
    fn of(spec: &ChartSpec, frame: &Frame) -> Result<Field> {
        let timed = frame.columns[frame.index(&spec.x)?].role == Role::Time;
        let mut rows: Vec<String> = Vec::new();
        let mut found: Vec<(usize, Place, f64)> = Vec::new();
        let mut places: Vec<Place> = Vec::new();
        for row in 0..frame.rows() {
            let place = if timed {
                match frame.micros(&spec.x, row)? {
                    Some(micros) => Place::Time(micros),
                    None => continue,
                }
            } else {
                Place::of(frame.name(&spec.x, row)?)
            };
            if !places.contains(&place) {
                places.push(place.clone());
            }
            let name = match &spec.series {
                Some(split) => frame.name(split, row)?,
                None => spec.label(0).to_owned(),
            };
            let at = rows.iter().position(|r| *r == name).unwrap_or_else(|| {
                rows.push(name);
                rows.len() - 1
            });
            if let Some(value) = scale::value(frame, &spec.y[0], row)? {
                found.push((at, place, value));
            }
        }
        let places = Place::all(places);
        let time = match (places.first(), places.last()) {
            (Some(Place::Time(from)), Some(Place::Time(to))) => Some((*from, *to)),
            _ => None,
        };
        let mut cells = BTreeMap::new();
        for (row, place, value) in found {
            if let Some(column) = places.iter().position(|p| *p == place) {
                *cells.entry((row, column)).or_insert(0.0) += value;
            }
        }
        Ok(Field {
            rows,
            columns: places.iter().map(Place::text).collect(),
            cells,
            time,
        })
    }

    fn peak(&self) -> Option<((usize, usize), f64)> {
        let mut best: Option<((usize, usize), f64)> = None;
        for (at, value) in &self.cells {
            if best.is_none_or(|(_, most)| *value > most) {
                best = Some((*at, *value));
            }
        }
        best
    }

    /// Names or dates below the columns, as many as fit.
    fn labels(&self, canvas: &Canvas<'_>, plot: Rect, wide: f64) -> Result<()> {
        if let Some((from, to)) = self.time {
            let step = (to - from) as f64 / (self.columns.len().max(2) - 1) as f64;
            let step = if step > 0.0 { step } else { 1.0 };
            // A date stands below the middle of its column.
            let x = scale::Linear::new(
                from as f64 - step / 2.0,
                to as f64 + step / 2.0,
                plot.x,
                plot.right(),
            );
            return axis::dates(canvas, plot, &x, from, to);
        }
        let widest = self
            .columns
            .iter()
            .map(|c| axis::TICK.width(c))
            .fold(0.0, f64::max);
        let each = [1, 2, 3, 4, 6, 8, 12, 24, 48]
            .into_iter()
            .find(|n| wide * *n as f64 >= widest + 14.0)
            .unwrap_or(self.columns.len());
        for (i, name) in self.columns.iter().enumerate().step_by(each.max(1)) {
            let center = plot.x + wide * (i as f64 + 0.5);
            let kind = axis::TICK.align(Align::Center);
            canvas.text(center, plot.bottom() + 34.0, name, kind)?;
        }
        Ok(())
    }
}

/// Where a column stands: by time, by number, or in order of appearance.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Time(i64),
    Number(i64),
    Name(String),
}

impl Place {
    fn of(text: String) -> Place {
        match text.parse::<i64>() {
            Ok(number) => Place::Number(number),
            Err(_) => Place::Name(text),
        }
    }

    fn text(&self) -> String {
        match self {
            Place::Time(micros) => time::from_micros(*micros).format("%-d %b").to_string(),
            Place::Number(number) => number.to_string(),
            Place::Name(name) => name.clone(),
        }
    }

    /// Every place from the first to the last: what has no row in between has a column of its own.
    fn all(found: Vec<Place>) -> Vec<Place> {
        let mut numbers: Vec<i64> = Vec::with_capacity(found.len());
        let mut timed = false;
        for place in &found {
            match place {
                Place::Time(at) => {
                    timed = true;
                    numbers.push(*at);
                }
                Place::Number(at) => numbers.push(*at),
                Place::Name(_) => return found,
            }
        }
        numbers.sort_unstable();
        let step = numbers.windows(2).map(|w| w[1] - w[0]).min().unwrap_or(1);
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return found;
        };
        let step = if timed { step.max(1) } else { 1 };
        if (last - first) / step >= MOST_COLUMNS as i64 {
            return found;
        }
        let mut all: Vec<i64> = (0..=(last - first) / step).map(|i| first + i * step).collect();
        all.extend(&numbers);
        all.sort_unstable();
        all.dedup();
        let place = |at| if timed { Place::Time(at) } else { Place::Number(at) };
        all.into_iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_between_others_has_a_column() {
        let numbers = |found: &[i64]| Place::all(found.iter().map(|n| Place::Number(*n)).collect());
        assert_eq!(
            numbers(&[3, 0, 1]),
            [0, 1, 2, 3].map(Place::Number),
            "hours stand in their order, and the third is there"
        );
        let days = Place::all([0, 1, 4].map(|d| Place::Time(d * 86_400_000_000)).to_vec());
        assert_eq!(days.len(), 5);
        let names = vec![Place::of("b".into()), Place::of("a".into())];
        assert_eq!(Place::all(names.clone()), names);
        // What no picture can hold is not filled up.
        assert_eq!(numbers(&[0, 1_000_000]).len(), 2);
    }
}
