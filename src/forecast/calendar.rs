//! The business calendar: weekdays, holidays, and the days of a month on which something falls due.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::BTreeSet;

/// Holidays are optional: without a list every day is judged by its weekday alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    pub holidays: BTreeSet<NaiveDate>,
}

impl Calendar {
    pub fn is_holiday(&self, day: NaiveDate) -> bool {
        self.holidays.contains(&day)
    }

    pub fn is_business_day(&self, day: NaiveDate) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !self.is_holiday(day)
    }
}

/// When in a month something falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// The day of this number, 1 to 28.
    Day(u32),
    /// So many days before the end; 0 is the last day.
    BeforeEnd(u32),
    FirstBusinessDay,
    LastBusinessDay,
}

impl Due {
    /// All of them, the plain ones first: of two that explain the same days the first is taken.
    pub(super) fn all() -> impl Iterator<Item = Due> {
        (1..=28)
            .map(Due::Day)
            .chain((0..3).map(Due::BeforeEnd))
            .chain([Due::FirstBusinessDay, Due::LastBusinessDay])
    }

    /// The places of each, among so many days in a row.
    pub(super) fn places(first: NaiveDate, count: usize, calendar: &Calendar) -> Vec<(Due, Vec<usize>)> {
        let mut found: Vec<(Due, Vec<usize>)> = Due::all().map(|due| (due, Vec::new())).collect();
        for (at, day) in first.iter_days().take(count).enumerate() {
            // Away from the ends of a month only its number can be due.
            let inside = (11..=17).contains(&day.day());
            for (due, places) in &mut found {
                let fits = match *due {
                    Due::Day(number) => number == day.day(),
                    other => !inside && other.falls_on(day, calendar),
                };
                if fits {
                    places.push(at);
                }
            }
        }
        found
    }

    pub(super) fn falls_on(self, day: NaiveDate, calendar: &Calendar) -> bool {
        match self {
            Due::Day(number) => day.day() == number,
            Due::BeforeEnd(days) => day.day() > 17 && moved(day, i64::from(days) + 1).day() == 1,
            Due::FirstBusinessDay => {
                day.day() < 11
                    && calendar.is_business_day(day)
                    && (1..day.day()).all(|back| !calendar.is_business_day(moved(day, -i64::from(back))))
            }
            Due::LastBusinessDay => {
                day.day() > 17
                    && calendar.is_business_day(day)
                    && (1..31)
                        .map(|ahead| moved(day, ahead))
                        .take_while(|later| later.month() == day.month())
                        .all(|later| !calendar.is_business_day(later))
            }
        }
    }

    pub fn words(self) -> String {
        match self {
            Due::Day(1) => "the 1st".to_owned(),
            Due::Day(2) => "the 2nd".to_owned(),
            Due::Day(3) => "the 3rd".to_owned(),
            Due::Day(21) => "the 21st".to_owned(),
            Due::Day(22) => "the 22nd".to_owned(),
            Due::Day(23) => "the 23rd".to_owned(),
            Due::Day(number) => format!("the {number}th"),
            Due::BeforeEnd(0) => "the last day".to_owned(),
            Due::BeforeEnd(1) => "the last day but one".to_owned(),
            Due::BeforeEnd(days) => format!("{days} days before the last"),
            Due::FirstBusinessDay => "the first business day".to_owned(),
            Due::LastBusinessDay => "the last business day".to_owned(),
        }
    }
}

fn moved(day: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    let found = if days < 0 {
        day.checked_sub_days(by)
    } else {
        day.checked_add_days(by)
    };
    found.unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn what_falls_due_when() {
        let plain = Calendar::default();
        // May 2026 ends on a Sunday; 1 August 2026 is a Saturday.
        assert!(Due::BeforeEnd(0).falls_on(date("2026-05-31"), &plain));
        assert!(Due::BeforeEnd(2).falls_on(date("2026-05-29"), &plain));
        assert!(!Due::BeforeEnd(0).falls_on(date("2026-05-30"), &plain));
        assert!(Due::LastBusinessDay.falls_on(date("2026-05-29"), &plain));
        assert!(!Due::LastBusinessDay.falls_on(date("2026-05-28"), &plain));
        assert!(Due::FirstBusinessDay.falls_on(date("2026-08-03"), &plain));
        assert!(!Due::FirstBusinessDay.falls_on(date("2026-08-04"), &plain));
        let holiday = Calendar {
            holidays: BTreeSet::from([date("2026-08-03")]),
        };
        assert!(Due::FirstBusinessDay.falls_on(date("2026-08-04"), &holiday));
        assert_eq!(Due::Day(11).words(), "the 11th");
    }
}
