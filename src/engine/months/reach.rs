//! Which facts the rows of a month can depend on.
//!
//! A task belongs together, and so do a charge and all that is in its period. The rows of a month are those of the
//! tasks that touch it, with the charges over these; the charges that begin in it; and the days that are told as
//! days of it. A charge that is shared by what requests cost depends on the charges over its own period, too.

use super::month::{DAY_US, HOUR_US, Month};
use std::collections::BTreeMap;

/// A half-open stretch of time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Stretch {
    pub(super) fn meets(&self, other: &Stretch) -> bool {
        self.from < other.to && other.from < self.to
    }

    pub(super) fn has(&self, moment: i64) -> bool {
        (self.from..self.to).contains(&moment)
    }

    pub(super) fn with(self, other: &Stretch) -> Stretch {
        Stretch {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }
}

/// What a charge depends on inside its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Attempts and telemetry: its leaves are theirs.
    Leaves,
    /// The number of requests.
    Requests,
    /// What requests cost.
    Costs,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    pub(super) period: Stretch,
    /// When it counts in the reporting zone.
    pub(super) moment: i64,
    pub(super) link: Option<Link>,
}

/// What belongs together.
#[derive(Debug, Default)]
pub(super) struct Ties {
    /// The longest task that lies in one month of UTC, by month, in microseconds.
    pub(super) longest: BTreeMap<Month, i64>,
    /// From the first to the last attempt of each task that lies in several months, or of several such tasks.
    pub(super) across: Vec<Stretch>,
    pub(super) charges: Vec<Charge>,
}

impl Ties {
    /// All facts that the rows of a month depend on lie in here. `own` is the month, `days` the whole days of the
    /// reporting zone that touch it.
    pub(super) fn reach(&self, own: Stretch, days: Stretch) -> Stretch {
        let begins = |charge: &Charge| own.has(charge.period.from) || days.has(charge.moment);
        let hours = Stretch {
            from: days.from - HOUR_US,
            to: days.to + HOUR_US,
        };
        let mut reach = self.tasks(hours);
        let mut carrying = self.over(self.tasks(own));
        for charge in self.charges.iter().filter(|charge| begins(charge)) {
            match charge.link {
                Some(Link::Leaves) => carrying = carrying.with(&charge.period),
                Some(Link::Requests) => reach = reach.with(&self.tasks(charge.period)),
                Some(Link::Costs) => reach = reach.with(&self.tasks(self.over(charge.period))),
                None => {}
            }
        }
        reach.with(&self.tasks(carrying))
    }

    /// With the tasks that touch it.
    fn tasks(&self, stretch: Stretch) -> Stretch {
        let longest = |at: i64| self.longest.get(&Month::of_utc(at)).copied().unwrap_or(0);
        let mut wider = Stretch {
            from: stretch.from - longest(stretch.from),
            to: stretch.to + longest(stretch.to - 1),
        };
        for across in self.across.iter().filter(|across| across.meets(&stretch)) {
            wider = wider.with(across);
        }
        wider
    }

    /// With the charges whose leaves lie in it.
    fn over(&self, stretch: Stretch) -> Stretch {
        let leaves = |charge: &&Charge| charge.link == Some(Link::Leaves) && charge.period.meets(&stretch);
        let charges = self.charges.iter().filter(leaves);
        charges.fold(stretch, |wider, charge| wider.with(&charge.period))
    }
}

/// A day beyond: what a sample stands for ends at the next one.
pub(super) const SAMPLES_US: i64 = DAY_US;

#[cfg(test)]
mod tests {
    use super::*;

    const JUNE: Stretch = Stretch {
        from: 1_780_272_000_000_000,
        to: 1_782_864_000_000_000,
    };

    fn charge(from: i64, to: i64, link: Link) -> Charge {
        Charge {
            period: Stretch { from, to },
            moment: from,
            link: Some(link),
        }
    }

    fn grown(ties: &Ties) -> (i64, i64) {
        let reach = ties.reach(JUNE, JUNE);
        ((JUNE.from - reach.from) / HOUR_US, (reach.to - JUNE.to) / HOUR_US)
    }

    #[test]
    fn a_month_alone_reaches_an_hour_further() {
        assert_eq!(grown(&Ties::default()), (1, 1));
    }

    #[test]
    fn tasks_charges_and_the_tasks_in_these_are_pulled_in() {
        let end = JUNE.to;
        let task = Stretch {
            from: end - HOUR_US,
            to: end + 2 * HOUR_US,
        };
        let day = |n: i64| charge(end + n * DAY_US, end + (n + 1) * DAY_US, Link::Leaves);
        let long = BTreeMap::from([(Month::of_utc(end), 5 * HOUR_US)]);
        let ties = Ties {
            across: vec![task],
            charges: vec![day(-1), day(0), day(1)],
            longest: long,
        };
        // The task ends on the first day of July; that day's charge has tasks of up to five hours at its end.
        assert_eq!(grown(&ties).1, 24 + 5);
    }

    #[test]
    fn what_is_shared_by_cost_depends_on_the_charges_over_it_and_what_is_shared_by_requests_does_not() {
        let shared = |link| charge(JUNE.from, JUNE.to + DAY_US, link);
        let over = charge(JUNE.to + DAY_US - 1, JUNE.to + 9 * DAY_US, Link::Leaves);
        let by = |link| {
            grown(&Ties {
                charges: vec![shared(link), over],
                ..Ties::default()
            })
        };
        assert_eq!(by(Link::Requests), (1, 24));
        assert_eq!(by(Link::Costs), (1, 9 * 24));
        // Charges of July that are shared are no concern of June's.
        let july = charge(JUNE.to, JUNE.to + 31 * DAY_US, Link::Costs);
        assert_eq!(
            grown(&Ties {
                charges: vec![july],
                ..Ties::default()
            }),
            (1, 1)
        );
    }
}
