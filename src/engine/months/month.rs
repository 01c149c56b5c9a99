//! Months as rows are told by: they begin with the month of UTC or with that of the reporting zone, whichever begins
//! first. So both the start of a charge and the moment that it counts at lie in the same one.

use super::reach::Stretch;
use crate::base::time::{day_start, from_micros, local_midnight};
use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use std::fmt;

pub(super) const HOUR_US: i64 = 3_600_000_000;
pub(super) const DAY_US: i64 = 24 * HOUR_US;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Month {
    year: i32,
    month: u32,
}

impl Month {
    pub(super) fn of_utc(micros: i64) -> Month {
        let at = from_micros(micros);
        Month {
            year: at.year(),
            month: at.month(),
        }
    }

    pub(super) fn of(micros: i64, zone: Tz) -> Month {
        let month = Month::of_utc(micros);
        match month.next().start(zone) <= micros {
            true => month.next(),
            false => month,
        }
    }

    pub(super) fn next(self) -> Month {
        match self.month {
            12 => Month {
                year: self.year + 1,
                month: 1,
            },
            month => Month {
                month: month + 1,
                ..self
            },
        }
    }

    fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or_default()
    }

    fn start(self, zone: Tz) -> i64 {
        let (utc, local) = (
            day_start(self.first_day()),
            local_midnight(self.first_day(), zone),
        );
        utc.min(local).timestamp_micros()
    }

    pub(super) fn stretch(self, zone: Tz) -> Stretch {
        Stretch {
            from: self.start(zone),
            to: self.next().start(zone),
        }
    }

    /// The whole days of the zone that touch it.
    pub(super) fn days(self, zone: Tz) -> Stretch {
        let own = self.stretch(zone);
        let day = |micros: i64| from_micros(micros).with_timezone(&zone).date_naive();
        let after = day(own.to - 1).succ_opt().unwrap_or_default();
        Stretch {
            from: local_midnight(day(own.from), zone).timestamp_micros(),
            to: local_midnight(after, zone).timestamp_micros(),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        let month = Month {
            year: year.parse().ok()?,
            month: month.parse().ok()?,
        };
        (1..=12).contains(&month.month).then_some(month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::time::parse_instant;

    #[test]
    fn a_charge_of_the_first_day_begins_and_counts_in_its_month() {
        for zone in [
            chrono_tz::UTC,
            chrono_tz::America::New_York,
            chrono_tz::Pacific::Auckland,
        ] {
            let september = Month::parse("2026-09").unwrap();
            let begins = parse_instant("2026-09-01T00:00:00Z").unwrap();
            let counts = local_midnight(september.first_day(), zone).timestamp_micros();
            for moment in [begins, counts] {
                assert_eq!(Month::of(moment, zone), september, "{zone}");
                assert!(september.stretch(zone).has(moment), "{zone}");
            }
            let before = september.stretch(zone).from - 1;
            assert_eq!(Month::of(before, zone).to_string(), "2026-08", "{zone}");
            let days = september.days(zone);
            assert!(days.from <= september.stretch(zone).from && days.to >= september.stretch(zone).to);
            assert!((days.to - days.from) / DAY_US <= 31, "{zone}");
        }
    }
}
