//! A drill file: what happens, what it is measured against, which decisions are compared.
//! Reads TOML and refuses what cannot be meant, naming the key. Knows nothing of the data.

use super::compose::{self, Library, Text};
use super::correlation::{Correlation, CorrelationSpec, DEMAND};
use super::holding::Position;
use super::index::{Index, IndexSpec};
use super::inputs::{DriverKind, Purchase};
use super::shock::{self, Shock};
use super::value::{Amount, Ratio};
use crate::base::{Error, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Path-days one simulation may have; above it memory and patience suffer.
pub(super) const MAX_PATH_DAYS: u64 = 5_000_000;
pub(super) const MAX_PATHS: u32 = 100_000;
pub(super) const MAX_HORIZON_DAYS: u32 = 1_100;

/// A checked drill.
#[derive(Debug)]
pub struct Scenario {
    pub title: String,
    pub description: String,
    pub horizon_days: u32,
    pub paths: u32,
    pub seed: u64,
    pub noise: Noise,
    pub budget: BudgetSpec,
    pub criterion: Criterion,
    pub prices: BTreeMap<Purchase, Amount>,
    pub shocks: Vec<NamedShock>,
    pub decisions: Vec<Decision>,
    /// How pools are paid for, where the file says so and not history.
    pub positions: Vec<Position>,
    pub indices: Vec<Index>,
    pub(super) correlation: Option<Correlation>,
}

/// A shock under the name that reports and random draws know it by.
#[derive(Debug)]
pub struct NamedShock {
    pub name: String,
    pub kind: &'static str,
    pub shock: Box<dyn Shock>,
}

/// How a path differs from the forecast before any shock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Whole weeks of past deviations, and the measured error of the forecast's level.
    #[default]
    Bootstrap,
    /// Every path is the forecast.
    None,
}

/// What spend is measured against. Exactly one of `amount`, `name` and `headroom`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    pub amount: Option<Amount>,
    /// A budget of the configuration.
    pub name: Option<String>,
    /// Above the forecast without shocks: 0.15 allows fifteen per cent more.
    pub headroom: Option<Ratio>,
    /// Must be the reporting currency when given.
    pub currency: Option<String>,
    pub period: Option<Period>,
    /// Spend that counts: in one of these scopes …
    #[serde(default)]
    pub scopes: Vec<String>,
    /// … or of one of these kinds. Neither given: all spend.
    #[serde(default)]
    pub drivers: Vec<DriverKind>,
}

/// How often a budget starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Horizon,
    Month,
    Quarter,
    Year,
}

/// When the drill is passed. All that is given must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    pub max_breach_probability: Option<Ratio>,
    /// The P90 of total spend may not exceed this.
    pub max_p90: Option<Amount>,
    /// The mean of the dearest twentieth of all paths may not exceed this.
    pub max_cvar95: Option<Amount>,
}

/// Another mix of GPU purchases to compare with today's. What it does not cover is bought on demand.
/// Either counts of one pool, or `positions`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub name: String,
    /// GPU model it is about; may be left out where there is only one.
    pub pool: Option<String>,
    /// GPUs, each paid around the clock.
    #[serde(default)]
    pub reserved: u32,
    #[serde(default)]
    pub owned: u32,
    /// GPUs, paid while needed.
    #[serde(default)]
    pub spot: u32,
    /// Length of the commitment: what is still owed when the horizon ends, or when it ends before.
    pub term_days: Option<u32>,
    /// Prices per GPU-hour where they are not today's.
    pub reserved_price: Option<Amount>,
    pub owned_price: Option<Amount>,
    pub spot_price: Option<Amount>,
    pub on_demand_price: Option<Amount>,
    /// Of any pools; those that are not spoken of stay as they are.
    #[serde(default)]
    pub positions: Vec<Position>,
}

impl Decision {
    /// Its counts as positions, which `positions` are already.
    pub(super) fn positions(&self) -> Vec<Position> {
        if !self.positions.is_empty() {
            return self.positions.clone();
        }
        let of = |kind, gpus: Option<u32>, price| Position {
            pool: self.pool.clone(),
            gpus,
            price,
            ..Position::of(kind)
        };
        let mut all = vec![of(Purchase::OnDemand, None, self.on_demand_price)];
        for (kind, gpus, price) in [
            (Purchase::Reserved, self.reserved, self.reserved_price),
            (Purchase::Owned, self.owned, self.owned_price),
            (Purchase::Spot, self.spot, self.spot_price),
        ] {
            if gpus > 0 {
                let mut position = of(kind, Some(gpus), price);
                if kind == Purchase::Reserved {
                    position.term_days = self.term_days;
                }
                all.push(position);
            }
        }
        all
    }

