//! stdout is data, stderr is talk; a progress bar when someone is there to watch it.

use super::editor::Editor;
use super::pager::Page;
use crate::app::Console;
use crate::base::{Error, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{ErrorKind, IsTerminal, Write};
use terminal_size::terminal_size_of;

/// The progress line: of anything that is counted, and of bytes that are read.
const COUNTED: &str = "{bar:30} {percent:>3} % {wide_msg}";
const BYTES: &str =
    "{bar:20} {percent:>3} % {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left; {wide_msg}";

pub(crate) struct Terminal {
    format: String,
    quiet: bool,
    pipe_closed: bool,
    bar: Option<ProgressBar>,
    /// The prompt, once there is one.
    pub(super) editor: Option<Editor>,
    /// The answer that is being written, where a pager may be needed for it.
    pub(super) page: Option<Page>,
}

impl Terminal {
    pub(crate) fn new(format: String, quiet: bool) -> Terminal {
        Terminal {
            format,
            quiet,
            pipe_closed: false,
            bar: None,
            editor: None,
            page: None,
        }
    }

    /// True when the reader of stdout went away, which is its right (`… | head`).
    pub(crate) fn pipe_closed(&self) -> bool {
        self.pipe_closed
    }

    fn draw(&mut self, template: &str, what: &str, done: u64, total: u64) {
        if self.quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_length(total.max(done));
        bar.set_position(done);
        bar.set_message(what.to_owned());
    }

    /// Columns and lines of the terminal that data goes to.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        let out = std::io::stdout();
        if !out.is_terminal() {
            return None;
        }
        let (width, height) = terminal_size_of(out)?;
        Some((usize::from(width.0), usize::from(height.0)))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| {
                self.pipe_closed = error.kind() == ErrorKind::BrokenPipe;
                Error::io(format!("writing results: {error}"))
            })
    }

    pub(crate) fn fail(&mut self, error: &Error) {
        self.progress_end();
        talk(&format!("error: {error}"));
        if let Some(advice) = error.advice() {
            talk(&format!("  try: {advice}"));
        }
    }
}

/// A line to stderr. Nobody listening is no reason to fail.
fn talk(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

impl Console for Terminal {
    fn format(&self) -> &str {
        &self.format
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        match self.page.take() {
            None => self.write(bytes),
            Some(mut page) => {
                let overflow = page.take(bytes)?;
                self.page = Some(page);
                self.write(&overflow)
            }
        }
    }

    fn say(&mut self, line: &str) {
        if self.quiet {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| talk(line)),
            None => talk(line),
        }
    }

    fn progress(&mut self, what: &str, done: u64, total: u64) {
        self.draw(COUNTED, what, done, total);
    }

    fn progress_bytes(&mut self, what: &str, done: u64, total: u64) {
        self.draw(BYTES, what, done, total);
    }

    fn progress_end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// A template with a slip would silently draw the default bar.
    #[test]
    fn templates_are_understood() {
        for template in [COUNTED, BYTES] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
