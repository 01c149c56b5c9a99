//! What a drill is fed: plain daily series by driver, made from two frames.
//!
//! **`Inputs::spend`**, the rows of the view `drill_portfolio` (any order, repeated keys are added):
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `day` | date | first day that the row's spend is for |
//! | `days` | integer | days it is spread over evenly; 1 for usage, about 30 for a monthly seat |
//! | `driver_kind` | text | `model_api`, `gpu` or `other` |
//! | `driver` | text | `provider/model`; the GPU model; the service |
//! | `part` | text | token class (`uncached_input`, `cache_read`, `cache_write`, `output`, `all`); purchase kind (`on_demand`, `reserved`, `spot`, `owned`); empty |
//! | `scope` | text | scope of the charge |
//! | `currency` | text | rows in another one than `Inputs::currency` are left out and counted in a note |
//! | `native_currency` | text | what the charge was billed in: what a change of rates reaches |
//! | `amount` | decimal | spend |
//! | `quantity` | decimal, NULL | tokens; provisioned GPU-hours |
//! | `used` | decimal, NULL | serving GPU-hours |
//!
//! **`Inputs::requests`**, the rows of the view `drill_requests`: `day` date, `requests` integer,
//! `gateway_cache_hits` integer.

use super::scenario::Period;
use crate::base::{Error, Result, money};
use crate::frame::Frame;
use chrono::{Days, NaiveDate};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Everything a drill knows of the world.
#[derive(Debug)]
pub struct Inputs {
    pub spend: Frame,
    pub requests: Frame,
    /// The reporting currency.
    pub currency: String,
    /// History is what lies before this day: give today, since today is not over.
    pub until: NaiveDate,
    /// Budgets of the configuration that a drill may name.
    pub budgets: Vec<NamedBudget>,
}

/// A budget of the configuration.
#[derive(Debug, Clone)]
pub struct NamedBudget {
    pub name: String,
    /// `None`: all spend.
    pub scope: Option<String>,
    pub amount: i128,
    pub currency: String,
    pub period: Period,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverKind {
    ModelApi,
    Gpu,
    Other,
}

impl DriverKind {
    fn read(text: &str) -> Result<DriverKind> {
        match text {
            "model_api" => Ok(DriverKind::ModelApi),
            "gpu" => Ok(DriverKind::Gpu),
            "other" => Ok(DriverKind::Other),
            _ => Err(Error::data(format!(
                "driver_kind '{text}' is none of model_api, gpu, other"
            ))),
        }
    }
}

/// How a GPU is paid for. The order is the order of `PURCHASES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purchase {
    OnDemand,
    Reserved,
    Spot,
    Owned,
}

pub(super) const PURCHASES: [Purchase; 4] = [
    Purchase::OnDemand,
    Purchase::Reserved,
    Purchase::Spot,
    Purchase::Owned,
];

impl Purchase {
    pub fn name(self) -> &'static str {
        match self {
            Purchase::OnDemand => "on_demand",
            Purchase::Reserved => "reserved",
            Purchase::Spot => "spot",
            Purchase::Owned => "owned",
        }
    }

    /// As people write it.
    pub fn words(self) -> &'static str {
        match self {
            Purchase::OnDemand => "on-demand",
            _ => self.name(),
        }
    }

    fn read(text: &str) -> Result<Purchase> {
        PURCHASES
            .into_iter()
            .find(|p| p.name() == text)
            .ok_or_else(|| Error::data(format!("part '{text}' of a GPU row is no purchase kind")))
    }
}

/// Which spend a drill is about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub scopes: Vec<String>,
    pub drivers: Vec<DriverKind>,
}

impl Selection {
    fn takes(&self, kind: DriverKind, scope: &str) -> bool {
        (self.scopes.is_empty() && self.drivers.is_empty())
            || self.scopes.iter().any(|s| s == scope)
            || self.drivers.contains(&kind)
    }
}

/// Daily amounts and quantities of one thing, dense over the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    pub spend: Vec<i128>,
    pub quantity: Vec<i128>,
    pub used: Vec<i128>,
}

/// Spend that is not on GPUs.
#[derive(Debug, Clone)]
pub struct Line {
    pub kind: DriverKind,
    pub driver: String,
    pub part: String,
    /// The currency it is billed in.
    pub native: String,
    pub history: History,
}

