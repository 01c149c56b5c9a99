//! `forecast` as a user meets it: from a file, from the lake, refused with a reason.

use crate::support::run;
use chrono::{Datelike, Days, NaiveDate};
use spendscope::base::money;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Weekdays 100, week-ends 40, in cents of ripple; scaled.
fn day_amount(day: NaiveDate, scale: i64) -> String {
    let base = if day.weekday().num_days_from_monday() > 4 {
        4000
    } else {
        10000
    };
    let ripple = i64::from(day.num_days_from_ce()) * 7919 % 401 - 200;
    let cents = (base + ripple) * scale;
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn days(first: &str, count: u64) -> impl Iterator<Item = NaiveDate> {
    let first = date(first);
    (0..count).map(move |at| first + Days::new(at))
}

/// Three teams; the fee of the 1st is in `core`, and `new` began a week before the end.
fn teams(folder: &Path) {
    let mut text = "day,team,currency,amount\n".to_owned();
    for day in days("2026-06-01", 122) {
        let _ = writeln!(text, "{day},core,USD,{}", day_amount(day, 1));
        let _ = writeln!(text, "{day},edge,USD,{}", day_amount(day, 3));
        if day.day() == 1 {
            let _ = writeln!(text, "{day},core,USD,2097.22");
        }
        if day >= date("2026-09-24") {
            let _ = writeln!(text, "{day},new,USD,12.50");
        }
    }
    std::fs::write(folder.join("teams.csv"), text).unwrap();
}

fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headers = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|r| {
            let record = r.unwrap();
            headers
                .iter()
                .map(str::to_owned)
                .zip(record.iter().map(str::to_owned))
                .collect()
        })
        .collect()
}

fn amount(row: &BTreeMap<String, String>, column: &str) -> i128 {
    money::parse(&row[column]).unwrap()
}

#[test]
fn parts_add_up_to_their_total_every_day_and_a_fee_comes_on_the_first() {
    let folder = tempfile::tempdir().unwrap();
    teams(folder.path());
    let args = ["forecast", "--file", "teams.csv", "--horizon", "61d", "-o", "csv"];
    let (status, out, talk) = run(folder.path(), &args);
    assert_eq!(status, 0, "{talk}");
    let rows = rows(&out);
    assert_eq!(rows.len(), 4 * 61);
    let mut by_day: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    for row in &rows {
        let sums = by_day.entry(&row["day"]).or_default();
        match row["level"].as_str() {
            "total" => sums.0 += amount(row, "expected"),
            _ => sums.1 += amount(row, "expected"),
        }
        for (low, high) in [
            ("low_95", "low_80"),
            ("low_80", "expected"),
            ("expected", "high_80"),
            ("high_80", "high_95"),
        ] {
            assert!(amount(row, low) <= amount(row, high), "{low} > {high}: {row:?}");
        }
        assert!(amount(row, "low_95") >= 0);
    }
    for (day, (total, parts)) in &by_day {
        assert_eq!(total, parts, "{day}");
    }
    // The fee on the 1st of October and November, and on no other day.
    for row in rows.iter().filter(|r| r["team"] == "core") {
        let due = row["day"].ends_with("-01");
        assert_eq!(amount(row, "expected") > 2000 * money::ONE, due, "{row:?}");
    }
    for words in [
        "of each month, as in 4 months",
        "on the 1st",
        "new: ",
        "its mean goes on",
        "missed",
        "MASE",
        "the 80 % band held",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    // The same bytes again.
    let again = run(folder.path(), &args);
    assert_eq!((again.1, again.2), (out, talk));
}

#[test]
fn totals_are_one_row_for_each_series_and_the_document_is_written() {
    let folder = tempfile::tempdir().unwrap();
    teams(folder.path());
    let (status, out, talk) = run(
        folder.path(),
        &[
            "forecast",
            "--file",
            "teams.csv",
            "--grain",
            "total",
            "--out",
            "pictures",
            "-o",
            "csv",
        ],
    );
    assert_eq!(status, 0, "{talk}");
    let rows = rows(&out);
    let names: Vec<(&str, &str)> = rows
        .iter()
        .map(|r| (r["level"].as_str(), r["team"].as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("total", "(all)"),
            ("part", "core"),
            ("part", "edge"),
            ("part", "new")
        ]
    );
    let parts: i128 = rows[1..].iter().map(|r| amount(r, "expected")).sum();
    assert_eq!(amount(&rows[0], "expected"), parts);
    for ending in ["png", "html", "xlsx", "md", "json"] {
        let path = folder.path().join("pictures").join(format!("forecast.{ending}"));
        assert!(
            std::fs::metadata(&path).unwrap().len() > 500,
            "{}",
            path.display()
        );
    }
    // By month, as far as it lies ahead.
    let (_, out, _) = run(
        folder.path(),
        &[
            "forecast",
            "--file",
            "teams.csv",
            "--grain",
            "month",
            "--horizon",
            "8w",
            "-o",
            "csv",
        ],
    );
    let rows = self::rows(&out);
    let of_total: Vec<(&str, &str)> = rows
        .iter()
        .filter(|r| r["level"] == "total")
        .map(|r| (r["first_day"].as_str(), r["days"].as_str()))
        .collect();
    assert_eq!(of_total, [("2026-10-01", "31"), ("2026-11-01", "25")]);
    // Grouped otherwise: one series, one row.
    let (_, out, _) = run(
        folder.path(),
        &[
            "forecast",
            "--file",
            "teams.csv",
            "--by",
            "",
            "--grain",
            "total",
            "-o",
            "csv",
        ],
    );
    assert_eq!(rows_of(&out), 1);
}

fn rows_of(csv: &str) -> usize {
    rows(csv).len()
}

#[test]
fn what_cannot_be_forecast_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "day,amount\n".to_owned();
    for day in days("2026-09-01", 20) {
        let _ = writeln!(text, "{day},{}", day_amount(day, 1));
    }
    std::fs::write(folder.path().join("short.csv"), text).unwrap();
    std::fs::write(folder.path().join("bad.csv"), "day,amount\n2026-09-31,5\n").unwrap();
    std::fs::write(folder.path().join("other.csv"), "date,amount\n2026-09-30,5\n").unwrap();
    for (status, args, words) in [
        (1, &["--file", "short.csv"][..], "20 days of history are too few"),
        (1, &["--file", "bad.csv"], "line 2: '2026-09-31' is not a date"),
        (1, &["--file", "other.csv"], "there is no column 'day'"),
        (
            2,
            &["--file", "short.csv", "--horizon", "3 months"],
            "is not a number of days",
        ),
        (2, &["unit/cost_per_query"], "has no days"),
        (
            2,
            &["energy/trend", "--column", "wh_per_1k_requests_facility_"],
            "does not add up",
        ),
        (2, &["spend/daly"], "did you mean spend/daily"),
        (2, &[], "required"),
    ] {
        let (got, out, talk) = run(folder.path(), &[&["forecast"], args].concat());
        assert_eq!(got, status, "{args:?}: {talk}");
        assert!(out.is_empty() && talk.contains(words), "{words}\n{talk}");
    }
}

