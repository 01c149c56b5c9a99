//! A Document as one picture for an e-mail: 1600 pixels wide, as high as it needs to be. It is read on a
//! phone first, so the type is large and the words come before the charts.

mod table;

use super::chart;
use super::chart::canvas::{Align, Canvas, Rect, Type, picture};
use super::chart::theme;
use super::document::{Body, Document, Finding, Headline, Mood, Rows, Section};
use super::number;
use super::table::{Laid, lay};
use crate::base::Result;
use plotters::style::RGBColor;
use table::ROW;

pub const WIDTH: u32 = 1600;

const TITLE: Type = Type::new(theme::TITLE, theme::INK).bold();
const PERIOD: Type = Type::new(theme::LEAD, theme::MUTED);
const STAMP: Type = Type::new(theme::LABEL, theme::MUTED);
const HEADING: Type = Type::new(theme::HEADING, theme::INK).bold();
const LEAD: Type = Type::new(theme::LEAD, theme::INK);
const SMALL: Type = Type::new(theme::LABEL, theme::MUTED);

const CARDS_PER_ROW: usize = 4;
const CARD_GAP: f64 = 24.0;
const CARD_HEIGHT: f64 = 256.0;
const SECTION_HEAD: f64 = 104.0;
const SECTION_GAP: f64 = 56.0;
const SMALL_LINE: f64 = 38.0;
const LEAD_LINE: f64 = 47.0;

pub(super) fn svg_bytes(document: &Document) -> Result<Vec<u8>> {
    svg(document).map(String::into_bytes)
}

/// At its own size, which mail programs show without scaling up.
pub(super) fn png(document: &Document) -> Result<Vec<u8>> {
    super::png(&svg(document)?, 1.0)
}

/// At twice its size, for screens of many pixels and for slides.
pub(super) fn png_twice(document: &Document) -> Result<Vec<u8>> {
    super::png(&svg(document)?, 2.0)
}

/// The whole board.
pub fn svg(document: &Document) -> Result<String> {
    let width = f64::from(WIDTH) - 2.0 * theme::MARGIN;
    let page = Page {
        document,
        left: theme::MARGIN,
        width,
    };
    // The first pass measures, the second one draws: both walk the same way.
    let height = page.walk(None)?;
    let alt = alt(document);
    picture(WIDTH, height.ceil() as u32, &alt, |canvas| {
        canvas.rect(Rect::new(0.0, 0.0, f64::from(WIDTH), height), theme::PAPER)?;
        page.walk(Some(canvas)).map(|_| ())
    })
}

/// The picture in words.
pub fn alt(document: &Document) -> String {
    let figures = document.headlines.iter().map(|h| {
        let value = h
            .value
            .as_ref()
            .map_or(number::MISSING.to_owned(), super::document::Value::text);
        format!("{}: {value}.", h.label)
    });
    let findings = document.findings.iter().map(|f| f.text.clone());
    let mut words = vec![format!("{}, {}.", document.title, document.period)];
    words.extend(figures);
    words.extend(findings);
    words.join(" ")
}

pub(super) fn mood_color(mood: Mood) -> RGBColor {
    match mood {
        Mood::Good => theme::GOOD,
        Mood::Bad => theme::BAD,
        Mood::Plain => theme::MUTED,
    }
}

struct Page<'d> {
    document: &'d Document,
    left: f64,
    width: f64,
}

