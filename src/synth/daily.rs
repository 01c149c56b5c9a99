//! What a company pays for tokens and GPUs, day by day, without a file: enough to measure a search for anomalies
//! over many seeds. The amounts are those of the bills that `write` would write, less what went past the gateway.

use super::fleet::Running;
use super::meter::{Book, Meter, amount, buckets};
use super::traffic::Traffic;
use super::{Options, Planted};
use crate::base::Result;
use crate::base::money::ONE;
use chrono::{Days, NaiveDate};
use std::collections::BTreeMap;

/// One day of one thing that has one price; columns as in the view `spend_days`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub day: NaiveDate,
    pub source: &'static str,
    pub log: Option<&'static str>,
    pub provider: &'static str,
    pub model: &'static str,
    pub use_case: Option<String>,
    pub key: Option<String>,
    pub pool: Option<String>,
    pub item: String,
    pub unit: &'static str,
    pub currency: &'static str,
    pub amount: i128,
    pub quantity: i128,
}

const CLASSES: [&str; 4] = ["uncached_input", "cache_read", "cache_write", "output"];
const LOG: &str = "litellm";

/// All rows of the company, and what was planted in it.
pub fn daily(options: &Options) -> Result<(Vec<Row>, Vec<Planted>)> {
    let (portfolio, planted) = options.portfolio()?;
    let books = portfolio
        .models
        .iter()
        .map(Book::new)
        .collect::<Result<Vec<_>>>()?;
    let days = (options.to - options.from).num_days();
    let mut traffic = Traffic::new(
        &portfolio,
        options.seed,
        options.from,
        options.to,
        options.requests,
    );
    let mut meter = Meter::default();
    let mut tokens: BTreeMap<(NaiveDate, usize, usize), [u64; 4]> = BTreeMap::new();
    for hour in 0..days * 24 {
        let day = options.from + Days::new((hour / 24).unsigned_abs());
        let Some(brought) = traffic.next_hour() else { break };
        for attempt in &brought.attempts {
            meter.add(&portfolio, attempt, day, hour);
            if attempt.gateway_hit || portfolio.models[attempt.model].node_capacity > 0.0 {
                continue;
            }
            let sum = tokens.entry((day, attempt.use_case, attempt.model)).or_default();
            for (sum, more) in sum.iter_mut().zip(buckets(attempt)) {
                *sum += more;
            }
        }
    }
    let mut rows = Vec::new();
    for ((day, case, model), tokens) in tokens {
        let (case, of) = (&portfolio.use_cases[case], &portfolio.models[model]);
        let bill = portfolio
            .bills
            .iter()
            .find(|bill| bill.providers.contains(&of.provider));
        let (Some(bill), Some(rates)) = (bill, books[model].charged(day)) else {
            continue;
        };
        for (class, (tokens, rate)) in tokens.iter().zip(rates).enumerate() {
            let Some(rate) = rate.filter(|_| *tokens > 0) else {
                continue;
            };
            let price = rate * (1_000 - of.discount_per_mille) / 1_000;
            rows.push(Row {
                day,
                source: bill.source,
                log: Some(LOG),
                provider: bill.issuer,
                model: of.id,
                use_case: case.registered.then(|| case.id.clone()),
                key: Some(case.key.clone()),
                pool: None,
                item: CLASSES[class].to_owned(),
                unit: "tokens",
                currency: bill.currency,
                amount: price * i128::from(*tokens),
                quantity: i128::from(*tokens) * ONE,
            });
        }
    }
    let running = Running::new(&portfolio, &meter, options.seed, options.from, days * 24);
    let mut hours: BTreeMap<(NaiveDate, usize), i128> = BTreeMap::new();
    for hour in 0..days * 24 {
        let day = options.from + Days::new((hour / 24).unsigned_abs());
        for node in (0..portfolio.nodes.len()).filter(|node| running.up(*node, hour)) {
            *hours.entry((day, node)).or_default() += 1;
        }
    }
    for ((day, node), hours) in hours {
        let node = &portfolio.nodes[node];
        let bill = &portfolio.bills[node.bill];
        let pool = format!("{} {}", node.purchase.name().replace('_', " "), node.gpu_model);
        rows.push(Row {
            day,
            source: bill.source,
            log: None,
            provider: bill.issuer,
            model: portfolio.models[node.model].id,
            use_case: None,
            key: None,
            pool: Some(pool.clone()),
            item: pool,
            unit: "device-hours",
            currency: bill.currency,
            amount: amount(node.rate)? * hours,
            quantity: hours * i128::from(node.gpus) * ONE,
        });
    }
    Ok((rows, planted))
}
