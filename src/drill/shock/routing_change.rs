//! `routing_change`: the router sends shares of one model's work to others. Tokens are taken to stay as
//! many; each class of them is paid at the other model's price. A prompt cache does not move along: what
//! of its reads is not kept is paid as uncached input.

use super::model_swap::token_price_ratio;
use super::{Bound, DayState, Move, Shock, Span, check_span, model_lines};
use crate::base::Result;
use crate::drill::factor::Factor;
use crate::drill::inputs::DriverKind;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoutingChange {
    /// `provider/model` that loses work.
    from: String,
    to: Vec<Route>,
    /// Share of the prompt-cache reads that the new models serve from theirs. Nothing is kept where it is
    /// not stated, so that a saving is not owed to a cache that is cold.
    #[serde(default = "none")]
    cache_kept: Ratio,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    /// `provider/model` that gets work.
    model: String,
    /// Of the work of `from`.
    share: Ratio,
    /// What the same work costs there, as a multiple. Left out: told from the last 28 days.
    price_ratio: Option<Ratio>,
}

fn none() -> Ratio {
    Ratio(Factor::ZERO)
}

impl Shock for RoutingChange {
    fn check(&self, horizon_days: u32) -> Result<()> {
        let mut sum = Factor::ZERO;
        for route in &self.to {
            if route.share.0 <= Factor::ZERO {
                return Err(impossible(
                    "to.share",
                    "it is not above zero",
                    "0.5 moves half of the work",
                ));
            }
            if route.model == self.from {
                return Err(impossible(
                    "to.model",
                    "it is the model that work is taken from",
                    "what is not routed elsewhere stays there",
                ));
            }
            if route.price_ratio.is_some_and(|r| r.0.is_negative()) {
                return Err(impossible(
                    "to.price_ratio",
                    "it is negative",
                    "0.1 when it costs a tenth",
                ));
            }
            sum = sum.plus(route.share.0);
        }
        if self.to.is_empty() || sum > Factor::ONE {
            return Err(impossible(
                "to",
                "the shares are not between 0 and 1 together",
                "to = [{ model = \"provider/small\", share = 0.4 }]",
            ));
        }
        if self.cache_kept.0.is_negative() || self.cache_kept.0 > Factor::ONE {
            return Err(impossible(
                "cache_kept",
                "a share lies between 0 and 1",
                "0.8 serves four reads of five from the new cache",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let sources = model_lines(world, "from", std::slice::from_ref(&self.from), &[])?;
        let mut steps = Vec::new();
        for from in sources {
            let part = world.lines[from].part.clone();
            let mut moves = Vec::new();
            for route in &self.to {
                let cold = Factor::ONE.minus(self.cache_kept.0);
                let parts = match part.as_str() {
                    "cache_read" => vec![("cache_read", self.cache_kept.0), ("uncached_input", cold)],
                    other => vec![(other, Factor::ONE)],
                };
                for (part, of_it) in parts.into_iter().filter(|(_, of_it)| *of_it > Factor::ZERO) {
                    let to = world.line_or_new(DriverKind::ModelApi, &route.model, part);
                    let share = route.share.0.then(of_it).ok_or_else(crate::drill::overflow)?;
                    let ratio = self.ratio(world, route, from, to, part)?;
                    moves.push(Move {
                        from,
                        to,
                        share,
                        ratio,
                    });
                }
            }
            steps.push(moves);
        }
        Ok(Box::new(Routed {
            span: Span::new(self.from_day, self.days),
            steps,
        }))
    }
}

impl RoutingChange {
    /// What a token that cost one on the old model costs on the new one.
    fn ratio(&self, world: &World, route: &Route, from: usize, to: usize, part: &str) -> Result<Factor> {
        let was = &world.lines[from].part;
        let unknown = || {
            impossible(
                "to.price_ratio",
                format!(
                    "the last 28 days do not tell the price of {part} tokens on {} and of {was} tokens on {}",
                    route.model, self.from
                ),
                "state it: 0.1 when the new model costs a tenth",
            )
        };
        let Some(stated) = route.price_ratio else {
            return token_price_ratio(world, from, to).ok_or_else(unknown);
        };
        if was == part {
            return Ok(stated.0);
        }
        // A read that is not cached any more: by as much as uncached input costs more on the old model.
        let old = world
            .lines
            .iter()
            .position(|l| l.kind == DriverKind::ModelApi && l.driver == self.from && l.part == part)
            .and_then(|uncached| token_price_ratio(world, from, uncached));
        old.and_then(|dearer| dearer.then(stated.0)).ok_or_else(unknown)
    }
}

struct Routed {
    span: Span,
    /// By line that loses work. Its shares are all of what it was before any of them went.
    steps: Vec<Vec<Move>>,
}

impl Bound for Routed {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if !self.span.contains(day) {
            return Some(());
        }
        let before: Vec<i128> = self
            .steps
            .iter()
            .map(|moves| moves.first().map_or(0, |m| state.spend[m.from]))
            .collect();
        for (moves, before) in self.steps.iter().zip(before) {
            for step in moves {
                let moved = step.share.apply(before)?;
                state.spend[step.from] = state.spend[step.from].checked_sub(moved)?;
                state.spend[step.to] = state.spend[step.to].checked_add(step.ratio.apply(moved)?)?;
            }
        }
        Some(())
    }
}
