//! What a synthetic company looks like, as plain data: the generators know nothing else about it.

use chrono::NaiveDate;

pub(super) struct Portfolio {
    /// Told in the README that is written beside the files.
    pub story: Vec<&'static str>,
    pub providers: Vec<Provider>,
    pub models: Vec<Model>,
    pub use_cases: Vec<UseCase>,
    pub incidents: Vec<Incident>,
    pub nodes: Vec<Node>,
    pub commitment: Option<Commitment>,
    pub bills: Vec<Bill>,
    pub flat: Vec<Flat>,
    pub fleets: Vec<Fleet>,
    pub budgets: Vec<(&'static str, Option<&'static str>, &'static str)>,
    /// Hexadecimal digits of an id: real ones have 32, which do not compress.
    pub id_digits: usize,
    /// Whole log lines as the gateway writes them, with its model map: about 1.6 kB.
    pub long_lines: bool,
    /// From this day on the gateway writes one call id for all attempts of a request.
    pub call_ids_from: NaiveDate,
}

pub(super) struct Provider {
    pub id: &'static str,
    /// SQL predicate over a charge; empty for a self-hosted one.
    pub charge_match: &'static str,
    pub gateway_name: &'static str,
    pub api_base: &'static str,
}

/// Prices in USD per million tokens, as a price page prints them.
#[derive(Clone)]
pub(super) struct Price {
    pub valid_from: NaiveDate,
    pub input: &'static str,
    pub cache_read: &'static str,
    pub cache_write: Option<&'static str>,
    pub output: &'static str,
    /// All of them, times this in thousandths.
    pub per_mille: i128,
}

#[derive(Clone)]
pub(super) struct Model {
    pub id: &'static str,
    /// Index into `providers`.
    pub provider: usize,
    /// As the gateway logs it.
    pub logged: &'static str,
    /// `None` keeps it out of the registry: nobody owns up to it.
    pub tier: Option<&'static str>,
    /// What SkuId, SkuMeter and description say, and the pattern that finds it there.
    pub sku: &'static str,
    pub charge_match: &'static str,
    /// Empty: the price book does not know it, or it is self-hosted.
    pub prices: Vec<Price>,
    /// Used for the bill when the price book has nothing.
    pub unlisted: Option<Price>,
    /// Share of the list price that the contract takes off, per mille.
    pub discount_per_mille: i128,
    /// Tokens billed beyond what the gateway saw, as a share of it.
    pub unlogged: f64,
    pub ttft_ms: f64,
    pub tokens_per_second: f64,
    /// Weighted tokens an hour that fill one node (self-hosted only).
    pub node_capacity: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rhythm {
    Office,
    Always,
    Night,
}

/// Something changed on that day, and it is dearer since.
#[derive(Clone)]
pub(super) struct Drift {
    pub from: NaiveDate,
    pub input_factor: f64,
    pub cache_factor: f64,
    pub requests_factor: f64,
}

/// For some days something was otherwise; planted, so that it can be looked for.
#[derive(Clone)]
pub(super) struct Spell {
    pub days: std::ops::Range<NaiveDate>,
    /// Tasks, for one of before.
    pub traffic: f64,
    /// What the prompt cache still holds of what it held.
    pub cache: f64,
    /// All tasks go to this model.
    pub route: Option<usize>,
}

#[derive(Clone)]
pub(super) struct UseCase {
    pub id: String,
    pub owner: &'static str,
    pub stage: &'static str,
    pub risk_tier: &'static str,
    pub value: Option<&'static str>,
    pub maturity_days: i64,
    pub team: String,
    pub key: String,
    /// Named by a tag on the request, else found by its key or team.
    pub tagged: bool,
    /// In the registry at all.
    pub registered: bool,
    /// Share of all attempts at full strength, any unit.
    pub share: f64,
    pub launched: NaiveDate,
    /// Strength on the last day for 1 on the first.
    pub growth: f64,
    pub rhythm: Rhythm,
    /// Requests of a task: 1 to twice this, at most 12.
    pub requests_per_task: f64,
    /// (model, weight)
    pub routes: Vec<(usize, u32)>,
    pub fallback: usize,
    pub input: f64,
    pub output: f64,
    /// Share of the input that the provider's prompt cache holds after the first request of a task.
    pub cached: f64,
    pub gateway_cached: f64,
    pub success: f64,
    pub labelled: f64,
    pub label_delay_hours: f64,
    pub drift: Option<Drift>,
    pub spells: Vec<Spell>,
    /// Labels come from a system that exports CSV.
    pub csv_labels: bool,
}

pub(super) struct Incident {
    pub day: NaiveDate,
    pub hours: std::ops::Range<u32>,
    pub provider: usize,
    pub failing: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purchase {
    Reserved,
    OnDemand,
    Spot,
    Owned,
}

impl Purchase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Purchase::Reserved => "reserved",
            Purchase::OnDemand => "on_demand",
            Purchase::Spot => "spot",
            Purchase::Owned => "owned",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Uptime {
    Always,
    /// Switched off on Saturday and Sunday.
    Weekdays,
    /// 07:00 to 19:00 UTC, Monday to Friday.
    OfficeHours,
    /// Taken away and given back by chance.
    Spot,
}

#[derive(Clone)]
pub(super) struct Node {
    pub host: String,
    pub resource_id: String,
    pub gpus: u32,
    pub gpu_model: &'static str,
    pub driver_name: &'static str,
    pub instance_type: &'static str,
    pub purchase: Purchase,
    pub model: usize,
    pub bill: usize,
    /// Per node and hour, in the bill's currency.
    pub list_rate: &'static str,
    pub rate: &'static str,
    pub uptime: Uptime,
    /// Nobody switched it off on these days.
    pub left_on: Option<std::ops::Range<NaiveDate>>,
    /// Idle and full power of one GPU.
    pub watts: (f64, f64),
    /// No exporter on it before that day: dark.
    pub telemetry_from: Option<NaiveDate>,
    /// Days without any sample.
    pub hole: Option<(NaiveDate, NaiveDate)>,
    /// The last device of the node has no pod before that day.
    pub spare_until: Option<NaiveDate>,
    /// The driver was reloaded at 06:00 of that day: counters start at 0.
    pub reset: Option<NaiveDate>,
    /// Pods are labelled `exported_pod`, as a Prometheus without honor_labels does.
    pub exported: bool,
}

/// Hours of an instance type that are paid for, used or not.
pub(super) struct Commitment {
    pub id: &'static str,
    pub name: &'static str,
    pub instance_type: &'static str,
    pub instances: u32,
    /// Per instance and hour.
    pub rate: &'static str,
    pub list_rate: &'static str,
    pub bill: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    V1_0,
    V1_2,
    V1_3,
}

pub(super) struct Bill {
    /// Folder, and with it the name of the source.
    pub source: &'static str,
    pub focus: Focus,
    pub issuer: &'static str,
    pub currency: &'static str,
    pub account: (&'static str, &'static str),
    pub sub_account: (&'static str, &'static str),
    pub region: &'static str,
    /// Index of the model providers whose tokens it bills.
    pub providers: Vec<usize>,
    pub service: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    Monthly,
    Daily,
    /// In that month (1 to 12) only.
    Once(u32),
}

/// A charge that comes back with every bill.
pub(super) struct Flat {
    pub bill: usize,
    pub rate: Rate,
    pub provider: &'static str,
    pub service: &'static str,
    pub category: &'static str,
    pub charge_category: &'static str,
    pub correction: bool,
    pub description: &'static str,
    pub sku: &'static str,
    pub meter: &'static str,
    pub unit_price: &'static str,
    pub quantity: i128,
    pub unit: &'static str,
    /// Quantity in the last month over the first.
    pub growth: f64,
    pub resource: &'static str,
    pub tags: &'static str,
    /// Booked on another account than the bill's own.
    pub sub_account: Option<(&'static str, &'static str)>,
}

impl Default for Flat {
    fn default() -> Self {
        Flat {
            bill: 0,
            rate: Rate::Monthly,
            provider: "",
            service: "",
            category: "Other",
            charge_category: "Usage",
            correction: false,
            description: "",
            sku: "",
            meter: "",
            unit_price: "0",
            quantity: 1,
            unit: "Units",
            growth: 1.0,
            resource: "",
            tags: "",
            sub_account: None,
        }
    }
}

/// Many ordinary cloud resources, billed by the day or by the hour.
pub(super) struct Fleet {
    pub bill: usize,
    pub provider: &'static str,
    pub services: Vec<(&'static str, &'static str, &'static str)>,
    pub resources: u64,
    pub hourly: bool,
    pub tags: Vec<&'static str>,
}
