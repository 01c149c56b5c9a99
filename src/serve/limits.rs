//! How much a server takes upon itself: lines, statements that work at once, time and rows of each.

use super::section::Section;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

#[derive(Debug, Clone)]
pub struct Limits {
    pub connections: usize,
    /// Time that one statement may work. Waiting for a slow reader is not work.
    pub query: Duration,
    /// A line on which nothing happens for so long is closed.
    pub idle: Duration,
    pub rows: Option<u64>,
    /// How long a client may take to say who it is.
    pub startup: Duration,
    /// How long a client may leave what it is sent lying.
    pub patience: Duration,
    /// What still runs when the server is told to stop has so long to come to its end.
    pub grace: Duration,
}

impl Limits {
    pub fn of(section: &Section) -> Limits {
        Limits {
            connections: section.max_connections.max(1),
            query: Duration::from_secs(section.query_timeout_seconds.max(1)),
            idle: Duration::from_secs(section.idle_timeout_seconds.max(1)),
            rows: section.max_rows,
            startup: Duration::from_secs(20),
            patience: Duration::from_secs(section.idle_timeout_seconds.clamp(1, 120)),
            grace: Duration::from_secs(10),
        }
    }
}

/// Lets as many statements work at once as the machine can use; the others wait for their turn.
#[derive(Debug)]
pub struct Gate {
    working: Semaphore,
    lines: Arc<Semaphore>,
}

impl Gate {
    pub fn of(section: &Section) -> Gate {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // A statement waits for disks too: twice as many as there are threads keep them busy.
        let working = section.max_running.unwrap_or(2 * threads).max(1);
        Gate {
            working: Semaphore::new(working),
            lines: Arc::new(Semaphore::new(
                section.max_connections.clamp(1, Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// Waits for a turn to work on one batch of rows. `None` never happens: the gate is not closed.
    pub(super) async fn work(&self) -> Option<SemaphorePermit<'_>> {
        self.working.acquire().await.ok()
    }

    /// A place for one more line; `None` when all are taken.
    pub(super) fn line(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.lines).try_acquire_owned().ok()
    }
}
