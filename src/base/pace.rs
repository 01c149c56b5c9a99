//! Waiting for a moment, or for Ctrl-C, that no work can hold up: on a thread of its own. The workers of the
//! program's runtime look at timers and signals between two steps of their tasks, and a step of a large join
//! takes minutes.

use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

static THREAD: OnceLock<Option<Runtime>> = OnceLock::new();

/// Runs on the thread; ends when the set is dropped.
fn apart<T: Send + 'static>(waiting: impl Future<Output = T> + Send + 'static) -> JoinSet<T> {
    let thread = THREAD.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("pace")
            .enable_all()
            .build()
            .ok()
    });
    let mut set = JoinSet::new();
    match thread {
        Some(thread) => set.spawn_on(waiting, thread.handle()),
        None => set.spawn(waiting),
    };
    set
}

/// Returns at this moment.
pub async fn until(moment: Instant) {
    // Made on that thread: a timer belongs to the runtime in which it is made.
    let moment = async move { tokio::time::sleep_until(moment).await };
    apart(moment).join_next().await;
}

/// Somebody who may press Ctrl-C, from now on.
pub struct Interrupt(JoinSet<std::io::Result<()>>);

impl Interrupt {
    pub fn listen() -> Interrupt {
        Interrupt(apart(tokio::signal::ctrl_c()))
    }

    /// Returns when it has been pressed; where no signals can be had, never.
    pub async fn pressed(&mut self) {
        if !matches!(self.0.join_next().await, Some(Ok(Ok(())))) {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    /// Every worker is busy, and time goes on.
    #[test]
    fn a_moment_comes_however_busy_the_workers_are() {
        let busy = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let begun = Instant::now();
        busy.block_on(async {
            for _ in 0..2 {
                tokio::spawn(async { std::thread::sleep(Duration::from_secs(3)) });
            }
            tokio::task::yield_now().await;
            until(Instant::now() + Duration::from_millis(100)).await;
        });
        assert!(begun.elapsed() < Duration::from_secs(2));
        busy.shutdown_background();
    }
}
