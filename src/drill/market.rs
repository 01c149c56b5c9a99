//! What a drill file says of a price that moves: stated, fitted to an index, or taken from one. Becomes a
//! `Process` and a line of the table that says on which parameters the drill rests.

use super::factor::{Factor, parameter};
use super::index::Index;
use super::process::{self, DAYS_PER_YEAR, Fit, Process};
use super::scenario::impossible;
use super::table::Table;
use super::value::Ratio;
use super::world::World;
use crate::base::{Error, Result, money};
use crate::frame::{Frame, Role};
use chrono::NaiveDate;
use serde::Deserialize;

/// How a price moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Model {
    /// A random walk of its logarithm.
    Geometric,
    /// One that is drawn back to a level.
    MeanReverting,
    /// The index as it is.
    Path,
}

impl Model {
    fn name(self) -> &'static str {
        match self {
            Model::Geometric => "geometric",
            Model::MeanReverting => "mean_reverting",
            Model::Path => "path",
        }
    }
}

/// The keys of a shock that move a price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moves {
    /// An index of the file. What is stated beside it holds, the rest is fitted.
    index: Option<String>,
    model: Option<Model>,
    /// With `path`: the stretch of the index that begins on this day, instead of the drill's own days.
    replay_from: Option<String>,
    /// Expected growth per year: 0.40 for forty per cent. May be negative. Of a geometric price.
    drift: Option<Ratio>,
    /// Standard deviation of the yearly logarithmic change.
    volatility: Option<Ratio>,
    /// Of a mean-reverting price: days after which half of the way to the level is done, and the level
    /// over today's price.
    half_life_days: Option<Ratio>,
    level: Option<Ratio>,
    /// Relative jump on `jump_day`, which stays: 0.35 for a third dearer.
    jump: Option<Ratio>,
    #[serde(default = "first_day")]
    jump_day: u32,
}

fn first_day() -> u32 {
    1
}

impl Moves {
    pub(super) const KEYS: [&'static str; 9] = [
        "index",
        "model",
        "replay_from",
        "drift",
        "volatility",
        "half_life_days",
        "level",
        "jump",
        "jump_day",
    ];

    fn model(&self) -> Model {
        self.model.unwrap_or(Model::Geometric)
    }

    /// Whether chance has a say.
    pub(super) fn draws_normals(&self) -> bool {
        let fitted = self.index.is_some() && self.volatility.is_none();
        self.model() != Model::Path && (fitted || self.volatility.is_some_and(|v| v.0 > Factor::ZERO))
    }

    pub(super) fn check(&self, horizon_days: u32) -> Result<()> {
        let whole = Factor::ONE;
        if self.volatility.is_some_and(|v| v.0.is_negative()) {
            return Err(impossible(
                "volatility",
                "it is negative",
                "0.5 is a stormy market, 0 a certain path",
            ));
        }
        let below_zero = |r: Option<Ratio>| r.is_some_and(|r| r.0.plus(whole).is_negative());
        if below_zero(self.jump) || self.drift.is_some_and(|d| d.0.plus(whole) <= Factor::ZERO) {
            return Err(impossible(
                "jump, drift",
                "a price cannot fall below zero",
                "-0.3 is thirty per cent less",
            ));
        }
        for (key, value) in [("half_life_days", self.half_life_days), ("level", self.level)] {
            if value.is_some_and(|v| v.0 <= Factor::ZERO) {
                return Err(impossible(
                    key,
                    "it is not above zero",
                    "30 days; 1.2 is a fifth above today",
                ));
            }
        }
        let model = self.model();
        for (key, given, models) in [
            ("drift", self.drift.is_some(), &[Model::Geometric][..]),
            (
                "volatility",
                self.volatility.is_some(),
                &[Model::Geometric, Model::MeanReverting],
            ),
            (
                "half_life_days",
                self.half_life_days.is_some(),
                &[Model::MeanReverting],
            ),
            ("level", self.level.is_some(), &[Model::MeanReverting]),
            ("replay_from", self.replay_from.is_some(), &[Model::Path]),
        ] {
            if given && !models.contains(&model) {
                return Err(impossible(
                    key,
                    format!("a price whose model is {} has none", model.name()),
                    format!("it belongs to model = \"{}\"", models[0].name()),
                ));
            }
        }
        if self.index.is_none() {
            if model == Model::Path {
                return Err(impossible(
                    "index",
                    "a path is taken from an index",
                    "name one of [[indices]]",
                ));
            }
            if model == Model::MeanReverting && self.half_life_days.is_none() {
                return Err(impossible(
                    "half_life_days",
                    "without it nothing returns",
                    "state it, or name an index that it is fitted to",
                ));
            }
        }
        self.replay_day()?;
        super::shock::check_span("jump_day", self.jump_day, None, horizon_days)
    }

