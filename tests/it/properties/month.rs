//! Random months: charges of every kind, the requests and the telemetry that should explain them,
//! and much that explains nothing.

use crate::facts::Facts;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use spendscope::base::{money, time};
use spendscope::engine::{Basis, Registry};
use std::collections::BTreeMap;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

pub(super) const CURRENCIES: [&str; 5] = ["USD", "EUR", "GBP", "JPY", "XTS"];

/// An instant, in seconds after the first of September.
pub(super) fn at(seconds: i64) -> String {
    let first = time::parse_instant("2026-09-01T00:00:00Z").unwrap();
    time::from_micros(first + seconds * 1_000_000)
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub like: Value,
    /// Seconds after the first of September.
    pub period: (i64, i64),
    /// As [`Basis::ALL`] orders them.
    pub amounts: [Option<i128>; 4],
    pub currency: &'static str,
    /// Quarters of an hour that a node was used, where the bill says it.
    pub used: Option<i64>,
}

impl Charge {
    pub(super) fn amount(&self, basis: Basis) -> Option<i128> {
        let [effective, billed, ..] = self.amounts;
        let covering = self.like["charge_category"] == "Purchase"
            && effective == Some(0)
            && billed.is_some_and(|billed| billed != 0);
        // What it bought stands in the bill as usage with a price of its own.
        if covering && matches!(basis, Basis::List | Basis::Contracted) {
            return Some(0);
        }
        self.amounts[Basis::ALL.iter().position(|b| *b == basis).unwrap()]
    }

    /// Is money moved between it and its parent or children?
    pub(super) fn is_split(&self) -> bool {
        self.like["resource_id"] == SPLIT || self.like["split_parent_resource_id"] == SPLIT
    }

    fn row(&self, at_row: usize) -> Value {
        let mut row = json!({
            "charge_id": id(at_row), "source": "bill", "delivery_id": "d",
            "billing_period_start": at(0), "billing_period_end": at(30 * DAY),
            "charge_period_start": at(self.period.0), "charge_period_end": at(self.period.1),
            "billing_currency": self.currency,
        });
        let cells = row.as_object_mut().unwrap();
        cells.extend(self.like.as_object().unwrap().clone());
        for (name, amount) in ["effective_cost", "billed_cost", "list_cost", "contracted_cost"]
            .iter()
            .zip(self.amounts)
        {
            cells.insert((*name).to_owned(), json!(amount.map(money::format)));
        }
        if let Some(quarters) = self.used.filter(|_| self.like["resource_id"].is_string()) {
            cells.insert(
                "consumed_quantity".to_owned(),
                json!(format!("{}", quarters as f64 / 4.0)),
            );
            cells.insert("consumed_unit".to_owned(), json!("Hours"));
        }
        row
    }
}

/// The instance whose cost is split among its pods.
const SPLIT: &str = "i-split";

/// The id of the charge in this place of the month.
pub(super) fn id(place: usize) -> String {
    format!("c{place:03}")
}

#[derive(Debug, Clone)]
pub(super) struct Month {
    pub charges: Vec<Charge>,
    requests: Vec<Value>,
    samples: Vec<Value>,
    outcomes: Vec<Value>,
}

impl Month {
    pub(super) fn facts(&self) -> Facts {
        let charges = self
            .charges
            .iter()
            .enumerate()
            .map(|(place, charge)| charge.row(place))
            .collect();
        Facts::new()
            .add("charges", charges)
            .add("requests", named("request_id", &self.requests))
            .add("gpu_samples", self.samples.clone())
            .add("outcomes", self.outcomes.clone())
            .add("prices", prices())
            .add("fx_rates", rates())
    }
}

fn named(key: &str, rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    for (place, row) in rows.iter_mut().enumerate() {
        row[key] = json!(format!("r{place:03}"));
    }
    rows
}

/// A month of any kind of amount.
pub(super) fn month() -> impl Strategy<Value = Month> {
    month_of(any_amount())
}

/// A month whose amounts can be converted without a rest: at most nine places, and so has each rate.
pub(super) fn round_month() -> impl Strategy<Value = Month> {
    let amount =
        (-1_000_000_000_i128..10_000_000_000).prop_map(|billionths| Some(billionths * 1_000_000_000));
    month_of(amount.boxed())
}

