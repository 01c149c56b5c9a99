//! One day of one GPU pool: who covers the demand, and what it costs under today's purchases or
//! under a book of positions. Committed GPUs (reserved, owned) come first and are paid whether used or
//! not; demand above them is bought.

use super::factor::{Factor, share_of};
use super::holding::Holding;
use super::inputs::Purchase;
use super::overflow;
use super::world::WorldPool;
use crate::base::{Result, money};

/// Between a pool and a purchase kind in a driver's name.
pub(super) const POOL_SEPARATOR: &str = " GPUs, ";

pub(super) const ON_DEMAND: usize = 0;
pub(super) const RESERVED: usize = 1;
pub(super) const SPOT: usize = 2;
pub(super) const OWNED: usize = 3;

/// What the shocks of a path have made of one day of one pool.
#[derive(Debug, Clone)]
pub struct PoolDay {
    /// GPU-hours wanted.
    pub demand: i128,
    /// On the prices, in the order of `PURCHASES`.
    pub price: [Factor; 4],
    /// Hours lost to reclaims, per spot hour.
    pub spot_overhead: Factor,
    /// Share of the reserved GPUs that is still there.
    pub reserved_kept: Factor,
}

impl PoolDay {
    pub(super) fn calm(demand: i128) -> PoolDay {
        PoolDay {
            demand,
            price: [Factor::ONE; 4],
            spot_overhead: Factor::ZERO,
            reserved_kept: Factor::ONE,
        }
    }
}

/// How a pool is paid for in one run.
#[derive(Debug, Clone)]
pub(super) enum Mix {
    /// As history paid; what is wanted beyond it is bought on demand.
    Today,
    /// As today, with this in the place of what is reserved.
    Instead(Reserved),
    Book(Book),
}

/// Reserved around the clock: hours of a day, and what they cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reserved {
    pub hours: i128,
    pub cost: i128,
}

/// Positions laid over the days of a drill.
#[derive(Debug, Clone)]
pub(super) struct Book {
    pub holdings: Vec<Holding>,
    /// What all else is bought at, per GPU-hour.
    pub on_demand: i128,
    days: Vec<BookDay>,
}

#[derive(Debug, Clone, Default)]
struct BookDay {
    /// Hours and cost of what is committed.
    reserved: (i128, i128),
    owned: (i128, i128),
    spot_hours: i128,
    /// Of a spot hour, with the work that is done again.
    spot_price: i128,
}

/// GPU-hours of `gpus` devices around the clock.
pub(super) fn day_hours(gpus: u32) -> i128 {
    i128::from(gpus) * 24 * money::ONE
}

impl Book {
    pub(super) fn new(holdings: Vec<Holding>, on_demand: i128, days: usize) -> Result<Book> {
        let plan = (0..days)
            .map(|day| Book::day(&holdings, day).ok_or_else(overflow))
            .collect::<Result<_>>()?;
        Ok(Book {
            holdings,
            on_demand,
            days: plan,
        })
    }

    fn day(holdings: &[Holding], day: usize) -> Option<BookDay> {
        let mut plan = BookDay::default();
        let mut spot = 0_i128;
        for holding in holdings.iter().filter(|h| h.holds_on(day)) {
            let cost = money::mul(holding.hours, holding.price_on(day))?;
            let (hours, sum) = match holding.kind {
                Purchase::Reserved => (&mut plan.reserved.0, &mut plan.reserved.1),
                Purchase::Owned => (&mut plan.owned.0, &mut plan.owned.1),
                Purchase::Spot => (&mut plan.spot_hours, &mut spot),
                Purchase::OnDemand => continue,
            };
            *hours = hours.checked_add(holding.hours)?;
            *sum = sum.checked_add(cost)?;
        }
        // Several lots of spot are filled alike.
        plan.spot_price = match plan.spot_hours {
            0 => 0,
            hours => money::ratio(spot, hours)?,
        };
        Some(plan)
    }

    /// The same with this in the place of what is reserved.
    pub(super) fn instead(&self, reserved: Option<Holding>) -> Result<Book> {
        let keep = |h: &&Holding| h.kind != Purchase::Reserved;
        let kept = self.holdings.iter().filter(keep).cloned();
        Book::new(kept.chain(reserved).collect(), self.on_demand, self.days.len())
    }

    /// GPU-hours of a kind that the book holds on a day.
    pub(super) fn hours(&self, kind: usize, day: usize) -> i128 {
        match kind {
            RESERVED => self.days[day].reserved.0,
            OWNED => self.days[day].owned.0,
            SPOT => self.days[day].spot_hours,
            _ => 0,
        }
    }

    pub(super) fn spot_price(&self, day: usize) -> i128 {
        self.days[day].spot_price
    }
}

/// What a day came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// By purchase kind.
    pub costs: [i128; 4],
    /// GPU-hours that are paid for whether used or not, and those of them that demand filled.
    pub committed: i128,
    pub used: i128,
}

/// Settles a day. `None` on overflow.
pub(super) fn settle(pool: &WorldPool, at: usize, day: &PoolDay, mix: &Mix) -> Option<Settled> {
    let mut settled = match mix {
        Mix::Today => settle_today(pool, at, day, None)?,
        Mix::Instead(reserved) => settle_today(pool, at, day, Some(*reserved))?,
        Mix::Book(book) => settle_book(book, at, day)?,
    };
    for (cost, price) in settled.costs.iter_mut().zip(day.price) {
        *cost = price.apply(*cost)?;
    }
    let spot = &mut settled.costs[SPOT];
    *spot = spot.checked_add(day.spot_overhead.apply(*spot)?)?;
    Some(settled)
}

