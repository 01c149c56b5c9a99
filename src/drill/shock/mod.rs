//! What can happen. One kind per file; a new one is a file and a line in `KINDS`.
//!
//! A shock is read from its table of the drill file, checked against the horizon, and bound to the
//! world, where it finds the drivers it is about. On every path it first draws its chance, one factor
//! a day, and then changes each day in place. Shocks act in the order of the file.

mod cache_hit_change;
mod either_or;
mod fx;
mod gpu_price;
mod lost_commitment;
mod model_swap;
mod price_change;
mod routing_change;
mod runaway_key;
mod spot_reclaim;
mod traffic_surge;

use super::factor::Factor;
use super::inputs::DriverKind;
use super::market::Moves;
use super::position::PoolDay;
use super::scenario::{NamedShock, impossible};
use super::world::World;
use crate::base::{Error, Result, seed::Rng};
use serde::Deserialize;

/// A kind of shock.
pub struct Kind {
    pub name: &'static str,
    pub summary: &'static str,
    read: fn(toml::Table) -> std::result::Result<Box<dyn Shock>, toml::de::Error>,
}

/// Every kind, by name.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "cache_hit_change",
        summary: "a cache answers more or fewer requests, or serves more or fewer input tokens",
        read: read::<cache_hit_change::CacheHitChange>,
    },
    Kind {
        name: "either_or",
        summary: "one of several levels of traffic comes true",
        read: read::<either_or::EitherOr>,
    },
    Kind {
        name: "fx",
        summary: "a currency that bills are in gets dearer or cheaper",
        read: read_market::<fx::Fx>,
    },
    Kind {
        name: "gpu_price",
        summary: "the GPU price index drifts, swings, returns, jumps, or follows a path",
        read: read_market::<gpu_price::GpuPrice>,
    },
    Kind {
        name: "lost_commitment",
        summary: "reserved GPUs end and are replaced on demand",
        read: read::<lost_commitment::LostCommitment>,
    },
    Kind {
        name: "model_swap",
        summary: "work moves from one model to another",
        read: read::<model_swap::ModelSwap>,
    },
    Kind {
        name: "price_change",
        summary: "a model provider changes its prices",
        read: read::<price_change::PriceChange>,
    },
    Kind {
        name: "routing_change",
        summary: "the router sends shares of one model's work to others",
        read: read::<routing_change::RoutingChange>,
    },
    Kind {
        name: "runaway_key",
        summary: "an API key spends without anybody noticing",
        read: read::<runaway_key::RunawayKey>,
    },
    Kind {
        name: "spot_reclaim",
        summary: "spot GPUs are taken back and their work is done again",
        read: read::<spot_reclaim::SpotReclaim>,
    },
    Kind {
        name: "traffic_surge",
        summary: "requests grow, at once or over a ramp",
        read: read::<traffic_surge::TrafficSurge>,
    },
];

fn read<S: Shock + for<'de> Deserialize<'de> + 'static>(
    table: toml::Table,
) -> std::result::Result<Box<dyn Shock>, toml::de::Error> {
    table
        .try_into::<S>()
        .map(|shock| Box::new(shock) as Box<dyn Shock>)
}

/// A shock whose price moves: its own keys, beside those that say how.
trait Market: for<'de> Deserialize<'de> {
    fn with(self, moves: Moves) -> Box<dyn Shock>;
}

fn read_market<S: Market>(table: toml::Table) -> std::result::Result<Box<dyn Shock>, toml::de::Error> {
    let (moves, own) = table
        .into_iter()
        .partition::<toml::Table, _>(|(key, _)| Moves::KEYS.contains(&key.as_str()));
    Ok(own.try_into::<S>()?.with(moves.try_into::<Moves>()?))
}

/// Reads one entry of `[[shocks]]`: `kind`, an optional `name`, and what the kind asks for.
pub(super) fn parse(at: usize, mut table: toml::Table) -> Result<NamedShock> {
    let key = |name: &str| format!("shocks[{at}].{name}");
    let mut text = |name: &str| match table.remove(name) {
        Some(toml::Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
        Some(_) => Err(impossible(&key(name), "it is not a text", "write it in quotes")),
        None => Ok(None),
    };
    let known = || KINDS.iter().map(|k| k.name).collect::<Vec<_>>().join(", ");
    let wanted = text("kind")?
        .ok_or_else(|| impossible(&key("kind"), "it is missing", format!("one of {}", known())))?;
    let name = text("name")?.unwrap_or_else(|| wanted.clone());
    let kind = KINDS.iter().find(|k| k.name == wanted).ok_or_else(|| {
        impossible(
            &key("kind"),
            format!("there is no shock '{wanted}'"),
            format!("one of {}", known()),
        )
    })?;
    let shock = (kind.read)(table).map_err(|e| {
        Error::config(e.message().to_owned()).context(format!("shocks[{at}] ({})", kind.name))
    })?;
    Ok(NamedShock {
        name,
        kind: kind.name,
        shock,
    })
}

/// A shock as the drill file states it.
pub trait Shock: std::fmt::Debug + Send + Sync {
    /// Refuses what cannot be, naming the key.
    fn check(&self, horizon_days: u32) -> Result<()>;
    /// Whether its chance is normal, and can be correlated with others'.
    fn draws_normals(&self) -> bool {
        false
    }
    /// Finds what it is about in the world. `name` is the drill's for it.
    fn bind(&self, name: &str, world: &mut World) -> Result<Box<dyn Bound>>;
}

/// A shock that knows its drivers.
pub trait Bound: Send + Sync {
    /// Whether paths differ.
    fn is_random(&self) -> bool {
        false
    }
    /// Whether `draw` is to be given a normal number a day.
    fn draws_normals(&self) -> bool {
        false
    }
    /// This path's chance: a factor for every day. Nothing where nothing changes from path to path or
    /// from day to day.
    fn draw(&self, _normals: &[f64], _rng: &mut Rng, _days: usize) -> Vec<Factor> {
        Vec::new()
    }
    /// Changes a day. `drawn` is the day's factor, one where none was drawn. `None` on overflow.
    fn apply(&self, day: usize, drawn: Factor, state: &mut DayState) -> Option<()>;
}

/// One day of one path on its way through the shocks.
#[derive(Debug, Clone)]
pub struct DayState {
    /// By line of the world.
    pub spend: Vec<i128>,
    /// By pool of the world.
    pub pools: Vec<PoolDay>,
}

/// When a shock acts. Days count from 1, the first simulated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// First day, from 0.
    first: usize,
    /// After its last day; `usize::MAX` when it stays.
    end: usize,
}

