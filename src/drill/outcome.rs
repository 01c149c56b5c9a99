//! What a drill answers: frames for charts and tables, a verdict, and a summary in words.

use super::baseline::BackTest;
use super::budget::{Budget, quantile};
use super::commitment::Advice;
use super::overflow;
use super::simulate::Run;
use super::table::Table;
use crate::base::{Result, money};
use crate::frame::{Frame, Role};
use arrow::datatypes::i256;
use chrono::NaiveDate;

/// Everything a drill found. Frames only, no pictures.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub title: String,
    pub description: String,
    pub currency: String,
    /// First simulated day.
    pub start: NaiveDate,
    pub horizon_days: usize,
    pub paths: usize,
    pub seed: u64,
    /// Spend over the horizon without shocks or noise.
    pub forecast: i128,
    pub totals: Totals,
    /// The budget of one period.
    pub budget: i128,
    /// Median day of the first breach, of the paths that breach.
    pub breach_date: Option<NaiveDate>,
    /// False: the drill fails its criterion and the command exits with 3.
    pub passed: bool,
    /// What the criterion asked and whether each part held, in words.
    pub verdict: String,
    pub back_test: BackTest,
    /// `day, p10, p50, p90, base, budget, currency`: cumulative spend, for the chart `fan`.
    pub fan: Frame,
    /// `by` (`driver` or `shock`), `name, currency, increase, share`: mean increase over no shocks.
    pub contributors: Frame,
    /// One row per purchase mix, `today` first: counts, percentiles, breach, saving against today.
    pub decisions: Frame,
    /// One row per GPU pool: prices, break-even utilisation, demand, newsvendor quantile and optimum.
    pub pools: Frame,
    /// What the reader must know to trust the numbers.
    pub notes: Vec<String>,
    /// A few sentences for somebody who signs budgets.
    pub summary: String,
}

/// Total spend over the horizon, over all paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub p10: i128,
    pub p50: i128,
    pub p90: i128,
    pub mean: i128,
    /// Share of paths that break the budget (scale 18).
    pub breach_probability: i128,
}

/// Total spend of one run, and the days its paths break the budget on, in order.
pub(super) fn digest(run: &Run, budget: &Budget) -> Result<(Totals, Vec<usize>)> {
    let mut totals = run.totals();
    totals.sort_unstable();
    let mut breaches: Vec<usize> = run.paths().filter_map(|path| budget.breach(path)).collect();
    breaches.sort_unstable();
    let at = |percent: i128| quantile(&totals, percent * money::ONE / 100).ok_or_else(overflow);
    let digest = Totals {
        p10: at(10)?,
        p50: at(50)?,
        p90: at(90)?,
        mean: mean(totals.iter().copied(), totals.len())?,
        breach_probability: money::ratio(breaches.len() as i128, totals.len() as i128)
            .ok_or_else(overflow)?,
    };
    Ok((digest, breaches))
}

pub(super) fn mean(values: impl Iterator<Item = i128>, count: usize) -> Result<i128> {
    let sum = values.fold(i256::ZERO, |sum, v| sum.wrapping_add(i256::from_i128(v)));
    money::div_half_even(sum, i256::from_i128(count as i128)).ok_or_else(overflow)
}

/// Cumulative percentiles by day, beside the forecast and the budget.
pub(super) fn fan(run: &Run, base: &Run, budget: &Budget, start: NaiveDate, currency: &str) -> Result<Frame> {
    let mut bands: [Vec<i128>; 3] = Default::default();
    for day in 0..run.days {
        let mut spent: Vec<i128> = run.paths().map(|path| path[day]).collect();
        spent.sort_unstable();
        for (band, percent) in bands.iter_mut().zip([10, 50, 90]) {
            band.push(quantile(&spent, percent * money::ONE / 100).ok_or_else(overflow)?);
        }
    }
    let [p10, p50, p90] = bands;
    Table::default()
        .days("day", (0..run.days).map(|d| super::inputs::add_days(start, d)))
        .money("p10", p10.into_iter())?
        .money("p50", p50.into_iter())?
        .money("p90", p90.into_iter())?
        .money("base", base.cumulative.iter().copied())?
        .money("budget", budget.allowance().into_iter())?
        .currency(currency, run.days)
        .frame()
}

