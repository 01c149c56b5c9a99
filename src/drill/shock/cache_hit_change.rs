//! `cache_hit_change`: the gateway's cache answers another share of the requests, or the providers'
//! prompt caches serve another share of the input tokens. Present rates are those of the last 28 days.

use super::model_swap::token_price_ratio;
use super::{Bound, DayState, Move, Shock, Span, check_span, model_lines, scale};
use crate::base::{Result, money};
use crate::drill::factor::Factor;
use crate::drill::inputs::DriverKind;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheHitChange {
    cache: Cache,
    /// The new rate: 0.45 for forty-five per cent.
    to: Ratio,
    /// Models it is about, for the prompt cache; left out: all.
    #[serde(default)]
    models: Vec<String>,
    /// Price of a cached input token over an uncached one, for models that have read none so far.
    read_price_ratio: Option<Ratio>,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cache {
    /// Whole answers, kept by the gateway: requests that reach no model.
    Gateway,
    /// Beginnings of prompts, kept by the provider: input tokens at a lower price.
    Prompt,
}

impl Shock for CacheHitChange {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.to.0.is_negative() || self.to.0 > Factor::ONE {
            return Err(impossible(
                "to",
                "a hit rate lies between 0 and 1",
                "0.45 is forty-five per cent",
            ));
        }
        if self.cache == Cache::Gateway && (!self.models.is_empty() || self.read_price_ratio.is_some()) {
            return Err(impossible(
                "cache",
                "models and read_price_ratio are about the prompt cache",
                "leave them out, or write cache = \"prompt\"",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let span = Span::new(self.from_day, self.days);
        match self.cache {
            Cache::Gateway => {
                let missed = world.recent_requests - world.recent_hits;
                let now = Factor::ratio(missed, world.recent_requests)
                    .filter(|m| *m > Factor::ZERO)
                    .ok_or_else(|| {
                        impossible(
                            "cache",
                            "the last 28 days have no requests that a model answered",
                            "ingest the gateway's logs",
                        )
                    })?;
                let left = Factor::ONE.minus(self.to.0);
                let factor =
                    Factor::ratio(left.decimal(), now.decimal()).ok_or_else(crate::drill::overflow)?;
                let lines = model_lines(world, "models", &[], &[])?;
                Ok(Box::new(Gateway { span, factor, lines }))
            }
            Cache::Prompt => Ok(Box::new(Prompt {
                span,
                moves: self.moves(world)?,
            })),
        }
    }
}

impl CacheHitChange {
    /// Token shares to move between uncached and cached input, model by model.
    fn moves(&self, world: &mut World) -> Result<Vec<Move>> {
        let uncached = model_lines(world, "models", &self.models, &["uncached_input".to_owned()])?;
        let mut moves = Vec::with_capacity(uncached.len());
        for plain in uncached {
            let driver = world.lines[plain].driver.clone();
            let read = world.line_or_new(DriverKind::ModelApi, &driver, "cache_read");
            let written = world
                .lines
                .iter()
                .filter(|l| l.driver == driver && l.part == "cache_write");
            let written: i128 = written.map(|l| l.recent_quantity).sum();
            let (u, r) = (
                world.lines[plain].recent_quantity,
                world.lines[read].recent_quantity,
            );
            let wanted =
                money::mul(u + r + written, self.to.0.decimal()).ok_or_else(crate::drill::overflow)?;
            if wanted == r || u + r == 0 {
                continue;
            }
            let known = token_price_ratio(world, plain, read).or(self.read_price_ratio.map(|p| p.0));
            let ratio = known.ok_or_else(|| {
                impossible(
                    "read_price_ratio",
                    format!("{driver} has read nothing from its prompt cache, so its price is not known"),
                    "state it: 0.1 when cached input costs a tenth",
                )
            })?;
            // More cached than there is uncached input is all of it.
            let back = Factor::ratio(Factor::ONE.decimal(), ratio.decimal());
            let step = if wanted > r {
                Factor::ratio((wanted - r).min(u), u).map(|share| Move {
                    from: plain,
                    to: read,
                    share,
                    ratio,
                })
            } else {
                let share = Factor::ratio(r - wanted, r);
                share.zip(back).map(|(share, ratio)| Move {
                    from: read,
                    to: plain,
                    share,
                    ratio,
                })
            };
            moves.extend(step);
        }
        if moves.is_empty() {
            world.notes.push(
                "the prompt cache change moves nothing: no model has token classes, or the rate is reached"
                    .to_owned(),
            );
        }
        Ok(moves)
    }
}

struct Gateway {
    span: Span,
    factor: Factor,
    lines: Vec<usize>,
}

impl Bound for Gateway {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            scale(state, &self.lines, self.factor)?;
            for pool in &mut state.pools {
                pool.demand = self.factor.apply(pool.demand)?;
            }
        }
        Some(())
    }
}

struct Prompt {
    span: Span,
    moves: Vec<Move>,
}

impl Bound for Prompt {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            for step in &self.moves {
                step.apply(state)?;
            }
        }
        Some(())
    }
}
