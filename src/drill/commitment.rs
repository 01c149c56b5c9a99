//! How many GPUs to commit to. A reserved GPU-hour pays when it is used more than the break-even share
//! `u* = p_reserved / p_on-demand` of the time; so the best commitment covers the quantile
//! `q* = 1 − u*` of the demand that is left after owned and spot GPUs (the newsvendor's answer).

use super::budget::quantile;
use super::overflow;
use super::position::{FixedMix, ON_DEMAND, OWNED, RESERVED, SPOT, day_hours, marginal_price};
use super::simulate::Run;
use super::world::{World, WorldPool};
use crate::base::{Result, money};

/// The name of the computed decision in comparisons.
pub(super) const OPTIMUM: &str = "newsvendor optimum";

/// What the simulated demand says about one pool.
#[derive(Debug, Clone)]
pub(super) struct Advice {
    pub pool: String,
    /// Mean on-demand price over the simulated days, shocks included.
    pub on_demand_price: Option<i128>,
    pub reserved_price: Option<i128>,
    /// `p_reserved / p_on-demand`.
    pub break_even: Option<i128>,
    /// Share of the committed hours that demand fills.
    pub committed_utilization: Option<i128>,
    /// GPUs of today's forecast (scale 18).
    pub reserved_today: i128,
    pub owned_today: i128,
    pub spot_today: i128,
    pub demand_p10: i128,
    pub demand_p50: i128,
    pub demand_p90: i128,
    /// `1 − p_reserved / p_on-demand`.
    pub quantile: Option<i128>,
    pub optimum: Option<FixedMix>,
}

pub(super) fn advise(world: &World, run: &Run) -> Result<Vec<Advice>> {
    world
        .pools
        .iter()
        .enumerate()
        .map(|(at, pool)| one(world, run, at, pool).ok_or_else(overflow))
        .collect()
}

fn one(world: &World, run: &Run, at: usize, pool: &WorldPool) -> Option<Advice> {
    let mut demand = run.demand[at].clone();
    demand.sort_unstable();
    let gpus = |hours: i128| money::ratio(hours, day_hours(1));
    let mean_gpus = |kind: usize| {
        let hours: i128 = pool.positions[kind].hours.iter().sum();
        gpus(hours / world.days as i128)
    };
    let demand_at = |percent: i128| gpus(quantile(&demand, percent * money::ONE / 100)?);
    let path_days = demand.len() as i128;
    let factor = run.on_demand_price[at] / path_days.max(1);
    let known = pool.hours_known && pool.positions[ON_DEMAND].price.is_some();
    let on_demand_price = match known {
        true => Some(money::mul(marginal_price(pool, ON_DEMAND), factor)?),
        false => None,
    };
    let reserved_price = pool.positions[RESERVED].price.filter(|_| pool.hours_known);
    let break_even = on_demand_price
        .zip(reserved_price)
        .and_then(|(od, res)| money::ratio(res, od));
    let wanted = break_even.map(|u| (money::ONE - u).max(0));
    let (owned, spot) = (whole(mean_gpus(OWNED)?), whole(mean_gpus(SPOT)?));
    let optimum = match (wanted, reserved_price) {
        (Some(q), Some(reserved_price)) => {
            // Smallest number of GPUs whose hours cover the quantile.
            let hours = if q == 0 { 0 } else { quantile(&demand, q)? };
            let covering = u32::try_from((hours + day_hours(1) - 1) / day_hours(1)).ok()?;
            let price = |kind: usize| pool.positions[kind].price.unwrap_or(0);
            Some(FixedMix {
                reserved: covering.saturating_sub(owned + spot),
                owned,
                spot,
                prices: [
                    marginal_price(pool, ON_DEMAND),
                    reserved_price,
                    price(SPOT),
                    price(OWNED),
                ],
            })
        }
        _ => None,
    };
    Some(Advice {
        pool: pool.name.clone(),
        on_demand_price,
        reserved_price,
        break_even,
        committed_utilization: committed_utilization(pool, &run.demand[at], world.days)?,
        reserved_today: mean_gpus(RESERVED)?,
        owned_today: mean_gpus(OWNED)?,
        spot_today: mean_gpus(SPOT)?,
        demand_p10: demand_at(10)?,
        demand_p50: demand_at(50)?,
        demand_p90: demand_at(90)?,
        quantile: wanted.filter(|_| optimum.is_some()),
        optimum,
    })
}

/// To whole GPUs, halves up.
fn whole(gpus: i128) -> u32 {
    u32::try_from((gpus + money::ONE / 2) / money::ONE).unwrap_or(u32::MAX / 4)
}

/// Outer `None` on overflow, inner where nothing is committed.
fn committed_utilization(pool: &WorldPool, demand: &[i128], days: usize) -> Option<Option<i128>> {
    let committed: Vec<i128> = (0..days)
        .map(|d| pool.positions[RESERVED].hours[d] + pool.positions[OWNED].hours[d])
        .collect();
    let (mut used, mut paid) = (0_i128, 0_i128);
    for path in demand.chunks_exact(days) {
        for (wanted, hours) in path.iter().zip(&committed) {
            used = used.checked_add(*wanted.min(hours))?;
            paid = paid.checked_add(*hours)?;
        }
    }
    Some(money::ratio(used, paid))
}
