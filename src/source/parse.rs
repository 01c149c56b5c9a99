//! Texts into values. Every parser says in its error what it expected; the caller adds row and column.

use super::column::OnUnknown;
use crate::base::money::Exact;
use crate::base::time;
use chrono::offset::LocalResult;
use chrono::{NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

type Parsed<T> = Result<Option<T>, String>;

/// A whole number. `12.0` and `1.2e1` are whole numbers, too; `12.5` is not.
pub(super) fn int(text: &str) -> Parsed<i64> {
    let text = text.trim();
    if let Ok(value) = text.parse() {
        return Ok(Some(value));
    }
    let exact = Exact::parse(text).map_err(|_| "not a whole number".to_owned())?;
    let stored = exact.round();
    if Exact::from_stored(stored) != exact || stored % crate::base::money::ONE != 0 {
        return Err("not a whole number".to_owned());
    }
    i64::try_from(stored / crate::base::money::ONE)
        .map(Some)
        .map_err(|_| "larger than 64 bits".to_owned())
}

/// A measurement. NaN and the infinities are missing values where they are spelled out.
pub(super) fn float(text: &str) -> Parsed<f64> {
    let text = text.trim();
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err("larger than any measurement".to_owned());
    }
    Ok(value.is_finite().then_some(value))
}

pub(super) fn bool(text: &str) -> Parsed<bool> {
    let text = text.trim();
    for (spelling, value) in [
        ("true", true),
        ("false", false),
        ("1", true),
        ("0", false),
        ("yes", true),
        ("no", false),
        ("t", true),
        ("f", false),
    ] {
        if text.eq_ignore_ascii_case(spelling) {
            return Ok(Some(value));
        }
    }
    Err("neither true nor false".to_owned())
}

/// A currency code: ISO 4217 or a virtual one, in upper case.
pub(super) fn currency(text: &str) -> Parsed<String> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) || text.len() > 32 {
        return Err("not a currency code".to_owned());
    }
    Ok(Some(text.to_uppercase()))
}

/// Years that a date can be of. What lies beyond is a slip, and no calendar or table can hold it.
fn within(micros: i64) -> Parsed<i64> {
    const FIRST: i64 = -62_135_596_800_000_000;
    const LAST: i64 = 253_402_300_800_000_000;
    if (FIRST..LAST).contains(&micros) {
        Ok(Some(micros))
    } else {
        Err("a time outside of the years 1 to 9999".to_owned())
    }
}

pub(super) fn instant(text: &str, formats: &[String]) -> Parsed<i64> {
    match written(text, formats)? {
        Some(micros) => within(micros),
        None => Ok(None),
    }
}

fn written(text: &str, formats: &[String]) -> Parsed<i64> {
    if let Some(micros) = time::parse_instant(text) {
        return Ok(Some(micros));
    }
    let text = text.trim();
    for format in formats {
        if let Ok(instant) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(Some(instant.and_utc().timestamp_micros()));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, format) {
            return Ok(Some(time::day_start(day).timestamp_micros()));
        }
    }
    Err("not an instant such as 2026-09-14T02:26:40Z".to_owned())
}

/// An instant in words or in seconds since 1970. Logs count in finer units, too: what would be seconds
/// of the year 5138 or later are milliseconds, and so on up to nanoseconds.
pub(super) fn timestamp(text: &str, formats: &[String]) -> Parsed<i64> {
    if let Some(micros) = time::parse_plain(text) {
        return within(micros);
    }
    let digits = text.trim().split('.').next().unwrap_or_default();
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    let unit = match digits.trim_start_matches('0').len() {
        12..=14 if is_number => 3,
        15..=17 if is_number => 6,
        18.. if is_number => 9,
        _ => 0,
    };
    match unix(text, unit) {
        Ok(micros) => Ok(micros),
        Err(_) => instant(text, formats),
    }
}

