//! What a drill answers: frames for charts and tables, a verdict, and a summary in words.

use super::budget::{Budget, quantile};
use super::commitment::{Advice, OPTIMUM};
use super::compare::Compared;
use super::forecaster::BackTest;
use super::overflow;
use super::simulate::{Detail, Run};
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
    /// `contributor, currency, p10, p50, p90, mean, spared`: spend over the forecast when only this happens.
    pub tornado: Frame,
    /// One row per purchase mix, `today` first: counts, percentiles, breach, saving against today.
    pub decisions: Frame,
    /// The same mixes and one with nothing reserved: mean given up, P95 and CVaR gained by each.
    pub hedges: Frame,
    /// The position book: what is held, at which price, for how long, and its mark to the index.
    pub book: Frame,
    /// One row per GPU pool: prices, break-even utilisation, demand, newsvendor quantile and optimum.
    pub pools: Frame,
    /// On which processes of prices the drill rests, with the errors of what was fitted.
    pub processes: Frame,
    /// What the reader must know to trust the numbers.
    pub notes: Vec<String>,
    /// A few sentences for somebody who signs budgets.
    pub summary: String,
    /// Those of the sentences that no figure tells.
    pub findings: Vec<String>,
}

/// What `drill run --table` takes.
pub const TABLES: [&str; 8] = [
    "decisions",
    "hedges",
    "book",
    "pools",
    "tornado",
    "contributors",
    "processes",
    "fan",
];

impl Outcome {
    /// A frame by its name in `TABLES`.
    pub fn table(&self, name: &str) -> Option<&Frame> {
        Some(match name {
            "decisions" => &self.decisions,
            "hedges" => &self.hedges,
            "book" => &self.book,
            "pools" => &self.pools,
            "tornado" => &self.tornado,
            "contributors" => &self.contributors,
            "processes" => &self.processes,
            "fan" => &self.fan,
            _ => return None,
        })
    }
}

/// Total spend over the horizon, over all paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub p10: i128,
    pub p50: i128,
    pub p90: i128,
    pub p95: i128,
    /// Mean of the dearest twentieth of the paths.
    pub cvar95: i128,
    pub mean: i128,
    /// Share of paths that break the budget (scale 18).
    pub breach_probability: i128,
}

/// Total spend of one run.
pub(super) fn digest(run: &Run) -> Result<Totals> {
    let mut totals = spread(&run.totals)?;
    totals.breach_probability =
        money::ratio(run.breaches.len() as i128, run.totals.len() as i128).ok_or_else(overflow)?;
    Ok(totals)
}

/// The distribution of some totals, whatever they are held against.
pub(super) fn spread(totals: &[i128]) -> Result<Totals> {
    let mut sorted = totals.to_vec();
    sorted.sort_unstable();
    let at = |percent: i128| quantile(&sorted, percent * money::ONE / 100).ok_or_else(overflow);
    // What lies above the rank of the P95; of few paths the dearest one.
    let tail = (sorted.len() - (sorted.len() * 95).div_ceil(100)).max(1);
    let worst = sorted.get(sorted.len().saturating_sub(tail)..).unwrap_or(&sorted);
    Ok(Totals {
        p10: at(10)?,
        p50: at(50)?,
        p90: at(90)?,
        p95: at(95)?,
        cvar95: mean(worst.iter().copied(), worst.len())?,
        mean: mean(sorted.iter().copied(), sorted.len())?,
        breach_probability: 0,
    })
}

pub(super) fn mean(values: impl Iterator<Item = i128>, count: usize) -> Result<i128> {
    let sum = values.fold(i256::ZERO, |sum, v| sum.wrapping_add(i256::from_i128(v)));
    money::div_half_even(sum, i256::from_i128(count as i128)).ok_or_else(overflow)
}

/// Cumulative percentiles by day, beside the forecast and the budget.
pub(super) fn fan(
    run: &Detail,
    base: &Detail,
    budget: &Budget,
    start: NaiveDate,
    currency: &str,
) -> Result<Frame> {
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

/// One row per pool. `compared` has the newsvendor's answers, played on the same paths.
pub(super) fn pools(rows: &[Advice], compared: &[Compared], currency: &str) -> Result<Frame> {
    let today = compared.first().map(|c| c.totals);
    let saved = |r: &Advice, pick: fn(&Totals) -> i128| {
        let best = compared.iter().find(|c| c.name == OPTIMUM && c.pool == r.pool)?;
        Some(pick(&today?) - pick(&best.totals))
    };
    let optimum = |r: &Advice| r.optimum.as_ref().map(|(gpus, _)| i128::from(*gpus) * money::ONE);
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
            "serving_share",
            Role::Ratio,
            "",
            rows.iter().map(|r| r.serving_share),
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
        .decimals(
            "optimum_mean_saving",
            Role::Money,
            "",
            rows.iter().map(|r| saved(r, |t| t.mean)),
        )?
        .decimals(
            "optimum_p90_saving",
            Role::Money,
            "",
            rows.iter().map(|r| saved(r, |t| t.p90)),
        )?
        .frame()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_tail_is_the_dearest_twentieth() {
        let hundred: Vec<i128> = (1..=100).rev().collect();
        let spread = spread(&hundred).unwrap();
        // 96, 97, 98, 99 and 100 lie above the P95.
        assert_eq!((spread.p95, spread.cvar95, spread.p10), (95, 98, 10));
        let few = super::spread(&[3, 1]).unwrap();
        assert_eq!((few.p95, few.cvar95, few.mean), (3, 3, 2));
        assert!(super::spread(&[]).is_err());
    }
}
