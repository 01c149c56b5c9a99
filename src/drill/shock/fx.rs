//! `fx`: a currency that a part of the spend is billed in gets dearer or cheaper against the reporting
//! currency, by a stated process, one fitted to an index of the rate, or along one.

use super::{Bound, DayState, Shock, scale};
use crate::base::{Result, seed::Rng};
use crate::drill::factor::Factor;
use crate::drill::market::{Moves, Price};
use crate::drill::scenario::impossible;
use crate::drill::world::World;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fx {
    /// The currency whose price in the reporting currency moves.
    currency: String,
}

#[derive(Debug)]
pub(super) struct Moving {
    spec: Fx,
    moves: Moves,
}

impl super::Market for Fx {
    fn with(self, moves: Moves) -> Box<dyn Shock> {
        Box::new(Moving { spec: self, moves })
    }
}

impl Shock for Moving {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.spec.currency.trim().is_empty() {
            return Err(impossible("currency", "it is empty", "such as \"EUR\""));
        }
        self.moves.check(horizon_days)
    }

    fn draws_normals(&self) -> bool {
        self.moves.draws_normals()
    }

    fn bind(&self, name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let wanted = &self.spec.currency;
        if *wanted == world.currency {
            return Err(impossible(
                "currency",
                format!("{wanted} is what the drill counts in"),
                "name one that bills are in",
            ));
        }
        let lines: Vec<usize> = (0..world.lines.len())
            .filter(|at| world.lines[*at].native == *wanted)
            .collect();
        // A position that is billed in several currencies feels the rate by its share.
        let shares: Vec<[Factor; 4]> = world
            .pools
            .iter()
            .map(|pool| {
                std::array::from_fn(|kind| {
                    let natives = &pool.positions[kind].natives;
                    natives
                        .iter()
                        .find(|(c, _)| c == wanted)
                        .map_or(Factor::ZERO, |(_, share)| *share)
                })
            })
            .collect();
        if lines.is_empty() && shares.iter().flatten().all(|share| *share == Factor::ZERO) {
            let pools = world
                .pools
                .iter()
                .flat_map(|p| p.positions.iter().flat_map(|k| &k.natives));
            let known: BTreeSet<&str> = world
                .lines
                .iter()
                .map(|l| l.native.as_str())
                .chain(pools.map(|(c, _)| c.as_str()))
                .filter(|c| !c.is_empty())
                .collect();
            return Err(impossible(
                "currency",
                format!("nothing of the portfolio is billed in {wanted}"),
                format!(
                    "it is billed in {}",
                    known.into_iter().collect::<Vec<_>>().join(", ")
                ),
            ));
        }
        Ok(Box::new(Rate {
            price: self.moves.bind(name, world)?,
            lines,
            shares,
        }))
    }
}

struct Rate {
    price: Price,
    lines: Vec<usize>,
    shares: Vec<[Factor; 4]>,
}

impl Bound for Rate {
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
        scale(state, &self.lines, drawn)?;
        let more = drawn.minus(Factor::ONE);
        for (pool, shares) in state.pools.iter_mut().zip(&self.shares) {
            for (price, share) in pool.price.iter_mut().zip(shares) {
                if *share != Factor::ZERO {
                    *price = price.then(share.then(more)?.plus(Factor::ONE))?;
                }
            }
        }
        Some(())
    }
}
