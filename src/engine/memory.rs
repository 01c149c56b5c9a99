//! The memory that the parts of a query share. Sorts take whatever they can get, and merge as many of their runs at
//! once as fit; what comes after them (another merge, a group, a join) would find nothing left. So sorts get three
//! quarters of it, in fair shares, and the rest is for everybody else.
//!
//! A fair share is one of as many as there are parts, and a few large queries at once have thousands that hold next to
//! nothing. So while half of all memory is free, whoever asks gets what he asks for.
//!
//! Much of what queries take is counted by nobody: batches on their way, pages of Parquet, what the allocator holds. So the
//! process is looked at, too. While it takes more than three quarters of the limit, only the first one is given to who has
//! something to spill. The last quarter is never theirs: a merge of what was spilled, or a hash join, cannot do with less.
//! Groups are written down a second time while they are spilled, so what they hold counts twice. Who groups before rows are
//! parted has nothing to spill: he hands on what he has, as one batch that nobody counts, and holds little for that.
//! (A hash join that is refused is planned anew, `thrift`, but not where a join of every row with every row stands above it.)
//!
//! Who hands rows from one part to another (`RepartitionExec`) writes them down when it is refused, and two threads that do so at
//! once can leave a reader waiting forever (apache/datafusion#24883, in 55.2). So while one of them writes, others are not refused.

use datafusion::common::{Result, resources_err};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Bytes that are asked for between two looks at the process.
const LOOK_AFTER: usize = 4 << 20;
/// Who holds less than this part of the limit has nothing worth spilling, or a step of its work would not fit.
const SOME: usize = 32;
/// Who hands on groups holds no more than this part.
const HANDED_ON: usize = 16;

#[derive(Debug)]
pub(super) struct Headroom {
    all: FairSpillPool,
    sorts: FairSpillPool,
    limit: usize,
    process: Process,
    writing: Writing,
}

/// The thread that was refused memory for rows that it passes on. It writes them down at once, and asks for nothing meanwhile.
#[derive(Debug, Default)]
struct Writing(Mutex<Option<ThreadId>>);

impl Writing {
    fn thread(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This thread writes from now on, unless another one does.
    fn begins(&self) -> bool {
        *self.thread().get_or_insert(thread::current().id()) == thread::current().id()
    }

    /// This thread has written what it wrote.
    fn is_over(&self) {
        self.thread().take_if(|writes| *writes == thread::current().id());
    }
}

/// What the process takes in all, as far as the system says.
#[derive(Debug)]
struct Process {
    look: fn() -> Option<usize>,
    taken: AtomicUsize,
    /// Bytes asked for since the last look.
    asked: AtomicUsize,
}

impl Process {
    fn seen_by(look: fn() -> Option<usize>) -> Process {
        Process {
            look,
            taken: AtomicUsize::new(0),
            asked: AtomicUsize::new(LOOK_AFTER),
        }
    }

    fn taken(&self, additional: usize) -> usize {
        let asked = self.asked.fetch_add(additional, Ordering::Relaxed);
        if asked.saturating_add(additional) >= LOOK_AFTER {
            self.asked.store(0, Ordering::Relaxed);
            self.taken.store((self.look)().unwrap_or(0), Ordering::Relaxed);
        }
        self.taken.load(Ordering::Relaxed)
    }
}

/// Linux says it in a file; elsewhere only what is reserved counts.
fn resident() -> Option<usize> {
    let said = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = said.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = kibibytes.trim().strip_suffix(" kB")?;
    kibibytes.parse::<usize>().ok()?.checked_mul(1 << 10)
}

impl Headroom {
    pub(super) fn new(limit: usize) -> Headroom {
        Headroom::in_process(limit, resident)
    }

    fn in_process(limit: usize, look: fn() -> Option<usize>) -> Headroom {
        Headroom {
            all: FairSpillPool::new(limit),
            sorts: FairSpillPool::new(limit - limit / 4),
            limit,
            process: Process::seen_by(look),
            writing: Writing::default(),
        }
    }

