//! A cursor over a JSON text. It steps over what nobody asks for by its quotes and brackets alone, and hands
//! out the rest as pieces of the text: nothing is copied, nothing is built. Whole documents are judged by
//! `serde_json`; this is for the many rows of a log, of which a few fields are wanted.

use super::MAX_DEPTH;
use memchr::memchr;
use std::borrow::Cow;
use std::fmt;

/// What is wrong with a text. It never shows the text itself: that may hold a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// It ends in the middle of a value.
    End,
    Other(Cow<'static, str>),
}

impl Broken {
    pub(super) fn because(what: impl Into<Cow<'static, str>>) -> Broken {
        Broken::Other(what.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::End => f.write_str("it ends in the middle of a value"),
            Broken::Other(what) => f.write_str(what),
        }
    }
}

pub(super) type Outcome<T> = Result<T, Broken>;

#[derive(Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// A text as it is written between its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    pub(super) inner: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Quoted<'a> {
    /// What the text says.
    pub(super) fn read(self) -> Outcome<Cow<'a, str>> {
        if !self.escaped {
            return Ok(Cow::Borrowed(self.inner));
        }
        let mut out = String::new();
        self.read_into(&mut out)?;
        Ok(Cow::Owned(out))
    }

    /// The same into a buffer that is used again.
    pub(super) fn read_into(self, out: &mut String) -> Outcome<()> {
        out.clear();
        let mut rest = self.inner;
        while let Some(at) = memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..at]);
            let Some(kind) = rest.as_bytes().get(at + 1) else {
                return Err(Broken::End);
            };
            // The sign after the backslash is one byte, or the text is refused before it is cut there.
            let (sign, used) = match kind {
                b'"' => ('"', 2),
                b'\\' => ('\\', 2),
                b'/' => ('/', 2),
                b'n' => ('\n', 2),
                b't' => ('\t', 2),
                b'r' => ('\r', 2),
                b'b' => ('\u{8}', 2),
                b'f' => ('\u{c}', 2),
                b'u' => escaped_sign(&rest.as_bytes()[at..])?,
                _ => return Err(Broken::because("an escape that JSON does not know")),
            };
            out.push(sign);
            rest = &rest[at + used..];
        }
        out.push_str(rest);
        Ok(())
    }
}

