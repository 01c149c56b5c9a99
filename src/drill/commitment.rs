//! How many GPUs to commit to: the newsvendor's question. A reserved GPU-hour pays when it spares more than
//! it costs: above the break-even use `u* = p_reserved / p_on-demand`. With one price that covers the quantile
//! `q* = 1 − u*` of the demand that is left after owned GPUs. Prices that move with demand weigh each hour by
//! what buying it would have cost, and where spot GPUs come first, an hour spares the spot price only.

use super::factor::Factor;
use super::inputs::Purchase;
use super::overflow;
use super::position::{Mix, ON_DEMAND, OWNED, PoolDay, RESERVED, Reserved, SPOT, day_hours, marginal_price};
use super::simulate::{Detail, spot_weight};
use super::world::{World, WorldPool};
use super::{budget::quantile, holding::Holding};
use crate::base::{Result, money};
use arrow::datatypes::i256;
use std::collections::BTreeMap;

/// The name of the computed decision in comparisons.
pub(super) const OPTIMUM: &str = "newsvendor optimum";
/// Hours are counted in millionths here: their sums over all paths, weighted by prices, stay within 128 bits.
const HOUR: i128 = 1_000_000;
const GPU: i128 = 24 * HOUR;

/// Demand over all path-days by whole GPUs: what is above owned and spot GPUs, weighted by the price factors
/// of on-demand hours, and what is above owned ones and above both, weighted by those of spot hours.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    steps: BTreeMap<u32, [Step; 3]>,
    /// Σ of the factors on the price of what is reserved.
    reserved: i128,
}

/// Days whose demand ends between a number of GPUs and the next.
#[derive(Debug, Default, Clone, Copy)]
struct Step {
    /// Σ weights.
    weight: i128,
    /// Σ weights × what lies above the lower number, in millionths of hours.
    part: i128,
}

impl Ladder {
    /// Counts a day. A day on which commitments are lost counts as much of it as is left.
    pub(super) fn count(&mut self, pool: &WorldPool, day: usize, state: &PoolDay) -> Option<()> {
        let kept = state.reserved_kept;
        let weigh = |f: Factor| Some(f.then(kept)?.nanos());
        let above_owned = state.demand - pool.hours_held(OWNED, day);
        let above_both = above_owned - pool.hours_held(SPOT, day);
        let (bought, from_spot) = (weigh(state.price[ON_DEMAND])?, weigh(spot_weight(state)?)?);
        let counted = [
            (above_both, bought),
            (above_owned, from_spot),
            (above_both, from_spot),
        ];
        for (kind, (hours, weight)) in counted.into_iter().enumerate() {
            let hours = hours.max(0) / (money::ONE / HOUR);
            let at = u32::try_from(hours / GPU).ok()?;
            let step = &mut self.steps.entry(at).or_default()[kind];
            step.weight = step.weight.checked_add(weight)?;
            step.part = step.part.checked_add(weight.checked_mul(hours % GPU)?)?;
        }
        self.reserved = self.reserved.checked_add(weigh(state.price[RESERVED])?)?;
        Some(())
    }

    pub(super) fn add(&mut self, more: &Ladder) -> Option<()> {
        self.reserved = self.reserved.checked_add(more.reserved)?;
        for (at, steps) in &more.steps {
            for (step, more) in self.steps.entry(*at).or_default().iter_mut().zip(steps) {
                step.weight = step.weight.checked_add(more.weight)?;
                step.part = step.part.checked_add(more.part)?;
            }
        }
        Some(())
    }

    /// Weighted hours that one GPU more would fill when there are `gpus` already.
    fn filled(&self, gpus: u32, kind: usize) -> Option<i128> {
        let mut sum = 0_i128;
        for (at, steps) in self.steps.range(gpus..) {
            let step = &steps[kind];
            let hours = if *at == gpus {
                step.part
            } else {
                step.weight.checked_mul(GPU)?
            };
            sum = sum.checked_add(hours)?;
        }
        Some(sum)
    }

