//! One day of one GPU pool: who covers the demand, and what it costs under today's purchases or
//! under a decision. Committed GPUs (reserved, owned) come first and are paid whether used or not;
//! demand above them is bought.

use super::factor::{Factor, share_of};
use super::scenario::Decision;
use super::world::WorldPool;
use crate::base::{Error, Result, money};

/// Between a pool and a purchase kind in a driver's name.
pub(super) const POOL_SEPARATOR: &str = " GPUs, ";

pub(super) const ON_DEMAND: usize = 0;
pub(super) const RESERVED: usize = 1;
pub(super) const SPOT: usize = 2;
pub(super) const OWNED: usize = 3;

/// What the shocks of a path have made of one day of one pool.
#[derive(Debug, Clone)]
pub struct PoolDay {
    /// GPU-hours wanted.
    pub demand: i128,
    /// On the prices, in the order of `PURCHASES`.
    pub price: [Factor; 4],
    /// Hours lost to reclaims, per spot hour.
    pub spot_overhead: Factor,
    /// Share of the reserved GPUs that is still there.
    pub reserved_kept: Factor,
}

impl PoolDay {
    pub(super) fn calm(demand: i128) -> PoolDay {
        PoolDay {
            demand,
            price: [Factor::ONE; 4],
            spot_overhead: Factor::ZERO,
            reserved_kept: Factor::ONE,
        }
    }
}

/// How a pool is paid for in one run.
#[derive(Debug, Clone)]
pub(super) enum Mix {
    Today,
    Fixed(FixedMix),
}

/// GPU counts and prices of a decision, resolved.
#[derive(Debug, Clone)]
pub(super) struct FixedMix {
    pub reserved: u32,
    pub owned: u32,
    pub spot: u32,
    /// Per GPU-hour, in the order of `PURCHASES`.
    pub prices: [i128; 4],
}

/// GPU-hours of `gpus` devices around the clock.
pub(super) fn day_hours(gpus: u32) -> i128 {
    i128::from(gpus) * 24 * money::ONE
}

impl FixedMix {
    /// Prices come from the decision, else from the drill file or history.
    pub(super) fn new(decision: &Decision, pool: &WorldPool) -> Result<FixedMix> {
        if !pool.hours_known {
            return Err(Error::config(format!(
                "decision '{}': {} has no GPU-hours",
                decision.name, pool.name
            ))
            .advise(
                "a decision needs the hours of its pool: is its telemetry or its gpu_nodes entry missing?",
            ));
        }
        let price = |at: usize, own: Option<super::value::Amount>, needed: bool, key: &str| match own
            .map(|a| a.0)
            .or(pool.positions[at].price)
        {
            Some(price) => Ok(price),
            None if !needed => Ok(0),
            None => Err(Error::config(format!(
                "decision '{}': {} has no {key}",
                decision.name, pool.name
            ))
            .advise(format!(
                "history shows none; give {key} in the decision or gpu.prices"
            ))),
        };
        Ok(FixedMix {
            reserved: decision.reserved,
            owned: decision.owned,
            spot: decision.spot,
            prices: [
                price(ON_DEMAND, decision.on_demand_price, true, "on_demand_price")?,
                price(
                    RESERVED,
                    decision.reserved_price,
                    decision.reserved > 0,
                    "reserved_price",
                )?,
                price(SPOT, decision.spot_price, decision.spot > 0, "spot_price")?,
                price(OWNED, decision.owned_price, decision.owned > 0, "owned_price")?,
            ],
        })
    }
}

/// Cost of the day by purchase kind. `None` on overflow.
pub(super) fn settle(pool: &WorldPool, at: usize, day: &PoolDay, mix: &Mix) -> Option<[i128; 4]> {
    let mut costs = match mix {
        Mix::Today => settle_today(pool, at, day)?,
        Mix::Fixed(fixed) => settle_fixed(day, fixed)?,
    };
    for (cost, price) in costs.iter_mut().zip(day.price) {
        *cost = price.apply(*cost)?;
    }
    costs[SPOT] = costs[SPOT].checked_add(day.spot_overhead.apply(costs[SPOT])?)?;
    Some(costs)
}

fn settle_today(pool: &WorldPool, at: usize, day: &PoolDay) -> Option<[i128; 4]> {
    let hours = |k: usize| pool.positions[k].hours[at];
    let spend = |k: usize| pool.positions[k].spend[at];
    let committed = hours(RESERVED) + hours(OWNED);
    let left = day.reserved_kept.apply(hours(RESERVED))? + hours(OWNED);
    // Growth is bought in today's proportion of spot; what replaces a lost commitment, on demand.
    let bought = (day.demand - committed).max(0);
    let replaced = (day.demand - left).max(0) - bought;
    let spot = match hours(ON_DEMAND) + hours(SPOT) {
        0 => 0,
        base => share_of(bought, hours(SPOT), base)?,
    };
    Some([
        bought_cost(pool, at, ON_DEMAND, bought - spot + replaced)?,
        day.reserved_kept.apply(spend(RESERVED))?,
        bought_cost(pool, at, SPOT, spot)?,
        spend(OWNED),
    ])
}

/// Hours of a kind that is bought as needed: the forecast's spend in proportion, so that unchanged
/// hours cost exactly the forecast; without forecast hours, at the known price.
fn bought_cost(pool: &WorldPool, at: usize, kind: usize, hours: i128) -> Option<i128> {
    let position = &pool.positions[kind];
    match position.hours[at] {
        0 => position.spend[at].checked_add(money::mul(hours, marginal_price(pool, kind))?),
        base => share_of(position.spend[at], hours, base),
    }
}

/// The price of an hour more. Where a pool has none of this kind, its dearest known price stands in.
pub(super) fn marginal_price(pool: &WorldPool, kind: usize) -> i128 {
    let dearest = || pool.positions.iter().filter_map(|p| p.price).max();
    pool.positions[kind].price.or_else(dearest).unwrap_or(0)
}

fn settle_fixed(day: &PoolDay, mix: &FixedMix) -> Option<[i128; 4]> {
    let reserved = day.reserved_kept.apply(day_hours(mix.reserved))?;
    let owned = day_hours(mix.owned);
    let bought = (day.demand - reserved - owned).max(0);
    let spot = bought.min(day_hours(mix.spot));
    Some([
        money::mul(bought - spot, mix.prices[ON_DEMAND])?,
        money::mul(reserved, mix.prices[RESERVED])?,
        money::mul(spot, mix.prices[SPOT])?,
        money::mul(owned, mix.prices[OWNED])?,
    ])
}
