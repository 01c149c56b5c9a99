//! A pipe table, rounded for people as the terminal's is.

use super::rows::{Layout, Rows};
use super::{cell, number};
use crate::base::Result;
use crate::frame::Frame;

pub(super) fn rows(_: &Layout) -> Box<dyn Rows> {
    Box::new(Markdown)
}

struct Markdown;

fn line(texts: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"| ");
    out.extend_from_slice(texts.join(" | ").as_bytes());
    out.extend_from_slice(b" |\n");
}

impl Rows for Markdown {
    fn begin(&mut self, head: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let names: Vec<String> = head.columns.iter().map(|c| escaped(&c.name)).collect();
        let rules: Vec<String> = head
            .columns
            .iter()
            .zip(head.batch.columns())
            .map(|(c, a)| match cell::is_number(c, a.data_type()) {
                true => "---:".to_owned(),
                false => "---".to_owned(),
            })
            .collect();
        line(&names, out);
        line(&rules, out);
        Ok(())
    }

    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let columns: Vec<Vec<Option<String>>> = (0..frame.columns.len())
            .map(|i| cell::column_for_people(frame, i))
            .collect::<Result<_>>()?;
        for row in 0..frame.rows() {
            let texts: Vec<String> = columns
                .iter()
                .map(|texts| escaped(texts[row].as_deref().unwrap_or(number::MISSING)))
                .collect();
            line(&texts, out);
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// Nothing of the data may end a cell or become markup.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::{rows::whole, sample};

    #[test]
    fn cells_cannot_become_markup() {
        let shown = String::from_utf8(whole(rows(&Layout::default()), &sample::small()).unwrap()).unwrap();
        assert!(shown.starts_with("| use\\_case | currency | cost | rate |\n| --- | --- | ---: | ---: |\n"));
        assert_eq!(escaped("<b>|`x`"), "&lt;b&gt;\\|\\`x\\`");
    }
}