    /// The smallest number of reserved GPUs to which one more would not pay. Prices are per GPU-hour.
    fn optimum(&self, reserved: i128, on_demand: i128, spot: i128) -> Option<u32> {
        let wide = i256::from_i128;
        let costs = wide(self.reserved.checked_mul(GPU)?).checked_mul(wide(reserved))?;
        let most = self.steps.keys().next_back().map_or(0, |top| top + 1);
        for gpus in 0..most {
            let bought = wide(self.filled(gpus, 0)?).checked_mul(wide(on_demand))?;
            let from_spot = self.filled(gpus, 1)? - self.filled(gpus, 2)?;
            let spares = bought.checked_add(wide(from_spot).checked_mul(wide(spot))?)?;
            if spares <= costs {
                return Some(gpus);
            }
        }
        Some(most)
    }
}

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
    /// Share of the provisioned hours of the last 28 days that served anybody.
    pub serving_share: Option<i128>,
    /// GPUs of today's forecast (scale 18).
    pub reserved_today: i128,
    pub demand_p10: i128,
    pub demand_p50: i128,
    pub demand_p90: i128,
    /// `1 − p_reserved / p_on-demand`.
    pub quantile: Option<i128>,
    /// Reserved GPUs, and the way to pay with them.
    pub optimum: Option<(u32, Mix)>,
}

pub(super) fn advise(world: &World, detail: &Detail) -> Result<Vec<Advice>> {
    world
        .pools
        .iter()
        .zip(&detail.pools)
        .map(|(pool, seen)| {
            let mut demand = seen.demand.clone();
            demand.sort_unstable();
            let mut advice = one(world, pool, &demand, seen.on_demand_price).ok_or_else(overflow)?;
            advice.committed_utilization =
                utilization(pool, &seen.demand, world.days).ok_or_else(overflow)?;
            if let (Some(od), Some(res), true) = (
                pool.positions[ON_DEMAND].price,
                advice.reserved_price,
                pool.hours_known,
            ) {
                advice.optimum = Some(optimum(world, pool, &seen.ladder, res, od)?);
            }
            advice.quantile = advice
                .break_even
                .filter(|_| advice.optimum.is_some())
                .map(|u| (money::ONE - u).max(0));
            Ok(advice)
        })
        .collect()
}

fn one(world: &World, pool: &WorldPool, demand: &[i128], price_sum: i128) -> Option<Advice> {
    let gpus = |hours: i128| money::ratio(hours, day_hours(1));
    let mean_gpus = |kind: usize| {
        let hours: i128 = (0..world.days).map(|day| pool.hours_held(kind, day)).sum();
        gpus(hours / world.days.max(1) as i128)
    };
    let demand_at = |percent: i128| gpus(quantile(demand, percent * money::ONE / 100)?);
    let factor = price_sum / (demand.len() as i128).max(1);
    let known = pool.hours_known && pool.positions[ON_DEMAND].price.is_some();
    let on_demand_price = match known {
        true => Some(money::mul(marginal_price(pool, ON_DEMAND), factor)?),
        false => None,
    };
    let reserved_price = pool.reserved_price().filter(|_| pool.hours_known);
    Some(Advice {
        pool: pool.name.clone(),
        on_demand_price,
        reserved_price,
        break_even: on_demand_price
            .zip(reserved_price)
            .and_then(|(od, res)| money::ratio(res, od)),
        committed_utilization: None,
        serving_share: pool.utilization,
        reserved_today: mean_gpus(RESERVED)?,
        demand_p10: demand_at(10)?,
        demand_p50: demand_at(50)?,
        demand_p90: demand_at(90)?,
        quantile: None,
        optimum: None,
    })
}

/// The best number of reserved GPUs beside the owned and spot ones there are.
fn optimum(
    world: &World,
    pool: &WorldPool,
    ladder: &Ladder,
    reserved: i128,
    on_demand: i128,
) -> Result<(u32, Mix)> {
    let spot = match &pool.today {
        Some(book) => (0..world.days).map(|day| book.spot_price(day)).max().unwrap_or(0),
        None => pool.positions[SPOT].price.unwrap_or(0),
    };
    let gpus = ladder.optimum(reserved, on_demand, spot).ok_or_else(overflow)?;
    let hours = day_hours(gpus);
    let mix = match &pool.today {
        None => Mix::Instead(Reserved {
            hours,
            cost: money::mul(hours, reserved).ok_or_else(overflow)?,
        }),
        Some(book) => Mix::Book(book.instead((gpus > 0).then_some(Holding {
            kind: Purchase::Reserved,
            hours,
            price: reserved,
            strike: reserved,
            from: 0,
            until: None,
            written_off: None,
            book_value: None,
        }))?),
    };
    Ok((gpus, mix))
}