    /// An error for whoever has something to spill, while the process takes too much, or where the last quarter would be
    /// gone: whoever can do with no less is to find some.
    fn look(&self, reservation: &MemoryReservation, additional: usize, wanted: usize) -> Result<()> {
        let taken = self.process.taken(additional);
        let most = self.limit - self.limit / 4;
        let holds = reservation.size();
        let spilling = if groups(reservation.consumer()) { holds } else { 0 };
        let too_much = taken.max(wanted).saturating_add(spilling) > most;
        if too_much && holds >= self.limit / SOME && reservation.consumer().can_spill() {
            return resources_err!(
                "{additional} bytes more: queries hold {}, the program takes {taken}, of {} for all queries",
                self.all.reserved(),
                self.limit
            );
        }
        Ok(())
    }

    /// The sorts, if this is one of them or its merge.
    fn sorts(&self, consumer: &MemoryConsumer) -> Option<&FairSpillPool> {
        consumer
            .name()
            .starts_with("ExternalSorter")
            .then_some(&self.sorts)
    }
}

/// Does it hold groups of rows?
fn groups(consumer: &MemoryConsumer) -> bool {
    consumer.name().contains("AggregateStream")
}

/// Does it hand them on, to be grouped once more?
fn hands_on(consumer: &MemoryConsumer) -> bool {
    consumer.name().starts_with("PartialHashAggregateStream")
}

/// Does it only pass rows on?
fn passes_on(consumer: &MemoryConsumer) -> bool {
    consumer.name().starts_with("RepartitionExec")
}

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.all)
    }
}