impl Page<'_> {
    /// Everything from top to bottom; returns the height. Without a canvas nothing is drawn.
    fn walk(&self, canvas: Option<&Canvas<'_>>) -> Result<f64> {
        let mut y = self.header(canvas, 0.0)?;
        y = self.cards(canvas, y + 32.0)?;
        y = self.findings(canvas, y + 40.0)?;
        y = self.sections(canvas, y + SECTION_GAP)?;
        y = self.footer(canvas, y)?;
        Ok(y + 40.0)
    }

    fn header(&self, canvas: Option<&Canvas<'_>>, top: f64) -> Result<f64> {
        let mut y = top + 96.0;
        if let Some(c) = canvas {
            c.rect(Rect::new(0.0, 0.0, f64::from(WIDTH), 12.0), theme::ACCENT)?;
            let period = PERIOD.width(&self.document.period);
            c.text(
                self.left,
                y,
                &TITLE.fit(&self.document.title, self.width - period - 40.0),
                TITLE,
            )?;
            c.text(
                self.left + self.width,
                y,
                &self.document.period,
                PERIOD.align(Align::Right),
            )?;
        }
        y += 56.0;
        let mut x = self.left;
        for stamp in &self.document.stamps {
            let label = format!("{} ", stamp.label);
            let value_kind = if stamp.warns {
                STAMP.bold().color(theme::BAD)
            } else {
                STAMP.color(theme::INK)
            };
            let value = value_kind.fit(&stamp.value, self.width - STAMP.width(&label));
            let wide = STAMP.width(&label) + 7.0 + value_kind.width(&value);
            if x > self.left && x + wide > self.left + self.width {
                x = self.left;
                y += SMALL_LINE;
            }
            if let Some(c) = canvas {
                c.text(x, y, label.trim_end(), STAMP)?;
                c.text(x + STAMP.width(&label) + 1.0, y, &value, value_kind)?;
            }
            x += wide + 30.0;
        }
        Ok(y + 8.0)
    }

    fn cards(&self, canvas: Option<&Canvas<'_>>, top: f64) -> Result<f64> {
        let cards = &self.document.headlines;
        if cards.is_empty() {
            return Ok(top);
        }
        let unit = (self.width - CARD_GAP * (CARDS_PER_ROW as f64 - 1.0)) / CARDS_PER_ROW as f64;
        // The first figure takes two places when that fills the grid.
        let first_is_wide = cards.len() % CARDS_PER_ROW == CARDS_PER_ROW - 1;
        let mut place = 0;
        for (i, card) in cards.iter().enumerate() {
            let places = if i == 0 && first_is_wide { 2 } else { 1 };
            let (column, row) = (place % CARDS_PER_ROW, place / CARDS_PER_ROW);
            let area = Rect::new(
                self.left + column as f64 * (unit + CARD_GAP),
                top + row as f64 * (CARD_HEIGHT + CARD_GAP),
                unit * places as f64 + CARD_GAP * (places as f64 - 1.0),
                CARD_HEIGHT,
            );
            if let Some(c) = canvas {
                draw_card(c, area, card, places > 1)?;
            }
            place += places;
        }
        let rows = place.div_ceil(CARDS_PER_ROW) as f64;
        Ok(top + rows * CARD_HEIGHT + (rows - 1.0) * CARD_GAP)
    }

    fn findings(&self, canvas: Option<&Canvas<'_>>, top: f64) -> Result<f64> {
        if self.document.findings.is_empty() {
            return Ok(top);
        }
        let mut y = top;
        for Finding { text, mood } in &self.document.findings {
            let lines = LEAD.wrap(text, self.width - 36.0);
            let height = lines.len() as f64 * LEAD_LINE;
            if let Some(c) = canvas {
                c.rect(
                    Rect::new(self.left, y + 6.0, 8.0, height - 10.0),
                    mood_color(*mood),
                )?;
                for (i, line) in lines.iter().enumerate() {
                    c.text(self.left + 30.0, y + 37.0 + i as f64 * LEAD_LINE, line, LEAD)?;
                }
            }
            y += height + 14.0;
        }
        Ok(y - 14.0)
    }

    fn sections(&self, canvas: Option<&Canvas<'_>>, top: f64) -> Result<f64> {
        let half = (self.width - theme::GUTTER * 1.5) / 2.0;
        let mut y = top;
        let mut rest = self.document.sections.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let pair = !first.wide && after.first().is_some_and(|s| !s.wide);
            let row = if pair { &rest[..2] } else { &rest[..1] };
            rest = &rest[row.len()..];
            let width = if pair { half } else { self.width };
            let notices = |s: &Section| {
                s.notices
                    .iter()
                    .map(|n| SMALL.wrap(n, width).len())
                    .sum::<usize>()
            };
            let mut body = 0.0_f64;
            for section in row {
                body = body.max(body_height(section)?);
            }
            let foot = row
                .iter()
                .map(|s| notices(s) as f64 * SMALL_LINE)
                .fold(0.0, f64::max);
            if let Some(c) = canvas {
                for (i, section) in row.iter().enumerate() {
                    let x = self.left + i as f64 * (half + theme::GUTTER * 1.5);
                    draw_section(c, Rect::new(x, y, width, SECTION_HEAD + body), section)?;
                }
            }
            y += SECTION_HEAD + body + foot + SECTION_GAP;
        }
        Ok(y)
    }

    fn footer(&self, canvas: Option<&Canvas<'_>>, top: f64) -> Result<f64> {
        if let Some(c) = canvas {
            c.line((self.left, top), (self.left + self.width, top), theme::GRID, 2.0)?;
        }
        let mut y = top + 44.0;
        for paragraph in &self.document.footer {
            for line in SMALL.wrap(paragraph, self.width) {
                if let Some(c) = canvas {
                    c.text(self.left, y, &line, SMALL)?;
                }
                y += SMALL_LINE;
            }
            y += 6.0;
        }
        Ok(y - SMALL_LINE)
    }
}

