//! `model_swap`: a share of one model's work moves to another. With a share below one it is a
//! change of routing. Tokens are taken to stay as many; the price of each class of them changes.

use super::{Bound, DayState, Move, Shock, Span, check_span, model_lines};
use crate::base::{Result, money};
use crate::drill::factor::Factor;
use crate::drill::inputs::DriverKind;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelSwap {
    /// `provider/model` that loses work.
    from: String,
    /// `provider/model` that gets it.
    to: String,
    #[serde(default = "all")]
    share: Ratio,
    /// What the same work costs on `to`, as a multiple of `from`. Left out: told from the last 28 days.
    price_ratio: Option<Ratio>,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
}

fn all() -> Ratio {
    Ratio(Factor::ONE)
}

impl Shock for ModelSwap {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.share.0.is_negative() || self.share.0 > Factor::ONE {
            return Err(impossible(
                "share",
                "a share lies between 0 and 1",
                "0.5 moves half of the work",
            ));
        }
        if self.price_ratio.is_some_and(|r| r.0.is_negative()) {
            return Err(impossible(
                "price_ratio",
                "it is negative",
                "0.1 when the new model costs a tenth",
            ));
        }
        if self.from == self.to {
            return Err(impossible(
                "to",
                "it is the model that work is taken from",
                "name another one",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let sources = model_lines(world, "from", std::slice::from_ref(&self.from), &[])?;
        let mut moves = Vec::with_capacity(sources.len());
        for from in sources {
            let part = world.lines[from].part.clone();
            let to = world.line_or_new(DriverKind::ModelApi, &self.to, &part);
            let ratio = match self.price_ratio {
                Some(ratio) => ratio.0,
                None => token_price_ratio(world, from, to).ok_or_else(|| {
                    impossible(
                        "price_ratio",
                        format!("the last 28 days do not tell the price of {part} tokens on both models"),
                        "state it: 0.1 when the new model costs a tenth",
                    )
                })?,
            };
            moves.push(Move {
                from,
                to,
                share: self.share.0,
                ratio,
            });
        }
        Ok(Box::new(Swap {
            span: Span::new(self.from_day, self.days),
            moves,
        }))
    }
}

/// Price per token of one line over that of another.
pub(super) fn token_price_ratio(world: &World, from: usize, to: usize) -> Option<Factor> {
    let price = |at: usize| {
        let line = &world.lines[at];
        // Per million, so that the ratio of two small prices keeps its digits.
        let million = line.recent_spend.checked_mul(1_000_000)?;
        money::ratio(million, line.recent_quantity).filter(|p| *p > 0)
    };
    Factor::ratio(price(to)?, price(from)?)
}

struct Swap {
    span: Span,
    moves: Vec<Move>,
}

impl Bound for Swap {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            for step in &self.moves {
                step.apply(state)?;
            }
        }
        Some(())
    }
}
