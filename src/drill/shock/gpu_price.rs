//! `gpu_price`: the price index of GPUs as a geometric random walk with a jump. Bought GPUs follow it;
//! reserved and owned ones are paid at their agreed price unless listed.

use super::{Bound, DayState, Shock, check_span};
use crate::base::{Result, seed::Rng};
use crate::drill::factor::Factor;
use crate::drill::inputs::Purchase;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

const DAYS_PER_YEAR: f64 = 365.0;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GpuPrice {
    /// Expected growth per year: 0.40 for forty per cent. May be negative.
    #[serde(default = "zero")]
    drift: Ratio,
    /// Standard deviation of the yearly logarithmic change.
    #[serde(default = "zero")]
    volatility: Ratio,
    /// Relative jump on `jump_day`, which stays: 0.35 for a third dearer.
    #[serde(default = "zero")]
    jump: Ratio,
    #[serde(default = "super::first_day")]
    jump_day: u32,
    #[serde(default = "bought")]
    applies_to: Vec<Purchase>,
}

fn zero() -> Ratio {
    Ratio(Factor::ZERO)
}

fn bought() -> Vec<Purchase> {
    vec![Purchase::OnDemand, Purchase::Spot]
}

impl Shock for GpuPrice {
    fn check(&self, horizon_days: u32) -> Result<()> {
        let whole = Factor::ONE;
        if self.volatility.0.is_negative() {
            return Err(impossible(
                "volatility",
                "it is negative",
                "0.5 is a stormy market, 0 a certain path",
            ));
        }
        if self.jump.0.plus(whole).is_negative() || self.drift.0.plus(whole) <= Factor::ZERO {
            return Err(impossible(
                "jump, drift",
                "a price cannot fall below zero",
                "-0.3 is thirty per cent less",
            ));
        }
        if self.applies_to.is_empty() {
            return Err(impossible(
                "applies_to",
                "it is empty",
                "leave it out for on-demand and spot",
            ));
        }
        check_span("jump_day", self.jump_day, None, horizon_days)
    }

    fn bind(&self, _world: &mut World) -> Result<Box<dyn Bound>> {
        Ok(Box::new(self.clone()))
    }
}

impl Bound for GpuPrice {
    fn draw(&self, rng: &mut Rng, days: usize) -> Vec<Factor> {
        let jump_at = self.jump_day as usize - 1;
        let drift = self.drift.0.plus(Factor::ONE).as_f64().ln() / DAYS_PER_YEAR;
        let daily = self.volatility.0.as_f64() / DAYS_PER_YEAR.sqrt();
        let certain = self.drift.0 == Factor::ZERO && self.volatility.0 == Factor::ZERO;
        let mut log = 0.0;
        (0..days)
            .map(|day| {
                // Less half the variance, so that volatility spreads the price and does not raise its mean.
                let shock: f64 = StandardNormal.sample(rng);
                log += drift - daily * daily / 2.0 + daily * shock;
                let walk = if certain {
                    Factor::ONE
                } else {
                    Factor::drawn(log.exp())
                };
                let jump = if day >= jump_at {
                    self.jump.0.plus(Factor::ONE)
                } else {
                    Factor::ONE
                };
                walk.then(jump).unwrap_or(walk)
            })
            .collect()
    }

    fn apply(&self, _day: usize, drawn: Factor, state: &mut DayState) -> Option<()> {
        for pool in &mut state.pools {
            for purchase in &self.applies_to {
                let price = &mut pool.price[*purchase as usize];
                *price = price.then(drawn)?;
            }
        }
        Some(())
    }
}
