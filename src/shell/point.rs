//! An error, and under it the line of the text that it is about. Pure.

use crate::base::{Error, Place};
use unicode_width::UnicodeWidthChar;

/// Columns of a line that are shown; of a longer one, the part around the place.
const SHOWN: usize = 100;

/// The error with its line and a mark under the place. `first` is the line on which the text begins in
/// what was given; `told` says whether lines have to be named, which they need not where there is one.
pub(super) fn pointed(error: &Error, text: &str, first: usize, told: bool) -> Error {
    let place = error
        .place()
        .filter(|place| text.lines().nth(place.line - 1).is_some());
    let line = first + place.map_or(0, |place| place.line - 1);
    let mut message = match told {
        true => format!("line {line}: {error}"),
        false => error.to_string(),
    };
    if let Some(place) = place {
        let number = line.to_string();
        let (shown, mark) = marked(text, place);
        message.push_str(&format!(
            "\n  {number} | {shown}\n  {} | {mark}",
            " ".repeat(number.len())
        ));
    }
    let pointed = Error::new(error.kind(), message);
    match error.advice() {
        Some(advice) => pointed.advise(advice),
        None => pointed,
    }
}

/// The line of the place, and a line of marks that stand under it.
fn marked(text: &str, place: Place) -> (String, String) {
    let line: Vec<char> = text
        .lines()
        .nth(place.line - 1)
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let at = (place.column - 1).min(line.len());
    let begin = match line.len() > SHOWN {
        true => at.saturating_sub(SHOWN / 2).min(line.len() - SHOWN),
        false => 0,
    };
    let end = line.len().min(begin + SHOWN);
    let dots = |hidden: bool| if hidden { "…" } else { "" };
    let shown: String = line[begin..end].iter().collect();
    let width = |part: &[char]| part.iter().filter_map(|c| c.width()).sum::<usize>();
    let marks = width(&line[at..end.min(at + place.length).max(at)]).max(1);
    let before = width(&line[begin..at]) + dots(begin > 0).chars().count();
    (
        format!("{}{shown}{}", dots(begin > 0), dots(end < line.len())),
        format!("{}{}", " ".repeat(before), "^".repeat(marks)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: usize, column: usize, length: usize) -> Error {
        Error::query("there is no column 'amuont' here")
            .advise("nearest: amount")
            .at(Place { line, column, length })
    }

    #[test]
    fn the_mark_stands_under_the_word() {
        let sql = "SELECT use_case,\n  amuont\nFROM ledger";
        let shown = pointed(&error(2, 3, 6), sql, 7, true);
        assert_eq!(
            shown.to_string(),
            "line 8: there is no column 'amuont' here\n  8 |   amuont\n    |   ^^^^^^"
        );
        assert_eq!(shown.advice(), Some("nearest: amount"));
        let wide = pointed(&error(1, 14, 6), "SELECT '費用' , amuont", 1, false);
        assert_eq!(
            wide.to_string(),
            "there is no column 'amuont' here\n  1 | SELECT '費用' , amuont\n    |                ^^^^^^"
        );
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let sql = format!("SELECT {} amuont, {} 1", "a, ".repeat(100), "b, ".repeat(100));
        let column = sql.find("amuont").map_or(0, |at| at + 1);
        let shown = pointed(&error(1, column, 6), &sql, 1, false).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let at = |line: &str, word: &str| line.split(word).next().map(|before| before.chars().count());
        assert_eq!(at(lines[1], "amuont"), at(lines[2], "^"), "{shown}");
        assert!(
            lines.iter().all(|line| line.chars().count() < SHOWN + 10),
            "{shown}"
        );
    }

    #[test]
    fn a_place_outside_of_the_text_or_none_at_all_is_no_trouble() {
        for place in [error(9, 1, 1), error(1, 900, 50)] {
            assert!(!pointed(&place, "SELECT", 1, true).to_string().is_empty());
        }
        assert_eq!(
            pointed(&Error::query("no"), "SELECT\n1", 3, true).to_string(),
            "line 3: no"
        );
    }
}
