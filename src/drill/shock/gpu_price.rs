//! `gpu_price`: the price index of GPUs moves, by a stated process, one fitted to an index, or along one.
//! Bought GPUs follow it; reserved and owned ones are paid at their agreed price unless listed.

use super::{Bound, DayState, Shock, meant_pools};
use crate::base::{Result, seed::Rng};
use crate::drill::factor::Factor;
use crate::drill::inputs::Purchase;
use crate::drill::market::{Moves, Price};
use crate::drill::scenario::impossible;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GpuPrice {
    #[serde(default = "bought")]
    applies_to: Vec<Purchase>,
    /// GPU models; left out: all.
    #[serde(default)]
    pools: Vec<String>,
}

fn bought() -> Vec<Purchase> {
    vec![Purchase::OnDemand, Purchase::Spot]
}

/// With the keys that every moving price has.
#[derive(Debug)]
pub(super) struct Moving {
    spec: GpuPrice,
    moves: Moves,
}

impl super::Market for GpuPrice {
    fn with(self, moves: Moves) -> Box<dyn Shock> {
        Box::new(Moving { spec: self, moves })
    }
}

impl Shock for Moving {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.spec.applies_to.is_empty() {
            return Err(impossible(
                "applies_to",
                "it is empty",
                "leave it out for on-demand and spot",
            ));
        }
        self.moves.check(horizon_days)
    }

    fn draws_normals(&self) -> bool {
        self.moves.draws_normals()
    }

    fn bind(&self, name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        Ok(Box::new(Follow {
            pools: meant_pools(world, &self.spec.pools)?,
            price: self.moves.bind(name, world)?,
            applies_to: self.spec.applies_to.clone(),
        }))
    }
}

struct Follow {
    pools: Vec<usize>,
    price: Price,
    applies_to: Vec<Purchase>,
}

impl Bound for Follow {
    fn draws_normals(&self) -> bool {
        self.price.is_random()
    }

    fn is_random(&self) -> bool {
        self.price.is_random()
    }

    fn draw(&self, normals: &[f64], _rng: &mut Rng, days: usize) -> Vec<Factor> {
        self.price.factors(normals, days)
    }

    fn apply(&self, _day: usize, drawn: Factor, state: &mut DayState) -> Option<()> {
        for pool in &self.pools {
            for purchase in &self.applies_to {
                let price = &mut state.pools[*pool].price[*purchase as usize];
                *price = price.then(drawn)?;
            }
        }
        Some(())
    }
}
