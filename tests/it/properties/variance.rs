//! The variance of any month: its parts add up to metered − billed exactly, what it starts from is what
//! the rows say, and what crosses midnight comes back. And accruals: there until the bill is.

use super::hold;
use super::month::at;
use crate::facts::{Facts, NOW};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use spendscope::base::money;
use spendscope::engine::{Engine, Registry, Settings};
use std::collections::BTreeMap;

const DAY: i64 = 86_400;
const DAYS: i64 = 5;

/// What the test must know of a charge, and its row.
#[derive(Debug, Clone)]
struct Charge {
    amount: Option<i128>,
    in_variance: bool,
    row: Value,
}

fn amount() -> impl Strategy<Value = i128> {
    prop_oneof![
        1 => Just(0),
        4 => (-1_000_i128..100_000).prop_map(|cents| cents * 10_i128.pow(16)),
        2 => -money::ONE..100 * money::ONE,
    ]
}

/// Lines of every kind: classes told and not told, with and without quantity, list price, amount.
fn charge() -> impl Strategy<Value = Charge> {
    let like = select(vec![
        ("Usage", "small input tokens", "Tokens"),
        ("Usage", "small output tokens", "1K Tokens"),
        ("Usage", "small cached input tokens", "Tokens"),
        ("Usage", "small cache write", "Tokens"),
        ("Usage", "large output", "1M tokens"),
        ("Usage", "large", "Tokens"),
        ("Usage", "newest input", "Tokens"),
        ("Usage", "web search", "Calls"),
        ("Credit", "promotion", ""),
        ("Tax", "sales tax", ""),
        ("Adjustment", "goodwill", ""),
        ("Purchase", "prepaid", ""),
    ]);
    let period = prop_oneof![
        6 => (0..DAYS).prop_map(|d| (d * DAY, (d + 1) * DAY)),
        1 => (0..DAYS).prop_map(|d| (d * DAY, d * DAY)),
        2 => (0..DAYS * DAY, 1..3 * DAY).prop_map(|(from, long)| (from, from + long)),
    ];
    let quantity = option::weighted(0.9, prop_oneof![8 => 0_i64..5_000, 1 => -500_i64..0]);
    (like, period, quantity, option::weighted(0.8, amount()), option::weighted(0.9, amount())).prop_map(
        |((category, meter, unit), period, quantity, list, amount)| Charge {
            amount,
            in_variance: category != "Purchase",
            row: json!({
                "source": "bill", "delivery_id": "d", "provider": "OpenAI", "charge_category": category,
                "sku_meter": meter, "consumed_quantity": quantity.map(|q| q.to_string()), "consumed_unit": unit,
                "billing_period_start": at(0), "billing_period_end": at(30 * DAY),
                "charge_period_start": at(period.0), "charge_period_end": at(period.1),
                "billing_currency": "USD", "list_cost": list.map(money::format),
                "effective_cost": amount.map(money::format),
            }),
        },
    )
}

/// An attempt at a provider, and its list cost where the model has a price.
fn request() -> impl Strategy<Value = (Option<i128>, Value)> {
    let tokens = || prop_oneof![1 => Just(0_i64), 3 => 0_i64..5_000];
    let model = select(vec![("small", true), ("large", true), ("newest", false)]);
    (model, 0..DAYS * DAY, (tokens(), tokens(), tokens(), tokens())).prop_map(
        |((model, priced), seconds, (input, read, write, output))| {
            // 0.15, 0.075, 0.1 and 0.6 dollars for a million, in units of 10⁻¹⁸.
            let cost = 150_000_000_000 * i128::from(input)
                + 75_000_000_000 * i128::from(read)
                + 100_000_000_000 * i128::from(write)
                + 600_000_000_000 * i128::from(output);
            let row = json!({
                "source": "gateway", "started_at": at(seconds), "provider": "openai", "model": model,
                "uncached_input": input, "cache_read": read, "cache_write": write, "output": output,
                "status": "success",
            });
            (priced.then_some(cost), row)
        },
    )
}

fn registry() -> Registry {
    Registry::parse(
        "[providers.openai]
         charge_match = \"provider = 'OpenAI'\"
         [models.small]
         provider = 'openai'
         [models.large]
         provider = 'openai'",
    )
    .unwrap()
}

fn facts(charges: &[Charge], requests: &[(Option<i128>, Value)]) -> Facts {
    let price = |model: &str| {
        json!({
            "source": "list", "provider": "openai", "model": model, "valid_from": at(-DAY), "currency": "USD",
            "input_cost_per_token": "0.00000015", "cache_read_input_token_cost": "0.000000075",
            "cache_creation_input_token_cost": "0.0000001", "output_cost_per_token": "0.0000006",
        })
    };
    let named = |rows: Vec<Value>, key: &str| -> Vec<Value> {
        let mut rows = rows;
        for (place, row) in rows.iter_mut().enumerate() {
            row[key] = json!(format!("{key}{place:03}"));
            if key == "request_id" {
                row["task_id"] = row[key].clone();
            }
        }
        rows
    };
    Facts::new()
        .add(
            "charges",
            named(charges.iter().map(|c| c.row.clone()).collect(), "charge_id"),
        )
        .add(
            "requests",
            named(
                requests.iter().map(|(_, row)| row.clone()).collect(),
                "request_id",
            ),
        )
        .add("prices", vec![price("small"), price("large")])
}

