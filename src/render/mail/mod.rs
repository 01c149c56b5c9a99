//! A Document as a mail: plain text with the figures, and a page that mail programs can show.
//!
//! Mail programs know tables and inline styles, little else; many show no pictures until they are asked to, and
//! some cut a mail after 100 kB. So every figure and finding is text in both bodies, the board's picture comes
//! after them with its words as alternative, and only short tables are in.

use super::document::{Body, Document, Mood, Section, Stamp, Value};
use super::{cell, number, table};
use crate::base::{Error, Result};
use crate::frame::{Frame, Role};
use askama::Template;

/// Longer tables are for the attachments.
const MOST_ROWS: usize = 15;
const MOST_COLUMNS: usize = 6;
/// A line of plain text.
const WIDTH: usize = 72;

#[derive(Template)]
#[template(
    path = "message.html",
    config = "src/render/mail/askama.toml",
    escape = "html"
)]
struct Page<'d> {
    document: &'d Document,
    preview: String,
    warnings: Vec<&'d Stamp>,
    stamps: Vec<&'d Stamp>,
    figures: Vec<Figure>,
    findings: Vec<(Ink, &'d str)>,
    picture: Option<(&'d str, String)>,
    tables: Vec<Table<'d>>,
    attached: &'d [String],
}

struct Figure {
    label: String,
    value: String,
    change: Option<String>,
    mood: Ink,
    note: Option<String>,
}

struct Table<'d> {
    title: &'d str,
    subtitle: &'d str,
    heads: Vec<(String, bool)>,
    rows: Vec<Vec<(String, bool)>>,
    notices: &'d [String],
}

/// The page. `picture`: the content id that the board's picture has in the mail. `attached`: names of the files
/// that come with it.
pub fn html(document: &Document, picture: Option<&str>, attached: &[String]) -> Result<String> {
    let (warnings, stamps) = document.stamps.iter().partition(|s| s.warns);
    let page = Page {
        document,
        preview: preview(document),
        warnings,
        stamps,
        figures: figures(document),
        findings: document
            .findings
            .iter()
            .map(|f| (color(f.mood), f.text.as_str()))
            .collect(),
        picture: picture.map(|id| (id, alt(document))),
        tables: document
            .sections
            .iter()
            .filter_map(|s| table(s).transpose())
            .collect::<Result<_>>()?,
        attached,
    };
    page.render()
        .map_err(|e| Error::internal(format!("the mail cannot be written: {e}")))
}

/// The figures as plain text: the most important line first.
pub fn text(document: &Document, attached: &[String]) -> String {
    let mut out = Vec::new();
    out.push(document.title.clone());
    out.push(document.period.clone());
    for stamp in document.stamps.iter().filter(|s| s.warns) {
        out.push(format!("! {}: {}", stamp.label, stamp.value));
    }
    out.push(String::new());
    for figure in figures(document) {
        let mut line = format!("{}: {}", figure.label, figure.value);
        if let Some(change) = figure.change {
            line.push_str(&format!(" ({change})"));
        }
        out.push(line);
        if let Some(note) = figure.note {
            out.push(format!("    {note}"));
        }
    }
    if !document.findings.is_empty() {
        out.push(String::new());
        for finding in &document.findings {
            out.extend(folded(&format!("- {}", finding.text), "  "));
        }
    }
    out.push(String::new());
    let stamps = document.stamps.iter().filter(|s| !s.warns);
    let stamps: Vec<String> = stamps.map(|s| format!("{}: {}", s.label, s.value)).collect();
    out.extend(folded(&stamps.join(" · "), ""));
    if !attached.is_empty() {
        out.push(format!("Attached: {}", attached.join(", ")));
    }
    if !document.footer.is_empty() {
        out.push(String::new());
        for paragraph in &document.footer {
            out.extend(folded(paragraph, ""));
        }
    }
    out.push(String::new());
    out.join("\n")
}

/// The subject: what and when, after a warning where the data is late or not all there.
pub fn subject(document: &Document) -> String {
    let period = document
        .period
        .split_once(", compared")
        .map_or(document.period.as_str(), |(period, _)| period);
    let warning = document
        .stamps
        .iter()
        .filter(|s| s.warns)
        .map(|s| match s.label.as_str() {
            "billed up to" | "late data" => "[late data] ",
            "re-priced" => "[re-priced] ",
            _ => "[incomplete data] ",
        });
    // One word is enough for a subject: what comes late weighs more than a row that is missing.
    let warnings: Vec<&str> = warning.collect();
    let warning = ["[late data] ", "[incomplete data] ", "[re-priced] "]
        .into_iter()
        .find(|w| warnings.contains(w))
        .unwrap_or("");
    format!("{warning}{}: {period}", document.title)
}

fn figures(document: &Document) -> Vec<Figure> {
    document
        .headlines
        .iter()
        .map(|h| Figure {
            label: h.label.clone(),
            value: h.value.as_ref().map_or(number::MISSING.to_owned(), Value::text),
            change: h.change.map(|c| c.text()),
            mood: h.change.map_or(color(Mood::Plain), |c| color(c.mood(h.good))),
            note: h.note.clone(),
        })
        .collect()
}

