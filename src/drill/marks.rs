//! The position book: what is held of each pool, at which price, for how long, and what it is worth against
//! the present index of the price: `(index − price) × hours left`. GPU-hours cannot be stored, so the worth
//! of a commitment is only there for whom uses it; a mark says what walking away would cost or bring.

use super::budget::quantile;
use super::inputs::Purchase;
use super::overflow;
use super::position::{ON_DEMAND, day_hours};
use super::simulate::PoolDetail;
use super::table::Table;
use super::world::{World, WorldPool};
use crate::base::{Result, money};
use crate::frame::{Frame, Role};

struct Line {
    pool: String,
    kind: Purchase,
    gpus: i128,
    /// Per GPU-hour.
    price: Option<i128>,
    index: Option<i128>,
    against: String,
    /// Days that are left, where the file says so.
    term: Option<i128>,
    /// GPU-hours to the end of the term, else of the horizon.
    hours: i128,
    mark: Option<i128>,
    /// At the end of the horizon, on the hours left then.
    mark_p10: Option<i128>,
    mark_p90: Option<i128>,
    book_value: Option<i128>,
}

/// `details` are the pools' days under today's purchases.
pub(super) fn frame(world: &World, details: &[PoolDetail]) -> Result<Frame> {
    let mut lines = Vec::new();
    for (pool, detail) in world.pools.iter().zip(details) {
        if pool.hours_known {
            lines.extend(book(world, pool, detail)?);
        }
    }
    table(&lines, &world.currency)
}

/// The price that a pool's positions are marked to, and where it is from.
fn index(world: &World, pool: &WorldPool) -> (Option<i128>, String) {
    let own = world
        .indices
        .iter()
        .find(|i| i.pool.as_deref() == Some(pool.name.as_str()));
    match own.and_then(|i| Some((i, i.before(world.start).last()?))) {
        Some((index, (day, price))) => (Some(*price), format!("{} of {day}", index.name)),
        None => (pool.positions[ON_DEMAND].price, "on-demand price".to_owned()),
    }
}

fn book(world: &World, pool: &WorldPool, detail: &PoolDetail) -> Result<Vec<Line>> {
    let (index, against) = index(world, pool);
    let gpus = |hours: i128| money::ratio(hours, day_hours(1)).ok_or_else(overflow);
    let mut ends = detail.last_price.clone();
    ends.sort_unstable();
    let ends: Vec<i128> = ends.into_iter().map(super::factor::Factor::decimal).collect();
    let mut lines = Vec::new();
    for holding in pool.held(world.days)? {
        // What is owned is held to the end of its life; where nothing is stated, to the end of the horizon.
        let written_off = holding.written_off.map(|(day, _)| day);
        let until = holding
            .until
            .or(written_off)
            .filter(|_| holding.kind != Purchase::Spot);
        let hours_from = |day: usize| {
            let left = until.unwrap_or(world.days).saturating_sub(day.max(holding.from));
            holding.hours.checked_mul(left as i128).ok_or_else(overflow)
        };
        let mark = |index: Option<i128>, hours: i128| -> Result<Option<i128>> {
            index
                .map(|index| money::mul(index - holding.strike, hours).ok_or_else(overflow))
                .transpose()
        };
        let committed = holding.kind != Purchase::Spot;
        let (hours, later) = (hours_from(0)?, hours_from(world.days)?);
        let at_end = |percent: i128| -> Result<Option<i128>> {
            let factor = quantile(&ends, percent * money::ONE / 100);
            let then = index
                .zip(factor)
                .and_then(|(index, factor)| money::mul(index, factor));
            if until.is_some() && committed {
                mark(then, later)
            } else {
                Ok(None)
            }
        };
        lines.push(Line {
            pool: pool.name.clone(),
            kind: holding.kind,
            gpus: gpus(holding.hours)?,
            price: Some(holding.strike),
            index,
            against: against.clone(),
            term: until.map(|day| (day.saturating_sub(holding.from)) as i128 * money::ONE),
            hours,
            mark: if committed { mark(index, hours)? } else { None },
            mark_p10: at_end(10)?,
            mark_p90: at_end(90)?,
            book_value: holding.book_value,
        });
    }
    let open = open(world, pool, index, &against)?;
    if open.hours > 0 || lines.is_empty() {
        lines.push(open);
    }
    Ok(lines)
}

/// What the forecast wants beyond all that is held: bought at whatever the price will be.
fn open(world: &World, pool: &WorldPool, index: Option<i128>, against: &str) -> Result<Line> {
    let mut hours = 0_i128;
    for day in 0..world.days {
        let wanted: i128 = pool.positions.iter().map(|p| p.hours[day]).sum();
        let held: i128 = (1..4).map(|kind| pool.hours_held(kind, day)).sum();
        hours += (wanted - held).max(0);
    }
    let days = day_hours(1)
        .checked_mul(world.days as i128)
        .ok_or_else(overflow)?;
    Ok(Line {
        pool: pool.name.clone(),
        kind: Purchase::OnDemand,
        gpus: money::ratio(hours, days).ok_or_else(overflow)?,
        price: pool.positions[ON_DEMAND].price,
        index,
        against: against.to_owned(),
        term: None,
        hours,
        mark: None,
        mark_p10: None,
        mark_p90: None,
        book_value: None,
    })
}

fn table(lines: &[Line], currency: &str) -> Result<Frame> {
    let rows = || lines.iter();
    Table::default()
        .texts("pool", rows().map(|l| l.pool.as_str()))
        .texts("position", rows().map(|l| l.kind.words()))
        .decimals("gpus", Role::Measure, "GPUs", rows().map(|l| Some(l.gpus)))?
        .currency(currency, lines.len())
        .decimals("price", Role::Money, "per GPU-hour", rows().map(|l| l.price))?
        .decimals("index", Role::Money, "per GPU-hour", rows().map(|l| l.index))?
        .texts("marked_to", rows().map(|l| l.against.as_str()))
        .decimals("term_days", Role::Measure, "days", rows().map(|l| l.term))?
        .decimals(
            "hours_left",
            Role::Measure,
            "GPU-hours",
            rows().map(|l| Some(l.hours)),
        )?
        .decimals("mark_to_index", Role::Money, "", rows().map(|l| l.mark))?
        .decimals("mark_at_end_p10", Role::Money, "", rows().map(|l| l.mark_p10))?
        .decimals("mark_at_end_p90", Role::Money, "", rows().map(|l| l.mark_p90))?
        .decimals("book_value", Role::Money, "", rows().map(|l| l.book_value))?
        .frame()
}
