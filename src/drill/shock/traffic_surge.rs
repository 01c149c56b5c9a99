//! `traffic_surge`: more requests (or fewer, below one). Model spend grows with them, and so does the
//! demand for GPU-hours; committed GPUs are paid as before.

use super::{Bound, DayState, Shock, Span, check_span, model_lines, scale};
use crate::base::{Result, seed::Rng};
use crate::drill::chance::once;
use crate::drill::factor::Factor;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrafficSurge {
    /// Requests against the forecast once the ramp is over: 1.8 for eighty per cent more.
    factor: Ratio,
    #[serde(default = "super::first_day")]
    from_day: u32,
    /// Left out: it stays.
    days: Option<u32>,
    /// Days over which it builds up in even steps.
    #[serde(default)]
    ramp_days: u32,
    /// Spread of its size (of the logarithm): 0 for a certain one, 0.3 for "a third more or less".
    #[serde(default = "certain")]
    uncertainty: Ratio,
    /// Models it hits; left out: all.
    #[serde(default)]
    models: Vec<String>,
    /// How much of it reaches the GPUs: 1 all, 0 none.
    #[serde(default = "all")]
    gpu_share: Ratio,
}

fn certain() -> Ratio {
    Ratio(Factor::ZERO)
}

fn all() -> Ratio {
    Ratio(Factor::ONE)
}

impl Shock for TrafficSurge {
    fn draws_normals(&self) -> bool {
        self.uncertainty.0 > Factor::ZERO
    }

    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.factor.0.is_negative() {
            return Err(impossible(
                "factor",
                "it is negative",
                "1.8 means eighty per cent more requests",
            ));
        }
        if self.uncertainty.0.is_negative() {
            return Err(impossible(
                "uncertainty",
                "it is negative",
                "0 for a surge of certain size",
            ));
        }
        if self.gpu_share.0.is_negative() || self.gpu_share.0 > Factor::ONE {
            return Err(impossible(
                "gpu_share",
                "a share lies between 0 and 1",
                "1 when GPUs serve the surge in full",
            ));
        }
        if self.days.is_some_and(|days| self.ramp_days > days) {
            return Err(impossible(
                "ramp_days",
                "the ramp is longer than the surge",
                "shorten it or raise days",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        Ok(Box::new(Surge {
            spec: self.clone(),
            span: Span::new(self.from_day, self.days),
            lines: model_lines(world, "models", &self.models, &[])?,
        }))
    }
}

struct Surge {
    spec: TrafficSurge,
    span: Span,
    lines: Vec<usize>,
}

impl Bound for Surge {
    fn draws_normals(&self) -> bool {
        self.is_random()
    }

    fn is_random(&self) -> bool {
        self.spec.uncertainty.0 > Factor::ZERO
    }

    fn draw(&self, normals: &[f64], _rng: &mut Rng, days: usize) -> Vec<Factor> {
        let spread = self.spec.uncertainty.0.as_f64();
        let shock = once(normals);
        // The mean of the size stays as stated.
        let size = if spread == 0.0 {
            Factor::ONE
        } else {
            Factor::drawn((spread * shock - spread * spread / 2.0).exp())
        };
        let more = self.spec.factor.0.minus(Factor::ONE);
        let peak = size
            .then(more)
            .map_or(self.spec.factor.0, |more| more.plus(Factor::ONE))
            .max(Factor::ZERO);
        (0..days)
            .map(|day| {
                if !self.span.contains(day) {
                    return Factor::ONE;
                }
                let (step, steps) = ((day - self.span.first) as u32 + 1, self.spec.ramp_days);
                if step >= steps {
                    peak
                } else {
                    peak.partly(step, steps).unwrap_or(peak)
                }
            })
            .collect()
    }

    fn apply(&self, _day: usize, drawn: Factor, state: &mut DayState) -> Option<()> {
        scale(state, &self.lines, drawn)?;
        let share = self.spec.gpu_share.0;
        let demand = share.then(drawn.minus(Factor::ONE))?.plus(Factor::ONE);
        for pool in &mut state.pools {
            pool.demand = demand.apply(pool.demand)?;
        }
        Some(())
    }
}
