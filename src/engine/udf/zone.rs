//! Instants in the reporting zone.

use crate::base::time::{MICROS_PER_HOUR, from_micros};
use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

pub(super) const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// Zones change their offset at full quarters of an hour, so it is looked up once for each.
const QUARTER: i64 = MICROS_PER_HOUR / 4;

/// Remembers the last offset: neighbouring rows are neighbours in time.
pub(super) struct LocalClock {
    zone: Tz,
    quarter: Option<i64>,
    offset: i64,
}

impl LocalClock {
    pub(super) fn new(zone: Tz) -> Self {
        LocalClock {
            zone,
            quarter: None,
            offset: 0,
        }
    }

    /// Microseconds that the zone is ahead of UTC at that instant.
    pub(super) fn offset(&mut self, micros: i64) -> i64 {
        let quarter = micros.div_euclid(QUARTER);
        if self.quarter != Some(quarter) {
            let at = from_micros(micros).naive_utc();
            let seconds = self.zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
            self.offset = i64::from(seconds) * 1_000_000;
            self.quarter = Some(quarter);
        }
        self.offset
    }

    /// Days since 1970-01-01 by the zone's calendar.
    pub(super) fn day(&mut self, micros: i64) -> i32 {
        utc_day(micros + self.offset(micros))
    }
}

/// Does a day of the zone begin at that instant, with no change of the clocks within two hours of it. Where they
/// change about midnight, an hour of one day may come after the other has begun.
pub(in crate::engine) fn begins_day(zone: Tz, micros: i64) -> bool {
    let mut clock = LocalClock::new(zone);
    let near = 2 * MICROS_PER_HOUR;
    let steady = clock.offset(micros - near) == clock.offset(micros + near - 1);
    steady && clock.day(micros) != clock.day(micros - 1)
}

pub(super) fn utc_day(micros: i64) -> i32 {
    // Instants are DateTimes of chrono, whose days fit.
    micros.div_euclid(MICROS_PER_DAY) as i32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono::DateTime;

    #[test]
    fn a_day_begins_at_a_midnight_that_nothing_moves() {
        let begins = |zone, text: &str| {
            let instant: DateTime<chrono::Utc> = text.parse().unwrap();
            begins_day(zone, instant.timestamp_micros())
        };
        assert!(begins(Tz::UTC, "2026-09-01T00:00:00Z"));
        assert!(!begins(Tz::UTC, "2026-09-01T00:00:01Z"));
        assert!(begins(Tz::Europe__Berlin, "2026-08-31T22:00:00Z"));
        assert!(!begins(Tz::Europe__Berlin, "2026-09-01T00:00:00Z"));
        // The day that has 25 hours begins and ends like others: its clocks change at three.
        assert!(begins(Tz::Europe__Berlin, "2026-10-24T22:00:00Z"));
        assert!(begins(Tz::Europe__Berlin, "2026-10-25T23:00:00Z"));
        // At 00:01 the clocks went back: the day before had an hour after this midnight.
        assert!(!begins(Tz::America__St_Johns, "2009-11-01T02:30:00Z"));
    }
}
