//! Unpacks on a thread of its own, a little ahead of whoever reads: what is unpacked next need not wait until what was
//! unpacked before has been made rows of.

use std::io::{ErrorKind, Read, Result};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes of a piece.
const PIECE: usize = 1 << 20;

/// Pieces that wait.
const AHEAD: usize = 4;

/// A buffer, and how much of it was filled.
type Piece = (Vec<u8>, usize);

/// Gives what another thread reads.
pub(super) struct Pump {
    full: Receiver<Result<Piece>>,
    /// Buffers to use again.
    empty: SyncSender<Vec<u8>>,
    piece: Piece,
    at: usize,
}

impl Pump {
    /// Has a thread read all of `from`, or as much as is asked for. It ends by itself soon after this does.
    pub(super) fn new(mut from: Box<dyn Read + Send>) -> Result<Pump> {
        let (to_read, full) = sync_channel::<Result<Piece>>(AHEAD);
        let (empty, buffers) = sync_channel::<Vec<u8>>(AHEAD + 2);
        thread::Builder::new().name("unpack".to_owned()).spawn(move || {
            loop {
                let mut piece = buffers.try_recv().unwrap_or_default();
                piece.resize(PIECE, 0);
                let (filled, end) = fill(&mut from, &mut piece);
                if filled > 0 && to_read.send(Ok((piece, filled))).is_err() {
                    return;
                }
                match end {
                    None => {}
                    Some(Ok(())) => return,
                    Some(Err(e)) => {
                        // Whoever does not listen any more does not want to know.
                        let _ = to_read.send(Err(e));
                        return;
                    }
                }
            }
        })?;
        Ok(Pump {
            full,
            empty,
            piece: (Vec::new(), 0),
            at: 0,
        })
    }
}

/// Fills a buffer. Gives how far, and how it ended if it did.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> (usize, Option<Result<()>>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => return (filled, Some(Ok(()))),
            Ok(read) => filled += read,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return (filled, Some(Err(e))),
        }
    }
    (filled, None)
}

impl Read for Pump {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.at == self.piece.1 {
            // The thread is gone when all has been read.
            let Ok(next) = self.full.recv() else { return Ok(0) };
            let used = std::mem::replace(&mut self.piece, next?);
            self.at = 0;
            // Where there are enough of them, this one goes.
            let _ = self.empty.try_send(used.0);
        }
        let left = &self.piece.0[self.at..self.piece.1];
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Cursor, Error};

    /// Gives some bytes and then an error.
    struct Breaks(Cursor<Vec<u8>>);

    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(Error::new(ErrorKind::UnexpectedEof, "torn")),
                read => Ok(read),
            }
        }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn gives_all_that_is_read_in_its_order() {
        for length in [0, 1, PIECE - 1, PIECE, 9 * PIECE + 5] {
            let mut pump = Pump::new(Box::new(Cursor::new(bytes(length)))).unwrap();
            let mut read = Vec::new();
            pump.read_to_end(&mut read).unwrap();
            assert!(read == bytes(length), "{length}");
            assert_eq!(pump.read(&mut [0; 8]).unwrap(), 0);
        }
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        for length in [0, 7, 3 * PIECE + 7] {
            let mut pump = Pump::new(Box::new(Breaks(Cursor::new(bytes(length))))).unwrap();
            let mut read = Vec::new();
            let error = pump.read_to_end(&mut read).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert!(read == bytes(length), "{length}");
            assert_eq!(pump.read(&mut [0; 8]).unwrap(), 0);
        }
    }

    #[test]
    fn nobody_waits_for_what_is_not_read() {
        let mut pump = Pump::new(Box::new(std::io::repeat(7))).unwrap();
        let mut some = [0; 10];
        pump.read_exact(&mut some).unwrap();
        assert_eq!(some, [7; 10]);
        let Pump { full, .. } = pump;
        // Nobody takes the pieces: at most these are made.
        drop(full);
    }
}