#[test]
fn holidays_are_like_earlier_holidays() {
    let folder = tempfile::tempdir().unwrap();
    let holidays = ["2026-07-15", "2026-08-12", "2026-10-07"];
    let mut text = "day,amount\n".to_owned();
    for day in days("2026-06-01", 122) {
        let amount = if holidays.contains(&day.to_string().as_str()) {
            "25.00".to_owned()
        } else {
            day_amount(day, 1)
        };
        let _ = writeln!(text, "{day},{amount}");
    }
    std::fs::write(folder.path().join("days.csv"), text).unwrap();
    std::fs::write(
        folder.path().join("holidays.txt"),
        "# ours\n2026-07-15 founding day\n2026-08-12\n2026-10-07\n",
    )
    .unwrap();
    let expected = |more: &[&str]| -> i128 {
        let args = [
            &["forecast", "--file", "days.csv", "--horizon", "14", "-o", "csv"],
            more,
        ]
        .concat();
        let (status, out, talk) = run(folder.path(), &args);
        assert_eq!(status, 0, "{talk}");
        let rows = rows(&out);
        amount(
            rows.iter().find(|r| r["day"] == "2026-10-07").unwrap(),
            "expected",
        ) / money::ONE
    };
    assert!((22..29).contains(&expected(&["--holidays", "holidays.txt"])));
    assert!(expected(&[]) > 80);
}

const HEAD: &str = "BilledCost,EffectiveCost,BillingCurrency,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ServiceCategory,ConsumedUnit,SkuMeter\n";

/// A month's bill of one provider.
fn bill(provider: &str, month: u32, last: NaiveDate, scale: i64) -> String {
    let first = NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
    let next = first + chrono::Months::new(1);
    let mut text = HEAD.to_owned();
    for day in first.iter_days().take_while(|d| *d < next && *d <= last) {
        let amount = day_amount(day, scale);
        let after = day + Days::new(1);
        let _ = writeln!(
            text,
            "{amount},{amount},USD,{provider},{day}T00:00:00Z,{after}T00:00:00Z,{first}T00:00:00Z,{next}T00:00:00Z,Usage,Compute,Compute,Hours,x"
        );
    }
    text
}

#[test]
fn late_days_of_a_bill_are_left_out_and_today_too() {
    let folder = tempfile::tempdir().unwrap();
    for (provider, last) in [("AWS", "2026-09-30"), ("Oracle", "2026-09-26")] {
        for month in 6..=9 {
            let name = format!("{provider}-{month}.csv");
            std::fs::write(folder.path().join(&name), bill(provider, month, date(last), 2)).unwrap();
            let (status, _, talk) = run(
                folder.path(),
                &[
                    "ingest",
                    &name,
                    "--source",
                    provider,
                    "--now",
                    "2026-10-01T09:00:00Z",
                ],
            );
            assert_eq!(status, 0, "{talk}");
        }
    }
    let forecast = |more: &[&str]| {
        let args = [
            &["forecast", "spend/daily", "--by", "provider", "-o", "csv"],
            more,
        ]
        .concat();
        let (status, out, talk) = run(folder.path(), &args);
        assert_eq!(status, 0, "{talk}");
        (rows(&out), talk)
    };
    let (rows, talk) = forecast(&["--now", "2026-10-01T09:00:00Z", "--horizon", "20d"]);
    assert_eq!(rows[0]["day"], "2026-09-27");
    assert!(
        talk.contains("4 late days are left out: the bill of Oracle reaches 2026-09-26"),
        "{talk}"
    );
    for row in rows.iter().filter(|r| r["level"] == "part") {
        let truth = money::parse(&day_amount(date(&row["day"]), 2)).unwrap();
        assert!(
            (amount(row, "expected") - truth).abs() < 9 * money::ONE,
            "{row:?}"
        );
    }
    // The history that is asked for, and nothing after it.
    let (rows, _) = forecast(&["--from", "2026-06-01", "--to", "2026-09-01", "--horizon", "7d"]);
    assert_eq!(rows[0]["day"], "2026-09-01");
    // At nine in the morning, that day's bill so far is no history.
    let (rows, _) = forecast(&["--now", "2026-09-20T09:00:00Z", "--horizon", "7d"]);
    assert_eq!(rows[0]["day"], "2026-09-20");
}
