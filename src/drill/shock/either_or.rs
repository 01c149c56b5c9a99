//! `either_or`: one of several levels of traffic comes true, each with its probability: the contract that is
//! won or lost, the launch that is a hit or a flop. One outcome for a whole path.

use super::{Bound, DayState, Shock, Span, check_span, model_lines, scale};
use crate::base::{Result, seed::Rng};
use crate::drill::factor::Factor;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use rand::Rng as _;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EitherOr {
    outcomes: Vec<Outcome>,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
    /// Models it hits; left out: all.
    #[serde(default)]
    models: Vec<String>,
    /// How much of it reaches the GPUs: 1 all, 0 none.
    #[serde(default = "all")]
    gpu_share: Ratio,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    probability: Ratio,
    /// Requests against the forecast: 1 for no change.
    factor: Ratio,
}

fn all() -> Ratio {
    Ratio(Factor::ONE)
}

impl Shock for EitherOr {
    fn check(&self, horizon_days: u32) -> Result<()> {
        let sum = self
            .outcomes
            .iter()
            .fold(Factor::ZERO, |sum, o| sum.plus(o.probability.0));
        if self.outcomes.iter().any(|o| o.probability.0.is_negative()) || sum != Factor::ONE {
            return Err(impossible(
                "outcomes.probability",
                "together they are not 1",
                "outcomes = [{ probability = 0.6, factor = 1 }, { probability = 0.4, factor = 2 }]",
            ));
        }
        if self.outcomes.iter().any(|o| o.factor.0.is_negative()) {
            return Err(impossible(
                "outcomes.factor",
                "it is negative",
                "0 is no traffic at all",
            ));
        }
        if self.gpu_share.0.is_negative() || self.gpu_share.0 > Factor::ONE {
            return Err(impossible(
                "gpu_share",
                "a share lies between 0 and 1",
                "1 when GPUs serve it in full",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        Ok(Box::new(Branch {
            outcomes: self
                .outcomes
                .iter()
                .map(|o| (o.probability.0, o.factor.0))
                .collect(),
            span: Span::new(self.from_day, self.days),
            lines: model_lines(world, "models", &self.models, &[])?,
            gpu_share: self.gpu_share.0,
        }))
    }
}

struct Branch {
    outcomes: Vec<(Factor, Factor)>,
    span: Span,
    lines: Vec<usize>,
    gpu_share: Factor,
}

impl Bound for Branch {
    fn is_random(&self) -> bool {
        self.outcomes.len() > 1
    }

    fn draw(&self, _normals: &[f64], rng: &mut Rng, days: usize) -> Vec<Factor> {
        // Probabilities have nine places: a whole number below 10⁹ picks exactly.
        let mut left = i128::from(rng.random_range(0..1_000_000_000_u32));
        let mut chosen = Factor::ONE;
        for (probability, factor) in &self.outcomes {
            chosen = *factor;
            left -= probability.nanos();
            if left < 0 {
                break;
            }
        }
        (0..days)
            .map(|day| {
                if self.span.contains(day) {
                    chosen
                } else {
                    Factor::ONE
                }
            })
            .collect()
    }

    fn apply(&self, _day: usize, drawn: Factor, state: &mut DayState) -> Option<()> {
        scale(state, &self.lines, drawn)?;
        let demand = self.gpu_share.then(drawn.minus(Factor::ONE))?.plus(Factor::ONE);
        for pool in &mut state.pools {
            pool.demand = demand.apply(pool.demand)?;
        }
        Some(())
    }
}
