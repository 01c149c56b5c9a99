//! A pipe table, rounded for people as the terminal's is.

use super::{cell, number};
use crate::base::Result;
use crate::frame::Frame;

pub(super) fn render(frame: &Frame) -> Result<Vec<u8>> {
    let mut out = String::new();
    let mut line = |texts: Vec<String>| {
        out.push_str("| ");
        out.push_str(&texts.join(" | "));
        out.push_str(" |\n");
    };
    line(frame.columns.iter().map(|c| escaped(&c.name)).collect());
    line(
        frame
            .columns
            .iter()
            .zip(frame.batch.columns())
            .map(|(c, a)| {
                if cell::is_number(c, a.data_type()) {
                    "---:"
                } else {
                    "---"
                }
                .to_owned()
            })
            .collect(),
    );
    let columns: Vec<Vec<Option<String>>> = (0..frame.columns.len())
        .map(|i| cell::column_for_people(frame, i))
        .collect::<Result<_>>()?;
    for row in 0..frame.rows() {
        line(
            columns
                .iter()
                .map(|texts| escaped(texts[row].as_deref().unwrap_or(number::MISSING)))
                .collect(),
        );
    }
    Ok(out.into_bytes())
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
    use crate::render::sample;

    #[test]
    fn cells_cannot_become_markup() {
        let shown = String::from_utf8(render(&sample::small()).unwrap()).unwrap();
        assert!(shown.starts_with("| use\\_case | currency | cost | rate |\n| --- | --- | ---: | ---: |\n"));
        assert_eq!(escaped("<b>|`x`"), "&lt;b&gt;\\|\\`x\\`");
    }
}
