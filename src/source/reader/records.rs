//! Splits a table of text into records (RFC 4180, any delimiter, any line ends). A record may span lines
//! inside of quotes; one that is not written by the rules costs its first line only, and reading goes on
//! with the next: a quote that is never closed must not take the rest of the file with it.

use super::Tear;
use crate::base::{Error, Result};
use crate::source::MAX_RECORD_BYTES;
use std::io::Read;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Fewer columns than these do not tell rows from other texts with commas.
const TELLING_WIDTH: usize = 3;

/// What comes next in a table. Lines are counted from 1.
pub(super) enum Next {
    /// The fields are at hand.
    Record(u64),
    /// What cannot be a row, and why.
    Broken(u64, String),
    End,
}

pub(super) struct Records {
    input: Box<dyn Read>,
    tear: Tear,
    delimiter: u8,
    buffer: Vec<u8>,
    /// Where the next record begins, in the buffer, and in which line of the file.
    start: usize,
    line: u64,
    ended: bool,
    /// The last record ended with a carriage return, which a line feed may belong to.
    after_return: bool,
    /// The fields of the record one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Fields of the header.
    width: Option<usize>,
    /// The last record or broken line was cut off by the end of the file.
    cut_off: bool,
    read: u64,
    /// Bytes that were looked at for a record and then given back.
    again: u64,
    /// The input ended inside of a record.
    ran_out: bool,
}

/// What of a table was not read yet. It begins where a record does.
pub(super) struct Rest {
    pub(super) buffer: Vec<u8>,
    /// What follows the buffer.
    pub(super) input: Box<dyn Read>,
    pub(super) line: u64,
    pub(super) ended: bool,
    pub(super) read: u64,
    pub(super) again: u64,
}

