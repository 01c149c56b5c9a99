//! What the generated attempts add up to: tokens by day and model for the bills, load by hour for the GPUs.

use super::portfolio::{Model, Portfolio, Price};
use super::traffic::Attempt;
use crate::base::money;
use crate::base::{Error, Result};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Disjoint token buckets: uncached input, cache read, cache write, output.
pub(super) type Buckets = [u64; 4];

/// Prices per token, `None` where there is none.
pub(super) type Rates = [Option<i128>; 4];

/// A price page's dollars per million tokens, per token.
pub(super) fn per_token(text: &str) -> Result<i128> {
    Ok(amount(text)? / 1_000_000)
}

/// An amount of the portfolio.
pub(super) fn amount(text: &str) -> Result<i128> {
    money::parse(text).map_err(|why| Error::internal(format!("the portfolio's '{text}': {why}")))
}

pub(super) fn rates(price: &Price) -> Result<Rates> {
    let rate = |text: &str| Ok::<i128, Error>(per_token(text)? * price.per_mille / 1_000);
    Ok([
        Some(rate(price.input)?),
        Some(rate(price.cache_read)?),
        price.cache_write.map(rate).transpose()?,
        Some(rate(price.output)?),
    ])
}

/// The price book of one model, and what it costs where the book is silent.
pub(super) struct Book {
    dated: Vec<(NaiveDate, Rates)>,
    unlisted: Option<Rates>,
}

impl Book {
    pub(super) fn new(model: &Model) -> Result<Book> {
        let dated = model
            .prices
            .iter()
            .map(|price| Ok((price.valid_from, rates(price)?)))
            .collect::<Result<_>>()?;
        Ok(Book {
            dated,
            unlisted: model.unlisted.as_ref().map(rates).transpose()?,
        })
    }

    /// What the price book says on that day.
    pub(super) fn listed(&self, day: NaiveDate) -> Option<&Rates> {
        self.dated
            .iter()
            .rev()
            .find(|(from, _)| *from <= day)
            .map(|(_, rates)| rates)
    }

    /// What the provider charges at list: also for a model that is in no price book.
    pub(super) fn charged(&self, day: NaiveDate) -> Option<&Rates> {
        self.listed(day).or(self.unlisted.as_ref())
    }
}

pub(super) fn buckets(attempt: &Attempt) -> Buckets {
    [attempt.uncached, attempt.read, attempt.write, attempt.output]
}

pub(super) fn cost(tokens: &Buckets, rates: &Rates) -> i128 {
    tokens
        .iter()
        .zip(rates)
        .map(|(tokens, rate)| i128::from(*tokens) * rate.unwrap_or(0))
        .sum()
}

#[derive(Default)]
pub(super) struct Meter {
    pub(super) tokens: BTreeMap<(NaiveDate, usize), Buckets>,
    /// Weighted tokens by (hour since the start, self-hosted model).
    pub(super) load: BTreeMap<(i64, usize), f64>,
}

impl Meter {
    pub(super) fn add(&mut self, portfolio: &Portfolio, attempt: &Attempt, day: NaiveDate, hour: i64) {
        if attempt.gateway_hit {
            return;
        }
        let tokens = buckets(attempt);
        if portfolio.models[attempt.model].node_capacity > 0.0 {
            let weight = (tokens[0] + tokens[2]) as f64 + 2.5 * tokens[3] as f64;
            *self.load.entry((hour, attempt.model)).or_default() += weight;
            return;
        }
        let sum = self.tokens.entry((day, attempt.model)).or_default();
        for (sum, tokens) in sum.iter_mut().zip(tokens) {
            *sum += tokens;
        }
    }
}
