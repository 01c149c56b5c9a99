//! Names of sheets: at most 31 characters, none of `[]:*?/\`, no apostrophe at an end, each one once.

use std::collections::BTreeSet;

const MOST: usize = 31;

pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    pub(super) fn new() -> Names {
        // Excel keeps this name for itself.
        Names {
            taken: BTreeSet::from(["history".to_owned()]),
        }
    }

    pub(super) fn of(&mut self, title: &str) -> String {
        let allowed = title.chars().map(|c| match c {
            '[' | ']' | ':' | '*' | '?' | '/' | '\\' => ' ',
            c if c.is_control() => ' ',
            c => c,
        });
        let words = allowed.collect::<String>();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = match words.trim_matches('\'') {
            "" => "Sheet",
            words => words,
        };
        for number in 1.. {
            let suffix = if number == 1 {
                String::new()
            } else {
                format!(" {number}")
            };
            let room = MOST - suffix.chars().count();
            let name = format!("{}{suffix}", cut(words, room));
            if self.taken.insert(name.to_lowercase()) {
                return name;
            }
        }
        words.to_owned()
    }
}

/// Cut at a blank where there is one in the second half.
fn cut(words: &str, room: usize) -> String {
    if words.chars().count() <= room {
        return words.to_owned();
    }
    let short: String = words.chars().take(room).collect();
    let at_blank = short.rfind(' ').filter(|at| *at > short.len() / 2);
    let short = at_blank.map_or(short.as_str(), |at| &short[..at]);
    short.trim_end_matches(['\'', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        let mut names = Names::new();
        assert_eq!(
            names.of("From the bill to the leaves"),
            "From the bill to the leaves"
        );
        assert_eq!(
            names.of("from the bill to the leaves"),
            "from the bill to the leaves 2"
        );
        assert_eq!(names.of("History"), "History 2");
        assert_eq!(names.of("a/b: [c]?*"), "a b c");
        assert_eq!(names.of("'''"), "Sheet");
        let long = names.of("Metered against billed, and why they differ");
        assert_eq!(long, "Metered against billed, and");
        assert!(
            names
                .of("Metered against billed, and why they differ")
                .chars()
                .count()
                <= MOST
        );
    }
}