    fn check(&self, key: &str, horizon_days: u32) -> Result<()> {
        let counts = self.reserved + self.owned + self.spot > 0 || self.pool.is_some();
        if counts && !self.positions.is_empty() {
            return Err(impossible(
                &format!("{key}.positions"),
                "counts and positions stand beside one another",
                "say it one way",
            ));
        }
        check_price(&format!("{key}.reserved_price"), self.reserved_price)?;
        check_price(&format!("{key}.owned_price"), self.owned_price)?;
        check_price(&format!("{key}.spot_price"), self.spot_price)?;
        check_price(&format!("{key}.on_demand_price"), self.on_demand_price)?;
        if self.term_days == Some(0) {
            return Err(impossible(
                &format!("{key}.term_days"),
                "0 days bind nobody",
                "leave it out",
            ));
        }
        for (at, position) in self.positions.iter().enumerate() {
            position.check(&format!("{key}.positions[{at}]"), horizon_days)?;
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: String,
    #[serde(default)]
    description: String,
    horizon_days: u32,
    #[serde(default = "default_paths")]
    paths: u32,
    #[serde(default = "default_seed")]
    seed: u64,
    #[serde(default)]
    noise: Noise,
    budget: BudgetSpec,
    criterion: Criterion,
    #[serde(default)]
    gpu: RawGpu,
    #[serde(default)]
    shocks: Vec<toml::Table>,
    #[serde(default)]
    decisions: Vec<Decision>,
    #[serde(default)]
    positions: Vec<Position>,
    #[serde(default)]
    indices: Vec<IndexSpec>,
    correlation: Option<CorrelationSpec>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawGpu {
    /// Price per GPU-hour by purchase kind, where history has none or another one.
    #[serde(default)]
    prices: BTreeMap<Purchase, Amount>,
}

fn default_paths() -> u32 {
    1_000
}

fn default_seed() -> u64 {
    1
}

/// An impossible value: which key, why, and what would do.
pub(super) fn impossible(key: &str, why: impl std::fmt::Display, advice: impl Into<String>) -> Error {
    Error::config(format!("{key}: {why}")).advise(advice)
}

impl Scenario {
    /// Reads a drill file that speaks of no other one. `origin` names it in errors.
    pub fn parse(origin: &str, text: &str) -> Result<Scenario> {
        Self::parse_with(origin, text, &compose::alone)
    }

    /// Reads a drill file with what it includes; `library` finds it.
    pub fn parse_with(origin: &str, text: &str, library: Library<'_>) -> Result<Scenario> {
        let file = Text {
            origin: origin.to_owned(),
            text: text.to_owned(),
        };
        Self::read(file, library).map_err(|e| e.context(format!("drill {origin}")))
    }

    fn read(file: Text, library: Library<'_>) -> Result<Scenario> {
        let text = file.text.clone();
        let raw = compose::compose(file, library)?.try_into::<Raw>().map_err(|e| {
            // The text itself, where it says the same, shows the line.
            let shown = toml::from_str::<Raw>(&text)
                .err()
                .filter(|own| own.message() == e.message())
                .map_or_else(|| e.message().to_owned(), |own| own.to_string());
            Error::config(shown.trim_end().to_owned())
        })?;
        let mut shocks = Vec::with_capacity(raw.shocks.len());
        let mut names = BTreeSet::new();
        for (at, table) in raw.shocks.into_iter().enumerate() {
            let shock = shock::parse(at, table)?;
            if !names.insert(shock.name.clone()) {
                return Err(impossible(
                    &format!("shocks[{at}].name"),
                    format!("'{}' is taken by another shock", shock.name),
                    "give each shock a name of its own; random draws go by it",
                ));
            }
            shocks.push(shock);
        }
        let scenario = Scenario {
            title: raw.title,
            description: raw.description.trim().to_owned(),
            horizon_days: raw.horizon_days,
            paths: raw.paths,
            seed: raw.seed,
            noise: raw.noise,
            budget: raw.budget,
            criterion: raw.criterion,
            prices: raw.gpu.prices,
            shocks,
            decisions: raw.decisions,
            positions: raw.positions,
            indices: raw
                .indices
                .iter()
                .enumerate()
                .map(|(at, spec)| Index::read(at, spec))
                .collect::<Result<_>>()?,
            correlation: raw.correlation.map(|c| c.factor()).transpose()?,
        };
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<()> {
        if self.title.trim().is_empty() {
            return Err(impossible(
                "title",
                "it is empty",
                "say in a few words what happens",
            ));
        }
        if !(1..=MAX_HORIZON_DAYS).contains(&self.horizon_days) {
            return Err(impossible(
                "horizon_days",
                format!("{} is not between 1 and {MAX_HORIZON_DAYS}", self.horizon_days),
                "90 days, a quarter, is a good start",
            ));
        }
        if !(1..=MAX_PATHS).contains(&self.paths) {
            return Err(impossible(
                "paths",
                format!("{} is not between 1 and {MAX_PATHS}", self.paths),
                "1000 give steady percentiles",
            ));
        }
        let path_days = u64::from(self.paths) * u64::from(self.horizon_days);
        if path_days > MAX_PATH_DAYS {
            return Err(impossible(
                "paths",
                format!(
                    "{} paths of {} days are more than {MAX_PATH_DAYS} path-days",
                    self.paths, self.horizon_days
                ),
                "take fewer paths or a shorter horizon",
            ));
        }
        self.budget.check()?;
        self.criterion.check()?;
        for (purchase, price) in &self.prices {
            check_price(&format!("gpu.prices.{}", purchase.name()), Some(*price))?;
        }
        let mut names = BTreeSet::from(["today", super::commitment::OPTIMUM]);
        for (at, decision) in self.decisions.iter().enumerate() {
            let key = format!("decisions[{at}]");
            if !names.insert(&decision.name) {
                return Err(impossible(
                    &format!("{key}.name"),
                    format!("'{}' is taken", decision.name),
                    "the present mix, 'today', and the computed optimum stand in the comparison anyway",
                ));
            }
            decision.check(&key, self.horizon_days)?;
        }
        for (at, position) in self.positions.iter().enumerate() {
            position.check(&format!("positions[{at}]"), self.horizon_days)?;
        }
        self.check_indices()?;
        for (at, named) in self.shocks.iter().enumerate() {
            named
                .shock
                .check(self.horizon_days)
                .map_err(|e| e.context(format!("shocks[{at}] ({})", named.name)))?;
        }
        self.check_correlation()
    }

    fn check_indices(&self) -> Result<()> {
        let (mut names, mut pools) = (BTreeSet::new(), BTreeSet::new());
        for (at, index) in self.indices.iter().enumerate() {
            if !names.insert(&index.name) {
                return Err(impossible(
                    &format!("indices[{at}].name"),
                    format!("'{}' is taken by another index", index.name),
                    "give each a name of its own; shocks refer to it",
                ));
            }
            if index.pool.as_ref().is_some_and(|pool| !pools.insert(pool)) {
                return Err(impossible(
                    &format!("indices[{at}].pool"),
                    "another index marks the positions of this pool",
                    "leave pool out of one of them",
                ));
            }
        }
        Ok(())
    }

    /// What is correlated must be drawn.
    fn check_correlation(&self) -> Result<()> {
        let Some(correlation) = &self.correlation else {
            return Ok(());
        };
        let random = || {
            self.shocks
                .iter()
                .filter(|s| s.shock.draws_normals())
                .map(|s| s.name.as_str())
        };
        for name in &correlation.between {
            if name != DEMAND && !random().any(|known| known == name) {
                let known: Vec<String> = random().chain([DEMAND]).map(|n| format!("'{n}'")).collect();
                return Err(impossible(
                    "correlation.between",
                    format!("no shock that is left to chance is called '{name}'"),
                    format!("there are {}", known.join(", ")),
                ));
            }
        }
        if correlation.between.iter().any(|n| n == DEMAND) && self.noise == Noise::None {
            return Err(impossible(
                "correlation.between",
                "'demand' is the forecast's error, which noise = \"none\" leaves out",
                "take one of them away",
            ));
        }
        Ok(())
    }
}

pub(super) fn check_price(key: &str, price: Option<Amount>) -> Result<()> {
    match price {
        Some(Amount(price)) if price <= 0 => Err(impossible(
            key,
            "a price per GPU-hour is above zero",
            "write it like \"4.90\"",
        )),
        _ => Ok(()),
    }
}

impl BudgetSpec {
    fn check(&self) -> Result<()> {
        let given = [
            self.amount.is_some(),
            self.name.is_some(),
            self.headroom.is_some(),
        ];
        if given.into_iter().filter(|g| *g).count() != 1 {
            return Err(impossible(
                "budget",
                "exactly one of amount, name and headroom is needed",
                "amount = \"120000\", or name = \"ai-month\" of the configuration, or headroom = 0.15 over the forecast",
            ));
        }
        if self.amount.is_some_and(|Amount(a)| a <= 0) {
            return Err(impossible(
                "budget.amount",
                "it is not above zero",
                "write it like \"120000\"",
            ));
        }
        if self.headroom.is_some_and(|Ratio(h)| h.is_negative()) {
            return Err(impossible(
                "budget.headroom",
                "it is negative",
                "0.15 allows fifteen per cent more",
            ));
        }
        if self.headroom.is_some() && self.period.is_some_and(|p| p != Period::Horizon) {
            return Err(impossible(
                "budget.period",
                "a headroom is over the forecast of the whole horizon",
                "leave period out, or give an amount",
            ));
        }
        Ok(())
    }
}

impl Criterion {
    fn check(&self) -> Result<()> {
        if self.max_breach_probability.is_none() && self.max_p90.is_none() && self.max_cvar95.is_none() {
            return Err(impossible(
                "criterion",
                "it is empty, so the drill could not fail",
                "max_breach_probability = 0.2 is a usual one",
            ));
        }
        if self
            .max_breach_probability
            .is_some_and(|Ratio(p)| p.is_negative() || p > super::factor::Factor::ONE)
        {
            return Err(impossible(
                "criterion.max_breach_probability",
                "a probability lies between 0 and 1",
                "0.2 accepts one path of five",
            ));
        }
        for (key, limit) in [("max_p90", self.max_p90), ("max_cvar95", self.max_cvar95)] {
            if limit.is_some_and(|Amount(a)| a <= 0) {
                return Err(impossible(
                    &format!("criterion.{key}"),
                    "it is not above zero",
                    "write it like \"120000\"",
                ));
            }
        }
        Ok(())
    }
}