fn settle_today(pool: &WorldPool, at: usize, day: &PoolDay, instead: Option<Reserved>) -> Option<Settled> {
    let hours = |k: usize| pool.positions[k].hours[at];
    let spend = |k: usize| pool.positions[k].spend[at];
    let reserved = instead.unwrap_or(Reserved {
        hours: hours(RESERVED),
        cost: spend(RESERVED),
    });
    let committed = day
        .reserved_kept
        .apply(reserved.hours)?
        .checked_add(hours(OWNED))?;
    let bought = (day.demand - committed).max(0);
    // The spot market gives what it gives today: what is wanted beyond it is bought on demand.
    let spot = bought.min(hours(SPOT));
    Some(Settled {
        costs: [
            bought_cost(pool, at, ON_DEMAND, bought - spot)?,
            day.reserved_kept.apply(reserved.cost)?,
            bought_cost(pool, at, SPOT, spot)?,
            spend(OWNED),
        ],
        committed,
        used: committed.min(day.demand),
    })
}

/// Hours of a kind that is bought as needed: the forecast's spend in proportion, so that unchanged
/// hours cost exactly the forecast; without forecast hours, at the known price.
fn bought_cost(pool: &WorldPool, at: usize, kind: usize, hours: i128) -> Option<i128> {
    let position = &pool.positions[kind];
    match position.hours[at] {
        0 => position.spend[at].checked_add(at_price(hours, marginal_price(pool, kind))?),
        base => part_of(position.spend[at], hours, base),
    }
}

/// `amount × part / whole`: by a factor of nine places where that is exact enough to be a factor of a
/// drill, in full width where there is none.
fn part_of(amount: i128, part: i128, whole: i128) -> Option<i128> {
    if part == whole {
        return Some(amount);
    }
    match Factor::ratio(part, whole) {
        Some(factor) => factor.apply(amount),
        None => share_of(amount, part, whole),
    }
}

/// Hours at a price per hour, the short way where the price has no more than nine places.
fn at_price(hours: i128, price: i128) -> Option<i128> {
    match Factor::exact(price) {
        Some(price) => price.apply(hours),
        None => money::mul(hours, price),
    }
}

/// The price of an hour more. Where a pool has none of this kind, its dearest known price stands in.
pub(super) fn marginal_price(pool: &WorldPool, kind: usize) -> i128 {
    let dearest = || pool.positions.iter().filter_map(|p| p.price).max();
    pool.positions[kind].price.or_else(dearest).unwrap_or(0)
}

fn settle_book(book: &Book, at: usize, day: &PoolDay) -> Option<Settled> {
    let plan = &book.days[at];
    let reserved = day.reserved_kept.apply(plan.reserved.0)?;
    let committed = reserved.checked_add(plan.owned.0)?;
    let bought = (day.demand - committed).max(0);
    let spot = bought.min(plan.spot_hours);
    Some(Settled {
        costs: [
            at_price(bought - spot, book.on_demand)?,
            day.reserved_kept.apply(plan.reserved.1)?,
            at_price(spot, plan.spot_price)?,
            plan.owned.1,
        ],
        committed,
        used: committed.min(day.demand),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::drill::holding::Position;

    fn usd(text: &str) -> i128 {
        money::parse(text).unwrap()
    }

    /// Two reserved GPUs for two days, one owned one, at most one of spot; all else on demand at $4.
    fn book() -> (WorldPool, Book) {
        let pool = WorldPool::plain("H100", 4);
        let holdings = [
            "kind = 'reserved'\ngpus = 2\nprice = '2'\nterm_days = 2",
            "kind = 'owned'\ngpus = 1\nprice = '1'",
            "kind = 'spot'\ngpus = 1\nprice = '1.50'",
        ]
        .map(|text| {
            let position: Position = toml::from_str(text).unwrap();
            Holding::new(&position, &pool, "p").unwrap()
        });
        let book = Book::new(holdings.to_vec(), usd("4"), 4).unwrap();
        (pool, book)
    }

    #[test]
    fn committed_gpus_first_then_spot_then_on_demand_and_a_term_ends() {
        let (pool, book) = book();
        let day = |at: usize, demand: &str| {
            settle(&pool, at, &PoolDay::calm(usd(demand)), &Mix::Book(book.clone())).unwrap()
        };
        // 120 hours: 48 reserved, 24 owned, 24 spot, 24 on demand.
        let full = day(1, "120");
        assert_eq!(full.costs, ["96", "96", "36", "24"].map(usd));
        assert_eq!((full.committed, full.used), (usd("72"), usd("72")));
        // 30 hours use a part of what is paid for.
        let idle = day(0, "30");
        assert_eq!(idle.costs, ["0", "96", "0", "24"].map(usd));
        assert_eq!((idle.committed, idle.used), (usd("72"), usd("30")));
        // On the third day nothing is reserved any more.
        assert_eq!(day(2, "120").costs, ["288", "0", "36", "24"].map(usd));
    }

    #[test]
    fn prices_move_for_whom_the_shock_says_and_lost_commitments_are_replaced() {
        let (pool, book) = book();
        let mut day = PoolDay::calm(usd("72"));
        day.price[SPOT] = Factor::ratio(2, 1).unwrap();
        day.spot_overhead = Factor::ratio(1, 2).unwrap();
        day.reserved_kept = Factor::ratio(1, 2).unwrap();
        let settled = settle(&pool, 0, &day, &Mix::Book(book.clone())).unwrap();
        // 24 reserved, 24 owned, 24 spot at 1.50 · 2 · 1.5.
        assert_eq!(settled.costs, ["0", "48", "108", "24"].map(usd));
        let bare = Mix::Book(book.instead(None).unwrap());
        let settled = settle(&pool, 0, &PoolDay::calm(usd("72")), &bare).unwrap();
        assert_eq!(settled.costs, ["96", "0", "36", "24"].map(usd));
    }
}
