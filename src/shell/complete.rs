//! What the word at the cursor may become: by what stands before it, and by the tables that the statement
//! reads. Pure.

use super::command::NAMES;
use super::options::SETTINGS;
use super::split::{What, pieces};
use super::words::Words;

/// A text for the place of what is typed, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub text: String,
    pub about: String,
    /// Bytes of the line that it takes the place of.
    pub start: usize,
    pub end: usize,
}

/// More than a screen of them helps nobody.
const MOST: usize = 200;

const KEYWORDS: [&str; 60] = [
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS JOIN",
    "CURRENT_DATE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "FALSE",
    "FILTER",
    "FROM",
    "FULL JOIN",
    "GROUP BY",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER JOIN",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "IS NOT NULL",
    "IS NULL",
    "JOIN",
    "LEFT JOIN",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS FIRST",
    "NULLS LAST",
    "OFFSET",
    "ON",
    "OR",
    "ORDER BY",
    "OVER",
    "PARTITION BY",
    "QUALIFY",
    "RIGHT JOIN",
    "SELECT",
    "SHOW TABLES",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "UNION ALL",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Words after which a table stands.
const BEFORE_TABLES: [&str; 4] = ["FROM", "JOIN", "DESCRIBE", "TABLE"];

pub(super) fn complete(line: &str, cursor: usize, words: &Words) -> Vec<Candidate> {
    let cursor = (0..=cursor.min(line.len()))
        .rev()
        .find(|at| line.is_char_boundary(*at))
        .unwrap_or(0);
    let all = pieces(&line[..cursor]);
    let mut found = match all.last().map(|piece| (piece, &line[piece.at..cursor])) {
        Some((piece, typed)) if piece.what == What::Command && !typed.contains('\n') => {
            command(line, cursor, typed, words)
        }
        Some((piece, typed)) if !piece.ended => statement(line, cursor, typed, words),
        _ => statement(line, cursor, "", words),
    };
    found.sort_by(|a, b| a.text.len().cmp(&b.text.len()).then_with(|| a.text.cmp(&b.text)));
    found.dedup_by(|a, b| a.text == b.text);
    found.truncate(MOST);
    found
}

/// Candidates for what stands between `start` and the cursor.
struct At<'a> {
    typed: &'a str,
    start: usize,
    end: usize,
}

