//! `lost_commitment`: reserved GPUs end, by expiry or default. Their price is no longer paid, and the
//! demand they covered is bought on demand.

use super::{Bound, DayState, Shock, Span, check_span, meant_pools};
use crate::base::Result;
use crate::drill::factor::Factor;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LostCommitment {
    /// Share of the reserved GPUs that is lost.
    #[serde(default = "all")]
    share: Ratio,
    /// GPU models; left out: all.
    #[serde(default)]
    pools: Vec<String>,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
}

fn all() -> Ratio {
    Ratio(Factor::ONE)
}

impl Shock for LostCommitment {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.share.0.is_negative() || self.share.0 > Factor::ONE {
            return Err(impossible(
                "share",
                "a share lies between 0 and 1",
                "0.5 loses half of the reserved GPUs",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        Ok(Box::new(Lost {
            span: Span::new(self.from_day, self.days),
            kept: Factor::ONE.minus(self.share.0),
            pools: meant_pools(world, &self.pools)?,
        }))
    }
}

struct Lost {
    span: Span,
    kept: Factor,
    pools: Vec<usize>,
}

impl Bound for Lost {
    fn apply(&self, day: usize, _drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            for pool in &self.pools {
                let kept = &mut state.pools[*pool].reserved_kept;
                *kept = kept.then(self.kept)?;
            }
        }
        Some(())
    }
}
