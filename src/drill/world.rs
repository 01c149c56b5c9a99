//! The future before any shock: every driver's forecast, its past deviations, and present prices.

use super::factor::Factor;
use super::forecaster::{BackTest, Forecaster, Learned};
use super::holding::{Holding, Position};
use super::index::Index;
use super::inputs::{DriverKind, History, PURCHASES, Pool, Portfolio, Purchase, recent};
use super::market::Market;
use super::overflow;
use super::position::{Book, ON_DEMAND, POOL_SEPARATOR, RESERVED};
use super::scenario::{Scenario, impossible};
use crate::base::{Error, Result, money};
use chrono::NaiveDate;

/// The world of one drill. Shocks may add lines to it when they are bound, and change nothing else.
#[derive(Debug)]
pub struct World {
    /// The first simulated day.
    pub start: NaiveDate,
    pub days: usize,
    pub currency: String,
    pub lines: Vec<WorldLine>,
    pub pools: Vec<WorldPool>,
    /// Weeks of deviations to draw from.
    pub weeks: usize,
    pub back_test: BackTest,
    /// Of the last 28 days.
    pub recent_requests: i128,
    pub recent_hits: i128,
    /// The user's, of the drill file.
    pub indices: Vec<Index>,
    /// How prices move, as shocks found out when they were bound.
    pub(super) markets: Vec<Market>,
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct WorldLine {
    pub kind: DriverKind,
    pub driver: String,
    pub part: String,
    /// The currency it is billed in.
    pub native: String,
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
    /// How it is paid for, where the drill file says so and not history.
    pub(super) today: Option<Book>,
}

#[derive(Debug, Default)]
pub struct WorldPosition {
    pub spend: Vec<i128>,
    pub hours: Vec<i128>,
    /// Per GPU-hour: the drill file's, else the last 28 days'.
    pub price: Option<i128>,
    /// Shares of the spend of the last 28 days by the currency it is billed in.
    pub natives: Vec<(String, Factor)>,
}

impl WorldPool {
    /// GPU-hours of a kind that today's purchases hold on a day.
    pub(super) fn hours_held(&self, kind: usize, day: usize) -> i128 {
        match &self.today {
            Some(book) => book.hours(kind, day),
            None => self.positions[kind].hours[day],
        }
    }

    /// What a reserved hour costs: as stated or as paid, else as the positions of the drill file have it.
    pub(super) fn reserved_price(&self) -> Option<i128> {
        let held = || {
            let book = self.today.as_ref()?;
            book.holdings
                .iter()
                .find(|h| h.kind == Purchase::Reserved)
                .map(|h| h.strike)
        };
        self.positions[RESERVED].price.or_else(held)
    }

    /// Today's purchases as holdings: those of the drill file, else means of the forecast.
    pub(super) fn held(&self, days: usize) -> Result<Vec<Holding>> {
        if let Some(book) = &self.today {
            return Ok(book.holdings.clone());
        }
        let kinds = PURCHASES.into_iter().zip(&self.positions);
        let held = kinds.filter(|(kind, p)| *kind != Purchase::OnDemand && p.hours.iter().any(|h| *h > 0));
        held.map(|(kind, position)| {
            let price = position.price.unwrap_or(0);
            Ok(Holding {
                kind,
                hours: super::outcome::mean(position.hours.iter().copied(), days)?,
                price,
                strike: price,
                from: 0,
                until: None,
                written_off: None,
                book_value: None,
            })
        })
        .collect()
    }

    /// A pool without history, for tests of single parts.
    #[cfg(test)]
    pub(super) fn plain(name: &str, days: usize) -> WorldPool {
        WorldPool {
            name: name.to_owned(),
            positions: std::array::from_fn(|_| WorldPosition {
                spend: vec![0; days],
                hours: vec![0; days],
                ..WorldPosition::default()
            }),
            residuals: Vec::new(),
            hours_known: true,
            utilization: None,
            today: None,
        }
    }
}

impl World {
    pub fn new(portfolio: &Portfolio, scenario: &Scenario, forecaster: &dyn Forecaster) -> Result<World> {
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
        let learned = forecaster.learn(&measured, portfolio.first_day, days)?;
        let mut world = World {
            start: portfolio.start(),
            days,
            currency: portfolio.currency.clone(),
            lines: Vec::with_capacity(portfolio.lines.len()),
            pools: Vec::with_capacity(portfolio.pools.len()),
            weeks: learned.weeks(),
            recent_requests: portfolio.recent_requests,
            recent_hits: portfolio.recent_hits,
            indices: scenario.indices.clone(),
            markets: Vec::new(),
            notes: portfolio.notes.clone(),
            back_test: learned.back_test().clone(),
        };
        for line in &portfolio.lines {
            let history = &line.history;
            world.lines.push(WorldLine {
                kind: line.kind,
                driver: line.driver.clone(),
                part: line.part.clone(),
                native: line.native.clone(),
                base: learned.ahead(&history.spend).ok_or_else(overflow)?,
                residuals: learned.deviations(&history.spend).ok_or_else(overflow)?,
                recent_spend: recent(&history.spend),
                recent_quantity: recent(&history.quantity),
            });
        }
        for pool in &portfolio.pools {
            let bound = world.pool(pool, scenario, learned.as_ref())?;
            world.pools.push(bound);
        }
        world.take_positions(&scenario.positions)?;
        Ok(world)
    }

