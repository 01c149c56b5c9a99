//! The memory that the parts of a query share. Sorts take whatever they can get, and merge as many of their runs at
//! once as fit; what comes after them (another merge, a group, a join) would find nothing left. So sorts get three
//! quarters of it, in fair shares, and the rest is for everybody else.
//!
//! A fair share is one of as many as there are parts, and a few large queries at once have thousands that hold next to
//! nothing. So while three quarters of all memory are free, whoever asks gets what he asks for.

use datafusion::common::{Result, resources_err};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;

#[derive(Debug)]
pub(super) struct Headroom {
    all: FairSpillPool,
    sorts: FairSpillPool,
    limit: usize,
}

impl Headroom {
    pub(super) fn new(limit: usize) -> Headroom {
        Headroom {
            all: FairSpillPool::new(limit),
            sorts: FairSpillPool::new(limit - limit / 4),
            limit,
        }
    }

    /// The sorts, if this is one of them or its merge.
    fn sorts(&self, consumer: &MemoryConsumer) -> Option<&FairSpillPool> {
        consumer
            .name()
            .starts_with("ExternalSorter")
            .then_some(&self.sorts)
    }
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
        self.all.grow(reservation, additional);
        if let Some(sorts) = self.sorts(reservation.consumer()) {
            sorts.grow(reservation, additional);
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.all.shrink(reservation, shrink);
        if let Some(sorts) = self.sorts(reservation.consumer()) {
            sorts.shrink(reservation, shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if self.all.reserved().saturating_add(additional) <= self.limit / 4 {
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

    fn reserved(&self) -> usize {
        self.all.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    #[test]
    fn many_that_hold_nothing_leave_room_and_all_of_it_is_the_most() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::new(1000));
        let of = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let idle: Vec<_> = (0..98).map(|at| of(&format!("RepartitionExec[{at}]"))).collect();
        let (first, second) = (
            of("FinalHashAggregateStream[0]"),
            of("FinalHashAggregateStream[1]"),
        );
        // A fair share is ten.
        first.try_grow(240).unwrap();
        second.try_grow(10).unwrap();
        assert!(second.try_grow(1).is_err() && first.try_grow(1).is_err());
        let fixed = MemoryConsumer::new("HashJoinInput").register(&pool);
        fixed.try_grow(750).unwrap();
        assert!(fixed.try_grow(1).is_err() && pool.reserved() == 1000);
        drop((idle, first, second, fixed));
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn a_sort_leaves_something_to_others() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Headroom::new(1000));
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
}
