//! A script in pieces: statements, each up to its `;`, and commands that begin with a backslash and end with
//! their line. Pure.

/// One piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Byte of the script at which the text begins, and its line, from 1.
    pub(super) at: usize,
    pub(super) line: usize,
    /// Without the `;`, and without blanks and comments before it.
    pub(super) text: &'a str,
    pub(super) what: What,
    /// Whether it is at its end: by a `;`, or by the end of the line of a command.
    pub(super) ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Sql,
    Command,
}

pub(super) fn pieces(script: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut counted = (0, 1);
    while let Some(begin) = beginning(script, at) {
        counted.1 += script[counted.0..begin].matches('\n').count();
        counted.0 = begin;
        let rest = &script[begin..];
        let (what, length, ended) = match rest.starts_with('\\') {
            true => (What::Command, rest.find('\n').unwrap_or(rest.len()), true),
            false => match statement_end(rest) {
                Some(end) => (What::Sql, end, true),
                None => (What::Sql, rest.len(), false),
            },
        };
        at = begin + length;
        let text = rest[..length].trim_end();
        if !text.is_empty() {
            found.push(Piece {
                at: begin,
                line: counted.1,
                text,
                what,
                ended,
            });
        }
        // The `;` itself, or the end of a command's line.
        at += usize::from(at < script.len());
    }
    found
}

/// Whether what was typed can be run: nothing is left open.
pub(super) fn is_complete(text: &str) -> bool {
    if has_open_comment(text) {
        return false;
    }
    pieces(text).last().is_none_or(|piece| piece.ended)
}

/// Where the next piece begins: after blanks, empty statements and comments.
fn beginning(script: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = &script[at..];
        let first = rest.chars().next()?;
        if first.is_whitespace() || first == ';' {
            at += first.len_utf8();
        } else if let Some(length) = comment(rest) {
            at += length;
        } else {
            return Some(at);
        }
    }
}

/// Length of the comment that stands here.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("--") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.starts_with("/*")
        .then(|| block_end(rest).unwrap_or(rest.len()))
}

/// The end of a comment of several lines, in which others may stand.
fn block_end(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += here.chars().next()?.len_utf8();
        }
    }
}

fn has_open_comment(text: &str) -> bool {
    let mut at = 0;
    while let Some(length) = skip(&text[at..]) {
        if text[at..].starts_with("/*") && block_end(&text[at..]).is_none() {
            return true;
        }
        at += length;
    }
    false
}

/// Where the `;` of a statement stands.
fn statement_end(rest: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let here = &rest[at..];
        if here.starts_with(';') {
            return Some(at);
        }
        at += skip(here)?;
    }
}

/// Length of what stands here: a comment, a text in quotes, or one character. None: the end.
fn skip(here: &str) -> Option<usize> {
    let first = here.chars().next()?;
    if let Some(length) = comment(here) {
        return Some(length);
    }
    let quoted = |mark: &str| {
        let after = &here[mark.len()..];
        after
            .find(mark)
            .map_or(here.len(), |end| mark.len() + end + mark.len())
    };
    Some(match first {
        '\'' => quoted("'"),
        '"' => quoted("\""),
        '`' => quoted("`"),
        '$' => match dollar_mark(here) {
            Some(mark) => quoted(mark),
            None => 1,
        },
        c => c.len_utf8(),
    })
}

/// `$$` or `$word$`; a parameter such as `$from` is none.
fn dollar_mark(here: &str) -> Option<&str> {
    let end = here[1..].find('$')? + 1;
    let word = &here[1..end];
    let fits = word.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !word.starts_with(|c: char| c.is_ascii_digit());
    fits.then(|| &here[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<(usize, &str)> {
        pieces(script)
            .iter()
            .map(|piece| (piece.line, piece.text))
            .collect()
    }

    #[test]
    fn statements_end_with_a_semicolon_and_commands_with_their_line() {
        let script = "-- first\nSELECT 1;\n\\d charges\n\\x\nSELECT\n  ';', \"a;b\", $$;$$, $t$;$$;$t$ /* ; */ -- ;\n;;\n SELECT $from";
        assert_eq!(
            texts(script),
            [
                (2, "SELECT 1"),
                (3, "\\d charges"),
                (4, "\\x"),
                (5, "SELECT\n  ';', \"a;b\", $$;$$, $t$;$$;$t$ /* ; */ -- ;"),
                (8, "SELECT $from"),
            ]
        );
        assert_eq!(texts("SELECT 1; SELECT 2"), [(1, "SELECT 1"), (1, "SELECT 2")]);
        assert_eq!(texts(" \n;/* no */"), []);
        assert_eq!(
            texts("SELECT 'it''s; one'; SELECT 'ünï;'"),
            [(1, "SELECT 'it''s; one'"), (1, "SELECT 'ünï;'")]
        );
    }

    #[test]
    fn what_is_open_waits_for_more() {
        for open in [
            "SELECT 1",
            "SELECT 'a;",
            "SELECT 1 /* ;",
            "/* a",
            "SELECT 1; SELECT",
            "SELECT \"x;\n",
        ] {
            assert!(!is_complete(open), "{open}");
        }
        for closed in [
            "",
            "  \n",
            "SELECT 1;",
            "SELECT 1; -- and why",
            "\\d",
            "\\dt charges",
            "SELECT '\n';",
            "-- only",
        ] {
            assert!(is_complete(closed), "{closed}");
        }
    }

    #[test]
    fn any_text_is_cut_without_a_panic_and_nothing_is_lost() {
        let alphabet = [
            "'", "\"", ";", "/*", "*/", "--", "\n", "$", "$a$", "\\", "ü", " ", "x",
        ];
        for seed in 0..4_000_usize {
            let text: String = (0..8)
                .map(|i| alphabet[(seed * 31 + i * i * 17 + seed / (i + 1)) % alphabet.len()])
                .collect();
            let kept: usize = pieces(&text)
                .iter()
                .map(|piece| piece.text.matches('x').count())
                .sum();
            assert!(kept <= text.matches('x').count());
            is_complete(&text);
        }
    }
}