impl At<'_> {
    fn takes(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let typed = self.typed.trim_start_matches('"').as_bytes();
        name.len() >= typed.len() && name[..typed.len()].eq_ignore_ascii_case(typed)
    }

    fn with(&self, text: impl Into<String>, about: impl Into<String>) -> Candidate {
        Candidate {
            text: text.into(),
            about: about.into(),
            start: self.start,
            end: self.end,
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn command(line: &str, cursor: usize, typed: &str, words: &Words) -> Vec<Candidate> {
    let before = &line[..cursor];
    let start = before
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let at = At {
        typed: &before[start..],
        start,
        end: cursor,
    };
    let first = typed.split_whitespace().next().unwrap_or(typed);
    let ends_open = before.ends_with(char::is_whitespace);
    if typed.split_whitespace().count() < 2 && !ends_open {
        let names = NAMES.iter().filter(|name| at.takes(name));
        return names.map(|name| at.with(*name, "")).collect();
    }
    let among = |names: &[&str]| -> Vec<Candidate> {
        let fitting = names.iter().filter(|name| at.takes(name));
        fitting.map(|name| at.with(*name, "")).collect()
    };
    match first {
        "\\d" => relations(&at, words),
        "\\df" => functions(&at, words, ""),
        "\\m" => metrics(&at, words),
        "\\x" => among(&["on", "off", "auto"]),
        "\\timing" => among(&["on", "off"]),
        "\\format" => among(&crate::app::table_formats()),
        "\\pset" if typed.contains("format ") => among(&crate::app::table_formats()),
        "\\pset" => among(&SETTINGS),
        "\\limit" | "\\timeout" => among(&["off"]),
        _ => Vec::new(),
    }
}

fn relations(at: &At<'_>, words: &Words) -> Vec<Candidate> {
    let fitting = words.relations.iter().filter(|relation| at.takes(&relation.name));
    fitting
        .map(|relation| at.with(quoted(&relation.name), relation.about.clone()))
        .collect()
}

fn functions(at: &At<'_>, words: &Words, after: &str) -> Vec<Candidate> {
    let fitting = words.functions.iter().filter(|(name, _)| at.takes(name));
    fitting
        .map(|(name, about)| at.with(format!("{name}{after}"), about.clone()))
        .collect()
}

fn metrics(at: &At<'_>, words: &Words) -> Vec<Candidate> {
    let fitting = words.metrics.iter().filter(|(name, _)| at.takes(name));
    fitting
        .map(|(name, about)| at.with(name.clone(), about.clone()))
        .collect()
}

fn statement(line: &str, cursor: usize, typed: &str, words: &Words) -> Vec<Candidate> {
    let begun = cursor - typed.len();
    // A text in quotes: the name of a metric, or nothing that could be known.
    if let Some(quote) = open_quote(typed) {
        let at = At {
            typed: &typed[quote + 1..],
            start: begun + quote + 1,
            end: cursor,
        };
        let call = typed[..quote].trim_end().to_lowercase();
        return match call.ends_with("metric(") {
            true => metrics(&at, words),
            false => Vec::new(),
        };
    }
    let word = typed
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_word(*c) || *c == '"')
        .last()
        .map_or(typed.len(), |(at, _)| at);
    let at = At {
        typed: &typed[word..],
        start: begun + word,
        end: cursor,
    };
    let before = &typed[..word];
    // The whole statement, of which a part may stand after the cursor.
    let rest = line[cursor..].split(';').next().unwrap_or_default();
    let whole = format!("{typed}{rest}");
    let read = tables_read(&whole);
    if let Some(qualified) = before.strip_suffix('.') {
        let owner: String = last_name(qualified);
        return columns(&at, words, |table| {
            read.iter()
                .any(|(name, alias)| name == table && (alias == &owner || name == &owner))
                || table == owner
        });
    }
    if wants_table(before) {
        let mut found = relations(&at, words);
        found.extend(functions(&at, words, "(").into_iter().filter(|c| {
            // Only those that give rows.
            words.table_functions.contains(c.text.trim_end_matches('('))
        }));
        return found;
    }
    let mut found = columns(&at, words, |table| read.iter().any(|(name, _)| name == table));
    if at.typed.is_empty() {
        return found;
    }
    found.extend(functions(&at, words, "("));
    let small = at.typed.contains(|c: char| c.is_lowercase());
    found.extend(KEYWORDS.iter().filter(|word| at.takes(word)).map(|word| {
        at.with(
            if small {
                word.to_lowercase()
            } else {
                (*word).to_owned()
            },
            "keyword",
        )
    }));
    // A table may be named before its FROM is written.
    if read.is_empty() {
        found.extend(relations(&at, words));
    }
    found
}

fn columns(at: &At<'_>, words: &Words, wanted: impl Fn(&str) -> bool) -> Vec<Candidate> {
    let tables = words.relations.iter().filter(|relation| wanted(&relation.name));
    tables
        .flat_map(|relation| relation.columns.iter())
        .filter(|column| at.takes(&column.0))
        .map(|(name, about)| at.with(quoted(name), about.clone()))
        .collect()
}

/// A name as it has to be written.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    // Columns that are called as a keyword is.
    const RESERVED: [&str; 6] = ["from", "to", "order", "group", "end", "case"];
    match plain && !RESERVED.contains(&name) {
        true => name.to_owned(),
        false => format!("\"{name}\""),
    }
}