impl Span {
    fn new(from_day: u32, days: Option<u32>) -> Span {
        let first = (from_day as usize).saturating_sub(1);
        Span {
            first,
            end: days.map_or(usize::MAX, |d| first + d as usize),
        }
    }

    fn contains(self, day: usize) -> bool {
        self.first <= day && day < self.end
    }
}

fn first_day() -> u32 {
    1
}

pub(super) fn check_span(key: &str, from_day: u32, days: Option<u32>, horizon_days: u32) -> Result<()> {
    if !(1..=horizon_days).contains(&from_day) {
        return Err(impossible(
            key,
            format!("day {from_day} is not within the {horizon_days} days of the drill"),
            "day 1 is the first simulated day",
        ));
    }
    if days == Some(0) {
        return Err(impossible(
            "days",
            "a shock of no days changes nothing",
            "leave it out for a lasting one",
        ));
    }
    Ok(())
}

/// Whether a driver is meant by one of the patterns: its name, or a beginning and `*`. No patterns: all.
fn meant(patterns: &[String], driver: &str) -> bool {
    patterns.is_empty()
        || patterns.iter().any(|p| match p.strip_suffix('*') {
            Some(beginning) => driver.starts_with(beginning),
            None => p == driver,
        })
}

/// The model lines meant by the patterns; a pattern that means nothing is an error.
fn model_lines(world: &World, key: &str, patterns: &[String], parts: &[String]) -> Result<Vec<usize>> {
    let models = || {
        world
            .lines
            .iter()
            .enumerate()
            .filter(|(_, l)| l.kind == DriverKind::ModelApi)
    };
    for pattern in patterns {
        if !models().any(|(_, l)| meant(std::slice::from_ref(pattern), &l.driver)) {
            let mut known: Vec<&str> = models().map(|(_, l)| l.driver.as_str()).collect();
            known.dedup();
            return Err(impossible(
                key,
                format!("no model is '{pattern}'"),
                format!("the portfolio has {}; a name may end in *", known.join(", ")),
            ));
        }
    }
    Ok(models()
        .filter(|(_, l)| meant(patterns, &l.driver) && (parts.is_empty() || parts.contains(&l.part)))
        .map(|(at, _)| at)
        .collect())
}

/// The pools meant by the patterns; a name that means nothing is an error.
fn meant_pools(world: &World, patterns: &[String]) -> Result<Vec<usize>> {
    for pattern in patterns {
        if !world
            .pools
            .iter()
            .any(|p| meant(std::slice::from_ref(pattern), &p.name))
        {
            let known: Vec<&str> = world.pools.iter().map(|p| p.name.as_str()).collect();
            return Err(impossible(
                "pools",
                format!("no GPU pool is '{pattern}'"),
                format!("the portfolio has: {}", known.join(", ")),
            ));
        }
    }
    let pools = world.pools.iter().enumerate();
    Ok(pools
        .filter(|(_, p)| meant(patterns, &p.name))
        .map(|(at, _)| at)
        .collect())
}

fn scale(state: &mut DayState, lines: &[usize], factor: Factor) -> Option<()> {
    for line in lines {
        state.spend[*line] = factor.apply(state.spend[*line])?;
    }
    Some(())
}

/// Moves a share of one line's spend to another, where the same work costs `ratio` times as much.
#[derive(Debug, Clone, Copy)]
struct Move {
    from: usize,
    to: usize,
    share: Factor,
    ratio: Factor,
}

impl Move {
    fn apply(self, state: &mut DayState) -> Option<()> {
        let moved = self.share.apply(state.spend[self.from])?;
        state.spend[self.from] -= moved;
        state.spend[self.to] = state.spend[self.to].checked_add(self.ratio.apply(moved)?)?;
        Some(())
    }
}
