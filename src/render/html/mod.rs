//! A Document as one page that needs nothing else: pictures inline as SVG, a table behind each, light and
//! dark, printable on A4. Every text is escaped by the template.

use super::board::{self, mood_color};
use super::chart::{self, theme};
use super::document::{Body, Document, Mood, Section, Value};
use super::number;
use super::table::{Laid, lay_page};
use crate::base::{Error, Result};
use askama::Template;
use std::collections::BTreeMap;

/// Width of a picture in pixels of the board's type scale.
const WIDE: u32 = 1640;
const HALF: u32 = 880;
/// On a phone the same marks get less width, so that their words stay readable.
const NARROW: u32 = 720;

#[derive(Template)]
#[template(path = "page.html", config = "src/render/html/askama.toml", escape = "html")]
struct Page<'d> {
    document: &'d Document,
    around: &'d Around,
    alt: String,
    style: String,
    cards: Vec<Card<'d>>,
    findings: Vec<(&'static str, &'d str)>,
    sections: Vec<Part<'d>>,
    annexes: Vec<Part<'d>>,
}

/// What a page that is served has beside its document: where its numbers can be followed to.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Where the style sheet is fetched from; none: it is part of the page.
    pub style: Option<String>,
    /// Above the title: HTML that a template has escaped.
    pub bar: Option<String>,
    /// Of each headline.
    pub cards: Vec<Vec<Link>>,
    /// Of each section, by its id.
    pub sections: BTreeMap<String, Beside>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub text: String,
    pub href: String,
}

#[derive(Debug, Clone, Default)]
pub struct Beside {
    pub links: Vec<Link>,
    /// Where each row of the table leads to.
    pub rows: Vec<Option<String>>,
    /// The query that its numbers come from.
    pub code: Option<String>,
}

static NOTHING_BESIDE: Beside = Beside {
    links: Vec::new(),
    rows: Vec::new(),
    code: None,
};

struct Card<'d> {
    links: &'d [Link],
    label: String,
    value: String,
    change: Option<String>,
    mood: &'static str,
    note: Option<String>,
    spark: Option<String>,
}

struct Part<'d> {
    id: &'d str,
    title: &'d str,
    subtitle: &'d str,
    wide: bool,
    picture: Option<String>,
    narrow: Option<String>,
    empty: Option<&'d str>,
    table: Option<Laid>,
    /// The table is the body itself, not folded away behind a picture.
    open: bool,
    /// What is written on the fold.
    fold: &'static str,
    notices: &'d [String],
    links: &'d [Link],
    hrefs: &'d [Option<String>],
    code: Option<&'d str>,
}

impl Part<'_> {
    /// Where a row leads to. A template hands out numbers by reference.
    fn href(&self, row: &usize) -> Option<&str> {
        self.hrefs.get(*row)?.as_deref()
    }
}

pub(super) fn render(document: &Document) -> Result<Vec<u8>> {
    page(document, &Around::default())
}

/// The style sheet that `Around::style` leads to.
pub fn style_sheet() -> String {
    format!("{}\n{}", style(), include_str!("style.css"))
}

/// A document as a page, with what stands around it.
pub fn page(document: &Document, around: &Around) -> Result<Vec<u8>> {
    let cards = document
        .headlines
        .iter()
        .enumerate()
        .map(|(place, h)| {
            let spark = match &h.spark {
                Some((spec, frame)) if frame.rows() > 1 => Some(themed(chart::svg(
                    spec,
                    frame,
                    200,
                    56,
                    &format!("{} over the window", h.label),
                )?)),
                _ => None,
            };
            Ok(Card {
                links: around.cards.get(place).map_or(&[], Vec::as_slice),
                label: h.label.clone(),
                value: h.value.as_ref().map_or(number::MISSING.to_owned(), Value::text),
                change: h.change.map(|c| c.text()),
                mood: h.change.map_or("plain", |c| mood_name(c.mood(h.good))),
                note: h.note.clone(),
                spark,
            })
        })
        .collect::<Result<_>>()?;
    let sections = document
        .sections
        .iter()
        .map(|s| part(s, around))
        .collect::<Result<_>>()?;
    let annexes = document
        .annexes
        .iter()
        .map(|section| {
            Ok(Part {
                open: false,
                fold: "Show the table",
                ..part(section, around)?
            })
        })
        .collect::<Result<_>>()?;
    let findings = document
        .findings
        .iter()
        .map(|f| (mood_name(f.mood), f.text.as_str()))
        .collect();
    let page = Page {
        document,
        around,
        alt: board::alt(document),
        style: style(),
        cards,
        findings,
        sections,
        annexes,
    };
    let text = page
        .render()
        .map_err(|e| Error::internal(format!("the page cannot be written: {e}")))?;
    Ok(text.into_bytes())
}

fn mood_name(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "good",
        Mood::Bad => "bad",
        Mood::Plain => "plain",
    }
}

