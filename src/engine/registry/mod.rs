//! The registry: what AI exists here, who owns it, what pays for it, and the rules. The sections of
//! the configuration file that the views read; the views see them as tables.

mod tables;
mod validate;
mod value;
pub(super) mod words;

pub(super) use tables::{RESUMED, batches, resumed};
pub use value::{Amount, Day};

use crate::base::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The five scopes; every charge has exactly one.
pub const SCOPES: [&str; 5] = ["AI", "Cloud", "SaaS", "Data Centre", "Licensing"];

/// Sections of the configuration file, by their own names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registry {
    pub use_cases: BTreeMap<String, UseCase>,
    pub providers: BTreeMap<String, Provider>,
    pub models: BTreeMap<String, Model>,
    pub gpu_nodes: Vec<GpuNode>,
    pub gpu_slo: Vec<GpuSlo>,
    pub scopes: Vec<ScopeRule>,
    pub sharing: Vec<SharingRule>,
    pub provisioned: Vec<Provisioned>,
    pub budgets: Vec<Budget>,
    pub energy: Energy,
    /// Seconds between two samples, by source of telemetry; 60 for any other. Filled from the
    /// connectors, which configure it.
    #[serde(skip)]
    pub steps: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseCase {
    pub owner: Option<String>,
    pub risk_tier: Option<RiskTier>,
    pub stage: Option<Stage>,
    /// Day on which that stage began.
    pub since: Option<Day>,
    /// In the reporting currency.
    pub value_per_success: Option<Amount>,
    /// How long a task may stay without a label before it counts as unlabelled.
    #[serde(default = "default_maturity")]
    pub maturity_days: u32,
    /// Arm of its experiments that the others are compared with.
    #[serde(default = "default_control")]
    pub control_variant: String,
    #[serde(default)]
    pub aliases: Aliases,
    /// Empty: anywhere.
    #[serde(default)]
    pub allowed_regions: Vec<String>,
    #[serde(default)]
    pub budget: UseCaseBudget,
}

fn default_maturity() -> u32 {
    7
}

fn default_control() -> String {
    "control".to_owned()
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aliases {
    pub teams: Vec<String>,
    pub keys: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UseCaseBudget {
    pub p95_latency_ms: Option<f64>,
    pub max_cost_per_request: Option<Amount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskTier {
    Prohibited,
    High,
    Limited,
    Minimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Sandbox,
    Limited,
    Production,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// SQL predicate over a charge: this provider's API product, not only its company.
    pub charge_match: Option<String>,
    /// Its requests are paid for by GPU charges.
    pub self_hosted: bool,
    /// What gateways log; by default the id.
    pub gateway_names: Vec<String>,
    /// Regular expression over the endpoint of an OpenAI-compatible server of one's own.
    pub api_base_match: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub provider: String,
    pub tier: Option<Tier>,
    /// Regular expression over SKU, resource and description of a charge; by default the id, literally.
    pub charge_match: Option<String>,
    /// Regular expression that a logged model name matches whole; by default the id, literally.
    pub log_match: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Small,
    Medium,
    Frontier,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuNode {
    /// Hostname label of the telemetry.
    pub host: String,
    /// ResourceId of the charge.
    pub resource_id: String,
    pub gpus: u32,
    pub gpu_model: String,
    pub purchase: Purchase,
    /// What it serves.
    pub model: Option<String>,
    /// Where its power comes from, as lists of grid intensity name the region; by default that of its charges.
    pub region: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purchase {
    OnDemand,
    Reserved,
    Spot,
    Owned,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuSlo {
    /// SQL predicate over a node.
    pub pool: String,
    pub min_utilization: f64,
    pub window_days: u32,
    /// How its nodes may be bought: what a recommended move may go to.
    #[serde(default = "any_purchase")]
    pub may_buy: Vec<Purchase>,
}

/// What is owned is not bought again.
fn any_purchase() -> Vec<Purchase> {
    vec![Purchase::OnDemand, Purchase::Reserved, Purchase::Spot]
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeRule {
    pub scope: String,
    /// SQL predicate over a charge.
    #[serde(rename = "match")]
    pub predicate: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharingRule {
    /// SQL predicate over a charge.
    #[serde(rename = "match")]
    pub predicate: String,
    pub method: SharingMethod,
    /// For `fixed` only.
    #[serde(default)]
    pub shares: BTreeMap<String, Amount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharingMethod {
    Even,
    Requests,
    RequestCost,
    Fixed,
}

/// Throughput that is paid for whether it is used or not: its tokens cost nothing by themselves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provisioned {
    /// SQL predicate over an attempt: what runs on it.
    #[serde(rename = "match")]
    pub predicate: String,
    /// SQL predicate over a charge: what pays for it.
    pub charge_match: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub name: String,
    /// NULL: all of them.
    pub scope: Option<String>,
    pub use_case: Option<String>,
    pub amount: Amount,
    pub currency: String,
    pub period: BudgetPeriod,
}

/// From the shortest to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    Month,
    Quarter,
    Year,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Energy {
    /// Energy of the whole host over that of its accelerators.
    pub host_factor: f64,
    /// Energy of the whole facility over that of its computers.
    pub pue: f64,
    pub grid_gco2_per_kwh: BTreeMap<String, f64>,
}

impl Default for Energy {
    fn default() -> Self {
        Energy {
            host_factor: 1.0,
            pue: 1.0,
            grid_gco2_per_kwh: BTreeMap::new(),
        }
    }
}

impl Registry {
    /// The sections of a configuration file that are the registry's.
    pub const SECTIONS: [&str; 10] = [
        "use_cases",
        "providers",
        "models",
        "gpu_nodes",
        "gpu_slo",
        "scopes",
        "sharing",
        "provisioned",
        "budgets",
        "energy",
    ];

    /// Reads and validates its own sections of a whole configuration, and the scrape intervals of
    /// the Prometheus connectors. Other sections are none of its business.
    pub fn from_config(config: &toml::Table) -> Result<Registry> {
        let own: toml::Table = config
            .iter()
            .filter(|(key, _)| Registry::SECTIONS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut registry: Registry = toml::Value::Table(own)
            .try_into()
            .map_err(|e: toml::de::Error| Error::config(e.to_string()))?;
        registry.steps = steps(config)?;
        registry.validate()?;
        Ok(registry)
    }

    /// The same from the text of a file.
    pub fn parse(text: &str) -> Result<Registry> {
        let config: toml::Table = text
            .parse()
            .map_err(|e: toml::de::Error| Error::config(e.to_string()))?;
        Registry::from_config(&config)
    }
}

fn steps(config: &toml::Table) -> Result<BTreeMap<String, u32>> {
    let connectors = config
        .get("pull")
        .and_then(|p| p.get("prometheus"))
        .and_then(|p| p.as_array());
    let mut steps = BTreeMap::new();
    for connector in connectors.into_iter().flatten() {
        let Some(name) = connector.get("name").and_then(|n| n.as_str()) else {
            continue;
        };
        let Some(step) = connector.get("step_seconds") else {
            continue;
        };
        match step
            .as_integer()
            .and_then(|s| u32::try_from(s).ok())
            .filter(|s| *s > 0)
        {
            Some(step) => steps.insert(name.to_owned(), step),
            None => {
                return Err(
                    Error::config(format!("pull.prometheus '{name}': step_seconds is {step}"))
                        .advise("write the scrape interval as a whole number of seconds"),
                );
            }
        };
    }
    Ok(steps)
}