    fn replay_day(&self) -> Result<Option<NaiveDate>> {
        let Some(text) = &self.replay_from else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            impossible(
                "replay_from",
                format!("'{text}' is no day"),
                "write it like \"2025-10-01\"",
            )
        })
    }

    /// The process, and what it rests on, in `world`'s table under `name`.
    pub(super) fn bind(&self, name: &str, world: &mut World) -> Result<Price> {
        let (start, days) = (world.start, world.days);
        let index = match &self.index {
            None => None,
            Some(wanted) => Some(world.indices.iter().find(|i| i.name == *wanted).ok_or_else(|| {
                let known: Vec<&str> = world.indices.iter().map(|i| i.name.as_str()).collect();
                impossible(
                    "index",
                    format!("there is no index '{wanted}'"),
                    match known.as_slice() {
                        [] => "the drill has no [[indices]]".to_owned(),
                        _ => format!("the drill has {}", known.join(", ")),
                    },
                )
            })?),
        };
        let number = |r: Option<Ratio>, otherwise: f64| r.map_or(otherwise, |r| r.0.as_f64());
        let mut market = Market::new(name, self.model(), index);
        let process = match self.model() {
            Model::Path => match index {
                Some(index) => process::path(index, start, self.replay_day()?, days)?,
                None => return Err(Error::internal("a path without an index passed its check")),
            },
            Model::Geometric => {
                let fit = index
                    .map(|i| process::fit_geometric(i, start, days))
                    .transpose()?;
                let fitted = fit.as_ref();
                let drift = number(self.drift, fitted.and_then(|f| f.drift).map_or(0.0, |d| d.0));
                let volatility = number(self.volatility, fitted.map_or(0.0, |f| f.volatility.0));
                market.drift = Some(drift);
                market.volatility = Some(volatility);
                market.fitted(fit, self);
                process::geometric(drift, volatility)
            }
            Model::MeanReverting => {
                let stated =
                    self.half_life_days.is_some() && self.level.is_some() && self.volatility.is_some();
                let fit = match index {
                    Some(index) if !stated => Some(process::fit_reverting(index, start, days)?),
                    _ => None,
                };
                let fitted = fit.as_ref();
                let half_life = number(
                    self.half_life_days,
                    fitted.and_then(|f| f.half_life).map_or(1.0, |h| h.0),
                );
                let level = number(self.level, fitted.and_then(|f| f.level).unwrap_or(1.0));
                let volatility = number(self.volatility, fitted.map_or(0.0, |f| f.volatility.0));
                market.half_life = Some(half_life);
                market.level = Some(level);
                market.volatility = Some(volatility);
                market.fitted(fit, self);
                Process::Reverting {
                    speed: std::f64::consts::LN_2 / half_life,
                    level: level.ln(),
                    sigma: volatility / DAYS_PER_YEAR.sqrt(),
                }
            }
        };
        world.notes.push(market.words());
        world.markets.push(market);
        Ok(Price {
            process,
            jump: self.jump.map_or(Factor::ZERO, |j| j.0),
            jump_at: self.jump_day as usize - 1,
        })
    }
}

/// A price that is ready to be drawn.
pub(super) struct Price {
    process: Process,
    jump: Factor,
    jump_at: usize,
}

impl Price {
    pub(super) fn is_random(&self) -> bool {
        self.process.is_random()
    }

    /// Factors on today's price, a day each.
    pub(super) fn factors(&self, normals: &[f64], days: usize) -> Vec<Factor> {
        let jumped = self.jump.plus(Factor::ONE);
        let mut factors = self.process.factors(normals, days);
        for factor in factors.iter_mut().skip(self.jump_at) {
            *factor = factor.then(jumped).unwrap_or(*factor);
        }
        factors
    }
}

/// What a process rests on.
#[derive(Debug, Clone)]
pub(super) struct Market {
    name: String,
    model: Model,
    index: Option<(String, String)>,
    drift: Option<f64>,
    volatility: Option<f64>,
    half_life: Option<f64>,
    level: Option<f64>,
    fit: Option<Fit>,
    drift_error: Option<f64>,
    volatility_error: Option<f64>,
    half_life_error: Option<f64>,
}

