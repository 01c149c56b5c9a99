//! A Document as Markdown: the figures, what stands out, and a table for every picture. It is the plain text
//! of a mail, too, so it is readable as it stands.

use super::document::{Body, Document, Mood, Section, Value};
use super::markdown::escaped;
use super::{number, table};
use crate::base::Result;

pub(super) fn render(document: &Document) -> Result<Vec<u8>> {
    let mut out = String::new();
    let mut paragraph = |text: &str| {
        out.push_str(text);
        out.push_str("\n\n");
    };
    paragraph(&format!("# {}", escaped(&document.title)));
    paragraph(&escaped(&document.period));
    let stamps = document.stamps.iter().map(|stamp| {
        let value = escaped(&stamp.value);
        let value = if stamp.warns {
            format!("**{value}**")
        } else {
            value
        };
        format!("{} {value}", escaped(&stamp.label))
    });
    paragraph(&stamps.collect::<Vec<_>>().join(" · "));
    if !document.headlines.is_empty() {
        let mut lines = vec![
            "| figure | value | change | note |".to_owned(),
            "| --- | ---: | ---: | --- |".to_owned(),
        ];
        for headline in &document.headlines {
            let value = headline
                .value
                .as_ref()
                .map_or(number::MISSING.to_owned(), Value::text);
            let change = headline.change.map_or_else(String::new, |c| c.text());
            let note = headline.note.as_deref().unwrap_or_default();
            let cells = [headline.label.as_str(), &value, &change, note].map(escaped);
            lines.push(format!("| {} |", cells.join(" | ")));
        }
        paragraph(&lines.join("\n"));
    }
    if !document.findings.is_empty() {
        let lines = document.findings.iter().map(|finding| {
            let text = escaped(&finding.text);
            if finding.mood == Mood::Bad {
                format!("- **!** {text}")
            } else {
                format!("- {text}")
            }
        });
        paragraph(&lines.collect::<Vec<_>>().join("\n"));
    }
    for part in document.sections.iter().chain(&document.annexes) {
        section(part, &mut paragraph)?;
    }
    for note in &document.footer {
        paragraph(&escaped(note));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    Ok(out.into_bytes())
}

fn section(section: &Section, paragraph: &mut impl FnMut(&str)) -> Result<()> {
    paragraph(&format!("## {}", escaped(&section.title)));
    if !section.subtitle.is_empty() {
        paragraph(&escaped(&section.subtitle));
    }
    if let Body::Empty(why) = &section.body {
        paragraph(&escaped(why));
    }
    if let Some(rows) = section.table() {
        let laid = table::lay_page(&rows)?;
        let line = |texts: &[String]| {
            format!(
                "| {} |",
                texts.iter().map(|t| escaped(t)).collect::<Vec<_>>().join(" | ")
            )
        };
        let rule: Vec<&str> = laid
            .right
            .iter()
            .map(|right| if *right { "---:" } else { "---" })
            .collect();
        let mut lines = vec![line(&laid.heads), format!("| {} |", rule.join(" | "))];
        lines.extend(laid.rows.iter().map(|row| line(row)));
        lines.extend(laid.totals.iter().map(|total| {
            let bold = total.iter().map(|t| match t.as_str() {
                "" => String::new(),
                text => format!("**{}**", escaped(text)),
            });
            format!("| {} |", bold.collect::<Vec<_>>().join(" | "))
        }));
        paragraph(&lines.join("\n"));
        if laid.hidden > 0 {
            paragraph(&format!(
                "{} more rows are in the workbook.",
                number::count(laid.hidden as i64)
            ));
        }
    }
    for notice in &section.notices {
        paragraph(&escaped(notice));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn figures_and_tables_are_there_and_nothing_is_markup() {
        let text = String::from_utf8(render(&sample::close()).unwrap()).unwrap();
        assert!(text.starts_with("# Month close\n\n"));
        for part in [
            "| Total AI spend | $101k |",
            "## Bills by source",
            "| **Total** | **USD** | **14** |",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let mut document = sample::close();
        document.title = "a | <b>*c*".into();
        let text = String::from_utf8(render(&document).unwrap()).unwrap();
        assert!(text.starts_with("# a \\| &lt;b&gt;\\*c\\*\n"));
    }
}