fn month_of(amount: BoxedStrategy<Option<i128>>) -> impl Strategy<Value = Month> {
    let samples = vec(sample(), 0..40).prop_map(|rows| {
        let by_key: BTreeMap<String, Value> = rows
            .into_iter()
            .map(|row| {
                (
                    format!(
                        "{} {} {}",
                        row["gpu_uuid"], row["mig_instance"], row["sampled_at"]
                    ),
                    row,
                )
            })
            .collect();
        by_key.into_values().collect()
    });
    (
        vec(charge(amount.clone()), 1..24),
        vec(covering(amount.clone()), 0..3),
        vec(split(amount), 0..7),
        vec(request(), 0..30),
        samples,
        vec(outcome(), 0..8),
    )
        .prop_map(|(mut charges, covering, split, requests, samples, outcomes)| {
            charges.extend(covering);
            charges.extend(split);
            Month {
                charges,
                requests,
                samples,
                outcomes,
            }
        })
}

/// What is bought ahead, and what is used of it: a commitment, and prepaid tokens.
fn covering(amount: BoxedStrategy<Option<i128>>) -> impl Strategy<Value = Charge> {
    let bought = vec![
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Purchase", "commitment_discount_id": "ri"}),
        json!({"provider": "ACME", "service_name": "Tokens", "charge_category": "Purchase", "pricing_currency": "USD"}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "commitment_discount_id": "ri", "commitment_discount_status": "Unused"}),
        json!({"provider": "ACME", "service_name": "Widget", "charge_category": "Usage", "pricing_currency": "Token"}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Credit", "charge_class": "Correction"}),
    ];
    let amounts = [amount.clone(), amount.clone(), amount.clone(), amount];
    (select(bought), period(), amounts, select(&CURRENCIES[..])).prop_map(
        |(like, period, mut amounts, currency)| {
            // Neither counts under the basis of the other.
            let nothing = if like["charge_category"] == "Purchase" {
                0
            } else {
                1
            };
            amounts[nothing] = Some(0);
            Charge {
                like,
                period,
                amounts,
                currency,
                used: None,
            }
        },
    )
}

/// Lines of one instance and one hour, and what pods claim of it: less than it cost, or more.
fn split(amount: BoxedStrategy<Option<i128>>) -> impl Strategy<Value = Charge> {
    let claim = prop_oneof![
        3 => Just(None),
        4 => (0_i128..500_000).prop_map(|cents| Some(cents * 10_i128.pow(16))),
        1 => (1_i128..10).prop_map(Some),
    ];
    let amounts = [amount.clone(), amount.clone(), amount.clone(), amount];
    (claim, amounts, 0_i64..2, select(&CURRENCIES[..2])).prop_map(|(claim, amounts, hour, currency)| {
        let like = match claim {
            None => json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "resource_id": SPLIT}),
            Some(claim) => json!({
                "provider": "AWS", "service_name": "EKS", "charge_category": "Usage", "resource_id": "pod",
                "split_parent_resource_id": SPLIT, "split_cost": money::format(claim), "tags": {"use_case": "chat"},
            }),
        };
        Charge {
            like,
            period: (hour * HOUR, (hour + 1) * HOUR),
            amounts,
            currency,
            used: None,
        }
    })
}

fn any_amount() -> BoxedStrategy<Option<i128>> {
    const CENT: i128 = 10_i128.pow(16);
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(0)),
        4 => (-10_000_i128..1_000_000).prop_map(|cents| Some(cents * CENT)),
        2 => (-1_000_i128..1_000).prop_map(Some),
        2 => (-money::ONE..money::ONE).prop_map(Some),
        // A hundred thousand billion, to the last digit.
        1 => (-(10_i128.pow(32))..10_i128.pow(32)).prop_map(Some),
    ]
    .boxed()
}

fn charge(amount: BoxedStrategy<Option<i128>>) -> impl Strategy<Value = Charge> {
    (
        select(kinds()),
        period(),
        [amount.clone(), amount.clone(), amount.clone(), amount],
        select(&CURRENCIES[..]),
        option::weighted(0.4, 0_i64..12),
    )
        .prop_map(|(like, period, amounts, currency, used)| Charge {
            like,
            period,
            amounts,
            currency,
            used,
        })
}

