//! `spot_reclaim`: spot GPUs are taken back. Each reclaim costs hours of work done again and of
//! restart, paid at the spot price: on average `1 + rate × hours` per useful hour.

use super::{Bound, DayState, Shock, Span, check_span};
use crate::base::{Result, money, seed::Rng};
use crate::drill::factor::Factor;
use crate::drill::position::SPOT;
use crate::drill::scenario::impossible;
use crate::drill::value::Ratio;
use crate::drill::world::World;
use rand_distr::{Distribution, Poisson};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpotReclaim {
    /// Expected reclaims per spot GPU-hour.
    reclaims_per_gpu_hour: Ratio,
    /// GPU-hours lost with each: rework and restart.
    lost_hours_per_reclaim: Ratio,
    #[serde(default = "super::first_day")]
    from_day: u32,
    days: Option<u32>,
}

impl Shock for SpotReclaim {
    fn check(&self, horizon_days: u32) -> Result<()> {
        if self.reclaims_per_gpu_hour.0.is_negative() || self.lost_hours_per_reclaim.0.is_negative() {
            return Err(impossible(
                "reclaims_per_gpu_hour, lost_hours_per_reclaim",
                "neither can be negative",
                "0.02 reclaims an hour, 1.5 hours each, is a bad month",
            ));
        }
        check_span("from_day", self.from_day, self.days, horizon_days)
    }

    fn bind(&self, _name: &str, world: &mut World) -> Result<Box<dyn Bound>> {
        let hours: i128 = world
            .pools
            .iter()
            .map(|p| (0..world.days).map(|day| p.hours_held(SPOT, day)).sum::<i128>())
            .sum();
        // Where there is no spot today, the chance of one GPU stands for that of a decision's.
        let per_day = (hours / world.days as i128).max(24 * money::ONE);
        let fleet = Factor::ratio(per_day, money::ONE).ok_or_else(crate::drill::overflow)?;
        Ok(Box::new(Reclaim {
            spec: self.clone(),
            span: Span::new(self.from_day, self.days),
            fleet,
        }))
    }
}

struct Reclaim {
    spec: SpotReclaim,
    span: Span,
    /// Spot GPU-hours of a usual day.
    fleet: Factor,
}

impl Bound for Reclaim {
    fn is_random(&self) -> bool {
        true
    }

    fn draw(&self, _normals: &[f64], rng: &mut Rng, days: usize) -> Vec<Factor> {
        let hours = self.fleet.as_f64();
        let expected = self.spec.reclaims_per_gpu_hour.0.as_f64() * hours;
        let lost = self.spec.lost_hours_per_reclaim.0.as_f64();
        let Ok(reclaims) = Poisson::new(expected) else {
            return vec![Factor::ZERO; days]; // no reclaims are expected
        };
        (0..days)
            .map(|_| Factor::drawn(reclaims.sample(rng) * lost / hours))
            .collect()
    }

    fn apply(&self, day: usize, drawn: Factor, state: &mut DayState) -> Option<()> {
        if self.span.contains(day) {
            for pool in &mut state.pools {
                pool.spot_overhead = pool.spot_overhead.plus(drawn);
            }
        }
        Some(())
    }
}
