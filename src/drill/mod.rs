//! Budget drills: what would it cost if …, and would the budget hold?
//!
//! Pure: a [`Scenario`] (a TOML file) and [`Inputs`] (frames) go in, an [`Outcome`] (frames and words)
//! comes out; the same seed gives the same bytes. It sees no session, no lake, no clock and no chart.
//!
//! ```text
//! inputs → world (forecast, deviations, prices) → shocks bound to it → simulate → outcome
//!                                                    decisions (GPU mixes) ↗
//! ```

mod baseline;
mod budget;
mod commitment;
mod factor;
mod inputs;
mod outcome;
mod position;
mod scenario;
pub mod shock;
mod simulate;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod world;

pub use baseline::{BackTest, Method};
pub use factor::Factor;
pub use inputs::{DriverKind, Inputs, NamedBudget, Purchase, Selection};
pub use outcome::{Outcome, Totals};
pub use scenario::{Period, Scenario};

use crate::base::{Error, Result, money};
use budget::Budget;
use inputs::Portfolio;
use outcome::{Compared, Contribution};
use position::{FixedMix, Mix};
use scenario::Noise;
use simulate::{Active, BoundShock, Run, Simulation};
use std::collections::BTreeMap;
use world::World;

fn overflow() -> Error {
    Error::data("an amount of the drill does not fit into 38 digits")
        .advise("check the factors and prices of the drill file")
}

/// Runs a drill. `seed` replaces the one of the file.
pub fn run(scenario: &Scenario, inputs: &Inputs, seed: Option<u64>) -> Result<Outcome> {
    run_drill(scenario, inputs, seed).map_err(|e| e.context(format!("drill '{}'", scenario.title)))
}

fn run_drill(scenario: &Scenario, inputs: &Inputs, seed: Option<u64>) -> Result<Outcome> {
    let seed = seed.unwrap_or(scenario.seed);
    let portfolio = Portfolio::read(inputs, &budget::selection(&scenario.budget, inputs)?)?;
    let mut world = World::new(&portfolio, scenario)?;
    let mut shocks = Vec::with_capacity(scenario.shocks.len());
    for named in &scenario.shocks {
        let bound = named
            .shock
            .bind(&mut world)
            .map_err(|e| e.context(format!("shock '{}'", named.name)))?;
        shocks.push(BoundShock {
            name: named.name.clone(),
            bound,
        });
    }
    let world = world;
    let today: Vec<Mix> = world.pools.iter().map(|_| Mix::Today).collect();
    let forecast = Simulation {
        world: &world,
        shocks: &[],
        seed,
        paths: 1,
        noise: Noise::None,
    };
    let forecast = forecast.run(Active::None, &today)?;
    let forecast_total = forecast.totals().into_iter().sum();
    let budget = Budget::new(&scenario.budget, inputs, &portfolio, world.days, forecast_total)?;

    let paths = scenario.paths as usize;
    let simulation = Simulation {
        world: &world,
        shocks: &shocks,
        seed,
        paths,
        noise: scenario.noise,
    };
    let shocked = simulation.run(Active::All, &today)?;
    let (totals, breaches) = outcome::digest(&shocked, &budget)?;
    let parts = contributions(&simulation, &shocked, &today)?;
    let advice = commitment::advise(&world, &shocked)?;
    let compared = compare(scenario, &simulation, &advice, &totals, &budget)?;

    let start = portfolio.start();
    let breach_date = breaches
        .get(breaches.len().saturating_sub(1) / 2)
        .map(|day| inputs::add_days(start, *day));
    let (passed, verdict) = summary::verdict(scenario, &totals, &inputs.currency);
    let currency = inputs.currency.as_str();
    let increase = parts
        .iter()
        .filter(|p| p.by == "driver")
        .map(|p| p.increase)
        .sum();
    let mut outcome = Outcome {
        title: scenario.title.clone(),
        description: scenario.description.clone(),
        currency: currency.to_owned(),
        start,
        horizon_days: world.days,
        paths,
        seed,
        forecast: forecast_total,
        totals,
        budget: budget.amount,
        breach_date,
        passed,
        verdict,
        back_test: world.back_test.clone(),
        fan: outcome::fan(&shocked, &forecast, &budget, start, currency)?,
        contributors: outcome::contributors(&parts, increase, currency)?,
        decisions: outcome::decisions(&compared, &totals, currency)?,
        pools: outcome::pools(&advice, currency)?,
        notes: world.notes.clone(),
        summary: String::new(),
    };
    outcome.summary = summary::write(&outcome, &parts, &compared, &advice);
    Ok(outcome)
}

