//! What of SQL has to be known before it is parsed.

use super::{Error, Result};

/// Cases inside of cases. The parser tries each of them in several ways, so that its time multiplies with every
/// level: twenty levels would take it years.
const MAX_CASES: usize = 8;

/// Longest text of SQL. A report's longest query has a fiftieth of it.
const MAX_BYTES: usize = 1 << 20;

/// Refuses what the parser would not come to an end with.
pub fn parsable(sql: &str) -> Result<()> {
    if sql.len() > MAX_BYTES {
        return Err(Error::query(format!("SQL of more than {} KiB", MAX_BYTES >> 10)));
    }
    let mut depth = 0_usize;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // Comments and texts in quotes are stepped over.
        let end = if rest.starts_with("--") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|at| at + 2)
        } else if matches!(first, '\'' | '"' | '`') {
            rest[1..].find(first).map(|at| at + 2)
        } else if is_word(first) {
            rest.find(|c| !is_word(c))
        } else {
            Some(first.len_utf8())
        };
        let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if token.eq_ignore_ascii_case("case") {
            depth += 1;
            if depth > MAX_CASES {
                return Err(Error::query(format!(
                    "CASE is nested deeper than {MAX_CASES} levels"
                )));
            }
        } else if token.eq_ignore_ascii_case("end") {
            depth = depth.saturating_sub(1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_side_by_side_are_many_and_inside_of_each_other_few() {
        let nested = |n: usize| format!("{}1{}", "CASE WHEN true THEN ".repeat(n), " END".repeat(n));
        assert!(parsable(&"CASE WHEN a THEN b END, ".repeat(1_000)).is_ok());
        assert!(parsable(&nested(8)).is_ok());
        assert!(parsable(&nested(9)).is_err());
        assert!(parsable(&"-- in this case\n'a case' /* case */ ".repeat(20)).is_ok());
        assert!(parsable("'open /* case").is_ok());
        assert!(parsable(&" ".repeat(2 << 20)).is_err());
    }
}
