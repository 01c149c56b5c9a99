//! Due moments of a cron rule in a time zone.
//!
//! Where the clock jumps: a rule with fixed hours runs once for each time that it names. A time that is
//! skipped in spring runs at the first moment after the gap; one that is struck twice in autumn runs the first
//! time. A rule for every hour (`*` or `*/2` in the hour field) follows the clock as it is: nothing in the hour
//! that does not exist, and both of the hours that have the same name.

use crate::base::{Error, Result};
use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

#[derive(Debug, Clone)]
pub struct Calendar {
    cron: Cron,
    pub zone: Tz,
    /// The hour field names hours, and does not mean all of them.
    fixed_hours: bool,
}

/// No time zone ever jumped further than this, Samoa's lost day aside.
const FARTHEST_JUMP: i64 = 25;
/// A rule that never comes true (30 February) must not be searched for ever.
const MOST_TRIES: usize = 10_000;

impl Calendar {
    pub fn new(rule: &str, zone: Tz) -> Result<Calendar> {
        let fields: Vec<&str> = rule.split_whitespace().collect();
        let [_, hour, ..] = fields[..] else {
            return Err(wrong(rule, "it has five fields"));
        };
        if fields.len() != 5 {
            return Err(wrong(rule, "it has five fields"));
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(rule)
            .map_err(|e| wrong(rule, &e.to_string()))?;
        let calendar = Calendar {
            cron,
            zone,
            fixed_hours: !hour.starts_with('*'),
        };
        if calendar.next_after(DateTime::UNIX_EPOCH).is_none() {
            return Err(wrong(rule, "no day ever matches it"));
        }
        Ok(calendar)
    }

    /// The first due moment after `moment`.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.fixed_hours {
            let local = moment.with_timezone(&self.zone);
            return self
                .cron
                .find_next_occurrence(&local, false)
                .ok()
                .map(|due| due.to_utc());
        }
        // The rule is followed on the face of the clock, and each time found there is then looked up in the
        // zone. It starts early enough for a time that a jump moves past `moment`.
        let mut face = moment.with_timezone(&self.zone).naive_local() - Duration::hours(FARTHEST_JUMP);
        for _ in 0..MOST_TRIES {
            face = self.cron.find_next_occurrence(&face, false).ok()?;
            let due = self.instant(face)?;
            if due > moment {
                return Some(due);
            }
        }
        None
    }

    /// Due moments in `(after, upto]`, oldest first, and at most `most` of the newest; with how many there were.
    pub fn between(
        &self,
        after: DateTime<Utc>,
        upto: DateTime<Utc>,
        most: usize,
    ) -> (Vec<DateTime<Utc>>, usize) {
        let mut newest = std::collections::VecDeque::new();
        let mut count = 0;
        let mut at = after;
        while let Some(due) = self.next_after(at).filter(|due| *due <= upto) {
            count += 1;
            newest.push_back(due);
            if newest.len() > most {
                newest.pop_front();
            }
            at = due;
        }
        (newest.into(), count)
    }

    /// When the clock of the zone shows this; the first moment after, where it never does.
    fn instant(&self, face: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.from_local_datetime(&face) {
            LocalResult::Single(instant) => Some(instant.to_utc()),
            LocalResult::Ambiguous(first, _) => Some(first.to_utc()),
            LocalResult::None => {
                // Jumps happen on whole minutes.
                let mut later = face;
                for _ in 0..FARTHEST_JUMP * 60 {
                    later += Duration::minutes(1);
                    if let Some(instant) = self.zone.from_local_datetime(&later).earliest() {
                        return Some(instant.to_utc());
                    }
                }
                None
            }
        }
    }
}

