#![allow(clippy::unwrap_used)]
use super::driver::{self, Sums};
use super::*;
use crate::base::money::ONE;
use crate::base::seed;
use crate::frame::Role;
use crate::frame::build::{days, decimals, texts};
use chrono::Days;
use rand::Rng as _;

/// A Monday.
fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap()
}

fn day(at: usize) -> NaiveDate {
    start() + Days::new(at as u64)
}

#[derive(Clone)]
struct Row {
    day: usize,
    source: &'static str,
    model: &'static str,
    use_case: &'static str,
    key: &'static str,
    currency: &'static str,
    quantity: i128,
    /// Per unit.
    price: i128,
}

const AGENT: Row = Row {
    day: 0,
    source: "openai",
    model: "gpt",
    use_case: "agent",
    key: "agent-prod",
    currency: "USD",
    quantity: 0,
    price: ONE,
};

/// Rows of a thing on each of these days; `of` says how many units at which price.
fn series(thing: &Row, all: std::ops::Range<usize>, of: impl Fn(usize) -> (i128, i128)) -> Vec<Row> {
    all.map(|day| {
        let (quantity, price) = of(day);
        Row {
            day,
            quantity,
            price,
            ..thing.clone()
        }
    })
    .collect()
}

/// 100 on a workday, 20 on a weekend: nothing else happens.
fn usual(day: usize) -> i128 {
    if day % 7 >= 5 { 20 } else { 100 }
}

/// A few per cent that follow no week.
fn wiggle(day: usize) -> i128 {
    usual(day) * (100 + (day as i128 * 7_919 % 11) - 5) / 100
}

fn frame(rows: &[Row]) -> Frame {
    let text = |of: fn(&Row) -> Option<&'static str>| texts(rows.iter().map(of));
    Frame::of(vec![
        ("day", Role::Time, "", days(rows.iter().map(|r| day(r.day)))),
        ("source", Role::Dimension, "", text(|r| Some(r.source))),
        ("log", Role::Dimension, "", text(|_| Some("gateway"))),
        ("scope", Role::Dimension, "", text(|_| Some("AI"))),
        ("provider", Role::Dimension, "", text(|r| Some(r.source))),
        ("model", Role::Dimension, "", text(|r| Some(r.model))),
        ("use_case", Role::Dimension, "", text(|r| Some(r.use_case))),
        ("key_alias", Role::Dimension, "", text(|r| Some(r.key))),
        ("pool", Role::Dimension, "", text(|_| None)),
        ("item", Role::Dimension, "", text(|_| Some("output"))),
        ("unit", Role::Dimension, "", text(|_| Some("tokens"))),
        ("currency", Role::Currency, "", text(|r| Some(r.currency))),
        (
            "amount",
            Role::Money,
            "",
            decimals(rows.iter().map(|r| Some(r.quantity * r.price))),
        ),
        (
            "quantity",
            Role::Measure,
            "",
            decimals(rows.iter().map(|r| Some(r.quantity * ONE))),
        ),
    ])
    .unwrap()
}

/// The findings of the days from 56 to 84, asked for long after.
fn found(rows: &[Row]) -> Outcome {
    asked(rows, 200)
}

fn asked(rows: &[Row], today: usize) -> Outcome {
    let outcome = find(&Inputs {
        rows: frame(rows),
        window: (day(56), day(84)),
        today: day(today),
        least: None,
    })
    .unwrap();
    for finding in &outcome.found {
        let change = finding.change;
        assert_eq!(change.total, change.actual - change.expected, "{finding:?}");
        assert_eq!(
            change.total,
            change.price + change.volume + change.mix,
            "{finding:?}"
        );
    }
    outcome
}

fn one(outcome: &Outcome) -> &Finding {
    assert_eq!(outcome.found.len(), 1, "{:#?}", outcome.found);
    &outcome.found[0]
}

#[test]
fn weeks_that_are_all_alike_hold_nothing() {
    let rows = series(&AGENT, 0..84, |day| (usual(day), ONE));
    let outcome = found(&rows);
    assert!(outcome.found.is_empty(), "{:#?}", outcome.found);
    // Key, use case, model, provider, scope.
    assert_eq!(outcome.judged, 5);
    let noisy = series(&AGENT, 0..84, |day| (wiggle(day), ONE));
    assert!(found(&noisy).found.is_empty());
}

#[test]
fn growth_is_no_step() {
    let rows = series(&AGENT, 0..84, |day| (wiggle(day) * (84 + day as i128), ONE / 84));
    assert!(found(&rows).found.is_empty(), "{:#?}", found(&rows).found);
}