impl Market {
    fn new(name: &str, model: Model, index: Option<&Index>) -> Market {
        Market {
            name: name.to_owned(),
            model,
            index: index.map(|i| (i.name.clone(), i.source.clone())),
            drift: None,
            volatility: None,
            half_life: None,
            level: None,
            fit: None,
            drift_error: None,
            volatility_error: None,
            half_life_error: None,
        }
    }

    /// Errors of what was fitted; what was stated has none.
    fn fitted(&mut self, fit: Option<Fit>, stated: &Moves) {
        let Some(fit) = fit else { return };
        let unless = |given: bool, error: Option<f64>| error.filter(|_| !given);
        self.drift_error = unless(stated.drift.is_some(), fit.drift.map(|d| d.1));
        self.volatility_error = unless(stated.volatility.is_some(), Some(fit.volatility.1));
        self.half_life_error = unless(stated.half_life_days.is_some(), fit.half_life.map(|h| h.1));
        self.fit = Some(fit);
    }

    /// For the notes: the parameters with their errors, and what they are not to be trusted for.
    fn words(&self) -> String {
        let percent = |value: f64| format!("{:.0} %", value * 100.0);
        let with = |value: f64, error: Option<f64>| match error {
            Some(error) => format!("{} ± {}", percent(value), percent(error)),
            None => percent(value),
        };
        let mut parts = Vec::new();
        parts.extend(
            self.drift
                .map(|d| format!("drift {} a year", with(d, self.drift_error))),
        );
        parts.extend(
            self.level
                .map(|l| format!("returns to {l:.2} times today's price")),
        );
        parts.extend(self.half_life.map(|h| match self.half_life_error {
            Some(error) => format!("half of the way in {h:.0} ± {error:.0} days"),
            None => format!("half of the way in {h:.0} days"),
        }));
        parts.extend(
            self.volatility
                .map(|v| format!("volatility {} a year", with(v, self.volatility_error))),
        );
        let doubt = match self.fit.as_ref().and_then(|f| f.certainty) {
            Some(t) if t > -2.9 => " (the index is too short to tell its return from chance)",
            _ => "",
        };
        let origin = match (&self.fit, &self.index) {
            (Some(fit), Some((index, source))) => format!(
                ", fitted to {} values of index {index} from {} to {} ({source})",
                fit.observations, fit.first, fit.last
            ),
            (None, Some((index, source))) if self.model == Model::Path => {
                format!("the path of index {index} ({source})")
            }
            _ => String::new(),
        };
        let stated = if parts.is_empty() || !origin.is_empty() {
            ""
        } else {
            ", as stated"
        };
        format!("{}: {}{origin}{stated}{doubt}", self.name, parts.join(", "))
    }
}

/// `process, model, index, source, observations, first_day, last_day`, and the parameters with one standard
/// error each, empty where they were stated.
pub(super) fn frame(markets: &[Market]) -> Result<Frame> {
    let rows = || markets.iter();
    let number = |pick: fn(&Market) -> Option<f64>| rows().map(move |m| pick(m).and_then(parameter));
    let day = |pick: fn(&Fit) -> NaiveDate| {
        rows().map(move |m| m.fit.as_ref().map_or_else(String::new, |f| pick(f).to_string()))
    };
    let observations = rows().map(|m| m.fit.as_ref().map(|f| f.observations as i128 * money::ONE));
    Table::default()
        .texts("process", rows().map(|m| m.name.as_str()))
        .texts("model", rows().map(|m| m.model.name()))
        .texts(
            "index",
            rows().map(|m| m.index.as_ref().map_or("", |i| i.0.as_str())),
        )
        .texts(
            "source",
            rows().map(|m| m.index.as_ref().map_or("stated", |i| i.1.as_str())),
        )
        .decimals("observations", Role::Measure, "values", observations)?
        .texts("first_day", day(|f| f.first))
        .texts("last_day", day(|f| f.last))
        .decimals("drift", Role::Ratio, "", number(|m| m.drift))?
        .decimals("drift_error", Role::Ratio, "", number(|m| m.drift_error))?
        .decimals("volatility", Role::Ratio, "", number(|m| m.volatility))?
        .decimals(
            "volatility_error",
            Role::Ratio,
            "",
            number(|m| m.volatility_error),
        )?
        .decimals("half_life_days", Role::Measure, "days", number(|m| m.half_life))?
        .decimals(
            "half_life_error",
            Role::Measure,
            "days",
            number(|m| m.half_life_error),
        )?
        .decimals("level", Role::Ratio, "", number(|m| m.level))?
        .frame()
}
