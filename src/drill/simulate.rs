//! The step loop: paths × days, deterministic for a seed. Chance is drawn by path and purpose, so
//! that the same path meets the same noise and the same shocks in every run that is compared
//! (common random numbers), whatever is switched off. Knows nothing of budgets or reports.

use super::baseline::BackTest;
use super::factor::Factor;
use super::inputs::DriverKind;
use super::overflow;
use super::position::{Mix, PoolDay, settle};
use super::scenario::Noise;
use super::shock::{Bound, DayState};
use super::world::World;
use crate::base::Result;
use crate::base::seed::{Rng, generator};
use rand::Rng as _;

/// A shock that found its drivers, under its name.
pub(super) struct BoundShock {
    pub name: String,
    pub bound: Box<dyn Bound>,
}

/// What all runs of a drill share.
pub(super) struct Simulation<'a> {
    pub world: &'a World,
    pub shocks: &'a [BoundShock],
    pub seed: u64,
    pub paths: usize,
    pub noise: Noise,
}

/// Which shocks act in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Active {
    All,
    None,
    AllBut(usize),
}

impl Active {
    fn has(self, shock: usize) -> bool {
        match self {
            Active::All => true,
            Active::None => false,
            Active::AllBut(one) => one != shock,
        }
    }
}

/// What one run found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub days: usize,
    /// Spend so far, path after path, day by day.
    pub cumulative: Vec<i128>,
    /// Spend by driver (`World::driver_names`), added over all paths.
    pub drivers: Vec<i128>,
    /// GPU-hours wanted, by pool; path after path, day by day.
    pub demand: Vec<Vec<i128>>,
    /// The factor on the on-demand price, by pool, added over all path-days (scale 18).
    pub on_demand_price: Vec<i128>,
}

impl Run {
    pub(super) fn paths(&self) -> impl Iterator<Item = &[i128]> {
        self.cumulative.chunks_exact(self.days)
    }

    /// Total spend of every path.
    pub(super) fn totals(&self) -> Vec<i128> {
        self.paths().filter_map(|path| path.last().copied()).collect()
    }
}

impl Simulation<'_> {
    /// All paths. `mixes` has one entry for every pool.
    pub(super) fn run(&self, active: Active, mixes: &[Mix]) -> Result<Run> {
        let (world, days) = (self.world, self.world.days);
        let pools = world.pools.len();
        let mut run = Run {
            days,
            cumulative: Vec::with_capacity(self.paths * days),
            drivers: vec![0; world.lines.len() + 4 * pools],
            demand: vec![Vec::with_capacity(self.paths * days); pools],
            on_demand_price: vec![0; pools],
        };
        let levels = Levels::of(&world.back_test);
        let mut state = DayState {
            spend: Vec::new(),
            pools: Vec::new(),
        };
        for path in 0..self.paths {
            let noise = self.noise(path, &levels);
            let drawn: Vec<Vec<Factor>> = self
                .shocks
                .iter()
                .map(|s| {
                    s.bound.draw(
                        &mut generator(self.seed, &format!("shock {} path {path}", s.name)),
                        days,
                    )
                })
                .collect();
            let mut spent = 0_i128;
            for day in 0..days {
                self.calm(day, &noise, &mut state).ok_or_else(overflow)?;
                for (at, shock) in self.shocks.iter().enumerate().filter(|(at, _)| active.has(*at)) {
                    let factor = drawn[at].get(day).copied().unwrap_or(Factor::ONE);
                    shock.bound.apply(day, factor, &mut state).ok_or_else(overflow)?;
                }
                let today = self.close(day, &state, mixes, &mut run).ok_or_else(overflow)?;
                spent = spent.checked_add(today).ok_or_else(overflow)?;
                run.cumulative.push(spent);
            }
        }
        Ok(run)
    }

    /// A day before shocks.
    fn calm(&self, day: usize, noise: &PathNoise, state: &mut DayState) -> Option<()> {
        state.spend.clear();
        state.pools.clear();
        let past = noise.past_day(day);
        for line in &self.world.lines {
            let mut spend = line.base[day];
            if let Some(past) = past {
                spend = line.residuals[past].apply(spend)?;
                if line.kind == DriverKind::ModelApi {
                    spend = noise.level.apply(spend)?;
                }
            }
            state.spend.push(spend);
        }
        for pool in &self.world.pools {
            let mut demand = pool.positions.iter().map(|p| p.hours[day]).sum();
            if let Some(past) = past {
                demand = noise.level.apply(pool.residuals[past].apply(demand)?)?;
            }
            state.pools.push(PoolDay::calm(demand));
        }
        Some(())
    }

    /// Settles the pools and books the day; returns its spend.
    fn close(&self, day: usize, state: &DayState, mixes: &[Mix], run: &mut Run) -> Option<i128> {
        let mut today = 0_i128;
        let mut book = |driver: usize, spend: i128| {
            run.drivers[driver] = run.drivers[driver].checked_add(spend)?;
            today = today.checked_add(spend)?;
            Some(())
        };
        for (line, spend) in state.spend.iter().enumerate() {
            book(line, *spend)?;
        }
        for (at, (pool, mix)) in self.world.pools.iter().zip(mixes).enumerate() {
            let costs = settle(pool, day, &state.pools[at], mix)?;
            for (purchase, cost) in costs.into_iter().enumerate() {
                book(state.spend.len() + 4 * at + purchase, cost)?;
            }
            run.demand[at].push(state.pools[at].demand);
            let price = state.pools[at].price[super::position::ON_DEMAND].decimal();
            run.on_demand_price[at] = run.on_demand_price[at].checked_add(price)?;
        }
        Some(today)
    }

    fn noise(&self, path: usize, levels: &Levels) -> PathNoise {
        if self.noise == Noise::None {
            return PathNoise {
                weeks: Vec::new(),
                level: Factor::ONE,
            };
        }
        let mut rng = generator(self.seed, &format!("noise path {path}"));
        let level = levels.draw(&mut rng);
        let weeks = (0..self.world.days.div_ceil(7))
            .map(|_| rng.random_range(0..self.world.weeks))
            .collect();
        PathNoise { weeks, level }
    }
}

/// Which past week each future week behaves like, and how far the forecast's level is off.
struct PathNoise {
    weeks: Vec<usize>,
    level: Factor,
}

impl PathNoise {
    fn past_day(&self, day: usize) -> Option<usize> {
        self.weeks.get(day / 7).map(|week| week * 7 + day % 7)
    }
}

/// The back-test's misses of the level, each with its inverse, so that they lean to neither side.
struct Levels(Vec<Factor>);

impl Levels {
    fn of(test: &BackTest) -> Levels {
        let both = |f: &Factor| [Some(*f), Factor::ratio(Factor::ONE.decimal(), f.decimal())];
        Levels(test.levels.iter().flat_map(both).flatten().collect())
    }

    fn draw(&self, rng: &mut Rng) -> Factor {
        if self.0.is_empty() {
            Factor::ONE
        } else {
            self.0[rng.random_range(0..self.0.len())]
        }
    }
}
