//! The window that a run is about, from the day on which it was due.

use crate::base::Result;
use crate::base::time::{Window, local_midnight};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

/// Windows that a schedule can name. Weeks begin on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Yesterday,
    #[serde(rename = "last_7_days")]
    Last7Days,
    LastWeek,
    LastMonth,
    LastQuarter,
    WeekToDate,
    MonthToDate,
    QuarterToDate,
    YearToDate,
}

impl Span {
    pub fn name(self) -> &'static str {
        match self {
            Span::Yesterday => "yesterday",
            Span::Last7Days => "last_7_days",
            Span::LastWeek => "last_week",
            Span::LastMonth => "last_month",
            Span::LastQuarter => "last_quarter",
            Span::WeekToDate => "week_to_date",
            Span::MonthToDate => "month_to_date",
            Span::QuarterToDate => "quarter_to_date",
            Span::YearToDate => "year_to_date",
        }
    }

    /// The day is that of the schedule's clock; its midnights are those of the reporting zone, so that the
    /// figures are the ones that `--period` gives.
    pub fn window(self, due: DateTime<Utc>, schedule: Tz, reporting: Tz) -> Result<Window> {
        let today = due.with_timezone(&schedule).date_naive();
        let back = |day: NaiveDate, days: u32| day - Days::new(u64::from(days));
        let month = back(today, today.day0());
        let quarter = month - Months::new(month.month0() % 3);
        let year = month - Months::new(month.month0());
        let week = back(today, today.weekday().num_days_from_monday());
        let (from, to) = match self {
            Span::Yesterday => (back(today, 1), today),
            Span::Last7Days => (back(today, 7), today),
            Span::LastWeek => (back(week, 7), week),
            Span::LastMonth => (month - Months::new(1), month),
            Span::LastQuarter => (quarter - Months::new(3), quarter),
            Span::WeekToDate => (week, week + Days::new(7)),
            Span::MonthToDate => (month, month + Months::new(1)),
            Span::QuarterToDate => (quarter, quarter + Months::new(3)),
            Span::YearToDate => (year, year + Months::new(12)),
        };
        Window::new(local_midnight(from, reporting), local_midnight(to, reporting))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn days(span: Span, due: &str) -> String {
        let window = span
            .window(due.parse().unwrap(), chrono_tz::Europe::Berlin, Tz::UTC)
            .unwrap();
        format!("{} {}", window.from.format("%F"), window.to.format("%F"))
    }

    #[test]
    fn windows_end_before_the_day_they_are_due_or_hold_it() {
        // A Wednesday.
        let due = "2026-11-04T06:00:00Z";
        for (span, expected) in [
            (Span::Yesterday, "2026-11-03 2026-11-04"),
            (Span::Last7Days, "2026-10-28 2026-11-04"),
            (Span::LastWeek, "2026-10-26 2026-11-02"),
            (Span::LastMonth, "2026-10-01 2026-11-01"),
            (Span::LastQuarter, "2026-07-01 2026-10-01"),
            (Span::WeekToDate, "2026-11-02 2026-11-09"),
            (Span::MonthToDate, "2026-11-01 2026-12-01"),
            (Span::QuarterToDate, "2026-10-01 2027-01-01"),
            (Span::YearToDate, "2026-01-01 2027-01-01"),
        ] {
            assert_eq!(days(span, due), expected, "{}", span.name());
        }
        assert_eq!(
            days(Span::LastQuarter, "2026-01-15T06:00:00Z"),
            "2025-10-01 2026-01-01"
        );
    }

    #[test]
    fn the_day_is_that_of_the_schedules_clock() {
        // Half past midnight of 1 November in Berlin is still October in UTC.
        assert_eq!(
            days(Span::LastMonth, "2026-10-31T23:30:00Z"),
            "2026-10-01 2026-11-01"
        );
    }

    #[test]
    fn every_span_has_the_name_that_the_configuration_reads() {
        #[derive(Deserialize)]
        struct Holder {
            span: Span,
        }
        for span in [Span::Last7Days, Span::MonthToDate, Span::Yesterday] {
            let holder: Holder = toml::from_str(&format!("span = '{}'", span.name())).unwrap();
            assert_eq!(holder.span, span);
        }
    }
}
