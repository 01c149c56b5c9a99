//! Budget drills: what would it cost if …, and would the budget hold?
//!
//! Pure: a [`Scenario`] (TOML files) and [`Inputs`] (frames) go in, an [`Outcome`] (frames and words)
//! comes out; the same seed gives the same bytes. It sees no session, no lake, no clock and no chart.
//!
//! ```text
//! files → scenario                 forecaster (the one place where a forecast is handed in)
//! inputs → portfolio → world (forecast, deviations, prices, positions) → shocks bound to it
//!                        chance (correlated draws) → simulate → outcome
//!                          decisions, newsvendor, nothing reserved ↗
//! ```

mod baseline;
mod budget;
mod chance;
mod commitment;
mod compare;
mod compose;
mod contribution;
mod correlation;
mod factor;
mod forecaster;
mod holding;
mod index;
mod inputs;
mod market;
mod marks;
mod outcome;
mod position;
mod process;
mod scenario;
pub mod shock;
mod simulate;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod world;

pub use compose::{Library, Text};
pub use factor::Factor;
pub use forecaster::{BackTest, BackTested, Forecaster, Learned, Weekdays};
pub use inputs::{DriverKind, Inputs, NamedBudget, Purchase, Selection};
pub use outcome::{Outcome, TABLES, Totals};
pub use scenario::{Period, Scenario};

use crate::base::{Error, Result};
use budget::Budget;
use chance::BoundShock;
use inputs::Portfolio;
use scenario::Noise;
use simulate::{Active, Plan, Simulation};
use world::World;

fn overflow() -> Error {
    Error::data("an amount of the drill does not fit into 38 digits")
        .advise("check the factors and prices of the drill file")
}

/// Runs a drill on a forecast. `seed` replaces the one of the file.
pub fn run(
    scenario: &Scenario,
    inputs: &Inputs,
    forecaster: &dyn Forecaster,
    seed: Option<u64>,
) -> Result<Outcome> {
    run_drill(scenario, inputs, forecaster, seed)
        .map_err(|e| e.context(format!("drill '{}'", scenario.title)))
}

/// Finds what every shock is about.
fn bind(scenario: &Scenario, world: &mut World) -> Result<Vec<BoundShock>> {
    scenario
        .shocks
        .iter()
        .map(|named| {
            let bound = named.shock.bind(&named.name, world);
            Ok(BoundShock {
                name: named.name.clone(),
                bound: bound.map_err(|e| e.context(format!("shock '{}'", named.name)))?,
            })
        })
        .collect()
}

fn run_drill(
    scenario: &Scenario,
    inputs: &Inputs,
    forecaster: &dyn Forecaster,
    seed: Option<u64>,
) -> Result<Outcome> {
    let seed = seed.unwrap_or(scenario.seed);
    let portfolio = Portfolio::read(inputs, &budget::selection(&scenario.budget, inputs)?)?;
    let mut world = World::new(&portfolio, scenario, forecaster)?;
    let shocks = bind(scenario, &mut world)?;
    let world = world;
    let today = compare::today(&world);
    let plan = |active, noise, mixes| Plan {
        active,
        noise,
        mixes,
        detail: true,
    };
    let mut simulation = Simulation {
        world: &world,
        shocks: &[],
        budget: None,
        correlation: scenario.correlation.as_ref(),
        seed,
        paths: 1,
    };
    let forecast = simulation.run(&[plan(Active::None, Noise::None, vec![today.clone()])])?;
    let (forecast_total, base) = match forecast.as_slice() {
        [found] => (found.runs[0].totals.iter().sum(), found.detail.as_ref()),
        _ => (0, None),
    };
    let budget = Budget::new(&scenario.budget, inputs, &portfolio, world.days, forecast_total)?;
    simulation.budget = Some(&budget);
    simulation.shocks = &shocks;
    simulation.paths = scenario.paths as usize;

    let mut candidates = compare::candidates(scenario, &world)?;
    let mixes = candidates.iter().map(|c| c.mixes.clone()).collect();
    let mut plans = vec![plan(Active::All, scenario.noise, mixes)];
    plans.extend(contribution::plans(&simulation, scenario.noise, &today));
    let mut found = simulation.run(&plans)?;
    let rest = found.split_off(1);
    let (Some(shocked), Some(base)) = (found.pop(), base) else {
        return Err(Error::internal("a drill lost its runs"));
    };
    let Some(detail) = &shocked.detail else {
        return Err(Error::internal("a drill lost its days"));
    };
    let advice = commitment::advise(&world, detail)?;
    let optima = compare::optima(&advice, &world)?;
    let mixes: Vec<_> = optima.iter().map(|c| c.mixes.clone()).collect();
    let best = match mixes.is_empty() {
        true => None,
        false => simulation
            .run(&[Plan {
                detail: false,
                ..plan(Active::All, scenario.noise, mixes)
            }])?
            .pop(),
    };
    candidates.extend(optima);
    let runs = shocked
        .runs
        .iter()
        .chain(best.iter().flat_map(|found| &found.runs));
    // A drill without chance has one path in every run: their demands are then alike too.
    let demand: Vec<i128> = detail.pools.iter().map(|pool| pool.demand.iter().sum()).collect();
    let compared = candidates
        .iter()
        .zip(runs)
        .map(|(candidate, run)| candidate.compared(run, &demand, &world))
        .collect::<Result<Vec<_>>>()?;
    let totals = match compared.first() {
        Some(today) => today.totals,
        None => return Err(Error::internal("a drill lost today's purchases")),
    };
    let (parts, swings) = contribution::take(&simulation, &shocked, &rest, forecast_total)?;

    let start = portfolio.start();
    let mut breaches = shocked.runs[0].breaches.clone();
    breaches.sort_unstable();
    let breach_date = breaches
        .get(breaches.len().saturating_sub(1) / 2)
        .map(|day| inputs::add_days(start, *day));
    let (passed, verdict) = summary::verdict(scenario, &totals, &inputs.currency);
    let currency = inputs.currency.as_str();
    let mut outcome = Outcome {
        title: scenario.title.clone(),
        description: scenario.description.clone(),
        currency: currency.to_owned(),
        start,
        horizon_days: world.days,
        paths: scenario.paths as usize,
        seed,
        forecast: forecast_total,
        totals,
        budget: budget.amount,
        breach_date,
        passed,
        verdict,
        back_test: world.back_test.clone(),
        fan: outcome::fan(detail, base, &budget, start, currency)?,
        contributors: contribution::frame(&parts, currency)?,
        tornado: contribution::tornado(&swings, currency)?,
        decisions: compare::decisions(&compared, currency)?,
        hedges: compare::hedges(&compared, currency)?,
        book: marks::frame(&world, &detail.pools)?,
        pools: outcome::pools(&advice, &compared, currency)?,
        processes: market::frame(&world.markets)?,
        notes: world.notes.clone(),
        summary: String::new(),
        findings: Vec::new(),
    };
    (outcome.summary, outcome.findings) = summary::write(&outcome, &parts, &swings, &compared, &advice);
    Ok(outcome)
}
