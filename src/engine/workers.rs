//! Threads on which other people's queries run, apart from everything else. One step of a join of everything
//! with everything takes minutes, and a task ends between its steps only: threads that are caught in one are
//! left to themselves when their query is given up, and new ones take the next.

use crate::base::{Error, Result, pace};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How soon a thread that is free does a task that is nothing.
const ANSWERS_WITHIN: Duration = Duration::from_millis(100);

/// What nested views and metrics in a query need of it when they are planned.
const STACK: usize = 32 << 20;

/// The threads of an engine; there are none before its first query.
#[derive(Default)]
pub(super) struct Workers(Mutex<Option<Arc<Pool>>>);

pub(super) struct Pool {
    /// Taken when the pool is given up.
    runtime: Option<Runtime>,
    handle: Handle,
    /// A query was given up, and may still hold threads.
    suspect: AtomicBool,
}

impl Workers {
    /// Threads of which at least one has time.
    pub(super) async fn ready(&self) -> Result<Arc<Pool>> {
        let pool = self.current()?;
        if !pool.suspect.swap(false, Ordering::Relaxed) || pool.answers().await {
            return Ok(pool);
        }
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if shared.as_ref().is_some_and(|now| Arc::ptr_eq(now, &pool)) {
            *shared = None;
        }
        drop(shared);
        self.current()
    }

    fn current(&self) -> Result<Arc<Pool>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = shared.as_ref() {
            return Ok(Arc::clone(pool));
        }
        let pool = Arc::new(Pool::new()?);
        *shared = Some(Arc::clone(&pool));
        Ok(pool)
    }
}

impl Pool {
    fn new() -> Result<Pool> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("query")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|e| Error::io(format!("starting threads: {e}")))?;
        Ok(Pool {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            suspect: AtomicBool::new(false),
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// A query was given up before its end.
    pub(super) fn given_up(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    async fn answers(&self) -> bool {
        let mut nothing = JoinSet::new();
        nothing.spawn_on(async {}, &self.handle);
        tokio::select! {
            biased;
            _ = nothing.join_next() => true,
            () = pace::until(Instant::now() + ANSWERS_WITHIN) => false,
        }
    }
}

impl Drop for Pool {
    /// Nobody waits for threads that are caught.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn caught_threads_are_left_and_free_ones_are_kept() {
        let workers = Workers::default();
        let first = workers.ready().await.unwrap();
        first.given_up();
        assert!(
            Arc::ptr_eq(&first, &workers.ready().await.unwrap()),
            "they are free"
        );
        for _ in 0..64 {
            first
                .handle()
                .spawn(async { std::thread::sleep(Duration::from_secs(2)) });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(
            Arc::ptr_eq(&first, &workers.ready().await.unwrap()),
            "nobody gave up"
        );
        first.given_up();
        let second = workers.ready().await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second), "they are caught");
        assert!(Arc::ptr_eq(&second, &workers.ready().await.unwrap()));
    }
}