/// Where a text in quotes begins that is still open.
fn open_quote(typed: &str) -> Option<usize> {
    let mut open = None;
    for (at, _) in typed.match_indices('\'') {
        open = match open {
            None => Some(at),
            Some(_) => None,
        };
    }
    open
}

fn last_name(text: &str) -> String {
    let name: Vec<char> = text
        .trim_end_matches('"')
        .chars()
        .rev()
        .take_while(|c| is_word(*c))
        .collect();
    name.into_iter().rev().collect()
}

/// Whether the next word names a table: after FROM or JOIN, or after a comma in a list of tables.
fn wants_table(before: &str) -> bool {
    let trimmed = before.trim_end();
    if trimmed.len() == before.len() && !before.is_empty() && !trimmed.ends_with(',') {
        return false;
    }
    let last = last_name(trimmed).to_uppercase();
    if BEFORE_TABLES.contains(&last.as_str()) {
        return true;
    }
    if !trimmed.ends_with(',') {
        return false;
    }
    // A comma belongs to the clause that was opened last.
    let clause = trimmed
        .split(|c: char| !is_word(c))
        .map(str::to_uppercase)
        .rfind(|word| {
            ["SELECT", "FROM", "WHERE", "BY", "ON", "HAVING", "VALUES", "USING"].contains(&word.as_str())
        });
    let deep = trimmed.matches('(').count() > trimmed.matches(')').count();
    clause.as_deref() == Some("FROM") && !deep
}

