//! Instants in UTC microseconds, half-open windows, and the texts people and files write them in.

use crate::base::{Error, Result};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeZone, Utc};

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;

/// The Arrow type of every instant.
pub fn data_type() -> arrow::datatypes::DataType {
    arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))
}

/// Reads an instant as files write it: RFC 3339, the same with a blank for `T`, without seconds,
/// without zone (then UTC), a bare date (its midnight), or a trailing ` UTC`. Digits beyond the microsecond
/// are cut, so that no instant moves into a later window.
///
/// ```
/// use spendscope::base::time::parse_instant;
/// let same = parse_instant("2026-09-14 02:26:40.1770779").unwrap();
/// assert_eq!(parse_instant("2026-09-14T04:26:40.177077+02:00"), Some(same));
/// ```
pub fn parse_instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(floor_micros(instant.to_utc()));
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"] {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(floor_micros(instant.to_utc()));
        }
    }
    let naive = text.strip_suffix('Z').unwrap_or(text);
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(instant) = NaiveDateTime::parse_from_str(naive, format) {
            return Some(floor_micros(instant.and_utc()));
        }
    }
    parse_date(text).map(|day| day_start(day).timestamp_micros())
}

fn floor_micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp() * MICROS_PER_SECOND + i64::from(instant.timestamp_subsec_nanos() / 1_000)
}

/// `2026-09-14`.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()
}

pub fn day_start(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The instant of a stored timestamp.
pub fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(if micros < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// A half-open stretch of time, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl Window {
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Window> {
        if from < to {
            Ok(Window { from, to })
        } else {
            Err(Error::usage(format!("the window [{from}, {to}) is empty"))
                .advise("--to is exclusive and must be later than --from"))
        }
    }

    /// A calendar month of a time zone, written `2026-10`.
    pub fn month(text: &str, zone: chrono_tz::Tz) -> Result<Window> {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .map_err(|_| Error::usage(format!("'{text}' is not a month")).advise("write it as 2026-10"))?;
        let next = first + Months::new(1);
        Window::new(local_midnight(first, zone), local_midnight(next, zone))
    }

    /// The stretch of the same kind before this one: the month before a month, else the same length.
    pub fn previous(&self, zone: chrono_tz::Tz) -> Window {
        let (from, to) = (self.from.with_timezone(&zone).date_naive(), self.to.with_timezone(&zone).date_naive());
        let whole_months = from.day() == 1
            && to.day() == 1
            && local_midnight(from, zone) == self.from
            && local_midnight(to, zone) == self.to;
        if whole_months {
            let months = (to.year() - from.year()) * 12 + to.month() as i32 - from.month() as i32;
            let before = from - Months::new(months.unsigned_abs());
            return Window { from: local_midnight(before, zone), to: self.from };
        }
        Window { from: self.from - (self.to - self.from), to: self.from }
    }

    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.from <= instant && instant < self.to
    }

    /// Whole days touched, for axes.
    pub fn days(&self) -> u64 {
        ((self.to - self.from).num_seconds() as u64).div_ceil(86_400)
    }
}

/// Midnight of a day in a zone, as an instant. Where the clock jumps over midnight, the first
/// instant that exists; where it is struck twice, the earlier one.
pub fn local_midnight(day: NaiveDate, zone: chrono_tz::Tz) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    match zone.from_local_datetime(&midnight).earliest() {
        Some(instant) => instant.to_utc(),
        None => {
            let later = midnight + chrono::Duration::hours(1);
            zone.from_local_datetime(&later)
                .earliest()
                .map_or_else(|| midnight.and_utc(), |instant| instant.to_utc())
        }
    }
}

/// A bound of `--from` or `--to`: an instant, or a date that means its midnight in the zone.
pub fn parse_bound(text: &str, zone: chrono_tz::Tz) -> Result<DateTime<Utc>> {
    if let Some(day) = parse_date(text) {
        return Ok(local_midnight(day, zone));
    }
    parse_instant(text).map(from_micros).ok_or_else(|| {
        Error::usage(format!("'{text}' is not a date or an instant"))
            .advise("write 2026-10-01 or 2026-10-01T12:00:00Z")
    })
}

/// The day after.
pub fn next_day(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_the_wild() {
        let expected = parse_instant("2023-11-13T10:00:00Z");
        assert!(expected.is_some());
        for text in [
            "2023-11-13T10:00Z",
            "2023-11-13 10:00:00",
            "2023-11-13 10:00:00+00:00",
            "2023-11-13T11:00:00.0000000+01:00",
            "2023-11-13 10:00:00 UTC",
            "2023-11-13T10:00:00",
        ] {
            assert_eq!(parse_instant(text), expected, "{text}");
        }
        assert_eq!(parse_instant("2023-11-13T09:59:59.9999999Z").map(|i| i + 1), expected);
        assert_eq!(parse_instant("13/11/2023"), None);
        assert_eq!(parse_instant(""), None);
    }

    #[test]
    fn months_follow_the_zone() {
        let berlin = chrono_tz::Europe::Berlin;
        let march = Window::month("2026-03", berlin).unwrap();
        assert_eq!((march.to - march.from).num_hours(), 31 * 24 - 1);
        assert_eq!(march.previous(berlin), Window::month("2026-02", berlin).unwrap());
        assert!(Window::month("2026-13", berlin).is_err());
    }
}
