//! Windows and amounts in words.

use crate::base::time::{Window, local_midnight};
use crate::render::number;
use chrono::{Datelike, Days, Months, NaiveDate};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// First and last day of a window.
fn days(window: &Window, zone: Tz) -> (NaiveDate, NaiveDate) {
    let day = |instant: chrono::DateTime<chrono::Utc>| instant.with_timezone(&zone).date_naive();
    (
        day(window.from),
        day(window.to - chrono::Duration::microseconds(1)),
    )
}

/// `October 2026`, `Q3 2026`, `1–14 October 2026`, `28 September – 4 October 2026`.
pub fn period(window: &Window, zone: Tz) -> String {
    let (first, last) = days(window, zone);
    let whole_days = local_midnight(first, zone) == window.from
        && last
            .checked_add_days(Days::new(1))
            .is_some_and(|next| local_midnight(next, zone) == window.to);
    if !whole_days {
        let text =
            |i: chrono::DateTime<chrono::Utc>| i.with_timezone(&zone).format("%-d %b %Y %H:%M").to_string();
        return format!("{} – {}", text(window.from), text(window.to));
    }
    let ends = |months: u32| first.day() == 1 && (first + Months::new(months)).pred_opt() == Some(last);
    if first == last {
        return first.format("%-d %B %Y").to_string();
    }
    if ends(1) {
        return first.format("%B %Y").to_string();
    }
    if ends(3) && first.month0() % 3 == 0 {
        return format!("Q{} {}", first.month0() / 3 + 1, first.year());
    }
    if ends(12) && first.month() == 1 {
        return first.year().to_string();
    }
    if (first.year(), first.month()) == (last.year(), last.month()) {
        return format!("{}–{}", first.day(), last.format("%-d %B %Y"));
    }
    let start = if first.year() == last.year() {
        "%-d %B"
    } else {
        "%-d %B %Y"
    };
    format!("{} – {}", first.format(start), last.format("%-d %B %Y"))
}

/// The window, and what it is compared with.
pub(super) fn compared(window: &Window, previous: &Window, zone: Tz, running: bool) -> String {
    let (now, before) = (period(window, zone), period(previous, zone));
    // The year is said once.
    let (_, last) = days(window, zone);
    let (_, last_before) = days(previous, zone);
    let year = format!(" {}", last.year());
    let before = if last.year() == last_before.year() {
        before.trim_end_matches(&year).to_owned()
    } else {
        before
    };
    if running {
        return format!("{now} so far, compared with as much of {before}");
    }
    format!("{now}, compared with {before}")
}

/// What a picture leaves out because there is no rate for it.
pub(super) fn left_out(others: &BTreeMap<String, i128>) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let amounts: Vec<String> = others
        .iter()
        .map(|(code, amount)| number::money(*amount, code))
        .collect();
    Some(format!(
        "Not in the picture, for want of an exchange rate: {}.",
        amounts.join(", ")
    ))
}

/// A registry name as people write it.
pub(super) fn plain(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::time::parse_bound;

    fn shown(from: &str, to: &str) -> String {
        let zone = chrono_tz::Europe::Berlin;
        let window = Window::new(parse_bound(from, zone).unwrap(), parse_bound(to, zone).unwrap()).unwrap();
        compared(&window, &window.previous(zone), zone, false)
    }

    #[test]
    fn windows_have_names() {
        assert_eq!(
            shown("2026-10-01", "2026-11-01"),
            "October 2026, compared with September"
        );
        assert_eq!(
            shown("2026-01-01", "2026-02-01"),
            "January 2026, compared with December 2025"
        );
        assert_eq!(shown("2026-07-01", "2026-10-01"), "Q3 2026, compared with Q2");
        assert_eq!(
            shown("2026-10-15", "2026-10-22"),
            "15–21 October 2026, compared with 8–14 October"
        );
        assert_eq!(
            shown("2026-10-15", "2026-10-16"),
            "15 October 2026, compared with 14 October"
        );
        assert!(shown("2026-10-15T10:00:00Z", "2026-10-15T11:00:00Z").starts_with("15 Oct 2026 12:00 – "));
    }
}
