//! Cuts single values out of a longer JSON text, looking at brackets and quotes only. A value that is not
//! written by the rules costs itself: reading goes on in the next line that begins as its own did. Where
//! values do not begin lines, the rest of the file is lost with it, and that is said.

use super::json::Layout;
use crate::base::{Error, Result};
use crate::source::{MAX_DEPTH, MAX_RECORD_BYTES};
use std::io::BufRead;

/// What comes next. Lines are counted from 1.
pub(super) enum Found {
    /// A value that begins in this line.
    Value(u64),
    /// What cannot be a value. `ends`: what follows it, if anything does, cannot be told.
    Broken {
        line: u64,
        reason: String,
        ends: bool,
    },
    End,
}

/// What is wrong with a value.
struct Break {
    what: String,
    /// The file ends in it.
    at_end: bool,
}

/// A reader to which bytes can be given back.
struct Back<R> {
    front: Vec<u8>,
    at: usize,
    inner: R,
}

impl<R: BufRead> Back<R> {
    fn fill(&mut self) -> Result<&[u8]> {
        if self.at < self.front.len() {
            Ok(&self.front[self.at..])
        } else {
            Ok(self.inner.fill_buf()?)
        }
    }

    fn consume(&mut self, used: usize) {
        if self.at < self.front.len() {
            self.at += used;
        } else {
            self.inner.consume(used);
        }
    }

    fn give(&mut self, bytes: &[u8]) {
        let rest = &self.front[self.at..];
        self.front = [bytes, rest].concat();
        self.at = 0;
    }
}

pub(super) struct Values<R> {
    input: Back<R>,
    layout: Layout,
    line: u64,
    /// Bytes that were read, and how many of them before the present line.
    offset: u64,
    line_offset: u64,
    begun: bool,
    /// At the beginning and behind a break no comma is waited for.
    loose: bool,
    finished: bool,
    /// Bytes that were given back.
    again: u64,
}