/// What a list of mails shows beside the subject.
fn preview(document: &Document) -> String {
    figures(document)
        .into_iter()
        .take(3)
        .map(|f| format!("{}: {}", f.label, f.value))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// What the picture shows; its figures are in the text already.
fn alt(document: &Document) -> String {
    let titles: Vec<&str> = document.sections.iter().map(|s| s.title.as_str()).collect();
    format!("{} as a picture: {}.", document.title, titles.join(", "))
}

/// A class of the style sheet, which can be dark, and the colour for programs that read no style sheet.
type Ink = (&'static str, &'static str);

fn color(mood: Mood) -> Ink {
    match mood {
        Mood::Good => ("good", "#0A7A55"),
        Mood::Bad => ("bad", "#B83A0A"),
        Mood::Plain => ("mute", "#556270"),
    }
}

fn table(section: &Section) -> Result<Option<Table<'_>>> {
    let (Body::Chart(_, frame) | Body::Table(frame)) = &section.body else {
        return Ok(None);
    };
    // A course over time is a picture, or a file for those who want its numbers.
    let over_time = frame.columns.iter().any(|c| c.role == Role::Time);
    if over_time || frame.rows() == 0 || frame.rows() > MOST_ROWS {
        return Ok(None);
    }
    let shown = shown_columns(frame)?;
    if shown.len() > MOST_COLUMNS {
        return Ok(None);
    }
    let mut heads = Vec::with_capacity(shown.len());
    let mut columns = Vec::with_capacity(shown.len());
    for (index, head) in shown {
        let right = cell::is_number(&frame.columns[index], frame.batch.column(index).data_type());
        heads.push((head, right));
        let missing = table::missing(&frame.columns[index].name);
        columns.push((cell::column_for_people(frame, index)?, missing, right));
    }
    let rows = (0..frame.rows())
        .map(|row| {
            let cells = columns.iter().map(|(texts, missing, right)| {
                let text = texts[row].clone().unwrap_or_else(|| missing.clone());
                (text, *right)
            });
            cells.collect()
        })
        .collect();
    Ok(Some(Table {
        title: &section.title,
        subtitle: &section.subtitle,
        heads,
        rows,
        notices: &section.notices,
    }))
}

/// The columns to show, with their heads. A currency that all rows share stands in the heads of the amounts.
fn shown_columns(frame: &Frame) -> Result<Vec<(usize, String)>> {
    let mut shared = None;
    for column in frame.columns.iter().filter(|c| c.role == Role::Currency) {
        let first = frame.text(&column.name, 0)?;
        let mut same = first.is_some();
        for row in 1..frame.rows() {
            same &= frame.text(&column.name, row)? == first;
        }
        shared = first.filter(|_| same);
    }
    let head = |name: &str| name.replace('_', " ");
    Ok(frame
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| c.role != Role::Currency || shared.is_none())
        .map(|(index, column)| match (&shared, column.role) {
            (Some(code), Role::Money) => (index, format!("{}, {code}", head(&column.name))),
            _ => (index, head(&column.name)),
        })
        .collect())
}

/// A paragraph in lines that a narrow window does not break again.
fn folded(text: &str, indent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fresh = lines.len();
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("{indent}{word}"));
            continue;
        }
        if !line.is_empty() && (fresh == 1 || line.len() > indent.len()) {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn both_bodies_say_every_figure_and_every_finding() {
        let document = sample::board();
        let page = html(&document, Some("board@spendscope"), &[]).unwrap();
        let plain = text(&document, &["board.xlsx".to_owned()]);
        for figure in figures(&document) {
            for part in [Some(figure.value), figure.change, figure.note]
                .into_iter()
                .flatten()
            {
                assert!(page.contains(&part), "{part}");
                assert!(plain.contains(&part), "{part}");
            }
        }
        let flat = plain.replace("\n  ", " ");
        for finding in &document.findings {
            assert!(page.contains(&finding.text), "{}", finding.text);
            assert!(flat.contains(&finding.text), "{}", finding.text);
        }
        for stamp in &document.stamps {
            assert!(page.contains(&stamp.value) && flat.replace('\n', " ").contains(&stamp.value));
        }
        assert!(plain.contains("Attached: board.xlsx"));
        assert!(plain.lines().all(|line| line.chars().count() <= 100), "{plain}");
        assert!(page.contains("src=\"cid:board@spendscope\""));
    }

    #[test]
    fn a_mail_program_gets_nothing_that_it_would_fetch_or_refuse() {
        let mut document = sample::board();
        document.title = "<script>alert('t')</script>".into();
        let page = html(&document, Some("a@b"), &[]).unwrap();
        for needle in [
            "<script",
            "http://",
            "https://",
            "<svg",
            "<link",
            "@import",
            "url(",
            "position:",
        ] {
            assert!(!page.contains(needle), "{needle}");
        }
        assert!(page.len() < 90_000, "{} bytes", page.len());
        // Without a picture, none is asked for.
        assert!(!html(&document, None, &[]).unwrap().contains("<img"));
    }

    #[test]
    fn a_subject_warns_of_late_data() {
        let mut document = sample::board();
        document.title = "AI cost board".into();
        document.period = "October 2026, compared with September".into();
        document.stamps.iter_mut().for_each(|s| s.warns = false);
        assert_eq!(subject(&document), "AI cost board: October 2026");
        let warning = |label: &str| Stamp {
            label: label.into(),
            value: "2".into(),
            warns: true,
        };
        document.stamps.push(warning("rejected rows"));
        assert_eq!(
            subject(&document),
            "[incomplete data] AI cost board: October 2026"
        );
        document.stamps.push(warning("billed up to"));
        assert_eq!(subject(&document), "[late data] AI cost board: October 2026");
    }
}
