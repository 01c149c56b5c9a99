//! Limits on what one line or record may be, for readers that buffer a record before they look at it.

use crate::source::MAX_RECORD_BYTES;
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Passes bytes on and fails when too many went by since the counter was last set back: a quote that
/// is never closed would otherwise swallow the whole file.
pub(super) struct Guard<R> {
    inner: R,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Guard<R> {
    pub(super) fn new(inner: R) -> (Guard<R>, Rc<Cell<usize>>) {
        let since = Rc::new(Cell::new(0));
        (
            Guard {
                inner,
                since: Rc::clone(&since),
            },
            since,
        )
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.since.set(self.since.get() + read);
        if self.since.get() > MAX_RECORD_BYTES + buffer.len() {
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
    /// Longer than allowed; it has been stepped over.
    TooLong,
    End,
}

/// Reads one line into `buffer`, never more than the limit.
pub(super) fn read_line(input: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<Line> {
    buffer.clear();
    let mut long = false;
    let mut any = false;
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
    Ok(if any { Line::Whole } else { Line::End })
}
