//! The registry as tables, so that views and people can join with it.

use super::{
    BudgetPeriod, GpuSlo, Model, Provider, Purchase, Registry, RiskTier, SharingMethod, Stage, Tier,
};
use crate::base::{Result, money};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder,
};
use arrow::datatypes::{Field, Schema};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Provider {
    /// Names under which gateways log it.
    pub(in crate::engine) fn logged_names<'a>(&'a self, id: &'a str) -> Vec<&'a str> {
        if self.gateway_names.is_empty() {
            vec![id]
        } else {
            self.gateway_names.iter().map(String::as_str).collect()
        }
    }
}

impl Model {
    /// What to look for in a charge.
    pub(in crate::engine) fn charge_pattern(&self, id: &str) -> String {
        self.charge_match.clone().unwrap_or_else(|| regex::escape(id))
    }
    /// What a whole logged name must match.
    pub(in crate::engine) fn log_pattern(&self, id: &str) -> String {
        let pattern = self.log_match.clone().unwrap_or_else(|| regex::escape(id));
        format!("^(?:{pattern})$")
    }
}

impl RiskTier {
    pub fn name(self) -> &'static str {
        match self {
            RiskTier::Prohibited => "prohibited",
            RiskTier::High => "high",
            RiskTier::Limited => "limited",
            RiskTier::Minimal => "minimal",
        }
    }
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Stage::Sandbox => "sandbox",
            Stage::Limited => "limited",
            Stage::Production => "production",
        }
    }
}

impl Tier {
    pub fn name(self) -> &'static str {
        match self {
            Tier::Small => "small",
            Tier::Medium => "medium",
            Tier::Frontier => "frontier",
        }
    }
}

impl Purchase {
    pub fn name(self) -> &'static str {
        match self {
            Purchase::OnDemand => "on_demand",
            Purchase::Reserved => "reserved",
            Purchase::Spot => "spot",
            Purchase::Owned => "owned",
        }
    }
}

impl SharingMethod {
    pub fn name(self) -> &'static str {
        match self {
            SharingMethod::Even => "even",
            SharingMethod::Requests => "requests",
            SharingMethod::RequestCost => "request_cost",
            SharingMethod::Fixed => "fixed",
        }
    }
}

impl BudgetPeriod {
    pub fn name(self) -> &'static str {
        match self {
            BudgetPeriod::Month => "month",
            BudgetPeriod::Quarter => "quarter",
            BudgetPeriod::Year => "year",
        }
    }
}

fn text<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn names<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    text(values.into_iter().map(Some))
}

fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int64Array>())
}

fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

fn days(values: impl IntoIterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Date32Array>())
}

fn flags(values: impl IntoIterator<Item = bool>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<BooleanArray>())
}

fn amounts(values: impl IntoIterator<Item = Option<i128>>) -> ArrayRef {
    Arc::new(
        values
            .into_iter()
            .collect::<Decimal128Array>()
            .with_data_type(money::data_type()),
    )
}

fn lists<'a>(values: impl IntoIterator<Item = &'a Vec<String>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in values {
        builder.append_value(list.iter().map(Some));
    }
    Arc::new(builder.finish())
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// All reference tables by name.
pub(in crate::engine) fn batches(registry: &Registry) -> Result<Vec<(&'static str, RecordBatch)>> {
    Ok(vec![
        ("use_cases", use_cases(registry)?),
        ("use_case_aliases", use_case_aliases(registry)?),
        ("providers", providers(registry)?),
        ("provider_names", provider_names(registry)?),
        ("models", models(registry)?),
        ("gpu_nodes", gpu_nodes(registry)?),
        ("gpu_slo", gpu_slo(registry)?),
        ("telemetry_steps", telemetry_steps(registry)?),
        (RESUMED, resumed(&BTreeSet::new())?),
        ("sharing_rules", sharing_rules(registry)?),
        ("sharing_shares", sharing_shares(registry)?),
        ("provisioned_rules", provisioned_rules(registry)?),
        ("budgets", budgets(registry)?),
        ("energy_factors", energy_factors(registry)?),
        ("grid_factors", grid_factors(registry)?),
    ])
}

