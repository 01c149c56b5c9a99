//! One answer on its way to a terminal: held back until it is taller than that, and then shown by a pager.

use super::ahead::Ahead;
use crate::base::{Error, Result};
use std::io::{ErrorKind, Write};
use std::process::{Child, Command, Stdio};

pub(super) struct Page {
    /// Lines that fit without a pager.
    height: usize,
    lines: usize,
    held: Vec<u8>,
    pager: Pager,
    /// The keys that are typed meanwhile are the prompt's, unless a pager reads them.
    ahead: Option<Ahead>,
}

enum Pager {
    /// Not needed yet: the command line that it would be.
    Waiting(String),
    Running(Child),
    /// It cannot be started; the answer goes to the terminal as it is.
    Missing,
    /// Its reader has left it.
    Left,
}

impl Page {
    pub(super) fn new(height: usize, command: String, ahead: Option<Ahead>) -> Page {
        Page {
            height,
            lines: 0,
            held: Vec::new(),
            pager: Pager::Waiting(command),
            ahead,
        }
    }

    /// Takes the next bytes, and gives back those that no pager will show.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.lines += bytes.iter().filter(|b| **b == b'\n').count();
        if let Pager::Waiting(command) = &self.pager {
            self.held.extend_from_slice(bytes);
            if self.lines < self.height {
                return Ok(Vec::new());
            }
            // A pager finds the terminal as the program did.
            self.ahead = None;
            self.pager = match start(command) {
                Ok(child) => Pager::Running(child),
                Err(_) => Pager::Missing,
            };
            let held = std::mem::take(&mut self.held);
            return self.pass(&held);
        }
        self.pass(bytes)
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        match &mut self.pager {
            Pager::Running(child) => {
                let written = child.stdin.as_mut().map_or(Ok(()), |pipe| pipe.write_all(bytes));
                match written {
                    Ok(()) => Ok(Vec::new()),
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                        let _ = child.wait();
                        self.pager = Pager::Left;
                        Ok(Vec::new())
                    }
                    Err(error) => Err(Error::io(format!("writing to the pager: {error}"))),
                }
            }
            Pager::Left => Ok(Vec::new()),
            Pager::Missing | Pager::Waiting(_) => Ok(bytes.to_vec()),
        }
    }

    pub(super) fn left(&self) -> bool {
        matches!(self.pager, Pager::Left)
    }

    /// Waits until the reader is done; what was short enough for no pager is given back, and so are the keys.
    pub(super) fn end(mut self) -> (Vec<u8>, Option<Ahead>) {
        if let Pager::Running(child) = &mut self.pager {
            // The end of its input.
            drop(child.stdin.take());
            let _ = child.wait();
        }
        (self.held, self.ahead)
    }
}

fn start(command: &str) -> std::io::Result<Child> {
    Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .spawn()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_short_answer_needs_no_pager_and_a_long_one_goes_to_it_whole() {
        let mut short = Page::new(3, "exit 1".to_owned(), None);
        assert!(short.take(b"one\ntwo\n").unwrap().is_empty());
        assert_eq!(short.end().0, b"one\ntwo\n");

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen");
        let mut long = Page::new(3, format!("cat > {}", file.display()), None);
        for _ in 0..2_000 {
            assert!(long.take(b"line\n").unwrap().is_empty());
        }
        assert!(!long.left());
        assert!(long.end().0.is_empty());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "line\n".repeat(2_000));
    }

    #[test]
    fn a_reader_who_leaves_wants_no_more() {
        let mut page = Page::new(1, "head -n 1 > /dev/null".to_owned(), None);
        let rows = "row\n".repeat(10_000);
        for _ in 0..1_000 {
            page.take(rows.as_bytes()).unwrap();
            if page.left() {
                break;
            }
        }
        assert!(page.left());
        assert!(page.end().0.is_empty());
    }
}