fn wrong(rule: &str, why: &str) -> Error {
    Error::config(format!("cron = \"{rule}\": {why}"))
        .advise("write minute, hour, day, month, weekday, such as \"0 7 * * MON\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn dues(rule: &str, zone: Tz, after: &str, upto: &str) -> Vec<String> {
        let calendar = Calendar::new(rule, zone).unwrap();
        let (dues, count) = calendar.between(after.parse().unwrap(), upto.parse().unwrap(), 100);
        assert_eq!(dues.len(), count);
        dues.iter()
            .map(|due| due.format("%d %H:%MZ").to_string())
            .collect()
    }

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

    #[test]
    fn local_times_follow_the_zone_through_the_year() {
        assert_eq!(
            dues(
                "0 7 * * MON",
                BERLIN,
                "2026-10-18T00:00:00Z",
                "2026-11-03T00:00:00Z"
            ),
            ["19 05:00Z", "26 06:00Z", "02 06:00Z"]
        );
        // The end that is asked for belongs to it, the start does not.
        assert_eq!(
            dues(
                "0 7 * * *",
                Tz::UTC,
                "2026-10-18T07:00:00Z",
                "2026-10-19T07:00:00Z"
            ),
            ["19 07:00Z"]
        );
    }

    #[test]
    fn a_time_that_does_not_exist_runs_once_right_after_the_gap() {
        // In Berlin 02:00 becomes 03:00 on 29 March 2026, at 01:00 UTC.
        let (from, to) = ("2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(
            dues("30 2 * * *", BERLIN, from, to),
            ["28 01:30Z", "29 01:00Z", "30 00:30Z"]
        );
        // Two such times, and one that exists at the same moment: still one run.
        assert_eq!(
            dues("0,30 2,3 * * SUN", BERLIN, from, to),
            ["29 01:00Z", "29 01:30Z"]
        );
        // Asked right at the edge, it is neither lost nor found twice.
        assert_eq!(
            dues(
                "30 2 * * *",
                BERLIN,
                "2026-03-29T00:59:59Z",
                "2026-03-29T12:00:00Z"
            ),
            ["29 01:00Z"]
        );
        assert!(
            dues(
                "30 2 * * *",
                BERLIN,
                "2026-03-29T01:00:00Z",
                "2026-03-29T12:00:00Z"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_time_that_is_struck_twice_runs_the_first_time() {
        // In Berlin 03:00 becomes 02:00 on 25 October 2026, at 01:00 UTC.
        let (from, to) = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(dues("30 2 * * *", BERLIN, from, to), ["25 00:30Z", "26 01:30Z"]);
        assert!(
            dues(
                "30 2 * * *",
                BERLIN,
                "2026-10-25T00:30:00Z",
                "2026-10-25T12:00:00Z"
            )
            .is_empty()
        );
        // So does a rule with several minutes.
        assert_eq!(
            dues("0,30 2 * * SUN", BERLIN, from, to),
            ["25 00:00Z", "25 00:30Z"]
        );
    }

    #[test]
    fn a_rule_for_every_hour_follows_the_clock_as_it_is() {
        assert_eq!(
            dues(
                "30 * * * *",
                BERLIN,
                "2026-03-29T00:00:00Z",
                "2026-03-29T03:00:00Z"
            ),
            ["29 00:30Z", "29 01:30Z", "29 02:30Z"]
        );
        assert_eq!(
            dues(
                "30 * * * *",
                BERLIN,
                "2026-10-25T00:00:00Z",
                "2026-10-25T03:00:00Z"
            ),
            ["25 00:30Z", "25 01:30Z", "25 02:30Z"]
        );
    }

    #[test]
    fn midnight_may_be_missing_too() {
        // In Santiago midnight of 6 September 2026 becomes 01:00.
        let zone = chrono_tz::America::Santiago;
        assert_eq!(
            dues("0 0 * * *", zone, "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z"),
            ["06 04:00Z", "07 03:00Z"]
        );
    }

    #[test]
    fn of_many_missed_the_newest_are_kept_and_all_are_counted() {
        let calendar = Calendar::new("0 * * * *", Tz::UTC).unwrap();
        let (from, to) = (
            "2026-01-01T00:00:00Z".parse().unwrap(),
            "2026-01-03T00:00:00Z".parse().unwrap(),
        );
        let (dues, count) = calendar.between(from, to, 3);
        assert_eq!(count, 48);
        assert_eq!(dues.last().copied(), Some(to));
        assert_eq!(dues.len(), 3);
    }

    #[test]
    fn rules_that_mean_nothing_are_refused() {
        for rule in [
            "",
            "0 7 * *",
            "0 0 7 * * MON",
            "61 7 * * *",
            "0 7 * * MOON",
            "@daily",
            "0 0 30 2 *",
        ] {
            assert!(Calendar::new(rule, Tz::UTC).is_err(), "{rule}");
        }
    }
}
