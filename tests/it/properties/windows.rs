//! Windows are half-open, so parts of a window add up to it, whatever the time zone and wherever it
//! is cut. Amounts are such that conversion leaves no rest, since each total is rounded once.

use super::hold;
use super::month::{Month, registry, round_month};
use crate::facts::NOW;
use crate::support::assets;
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use proptest::collection::btree_set;
use proptest::prelude::*;
use proptest::sample::select;
use spendscope::base::time::{from_micros, local_midnight};
use spendscope::engine::{Engine, NATIVE, Settings};
use spendscope::frame::Frame;
use spendscope::metric::{self, Catalog, Params};
use std::collections::BTreeMap;

/// What a metric says, by its group columns and currency.
type Said = BTreeMap<Vec<String>, Vec<i128>>;

/// Columns of a metric that add up over windows.
struct Additive {
    metric: &'static str,
    group: &'static str,
    /// By group and currency.
    money: &'static [&'static str],
    /// By group: where a group has rows in two currencies, both say the same.
    counts: &'static [&'static str],
}

const ADDITIVE: [Additive; 14] = [
    Additive {
        metric: "spend/by_scope",
        group: "scope",
        money: &[
            "billed_cost",
            "effective_cost",
            "list_cost",
            "contracted_cost",
            "charges",
        ],
        counts: &[],
    },
    Additive {
        metric: "spend/by_model",
        group: "model",
        money: &["amount", "accrued", "modelled"],
        counts: &[],
    },
    Additive {
        metric: "ledger/variance",
        group: "provider",
        money: &[
            "metered",
            "billed",
            "difference",
            "price",
            "token_class",
            "coverage",
            "timing",
            "discount",
            "credit_and_tax",
            "unexplained",
        ],
        counts: &[],
    },
    Additive {
        metric: "unit/cost_per_query",
        group: "use_case",
        money: &["cost", "accrued_cost"],
        counts: &["requests", "attempts"],
    },
    Additive {
        metric: "unit/cost_per_successful_task",
        group: "use_case",
        money: &["direct_cost", "waste", "accrued_cost"],
        counts: &["requests", "tasks", "successes", "pending", "unlabelled"],
    },
    Additive {
        metric: "spend/by_use_case",
        group: "use_case",
        money: &["amount", "accrued", "modelled"],
        counts: &[],
    },
    Additive {
        metric: "ledger/unmetered",
        group: "provider",
        money: &["charges", "amount"],
        counts: &[],
    },
    Additive {
        metric: "ledger/accrued",
        group: "provider",
        money: &["attempts", "amount"],
        counts: &[],
    },
    Additive {
        metric: "ledger/waterfall",
        group: "leaf",
        money: &["amount", "entries"],
        counts: &[],
    },
    Additive {
        metric: "gpu/idle_cost",
        group: "model",
        money: &[
            "serving_cost",
            "allocated_idle_cost",
            "unallocated_cost",
            "dark_cost",
            "untraced_cost",
            "idle_cost",
        ],
        counts: &[],
    },
    Additive {
        metric: "gateway/cache_hit_rate",
        group: "model",
        money: &[
            "attempts",
            "requests",
            "gateway_hits",
            "uncached_input",
            "cache_read",
            "cache_write",
            "output",
            "list_cost",
        ],
        counts: &[],
    },
    Additive {
        metric: "gateway/fallback_rate",
        group: "model",
        money: &[],
        counts: &[
            "requests",
            "retried_requests",
            "fallback_requests",
            "failed_requests",
        ],
    },
    Additive {
        metric: "gateway/latency",
        group: "model",
        money: &[],
        counts: &["attempts", "measured"],
    },
    Additive {
        metric: "unit/waste",
        group: "use_case",
        money: &[
            "attempts",
            "failed_attempts",
            "failed_cost",
            "retried_cost",
            "fallback_cost",
            "waste",
            "cost",
        ],
        counts: &[],
    },
];

async fn run(engine: &Engine, name: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Frame {
    let catalog = Catalog::new(&assets()).unwrap();
    metric::run(engine, catalog.get(name).unwrap(), &Params::window(from, to))
        .await
        .unwrap()
}

fn key(frame: &Frame, group: &[&str], row: usize) -> Vec<String> {
    group
        .iter()
        .map(|column| frame.text(column, row).unwrap().unwrap_or_default().to_string())
        .collect()
}

fn values(frame: &Frame, columns: &[&str], row: usize) -> Vec<i128> {
    columns.iter().map(|column| measure(frame, column, row)).collect()
}

/// Sums of the rows by group.
fn sums(frame: &Frame, group: &[&str], columns: &[&str]) -> Said {
    let mut all = Said::new();
    for row in 0..frame.rows() {
        add(
            &mut all,
            Said::from([(key(frame, group, row), values(frame, columns, row))]),
        );
    }
    all
}

/// What all rows of a group say alike.
fn shared(frame: &Frame, group: &[&str], columns: &[&str]) -> Said {
    let mut all = Said::new();
    for row in 0..frame.rows() {
        let said = values(frame, columns, row);
        let before = all.entry(key(frame, group, row)).or_insert_with(|| said.clone());
        assert_eq!(*before, said, "rows of one group differ in {columns:?}");
    }
    all
}

fn measure(frame: &Frame, column: &str, row: usize) -> i128 {
    let is_money = frame
        .batch
        .column_by_name(column)
        .unwrap()
        .data_type()
        .is_decimal();
    match is_money {
        true => frame.decimal(column, row).unwrap().unwrap_or_default(),
        false => frame.int(column, row).unwrap().unwrap_or_default().into(),
    }
}

fn add(all: &mut Said, part: Said) {
    for (key, values) in part {
        match all.get_mut(&key) {
            None => {
                all.insert(key, values);
            }
            Some(sums) => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
        }
    }
}

/// A group that has nothing may be left out.
fn without_nothing(mut all: Said) -> Said {
    all.retain(|_, values| values.iter().any(|value| *value != 0));
    all
}

fn settings(zone: Tz, currency: &str) -> Settings {
    let mut settings = Settings::new(NOW.parse().unwrap());
    settings.zone = zone;
    settings.currency = currency.to_owned();
    settings
}

fn zones() -> impl Strategy<Value = Tz> {
    select(vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::Asia__Kolkata,
        Tz::Asia__Kathmandu,
        Tz::Australia__Lord_Howe,
        Tz::America__St_Johns,
        Tz::Pacific__Kiritimati,
        Tz::America__Los_Angeles,
    ])
}

