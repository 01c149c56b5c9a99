//! The future before any shock: every driver's forecast, its past deviations, and present prices.

use super::baseline::{self, BackTest};
use super::factor::Factor;
use super::inputs::{DriverKind, History, PURCHASES, Portfolio, Purchase, recent};
use super::scenario::Scenario;
use super::{overflow, position::POOL_SEPARATOR};
use crate::base::{Result, money};
use std::collections::BTreeMap;

/// The world of one drill. Shocks may add lines to it when they are bound, and change nothing else.
#[derive(Debug)]
pub struct World {
    pub days: usize,
    pub lines: Vec<WorldLine>,
    pub pools: Vec<WorldPool>,
    /// Weeks of deviations to draw from.
    pub weeks: usize,
    pub back_test: BackTest,
    /// Of the last 28 days.
    pub recent_requests: i128,
    pub recent_hits: i128,
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct WorldLine {
    pub kind: DriverKind,
    pub driver: String,
    pub part: String,
    pub base: Vec<i128>,
    pub residuals: Vec<Factor>,
    /// Of the last 28 days: what a unit costs now.
    pub recent_spend: i128,
    pub recent_quantity: i128,
}

#[derive(Debug)]
pub struct WorldPool {
    pub name: String,
    /// In the order of `PURCHASES`.
    pub positions: [WorldPosition; 4],
    pub residuals: Vec<Factor>,
    /// False: history knows the spend but no hours; one unit of currency then stands for one hour.
    pub hours_known: bool,
    /// Serving hours over provisioned hours of the last 28 days.
    pub utilization: Option<i128>,
}

#[derive(Debug, Default)]
pub struct WorldPosition {
    pub spend: Vec<i128>,
    pub hours: Vec<i128>,
    /// Per GPU-hour: the drill file's, else the last 28 days'.
    pub price: Option<i128>,
}

impl World {
    pub fn new(portfolio: &Portfolio, scenario: &Scenario) -> Result<World> {
        let days = scenario.horizon_days as usize;
        // Spend that moves with use; what is flat would flatter the measured error.
        let mut moving = vec![0_i128; portfolio.days];
        let api = portfolio
            .lines
            .iter()
            .filter(|l| l.kind == DriverKind::ModelApi)
            .map(|l| &l.history);
        let gpu = portfolio.pools.iter().flat_map(|p| p.purchases.values());
        for history in api.chain(gpu) {
            for (sum, spend) in moving.iter_mut().zip(&history.spend) {
                *sum += spend;
            }
        }
        let measured = if moving.iter().all(|m| *m == 0) {
            portfolio.totals()
        } else {
            moving
        };
        let back_test = baseline::back_test(&measured, days)?;
        let mut world = World {
            days,
            lines: Vec::with_capacity(portfolio.lines.len()),
            pools: Vec::with_capacity(portfolio.pools.len()),
            weeks: baseline::weeks(portfolio.days),
            recent_requests: portfolio.recent_requests,
            recent_hits: portfolio.recent_hits,
            notes: portfolio.notes.clone(),
            back_test,
        };
        for line in &portfolio.lines {
            let history = &line.history;
            world.lines.push(WorldLine {
                kind: line.kind,
                driver: line.driver.clone(),
                part: line.part.clone(),
                base: world.forecast(&history.spend)?,
                residuals: world.residuals(&history.spend)?,
                recent_spend: recent(&history.spend),
                recent_quantity: recent(&history.quantity),
            });
        }
        for pool in &portfolio.pools {
            let bound = world.pool(&pool.name, &pool.purchases, scenario)?;
            world.pools.push(bound);
        }
        Ok(world)
    }

    fn forecast(&self, series: &[i128]) -> Result<Vec<i128>> {
        baseline::forecast(series, self.days, self.back_test.method).ok_or_else(overflow)
    }

    fn residuals(&self, series: &[i128]) -> Result<Vec<Factor>> {
        baseline::residuals(series, self.back_test.method).ok_or_else(overflow)
    }

    fn pool(
        &mut self,
        name: &str,
        purchases: &BTreeMap<Purchase, History>,
        scenario: &Scenario,
    ) -> Result<WorldPool> {
        let hours_known = purchases.values().any(|h| h.quantity.iter().any(|q| *q > 0));
        if !hours_known {
            self.notes.push(format!(
                "{name}: GPU spend without hours; its demand is measured in money and decisions cannot be compared"
            ));
        }
        let hours_of = |h: &History| {
            if hours_known {
                h.quantity.clone()
            } else {
                h.spend.clone()
            }
        };
        let mut demand = vec![0; purchases.values().map(|h| h.spend.len()).max().unwrap_or(0)];
        let mut positions: [WorldPosition; 4] = Default::default();
        for (purchase, position) in PURCHASES.into_iter().zip(&mut positions) {
            let stated = scenario.prices.get(&purchase).map(|p| p.0);
            let Some(history) = purchases.get(&purchase) else {
                *position = WorldPosition {
                    spend: vec![0; self.days],
                    hours: vec![0; self.days],
                    price: stated,
                };
                continue;
            };
            let hours = hours_of(history);
            for (sum, h) in demand.iter_mut().zip(&hours) {
                *sum += h;
            }
            let present = money::ratio(recent(&history.spend), recent(&hours)).filter(|p| *p > 0);
            *position = WorldPosition {
                spend: self.forecast(&history.spend)?,
                hours: self.forecast(&hours)?,
                price: stated.or(present),
            };
        }
        let of = |pick: fn(&History) -> &Vec<i128>| purchases.values().map(|h| recent(pick(h))).sum::<i128>();
        let utilization = if hours_known {
            money::ratio(of(|h| &h.used), of(|h| &h.quantity))
        } else {
            None
        };
        let residuals = self.residuals(&demand)?;
        Ok(WorldPool {
            name: name.to_owned(),
            positions,
            residuals,
            hours_known,
            utilization,
        })
    }

    /// The line of a driver and part, added empty where there is none: a model nobody uses yet.
    pub fn line_or_new(&mut self, kind: DriverKind, driver: &str, part: &str) -> usize {
        let found = self
            .lines
            .iter()
            .position(|l| l.kind == kind && l.driver == driver && l.part == part);
        found.unwrap_or_else(|| {
            self.lines.push(WorldLine {
                kind,
                driver: driver.to_owned(),
                part: part.to_owned(),
                base: vec![0; self.days],
                residuals: vec![Factor::ONE; self.weeks * 7],
                recent_spend: 0,
                recent_quantity: 0,
            });
            self.lines.len() - 1
        })
    }

    /// What reports call the drivers: a model or service once, whatever its parts; a pool by purchase.
    /// Index `i < lines.len()` is line `i`, then four for every pool.
    pub fn driver_names(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|l| l.driver.clone());
        let pools = self.pools.iter().flat_map(|pool| {
            PURCHASES
                .iter()
                .map(|p| format!("{}{POOL_SEPARATOR}{}", pool.name, p.name().replace('_', " ")))
        });
        lines.chain(pools).collect()
    }
}