impl MemoryPool for Headroom {
    fn name(&self) -> &str {
        "headroom"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.all.register(consumer);
        if let Some(sorts) = self.sorts(consumer) {
            sorts.register(consumer);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.all.unregister(consumer);
        if let Some(sorts) = self.sorts(consumer) {
            sorts.unregister(consumer);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.writing.is_over();
        self.all.grow(reservation, additional);
        if let Some(sorts) = self.sorts(reservation.consumer()) {
            sorts.grow(reservation, additional);
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.writing.is_over();
        self.all.shrink(reservation, shrink);
        if let Some(sorts) = self.sorts(reservation.consumer()) {
            sorts.shrink(reservation, shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.writing.is_over();
        match self.ask(reservation, additional) {
            Err(_) if passes_on(reservation.consumer()) && !self.writing.begins() => {
                self.all.grow(reservation, additional);
                Ok(())
            }
            answer => answer,
        }
    }

    fn reserved(&self) -> usize {
        self.all.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl Headroom {
    fn ask(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let most = self.limit / HANDED_ON;
        if reservation.size().saturating_add(additional) > most && hands_on(reservation.consumer()) {
            return resources_err!("{additional} bytes more than the {most} for groups that are handed on");
        }
        let wanted = self.all.reserved().saturating_add(additional);
        if wanted > self.limit / 4 {
            self.look(reservation, additional, wanted)?;
        }
        if wanted <= self.limit / 2 {
            self.all.grow(reservation, additional);
        } else {
            self.all.try_grow(reservation, additional)?;
            // Who had more than a share before has it still.
            if self.all.reserved() > self.limit {
                self.all.shrink(reservation, additional);
                return resources_err!(
                    "{additional} bytes more are beyond the {} of all queries",
                    self.limit
                );
            }
        }
        let grown = match self.sorts(reservation.consumer()) {
            Some(sorts) => sorts.try_grow(reservation, additional),
            None => Ok(()),
        };
        if grown.is_err() {
            self.all.shrink(reservation, additional);
        }
        grown
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    #[test]
    fn many_that_hold_nothing_leave_room_and_all_of_it_is_the_most() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::in_process(1000, || None));
        let of = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let idle: Vec<_> = (0..98).map(|at| of(&format!("RepartitionExec[{at}]"))).collect();
        let (first, second) = (
            of("FinalHashAggregateStream[0]"),
            of("FinalHashAggregateStream[1]"),
        );
        // A fair share is ten.
        first.try_grow(490).unwrap();
        second.try_grow(10).unwrap();
        assert!(second.try_grow(1).is_err() && first.try_grow(1).is_err());
        let fixed = MemoryConsumer::new("HashJoinInput").register(&pool);
        fixed.try_grow(500).unwrap();
        assert!(fixed.try_grow(1).is_err() && pool.reserved() == 1000);
        drop((idle, first, second, fixed));
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn a_sort_leaves_something_to_others() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::in_process(1000, || None));
        let of = |name: &str, spills: bool| MemoryConsumer::new(name).with_can_spill(spills).register(&pool);
        let (merge, other) = (
            of("ExternalSorterMerge[0]", false),
            of("GroupedHashAggregateStream[0]", false),
        );
        assert!(merge.try_grow(751).is_err() && pool.reserved() == 0);
        merge.try_grow(750).unwrap();
        assert!(merge.try_grow(1).is_err());
        other.try_grow(250).unwrap();
        assert!(other.try_grow(1).is_err());
        // Who sorts nothing may have all of it.
        merge.free();
        other.try_grow(750).unwrap();
        assert!(merge.try_grow(1).is_err() && pool.reserved() == 1000);
        drop(other);
        // Sorters that can spill share what sorts may have.
        let sorters = [of("ExternalSorter[0]", true), of("ExternalSorter[1]", true)];
        sorters[0].try_grow(375).unwrap();
        assert!(sorters[0].try_grow(1).is_err());
        sorters[1].try_grow(375).unwrap();
        drop(sorters);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn while_the_process_takes_more_only_the_first_quarter_is_given() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::in_process(1000, || Some(751)));
        let one = MemoryConsumer::new("GroupedHashAggregateStream[0]")
            .with_can_spill(true)
            .register(&pool);
        one.try_grow(250).unwrap();
        let refused = one.try_grow(1).unwrap_err().to_string();
        assert!(refused.contains("takes 751"), "{refused}");
        // What was spilled has to be read again.
        let merge = MemoryConsumer::new("ExternalSorterMerge[0]").register(&pool);
        merge.try_grow(400).unwrap();
        drop(merge);
        one.free();
        one.try_grow(250).unwrap();
    }

    #[test]
    fn groups_are_spilled_while_there_is_room_to_write_them_down_again() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::in_process(1000, || Some(600)));
        let of = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (groups, rows) = (of("FinalHashAggregateStream[0]"), of("ExternalSorter[0]"));
        groups.try_grow(250).unwrap();
        assert!(groups.try_grow(1).is_err());
        groups.free();
        rows.try_grow(250).unwrap();
        rows.try_grow(1).unwrap();
        let handed_on = of("PartialHashAggregateStream[0]");
        handed_on.try_grow(62).unwrap();
        assert!(handed_on.try_grow(1).is_err());
    }

    #[test]
    fn while_one_thread_writes_down_what_it_passes_on_no_other_one_has_to() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::in_process(1000, || Some(2000)));
        let of = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (one, other) = (of("RepartitionExec[0]"), of("RepartitionExec[1]"));
        let elsewhere = |asks: &(dyn Fn() -> bool + Sync)| thread::scope(|s| s.spawn(asks).join().unwrap());
        other.try_grow(100).unwrap();
        one.try_grow(250).unwrap();
        assert!(one.try_grow(1).is_err());
        // The first one writes.
        assert!(elsewhere(&|| other.try_grow(300).is_ok()));
        assert!(one.try_grow(1).is_err());
        assert!(elsewhere(&|| other.try_grow(1).is_ok()));
        // It asks for something else: it has written. Now the other one does.
        one.shrink(1);
        assert!(elsewhere(&|| other.try_grow(1).is_err()));
        assert!(one.try_grow(1).is_ok());
        drop((one, other));
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_the_process_takes_is_known() {
        let taken = resident();
        // A test that runs takes more than a megabyte, and less than all there is.
        assert!(
            taken.is_none_or(|taken| (1 << 20..1 << 40).contains(&taken)),
            "{taken:?}"
        );
        assert_eq!(taken.is_some(), cfg!(target_os = "linux"));
    }
}