impl<R: BufRead> Values<R> {
    pub(super) fn new(input: R, layout: Layout) -> Values<R> {
        Values {
            input: Back {
                front: Vec::new(),
                at: 0,
                inner: input,
            },
            layout,
            line: 1,
            offset: 0,
            line_offset: 0,
            begun: false,
            loose: true,
            finished: false,
            again: 0,
        }
    }

    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.input.fill()?.first().copied())
    }

    fn bump(&mut self, byte: u8) {
        self.input.consume(1);
        self.offset += 1;
        if byte == b'\n' {
            self.line += 1;
            self.line_offset = self.offset;
        }
    }

    fn peek_solid(&mut self) -> Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.bump(byte);
        }
        Ok(None)
    }

    fn column(&self) -> u64 {
        self.offset - self.line_offset
    }

    fn broken(&self, what: &str) -> Found {
        Found::Broken {
            line: self.line,
            reason: format!("broken JSON: {what}"),
            ends: false,
        }
    }

    /// The file is at its end, or reading it on makes no sense.
    fn ends(&mut self, what: &str) -> Found {
        self.finished = true;
        Found::Broken {
            line: self.line,
            reason: format!("broken JSON: {what}"),
            ends: true,
        }
    }

    /// The next value and the line it starts in; for entries its key, too.
    pub(super) fn next(&mut self, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<Found> {
        if self.finished {
            return Ok(Found::End);
        }
        let (open, close) = match self.layout {
            Layout::Array => (b'[', b']'),
            Layout::Entries => (b'{', b'}'),
            Layout::Documents | Layout::Lines => {
                if self.peek_solid()?.is_none() {
                    return Ok(Found::End);
                }
                return self.take(value);
            }
        };
        if !self.begun {
            match self.peek_solid()? {
                Some(byte) if byte == open => self.bump(byte),
                _ => {
                    return Err(Error::data(format!(
                        "not a list of JSON: no '{}'",
                        char::from(open)
                    )));
                }
            }
            self.begun = true;
        }
        loop {
            match self.peek_solid()? {
                None => return Ok(self.ends("the file ends inside of its list")),
                Some(byte) if byte == close => {
                    self.bump(byte);
                    match self.peek_solid()? {
                        None => return Ok(Found::End),
                        // Pages are stored one after the other.
                        Some(byte) if byte == open => {
                            self.bump(byte);
                            self.loose = true;
                        }
                        Some(_) => return Ok(self.ends("something follows the end of the list")),
                    }
                }
                Some(b',') if self.loose => {
                    self.bump(b',');
                    return Ok(self.broken("a value is missing"));
                }
                Some(b',') => {
                    self.bump(b',');
                    self.loose = true;
                    if self.peek_solid()? == Some(close) {
                        return Ok(self.broken("a value is missing"));
                    }
                }
                Some(_) if !self.loose => {
                    self.loose = true;
                    return Ok(self.broken("a comma is missing"));
                }
                Some(_) => break,
            }
        }
        if self.layout == Layout::Entries {
            let (line, column) = (self.line, self.column());
            if let Err(broken) = self.cut(key)? {
                return self.resume(line, column, key, broken);
            }
            match self.peek_solid()? {
                Some(b':') => self.bump(b':'),
                _ => {
                    let at_end = self.peek()?.is_none();
                    let what = "a key without a value".to_owned();
                    return self.resume(line, column, key, Break { what, at_end });
                }
            }
            self.peek_solid()?;
            let found = self.cut(value)?;
            self.loose = false;
            return match found {
                Ok(()) => Ok(Found::Value(line)),
                Err(broken) => self.resume(line, column, value, broken),
            };
        }
        self.take(value)
    }

    fn take(&mut self, value: &mut Vec<u8>) -> Result<Found> {
        let (line, column) = (self.line, self.column());
        let found = self.cut(value)?;
        self.loose = false;
        match found {
            Ok(()) => Ok(Found::Value(line)),
            Err(broken) => self.resume(line, column, value, broken),
        }
    }

    /// Goes on behind a broken value: in the next line that begins as this one did, no deeper.
    fn resume(&mut self, line: u64, column: u64, taken: &[u8], broken: Break) -> Result<Found> {
        let may_give = self.again <= 4 * self.offset + MAX_RECORD_BYTES as u64;
        match taken.iter().position(|byte| *byte == b'\n').filter(|_| may_give) {
            Some(end) => {
                let rest = &taken[end + 1..];
                self.again += rest.len() as u64;
                self.offset -= rest.len() as u64;
                self.line_offset = self.offset;
                self.line -= rest.iter().filter(|byte| **byte == b'\n').count() as u64;
                self.input.give(rest);
            }
            None => self.skip_line()?,
        }
        let wanted = if self.layout == Layout::Entries {
            b'"'
        } else {
            b'{'
        };
        let mut rows_follow = false;
        loop {
            let mut found = None;
            while let Some(byte) = self.peek()? {
                match byte {
                    b' ' | b'\t' | b'\r' | b',' => self.bump(byte),
                    byte => {
                        found = Some(byte);
                        break;
                    }
                }
            }
            match found {
                None => break,
                Some(b'\n') => self.bump(b'\n'),
                Some(byte) if self.column() <= column && (byte == wanted || matches!(byte, b']' | b'}')) => {
                    rows_follow = true;
                    break;
                }
                Some(_) => self.skip_line()?,
            }
        }
        self.loose = true;
        self.finished |= !rows_follow;
        let mut reason = format!("broken JSON: {}", broken.what);
        let lost = !rows_follow && !broken.at_end;
        if lost {
            reason.push_str("; where the next row begins cannot be told");
        }
        Ok(Found::Broken {
            line,
            reason,
            ends: !rows_follow,
        })
    }

    fn skip_line(&mut self) -> Result<()> {
        loop {
            let available = self.input.fill()?;
            if available.is_empty() {
                return Ok(());
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(available.len(), |end| end + 1);
            self.input.consume(used);
            self.offset += used as u64;
            if end.is_some() {
                self.line += 1;
                self.line_offset = self.offset;
                return Ok(());
            }
        }
    }

    /// Copies one whole value, from its first byte to its last.
    fn cut(&mut self, value: &mut Vec<u8>) -> Result<std::result::Result<(), Break>> {
        value.clear();
        let mut open: Vec<u8> = Vec::new();
        let (mut quoted, mut escaped) = (false, false);
        let wrong = |what: &str| {
            Ok(Err(Break {
                what: what.to_owned(),
                at_end: false,
            }))
        };
        loop {
            let available = self.input.fill()?;
            if available.is_empty() {
                if open.is_empty() && !quoted && !value.is_empty() {
                    return Ok(Ok(()));
                }
                return Ok(Err(Break {
                    what: "it ends in the middle of a value".to_owned(),
                    at_end: true,
                }));
            }
            let mut used = 0;
            let mut done = false;
            let mut broken = None;
            for byte in available {
                // A bare value (a number, a word) ends where something else begins.
                let outside = !quoted && open.is_empty();
                if outside && (matches!(byte, b',' | b']' | b'}' | b':') || byte.is_ascii_whitespace()) {
                    done = true;
                    break;
                }
                used += 1;
                if *byte == b'\n' {
                    self.line += 1;
                    self.line_offset = self.offset + used as u64;
                }
                if quoted {
                    if *byte == b'\n' {
                        broken = Some("a text does not end in its line");
                        break;
                    }
                    (quoted, escaped) = match byte {
                        _ if escaped => (true, false),
                        b'\\' => (true, true),
                        b'"' => (false, false),
                        _ => (true, false),
                    };
                    done = !quoted && open.is_empty();
                } else {
                    match byte {
                        b'"' => quoted = true,
                        b'{' => open.push(b'}'),
                        b'[' => open.push(b']'),
                        b'}' | b']' => {
                            if open.pop() != Some(*byte) {
                                broken = Some("a bracket is closed by one of another kind");
                                break;
                            }
                            done = open.is_empty();
                        }
                        _ => {}
                    }
                }
                if done {
                    break;
                }
            }
            value.extend_from_slice(&available[..used]);
            self.input.consume(used);
            self.offset += used as u64;
            if let Some(what) = broken {
                return wrong(what);
            }
            if done && !value.is_empty() {
                return Ok(Ok(()));
            }
            if done {
                // Something stands there that no value begins with.
                if let Some(byte) = self.peek()? {
                    self.bump(byte);
                }
                return wrong("a value is missing");
            }
            if open.len() > MAX_DEPTH {
                return wrong(&format!("nested deeper than {MAX_DEPTH} levels"));
            }
            if value.len() > MAX_RECORD_BYTES {
                return wrong(&format!("a value is longer than {} MiB", MAX_RECORD_BYTES >> 20));
            }
        }
    }
}