/// What a clock in `zone` shows. The hour that comes twice when clocks go back is refused: which of the two
/// is meant cannot be told.
pub(super) fn local(text: &str, formats: &[String], zone: Tz) -> Parsed<i64> {
    let wall = match instant(text, formats)? {
        Some(micros) => time::from_micros(micros).naive_utc(),
        None => return Ok(None),
    };
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(instant) => within(instant.timestamp_micros()),
        LocalResult::Ambiguous(..) => Err(format!("a local time that {zone} had twice")),
        LocalResult::None => Err(format!("a local time that {zone} never had")),
    }
}

/// A decimal count of 10^-`digits` seconds since 1970; digits beyond the microsecond are cut.
pub(super) fn unix(text: &str, digits: u32) -> Parsed<i64> {
    let fail = || "not a number of seconds since 1970".to_owned();
    let exact = Exact::parse(text).map_err(|_| fail())?;
    // Amounts have 18 digits after the point; microseconds 6, less what the unit has already.
    let per_micro = 10_i128.pow(12 + digits);
    within(i64::try_from(exact.round().div_euclid(per_micro)).map_err(|_| fail())?)
}

/// Days since 1970. An instant gives its UTC day.
pub(super) fn date(text: &str, formats: &[String]) -> Parsed<i32> {
    let micros = instant(text, formats).map_err(|_| "not a date such as 2026-09-14".to_owned())?;
    Ok(micros.map(day_of))
}

/// Days since 1970 of an instant.
pub(super) fn day_of(micros: i64) -> i32 {
    micros.div_euclid(24 * time::MICROS_PER_HOUR) as i32
}

/// One of a list of values, without regard to case, in its canonical spelling.
pub(super) fn one_of(
    text: &str,
    values: &[String],
    spellings: &BTreeMap<String, String>,
    unknown: OnUnknown,
) -> Parsed<String> {
    let text = text.trim();
    if let Some(value) = values.iter().find(|v| v.eq_ignore_ascii_case(text)) {
        return Ok(Some(value.clone()));
    }
    if let Some((_, value)) = spellings.iter().find(|(s, _)| s.eq_ignore_ascii_case(text)) {
        return Ok(Some(value.clone()));
    }
    match unknown {
        OnUnknown::Keep => Ok(Some(text.to_owned())),
        OnUnknown::Reject => Err(format!("not one of {}", values.join(", "))),
    }
}

/// The sum of what stands under a key in each object of a JSON list, digit by digit. An object alone is a
/// list of one, an object without the key adds nothing; anything else is an error.
pub(super) fn sum(text: &str, key: &str) -> Result<Exact, String> {
    let wrong = || format!("not a list of objects with amounts under '{key}'");
    let objects: Vec<BTreeMap<String, &RawValue>> = if text.trim_start().starts_with('{') {
        vec![serde_json::from_str(text).map_err(|_| wrong())?]
    } else {
        serde_json::from_str(text).map_err(|_| wrong())?
    };
    let mut sum = Exact::ZERO;
    for object in objects {
        if let Some(amount) = object.get(key).and_then(|raw| super::tags::plain(raw.get())) {
            sum += Exact::parse(amount.trim()).map_err(|reason| format!("{}: {reason}", wrong()))?;
        }
    }
    Ok(sum)
}