/// Outer `None` on overflow, inner where nothing is committed.
fn utilization(pool: &WorldPool, demand: &[i128], days: usize) -> Option<Option<i128>> {
    let committed: Vec<i128> = (0..days)
        .map(|d| pool.hours_held(RESERVED, d) + pool.hours_held(OWNED, d))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> i128 {
        money::parse(text).unwrap()
    }

    /// Days of demand in tenths of a GPU, beside whole spot GPUs.
    fn ladder(days: &[(i128, Factor)], spot: u32) -> Ladder {
        let mut pool = WorldPool::plain("H100", days.len());
        pool.positions[SPOT].hours = vec![day_hours(spot); days.len()];
        let mut ladder = Ladder::default();
        for (gpus, price) in days {
            let mut day = PoolDay::calm(gpus * day_hours(1) / 10);
            day.price[ON_DEMAND] = *price;
            ladder.count(&pool, 0, &day).unwrap();
        }
        ladder
    }

    /// 6 of 10 days want 3 GPUs, 4 want 8: the classical two-point newsvendor.
    #[test]
    fn two_point_demand_has_the_known_answer() {
        let days: Vec<(i128, Factor)> = (0..10)
            .map(|d| (if d < 6 { 30 } else { 80 }, Factor::ONE))
            .collect();
        let best = |reserved: &str| ladder(&days, 0).optimum(usd(reserved), usd("4"), 0).unwrap();
        // q* = 1 − p/4: up to 60 % of days want 3, so 8 pays when p/4 is below 0.4.
        assert_eq!([best("1.59"), best("1.61"), best("3.99")], [8, 3, 3]);
        // At 0.4 the eighth GPU spares what it costs: not more, so it is not bought.
        assert_eq!(best("1.60"), 3);
        // Dearer than on demand, nothing pays.
        assert_eq!(best("4.01"), 0);
        // Two spot GPUs at $2 come first: above them 1 and 6 are left at $4.
        let with_spot = |reserved: &str| {
            ladder(&days, 2)
                .optimum(usd(reserved), usd("4"), usd("2"))
                .unwrap()
        };
        // The second and third GPU take the place of spot: they spare $2 on six days of ten, more on four.
        assert_eq!(
            [with_spot("1.59"), with_spot("1.99"), with_spot("2.90")],
            [6, 3, 1]
        );
    }

    #[test]
    fn dear_days_weigh_more() {
        // One of four days wants 5 GPUs instead of 1; its price is six times as high.
        let six = Factor::ratio(6, 1).unwrap();
        let days = [(10, Factor::ONE), (10, Factor::ONE), (10, Factor::ONE), (50, six)];
        // 1 · 6 · $1 spared in four days, against 4 · $1.40.
        assert_eq!(ladder(&days, 0).optimum(usd("1.40"), usd("1"), 0), Some(5));
        assert_eq!(ladder(&days, 0).optimum(usd("1.60"), usd("1"), 0), Some(1));
    }

    proptest! {
        /// Against the definition: the number whose cost over all days is least.
        #[test]
        fn no_other_number_of_gpus_is_cheaper(
            days in prop::collection::vec((0_i128..60, 1_i128..4), 1..12), reserved in 1_i128..30, spot in 0_u32..3
        ) {
            let (on_demand, spot_price) = (20, 9);
            let weighted: Vec<(i128, Factor)> = days.iter().map(|(d, p)| (*d, Factor::ratio(*p, 1).unwrap())).collect();
            let cost = |gpus: i128| -> i128 {
                days.iter().map(|(tenths, price)| {
                    let bought = (tenths - 10 * gpus).max(0);
                    let from_spot = bought.min(10 * i128::from(spot));
                    10 * gpus * reserved + (bought - from_spot) * on_demand * price + from_spot * spot_price
                }).sum()
            };
            let best = ladder(&weighted, spot)
                .optimum(reserved * money::ONE, on_demand * money::ONE, spot_price * money::ONE)
                .unwrap();
            let least = (0..10).map(cost).min().unwrap();
            prop_assert_eq!(cost(i128::from(best)), least);
        }
    }
}