/// GPUs of one model, by purchase kind.
#[derive(Debug, Clone)]
pub struct Pool {
    pub name: String,
    pub purchases: BTreeMap<Purchase, History>,
    /// Spend of the last 28 days by the currency it is billed in.
    pub natives: BTreeMap<Purchase, BTreeMap<String, i128>>,
}

/// The selected history.
#[derive(Debug, Clone)]
pub struct Portfolio {
    pub currency: String,
    pub first_day: NaiveDate,
    pub days: usize,
    pub lines: Vec<Line>,
    pub pools: Vec<Pool>,
    /// Requests and gateway cache hits of the last 28 days.
    pub recent_requests: i128,
    pub recent_hits: i128,
    pub notes: Vec<String>,
}

/// Days whose sums give present prices and rates.
pub(super) const RECENT_DAYS: usize = 28;

impl Portfolio {
    /// The day after the last one of history: the first simulated day.
    pub fn start(&self) -> NaiveDate {
        add_days(self.first_day, self.days)
    }

    pub fn read(inputs: &Inputs, selection: &Selection) -> Result<Portfolio> {
        let rows = Row::read_all(&inputs.spend)?;
        let mut notes = Vec::new();
        let mut unconverted: BTreeMap<String, u64> = BTreeMap::new();
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if row.first_day >= inputs.until || !selection.takes(row.kind, &row.scope) {
                continue;
            }
            if row.currency != inputs.currency {
                *unconverted.entry(row.currency).or_default() += 1;
                continue;
            }
            kept.push(row);
        }
        for (currency, rows) in unconverted {
            notes.push(format!(
                "{rows} rows in {currency} have no rate to {} and are left out",
                inputs.currency
            ));
        }
        let nothing = || {
            Error::data("there is no spend to drill with").advise(format!(
                "the drill needs daily spend in {} before {}; check its scopes and drivers, and what is in the lake",
                inputs.currency, inputs.until
            ))
        };
        let first_day = kept.iter().map(|r| r.first_day).min().ok_or_else(nothing)?;
        let last_day = kept
            .iter()
            .map(|r| r.last_day(inputs.until))
            .max()
            .ok_or_else(nothing)?;
        let days = distance(first_day, last_day) + 1;
        let mut lines: BTreeMap<(DriverKind, String, String, String), History> = BTreeMap::new();
        for row in &kept {
            let key = (row.kind, row.driver.clone(), row.part.clone(), row.native.clone());
            let history = lines.entry(key).or_insert_with(|| History::empty(days));
            row.spread(first_day, history)?;
        }
        let mut portfolio = Portfolio {
            currency: inputs.currency.clone(),
            first_day,
            days,
            lines: Vec::new(),
            pools: Vec::new(),
            recent_requests: 0,
            recent_hits: 0,
            notes,
        };
        for ((kind, driver, part, native), history) in lines {
            if history.ended_early() {
                portfolio.notes.push(format!(
                    "{driver} {part}: no spend on the last three days of history"
                ));
            }
            if kind != DriverKind::Gpu {
                portfolio.lines.push(Line {
                    kind,
                    driver,
                    part,
                    native,
                    history,
                });
                continue;
            }
            let purchase = Purchase::read(&part)?;
            // Keys are sorted, so a pool's rows stand together.
            if portfolio.pools.last().is_none_or(|pool| pool.name != driver) {
                portfolio.pools.push(Pool {
                    name: driver,
                    purchases: BTreeMap::new(),
                    natives: BTreeMap::new(),
                });
            }
            if let Some(pool) = portfolio.pools.last_mut() {
                let natives = pool.natives.entry(purchase).or_default();
                natives.insert(native, recent(&history.spend));
                match pool.purchases.get_mut(&purchase) {
                    Some(known) => known.add(&history)?,
                    None => {
                        pool.purchases.insert(purchase, history);
                    }
                }
            }
        }
        portfolio.count_requests(&inputs.requests)?;
        Ok(portfolio)
    }

    fn count_requests(&mut self, frame: &Frame) -> Result<()> {
        let start = self.start();
        let recent = add_days(self.first_day, self.days.saturating_sub(RECENT_DAYS));
        for row in 0..frame.rows() {
            let day = day_of(frame, row)?;
            if recent <= day && day < start {
                self.recent_requests += i128::from(frame.int("requests", row)?.unwrap_or(0));
                self.recent_hits += i128::from(frame.int("gateway_cache_hits", row)?.unwrap_or(0));
            }
        }
        Ok(())
    }

    /// Spend of every day of history.
    pub fn totals(&self) -> Vec<i128> {
        let mut totals = vec![0; self.days];
        let pools = self.pools.iter().flat_map(|p| p.purchases.values());
        for history in self.lines.iter().map(|l| &l.history).chain(pools) {
            for (total, spend) in totals.iter_mut().zip(&history.spend) {
                *total += spend;
            }
        }
        totals
    }
}