async fn engine(facts: Facts) -> Engine {
    let settings = Settings::new(NOW.parse().unwrap());
    facts.engine_with(&registry(), &settings).await
}

fn amounts(batch: &RecordBatch, column: &str) -> Vec<i128> {
    let column = batch.column_by_name(column).unwrap();
    column
        .as_primitive::<Decimal128Type>()
        .iter()
        .map(Option::unwrap_or_default)
        .collect()
}

#[test]
fn the_parts_of_the_variance_add_up() {
    let cause = (vec(charge(), 0..20), vec(request(), 0..25));
    hold(24, &cause, async |(charges, requests)| {
        let engine = engine(facts(&charges, &requests)).await;
        let batch = engine.query("SELECT * FROM variance", &[]).await.unwrap();
        let parts = [
            "price",
            "token_class",
            "coverage",
            "timing",
            "discount",
            "credit_and_tax",
            "unexplained",
        ];
        let parts = parts.map(|part| amounts(&batch, part));
        let (metered, billed) = (amounts(&batch, "metered"), amounts(&batch, "billed"));
        for (row, difference) in amounts(&batch, "difference").into_iter().enumerate() {
            assert_eq!(difference, metered[row] - billed[row]);
            assert_eq!(difference, parts.iter().map(|part| part[row]).sum::<i128>());
        }
        let want: i128 = requests.iter().filter_map(|(cost, _)| *cost).sum();
        assert_eq!(metered.iter().sum::<i128>(), want, "metered");
        let want: i128 = charges
            .iter()
            .filter(|c| c.in_variance)
            .filter_map(|c| c.amount)
            .sum();
        assert_eq!(billed.iter().sum::<i128>(), want, "billed");

        // What crosses midnight comes back, so all that is left of timing is what is not billed yet.
        let sql = "SELECT coalesce(sum(amount), 0) AS accrued FROM ledger WHERE evidence = 'accrued'";
        let accrued = amounts(&engine.query(sql, &[]).await.unwrap(), "accrued")[0];
        let timing: i128 = parts[3].iter().sum();
        assert!((0..=accrued).contains(&timing), "{timing} of {accrued}");
    });
}

/// The accrued amounts of each day, and what the bill has instead.
async fn by_day(engine: &Engine, evidence: &str) -> BTreeMap<String, i128> {
    let day = if evidence == "accrued" {
        "started_at"
    } else {
        "period_start"
    };
    let sql = format!(
        "SELECT CAST(CAST({day} AS DATE) AS VARCHAR) AS day, sum(amount) AS amount FROM ledger
         WHERE evidence = '{evidence}' GROUP BY CAST({day} AS DATE)"
    );
    let batch = engine.query(&sql, &[]).await.unwrap();
    let days = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
    days.as_string::<i32>()
        .iter()
        .map(|day| day.unwrap().to_owned())
        .zip(amounts(&batch, "amount"))
        .collect()
}

#[test]
fn a_day_is_accrued_until_its_bill_comes() {
    // Bills of single days arrive in any order, each for one model: on a day that has one nothing of
    // that model is accrued any more, on all others everything still is.
    let day = || (0..DAYS, select(vec!["small", "large"]));
    let cause = (
        vec(request(), 1..20),
        proptest::collection::btree_set(day(), 0..6),
    );
    hold(12, &cause, async |(requests, bills)| {
        let charges: Vec<Charge> = bills
            .iter()
            .map(|(day, model)| Charge {
                amount: Some(7),
                in_variance: true,
                row: json!({
                    "source": "bill", "delivery_id": "d", "provider": "OpenAI", "charge_category": "Usage",
                    "sku_meter": format!("{model} input"), "consumed_unit": "Tokens", "billing_currency": "USD",
                    "billing_period_start": at(0), "billing_period_end": at(30 * DAY),
                    "charge_period_start": at(day * DAY), "charge_period_end": at((day + 1) * DAY),
                    "effective_cost": money::format(7),
                }),
            })
            .collect();
        let engine = engine(facts(&charges, &requests)).await;
        let mut want: BTreeMap<String, i128> = BTreeMap::new();
        for (cost, row) in &requests {
            let day = &row["started_at"].as_str().unwrap()[..10];
            let billed = bills
                .iter()
                .any(|(on, model)| at(on * DAY)[..10] == *day && row["model"] == *model);
            if let (Some(cost), false) = (cost, billed) {
                *want.entry(day.to_owned()).or_default() += cost;
            }
        }
        assert_eq!(by_day(&engine, "accrued").await, want);
        // The bill is conserved without them.
        let billed: i128 = by_day(&engine, "billed").await.values().sum();
        assert_eq!(billed, 7 * bills.len() as i128);
    });
}
