//! Lines of a text, with a limit on what one line may be.

use crate::source::MAX_RECORD_BYTES;
use memchr::memchr;
use std::io::{ErrorKind, Read, Result};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

pub(super) enum Line<'a> {
    /// A line without its end.
    Whole(&'a [u8]),
    /// The last one, which has no end: it may have been cut off.
    Unended(&'a [u8]),
    /// Longer than allowed; it has been stepped over.
    TooLong,
    End,
}

pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the next line begins, and up to where no line end stands.
    start: usize,
    searched: usize,
    /// The present line is too long.
    long: bool,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines {
            input,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            long: false,
            ended: false,
        }
    }

    pub(super) fn next(&mut self) -> Result<Line<'_>> {
        loop {
            let found = memchr(b'\n', &self.buffer[self.searched..]);
            if found.is_none() && !self.ended {
                if self.buffer.len() - self.start > MAX_RECORD_BYTES {
                    self.long = true;
                    self.start = self.buffer.len();
                }
                self.fill()?;
                continue;
            }
            let (start, end) = (self.start, found.map(|found| self.searched + found + 1));
            self.start = end.unwrap_or(self.buffer.len());
            self.searched = self.start;
            let line = &self.buffer[start..self.start];
            if std::mem::take(&mut self.long) || line.len() > MAX_RECORD_BYTES {
                return Ok(Line::TooLong);
            }
            return Ok(match end {
                Some(_) => Line::Whole(line.trim_ascii_end()),
                None if line.is_empty() => Line::End,
                None => Line::Unended(line.trim_ascii_end()),
            });
        }
    }

    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let have = self.buffer.len();
        self.searched = have;
        self.buffer.resize(have + CHUNK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[have..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(have + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(text: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(text);
        let mut found = Vec::new();
        loop {
            let text = |line: &[u8]| String::from_utf8(line[..line.len().min(9)].to_vec()).unwrap();
            found.push(match lines.next().unwrap() {
                Line::Whole(line) => text(line),
                Line::Unended(line) => format!("{}…", text(line)),
                Line::TooLong => "too long".to_owned(),
                Line::End => return found,
            });
        }
    }

    #[test]
    fn lines_are_told_by_their_ends() {
        assert!(all(b"").is_empty());
        assert_eq!(all(b"a\r\n\nb"), ["a", "", "b…"]);
        let long = [b"x".repeat(3 * CHUNK), b"\ny\n".to_vec()].concat();
        assert_eq!(all(&long), ["xxxxxxxxx", "y"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_stepped_over() {
        let mut text = b"first\n".to_vec();
        text.resize(MAX_RECORD_BYTES + 3 * CHUNK, b'x');
        assert_eq!(all(&text), ["first", "too long"]);
        text.extend_from_slice(b"\nlast");
        assert_eq!(all(&text), ["first", "too long", "last…"]);
    }
}