impl History {
    fn empty(days: usize) -> History {
        History {
            spend: vec![0; days],
            quantity: vec![0; days],
            used: vec![0; days],
        }
    }

    fn add(&mut self, more: &History) -> Result<()> {
        for (series, more) in [
            (&mut self.spend, &more.spend),
            (&mut self.quantity, &more.quantity),
            (&mut self.used, &more.used),
        ] {
            for (cell, v) in series.iter_mut().zip(more) {
                *cell = cell.checked_add(*v).ok_or_else(super::overflow)?;
            }
        }
        Ok(())
    }

    /// Spent on most of the four weeks before, and nothing on the last three days.
    fn ended_early(&self) -> bool {
        let days = self.spend.len();
        let (before, last) = self.spend.split_at(days.saturating_sub(3));
        let recent = &before[before.len().saturating_sub(RECENT_DAYS)..];
        let active = recent.iter().filter(|s| **s != 0).count();
        !recent.is_empty() && active * 2 > recent.len() && last.iter().all(|s| *s == 0)
    }
}

/// The last 28 days of a series, added up.
pub(super) fn recent(series: &[i128]) -> i128 {
    series[series.len().saturating_sub(RECENT_DAYS)..].iter().sum()
}

pub(super) fn add_days(day: NaiveDate, days: usize) -> NaiveDate {
    day.checked_add_days(Days::new(days as u64))
        .unwrap_or(NaiveDate::MAX)
}

fn distance(from: NaiveDate, to: NaiveDate) -> usize {
    usize::try_from((to - from).num_days()).unwrap_or(0)
}

fn day_of(frame: &Frame, row: usize) -> Result<NaiveDate> {
    let micros = frame
        .micros("day", row)?
        .ok_or_else(|| Error::data("a row of a drill's input has no day"))?;
    Ok(crate::base::time::from_micros(micros).date_naive())
}

struct Row {
    first_day: NaiveDate,
    days: usize,
    kind: DriverKind,
    driver: String,
    part: String,
    scope: String,
    currency: String,
    native: String,
    amount: i128,
    quantity: i128,
    used: i128,
}

impl Row {
    fn read_all(frame: &Frame) -> Result<Vec<Row>> {
        let text = |column: &str, row| frame.text(column, row).map(Option::unwrap_or_default);
        (0..frame.rows())
            .map(|row| {
                Ok(Row {
                    first_day: day_of(frame, row)?,
                    days: frame
                        .int("days", row)?
                        .map_or(1, |d| usize::try_from(d).unwrap_or(1).max(1)),
                    kind: DriverKind::read(&text("driver_kind", row)?)?,
                    driver: text("driver", row)?,
                    part: text("part", row)?,
                    scope: text("scope", row)?,
                    currency: text("currency", row)?,
                    native: text("native_currency", row)?,
                    amount: frame.decimal("amount", row)?.unwrap_or(0),
                    quantity: frame.decimal("quantity", row)?.unwrap_or(0),
                    used: frame.decimal("used", row)?.unwrap_or(0),
                })
            })
            .collect()
    }

    /// The last day before `until` that the row's spend falls on.
    fn last_day(&self, until: NaiveDate) -> NaiveDate {
        let last = add_days(self.first_day, self.days - 1);
        last.min(until.pred_opt().unwrap_or(until))
    }

    /// Adds the row to a history, day by day; what falls behind its end is not history yet.
    fn spread(&self, first_day: NaiveDate, history: &mut History) -> Result<()> {
        let at = distance(first_day, self.first_day);
        let days = self.days as i128;
        for (total, series) in [
            (self.amount, &mut history.spend),
            (self.quantity, &mut history.quantity),
            (self.used, &mut history.used),
        ] {
            for (i, cell) in series.iter_mut().skip(at).take(self.days).enumerate() {
                let share = money::apportion(total, i as i128, i as i128 + 1, days);
                *cell = share
                    .and_then(|s| cell.checked_add(s))
                    .ok_or_else(super::overflow)?;
            }
        }
        Ok(())
    }
}