    /// Puts the file's positions in the place of what history says of their pools.
    fn take_positions(&mut self, positions: &[Position]) -> Result<()> {
        for (at, book) in self.books(positions, "positions")? {
            let pool = &mut self.pools[at];
            self.notes.push(format!(
                "{}: the positions of the drill file stand for today's purchases",
                pool.name
            ));
            pool.positions[ON_DEMAND].price = Some(book.on_demand);
            pool.today = Some(book);
        }
        Ok(())
    }

    /// Positions as books, by pool. `who` names them in errors.
    pub(super) fn books(&self, positions: &[Position], who: &str) -> Result<Vec<(usize, Book)>> {
        let mut pools = Vec::with_capacity(positions.len());
        for position in positions {
            pools.push(self.pool_of(position.pool.as_deref(), who)?);
        }
        let mut books = Vec::new();
        for (at, pool) in self.pools.iter().enumerate() {
            let own: Vec<&Position> = positions
                .iter()
                .zip(&pools)
                .filter(|(_, p)| **p == at)
                .map(|(position, _)| position)
                .collect();
            if own.is_empty() {
                continue;
            }
            if !pool.hours_known {
                return Err(Error::config(format!("{who}: {} has no GPU-hours", pool.name)).advise(
                    "a position needs the hours of its pool: is its telemetry or its gpu_nodes entry missing?",
                ));
            }
            let stated = own
                .iter()
                .filter(|p| p.kind == Purchase::OnDemand)
                .find_map(|p| p.price);
            let on_demand = stated.map(|p| p.0).or(pool.positions[ON_DEMAND].price).ok_or_else(|| {
                Error::config(format!("{who}: {} has no on_demand_price", pool.name)).advise(
                    "history shows none; give a position of kind on_demand with a price, or on_demand in [gpu.prices]",
                )
            })?;
            let holdings = own
                .iter()
                .filter(|p| p.kind != Purchase::OnDemand)
                .map(|p| Holding::new(p, pool, who))
                .collect::<Result<_>>()?;
            books.push((at, Book::new(holdings, on_demand, self.days)?));
        }
        Ok(books)
    }

    /// The pool of that name; the only one where none is named.
    fn pool_of(&self, name: Option<&str>, who: &str) -> Result<usize> {
        let no_pool = |why: String| {
            let known: Vec<&str> = self.pools.iter().map(|p| p.name.as_str()).collect();
            let advice = if known.is_empty() {
                "the portfolio has no GPUs: is there telemetry, are gpu_nodes configured, do scopes and drivers leave them in?".to_owned()
            } else {
                format!("name its pool: {}", known.join(", "))
            };
            impossible("pool", why, advice).context(who)
        };
        match name {
            Some(name) => self
                .pools
                .iter()
                .position(|p| p.name == *name)
                .ok_or_else(|| no_pool(format!("there is no GPU pool '{name}'"))),
            None if self.pools.len() == 1 => Ok(0),
            None => Err(no_pool(format!("there are {} GPU pools", self.pools.len()))),
        }
    }

    fn pool(&mut self, pool: &Pool, scenario: &Scenario, learned: &dyn Learned) -> Result<WorldPool> {
        let (name, purchases) = (&pool.name, &pool.purchases);
        let ahead = |series: &[i128]| learned.ahead(series).ok_or_else(overflow);
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
                    natives: Vec::new(),
                };
                continue;
            };
            let hours = hours_of(history);
            for (sum, h) in demand.iter_mut().zip(&hours) {
                *sum += h;
            }
            let present = money::ratio(recent(&history.spend), recent(&hours)).filter(|p| *p > 0);
            *position = WorldPosition {
                spend: ahead(&history.spend)?,
                hours: ahead(&hours)?,
                price: stated.or(present),
                natives: shares(pool, purchase),
            };
        }
        let of = |pick: fn(&History) -> &Vec<i128>| purchases.values().map(|h| recent(pick(h))).sum::<i128>();
        let utilization = if hours_known {
            money::ratio(of(|h| &h.used), of(|h| &h.quantity))
        } else {
            None
        };
        Ok(WorldPool {
            name: name.to_owned(),
            positions,
            residuals: learned.deviations(&demand).ok_or_else(overflow)?,
            hours_known,
            utilization,
            today: None,
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
                native: self.currency.clone(),
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

/// What part of a position's recent spend is billed in which currency.
fn shares(pool: &Pool, purchase: Purchase) -> Vec<(String, Factor)> {
    let Some(natives) = pool.natives.get(&purchase) else {
        return Vec::new();
    };
    let whole: i128 = natives.values().sum();
    let share = |(currency, spend): (&String, &i128)| Some((currency.clone(), Factor::ratio(*spend, whole)?));
    natives.iter().filter_map(share).collect()
}
