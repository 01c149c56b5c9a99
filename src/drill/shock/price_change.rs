//! `price_change`: a provider's list prices are multiplied by a factor.

use super::{Bound, DayState, Shock, Span, check_span, model_lines, scale};
use crate::base::Result;
use crate::drill::factor::Factor;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceChange {
    /// `provider/model`, or a beginning and `*`, such as `openai/*`.
    models: Vec<String>,
    /// Token classes it is about (`uncached_input`, `cache_read`, `cache_write`, `output`); left out: all.
    #[serde(default)]
    parts: Vec<String>,
    factor: Ratio,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
}

impl Shock for PriceChange {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.factor.0.is_negative() {
            return Err(impossible(
                "factor",
                "it is negative",
                "0.8 is twenty per cent cheaper",
            ));
        }
        if self.models.is_empty() {
            return Err(impossible(
                "models",
                "it is empty",
                "name them, such as [\"openai/*\"]",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let lines = model_lines(world, "models", &self.models, &self.parts)?;
        if lines.is_empty() {
            return Err(impossible(
                "parts",
                "these models have no spend on such tokens",
                "one of uncached_input, cache_read, cache_write, output, all",
            ));
        }
        Ok(Box::new(Change {
            span: Span::new(self.from_day, self.days),
            factor: self.factor.0,
            lines,
        }))
    }
}

struct Change {
    span: Span,
    factor: Factor,
    lines: Vec<usize>,
}

impl Bound for Change {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            scale(state, &self.lines, self.factor)
        } else {
            Some(())
        }
    }
}