impl Rest {
    /// Some bytes, and nothing behind them.
    pub(super) fn of(bytes: Vec<u8>, line: u64) -> Rest {
        Rest {
            read: bytes.len() as u64,
            buffer: bytes,
            input: Box::new(std::io::empty()),
            line,
            ended: false,
            again: 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a field.
    Field,
    Plain,
    Quoted,
    /// Behind a quote inside of quotes: the end of the field, or one half of a quote.
    Closed,
    /// Behind the end of a quoted field and blanks.
    Blank,
}

/// A record that goes on as far as it was looked at.
struct Span {
    /// Where the next record begins if this one is good.
    end: usize,
    /// Where its second line begins.
    second: Option<usize>,
    /// Line ends in it, its own last one included.
    lines: u64,
    outcome: Outcome,
}

enum Outcome {
    Record,
    Empty,
    Wrong(&'static str),
    TooLong,
    End,
}

impl Records {
    pub(super) fn new(input: Box<dyn Read>, tear: Tear, delimiter: u8) -> Records {
        Records {
            input,
            tear,
            delimiter,
            buffer: Vec::new(),
            start: 0,
            line: 1,
            ended: false,
            after_return: false,
            text: Vec::new(),
            ends: Vec::new(),
            width: None,
            cut_off: false,
            read: 0,
            again: 0,
            ran_out: false,
        }
    }

    /// Goes on behind a header of so many fields.
    pub(super) fn resume(rest: Rest, tear: Tear, delimiter: u8, width: usize) -> Records {
        Records {
            buffer: rest.buffer,
            line: rest.line,
            ended: rest.ended,
            width: Some(width),
            read: rest.read,
            again: rest.again,
            ..Records::new(rest.input, tear, delimiter)
        }
    }

    /// Gives back what follows the last record.
    pub(super) fn into_rest(mut self) -> Result<Rest> {
        if self.after_return {
            // The other half of its line end.
            if self.start == self.buffer.len() {
                let mut end = self.start;
                self.fill(&mut end, &mut None)?;
            }
            self.start += usize::from(self.buffer.get(self.start) == Some(&b'\n'));
        }
        self.buffer.drain(..self.start);
        Ok(Rest {
            buffer: self.buffer,
            input: self.input,
            line: self.line,
            ended: self.ended,
            read: self.read,
            again: self.again,
        })
    }

    /// Bytes before the next record.
    pub(super) fn place(&self) -> u64 {
        self.read - (self.buffer.len() - self.start) as u64
    }

    /// Line of the next record.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Whether the input ended inside of a record.
    pub(super) fn ran_out(&self) -> bool {
        self.ran_out
    }

    /// Bytes that were read more than once.
    pub(super) fn read_again(&self) -> u64 {
        self.again
    }

    /// Reads the header, which says how many fields a row has.
    pub(super) fn header(&mut self) -> Result<Vec<String>> {
        match self.next()? {
            Next::Record(_) => {}
            Next::Broken(_, reason) => return Err(Error::data(format!("the header: {reason}"))),
            Next::End => return Err(Error::data("the file is empty: not even a header")),
        }
        let names = self
            .fields()
            .map(|name| std::str::from_utf8(name).map(str::to_owned))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|_| Error::data("the header is not UTF-8"))?;
        self.width = Some(names.len());
        Ok(names)
    }

    pub(super) fn next(&mut self) -> Result<Next> {
        loop {
            let span = self.span()?;
            let line = self.line;
            self.cut_off = false;
            match span.outcome {
                Outcome::End => return Ok(Next::End),
                Outcome::Empty => self.go_on(&span),
                Outcome::TooLong if span.second.is_none() => {
                    self.skip_line(span.end)?;
                    let reason = format!("the line is longer than {} MiB", MAX_RECORD_BYTES >> 20);
                    return Ok(Next::Broken(line, reason));
                }
                Outcome::TooLong => {
                    let reason = format!(
                        "a quote is opened and not closed within {} MiB",
                        MAX_RECORD_BYTES >> 20
                    );
                    return Ok(self.broken(&span, reason));
                }
                Outcome::Wrong(reason) => {
                    if span.second.is_none() && !self.ended_at(span.end) {
                        self.skip_line(span.end)?;
                        return Ok(Next::Broken(line, reason.to_owned()));
                    }
                    return Ok(self.broken(&span, reason.to_owned()));
                }
                Outcome::Record => {
                    let unended = self.ended && span.end == self.buffer.len() && !self.line_ended(span.end);
                    if unended && self.tear.is_torn() {
                        self.cut_off = true;
                        self.go_on(&span);
                        return Ok(Next::Broken(
                            line,
                            "the packed file breaks off in this line".to_owned(),
                        ));
                    }
                    let Some(width) = self.width else {
                        self.go_on(&span);
                        return Ok(Next::Record(line));
                    };
                    if self.ends.len() != width {
                        let reason = format!("{} fields where the header has {width}", self.ends.len());
                        let next = self.broken(&span, reason);
                        self.cut_off = unended;
                        return Ok(next);
                    }
                    if span.second.is_some() && self.holds_rows(&span, width) {
                        let reason = "each of its lines is a row by itself; is a quote not closed?";
                        return Ok(self.broken(&span, reason.to_owned()));
                    }
                    self.go_on(&span);
                    return Ok(Next::Record(line));
                }
            }
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    /// The fields as texts without blanks around them. Nothing when one of them is no text.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        self.fields()
            .map(|field| std::str::from_utf8(field).map(str::trim).ok())
            .collect()
    }

    /// Whether the last line ended with the file, where more was to come.
    pub(super) fn cut_off(&self) -> bool {
        self.cut_off
    }

    fn go_on(&mut self, span: &Span) {
        self.start = span.end;
        self.line += span.lines;
    }

    /// Gives up a record: all but its first line is read again, unless too much was read again already.
    fn broken(&mut self, span: &Span, reason: String) -> Next {
        let line = self.line;
        let at_end = self.ended_at(span.end) && !self.line_ended(span.end);
        match span.second {
            Some(second) if self.again <= 4 * self.read + MAX_RECORD_BYTES as u64 => {
                self.again += (span.end - second) as u64;
                self.start = second;
                self.line += 1;
                self.after_return = false;
                Next::Broken(line, reason)
            }
            Some(_) => {
                self.go_on(span);
                Next::Broken(
                    line,
                    format!("{reason} ({} lines are lost with it)", span.lines.max(1)),
                )
            }
            None => {
                self.cut_off = at_end;
                self.go_on(span);
                Next::Broken(line, reason)
            }
        }
    }

    fn ended_at(&self, at: usize) -> bool {
        self.ended && at == self.buffer.len()
    }

    fn line_ended(&self, at: usize) -> bool {
        at > 0 && matches!(self.buffer[at - 1], b'\n' | b'\r')
    }

    /// Whether every line of a record has as many fields as a row.
    fn holds_rows(&self, span: &Span, width: usize) -> bool {
        width >= TELLING_WIDTH
            && self.buffer[self.start..span.end]
                .split(|byte| matches!(byte, b'\n' | b'\r'))
                .filter(|line| !line.is_empty())
                .all(|line| line.iter().filter(|byte| **byte == self.delimiter).count() + 1 == width)
    }

    /// Goes to the end of the line, however far it is.
    fn skip_line(&mut self, from: usize) -> Result<()> {
        let mut at = from;
        loop {
            if let Some(found) = self.buffer[at..].iter().position(|b| matches!(b, b'\n' | b'\r')) {
                self.start = at + found + 1;
                self.after_return = self.buffer[at + found] == b'\r';
                self.line += 1;
                return Ok(());
            }
            self.start = self.buffer.len();
            self.text.clear();
            at = self.start;
            if !self.fill(&mut at, &mut None)? {
                self.ran_out = true;
                self.cut_off = true;
                return Ok(());
            }
        }
    }

    /// Reads more. What lies before the present record is dropped, so places move.
    fn fill(&mut self, at: &mut usize, second: &mut Option<usize>) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            *at -= self.start;
            *second = second.map(|second| second - self.start);
            self.start = 0;
        }
        let have = self.buffer.len();
        self.buffer.resize(have + CHUNK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[have..]) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let got = *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(have + got);
        self.read += read? as u64;
        self.ended = got == 0;
        Ok(got > 0)
    }

    /// Looks for the end of the record that begins at `start`, and takes its fields apart on the way.
    fn span(&mut self) -> Result<Span> {
        self.text.clear();
        self.ends.clear();
        let mut state = State::Field;
        let mut at = self.start;
        let mut second = None;
        let mut lines = 0;
        // A carriage return was the last byte inside of quotes.
        let mut returned = false;
        let outcome = loop {
            if at == self.buffer.len() && !self.fill(&mut at, &mut second)? {
                self.ran_out |= at > self.start;
                break self.at_end(state);
            }
            if at - self.start > MAX_RECORD_BYTES {
                break Outcome::TooLong;
            }
            let byte = self.buffer[at];
            if at == self.start && std::mem::take(&mut self.after_return) && byte == b'\n' {
                at += 1;
                self.start = at;
                continue;
            }
            match state {
                State::Field if byte == b'"' => {
                    state = State::Quoted;
                    at += 1;
                }
                State::Field | State::Plain => {
                    let rest = &self.buffer[at..];
                    let plain = rest
                        .iter()
                        .position(|b| *b == self.delimiter || matches!(b, b'\n' | b'\r'))
                        .unwrap_or(rest.len());
                    self.text.extend_from_slice(&rest[..plain]);
                    at += plain;
                    state = State::Plain;
                    if at == self.buffer.len() {
                        continue;
                    }
                    let byte = self.buffer[at];
                    at += 1;
                    if byte == self.delimiter {
                        self.ends.push(self.text.len());
                        state = State::Field;
                        continue;
                    }
                    break self.line_end(byte, &mut lines);
                }
                State::Quoted => {
                    let rest = &self.buffer[at..];
                    let quoted = rest
                        .iter()
                        .position(|b| matches!(b, b'"' | b'\n' | b'\r'))
                        .unwrap_or(rest.len());
                    self.text.extend_from_slice(&rest[..quoted]);
                    at += quoted;
                    returned &= quoted == 0;
                    if at == self.buffer.len() {
                        continue;
                    }
                    let byte = self.buffer[at];
                    at += 1;
                    if byte == b'"' {
                        returned = false;
                        state = State::Closed;
                        continue;
                    }
                    self.text.push(byte);
                    if byte == b'\n' && returned {
                        // The other half of a line end that was counted already.
                        if second == Some(at - 1) {
                            second = Some(at);
                        }
                    } else {
                        lines += 1;
                        second = second.or(Some(at));
                    }
                    returned = byte == b'\r';
                }
                State::Closed | State::Blank => {
                    at += 1;
                    match byte {
                        b'"' if state == State::Closed => {
                            self.text.push(b'"');
                            state = State::Quoted;
                        }
                        byte if byte == self.delimiter => {
                            self.ends.push(self.text.len());
                            state = State::Field;
                        }
                        b'\n' | b'\r' => break self.line_end(byte, &mut lines),
                        b' ' | b'\t' => state = State::Blank,
                        _ => {
                            break Outcome::Wrong(
                                "a quote inside of a quoted field, or one that is not closed",
                            );
                        }
                    }
                }
            }
        };
        Ok(Span {
            end: at,
            second,
            lines,
            outcome,
        })
    }

    fn line_end(&mut self, byte: u8, lines: &mut u64) -> Outcome {
        *lines += 1;
        self.after_return = byte == b'\r';
        if self.ends.is_empty() && self.text.is_empty() {
            return Outcome::Empty;
        }
        self.ends.push(self.text.len());
        Outcome::Record
    }

    fn at_end(&mut self, state: State) -> Outcome {
        match state {
            State::Quoted => Outcome::Wrong("a quote is opened and not closed"),
            State::Field | State::Plain if self.ends.is_empty() && self.text.is_empty() => Outcome::End,
            _ => {
                self.ends.push(self.text.len());
                Outcome::Record
            }
        }
    }
}