fn part<'d>(section: &'d Section, around: &'d Around) -> Result<Part<'d>> {
    let beside = around.sections.get(&section.id).unwrap_or(&NOTHING_BESIDE);
    let (mut picture, mut narrow, mut empty) = (None, None, None);
    match &section.body {
        Body::Chart(spec, frame) => {
            let draw = |width, height| chart::svg(spec, frame, width, height, &section.alt());
            let height = section.height + section.height / 10;
            let wide = if section.wide { WIDE } else { HALF };
            picture = Some(themed(draw(wide, height)?));
            // What stands side by side on a screen stands below each other on a phone.
            let tall = chart::height(spec, frame, f64::from(NARROW))?.map_or(height, |h| h.max(height));
            narrow = Some(themed(draw(NARROW, tall)?));
        }
        Body::Table(_) => {}
        Body::Empty(why) => empty = Some(why.as_str()),
    }
    let table = match section.table() {
        Some(rows) => Some(lay_page(&rows)?),
        None => None,
    };
    Ok(Part {
        id: &section.id,
        title: &section.title,
        subtitle: &section.subtitle,
        wide: section.wide,
        open: matches!(section.body, Body::Table(_)),
        fold: "Data of this picture",
        picture,
        narrow,
        empty,
        table,
        notices: &section.notices,
        links: &beside.links,
        hrefs: &beside.rows,
        code: beside.code.as_deref(),
    })
}

fn hex(color: plotters::style::RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

/// Every text of a picture gets the width that it was measured with: a reader's machine has other fonts, and
/// a wider one would run out of the picture.
fn fitted(svg: &str) -> String {
    let mut parts = svg.split("<text ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("<text ");
        if let Some((attributes, rest)) = part.split_once('>') {
            let size = attributes
                .split_once("font-size=\"")
                .and_then(|(_, size)| size.split('"').next()?.parse().ok());
            let words = rest.split_once("</text>").map(|(words, _)| plain(words));
            if let (Some(size), Some(words)) = (size, words) {
                let bold = attributes.contains("font-weight=\"bold\"");
                let width = chart::canvas::text_width(&words, size, bold);
                out.push_str(&format!(
                    "textLength=\"{width:.0}\" lengthAdjust=\"spacingAndGlyphs\" "
                ));
            }
        }
        out.push_str(part);
    }
    out
}

/// A text of a picture as it is read.
fn plain(text: &str) -> String {
    text.trim_matches('\n')
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// The picture's colours become variables of the page, so that it can be dark. Only attributes are touched:
/// a text of the data that looks like a colour stays as it is.
fn themed(svg: String) -> String {
    let mut svg = fitted(&svg);
    for (color, name) in theme::NAMED {
        for attribute in ["fill", "stroke"] {
            let hex = hex(color);
            svg = svg.replace(
                &format!(" {attribute}=\"{hex}\""),
                &format!(" {attribute}=\"var(--{name},{hex})\""),
            );
        }
    }
    svg
}

/// The light theme's variables, from the constants that the pictures use.
fn style() -> String {
    let variables = theme::NAMED
        .iter()
        .map(|(color, name)| format!("--{name}:{}", hex(*color)));
    let moods = [("m-good", Mood::Good), ("m-bad", Mood::Bad)]
        .map(|(name, mood)| format!("--{name}:{}", hex(mood_color(mood))));
    format!(
        ":root{{{}}}",
        variables.chain(moods).collect::<Vec<_>>().join(";")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn the_page_stands_alone_and_escapes_everything() {
        let mut document = sample::board();
        document.title = "<script>alert('t')</script>".into();
        document.sections[0]
            .notices
            .push("a & b <img src=x onerror=y>".into());
        let page = String::from_utf8(render(&document).unwrap()).unwrap();
        assert!(!page.contains("<script"));
        assert!(!page.contains("<img src=x"));
        assert!(
            page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"),
            "{}",
            &page[..400]
        );
        // Nothing is fetched: the only addresses are the names of XML's own vocabularies.
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        for needle in ["http://", "https://", "<link", " src=\"", "@import", "url("] {
            assert!(!outside.contains(needle), "{needle}");
        }
    }

    #[test]
    fn a_text_of_a_picture_keeps_its_width_in_any_font() {
        let svg = "<svg><text x=\"1\" font-size=\"108\" font-weight=\"bold\">\na &amp; b\n</text></svg>";
        let width = chart::canvas::text_width("a & b", 108.0, true);
        assert!(fitted(svg).contains(&format!("<text textLength=\"{width:.0}\" lengthAdjust=")));
        assert_eq!(fitted("<svg></svg>"), "<svg></svg>");
    }

    #[test]
    fn every_chart_has_words_and_a_table() {
        let page = String::from_utf8(render(&sample::board()).unwrap()).unwrap();
        let charts = sample::board()
            .sections
            .iter()
            .filter(|s| matches!(s.body, Body::Chart(..)))
            .count();
        assert_eq!(page.matches("<details").count(), charts);
        // Once for a screen, once for a phone.
        assert_eq!(page.matches("<figure").count(), 2 * charts);
        assert_eq!(
            page.matches("<svg").count(),
            page.matches("role=\"img\" aria-label=").count()
        );
        assert!(page.contains("prefers-color-scheme:dark") && page.contains("size:A4"));
        assert!(page.contains("no success yet for $212.40"));
        assert!(!page.contains("NaN"));
    }
}
