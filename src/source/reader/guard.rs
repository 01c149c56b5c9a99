//! A limit on what one line may be, for readers that buffer a line before they look at it.

use crate::source::MAX_RECORD_BYTES;
use std::io::{self, BufRead};

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
