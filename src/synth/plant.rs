//! Anomalies put into a company on purpose, with a list of what was put where: what a search for them is
//! measured by. The company's own story is silenced first, so that the list is complete.

use super::chance::{between, pick, unit};
use super::portfolio::{Model, Portfolio, Price, Spell, Uptime, UseCase};
use crate::base::seed::{self, Rng};
use crate::base::{Error, Result};
use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::fmt::Write as _;

/// Days before the first anomaly: what is usual has to be known.
const QUIET_DAYS: u64 = 42;
/// Days after the last one begins.
const REST_DAYS: u64 = 10;
/// A target carries at least this part of the money that tokens cost.
const LEAST_PART: f64 = 0.08;

/// One anomaly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// `surge`, `more traffic`, `new price`, `other model`, `cold cache`, `left on`.
    pub kind: &'static str,
    /// Where it is best told of: `use case`, `model` or `GPU pool`.
    pub grain: &'static str,
    pub name: String,
    /// First day, and the day after the last.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// `volume`, `price` or `mix`.
    pub driver: &'static str,
}

/// Puts so many anomalies into a company, each with a target of its own, as far as there are targets.
pub(super) fn sow(
    portfolio: &mut Portfolio,
    seed: u64,
    window: std::ops::Range<NaiveDate>,
    count: u32,
) -> Result<Vec<Planted>> {
    silence(portfolio, window.start);
    let mut rng = seed::generator(seed, "planted");
    let room = (window.end - window.start).num_days() - (QUIET_DAYS + REST_DAYS) as i64;
    if room < 1 {
        return Err(Error::usage(format!(
            "planted anomalies need {} days at least",
            QUIET_DAYS + REST_DAYS + 1
        )));
    }
    let weights: Vec<f64> = portfolio
        .use_cases
        .iter()
        .map(|case| weight(portfolio, case))
        .collect();
    let all: f64 = weights.iter().sum();
    let mut cases: Vec<usize> = (0..weights.len())
        .filter(|at| weights[*at] >= LEAST_PART * all)
        .collect();
    let mut pools: Vec<usize> = (0..portfolio.nodes.len())
        .filter(|at| portfolio.nodes[*at].uptime == Uptime::OfficeHours)
        .collect();
    let mut models: Vec<usize> = (0..portfolio.models.len())
        .filter(|at| part(portfolio, &weights, *at) >= LEAST_PART * all)
        .collect();
    let mut planted = Vec::new();
    while planted.len() < count as usize && !(cases.is_empty() && models.is_empty() && pools.is_empty()) {
        let from = window.start + Days::new(QUIET_DAYS + (unit(&mut rng) * room as f64) as u64);
        // On a weekend an office use case has nothing to multiply.
        let from = match from.weekday() {
            Weekday::Fri => from + Days::new(3),
            Weekday::Sat => from + Days::new(2),
            Weekday::Sun => from + Days::new(1),
            _ => from,
        };
        let brief = from + Days::new(1 + (unit(&mut rng) * 3.0) as u64);
        let found = match pick(&mut rng, [3, 2, 2, 2, 2, 1].into_iter()) {
            0 => take(&mut rng, &mut cases).map(|at| {
                let traffic = between(&mut rng, 3.0, 7.0);
                spell(portfolio, at, from..brief, "surge", "volume", |s| {
                    s.traffic = traffic
                })
            }),
            1 => take(&mut rng, &mut cases).map(|at| {
                let traffic = between(&mut rng, 1.8, 3.0);
                spell(portfolio, at, from..window.end, "more traffic", "volume", |s| {
                    s.traffic = traffic
                })
            }),
            2 => take(&mut rng, &mut models).map(|at| {
                let times = if unit(&mut rng) < 0.5 {
                    between(&mut rng, 0.35, 0.6)
                } else {
                    between(&mut rng, 1.6, 2.6)
                };
                price(portfolio, at, from..window.end, times)
            }),
            3 => take(&mut rng, &mut cases).and_then(|at| {
                let route = Some(dearer(portfolio, at)?);
                Some(spell(
                    portfolio,
                    at,
                    from..window.end,
                    "other model",
                    "mix",
                    |s| s.route = route,
                ))
            }),
            4 => take(&mut rng, &mut cases).and_then(|at| {
                caches(portfolio, at).then(|| {
                    spell(portfolio, at, from..window.end, "cold cache", "mix", |s| {
                        s.cache = 0.05
                    })
                })
            }),
            _ => take(&mut rng, &mut pools).map(|at| {
                let node = &mut portfolio.nodes[at];
                node.left_on = Some(from..window.end);
                Planted {
                    kind: "left on",
                    grain: "GPU pool",
                    name: format!("{} {}", node.purchase.name().replace('_', " "), node.gpu_model),
                    from,
                    to: window.end,
                    driver: "volume",
                }
            }),
        };
        planted.extend(found);
    }
    planted.sort_by(|a, b| (a.from, &a.name).cmp(&(b.from, &b.name)));
    Ok(planted)
}