#[test]
fn a_single_peak_is_told_once_with_its_amount() {
    // Day 72 is a Wednesday: 400 instead of the 100 of the four Wednesdays before.
    let rows = series(&AGENT, 0..84, |day| {
        (if day == 72 { 400 } else { usual(day) }, ONE)
    });
    let outcome = found(&rows);
    let finding = one(&outcome);
    assert_eq!((finding.grain, finding.name.as_str()), (Grain::UseCase, "agent"));
    assert_eq!(
        (finding.what(), finding.from, finding.to),
        ("peak", day(72), day(73))
    );
    let expected = Change {
        actual: 400 * ONE,
        expected: 100 * ONE,
        total: 300 * ONE,
        price: 0,
        volume: 300 * ONE,
        mix: 0,
    };
    assert_eq!((finding.change, finding.compared), (expected, 4));
    let also: Vec<&str> = finding.also.iter().map(|(grain, _)| grain.name()).collect();
    assert_eq!(also, ["key", "model", "provider", "scope"]);
    assert!(
        finding
            .rows
            .contains("use_case = 'agent' AND currency = 'USD' AND day >= DATE '2026-08-12'")
    );
}

#[test]
fn a_level_that_stays_is_one_step() {
    // From Monday, day 63, twice as much: three weeks of 540 instead of 540 / 2.
    let rows = series(&AGENT, 0..84, |day| {
        (usual(day) * if day >= 63 { 2 } else { 1 }, ONE)
    });
    let outcome = found(&rows);
    let finding = one(&outcome);
    assert_eq!((finding.what(), finding.from), ("step up", day(63)));
    assert!(finding.ongoing);
    assert_eq!(finding.change.expected, 3 * 540 * ONE);
    assert_eq!(finding.change.total, 3 * 540 * ONE);
    assert_eq!(finding.change.driver(), "volume");
}

#[test]
fn a_new_price_is_told_of_the_model_and_not_of_all_who_use_it() {
    let mut rows = Vec::new();
    for (use_case, key) in [("agent", "a"), ("search", "b"), ("copy", "c")] {
        let thing = Row {
            use_case,
            key,
            ..AGENT
        };
        rows.extend(series(&thing, 0..84, |day| {
            (wiggle(day), if day >= 70 { ONE * 3 / 2 } else { ONE })
        }));
        let other = Row {
            model: "haiku",
            source: "anthropic",
            ..thing
        };
        rows.extend(series(&other, 0..84, |day| (wiggle(day + 3), ONE)));
    }
    let outcome = found(&rows);
    let finding = one(&outcome);
    assert_eq!((finding.grain, finding.name.as_str()), (Grain::Model, "gpt"));
    assert_eq!((finding.from, finding.change.driver()), (day(70), "price"));
    // Half of what the units of the fortnight had cost before is price.
    let units: i128 = 3 * (70..84).map(wiggle).sum::<i128>();
    assert_eq!(finding.change.actual, units * ONE * 3 / 2);
    assert_eq!(finding.change.price, units * ONE / 2);
    assert_eq!(finding.change.mix, 0);
}

#[test]
fn a_runaway_key_is_volume_and_told_of_the_key() {
    let mut rows = Vec::new();
    for key in ["prod", "lab", "batch"] {
        let thing = Row { key, ..AGENT };
        rows.extend(series(&thing, 0..84, |day| {
            let times = if key == "lab" && (73..75).contains(&day) {
                6
            } else {
                1
            };
            (wiggle(day) * times, ONE)
        }));
    }
    let outcome = found(&rows);
    let finding = one(&outcome);
    assert_eq!((finding.grain, finding.name.as_str()), (Grain::Key, "lab"));
    assert_eq!((finding.from, finding.to), (day(73), day(75)));
    assert_eq!(finding.change.driver(), "volume");
    assert!(finding.also.contains(&(Grain::UseCase, "agent".to_owned())));
}

#[test]
fn another_route_is_mix_and_told_of_the_use_case() {
    // From day 63 all goes to a model that is five times as dear, at as many tokens.
    let dear = Row {
        model: "opus",
        ..AGENT
    };
    let mut rows = series(&AGENT, 0..63, |day| (usual(day), ONE));
    rows.extend(series(&dear, 63..84, |day| (usual(day), 5 * ONE)));
    // Others go on as before, on both models.
    for model in ["gpt", "opus"] {
        let other = Row {
            model,
            use_case: "search",
            key: "s",
            ..AGENT
        };
        rows.extend(series(&other, 0..84, |day| (wiggle(day), ONE * 5)));
    }
    let outcome = found(&rows);
    let finding = one(&outcome);
    assert_eq!((finding.grain, finding.name.as_str()), (Grain::UseCase, "agent"));
    let expected = Change {
        actual: 3 * 540 * 5 * ONE,
        expected: 3 * 540 * ONE,
        total: 3 * 540 * 4 * ONE,
        price: 0,
        volume: 0,
        mix: 3 * 540 * 4 * ONE,
    };
    assert_eq!(finding.change, expected);
}

