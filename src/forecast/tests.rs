//! Forecasts whose answer is known: repeating weeks, fees, gaps, sums.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::base::money::ONE;
use chrono::Datelike;

fn first() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap()
}

fn ask(horizon: usize) -> Ask {
    Ask {
        horizon,
        ..Ask::default()
    }
}

fn of(days: usize, value: impl Fn(usize, NaiveDate) -> i128) -> Series {
    Series {
        first: first(),
        values: (0..days)
            .map(|at| Some(value(at, series::day(first(), at))))
            .collect(),
    }
}

/// Hundred on weekdays, forty at week-ends.
fn week(day: NaiveDate) -> i128 {
    ONE * if day.weekday().num_days_from_monday() > 4 {
        40
    } else {
        100
    }
}

/// A ripple that no model can know, the same in every run.
fn ripple(at: usize, size: i128) -> i128 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    size * i128::from((mixed ^ (mixed >> 31)) % 2001) / 1000 - size
}

#[test]
fn weeks_that_repeat_go_on_without_a_band() {
    let forecast = forecast(&of(84, |_, d| week(d)), &ask(28)).unwrap();
    for (at, point) in forecast.days.iter().enumerate() {
        let expected = week(series::day(forecast.first, at));
        assert_eq!(point.expected, expected, "day {at}");
        assert_eq!((point.low_95, point.high_95), (expected, expected));
    }
    let total = forecast.total().unwrap();
    assert_eq!(total.expected, 4 * (500 + 80) * ONE);
    let evidence = forecast.evidence;
    assert_eq!(
        (evidence.wape, evidence.method.as_str()),
        (Some(0), "seasonal-naive")
    );
    assert_eq!(evidence.coverage_80, Some(ONE));
}

#[test]
fn a_monthly_fee_comes_on_its_day_and_nowhere_else() {
    let fee = |d: NaiveDate| if d.day() == 1 { 2097 * ONE } else { 0 };
    let history = of(122, |at, d| week(d) + fee(d) + ripple(at, ONE));
    let forecast = forecast(&history, &ask(61)).unwrap();
    // History ends on 30 September.
    assert_eq!(forecast.first.to_string(), "2026-10-01");
    for (at, point) in forecast.days.iter().enumerate() {
        let day = series::day(forecast.first, at);
        let expected = week(day) + fee(day);
        assert!(
            (point.expected - expected).abs() < 4 * ONE,
            "{day}: {}",
            point.expected / ONE
        );
    }
    let [monthly] = forecast.evidence.monthly.as_slice() else {
        panic!("{:?}", forecast.evidence.monthly)
    };
    assert_eq!((monthly.due, monthly.months), (Due::Day(1), 4));
}

#[test]
fn a_sum_is_its_parts_to_the_last_digit() {
    let parts = [
        of(100, |at, d| week(d) + ripple(at, 9 * ONE)),
        of(100, |at, d| {
            week(d) / 3 + ONE * at as i128 / 7 + ripple(at + 500, 3 * ONE)
        }),
        // Began ten days before the end.
        of(100, |at, _| if at < 90 { 0 } else { 5 * ONE + ripple(at, ONE) }),
    ];
    let sum = forecast_sum(&parts, &ask(40)).unwrap();
    for at in 0..40 {
        let added: i128 = sum.parts.iter().map(|p| p.days[at].expected).sum();
        assert_eq!(sum.total.days[at].expected, added);
        let so_far: i128 = sum.parts.iter().map(|p| p.totals[at].expected).sum();
        assert_eq!(sum.total.totals[at].expected, so_far);
    }
    assert_eq!(sum.parts[2].evidence.method, "mean so far");
    assert!(
        sum.parts[2]
            .evidence
            .notes
            .iter()
            .any(|n| n.contains("began 10 days"))
    );
    let young = &sum.parts[2];
    assert_eq!((young.evidence.wape, young.evidence.coverage_80), (None, None));
    assert_eq!(young.days[0].low_95, 0);
    // The band of the sum is narrower than the bands of the parts together: their errors are their own.
    let width = |p: &Point| p.high_95 - p.low_95;
    let apart: i128 = sum.parts.iter().map(|p| width(&p.days[5])).sum();
    assert!(width(&sum.total.days[5]) < apart);
    assert!(sum.direct_wape.is_some());
}

#[test]
fn cost_is_never_negative_but_credits_may_be() {
    // A steep fall towards nothing.
    let falling = of(60, |at, _| ONE * (62 - at as i128) * 3 + ripple(at, ONE / 2));
    let ahead = forecast(&falling, &ask(60)).unwrap();
    assert!(
        ahead
            .days
            .iter()
            .all(|p| p.low_95 >= 0 && p.expected >= 0 && p.low_80 >= p.low_95)
    );
    let credits = of(120, |at, d| {
        week(d) - if d.day() == 1 { 400 * ONE } else { 0 } + ripple(at, ONE)
    });
    let ahead = forecast(&credits, &ask(31)).unwrap();
    let first_of_october =
        ahead.days[(NaiveDate::from_ymd_opt(2026, 10, 1).unwrap() - ahead.first).num_days() as usize];
    assert!(first_of_october.expected < -290 * ONE);
}