/// The tables that a statement reads, each with the name that it goes by there.
fn tables_read(sql: &str) -> Vec<(String, String)> {
    let tokens: Vec<&str> = sql
        .split_inclusive(|c: char| !(is_word(c) || c == '"' || c == '.'))
        .flat_map(|part| {
            let end = part.len()
                - part
                    .chars()
                    .last()
                    .filter(|c| !(is_word(*c) || *c == '"' || *c == '.'))
                    .map_or(0, char::len_utf8);
            [&part[..end], &part[end..]]
        })
        .filter(|token| !token.trim().is_empty())
        .collect();
    const CLAUSES: [&str; 21] = [
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "LIMIT",
        "OFFSET",
        "JOIN",
        "LEFT",
        "RIGHT",
        "INNER",
        "FULL",
        "CROSS",
        "ON",
        "USING",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "SELECT",
        "WINDOW",
        "QUALIFY",
        "FETCH",
    ];
    let mut read = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let word = tokens[at].to_uppercase();
        at += 1;
        if !["FROM", "JOIN", "DESCRIBE"].contains(&word.as_str()) {
            continue;
        }
        // A list of tables.
        while let Some(name) = tokens
            .get(at)
            .filter(|t| t.starts_with(|c: char| is_word(c) || c == '"'))
        {
            at += 1;
            let name = last_name(name);
            if tokens.get(at).is_some_and(|t| t.eq_ignore_ascii_case("as")) {
                at += 1;
            }
            let alias = tokens
                .get(at)
                .filter(|t| t.starts_with(is_word) && !CLAUSES.contains(&t.to_uppercase().as_str()))
                .map(|t| last_name(t));
            at += usize::from(alias.is_some());
            read.push((name.clone(), alias.unwrap_or(name)));
            match tokens.get(at) {
                Some(&",") => at += 1,
                _ => break,
            }
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::words::Known;

    fn words() -> Words {
        let known = |name: &str, columns: &[&str]| Known {
            name: name.to_owned(),
            about: format!("about {name}"),
            columns: columns.iter().map(|c| ((*c).to_owned(), String::new())).collect(),
        };
        Words {
            relations: vec![
                known("charges", &["billed_cost", "billing_currency", "from"]),
                known("costs", &["amount", "currency"]),
                known("focus", &["BilledCost"]),
            ],
            functions: [("coalesce", ""), ("metric", "rows of a metric"), ("count", "")]
                .map(|(name, about)| (name.to_owned(), about.to_owned()))
                .to_vec(),
            table_functions: ["metric".to_owned()].into(),
            metrics: vec![
                ("unit/cost_per_query".to_owned(), String::new()),
                ("spend/daily".to_owned(), String::new()),
            ],
        }
    }

    /// The line with each candidate in place, the cursor at `|`.
    fn completed(line: &str) -> Vec<String> {
        let cursor = line.find('|').unwrap_or(line.len());
        let line = line.replace('|', "");
        complete(&line, cursor, &words())
            .into_iter()
            .map(|c| format!("{}{}{}", &line[..c.start], c.text, &line[c.end..]))
            .collect()
    }

    #[test]
    fn tables_stand_after_from_and_columns_of_what_is_read_elsewhere() {
        assert_eq!(
            completed("SELECT * FROM c"),
            ["SELECT * FROM costs", "SELECT * FROM charges"]
        );
        assert_eq!(
            completed("SELECT * FROM costs, ch"),
            ["SELECT * FROM costs, charges"]
        );
        assert_eq!(
            completed("SELECT bill| FROM charges"),
            [
                "SELECT billed_cost FROM charges",
                "SELECT billing_currency FROM charges"
            ]
        );
        assert_eq!(
            completed("SELECT x FROM charges AS c, costs t WHERE t.am"),
            ["SELECT x FROM charges AS c, costs t WHERE t.amount"]
        );
        assert_eq!(completed("SELECT c.| FROM charges c").len(), 3);
        assert_eq!(
            completed("SELECT 1; SELECT am| FROM costs"),
            ["SELECT 1; SELECT amount FROM costs"]
        );
        assert_eq!(
            completed("SELECT 'ü', am| FROM costs"),
            ["SELECT 'ü', amount FROM costs"]
        );
    }

    #[test]
    fn names_are_written_as_they_have_to_be() {
        assert_eq!(
            completed("SELECT bil| FROM focus"),
            ["SELECT \"BilledCost\" FROM focus"]
        );
        assert_eq!(
            completed("SELECT c.fr| FROM charges c"),
            ["SELECT c.\"from\" FROM charges c"]
        );
    }

    #[test]
    fn keywords_follow_the_case_that_is_typed() {
        assert_eq!(completed("sel"), ["select"]);
        assert_eq!(completed("SEL"), ["SELECT"]);
        assert!(completed("SELECT coa").contains(&"SELECT coalesce(".to_owned()));
    }

    #[test]
    fn metrics_in_a_call_and_in_a_command() {
        assert_eq!(
            completed("SELECT * FROM metric('sp"),
            ["SELECT * FROM metric('spend/daily"]
        );
        assert_eq!(completed("SELECT * FROM met"), ["SELECT * FROM metric("]);
        assert_eq!(completed("\\m un"), ["\\m unit/cost_per_query"]);
        assert_eq!(completed("SELECT 'sp"), Vec::<String>::new());
    }

    #[test]
    fn commands_and_what_they_take() {
        assert_eq!(completed("\\ti"), ["\\timing", "\\timeout"]);
        assert_eq!(completed("\\d co"), ["\\d costs"]);
        assert_eq!(completed("\\x "), ["\\x on", "\\x off", "\\x auto"]);
        assert_eq!(completed("\\format nd"), ["\\format ndjson"]);
        assert_eq!(completed("\\pset pa"), ["\\pset pager"]);
    }

    #[test]
    fn any_text_is_completed_without_a_panic() {
        let alphabet = [
            "FROM ", "c", ".", ",", "'", "\"", "(", ";", "\\d ", "ü", "\n", "costs ", "AS ",
        ];
        for seed in 0..4_000_usize {
            let text: String = (0..7)
                .map(|i| alphabet[(seed * 13 + i * i * 7 + seed / (i + 1)) % alphabet.len()])
                .collect();
            for cursor in 0..=text.len() {
                complete(&text, cursor, &words());
            }
        }
    }
}