fn draw_card(c: &Canvas<'_>, area: Rect, card: &Headline, wide: bool) -> Result<()> {
    c.rect(area, theme::CARD)?;
    let inner = area.inset(24.0, 0.0, 20.0, 0.0);
    let kind = SMALL.shrunk(&card.label, inner.w);
    c.text(inner.x, area.y + 48.0, &kind.fit(&card.label, inner.w), kind)?;
    let value = card
        .value
        .as_ref()
        .map_or(number::MISSING.to_owned(), super::document::Value::text);
    // The figure is as large as its place allows.
    let space = if wide { inner.w * 0.48 } else { inner.w };
    let size = theme::FIGURE * (space / Type::new(theme::FIGURE, theme::INK).bold().width(&value)).min(1.0);
    let color = if card.value.is_some() {
        theme::INK
    } else {
        theme::MUTED
    };
    c.text(
        inner.x - 2.0,
        area.y + 126.0,
        &value,
        Type::new(size, color).bold(),
    )?;
    let mut spark_from = inner.x;
    if let Some(change) = card.change {
        let color = mood_color(change.mood(card.good));
        let y = area.y + 178.0;
        let mut x = inner.x;
        match change.direction() {
            1 => c.polygon(&[(x, y), (x + 18.0, y), (x + 9.0, y - 16.0)], color, 1.0)?,
            -1 => c.polygon(&[(x, y - 16.0), (x + 18.0, y - 16.0), (x + 9.0, y)], color, 1.0)?,
            _ => x -= 26.0,
        }
        x += 26.0;
        let kind = Type::new(theme::BODY, color).bold();
        let text = change.text().replace(['+', '−'], "");
        c.text(x, y, &text, kind)?;
        spark_from = x + kind.width(&text) + 22.0;
    }
    if let Some(note) = &card.note {
        let kind = SMALL.shrunk(note, inner.w);
        c.text(inner.x, area.y + 228.0, &kind.fit(note, inner.w), kind)?;
    }
    if let Some((spec, frame)) = &card.spark {
        let spark = if wide {
            Rect::new(inner.x + inner.w * 0.52, area.y + 36.0, inner.w * 0.48, 148.0)
        } else {
            let from = spark_from.max(inner.right() - 160.0);
            Rect::new(from, area.y + 144.0, inner.right() - from, 48.0)
        };
        if frame.rows() > 1 {
            chart::draw(c, spark, spec, frame)?;
        }
    }
    Ok(())
}

fn draw_section(c: &Canvas<'_>, area: Rect, section: &Section) -> Result<()> {
    c.text(
        area.x,
        area.y + 34.0,
        &HEADING.fit(&section.title, area.w),
        HEADING,
    )?;
    c.text(
        area.x,
        area.y + 76.0,
        &SMALL.fit(&section.subtitle, area.w),
        SMALL,
    )?;
    let body = area.inset(0.0, SECTION_HEAD, 0.0, 0.0);
    let mut below = body;
    match &section.body {
        Body::Chart(spec, frame) => {
            let height = if section.rows.is_some() {
                f64::from(section.height)
            } else {
                body.h
            };
            chart::draw(c, Rect { h: height, ..body }, spec, frame)?;
            below = body.inset(0.0, height + TABLE_GAP, 0.0, 0.0);
        }
        Body::Table(frame) if section.rows.is_none() => {
            table::draw(c, body, &lay(&Rows::plain(frame.clone()), fitting(body.h))?)?;
        }
        Body::Table(_) => {}
        Body::Empty(why) => chart::nothing(c, body, why)?,
    }
    if let Some(laid) = drawn_rows(section)? {
        table::draw(c, below, &laid)?;
    }
    let mut y = area.bottom() + 30.0;
    for notice in &section.notices {
        for line in SMALL.wrap(notice, area.w) {
            c.text(area.x, y, &line, SMALL)?;
            y += SMALL_LINE;
        }
    }
    Ok(())
}

const TABLE_GAP: f64 = 28.0;
/// Height of a box that says why there is nothing.
const EMPTY: f64 = 120.0;

/// Rows below the head that fit into a height.
fn fitting(height: f64) -> usize {
    ((height / ROW) as usize).saturating_sub(1)
}

/// The table that a picture shows below a chart, or in its place.
fn drawn_rows(section: &Section) -> Result<Option<Laid>> {
    match &section.rows {
        Some(rows) if rows.on_picture > 0 && rows.frame.rows() > 0 => lay(rows, rows.on_picture).map(Some),
        _ => Ok(None),
    }
}

/// What stands below a section's heading takes this much.
fn body_height(section: &Section) -> Result<f64> {
    let chart = match &section.body {
        Body::Chart(..) => f64::from(section.height),
        Body::Table(_) if section.rows.is_none() => f64::from(section.height),
        Body::Table(_) => 0.0,
        Body::Empty(_) if section.height == 0 => EMPTY,
        Body::Empty(_) => f64::from(section.height),
    };
    let Some(laid) = drawn_rows(section)? else {
        return Ok(chart);
    };
    let lines = 1 + laid.rows.len() + laid.totals.len() + usize::from(laid.hidden > 0);
    let gap = if chart > 0.0 { TABLE_GAP } else { 0.0 };
    Ok(chart + gap + lines as f64 * ROW)
}

#[cfg(test)]
mod tests;
