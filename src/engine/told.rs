//! What is wrong with somebody's SQL, in words that help: the place in the text, and the nearest name there
//! is. The planner's own words speak of its stages.

use super::{Engine, query_error};
use crate::base::{Error, Place};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use std::collections::BTreeSet;

/// As many names as a reader can compare at a glance.
const NEAREST: usize = 3;

/// Words that a statement or one of its clauses begins with.
const WORDS: [&str; 24] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "LEFT",
    "INNER",
    "UNION",
    "WITH",
    "DISTINCT",
    "EXPLAIN",
    "DESCRIBE",
    "SHOW",
    "VALUES",
    "BETWEEN",
    "CASE",
    "WHEN",
    "WINDOW",
    "PARTITION",
    "QUALIFY",
];

/// The error of a statement that was planned or run in this engine.
pub(super) fn told(error: &DataFusionError, engine: &Engine) -> Error {
    let place = place(error);
    let root = error.find_root();
    let named = match root {
        DataFusionError::Plan(text) => missing(text, engine),
        DataFusionError::SQL(parser, _) => Some(syntax(parser)),
        _ => None,
    };
    let told = named.unwrap_or_else(|| query_error(error));
    match place {
        Some(place) if told.place().is_none() => told.at(place),
        _ => told,
    }
}

/// Why a text is no SQL.
pub(super) fn unreadable(error: &DataFusionError) -> Error {
    let told = match error.find_root() {
        DataFusionError::SQL(parser, _) => syntax(parser),
        _ => query_error(error),
    };
    match place(error) {
        Some(place) if told.place().is_none() => told.at(place),
        _ => told,
    }
}

fn place(error: &DataFusionError) -> Option<Place> {
    let span = error.diagnostic()?.span?;
    let (line, column) = (
        usize::try_from(span.start.line).ok()?,
        usize::try_from(span.start.column).ok()?,
    );
    let length = match span.end.line == span.start.line {
        true => span.end.column.saturating_sub(span.start.column),
        false => 1,
    };
    (line > 0 && column > 0).then(|| Place {
        line,
        column,
        length: usize::try_from(length).unwrap_or(1).max(1),
    })
}

/// The parser ends its sentence with the place; it is taken out of the words.
fn syntax(error: &ParserError) -> Error {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return Error::query("the statement is nested too deep")
                .advise("take parts of it apart with WITH");
        }
    };
    let (words, place) = match text.rsplit_once(" at Line: ") {
        Some((words, place)) => (words, place_in_words(place)),
        None => (text, None),
    };
    let words = words
        .replacen("Expected: ", "expected ", 1)
        .replacen(", found: ", ", found ", 1);
    let found = words
        .rsplit_once(", found ")
        .map(|(_, found)| found.trim().to_owned());
    let mut told = Error::query(format!("syntax: {words}"));
    if let Some(word) = found.as_deref().filter(|word| *word != "EOF")
        && let Some(near) = nearest(&word.to_uppercase(), WORDS).first()
        && !near.eq_ignore_ascii_case(word)
    {
        told = told.advise(format!("did you mean {near}?"));
    }
    match place {
        Some((line, column)) => told.at(Place {
            line,
            column,
            length: found.map_or(1, |word| word.chars().count()).max(1),
        }),
        None => told,
    }
}

/// `1, Column: 8`
fn place_in_words(text: &str) -> Option<(usize, usize)> {
    let (line, column) = text.split_once(", Column: ")?;
    Some((line.trim().parse().ok()?, column.trim().parse().ok()?))
}

/// A table or function that there is not, by what the planner says of it.
fn missing(text: &str, engine: &Engine) -> Option<Error> {
    let quoted = |before: &str| {
        let rest = text.strip_prefix(before)?;
        Some(rest.split_once('\'')?.0)
    };
    if let Some(name) = quoted("table '") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let names = engine.relation_names().unwrap_or_default();
        return Some(advised(
            Error::query(format!("there is no table '{name}'")),
            &nearest(name, names.iter().map(String::as_str)),
            "\\dt and \\dv list the tables and views of the shell, SHOW TABLES those of any client",
        ));
    }
    if let Some(name) = quoted("Invalid function '").or_else(|| quoted("table function '")) {
        let names = engine.function_names();
        return Some(advised(
            Error::query(format!("there is no function '{name}'")),
            &nearest(name, names.iter().map(String::as_str)),
            "\\df lists the functions of the shell, SHOW FUNCTIONS those of any client",
        ));
    }
    None
}

fn advised(error: Error, near: &[&str], otherwise: &str) -> Error {
    match near {
        [] => error.advise(otherwise),
        near => error.advise(format!("did you mean {}?", near.join(", "))),
    }
}

/// The few names that a slip of the pen away from this one, the nearest first.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let most = (name.chars().count() / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .map(|other| (strsim::damerau_levenshtein(&wanted, &other.to_lowercase()), other))
        .filter(|(slips, _)| *slips <= most)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(NEAREST).map(|(_, name)| name).collect()
}

impl Engine {
    /// Names of all functions.
    fn function_names(&self) -> BTreeSet<String> {
        let state = self.context.state();
        let mut names: BTreeSet<String> = state.scalar_functions().keys().cloned().collect();
        names.extend(state.aggregate_functions().keys().cloned());
        names.extend(state.window_functions().keys().cloned());
        names.extend(state.table_functions().keys().cloned());
        names
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_parsers_words_lose_their_place_and_keep_their_sense() {
        let error = syntax(&ParserError::ParserError(
            "Expected: an SQL statement, found: SELEC at Line: 2, Column: 3".to_owned(),
        ));
        assert_eq!(
            error.to_string(),
            "syntax: expected an SQL statement, found SELEC"
        );
        assert_eq!(error.advice(), Some("did you mean SELECT?"));
        let place = error.place().unwrap();
        assert_eq!((place.line, place.column, place.length), (2, 3, 5));
        let open = syntax(&ParserError::TokenizerError(
            "Unterminated string literal at Line: 1, Column: 8".to_owned(),
        ));
        assert_eq!(open.to_string(), "syntax: Unterminated string literal");
        assert_eq!(open.place().unwrap().column, 8);
    }

    #[test]
    fn the_nearest_names_are_few_and_near() {
        let names = ["charges", "charge_rules", "costs", "calls"];
        assert_eq!(nearest("chrges", names), ["charges"]);
        assert_eq!(nearest("Cost", names), ["costs"]);
        assert!(nearest("somewhere_else", names).is_empty());
    }
}
