//! Who makes the increase, and who makes it uncertain.
//!
//! By driver: against the same paths without shocks. By shock: what its absence would spare; what only
//! shocks together cause stands as `together`. The tornado plays every shock alone on the forecast, and the
//! forecast's own error without any shock: how far each moves spend in good and in bad cases.

use super::outcome::{mean, spread};
use super::overflow;
use super::scenario::Noise;
use super::simulate::{Active, Found, Plan, Simulation};
use super::table::Table;
use crate::base::{Result, money};
use crate::frame::{Frame, Role};
use std::collections::BTreeMap;

/// The contributor that is no shock.
pub(super) const FORECAST_ERROR: &str = "error of the forecast";

/// One part of the increase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contribution {
    pub by: &'static str,
    pub name: String,
    pub increase: i128,
}

/// One bar of the tornado: spend over the forecast when only this happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swing {
    pub name: String,
    pub low: i128,
    pub middle: i128,
    pub high: i128,
    pub mean: i128,
    /// What the whole would be lower by without it; the forecast's error cannot be switched off.
    pub spared: Option<i128>,
}

/// The plans that `take` reads, after the one with everything: no shocks, and of every shock all but it,
/// and it alone.
pub(super) fn plans(simulation: &Simulation<'_>, noise: Noise, today: &[super::position::Mix]) -> Vec<Plan> {
    let plan = |active, noise| Plan {
        active,
        noise,
        mixes: vec![today.to_vec()],
        detail: false,
    };
    let shocks = 0..simulation.shocks.len();
    let but = shocks.clone().map(|at| plan(Active::AllBut(at), noise));
    let only = shocks.map(|at| plan(Active::Only(at), Noise::None));
    std::iter::once(plan(Active::None, noise))
        .chain(but)
        .chain(only)
        .collect()
}

fn total(found: &Found) -> Result<i128> {
    found
        .drivers
        .iter()
        .try_fold(0_i128, |sum, d| sum.checked_add(*d))
        .ok_or_else(overflow)
}

/// Mean spend of a plan, whose paths may be one for all.
fn mean_of(found: &Found) -> Result<i128> {
    mean([total(found)?].into_iter(), found.paths)
}

/// The increase by driver and by shock, and the tornado. `rest` are the runs of `plans`.
pub(super) fn take(
    simulation: &Simulation<'_>,
    shocked: &Found,
    rest: &[Found],
    forecast: i128,
) -> Result<(Vec<Contribution>, Vec<Swing>)> {
    let Some((calm, rest)) = rest.split_first() else {
        return Ok((Vec::new(), Vec::new()));
    };
    let (but, only) = rest.split_at(simulation.shocks.len());
    let mut by_driver: BTreeMap<String, i128> = BTreeMap::new();
    for (at, name) in simulation.world.driver_names().into_iter().enumerate() {
        let increase = mean([shocked.drivers[at]].into_iter(), shocked.paths)?
            - mean([calm.drivers[at]].into_iter(), calm.paths)?;
        *by_driver.entry(name).or_default() += increase;
    }
    let mut parts: Vec<Contribution> = by_driver
        .into_iter()
        .filter(|(_, increase)| *increase != 0)
        .map(|(name, increase)| Contribution {
            by: "driver",
            name,
            increase,
        })
        .collect();
    let all = mean_of(shocked)?;
    let mut together = all - mean_of(calm)?;
    let mut swings = Vec::with_capacity(simulation.shocks.len() + 1);
    for ((shock, but), only) in simulation.shocks.iter().zip(but).zip(only) {
        let spared = all - mean_of(but)?;
        together -= spared;
        parts.push(Contribution {
            by: "shock",
            name: shock.name.clone(),
            increase: spared,
        });
        swings.push(swing(&shock.name, only, forecast, Some(spared))?);
    }
    // Means are rounded one by one: a leftover of their last digits is none.
    if together.abs() > 10 * (simulation.shocks.len() as i128 + 1) {
        parts.push(Contribution {
            by: "shock",
            name: "together".to_owned(),
            increase: together,
        });
    }
    parts.sort_by(|a, b| (a.by, b.increase.abs(), &a.name).cmp(&(b.by, a.increase.abs(), &b.name)));
    let noise = swing(FORECAST_ERROR, calm, forecast, None)?;
    if (noise.low, noise.high) != (0, 0) {
        swings.push(noise);
    }
    let reach = |s: &Swing| s.high.max(0) - s.low.min(0);
    swings.sort_by(|a, b| reach(b).cmp(&reach(a)).then_with(|| a.name.cmp(&b.name)));
    Ok((parts, swings))
}

fn swing(name: &str, found: &Found, forecast: i128, spared: Option<i128>) -> Result<Swing> {
    let spread = spread(&found.runs[0].totals)?;
    Ok(Swing {
        name: name.to_owned(),
        low: spread.p10 - forecast,
        middle: spread.p50 - forecast,
        high: spread.p90 - forecast,
        mean: mean_of(found)? - forecast,
        spared,
    })
}

/// `by` (`driver` or `shock`), `name, currency, increase, share`.
pub(super) fn frame(parts: &[Contribution], currency: &str) -> Result<Frame> {
    let increase: i128 = parts
        .iter()
        .filter(|p| p.by == "driver")
        .map(|p| p.increase)
        .sum();
    Table::default()
        .texts("by", parts.iter().map(|p| p.by))
        .texts("name", parts.iter().map(|p| p.name.as_str()))
        .currency(currency, parts.len())
        .money("increase", parts.iter().map(|p| p.increase))?
        .decimals(
            "share",
            Role::Ratio,
            "",
            parts.iter().map(|p| money::ratio(p.increase, increase)),
        )?
        .frame()
}

/// `contributor, currency, p10, p50, p90, mean, spared`: over the forecast, the widest first.
pub(super) fn tornado(swings: &[Swing], currency: &str) -> Result<Frame> {
    Table::default()
        .texts("contributor", swings.iter().map(|s| s.name.as_str()))
        .currency(currency, swings.len())
        .money("p10", swings.iter().map(|s| s.low))?
        .money("p50", swings.iter().map(|s| s.middle))?
        .money("p90", swings.iter().map(|s| s.high))?
        .money("mean", swings.iter().map(|s| s.mean))?
        .decimals("spared", Role::Money, "", swings.iter().map(|s| s.spared))?
        .frame()
}