/// An hour, a day, a month; a moment; anything.
fn period() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        4 => (0_i64..4).prop_map(|h| (h * HOUR, (h + 1) * HOUR)),
        3 => (0_i64..3).prop_map(|d| (d * DAY, (d + 1) * DAY)),
        1 => Just((0, 30 * DAY)),
        1 => (0_i64..4).prop_map(|h| (h * HOUR, h * HOUR)),
        2 => (0_i64..4 * HOUR, 1_i64..3 * HOUR).prop_map(|(from, long)| (from, from + long)),
    ]
}

/// Charges of every kind and every way to read them.
fn kinds() -> Vec<Value> {
    let api = |more: Value| {
        let mut row = json!({"provider": "OpenAI", "service_name": "OpenAI API", "charge_category": "Usage"});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row
    };
    let plain =
        |service: &str| json!({"provider": "AWS", "service_name": service, "charge_category": "Usage"});
    let node = |resource: &str| json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "resource_id": resource});
    vec![
        plain("Nobody's"),
        plain("Evenly"),
        plain("By requests"),
        plain("By cost"),
        plain("Fixed"),
        plain("Fixed in part"),
        json!({"provider": "GitHub", "service_name": "GitHub", "charge_category": "Purchase"}),
        json!({"provider": "AWS", "service_name": "Support", "charge_category": "Tax"}),
        json!({"provider": "AWS", "service_name": "Evenly", "charge_category": "Credit"}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "tags": {"use_case": "chat"}}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "tags": {"use_case": "unheard-of"}}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Purchase", "commitment_discount_id": "sp"}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "commitment_discount_id": "sp", "commitment_discount_status": "Unused"}),
        json!({"provider": "AWS", "service_name": "EC2", "charge_category": "Usage", "commitment_discount_id": "sp", "commitment_discount_status": "Used", "resource_id": "i-a"}),
        node("i-a"),
        node("i-a"),
        node("i-b"),
        node("i-unknown"),
        api(json!({"sku_meter": "small input tokens", "consumed_unit": "Tokens"})),
        api(json!({"sku_meter": "small output tokens", "consumed_unit": "Tokens"})),
        api(json!({"sku_meter": "small cached input tokens", "consumed_unit": "Tokens"})),
        api(json!({"charge_description": "small cache write", "consumed_unit": "Tokens"})),
        api(json!({"sku_meter": "large input and output", "consumed_unit": "Tokens"})),
        api(
            json!({"sku_id": "large", "sku_price_details": "{\"TokenType\":\"output\"}", "consumed_unit": "Tokens"}),
        ),
        // Two names of the same length: unresolved.
        api(json!({"sku_meter": "small or large", "consumed_unit": "Tokens"})),
        api(json!({"sku_meter": "newest output", "consumed_unit": "1M tokens"})),
        api(json!({"charge_description": "web search calls", "consumed_unit": "Calls"})),
        json!({"provider": "Shadow", "service_name": "LLM", "service_category": "AI and Machine Learning", "charge_category": "Usage", "pricing_unit": "1K Tokens"}),
        json!({"provider": "OpenAI", "service_name": "OpenAI API", "charge_category": "Credit"}),
    ]
}

fn request() -> impl Strategy<Value = Value> {
    let who = select(vec![
        ("openai", "small"),
        ("openai", "small-2026-01-01"),
        ("openai", "large"),
        ("openai", "newest"),
        ("vllm", "llama"),
        ("vllm", "llama"),
        ("elsewhere", "small"),
    ]);
    let when = prop_oneof![6 => 0_i64..4 * HOUR, 1 => 0_i64..3 * DAY];
    let tokens = || prop_oneof![1 => Just(0_i64), 3 => 0_i64..5_000];
    (
        (who, when, 0..8_u8),
        (tokens(), tokens(), tokens(), tokens()),
        (prop::bool::weighted(0.1), prop::bool::weighted(0.2)),
        option::weighted(0.7, select(vec!["chat", "code", "mail", "unheard-of"])),
        option::weighted(0.5, select(vec!["red", "blue"])),
    )
        .prop_map(|((who, when, task), tokens, (hit, failed), use_case, team)| {
            let tokens = if hit { (0, 0, 0, 0) } else { tokens };
            json!({
                "source": "gateway", "started_at": at(when), "task_id": format!("t{task}"),
                "provider": who.0, "model": who.1, "model_group": who.1,
                "uncached_input": tokens.0, "cache_read": tokens.1, "cache_write": tokens.2, "output": tokens.3,
                "gateway_cache_hit": hit, "status": if failed { "failure" } else { "success" },
                "use_case": use_case, "team": team,
            })
        })
}

