//! The step loop: paths × days, deterministic for a seed however many threads share the paths. Each path
//! is drawn once and played under every plan, so that plans differ in nothing but what they say.
//! Knows nothing of reports.

use super::budget::Budget;
use super::chance::{BoundShock, Chance, Drawn, Levels};
use super::commitment::Ladder;
use super::correlation::Correlation;
use super::factor::Factor;
use super::inputs::DriverKind;
use super::overflow;
use super::position::{Mix, ON_DEMAND, PoolDay, SPOT, settle};
use super::scenario::Noise;
use super::shock::DayState;
use super::world::World;
use crate::base::{Error, Result};
use std::ops::Range;

/// Fewer paths than this are not worth a thread.
const PATHS_PER_THREAD: usize = 32;

/// What all runs of a drill share.
pub(super) struct Simulation<'a> {
    pub world: &'a World,
    pub shocks: &'a [BoundShock],
    /// Paths are held against it; absent while it is being worked out.
    pub budget: Option<&'a Budget>,
    pub correlation: Option<&'a Correlation>,
    pub seed: u64,
    pub paths: usize,
}

/// Which shocks act in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Active {
    All,
    None,
    AllBut(usize),
    Only(usize),
}

impl Active {
    fn has(self, shock: usize) -> bool {
        match self {
            Active::All => true,
            Active::None => false,
            Active::AllBut(one) => one != shock,
            Active::Only(one) => one == shock,
        }
    }
}

/// One way to play the paths.
pub(super) struct Plan {
    pub active: Active,
    pub noise: Noise,
    /// Ways to pay for the same days: by mix, one entry for every pool. The first is the plan's own.
    pub mixes: Vec<Vec<Mix>>,
    /// Whether days are kept, for the fan and the commitments.
    pub detail: bool,
}

/// What a plan came to.
pub(super) struct Found {
    /// In the order of `Plan::mixes`.
    pub runs: Vec<Run>,
    /// Spend by driver (`World::driver_names`) under the first mix, added over all paths.
    pub drivers: Vec<i128>,
    pub detail: Option<Detail>,
    /// Paths that were played: one where nothing is left to chance.
    pub paths: usize,
}

/// One mix of one plan.
#[derive(Default)]
pub(super) struct Run {
    /// Total spend of every path.
    pub totals: Vec<i128>,
    /// The days, from 0, on which paths break the budget, for those that do.
    pub breaches: Vec<usize>,
    /// By pool, added over all path-days: hours that are paid for anyway, and those of them in use.
    pub committed: Vec<i128>,
    pub used: Vec<i128>,
}

/// Day by day, under the first mix.
pub(super) struct Detail {
    pub days: usize,
    /// Spend so far, path after path, day by day.
    pub cumulative: Vec<i128>,
    pub pools: Vec<PoolDetail>,
}

pub(super) struct PoolDetail {
    /// GPU-hours wanted; path after path, day by day.
    pub demand: Vec<i128>,
    /// The factor on the on-demand price, added over all path-days (scale 18).
    pub on_demand_price: i128,
    /// That factor on the last day of every path.
    pub last_price: Vec<Factor>,
    pub ladder: Ladder,
}

impl Detail {
    pub(super) fn paths(&self) -> impl Iterator<Item = &[i128]> {
        self.cumulative.chunks_exact(self.days)
    }
}

impl Found {
    fn new(plan: &Plan, world: &World) -> Found {
        let pools = world.pools.len();
        let run = || Run {
            committed: vec![0; pools],
            used: vec![0; pools],
            ..Run::default()
        };
        Found {
            runs: plan.mixes.iter().map(|_| run()).collect(),
            drivers: vec![0; world.lines.len() + 4 * pools],
            detail: plan.detail.then(|| Detail {
                days: world.days,
                cumulative: Vec::new(),
                pools: (0..pools)
                    .map(|_| PoolDetail {
                        demand: Vec::new(),
                        on_demand_price: 0,
                        last_price: Vec::new(),
                        ladder: Ladder::default(),
                    })
                    .collect(),
            }),
            paths: 0,
        }
    }