/// The sign that `\uXXXX` stands for, or two of them in a row, and how many bytes they take.
fn escaped_sign(text: &[u8]) -> Outcome<(char, usize)> {
    let code = |at: usize| {
        let digits = text
            .get(at..at + 6)
            .filter(|d| d.starts_with(b"\\u"))
            .and_then(|d| std::str::from_utf8(&d[2..]).ok())
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        digits.and_then(|d| u32::from_str_radix(d, 16).ok())
    };
    let lone = || Broken::because("an escape that is half a sign");
    let first = code(0).ok_or_else(|| Broken::because("an escape without its four digits"))?;
    if let Some(sign) = char::from_u32(first) {
        return Ok((sign, 6));
    }
    let second = code(6).filter(|low| (0xDC00..0xE000).contains(low) && first < 0xDC00);
    let second = second.ok_or_else(lone)?;
    let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    Ok((char::from_u32(joined).ok_or_else(lone)?, 12))
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Scan<'a> {
        Scan { text, at: 0 }
    }

    /// The first byte of what comes next, blanks aside.
    #[inline]
    pub(super) fn peek(&mut self) -> Outcome<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                None => return Err(Broken::End),
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                Some(byte) => return Ok(*byte),
            }
        }
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Outcome<()> {
        let found = self.peek()?;
        if found == wanted {
            self.at += 1;
            return Ok(());
        }
        Err(self.odd(match wanted {
            b':' => "no ':' after a key",
            b'"' => "a key without quotes",
            b'{' => "not an object",
            b'[' => "not a list",
            _ => "a sign where it does not belong",
        }))
    }

    fn odd(&self, what: &str) -> Broken {
        Broken::because(format!("{what}, at byte {}", self.at + 1))
    }

    /// Steps into an object or a list, which `open` begins. False when it is empty.
    #[inline]
    pub(super) fn enter(&mut self, open: u8) -> Outcome<bool> {
        self.expect(open)?;
        let close = open + 2;
        if self.peek()? == close {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// After an entry of an object or a list, which `open` began: is there another one?
    #[inline]
    pub(super) fn another(&mut self, open: u8) -> Outcome<bool> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == open + 2 => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.odd("no ',' after an entry")),
        }
    }

    /// A key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Outcome<Quoted<'a>> {
        if self.peek()? != b'"' {
            return Err(self.odd("a key without quotes"));
        }
        let key = self.quoted()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// The text that begins here.
    #[inline]
    pub(super) fn quoted(&mut self) -> Outcome<Quoted<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        let mut at = start;
        loop {
            let found = bytes.get(at..).and_then(quote_or_backslash);
            let Some(found) = found else {
                return Err(Broken::End);
            };
            at += found;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(Quoted {
                    inner: &self.text[start..at],
                    escaped,
                });
            }
            escaped = true;
            at += 2;
        }
    }

    /// The value that comes next, as it is written.
    #[inline]
    pub(super) fn raw(&mut self) -> Outcome<&'a str> {
        self.peek()?;
        let from = self.at;
        self.skip()?;
        Ok(&self.text[from..self.at])
    }

    /// Steps over the value that comes next.
    pub(super) fn skip(&mut self) -> Outcome<()> {
        match self.peek()? {
            b'"' => self.quoted().map(|_| ()),
            b'{' | b'[' => self.nested(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => {
                let number = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
                let rest = &self.text.as_bytes()[self.at..];
                self.at += rest.iter().position(|b| !number(b)).unwrap_or(rest.len());
                Ok(())
            }
            _ => Err(self.odd("no value")),
        }
    }

    fn word(&mut self, word: &str) -> Outcome<()> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        match word.as_bytes().starts_with(rest) {
            true => Err(Broken::End),
            false => Err(self.odd("no value")),
        }
    }

    /// Steps over an object or a list: brackets have to match, and nothing else is looked at.
    fn nested(&mut self) -> Outcome<()> {
        let bytes = self.text.as_bytes();
        let mut open = [0_u8; MAX_DEPTH];
        let mut depth = 0;
        loop {
            let sign = |b: &u8| matches!(b, b'"' | b'{' | b'}' | b'[' | b']');
            let Some(step) = bytes[self.at..].iter().position(sign) else {
                return Err(Broken::End);
            };
            self.at += step;
            match bytes[self.at] {
                b'"' => {
                    self.quoted()?;
                    continue;
                }
                bracket @ (b'{' | b'[') => {
                    let Some(place) = open.get_mut(depth) else {
                        return Err(Broken::because(format!("nested deeper than {MAX_DEPTH} levels")));
                    };
                    *place = bracket;
                    depth += 1;
                }
                bracket => {
                    depth -= 1;
                    if open[depth] + 2 != bracket {
                        return Err(self.odd("a bracket that closes another one"));
                    }
                }
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Steps over what is expected next, if it stands here, sign by sign.
    #[inline]
    pub(super) fn jump(&mut self, expected: &str) -> bool {
        let here = begins(self.text.as_bytes(), self.at, expected.as_bytes());
        if here {
            self.at += expected.len();
        }
        here
    }

    /// The byte that comes next, blanks or not.
    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What comes next, to the end.
    #[inline]
    pub(super) fn rest(&self) -> &'a str {
        // The cursor stands behind a sign that is one byte, or behind a text.
        &self.text[self.at..]
    }

    /// Goes on where a look at the rest has ended.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// What has been stepped over since `from`.
    pub(super) fn since(&self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    /// Where the cursor stands, for `since`.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Outcome<()> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(self.odd("something follows the end of the value")),
        }
    }
}

/// Whether `expected` stands in a text at `at`. Keys are so short that to call for a comparison takes longer than to
/// compare, in overlapping words.
#[inline]
pub(super) fn begins(text: &[u8], at: usize, expected: &[u8]) -> bool {
    let Some(found) = text.get(at..at + expected.len()) else {
        return false;
    };
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    match expected.len() {
        8..=16 => {
            word(found.first_chunk()) == word(expected.first_chunk())
                && word(found.last_chunk()) == word(expected.last_chunk())
        }
        17..=24 => {
            word(found.first_chunk()) == word(expected.first_chunk())
                && word(found[8..].first_chunk()) == word(expected[8..].first_chunk())
                && word(found.last_chunk()) == word(expected.last_chunk())
        }
        _ => found == expected,
    }
}

/// The first quote or backslash. Most texts are short: eight bytes at a time find it before a search of wider steps has
/// begun.
#[inline]
pub(super) fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    // The lowest high bit that is left stands for the first zero byte.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().take(8).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = words.len().min(8) * 8;
    memchr::memchr2(b'"', b'\\', &bytes[at..]).map(|found| at + found)
}

/// The entries of an object, as they are written.
pub(super) fn members<'a>(
    json: &'a str,
    found: &mut dyn FnMut(Cow<'a, str>, &'a str) -> Outcome<()>,
) -> Outcome<()> {
    let mut scan = Scan::new(json);
    let mut more = scan.enter(b'{')?;
    while more {
        let key = scan.key()?.read()?;
        found(key, scan.raw()?)?;
        more = scan.another(b'{')?;
    }
    scan.end()
}