/// The list as CSV.
pub(super) fn list(planted: &[Planted]) -> String {
    let mut text = "kind,grain,name,from,to,driver\n".to_owned();
    for one in planted {
        let _ = writeln!(
            text,
            "{},{},{},{},{},{}",
            one.kind, one.grain, one.name, one.from, one.to, one.driver
        );
    }
    text
}

fn silence(portfolio: &mut Portfolio, first: NaiveDate) {
    portfolio.story = vec!["Anomalies are planted: planted.csv lists all of them. Nothing else happens."];
    portfolio.incidents.clear();
    for node in &mut portfolio.nodes {
        if node.uptime == Uptime::Spot {
            node.uptime = Uptime::Always;
        }
    }
    for case in &mut portfolio.use_cases {
        case.drift = None;
        case.launched = case.launched.min(first);
    }
    for model in &mut portfolio.models {
        model.prices.truncate(1);
    }
}

fn take(rng: &mut Rng, of: &mut Vec<usize>) -> Option<usize> {
    if of.is_empty() {
        return None;
    }
    let at = (unit(rng) * of.len() as f64) as usize;
    Some(of.swap_remove(at))
}

fn spell(
    portfolio: &mut Portfolio,
    case: usize,
    days: std::ops::Range<NaiveDate>,
    kind: &'static str,
    driver: &'static str,
    set: impl FnOnce(&mut Spell),
) -> Planted {
    let case = &mut portfolio.use_cases[case];
    let mut spell = Spell {
        days: days.clone(),
        traffic: 1.0,
        cache: 1.0,
        route: None,
    };
    set(&mut spell);
    case.spells.push(spell);
    Planted {
        kind,
        grain: if case.registered { "use case" } else { "key" },
        name: if case.registered {
            case.id.clone()
        } else {
            case.key.clone()
        },
        from: days.start,
        to: days.end,
        driver,
    }
}

fn price(portfolio: &mut Portfolio, model: usize, days: std::ops::Range<NaiveDate>, times: f64) -> Planted {
    let model = &mut portfolio.models[model];
    if let Some(last) = model.prices.last().cloned() {
        model.prices.push(Price {
            valid_from: days.start,
            per_mille: (times * 1_000.0) as i128,
            ..last
        });
    }
    Planted {
        kind: "new price",
        grain: "model",
        name: model.id.to_owned(),
        from: days.start,
        to: days.end,
        driver: "price",
    }
}

/// What a request of a use case costs on a model, in USD per million requests. Only to compare.
fn dear(model: &Model, case: &UseCase) -> f64 {
    let dollars = |text: &str| text.parse::<f64>().unwrap_or(0.0);
    model.prices.first().map_or(0.0, |price| {
        let read = case.cached * case.input;
        (case.input - read) * dollars(price.input)
            + read * dollars(price.cache_read)
            + case.output * dollars(price.output)
    })
}

fn weight(portfolio: &Portfolio, case: &UseCase) -> f64 {
    let all: u32 = case.routes.iter().map(|route| route.1).sum();
    let each = case
        .routes
        .iter()
        .map(|(model, share)| dear(&portfolio.models[*model], case) * f64::from(*share));
    case.share * each.sum::<f64>() / f64::from(all.max(1))
}

/// What of the money goes to a model.
fn part(portfolio: &Portfolio, weights: &[f64], model: usize) -> f64 {
    let of_case = |(case, weight): (&UseCase, &f64)| {
        let part = |(at, share): &(usize, u32)| dear(&portfolio.models[*at], case) * f64::from(*share);
        let all: f64 = case.routes.iter().map(part).sum();
        let own: f64 = case.routes.iter().filter(|r| r.0 == model).map(part).sum();
        if all > 0.0 { weight * own / all } else { 0.0 }
    };
    portfolio.use_cases.iter().zip(weights).map(of_case).sum()
}

/// The dearest model on which a use case would pay much more, but not absurdly more.
fn dearer(portfolio: &Portfolio, case: usize) -> Option<usize> {
    let case = &portfolio.use_cases[case];
    let all: u32 = case.routes.iter().map(|route| route.1).sum();
    let now: f64 = case
        .routes
        .iter()
        .map(|(model, share)| dear(&portfolio.models[*model], case) * f64::from(*share))
        .sum::<f64>()
        / f64::from(all.max(1));
    let bounds = 1.8 * now..6.0 * now;
    (0..portfolio.models.len())
        .filter(|at| portfolio.models[*at].tier.is_some())
        .map(|at| (at, dear(&portfolio.models[at], case)))
        .filter(|(_, dear)| bounds.contains(dear))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at)
}

/// Whether it would be missed: most of the input is read from the cache, at a price for it.
fn caches(portfolio: &Portfolio, case: usize) -> bool {
    let case = &portfolio.use_cases[case];
    case.cached >= 0.6
        && case
            .routes
            .iter()
            .all(|(model, _)| !portfolio.models[*model].prices.is_empty())
}
