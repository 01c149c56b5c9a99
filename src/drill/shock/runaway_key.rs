//! `runaway_key`: a leaked key or a looping agent spends an amount a day until it is noticed.

use super::{Bound, DayState, Shock, Span, check_span};
use crate::base::Result;
use crate::drill::factor::Factor;
use crate::drill::inputs::DriverKind;
use crate::drill::scenario::impossible;
use crate::drill::value::Amount;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunawayKey {
    amount_per_day: Amount,
    #[serde(default = "super::first_day")]
    from_day: u32,
    /// Days until somebody notices.
    days: u32,
}

impl Shock for RunawayKey {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.amount_per_day.0 <= 0 {
            return Err(impossible(
                "amount_per_day",
                "it is not above zero",
                "write it like \"2500\"",
            ));
        }
        check_span("from_day", self.from_day, Some(self.days), horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let line = world.line_or_new(DriverKind::ModelApi, "runaway key", "all");
        Ok(Box::new(Runaway {
            span: Span::new(self.from_day, Some(self.days)),
            amount: self.amount_per_day.0,
            line,
        }))
    }
}

struct Runaway {
    span: Span,
    amount: i128,
    line: usize,
}

impl Bound for Runaway {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            state.spend[self.line] = state.spend[self.line].checked_add(self.amount)?;
        }
        Some(())
    }
}
