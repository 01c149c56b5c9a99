//! What one line has: its cursors, how much it may prepare, and whether its statement was cancelled.

use super::command::Command;
use super::cursor::Cursor;
use super::trouble::user_error;
use crate::serve::gauges::{Gauges, more};
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::messages::cancel::CancelRequest;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Statements, portals and cursors that one line may hold.
const STATEMENTS: usize = 1000;
const PORTALS: usize = 100;
const CURSORS: usize = 32;

/// A statement may still hand out its rows while the line goes on.
pub(super) type SharedCursor = Arc<tokio::sync::Mutex<Cursor>>;

pub(super) struct Session {
    /// Counts the requests to cancel; a statement looks whether there is a new one.
    cancel: watch::Sender<u64>,
    running: AtomicUsize,
    statements: Mutex<BTreeSet<String>>,
    portals: Mutex<BTreeSet<String>>,
    /// Whether each outlives its transaction, and itself.
    cursors: Mutex<HashMap<String, (bool, SharedCursor)>>,
    timeout: Mutex<Duration>,
    longest: Duration,
}

impl Session {
    pub(super) fn new(longest: Duration) -> Session {
        Session {
            cancel: watch::Sender::new(0),
            running: AtomicUsize::new(0),
            statements: Mutex::default(),
            portals: Mutex::default(),
            cursors: Mutex::default(),
            timeout: Mutex::new(longest),
            longest,
        }
    }

    /// Resolves when somebody cancels what runs from now on.
    pub(super) fn cancelled(&self) -> watch::Receiver<u64> {
        let mut receiver = self.cancel.subscribe();
        receiver.borrow_and_update();
        receiver
    }

    /// A statement works for as long as what is returned lives.
    pub(super) fn at_work(self: &Arc<Self>) -> AtWork {
        self.running.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(self))
    }

    /// The client went away; what ran for it counts as cancelled.
    pub(super) fn left(&self, gauges: &Gauges) {
        if self.running.load(Ordering::Relaxed) > 0 {
            more(&gauges.cancelled);
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        *held(&self.timeout)
    }

    /// A client may want less time, never more; zero is what the server allows.
    pub(super) fn set_timeout(&self, wanted: Duration) {
        *held(&self.timeout) = match wanted.is_zero() {
            true => self.longest,
            false => wanted.min(self.longest),
        };
    }

    pub(super) fn keeps_statement(&self, name: &str) -> PgWireResult<()> {
        keep(&self.statements, name, STATEMENTS, "prepared statements")
    }

    pub(super) fn forgets_statement(&self, name: &str) {
        held(&self.statements).remove(name);
    }

    /// The statements that are forgotten by a command.
    pub(super) fn forgotten(&self, command: &Command) -> Vec<String> {
        let mut known = held(&self.statements);
        match command {
            Command::Deallocate(Some(name)) => {
                known.remove(name);
                vec![name.clone()]
            }
            Command::Deallocate(None) | Command::DiscardAll => {
                std::mem::take(&mut *known).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn keeps_portal(&self, name: &str) -> PgWireResult<()> {
        keep(&self.portals, name, PORTALS, "portals")
    }

    pub(super) fn forgets_portal(&self, name: &str) {
        held(&self.portals).remove(name);
    }

    pub(super) fn open_cursor(&self, name: &str, hold: bool, cursor: Cursor) -> PgWireResult<()> {
        let mut cursors = held(&self.cursors);
        if cursors.contains_key(name) {
            return Err(user_error("42P03", format!("cursor \"{name}\" is open already")));
        }
        if cursors.len() >= CURSORS {
            return Err(user_error(
                "53400",
                format!("more than {CURSORS} cursors on one line; close some"),
            ));
        }
        let cursor = Arc::new(tokio::sync::Mutex::new(cursor));
        cursors.insert(name.to_owned(), (hold, cursor));
        Ok(())
    }

    pub(super) fn cursor(&self, name: &str) -> Option<SharedCursor> {
        held(&self.cursors)
            .get(name)
            .map(|(_, cursor)| Arc::clone(cursor))
    }

    pub(super) fn close_cursor(&self, name: &str) -> bool {
        held(&self.cursors).remove(name).is_some()
    }

    pub(super) fn close_cursors(&self) {
        held(&self.cursors).clear();
    }

    /// A transaction ends; what was declared WITH HOLD stays if it did not fail.
    pub(super) fn end_transaction(&self, kept: bool) {
        held(&self.cursors).retain(|_, (hold, _)| kept && *hold);
    }
}

pub(super) struct AtWork(Arc<Session>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(names: &Mutex<BTreeSet<String>>, name: &str, most: usize, what: &str) -> PgWireResult<()> {
    let mut names = held(names);
    if names.len() >= most && !names.contains(name) {
        return Err(user_error(
            "53400",
            format!("more than {most} {what} on one line; close some"),
        ));
    }
    names.insert(name.to_owned());
    Ok(())
}

type Key = (i32, Vec<u8>);

/// The lines that can be cancelled, by the key that each was given when it was let in.
#[derive(Default)]
pub(super) struct Cancels {
    lines: Mutex<HashMap<Key, Arc<Session>>>,
}

impl Cancels {
    pub(super) fn add(self: &Arc<Self>, key: Key, session: &Arc<Session>) -> Cancellable {
        held(&self.lines).insert(key.clone(), Arc::clone(session));
        Cancellable {
            key,
            cancels: Arc::clone(self),
        }
    }
}

/// A line can be cancelled for as long as this lives.
pub(super) struct Cancellable {
    key: Key,
    cancels: Arc<Cancels>,
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        held(&self.cancels.lines).remove(&self.key);
    }
}

#[async_trait]
impl CancelHandler for Cancels {
    async fn on_cancel_request(&self, request: CancelRequest) {
        let key = (request.pid, request.secret_key.to_bytes().to_vec());
        if let Some(session) = held(&self.lines).get(&key) {
            session.cancel.send_modify(|count| *count += 1);
        }
    }
}
