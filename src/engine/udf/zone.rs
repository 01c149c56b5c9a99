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

pub(super) fn utc_day(micros: i64) -> i32 {
    // Instants are DateTimes of chrono, whose days fit.
    micros.div_euclid(MICROS_PER_DAY) as i32
}