    /// Puts later paths behind earlier ones.
    fn append(&mut self, more: Found) -> Option<()> {
        self.paths += more.paths;
        for (sum, v) in self.drivers.iter_mut().zip(more.drivers) {
            *sum = sum.checked_add(v)?;
        }
        for (run, more) in self.runs.iter_mut().zip(more.runs) {
            run.totals.extend(more.totals);
            run.breaches.extend(more.breaches);
            let sums = run.committed.iter_mut().zip(more.committed);
            for (sum, v) in sums.chain(run.used.iter_mut().zip(more.used)) {
                *sum = sum.checked_add(v)?;
            }
        }
        if let (Some(detail), Some(more)) = (&mut self.detail, more.detail) {
            detail.cumulative.extend(more.cumulative);
            for (pool, more) in detail.pools.iter_mut().zip(more.pools) {
                pool.demand.extend(more.demand);
                pool.last_price.extend(more.last_price);
                pool.on_demand_price = pool.on_demand_price.checked_add(more.on_demand_price)?;
                pool.ladder.add(&more.ladder)?;
            }
        }
        Some(())
    }
}

impl Simulation<'_> {
    /// Plays every plan on the same paths.
    pub(super) fn run(&self, plans: &[Plan]) -> Result<Vec<Found>> {
        let tables = Tables::of(self.world).ok_or_else(overflow)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = cores.min(self.paths / PATHS_PER_THREAD).max(1);
        let each = self.paths.div_ceil(threads);
        let ranges = (0..threads).map(|at| (at * each).min(self.paths)..((at + 1) * each).min(self.paths));
        let parts: Vec<Option<Vec<Found>>> = std::thread::scope(|scope| {
            let tables = &tables;
            let workers: Vec<_> = ranges
                .map(|range| scope.spawn(move || self.part(plans, tables, range)))
                .collect();
            let ended = |w: std::thread::ScopedJoinHandle<'_, _>| {
                w.join()
                    .map_err(|_| Error::internal("a thread of the drill ended early"))
            };
            workers.into_iter().map(ended).collect::<Result<_>>()
        })?;
        let mut whole: Vec<Found> = plans.iter().map(|plan| Found::new(plan, self.world)).collect();
        for part in parts {
            for (found, more) in whole.iter_mut().zip(part.ok_or_else(overflow)?) {
                found.append(more).ok_or_else(overflow)?;
            }
        }
        Ok(whole)
    }

    /// Whether paths of a plan differ.
    fn is_random(&self, plan: &Plan) -> bool {
        let acting = self
            .shocks
            .iter()
            .enumerate()
            .filter(|(at, _)| plan.active.has(*at));
        plan.noise != Noise::None || acting.into_iter().any(|(_, s)| s.bound.is_random())
    }

    fn part(&self, plans: &[Plan], tables: &Tables, paths: Range<usize>) -> Option<Vec<Found>> {
        let world = self.world;
        let chance = Chance {
            seed: self.seed,
            days: world.days,
            weeks: world.weeks,
            levels: Levels::of(&world.back_test),
            correlation: self.correlation,
        };
        let random: Vec<bool> = plans.iter().map(|plan| self.is_random(plan)).collect();
        let mut found: Vec<Found> = plans.iter().map(|plan| Found::new(plan, world)).collect();
        let mut state = DayState {
            spend: Vec::with_capacity(world.lines.len()),
            pools: Vec::with_capacity(world.pools.len()),
        };
        let mut spent: Vec<Vec<i128>> = Vec::new();
        for path in paths {
            let drawn = chance.draw(path, self.shocks);
            for ((plan, random), found) in plans.iter().zip(&random).zip(&mut found) {
                // Where nothing is left to chance, one path is all of them.
                if *random || path == 0 {
                    spent.resize_with(spent.len().max(plan.mixes.len()), Vec::new);
                    self.play(plan, tables, &drawn, &mut state, &mut spent, found)?;
                }
            }
        }
        Some(found)
    }

    /// One path of one plan. `None` on overflow.
    fn play(
        &self,
        plan: &Plan,
        tables: &Tables,
        drawn: &Drawn,
        state: &mut DayState,
        spent: &mut [Vec<i128>],
        found: &mut Found,
    ) -> Option<()> {
        let world = self.world;
        spent.iter_mut().for_each(Vec::clear);
        for day in 0..world.days {
            self.calm(day, plan.noise, tables, drawn, state)?;
            for (at, shock) in self.shocks.iter().enumerate() {
                if plan.active.has(at) {
                    let factor = drawn.shocks[at].get(day).copied().unwrap_or(Factor::ONE);
                    shock.bound.apply(day, factor, state)?;
                }
            }
            let mut lines = 0_i128;
            for (driver, spend) in found.drivers.iter_mut().zip(&state.spend) {
                *driver = driver.checked_add(*spend)?;
                lines = lines.checked_add(*spend)?;
            }
            for (at, mix) in plan.mixes.iter().enumerate() {
                let mut today = lines;
                for (pool, way) in mix.iter().enumerate() {
                    let settled = settle(&world.pools[pool], day, &state.pools[pool], way)?;
                    for (kind, cost) in settled.costs.into_iter().enumerate() {
                        today = today.checked_add(cost)?;
                        if at == 0 {
                            let driver = &mut found.drivers[world.lines.len() + 4 * pool + kind];
                            *driver = driver.checked_add(cost)?;
                        }
                    }
                    let run = &mut found.runs[at];
                    run.committed[pool] = run.committed[pool].checked_add(settled.committed)?;
                    run.used[pool] = run.used[pool].checked_add(settled.used)?;
                }
                let before = spent[at].last().copied().unwrap_or(0);
                spent[at].push(before.checked_add(today)?);
            }
            if let Some(detail) = &mut found.detail {
                for ((pool, state), known) in detail.pools.iter_mut().zip(&state.pools).zip(&world.pools) {
                    pool.demand.push(state.demand);
                    let price = state.price[ON_DEMAND];
                    pool.on_demand_price = pool.on_demand_price.checked_add(price.decimal())?;
                    pool.ladder.count(known, day, state)?;
                    if day + 1 == world.days {
                        pool.last_price.push(price);
                    }
                }
            }
        }
        for (run, spent) in found.runs.iter_mut().zip(spent.iter()) {
            run.totals.push(spent.last().copied().unwrap_or(0));
            run.breaches.extend(self.budget.and_then(|b| b.breach(spent)));
        }
        if let Some(detail) = &mut found.detail {
            detail.cumulative.extend_from_slice(&spent[0]);
        }
        found.paths += 1;
        Some(())
    }

    /// A day before shocks.
    fn calm(
        &self,
        day: usize,
        noise: Noise,
        tables: &Tables,
        drawn: &Drawn,
        state: &mut DayState,
    ) -> Option<()> {
        state.spend.clear();
        state.pools.clear();
        let (week, level) = match noise {
            Noise::None => (None, Factor::ONE),
            Noise::Bootstrap => (Some(drawn.noise.week(day)), drawn.noise.level),
        };
        let (lines, pools) = tables.day(day, week);
        for (line, spend) in self.world.lines.iter().zip(lines) {
            state.spend.push(match line.kind {
                DriverKind::ModelApi => level.apply(*spend)?,
                _ => *spend,
            });
        }
        for demand in pools {
            state.pools.push(PoolDay::calm(level.apply(*demand)?));
        }
        Some(())
    }
}

