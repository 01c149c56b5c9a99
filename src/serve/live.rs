//! The lake moves on while it is served. A request takes the snapshot there is and keeps it to its end; when
//! the tables have newer versions, the next one opens them.

use super::gauges::{Gauges, more};
use crate::base::{Known, Result};
use crate::engine::{Engine, Settings};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The version of each table; a table that was never written has none.
pub type Mark = BTreeMap<&'static str, u64>;

/// Where snapshots come from.
pub trait Source: Send + Sync {
    /// The versions that the tables have now, from what they had when it was last asked: cheap.
    fn mark<'a>(&'a self, known: &'a Mark) -> BoxFuture<'a, Result<Mark>>;
    fn open(&self) -> BoxFuture<'_, Result<Opened>>;
}

/// An engine with the settings that it was opened under.
pub struct Opened {
    pub engine: Engine,
    pub settings: Settings,
}

/// One state of the lake.
pub struct Snapshot {
    pub engine: Known<Engine>,
    pub settings: Settings,
    pub mark: Mark,
    /// Counts the states that this process has served.
    pub number: u64,
    opened: Instant,
}

/// Ages and periods that are still running depend on the time: a snapshot is opened anew now and then.
const OLD: Duration = Duration::from_secs(900);

pub struct Live {
    source: Box<dyn Source>,
    every: Duration,
    /// Facts asked `--as-of` a moment never move on.
    stands: bool,
    current: RwLock<Arc<Snapshot>>,
    checked: Mutex<Checked>,
}

struct Checked {
    at: Instant,
    /// The lake could not be looked at the last time.
    trouble: Option<String>,
}

impl Live {
    /// Opens the first snapshot.
    pub async fn open(source: Box<dyn Source>, every: Duration, stands: bool) -> Result<Live> {
        let first = snapshot(source.as_ref(), &Mark::new(), 1).await?;
        Ok(Live {
            source,
            every,
            stands,
            current: RwLock::new(Arc::new(first)),
            checked: Mutex::new(Checked {
                at: Instant::now(),
                trouble: None,
            }),
        })
    }

    /// The state to answer from. Whoever asks first after a while looks whether there is a newer one; others do
    /// not wait for that.
    pub async fn current(&self, gauges: &Gauges) -> Arc<Snapshot> {
        if !self.stands
            && let Ok(mut checked) = self.checked.try_lock()
            && checked.at.elapsed() >= self.every
        {
            checked.trouble = self.refresh(gauges).await.err().map(|error| {
                more(&gauges.stale);
                error.to_string()
            });
            checked.at = Instant::now();
        }
        self.held()
    }

    /// Could the lake be looked at the last time; and what is served.
    pub(super) async fn health(&self, gauges: &Gauges) -> (Arc<Snapshot>, Option<String>) {
        let snapshot = self.current(gauges).await;
        (snapshot, self.checked.lock().await.trouble.clone())
    }

    fn held(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn refresh(&self, gauges: &Gauges) -> Result<()> {
        let held = self.held();
        let mark = self.source.mark(&held.mark).await?;
        if mark == held.mark && held.opened.elapsed() < OLD {
            return Ok(());
        }
        let next = snapshot(self.source.as_ref(), &held.mark, held.number + 1).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        more(&gauges.reopened);
        Ok(())
    }
}

/// The versions are read first: what is committed meanwhile is opened once more, never missed.
async fn snapshot(source: &dyn Source, known: &Mark, number: u64) -> Result<Snapshot> {
    let mark = source.mark(known).await?;
    let Opened { engine, settings } = source.open().await?;
    super::postgres::dress(&engine).await?;
    Ok(Snapshot {
        engine: Known::new(engine),
        settings,
        mark,
        number,
        opened: Instant::now(),
    })
}
