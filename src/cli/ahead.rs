//! What is typed while a statement runs waits for the prompt, key by key. Left to itself a terminal turns Enter into
//! another character then, and the line editor, which knows the end of a line by Enter, would take the lines typed
//! ahead for one batch and drop all but the first.

use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal as it was found, which it is again when this goes.
pub(super) struct Ahead(Termios);

impl Ahead {
    /// From now on the terminal hands keys on as they are and shows none: the prompt will. Ctrl-C stays a signal. None:
    /// nobody types at a terminal.
    pub(super) fn begin() -> Option<Ahead> {
        let found = tcgetattr(rustix::stdio::stdin()).ok()?;
        let mut ahead = found.clone();
        ahead.input_modes.remove(InputModes::ICRNL);
        ahead.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &ahead).ok()?;
        Some(Ahead(found))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}
