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
    parse_plain(text).or_else(|| parse_any(text))
}

/// The form that nearly all files have, `2026-09-14T02:26:40.177Z`: in UTC, up to nine digits of a second, a blank
/// for `T`, without `Z`, or with `+00:00`.
pub fn parse_plain(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (fixed, rest) = bytes.split_at_checked(19)?;
    let digit = |at: usize| Some(i64::from(fixed[at].wrapping_sub(b'0'))).filter(|digit| *digit < 10);
    let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
    let signs = [fixed[4], fixed[7], fixed[13], fixed[16]];
    if signs != *b"--::" || !matches!(fixed[10], b'T' | b' ') {
        return None;
    }
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            let micros = (0..6).fold(0, |micros, at| {
                let digit = if at < digits { rest[at] - b'0' } else { 0 };
                micros * 10 + i64::from(digit)
            });
            (micros, &rest[digits..])
        }
        rest => (0, rest),
    };
    if !matches!(zone, b"Z" | b"" | b"+00:00") {
        return None;
    }
    // Days since 1970 of a year that begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * MICROS_PER_SECOND + fraction)
}

fn parse_any(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(floor_micros(instant.to_utc()));
    }
    for format in [
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
    ] {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(floor_micros(instant.to_utc()));
        }
    }
    let naive = text.strip_suffix('Z').unwrap_or(text);
    for format in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ] {
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
        let (from, to) = (
            self.from.with_timezone(&zone).date_naive(),
            self.to.with_timezone(&zone).date_naive(),
        );
        let whole_months = from.day() == 1
            && to.day() == 1
            && local_midnight(from, zone) == self.from
            && local_midnight(to, zone) == self.to;
        if whole_months {
            let months = (to.year() - from.year()) * 12 + to.month() as i32 - from.month() as i32;
            let before = from - Months::new(months.unsigned_abs());
            return Window {
                from: local_midnight(before, zone),
                to: self.from,
            };
        }
        Window {
            from: self.from - (self.to - self.from),
            to: self.from,
        }
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
    use proptest::prelude::*;

    proptest! {
        /// The short way reads what the long way reads.
        #[test]
        fn plain_instants_are_read_like_all_others(
            micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000,
            form in 0..6_usize,
            at in 0..30_usize,
            sign in "[0-9TZ:. +-]",
        ) {
            let form = ["%Y-%m-%dT%H:%M:%S%.6fZ", "%Y-%m-%d %H:%M:%S%.3f", "%Y-%m-%dT%H:%M:%S%.9f+00:00",
                "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S%.f+00:00"][form];
            let text = from_micros(micros).format(form).to_string();
            prop_assert_eq!(parse_plain(&text), parse_any(&text), "{}", text);
            prop_assert!(parse_plain(&text).is_some());
            // One sign changed: whatever it is now, both agree, or the short way leaves it to the long one.
            let mut odd = text;
            if at < odd.len() {
                odd.replace_range(at..=at, &sign);
            }
            if let Some(read) = parse_plain(&odd) {
                prop_assert_eq!(Some(read), parse_any(&odd), "{}", odd);
            }
        }
    }

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
        assert_eq!(
            parse_instant("2023-11-13T09:59:59.9999999Z").map(|i| i + 1),
            expected
        );
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