fn sample() -> impl Strategy<Value = Value> {
    let device = select(vec![
        ("a", "GPU-a0", "", None),
        ("a", "GPU-a1", "", None),
        ("b", "GPU-b0", "1", Some("1g.10gb")),
        ("b", "GPU-b0", "2", Some("3g.40gb")),
        ("z", "GPU-z0", "", None),
    ]);
    (
        device,
        0_i64..12,
        option::weighted(0.8, select(vec!["pod-1", "pod-2"])),
        option::weighted(0.9, select(vec![0.5, 1.0, 0.0, 0.04])),
    )
        .prop_map(|((host, uuid, instance, profile), place, owner, activity)| {
            json!({
                "source": "dcgm", "sampled_at": at(place * 1200), "host": host, "gpu_uuid": uuid,
                "mig_instance": instance, "mig_profile": profile, "gpu_model": "H100", "owner": owner,
                "sm_active": activity,
            })
        })
}

fn outcome() -> impl Strategy<Value = Value> {
    (0..8_u8, 0_i64..DAY, any::<bool>()).prop_map(|(task, when, success)| {
        json!({"source": "labels", "task_id": format!("t{task}"), "recorded_at": at(when), "success": success})
    })
}

/// One model has no price, one no price of its cache.
fn prices() -> Vec<Value> {
    let price = |model: &str, seconds: i64, input: &str, output: &str, read: Option<&str>| {
        json!({
            "source": "list", "provider": "openai", "model": model, "valid_from": at(seconds), "currency": "USD",
            "input_cost_per_token": input, "output_cost_per_token": output,
            "cache_read_input_token_cost": read, "cache_creation_input_token_cost": read,
        })
    };
    vec![
        price("small", -DAY, "0.00000015", "0.0000006", Some("0.000000075")),
        price("small", 2 * HOUR, "0.00000011", "0.0000007", Some("0.000000033")),
        price("large", -DAY, "0.0000025", "0.00001", None),
    ]
}

/// The pound has a rate from the second day on, XTS never.
fn rates() -> Vec<Value> {
    let rate = |day: i64, from: &str, to: &str, rate: &str| json!({"source": "ecb", "day": at(day * DAY)[..10], "from": from, "to": to, "rate": rate});
    vec![
        rate(-1, "EUR", "USD", "1.0873"),
        rate(1, "EUR", "USD", "1.0911"),
        rate(1, "GBP", "USD", "1.2703"),
        rate(-1, "JPY", "USD", "0.006713"),
        rate(-1, "USD", "EUR", "0.9197"),
    ]
}

/// The registry of a company with these charges; without use cases there is nobody to share with.
pub(super) fn registry(use_cases: bool) -> Registry {
    let mut text = String::from(
        "[providers.openai]
         charge_match = \"provider = 'OpenAI' AND service_name = 'OpenAI API'\"
         [providers.own]
         self_hosted = true
         gateway_names = ['vllm']
         [models.small]
         provider = 'openai'
         log_match = 'small(-[0-9-]+)?'
         [models.large]
         provider = 'openai'
         [models.llama]
         provider = 'own'
         [[gpu_nodes]]
         host = 'a'
         resource_id = 'i-a'
         gpus = 2
         gpu_model = 'H100'
         purchase = 'spot'
         model = 'llama'
         [[gpu_nodes]]
         host = 'b'
         resource_id = 'i-b'
         gpus = 1
         gpu_model = 'H100'
         purchase = 'owned'
         [[sharing]]
         match = \"service_name = 'Evenly'\"
         method = 'even'
         [[sharing]]
         match = \"service_name = 'By requests'\"
         method = 'requests'
         [[sharing]]
         match = \"service_name = 'By cost'\"
         method = 'request_cost'
         [[pull.prometheus]]
         name = 'dcgm'
         step_seconds = 1200
        ",
    );
    if use_cases {
        text.push_str(
            "[use_cases.chat]
             [use_cases.code]
             aliases = { teams = ['blue'] }
             [use_cases.mail]
             [[sharing]]
             match = \"service_name = 'Fixed'\"
             method = 'fixed'
             shares = { chat = '0.7', mail = '0.3' }
             [[sharing]]
             match = \"service_name = 'Fixed in part'\"
             method = 'fixed'
             shares = { chat = '0.333333333333333333', code = '0.1' }
            ",
        );
    }
    Registry::parse(&text).unwrap()
}
