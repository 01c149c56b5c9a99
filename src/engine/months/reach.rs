//! What the rows of a month can depend on.
//!
//! A task belongs together, and so do a charge and all that is in its period. Attempts are told with the tasks
//! that touch their month; charges, and what becomes of them, with all that is in the periods of those that lie over it or
//! begin in it; leaves with the tasks of these attempts; tasks with the leaves of all their attempts, in whichever
//! month, and with their labels, whenever they came (`spans` says which these are). A charge that is shared by what requests cost depends on
//! the charges over its own period, too. Rows of an hour stand in the month in which it begins. Whoever reads rows of a finer grain finds them as they are: what these depend on
//! only says when they are other ones.

use super::Grain;
use super::month::{DAY_US, HOUR_US, Month};
use chrono_tz::Tz;
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

    /// The whole hours that touch it.
    fn whole_hours(self) -> Stretch {
        Stretch {
            from: self.from.div_euclid(HOUR_US) * HOUR_US,
            to: -((-self.to).div_euclid(HOUR_US) * HOUR_US),
        }
    }

    /// What of it lies in the other one. Nothing: it ends before it begins.
    pub(super) fn within(self, other: &Stretch) -> Stretch {
        Stretch {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
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

/// What a month is worked out from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// The facts that are read.
    pub(super) facts: Facts,
    /// The rows by attempts and by charges that are read.
    pub(super) attempts: Option<Rows>,
    pub(super) charges: Option<Rows>,
}

/// Requests and samples of a stretch, and the charges that meet one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) requests: Stretch,
    pub(super) charges: Stretch,
}

impl Facts {
    fn of(stretch: Stretch) -> Facts {
        Facts {
            requests: stretch,
            charges: stretch,
        }
    }
}

/// Rows of other months' views.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) stretch: Stretch,
    /// What they depend on.
    pub(super) facts: Facts,
}

impl Ties {
    /// `own` is the month, `days` the whole days of the reporting zone that touch it.
    pub(super) fn reach(&self, grain: Grain, own: Stretch, days: Stretch) -> Reach {
        let hours = days.whole_hours();
        match grain {
            Grain::Attempts => Reach {
                facts: self.behind_attempts(hours),
                attempts: None,
                charges: None,
            },
            Grain::Charges => {
                let stretch = self.charges(own, days).with(&hours);
                Reach {
                    facts: Facts::of(stretch),
                    attempts: Some(self.attempts(stretch)),
                    charges: None,
                }
            }
            Grain::Leaves => {
                let carried = self
                    .begun(own, days)
                    .filter(|charge| charge.link == Some(Link::Leaves));
                let stretch = carried.fold(hours, |wider, charge| wider.with(&charge.period));
                self.with_leaves(stretch, self.tasks(stretch))
            }
            Grain::Tasks => {
                let stretch = self.tasks(hours);
                self.with_leaves(stretch, stretch)
            }
        }
    }

    /// The leaves of all attempts of a stretch, and the attempts of another one.
    fn with_leaves(&self, stretch: Stretch, attempts: Stretch) -> Reach {
        let leaves = self.over(stretch);
        let facts = self.charges(leaves, leaves).with(&leaves);
        Reach {
            facts: Facts::of(stretch),
            attempts: Some(self.attempts(attempts)),
            charges: Some(Rows {
                stretch: leaves,
                facts: Facts {
                    charges: facts,
                    ..self.behind_attempts(facts)
                },
            }),
        }
    }

    fn attempts(&self, stretch: Stretch) -> Rows {
        Rows {
            stretch,
            facts: self.behind_attempts(stretch),
        }
    }

    fn behind_attempts(&self, stretch: Stretch) -> Facts {
        Facts {
            requests: self.tasks(stretch),
            charges: stretch,
        }
    }

    /// What the leaves in a stretch, and of the charges that begin or count in it, depend on.
    fn charges(&self, own: Stretch, days: Stretch) -> Stretch {
        let mut reach = self.over(own);
        for charge in self.begun(own, days) {
            match charge.link {
                Some(Link::Leaves | Link::Requests) => reach = reach.with(&charge.period),
                Some(Link::Costs) => reach = reach.with(&self.over(charge.period)),
                None => {}
            }
        }
        reach
    }

    fn begun(&self, own: Stretch, days: Stretch) -> impl Iterator<Item = &Charge> {
        self.charges
            .iter()
            .filter(move |charge| own.has(charge.period.from) || days.has(charge.moment))
    }

    /// When the first of the tasks begins that are in a month and go on after it.
    pub(super) fn goes_on(&self, own: Stretch) -> Option<i64> {
        let going_on = |across: &&Stretch| across.from < own.to && own.to < across.to;
        self.across
            .iter()
            .filter(going_on)
            .map(|across| across.from)
            .min()
    }