/// Who makes the increase: by driver, against the same paths without shocks; by shock, as what its
/// absence would spare; what only shocks together cause stands as `together`.
fn contributions(simulation: &Simulation<'_>, shocked: &Run, today: &[Mix]) -> Result<Vec<Contribution>> {
    let paths = simulation.paths;
    let calm = simulation.run(Active::None, today)?;
    let mut by_driver: BTreeMap<String, i128> = BTreeMap::new();
    for (at, name) in simulation.world.driver_names().into_iter().enumerate() {
        *by_driver.entry(name).or_default() += shocked.drivers[at] - calm.drivers[at];
    }
    let mut parts = Vec::new();
    for (name, sum) in by_driver.into_iter().filter(|(_, sum)| *sum != 0) {
        parts.push(Contribution {
            by: "driver",
            name,
            increase: outcome::mean([sum].into_iter(), paths)?,
        });
    }
    let total = |run: &Run| {
        run.drivers
            .iter()
            .try_fold(0_i128, |sum, d| sum.checked_add(*d))
            .ok_or_else(overflow)
    };
    let increase = total(shocked)? - total(&calm)?;
    let mut together = increase;
    let mut by_shock = Vec::new();
    for (at, shock) in simulation.shocks.iter().enumerate() {
        // The only shock is the whole increase: no need to run it again.
        let alone = if simulation.shocks.len() == 1 {
            increase
        } else {
            total(shocked)? - total(&simulation.run(Active::AllBut(at), today)?)?
        };
        together -= alone;
        by_shock.push((shock.name.clone(), alone));
    }
    if together != 0 {
        by_shock.push(("together".to_owned(), together));
    }
    for (name, sum) in by_shock {
        parts.push(Contribution {
            by: "shock",
            name,
            increase: outcome::mean([sum].into_iter(), paths)?,
        });
    }
    parts.sort_by(|a, b| (a.by, b.increase.abs(), &a.name).cmp(&(b.by, a.increase.abs(), &b.name)));
    Ok(parts)
}

/// Today's purchases, the file's decisions and the newsvendor's, all on the same shocked paths.
fn compare(
    scenario: &Scenario,
    simulation: &Simulation<'_>,
    advice: &[commitment::Advice],
    totals: &Totals,
    budget: &Budget,
) -> Result<Vec<Compared>> {
    let world = simulation.world;
    let mut rows = vec![Compared {
        name: "today".to_owned(),
        pool: String::new(),
        reserved: Some(advice.iter().map(|a| a.reserved_today).sum()),
        owned: Some(advice.iter().map(|a| a.owned_today).sum()),
        spot: Some(advice.iter().map(|a| a.spot_today).sum()),
        totals: *totals,
        owed: None,
    }];
    let mut candidates = Vec::new();
    for decision in &scenario.decisions {
        let at = pool_of(decision, world)?;
        candidates.push((
            decision.name.clone(),
            at,
            FixedMix::new(decision, &world.pools[at])?,
            decision.term_days,
        ));
    }
    for (at, one) in advice.iter().enumerate() {
        if let Some(mix) = &one.optimum {
            candidates.push((commitment::OPTIMUM.to_owned(), at, mix.clone(), None));
        }
    }
    for (name, at, mix, term) in candidates {
        let gpus = |count: u32| Some(i128::from(count) * money::ONE);
        let (reserved, owned, spot) = (gpus(mix.reserved), gpus(mix.owned), gpus(mix.spot));
        let owed = match term {
            None => None,
            Some(term) => {
                let days = (term as usize).saturating_sub(world.days) as i128;
                let hours = position::day_hours(mix.reserved).checked_mul(days);
                Some(
                    hours
                        .and_then(|h| money::mul(h, mix.prices[position::RESERVED]))
                        .ok_or_else(overflow)?,
                )
            }
        };
        let mut mixes: Vec<Mix> = world.pools.iter().map(|_| Mix::Today).collect();
        mixes[at] = Mix::Fixed(mix);
        let (totals, _) = outcome::digest(&simulation.run(Active::All, &mixes)?, budget)?;
        rows.push(Compared {
            name,
            pool: world.pools[at].name.clone(),
            reserved,
            owned,
            spot,
            totals,
            owed,
        });
    }
    Ok(rows)
}

fn pool_of(decision: &scenario::Decision, world: &World) -> Result<usize> {
    let known = || {
        world
            .pools
            .iter()
            .map(|p| p.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let no_pool = |why: String| {
        let advice = if world.pools.is_empty() {
            "the portfolio has no GPUs: is there telemetry, are gpu_nodes configured, do scopes and drivers leave them in?".to_owned()
        } else {
            format!("name its pool: {}", known())
        };
        scenario::impossible("pool", why, advice).context(format!("decision '{}'", decision.name))
    };
    match &decision.pool {
        Some(name) => world
            .pools
            .iter()
            .position(|p| p.name == *name)
            .ok_or_else(|| no_pool(format!("there is no GPU pool '{name}'"))),
        None if world.pools.len() == 1 => Ok(0),
        None => Err(no_pool(format!("there are {} GPU pools", world.pools.len()))),
    }
}