/// Every day's spend by line and demand by pool, as the forecast has it and as each past week deviates
/// from it: worked out once, since all paths choose from them.
struct Tables {
    days: usize,
    lines: Vec<Vec<i128>>,
    pools: Vec<Vec<i128>>,
}

impl Tables {
    fn of(world: &World) -> Option<Tables> {
        let days = world.days;
        let mut tables = Tables {
            days,
            lines: Vec::new(),
            pools: Vec::new(),
        };
        for week in std::iter::once(None).chain((0..world.weeks).map(Some)) {
            for day in 0..days {
                let deviate = |factors: &[Factor], value: i128| match week {
                    None => Some(value),
                    Some(week) => factors
                        .get(week * 7 + day % 7)
                        .map_or(Some(value), |f| f.apply(value)),
                };
                let lines = world.lines.iter().map(|l| deviate(&l.residuals, l.base[day]));
                tables.lines.push(lines.collect::<Option<_>>()?);
                let pools = world.pools.iter().map(|p| {
                    let demand = p.positions.iter().map(|k| k.hours[day]).sum();
                    deviate(&p.residuals, demand)
                });
                tables.pools.push(pools.collect::<Option<_>>()?);
            }
        }
        Some(tables)
    }

    fn day(&self, day: usize, week: Option<usize>) -> (&[i128], &[i128]) {
        // Without deviations to draw from, every week is the forecast's.
        let at = week.map_or(0, |week| week + 1) * self.days + day;
        let at = if at < self.lines.len() { at } else { day };
        (&self.lines[at], &self.pools[at])
    }
}

/// What a spot hour costs more than its price: reclaims of a shock.
pub(super) fn spot_weight(day: &PoolDay) -> Option<Factor> {
    day.price[SPOT].then(day.spot_overhead.plus(Factor::ONE))
}