#[test]
fn missing_days_are_gaps_and_not_zeros() {
    let mut history = of(90, |at, d| week(d) + ripple(at, ONE));
    for at in [20, 21, 22, 40, 41, 70] {
        history.values[at] = None;
    }
    let ahead = forecast(&history, &ask(14)).unwrap();
    assert_eq!(ahead.evidence.gaps, 6);
    assert!(ahead.evidence.notes.iter().any(|n| n.starts_with("6 days")));
    for (at, point) in ahead.days.iter().enumerate() {
        let expected = week(series::day(ahead.first, at));
        assert!(
            (point.expected - expected).abs() < 3 * ONE,
            "day {at}: {}",
            point.expected
        );
    }
}

#[test]
fn a_holiday_costs_what_holidays_cost() {
    let date = |m, d| NaiveDate::from_ymd_opt(2026, m, d).unwrap();
    let mut ask = ask(20);
    ask.calendar
        .holidays
        .extend([date(7, 15), date(8, 12), date(9, 16)]);
    let quiet = ask.calendar.holidays.clone();
    // 1 June to 29 August; the last holiday is yet to come, a Wednesday.
    let history = of(
        90,
        |at, d| if quiet.contains(&d) { 25 * ONE } else { week(d) } + ripple(at, ONE),
    );
    let ahead = forecast(&history, &ask).unwrap();
    let at = (date(9, 16) - ahead.first).num_days() as usize;
    assert!(
        (ahead.days[at].expected - 25 * ONE).abs() < 2 * ONE,
        "{}",
        ahead.days[at].expected
    );
    assert!(ahead.days[at + 1].expected > 95 * ONE);
}

#[test]
fn too_little_is_refused_with_a_reason() {
    let told = |series: &Series, days| {
        let error = forecast(series, &ask(days)).unwrap_err();
        format!("{error}; {}", error.advice().unwrap_or_default())
    };
    let short = of(27, |_, d| week(d));
    assert!(
        told(&short, 7)
            .starts_with("27 days of history are too few to forecast from; a forecast needs 28 days")
    );
    let month = of(40, |_, d| week(d));
    assert_eq!(
        told(&month, 90),
        "40 days of history say nothing of 90 days ahead; --horizon 40d at most"
    );
    assert!(told(&month, 0).contains("1 to 730 days"));
    let mut gaps = of(80, |_, d| week(d));
    for value in gaps.values.iter_mut().step_by(2) {
        *value = None;
    }
    assert!(told(&gaps, 7).starts_with("40 of 80 days of history are missing"));
    let young = of(60, |at, d| if at < 52 { 0 } else { week(d) });
    assert!(told(&young, 7).contains("began 8 days before the end"));
}

#[test]
fn what_has_ended_is_not_expected_again() {
    let history = of(100, |at, d| if at < 70 { week(d) + ripple(at, ONE) } else { 0 });
    let ahead = forecast(&history, &ask(28)).unwrap();
    assert!(ahead.days.iter().all(|p| p.expected == 0));
    assert_eq!(ahead.evidence.method, "ended");
}

#[test]
fn the_same_series_gives_the_same_forecast_whatever_comes_before_in_the_process() {
    let history = of(150, |at, d| week(d) + ONE * at as i128 / 2 + ripple(at, 12 * ONE));
    let once = forecast(&history, &ask(60)).unwrap();
    let _ = forecast(&of(50, |at, _| ripple(at, ONE) + 9 * ONE), &ask(7));
    assert_eq!(once, forecast(&history, &ask(60)).unwrap());
    // The size of the currency changes nothing but the size.
    let cents = Series {
        values: history.values.iter().map(|v| v.map(|v| v / 1000)).collect(),
        ..history
    };
    let small = forecast(&cents, &ask(60)).unwrap();
    assert_eq!(small.evidence.method, once.evidence.method);
    assert_eq!(small.evidence.wape, once.evidence.wape);
    assert_eq!(small.days[9].expected * 1000, once.days[9].expected);
}

#[test]
fn bands_hold_about_what_they_claim_on_noise() {
    // A dozen series of one kind: the share of later days inside the bands.
    let (mut inside, mut all) = ([0, 0], 0);
    for run in 0..12 {
        let truth = of(148, |at, d| week(d) + ripple(at + 1000 * run, 15 * ONE));
        let history = Series {
            values: truth.values[..120].to_vec(),
            ..truth.clone()
        };
        let ahead = forecast(&history, &ask(28)).unwrap();
        for (point, actual) in ahead.days.iter().zip(&truth.values[120..]) {
            let actual = actual.unwrap();
            all += 1;
            inside[0] += i32::from((point.low_80..=point.high_80).contains(&actual));
            inside[1] += i32::from((point.low_95..=point.high_95).contains(&actual));
        }
    }
    let share = inside.map(|n| f64::from(n) / f64::from(all));
    assert!((0.75..0.93).contains(&share[0]), "{share:?}");
    assert!((0.92..=1.0).contains(&share[1]), "{share:?}");
}