/// The entries of a list, as they are written.
pub(super) fn elements<'a>(json: &'a str, found: &mut dyn FnMut(&'a str) -> Outcome<()>) -> Outcome<()> {
    let mut scan = Scan::new(json);
    let mut more = scan.enter(b'[')?;
    while more {
        found(scan.raw()?)?;
        more = scan.another(b'[')?;
    }
    scan.end()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn whole(json: &str) -> Outcome<&str> {
        let mut scan = Scan::new(json);
        let raw = scan.raw()?;
        scan.end()?;
        Ok(raw)
    }

    #[test]
    fn brackets_quotes_and_words() {
        for good in [
            "1",
            "-1.5e-7",
            "true",
            "null",
            "\"\"",
            "{}",
            "[]",
            r#"{"a": [1, {"b": "]}\\"}], "c": false}"#,
            " [ 1 , 2 ] ",
            r#""é\"""#,
        ] {
            assert_eq!(whole(good), Ok(good.trim()));
        }
        for cut in [
            "",
            " ",
            "\"",
            "\"\\",
            "\"\\\"",
            "{",
            "[1",
            r#"{"a"#,
            r#"{"a": "b}"#,
            "tru",
            "[[]",
        ] {
            assert_eq!(whole(cut), Err(Broken::End), "{cut}");
        }
        for odd in ["}", ":", "a", "trux", "{]", "[}", "1 2", "{} {}", "[1]]"] {
            assert!(matches!(whole(odd), Err(Broken::Other(_))), "{odd}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nest = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(whole(&nest(MAX_DEPTH)).is_ok());
        assert!(
            whole(&nest(MAX_DEPTH + 1))
                .unwrap_err()
                .to_string()
                .contains("deeper")
        );
        assert!(whole(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn escapes() {
        let read = |inner: &str| {
            let json = format!("\"{inner}\"");
            Scan::new(&json)
                .quoted()
                .and_then(|q| q.read().map(Cow::into_owned))
        };
        assert_eq!(read(r"a\n\t\/\\\u00e9\ud83d\ude00z").unwrap(), "a\n\t/\\é😀z");
        for odd in [r"\x", r"\u12", r"\ud83d", r"\ud83dx", r"\ude00\ud83d", r"\u+123"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn entries() {
        let mut found = Vec::new();
        members(r#" {"a\u0062": 1, "c" : [2]} "#, &mut |key, value| {
            found.push((key.into_owned(), value));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [("ab".to_owned(), "1"), ("c".to_owned(), "[2]")]);
        for odd in [
            "{1: 2}",
            r#"{"a" 2}"#,
            r#"{"a": 1 "b": 2}"#,
            r#"{"a": 1,}"#,
            r#"{"a": }"#,
            "[]",
        ] {
            assert!(members(odd, &mut |_, _| Ok(())).is_err(), "{odd}");
        }
        let mut sum = 0;
        elements("[1, 2,3]", &mut |value| {
            sum += value.parse::<i32>().unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(sum, 6);
        assert!(elements("[1,]", &mut |_| Ok(())).is_err());
    }

    proptest! {
        /// Whatever serde_json writes and reads, the cursor steps over whole; texts read the same.
        #[test]
        fn agrees_with_serde_json(text in any::<String>(), number in any::<f64>(), cut in 0..400_usize) {
            let value = serde_json::json!({"t": text, "n": number, "l": [text, {"k": text}], &text: null});
            let json = value.to_string();
            prop_assert_eq!(whole(&json), Ok(json.as_str()));
            let quoted = serde_json::to_string(&text).unwrap();
            let read = Scan::new(&quoted).quoted().and_then(Quoted::read).unwrap();
            prop_assert_eq!(read.as_ref(), text.as_str());
            // What is cut off is not whole.
            let end = json.char_indices().map(|(at, _)| at).filter(|at| *at < json.len()).nth(cut % json.chars().count());
            prop_assert!(whole(&json[..end.unwrap_or(0)]).is_err());
        }

        #[test]
        fn beginnings_are_compared(text in "[ab]{0,40}", at in 0..45_usize, length in 0..45_usize, odd in 0..45_usize) {
            let bytes = text.as_bytes();
            let mut expected: Vec<u8> = bytes.iter().skip(at).take(length).copied().collect();
            prop_assert!(at > text.len() || begins(bytes, at, &expected));
            if let Some(byte) = expected.get_mut(odd) {
                *byte ^= 3;
                prop_assert!(!begins(bytes, at, &expected));
            }
            expected.extend_from_slice(&[b'c'; 40]);
            prop_assert!(!begins(bytes, at, &expected));
        }

        #[test]
        fn quotes_and_backslashes_are_found(text in "[a!#\\[\\]\u{80}-\u{fff}]{0,90}", end in "[\"\\\\a]", more in "[\"\\\\a]{0,9}") {
            let bytes = format!("{text}{end}{more}").into_bytes();
            let expected = bytes.iter().position(|b| matches!(b, b'"' | b'\\'));
            prop_assert_eq!(quote_or_backslash(&bytes), expected);
        }

        #[test]
        fn never_panics(text in any::<String>(), bytes in "[\\[\\]{}\",:\\\\a1 u0-9]{0,40}") {
            let _ = whole(&text);
            let _ = whole(&bytes);
            let _ = members(&bytes, &mut |_, _| Ok(()));
        }
    }
}