#[test]
fn days_add_up_to_their_window() {
    let day = |d: u64| {
        NaiveDate::from_ymd_opt(2026, 8, 30)
            .unwrap()
            .checked_add_days(Days::new(d))
            .unwrap()
    };
    let cause = (
        round_month(),
        zones(),
        0_u64..3,
        1_u64..5,
        select(vec!["USD", NATIVE]),
    );
    hold(8, &cause, async |(month, zone, first, days, currency)| {
        let engine = month
            .facts()
            .engine_with(&registry(true), &settings(zone, currency))
            .await;
        let bound = |d: u64| local_midnight(day(d), zone);
        let (from, to) = (bound(first), bound(first + days));
        let group = ["scope", "currency"];
        let whole = sums(
            &run(&engine, "spend/by_scope", from, to).await,
            &group,
            &["effective_cost", "charges"],
        );
        let daily = sums(
            &run(&engine, "spend/daily", from, to).await,
            &group,
            &["amount", "charges"],
        );
        assert_eq!(daily, whole, "one window, grouped by day");
        let mut apart = Said::new();
        for d in first..first + days {
            let one = run(&engine, "spend/daily", bound(d), bound(d + 1)).await;
            add(&mut apart, sums(&one, &group, &["amount", "charges"]));
        }
        assert_eq!(apart, whole, "a window for each day");
    });
}

/// The days of a zone on which its clocks change: 23 and 25 hours, and each hour of them in one day.
#[test]
fn days_of_23_and_25_hours_are_days() {
    for (name, first) in [
        ("Europe/Berlin", "2026-03-28"),
        ("Europe/Berlin", "2026-10-24"),
        ("America/St_Johns", "2026-10-31"),
        ("America/Los_Angeles", "2026-03-07"),
        ("Africa/Cairo", "2026-04-23"),
    ] {
        let zone: Tz = name.parse().unwrap();
        let first: NaiveDate = first.parse().unwrap();
        let bound = |d: u64| local_midnight(first + Days::new(d), zone);
        let hours = (bound(3) - bound(0)).num_hours();
        let charges = (0..hours)
            .map(|hour| {
                let at = |h: i64| (bound(0) + chrono::Duration::hours(h)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
                serde_json::json!({
                    "charge_id": format!("h{hour}"), "source": "bill", "billing_period_start": at(hour),
                    "charge_period_start": at(hour), "charge_period_end": at(hour + 1), "charge_category": "Usage",
                    "billing_currency": "USD", "effective_cost": "1",
                })
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let facts = crate::facts::Facts::new().add("charges", charges);
            let engine = facts.engine_with(&registry(true), &settings(zone, NATIVE)).await;
            let daily = sums(
                &run(&engine, "spend/daily", bound(0), bound(3)).await,
                &["day"],
                &["charges"],
            );
            let got: Vec<i128> = daily.into_values().map(|values| values[0]).collect();
            let long = i128::from((bound(2) - bound(1)).num_hours());
            assert!(long == 23 || long == 25);
            assert_eq!(got, [24, long, 24], "{name}");
        });
    }
}

#[test]
fn parts_add_up_to_their_window() {
    // Cuts are seconds after the last day of August began; some of them are full hours.
    const DAY: i64 = 24 * 3600;
    let cut = prop_oneof![0_i64..4 * DAY, (0_i64..4 * 24).prop_map(|hour| hour * 3600)];
    let cause = (round_month(), zones(), btree_set(cut, 2..4));
    hold(5, &cause, async |(month, zone, cuts): (Month, Tz, _)| {
        let engine = month
            .facts()
            .engine_with(&registry(true), &settings(zone, NATIVE))
            .await;
        let start: DateTime<Utc> = "2026-08-31T00:00:00Z".parse().unwrap();
        let cuts: Vec<_> = cuts
            .into_iter()
            .map(|s| from_micros(start.timestamp_micros() + s * 1_000_000))
            .collect();
        for Additive {
            metric,
            group,
            money,
            counts,
        } in ADDITIVE
        {
            // What has no money has no currency either.
            let by_currency = match money {
                [] => vec![group],
                _ => vec![group, "currency"],
            };
            let whole = run(&engine, metric, cuts[0], *cuts.last().unwrap()).await;
            let (mut amounts, mut numbers) = (Said::new(), Said::new());
            for pair in cuts.windows(2) {
                let part = run(&engine, metric, pair[0], pair[1]).await;
                add(&mut amounts, sums(&part, &by_currency, money));
                add(&mut numbers, shared(&part, &[group], counts));
            }
            let all = sums(&whole, &by_currency, money);
            assert_eq!(
                without_nothing(amounts),
                without_nothing(all),
                "{metric}, cut at {cuts:?}"
            );
            let all = shared(&whole, &[group], counts);
            assert_eq!(
                without_nothing(numbers),
                without_nothing(all),
                "{metric}, cut at {cuts:?}"
            );
        }
    });
}
