//! What of a window's data has not arrived, source by source.
//!
//! A source is held against its own habit: one whose last charge of a month is always on the 1st is not late on
//! the 30th. One that had data in the window before and has none in this one is late altogether.

use crate::base::Result;
use crate::base::time::{Window, from_micros};
use crate::engine::{Engine, Settings};
use crate::frame::Frame;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::common::ScalarValue;

/// Facts that a window needs, with their latest moment in the window and in the one before it.
const FACTS: [(&str, &str); 2] = [
    (
        "charges",
        "SELECT source, max(CASE WHEN moment >= $from THEN upto END) AS upto, \
            max(CASE WHEN moment < $from THEN upto END) AS before \
        FROM (SELECT source, charge_period_end AS upto, \
            charge_moment(charge_period_start, charge_period_end) AS moment FROM charges) AS c \
        WHERE moment >= $previous AND moment < $to GROUP BY source ORDER BY source",
    ),
    (
        "requests",
        "SELECT source, max(CASE WHEN started_at >= $from THEN started_at END) AS upto, \
            max(CASE WHEN started_at < $from THEN started_at END) AS before \
        FROM requests WHERE started_at >= $previous AND started_at < $to GROUP BY source ORDER BY source",
    ),
];
/// More sources than this are counted, not named.
const MOST_NAMED: usize = 3;

/// What is missing, in words; nothing when all is there. A window that is still running is held against the
/// present, and what happened yesterday may still be on its way.
pub async fn late(engine: &Engine, settings: &Settings, window: Window) -> Result<Option<String>> {
    let running = settings.now <= window.to;
    let previous = window.previous(settings.zone);
    let instant =
        |i: DateTime<Utc>| ScalarValue::TimestampMicrosecond(Some(i.timestamp_micros()), Some("UTC".into()));
    let end = if running {
        settings.now.max(window.from)
    } else {
        window.to
    };
    let days = Days {
        zone: settings.zone,
        first: window.from,
        end,
        before: window.from,
        grace: i64::from(running),
    };
    let mut missing = Vec::new();
    for (facts, sql) in FACTS {
        let params = [
            ("previous", instant(previous.from)),
            ("from", instant(window.from)),
            ("to", instant(end)),
        ];
        let frame = Frame::guess(engine.query(sql, &params).await?);
        for row in 0..frame.rows() {
            let source = frame.text("source", row)?.unwrap_or_default();
            // A charge ends where the next one begins; a request is at its moment.
            let last = |column: &str| -> Result<Option<DateTime<Utc>>> {
                let micros = frame.micros(column, row)?;
                Ok(micros.map(|m| from_micros(if facts == "charges" { m - 1 } else { m })))
            };
            if let Some(lack) = days.lack(last("upto")?, last("before")?) {
                missing.push(match lack {
                    Lack::Days(1) => format!("1 day of {facts} of {source}"),
                    Lack::Days(n) => format!("{n} days of {facts} of {source}"),
                    Lack::All => format!("all {facts} of {source}"),
                });
            }
        }
    }
    Ok(told(missing))
}

fn told(mut missing: Vec<String>) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    if missing.len() > MOST_NAMED {
        let more = missing.len() - (MOST_NAMED - 1);
        missing.truncate(MOST_NAMED - 1);
        missing.push(format!("{more} more"));
    }
    Some(format!("{} missing", missing.join(", ")))
}

#[derive(Debug, PartialEq, Eq)]
enum Lack {
    Days(i64),
    All,
}

struct Days {
    zone: chrono_tz::Tz,
    first: DateTime<Utc>,
    /// Up to here there could be data.
    end: DateTime<Utc>,
    /// End of the window before.
    before: DateTime<Utc>,
    /// Days that may be missing at the end.
    grace: i64,
}

impl Days {
    fn day(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }

    /// Whole days between the last that has data and the last that could.
    fn gap(&self, last: DateTime<Utc>, end: DateTime<Utc>) -> i64 {
        let wanted = self.day(end - chrono::Duration::microseconds(1));
        (wanted - self.day(last)).num_days().max(0)
    }

    fn lack(&self, last: Option<DateTime<Utc>>, before: Option<DateTime<Utc>>) -> Option<Lack> {
        let habit = before.map_or(0, |before| self.gap(before, self.before));
        match last {
            Some(last) => {
                let gap = self.gap(last, self.end);
                (gap > habit.max(self.grace)).then_some(Lack::Days(gap))
            }
            // In the first days of a window there may be nothing yet.
            None => (self.gap(self.first, self.end) + 1 > habit.max(self.grace)).then_some(Lack::All),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn days(grace: i64) -> Days {
        Days {
            zone: chrono_tz::Tz::UTC,
            first: "2026-09-01T00:00:00Z".parse().unwrap(),
            end: "2026-10-01T00:00:00Z".parse().unwrap(),
            before: "2026-09-01T00:00:00Z".parse().unwrap(),
            grace,
        }
    }

    #[test]
    fn a_source_is_held_against_its_own_habit() {
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let days = days(0);
        let complete = at("2026-08-31T23:59:59Z");
        assert_eq!(days.lack(at("2026-09-30T23:00:00Z"), complete), None);
        assert_eq!(
            days.lack(at("2026-09-28T23:00:00Z"), complete),
            Some(Lack::Days(2))
        );
        assert_eq!(days.lack(at("2026-09-28T23:00:00Z"), None), Some(Lack::Days(2)));
        assert_eq!(days.lack(None, complete), Some(Lack::All));
        // A fee that is charged on the 1st of every month.
        assert_eq!(
            days.lack(at("2026-09-01T00:00:00Z"), at("2026-08-01T00:00:00Z")),
            None
        );
    }

    #[test]
    fn yesterday_may_be_on_its_way_while_the_window_runs() {
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let complete = at("2026-08-31T23:59:59Z");
        assert_eq!(days(1).lack(at("2026-09-29T12:00:00Z"), complete), None);
        assert_eq!(
            days(1).lack(at("2026-09-28T12:00:00Z"), complete),
            Some(Lack::Days(2))
        );
    }

    #[test]
    fn many_sources_are_counted() {
        assert_eq!(told(vec![]), None);
        let names = |n: usize| (1..=n).map(|i| format!("s{i}")).collect::<Vec<_>>();
        assert_eq!(told(names(3)).unwrap(), "s1, s2, s3 missing");
        assert_eq!(told(names(5)).unwrap(), "s1, s2, 3 more missing");
    }
}