/// One part of the increase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contribution {
    pub by: &'static str,
    pub name: String,
    pub increase: i128,
}

pub(super) fn contributors(parts: &[Contribution], total: i128, currency: &str) -> Result<Frame> {
    Table::default()
        .texts("by", parts.iter().map(|p| p.by))
        .texts("name", parts.iter().map(|p| p.name.as_str()))
        .currency(currency, parts.len())
        .money("increase", parts.iter().map(|p| p.increase))?
        .decimals(
            "share",
            Role::Ratio,
            "",
            parts.iter().map(|p| money::ratio(p.increase, total)),
        )?
        .frame()
}

/// One purchase mix and what it came to.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    pub name: String,
    pub pool: String,
    /// GPUs (scale 18); today's are a mean.
    pub reserved: Option<i128>,
    pub owned: Option<i128>,
    pub spot: Option<i128>,
    pub totals: Totals,
    /// Still to be paid for the commitment after the horizon; `None` where no term is stated.
    pub owed: Option<i128>,
}

pub(super) fn decisions(rows: &[Compared], today: &Totals, currency: &str) -> Result<Frame> {
    Table::default()
        .texts("decision", rows.iter().map(|r| r.name.as_str()))
        .texts("pool", rows.iter().map(|r| r.pool.as_str()))
        .decimals("reserved", Role::Measure, "GPUs", rows.iter().map(|r| r.reserved))?
        .decimals("owned", Role::Measure, "GPUs", rows.iter().map(|r| r.owned))?
        .decimals("spot", Role::Measure, "GPUs", rows.iter().map(|r| r.spot))?
        .currency(currency, rows.len())
        .money("p10", rows.iter().map(|r| r.totals.p10))?
        .money("p50", rows.iter().map(|r| r.totals.p50))?
        .money("p90", rows.iter().map(|r| r.totals.p90))?
        .money("mean", rows.iter().map(|r| r.totals.mean))?
        .decimals(
            "breach_probability",
            Role::Ratio,
            "",
            rows.iter().map(|r| Some(r.totals.breach_probability)),
        )?
        .money("mean_saving", rows.iter().map(|r| today.mean - r.totals.mean))?
        .money("p90_saving", rows.iter().map(|r| today.p90 - r.totals.p90))?
        .decimals("owed_after", Role::Money, "", rows.iter().map(|r| r.owed))?
        .frame()
}

pub(super) fn pools(rows: &[Advice], currency: &str) -> Result<Frame> {
    let optimum = |r: &Advice| r.optimum.as_ref().map(|m| i128::from(m.reserved) * money::ONE);
    Table::default()
        .texts("pool", rows.iter().map(|r| r.pool.as_str()))
        .currency(currency, rows.len())
        .decimals(
            "on_demand_price",
            Role::Money,
            "per GPU-hour",
            rows.iter().map(|r| r.on_demand_price),
        )?
        .decimals(
            "reserved_price",
            Role::Money,
            "per GPU-hour",
            rows.iter().map(|r| r.reserved_price),
        )?
        .decimals(
            "break_even_utilization",
            Role::Ratio,
            "",
            rows.iter().map(|r| r.break_even),
        )?
        .decimals(
            "committed_utilization",
            Role::Ratio,
            "",
            rows.iter().map(|r| r.committed_utilization),
        )?
        .decimals(
            "demand_p10",
            Role::Measure,
            "GPUs",
            rows.iter().map(|r| Some(r.demand_p10)),
        )?
        .decimals(
            "demand_p50",
            Role::Measure,
            "GPUs",
            rows.iter().map(|r| Some(r.demand_p50)),
        )?
        .decimals(
            "demand_p90",
            Role::Measure,
            "GPUs",
            rows.iter().map(|r| Some(r.demand_p90)),
        )?
        .decimals(
            "newsvendor_quantile",
            Role::Ratio,
            "",
            rows.iter().map(|r| r.quantile),
        )?
        .decimals(
            "reserved_today",
            Role::Measure,
            "GPUs",
            rows.iter().map(|r| Some(r.reserved_today)),
        )?
        .decimals(
            "reserved_optimum",
            Role::Measure,
            "GPUs",
            rows.iter().map(optimum),
        )?
        .frame()
}
