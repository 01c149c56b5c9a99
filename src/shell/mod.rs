//! `sql`: one statement, a script, or a prompt with history and completion. Read-only.
//!
//! What can be known without a terminal is pure and stands in files of its own: cutting a script into
//! statements (`split`), commands (`command`), settings (`options`), completion (`complete`), pointing at
//! errors (`point`). `session` runs them over an engine that is opened once. Whoever has the terminal
//! hands it in as a `Screen`.

mod command;
mod complete;
mod describe;
mod options;
mod output;
mod point;
mod session;
mod split;
mod words;

pub use complete::Candidate;
pub use words::Vocabulary;

use crate::app::{Console, Status};
use crate::base::{Error, Result};
use crate::config::Config;
use session::{Session, Then};
use std::path::Path;

/// What was typed at the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Text(String),
    /// Ctrl-C: what was typed is dropped.
    Interrupted,
    /// Ctrl-D: nothing more comes.
    End,
}

/// Where somebody sits, or nobody.
pub trait Screen: Console {
    /// Columns of the terminal that data goes to; none where it goes elsewhere.
    fn width(&self) -> Option<usize>;
    /// From now on data is one answer, which a pager shows where it is taller than the terminal.
    fn begin_page(&mut self);
    /// The answer is over; returns when its reader has left it.
    fn end_page(&mut self) -> Result<()>;
    /// The reader of the answer wants no more of it.
    fn enough(&self) -> bool;
    /// The next lines that were typed, whole statements of them.
    fn read(&mut self) -> Result<Input>;
    /// Gives the prompt its words, and the file in which its history stays.
    fn prepare(&mut self, words: &Vocabulary, history: Option<&Path>) -> Result<()>;
    /// An error, after which things go on.
    fn complain(&mut self, error: &Error);
}

/// Whether all that was typed can be run, or more has to come.
pub fn is_complete(text: &str) -> bool {
    split::is_complete(text)
}

/// Runs a script. It stops at the first error.
pub async fn script(config: &Config, text: &str, screen: &mut dyn Screen) -> Result<Status> {
    if split::pieces(text).is_empty() {
        return Err(
            Error::usage("there is no SQL").advise("give a query with -c, a file with -f, or pipe one in")
        );
    }
    let mut session = Session::open(config, screen.format()).await?;
    let run = session.run(text, screen).await;
    session.finish(screen)?;
    run.map(|_| Status::Done)
}

/// Asks and answers until the user leaves. An error is told, and the prompt is back.
pub async fn interactive(config: &Config, history: Option<&Path>, screen: &mut dyn Screen) -> Result<Status> {
    let mut session = Session::open(config, screen.format()).await?;
    session.greet(screen)?;
    let words = Vocabulary::default();
    screen.prepare(&words, history)?;
    session.attend(words)?;
    loop {
        match screen.read()? {
            Input::Text(text) => match session.run(&text, screen).await {
                Ok(Then::GoOn) => {}
                Ok(Then::Leave) => break,
                Err(error) => screen.complain(&error),
            },
            Input::Interrupted => {}
            Input::End => break,
        }
    }
    session.finish(screen)?;
    Ok(Status::Done)
}