fn use_cases(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.use_cases.values();
    table(vec![
        ("use_case", names(registry.use_cases.keys())),
        ("owner", text(rows().map(|u| u.owner.as_ref()))),
        ("risk_tier", text(rows().map(|u| u.risk_tier.map(RiskTier::name)))),
        ("stage", text(rows().map(|u| u.stage.map(Stage::name)))),
        ("since", days(rows().map(|u| u.since.map(|day| day.0)))),
        ("control_variant", names(rows().map(|u| &u.control_variant))),
        (
            "value_per_success",
            amounts(rows().map(|u| u.value_per_success.map(|v| v.0))),
        ),
        ("maturity_days", ints(rows().map(|u| i64::from(u.maturity_days)))),
        ("allowed_regions", lists(rows().map(|u| &u.allowed_regions))),
        ("p95_latency_ms", floats(rows().map(|u| u.budget.p95_latency_ms))),
        (
            "max_cost_per_request",
            amounts(rows().map(|u| u.budget.max_cost_per_request.map(|v| v.0))),
        ),
    ])
}

/// One row per alias; `kind` is `team` or `key`.
fn use_case_aliases(registry: &Registry) -> Result<RecordBatch> {
    let mut rows: Vec<(&str, &str, &str)> = Vec::new();
    for (id, use_case) in &registry.use_cases {
        rows.extend(
            use_case
                .aliases
                .teams
                .iter()
                .map(|t| ("team", t.as_str(), id.as_str())),
        );
        rows.extend(
            use_case
                .aliases
                .keys
                .iter()
                .map(|k| ("key", k.as_str(), id.as_str())),
        );
    }
    // A name written twice in one list would double every request that carries it.
    rows.sort_unstable();
    rows.dedup();
    table(vec![
        ("kind", names(rows.iter().map(|r| r.0))),
        ("alias", names(rows.iter().map(|r| r.1))),
        ("use_case", names(rows.iter().map(|r| r.2))),
    ])
}

fn providers(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.providers.values();
    table(vec![
        ("provider", names(registry.providers.keys())),
        ("self_hosted", flags(rows().map(|p| p.self_hosted))),
        ("charge_match", text(rows().map(|p| p.charge_match.as_ref()))),
        ("api_base_match", text(rows().map(|p| p.api_base_match.as_ref()))),
    ])
}

