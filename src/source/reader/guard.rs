//! Limits on what one line or record may be, for readers that buffer a record before they look at it.

use crate::source::MAX_RECORD_BYTES;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Passes bytes on, notes where lines end, and fails when too much went by since the last record: a
/// quote that is never closed would otherwise swallow the whole file.
pub(super) struct Guard<R> {
    inner: R,
    watch: Rc<RefCell<Watch>>,
}

/// What a guard has seen.
pub(super) struct Watch {
    read: u64,
    /// Bytes read before the record that is being read.
    record: u64,
    last: u8,
    line: u64,
    /// Line ends that no record has passed yet, and whether a carriage return stands before them.
    ends: VecDeque<(u64, bool)>,
}

impl<R: Read> Guard<R> {
    pub(super) fn new(inner: R) -> (Guard<R>, Rc<RefCell<Watch>>) {
        let watch = Watch {
            read: 0,
            record: 0,
            last: 0,
            line: 1,
            ends: VecDeque::new(),
        };
        let watch = Rc::new(RefCell::new(watch));
        (
            Guard {
                inner,
                watch: Rc::clone(&watch),
            },
            watch,
        )
    }
}

impl Watch {
    /// The line in which the record begins that was read from this offset on. The CSV parser leaves the
    /// second byte of a line end, and empty lines, to the next record.
    pub(super) fn line_of(&mut self, mut offset: u64) -> u64 {
        self.record = self.read;
        while let Some((end, after_return)) = self.ends.front().copied() {
            if end < offset {
                self.line += 1;
            } else if end == offset || (end == offset + 1 && after_return) {
                self.line += 1;
                offset = end + 1;
            } else {
                break;
            }
            self.ends.pop_front();
        }
        self.line
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let mut watch = self.watch.borrow_mut();
        for (at, byte) in buffer[..read].iter().enumerate() {
            if *byte == b'\n' {
                let before = if at > 0 { buffer[at - 1] } else { watch.last };
                let end = watch.read + at as u64;
                watch.ends.push_back((end, before == b'\r'));
            }
        }
        watch.last = buffer[..read].last().copied().unwrap_or(watch.last);
        watch.read += read as u64;
        if watch.read - watch.record > (MAX_RECORD_BYTES + buffer.len()) as u64 {
            return Err(io::Error::other(format!(
                "a record is longer than {} MiB; is a quote not closed?",
                MAX_RECORD_BYTES >> 20
            )));
        }
        Ok(read)
    }
}

pub(super) enum Line {
    /// A line without its end, in the caller's buffer.
    Whole,
    /// The last one, which has no end: it may have been cut off.
    Unended,
    /// Longer than allowed; it has been stepped over.
    TooLong,
    End,
}

/// Reads one line into `buffer`, never more than the limit.
pub(super) fn read_line(input: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<Line> {
    buffer.clear();
    let mut long = false;
    let (mut any, mut ended) = (false, false);
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            break;
        }
        any = true;
        let (used, done) = match available.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (available.len(), false),
        };
        if !long {
            buffer.extend_from_slice(&available[..used]);
            long = buffer.len() > MAX_RECORD_BYTES;
        }
        input.consume(used);
        if done {
            ended = true;
            break;
        }
    }
    if long {
        buffer.clear();
        return Ok(Line::TooLong);
    }
    while buffer.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        buffer.pop();
    }
    Ok(match (any, ended) {
        (true, true) => Line::Whole,
        (true, false) => Line::Unended,
        (false, _) => Line::End,
    })
}