    /// With the tasks that touch it: those that lie in one month of UTC reach no further than that.
    fn tasks(&self, stretch: Stretch) -> Stretch {
        let longest = |at: i64| self.longest.get(&Month::of_utc(at)).copied().unwrap_or(0);
        let month = |at: i64| Month::of_utc(at).stretch(Tz::UTC);
        let (first, last) = (month(stretch.from), month(stretch.to - 1));
        let mut wider = Stretch {
            from: first.from.max(stretch.from - longest(stretch.from)),
            to: last.to.min(stretch.to + longest(stretch.to - 1)),
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
    #![allow(clippy::unwrap_used)]
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

    /// Hours that it reaches further than June, before and after.
    fn further(stretch: Stretch) -> (i64, i64) {
        (
            (JUNE.from - stretch.from) / HOUR_US,
            (stretch.to - JUNE.to) / HOUR_US,
        )
    }

    fn tied() -> Ties {
        let end = JUNE.to;
        let day = |n: i64| charge(end + n * DAY_US, end + (n + 1) * DAY_US, Link::Leaves);
        Ties {
            across: vec![Stretch {
                from: end - HOUR_US,
                to: end + 2 * HOUR_US,
            }],
            charges: vec![day(-1), day(0), day(1)],
            longest: BTreeMap::from([(Month::of_utc(end), 5 * HOUR_US)]),
        }
    }

    #[test]
    fn a_month_alone_reaches_no_further_than_its_last_hour() {
        let half = HOUR_US / 2;
        let shifted = Stretch {
            from: JUNE.from - half,
            to: JUNE.to - half,
        };
        for grain in Grain::ALL {
            let reach = Ties::default().reach(grain, JUNE, JUNE);
            assert_eq!(further(reach.facts.requests), (0, 0), "{grain:?}");
            let reach = Ties::default().reach(grain, shifted, shifted);
            assert_eq!(further(reach.facts.requests), (1, 0), "{grain:?}");
        }
    }

    #[test]
    fn attempts_pull_in_the_tasks_that_touch_the_month() {
        let reach = tied().reach(Grain::Attempts, JUNE, JUNE);
        assert_eq!(further(reach.facts.requests), (0, 2));
        // Tasks of July last up to five hours: those that began before an hour of July are needed for it. Of June are those
        // only that go on in July.
        let july = |from| Stretch {
            from: JUNE.to + from,
            to: JUNE.to + 31 * DAY_US,
        };
        let from = |own| tied().reach(Grain::Attempts, own, own).facts.requests.from - JUNE.to;
        assert_eq!(from(july(0)), -HOUR_US);
        assert_eq!(from(july(2 * HOUR_US)), 0);
        assert_eq!(from(july(9 * HOUR_US)), 4 * HOUR_US);
    }

    #[test]
    fn what_begins_before_tasks_that_go_on_does_not_depend_on_the_next_month() {
        let ties = tied();
        assert_eq!(ties.goes_on(JUNE), Some(JUNE.to - HOUR_US));
        assert_eq!(
            ties.goes_on(Stretch {
                to: JUNE.to + 9,
                ..JUNE
            }),
            Some(JUNE.to - HOUR_US)
        );
        assert_eq!(Ties::default().goes_on(JUNE), None);
        let before = Stretch {
            to: JUNE.to - DAY_US,
            ..JUNE
        };
        let ties = Ties {
            longest: BTreeMap::from([(Month::of_utc(JUNE.from), 90 * HOUR_US)]),
            ..ties
        };
        let reach = ties.reach(Grain::Tasks, before, before);
        assert_eq!(further(reach.facts.requests), (0, 0));
        assert_eq!(further(reach.charges.unwrap().facts.charges), (0, 0));
    }

    #[test]
    fn charges_pull_in_no_task_and_read_attempts_as_they_are() {
        let reach = tied().reach(Grain::Charges, JUNE, JUNE);
        let attempts = reach.attempts.unwrap();
        assert_eq!(further(reach.facts.requests), (0, 0));
        assert_eq!(further(attempts.stretch), (0, 0));
        // But they are others when a task that touches the month is another.
        assert_eq!(further(attempts.facts.requests), (0, 2));
    }

    #[test]
    fn leaves_know_their_tasks_and_no_charge_of_another_month() {
        let reach = tied().reach(Grain::Leaves, JUNE, JUNE);
        assert_eq!(further(reach.attempts.unwrap().stretch), (0, 2));
        assert_eq!(further(reach.charges.unwrap().stretch), (0, 0));
        assert_eq!(further(reach.charges.unwrap().facts.charges), (0, 0));
    }

    #[test]
    fn tasks_read_the_leaves_of_all_their_attempts() {
        let reach = tied().reach(Grain::Tasks, JUNE, JUNE);
        assert_eq!(further(reach.attempts.unwrap().stretch), (0, 2));
        // The leaves of July's first hours are of that day's charge, and this one of all the day's tasks.
        let leaves = reach.charges.unwrap();
        assert_eq!(further(leaves.stretch), (0, 24));
        assert_eq!(further(leaves.facts.charges), (0, 24));
        assert_eq!(further(leaves.facts.requests), (0, 24 + 5));
    }

    #[test]
    fn what_is_shared_by_cost_depends_on_the_charges_over_it_and_what_is_shared_by_requests_does_not() {
        let shared = |link| charge(JUNE.from, JUNE.to + DAY_US, link);
        let over = charge(JUNE.to + DAY_US - 1, JUNE.to + 9 * DAY_US, Link::Leaves);
        let by = |charges: Vec<Charge>| {
            let ties = Ties {
                charges,
                ..Ties::default()
            };
            further(ties.reach(Grain::Charges, JUNE, JUNE).facts.charges)
        };
        assert_eq!(by(vec![shared(Link::Requests), over]), (0, 24));
        assert_eq!(by(vec![shared(Link::Costs), over]), (0, 9 * 24));
        // Charges of July that are shared are no concern of June's.
        assert_eq!(
            by(vec![charge(JUNE.to, JUNE.to + 31 * DAY_US, Link::Costs)]),
            (0, 0)
        );
    }

    #[test]
    fn a_charge_that_lies_over_the_month_is_told_by_all_of_its_period() {
        let year = charge(JUNE.from - 100 * DAY_US, JUNE.to + 100 * DAY_US, Link::Leaves);
        let ties = Ties {
            charges: vec![year],
            ..Ties::default()
        };
        let reach = ties.reach(Grain::Charges, JUNE, JUNE);
        assert_eq!(further(reach.facts.charges), (2400, 2400));
    }
}