/// One row per name that gateways log.
fn provider_names(registry: &Registry) -> Result<RecordBatch> {
    let mut rows: Vec<(&str, &str)> = registry
        .providers
        .iter()
        .flat_map(|(id, p)| {
            p.logged_names(id)
                .into_iter()
                .map(move |name| (name, id.as_str()))
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    table(vec![
        ("logged", names(rows.iter().map(|r| r.0))),
        ("provider", names(rows.iter().map(|r| r.1))),
    ])
}

fn models(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.models.iter();
    table(vec![
        ("model", names(registry.models.keys())),
        ("provider", names(rows().map(|(_, m)| &m.provider))),
        ("tier", text(rows().map(|(_, m)| m.tier.map(Tier::name)))),
        (
            "self_hosted",
            flags(rows().map(|(_, m)| registry.providers.get(&m.provider).is_some_and(|p| p.self_hosted))),
        ),
        ("charge_match", names(rows().map(|(id, m)| m.charge_pattern(id)))),
        ("log_match", names(rows().map(|(id, m)| m.log_pattern(id)))),
    ])
}

fn gpu_nodes(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.gpu_nodes.iter();
    table(vec![
        ("host", names(rows().map(|n| &n.host))),
        ("resource_id", names(rows().map(|n| &n.resource_id))),
        ("gpus", ints(rows().map(|n| i64::from(n.gpus)))),
        ("gpu_model", names(rows().map(|n| &n.gpu_model))),
        ("purchase", names(rows().map(|n| n.purchase.name()))),
        ("model", text(rows().map(|n| n.model.as_ref()))),
        ("region", text(rows().map(|n| n.region.as_ref()))),
    ])
}

fn gpu_slo(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.gpu_slo.iter();
    table(vec![
        ("slo", ints(0..registry.gpu_slo.len() as i64)),
        ("pool", names(rows().map(|s| &s.pool))),
        ("min_utilization", floats(rows().map(|s| Some(s.min_utilization)))),
        ("window_days", ints(rows().map(|s| i64::from(s.window_days)))),
        ("may_buy", lists(&rows().map(ways).collect::<Vec<_>>())),
    ])
}

fn ways(slo: &GpuSlo) -> Vec<String> {
    slo.may_buy.iter().map(|way| way.name().to_owned()).collect()
}

fn telemetry_steps(registry: &Registry) -> Result<RecordBatch> {
    table(vec![
        ("source", names(registry.steps.keys())),
        (
            "step_seconds",
            ints(registry.steps.values().map(|s| i64::from(*s))),
        ),
    ])
}

/// Series of telemetry that go on after the samples of a session.
pub(in crate::engine) const RESUMED: &str = "resumed_series";

/// Each is a device and an instance of it.
pub(in crate::engine) fn resumed(series: &BTreeSet<(String, String)>) -> Result<RecordBatch> {
    table(vec![
        ("gpu_uuid", names(series.iter().map(|(device, _)| device))),
        ("mig_instance", names(series.iter().map(|(_, instance)| instance))),
    ])
}

/// `rule` counts from 0 in the order of the configuration.
fn sharing_rules(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.sharing.iter();
    table(vec![
        ("rule", ints(0..registry.sharing.len() as i64)),
        ("charge_match", names(rows().map(|r| &r.predicate))),
        ("method", names(rows().map(|r| r.method.name()))),
    ])
}

fn sharing_shares(registry: &Registry) -> Result<RecordBatch> {
    let rows: Vec<(i64, &str, i128)> = (0_i64..)
        .zip(&registry.sharing)
        .flat_map(|(at, rule)| {
            rule.shares
                .iter()
                .map(move |(id, share)| (at, id.as_str(), share.0))
        })
        .collect();
    table(vec![
        ("rule", ints(rows.iter().map(|r| r.0))),
        ("use_case", names(rows.iter().map(|r| r.1))),
        ("share", amounts(rows.iter().map(|r| Some(r.2)))),
    ])
}

/// `rule` counts from 0 in the order of the configuration.
fn provisioned_rules(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.provisioned.iter();
    table(vec![
        ("rule", ints(0..registry.provisioned.len() as i64)),
        ("attempt_match", names(rows().map(|r| &r.predicate))),
        ("charge_match", text(rows().map(|r| r.charge_match.as_ref()))),
    ])
}

fn budgets(registry: &Registry) -> Result<RecordBatch> {
    let rows = || registry.budgets.iter();
    table(vec![
        ("name", names(rows().map(|b| &b.name))),
        ("scope", text(rows().map(|b| b.scope.as_ref()))),
        ("use_case", text(rows().map(|b| b.use_case.as_ref()))),
        ("amount", amounts(rows().map(|b| Some(b.amount.0)))),
        ("currency", names(rows().map(|b| &b.currency))),
        ("period", names(rows().map(|b| b.period.name()))),
    ])
}

/// One row.
fn energy_factors(registry: &Registry) -> Result<RecordBatch> {
    table(vec![
        ("host_factor", floats([Some(registry.energy.host_factor)])),
        ("pue", floats([Some(registry.energy.pue)])),
    ])
}

fn grid_factors(registry: &Registry) -> Result<RecordBatch> {
    let grid = &registry.energy.grid_gco2_per_kwh;
    table(vec![
        ("region", names(grid.keys())),
        ("gco2_per_kwh", floats(grid.values().map(|g| Some(*g)))),
    ])
}