/// Scheme and host of a URL: a path may name a deployment, a query may hold a key, a user a password.
pub(super) fn origin(text: &str) -> Parsed<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() {
        return Ok(None);
    }
    Ok(Some(if scheme.is_empty() {
        host.to_owned()
    } else {
        format!("{scheme}://{host}")
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whole_numbers() {
        assert_eq!(int("12"), Ok(Some(12)));
        assert_eq!(int(" 1.2e1 "), Ok(Some(12)));
        assert_eq!(int("12.0"), Ok(Some(12)));
        assert_eq!(int("-3"), Ok(Some(-3)));
        for text in ["12.5", "abc", "1e30", "99999999999999999999", "1,000"] {
            assert!(int(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_and_counts_of_seconds() {
        let expected = time::parse_instant("2025-12-17T19:34:28.284660Z");
        assert_eq!(timestamp("1766000068.28466", &[]), Ok(expected));
        assert_eq!(timestamp("2025-12-17 19:34:28.284660", &[]), Ok(expected));
        assert_eq!(unix("1766000068284.66", 3), Ok(expected));
        assert_eq!(timestamp("1766000068284.66", &[]), Ok(expected));
        assert_eq!(timestamp("1766000068284660", &[]), Ok(expected));
        assert_eq!(timestamp("1766000068284660999", &[]), Ok(expected));
        assert_eq!(unix("1766000068284660", 6), Ok(expected));
        assert_eq!(
            unix("-0.0000001", 0),
            Ok(Some(-1)),
            "cut towards the past, also before 1970"
        );
        assert!(unix("NaN", 0).is_err());
    }

    #[test]
    fn local_times_need_a_zone() {
        let berlin = chrono_tz::Europe::Berlin;
        let formats = ["%Y/%m/%d %H:%M:%S%.f".to_owned()];
        let utc = |t| Ok(time::parse_instant(t));
        assert_eq!(
            local("2026/07/14 08:12:53.353", &formats, berlin),
            utc("2026-07-14T06:12:53.353Z")
        );
        assert_eq!(
            local("2026/07/14 08:12:53.353", &formats, Tz::UTC),
            utc("2026-07-14T08:12:53.353Z")
        );
        assert!(
            local("2026/10/25 02:30:00.000", &formats, berlin).is_err(),
            "twice"
        );
        assert!(
            local("2026/03/29 02:30:00.000", &formats, berlin).is_err(),
            "never"
        );
    }

    #[test]
    fn american_dates_need_their_format() {
        let formats = ["%m/%d/%y".to_owned(), "%m/%d/%Y".to_owned()];
        let april = Ok(time::parse_instant("2025-04-01"));
        assert_eq!(instant("4/1/25", &formats), april);
        assert_eq!(instant("04/01/2025", &formats), april);
        assert!(instant("4/1/25", &[]).is_err());
        assert!(instant("13/1/25", &formats).is_err());
        assert_eq!(date("2026-09-14T23:59:59.9999999Z", &[]), Ok(Some(20710)));
    }

    #[test]
    fn spellings() {
        let values = ["Usage-Based".to_owned()];
        let spellings = BTreeMap::from([("per use".to_owned(), "Usage-Based".to_owned())]);
        for text in ["usage-based", "Usage-based", "PER USE"] {
            assert_eq!(
                one_of(text, &values, &spellings, OnUnknown::Reject),
                Ok(Some("Usage-Based".into()))
            );
        }
        assert!(one_of("Monthly", &values, &spellings, OnUnknown::Reject).is_err());
        assert_eq!(
            one_of("Monthly", &values, &spellings, OnUnknown::Keep),
            Ok(Some("Monthly".into()))
        );
    }

    #[test]
    fn amounts_of_a_list() {
        let digits = |t| sum(t, "amount").map(|s| s.to_string());
        assert_eq!(digits("[]"), Ok("0".into()));
        assert_eq!(
            digits(
                r#"[{"amount": -0.1}, {"name": "x", "amount": "-2e-1"}, {"name": "none"}, {"amount": null}]"#
            ),
            Ok("-0.3".into())
        );
        assert_eq!(digits(r#" {"amount": 1}"#), Ok("1".into()));
        assert_eq!(digits("{}"), Ok("0".into()));
        assert!(digits("12").is_err());
        assert!(digits(r#"[{"amount": "free"}]"#).is_err());
    }

    #[test]
    fn addresses_lose_what_could_be_secret() {
        let cut = |t| origin(t).unwrap().unwrap();
        assert_eq!(
            cut("https://user:pw@api.example.com:8443/v1/x?key=s#f"),
            "https://api.example.com:8443"
        );
        assert_eq!(cut("llm.internal/v1"), "llm.internal");
        assert_eq!(origin("https://"), Ok(None));
    }
}