#[test]
fn days_without_data_are_no_dips() {
    // Four days in the middle and the last three have not arrived.
    let mut rows = series(&AGENT, 0..81, |day| (wiggle(day), ONE));
    rows.retain(|row| !(66..70).contains(&row.day));
    assert!(found(&rows).found.is_empty(), "{:#?}", found(&rows).found);
    // A log that is late takes nothing from the provider, and is no dip of who used it.
    let outcome = asked(&rows, 84);
    assert!(outcome.found.is_empty());
}

#[test]
fn what_is_still_arriving_is_no_fall_but_a_rise_is_told() {
    let last = |amount: i128| {
        series(&AGENT, 0..83, move |day| {
            (if day == 82 { amount } else { usual(day) }, ONE)
        })
    };
    // Day 82 is a Saturday: 20 is usual.
    assert!(asked(&last(1), 83).found.is_empty());
    let outcome = asked(&last(300), 83);
    assert_eq!(one(&outcome).what(), "peak");
    // The same fall, long after, is one.
    let mut rows = series(&AGENT, 0..84, |day| (if day == 81 { 1 } else { usual(day) }, ONE));
    rows.sort_by_key(|r| r.day);
    assert_eq!(one(&asked(&rows, 100)).what(), "dip");
}

#[test]
fn amounts_of_two_currencies_are_never_added() {
    let peak = |day: usize, at: usize, to: i128| if day == at { to } else { usual(day) };
    let euros = Row {
        currency: "EUR",
        ..AGENT
    };
    let mut rows = series(&AGENT, 0..84, |day| (peak(day, 72, 400), ONE));
    rows.extend(series(&euros, 0..84, |day| (peak(day, 72, 700), ONE)));
    let outcome = found(&rows);
    let told: Vec<(&str, i128)> = outcome
        .found
        .iter()
        .map(|f| (f.currency.as_str(), f.change.total / ONE))
        .collect();
    assert_eq!(told, [("EUR", 600), ("USD", 300)]);
}

#[test]
fn a_short_history_is_not_judged_and_says_so() {
    let mut rows = series(&AGENT, 60..84, |day| {
        (if day == 72 { 400 } else { usual(day) }, ONE)
    });
    let outcome = found(&rows);
    assert!(outcome.found.is_empty());
    assert_eq!(outcome.judged, 0);
    assert_eq!(outcome.unjudged[&Unjudged::Short].len(), 5);
    rows.clear();
    assert!(found(&rows).found.is_empty());
}

#[test]
fn what_there_was_none_of_before_is_new() {
    let mut rows = series(&AGENT, 0..84, |day| (wiggle(day), ONE));
    let new = Row {
        use_case: "voice",
        key: "voice-pilot",
        model: "realtime",
        ..AGENT
    };
    rows.extend(series(&new, 70..84, |day| (usual(day) / 2, ONE)));
    let outcome = found(&rows);
    let finding = one(&outcome);
    assert_eq!((finding.grain, finding.what()), (Grain::UseCase, "new"));
    assert_eq!((finding.change.expected, finding.compared), (0, 0));
    assert_eq!(finding.change.total, 2 * 270 * ONE);
}

#[test]
fn price_volume_and_mix_add_up_to_the_last_digit() {
    let mut rng = seed::generator(1, "driver");
    for _ in 0..2_000 {
        let count = rng.random_range(1..6);
        let items: Vec<Sums> = (0..count)
            .map(|_| {
                let mut of = |most: i128| {
                    if rng.random_range(0..5) == 0 {
                        0
                    } else {
                        rng.random_range(0..most)
                    }
                };
                Sums {
                    cost: [of(10_i128.pow(27)), of(10_i128.pow(27))],
                    quantity: [of(10_i128.pow(31)), of(10_i128.pow(31))],
                }
            })
            .collect();
        let change = driver::of_unit(&items).unwrap();
        assert_eq!(change.price + change.volume + change.mix, change.total);
        assert_eq!(change.total, change.actual - change.expected);
    }
    // Worked by hand: 10 units at 1 and 10 at 3 become 10 at 2 and 30 at 3. Old prices: 10 + 90 = 100; twice the
    // quantity at the old mix is 80.
    let items = [
        Sums {
            cost: [10 * ONE, 20 * ONE],
            quantity: [10 * ONE, 10 * ONE],
        },
        Sums {
            cost: [30 * ONE, 90 * ONE],
            quantity: [10 * ONE, 30 * ONE],
        },
    ];
    let change = driver::of_unit(&items).unwrap();
    assert_eq!(
        (change.price, change.volume, change.mix, change.total),
        (10 * ONE, 40 * ONE, 20 * ONE, 70 * ONE)
    );
}
