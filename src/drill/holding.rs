//! Positions: GPUs of one pool that are reserved for a term, owned and written off, bought as spot, and the
//! price at which all else is bought. Resolved to holdings: so many GPU-hours a day, at so much an hour,
//! from one day to another. Knows neither demand nor chance.

use super::inputs::Purchase;
use super::overflow;
use super::position::day_hours;
use super::scenario::{check_price, impossible};
use super::value::{Amount, Ratio};
use super::world::WorldPool;
use crate::base::{Error, Result, money};
use serde::Deserialize;

/// `[[positions]]` of a drill file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// GPU model; may be left out where there is only one.
    pub pool: Option<String>,
    pub kind: Purchase,
    /// Not for `on_demand`, which has as many as are needed.
    pub gpus: Option<u32>,
    /// Per GPU-hour. Left out: the drill file's or history's; of owned GPUs what they are written off by.
    pub price: Option<Amount>,
    /// First day of it; day 1 is the first simulated one.
    #[serde(default = "first_day")]
    pub from_day: u32,
    /// Reserved: days that it is paid for from `from_day` on. Then its demand is bought.
    pub term_days: Option<u32>,
    /// Spot: how often a GPU is taken back, and the hours of work that are done again each time.
    pub reclaims_per_gpu_hour: Option<Ratio>,
    pub lost_hours_per_reclaim: Option<Ratio>,
    /// Owned: what one GPU cost with its share of the server, the days it is written off over, those of
    /// them that are over, what it sells for then, and what running it costs per GPU-hour.
    pub purchase_price: Option<Amount>,
    pub life_days: Option<u32>,
    pub age_days: Option<u32>,
    pub residual: Option<Amount>,
    pub running: Option<Amount>,
}

fn first_day() -> u32 {
    1
}

impl Position {
    pub(super) fn of(kind: Purchase) -> Position {
        Position {
            pool: None,
            kind,
            gpus: None,
            price: None,
            from_day: 1,
            term_days: None,
            reclaims_per_gpu_hour: None,
            lost_hours_per_reclaim: None,
            purchase_price: None,
            life_days: None,
            age_days: None,
            residual: None,
            running: None,
        }
    }

    /// Refuses what its kind has not, and what cannot be.
    pub(super) fn check(&self, key: &str, horizon_days: u32) -> Result<()> {
        let of = |name: &str| format!("{key}.{name}");
        let bought = self.purchase_price.is_some();
        for (name, given, kinds) in [
            (
                "gpus",
                self.gpus.is_some(),
                &[Purchase::Reserved, Purchase::Spot, Purchase::Owned][..],
            ),
            ("term_days", self.term_days.is_some(), &[Purchase::Reserved]),
            (
                "reclaims_per_gpu_hour",
                self.reclaims_per_gpu_hour.is_some(),
                &[Purchase::Spot],
            ),
            (
                "lost_hours_per_reclaim",
                self.lost_hours_per_reclaim.is_some(),
                &[Purchase::Spot],
            ),
            ("purchase_price", bought, &[Purchase::Owned]),
            ("life_days", self.life_days.is_some(), &[Purchase::Owned]),
            ("age_days", self.age_days.is_some(), &[Purchase::Owned]),
            ("residual", self.residual.is_some(), &[Purchase::Owned]),
            ("running", self.running.is_some(), &[Purchase::Owned]),
        ] {
            if given && !kinds.contains(&self.kind) {
                return Err(impossible(
                    &of(name),
                    format!("{} GPUs have none", self.kind.words()),
                    format!("it belongs to {}", kinds[0].words()),
                ));
            }
        }
        if self.kind != Purchase::OnDemand && self.gpus.is_none_or(|g| g == 0) {
            return Err(impossible(&of("gpus"), "it is missing", "say how many GPUs"));
        }
        check_price(&of("price"), self.price)?;
        if !(1..=horizon_days).contains(&self.from_day) {
            return Err(impossible(
                &of("from_day"),
                format!(
                    "day {} is not within the {horizon_days} days of the drill",
                    self.from_day
                ),
                "day 1 is the first simulated day",
            ));
        }
        if self.term_days == Some(0) {
            return Err(impossible(&of("term_days"), "0 days bind nobody", "leave it out"));
        }
        if self.reclaims_per_gpu_hour.is_some() != self.lost_hours_per_reclaim.is_some() {
            return Err(impossible(
                &of("reclaims_per_gpu_hour"),
                "it says nothing without lost_hours_per_reclaim, nor the other way round",
                "give both: 0.01 reclaims an hour, 1.5 hours each",
            ));
        }
        let negative = |r: Option<Ratio>| r.is_some_and(|r| r.0.is_negative());
        if negative(self.reclaims_per_gpu_hour) || negative(self.lost_hours_per_reclaim) {
            return Err(impossible(
                &of("reclaims_per_gpu_hour"),
                "neither can be negative",
                "0 is never",
            ));
        }
        self.check_owned(&of)
    }

    fn check_owned(&self, of: &dyn Fn(&str) -> String) -> Result<()> {
        let Some(Amount(purchase)) = self.purchase_price else {
            let parts = [
                ("life_days", self.life_days.is_some()),
                ("age_days", self.age_days.is_some()),
                ("residual", self.residual.is_some()),
                ("running", self.running.is_some()),
            ];
            return match parts.iter().find(|(_, given)| *given) {
                None => Ok(()),
                Some((name, _)) => Err(impossible(
                    &of(name),
                    "it says nothing without purchase_price",
                    "give what one GPU cost",
                )),
            };
        };
        if self.price.is_some() {
            return Err(impossible(
                &of("price"),
                "the price follows from purchase_price",
                "leave one of them out",
            ));
        }
        let life = self.life_days.unwrap_or(0);
        if life == 0 {
            return Err(impossible(
                &of("life_days"),
                "a purchase is written off over days",
                "1461 is four years",
            ));
        }
        if self.age_days.unwrap_or(0) > life {
            return Err(impossible(
                &of("age_days"),
                format!("it is older than its life of {life} days"),
                "age_days = life_days is written off",
            ));
        }
        let left = |amount: Option<Amount>| amount.map_or(0, |a| a.0);
        if purchase <= 0 || left(self.running) < 0 || !(0..=purchase).contains(&left(self.residual)) {
            return Err(impossible(
                &of("purchase_price"),
                "it is above zero, running not below it, and residual between the two",
                "purchase_price = \"30000\", residual = \"3000\", running = \"0.40\"",
            ));
        }
        Ok(())
    }
}

/// GPUs of one kind at one price.
#[derive(Debug, Clone)]
pub(super) struct Holding {
    pub kind: Purchase,
    /// GPU-hours of a day.
    pub hours: i128,
    /// Per GPU-hour; of spot with the work that is done again.
    pub price: i128,
    /// The price per hour that the position book shows: without that work.
    pub strike: i128,
    /// From 0.
    pub from: usize,
    /// After its last day; `None`: not stated, it stays.
    pub until: Option<usize>,
    /// Owned GPUs, written off: what an hour costs then, and from which day on.
    pub written_off: Option<(usize, i128)>,
    /// What owned GPUs stand in the books for, above what they sell for in the end.
    pub book_value: Option<i128>,
}

impl Holding {
    pub(super) fn price_on(&self, day: usize) -> i128 {
        match self.written_off {
            Some((from, price)) if day >= from => price,
            _ => self.price,
        }
    }

    pub(super) fn holds_on(&self, day: usize) -> bool {
        self.from <= day && self.until.is_none_or(|until| day < until)
    }

    /// Position → holding; `who` names it in errors.
    pub(super) fn new(position: &Position, pool: &WorldPool, who: &str) -> Result<Holding> {
        let kind = position.kind;
        let hours = day_hours(position.gpus.unwrap_or(0));
        let from = position.from_day as usize - 1;
        let mut holding = Holding {
            kind,
            hours,
            price: 0,
            strike: 0,
            from,
            until: position.term_days.map(|days| from + days as usize),
            written_off: None,
            book_value: None,
        };
        if let Some(Amount(purchase)) = position.purchase_price {
            let (life, age) = (position.life_days.unwrap_or(1), position.age_days.unwrap_or(0));
            let amount = |a: Option<Amount>| a.map_or(0, |a| a.0);
            let (running, loss) = (amount(position.running), purchase - amount(position.residual));
            let per_hour = money::ratio(loss, i128::from(life) * 24 * money::ONE).ok_or_else(overflow)?;
            let left = life - age;
            holding.price = if left == 0 { running } else { per_hour + running };
            holding.strike = holding.price;
            holding.written_off = Some((left as usize, running));
            let one = money::apportion(loss, i128::from(age), i128::from(life), i128::from(life));
            holding.book_value = one.and_then(|v| v.checked_mul(i128::from(position.gpus.unwrap_or(0))));
            if holding.book_value.is_none() {
                return Err(overflow());
            }
            return Ok(holding);
        }
        let known = position
            .price
            .map(|p| p.0)
            .or(pool.positions[kind as usize].price);
        holding.strike = known.ok_or_else(|| {
            Error::config(format!("{who}: {} has no {}_price", pool.name, kind.name())).advise(format!(
                "history shows none; give a price, or {} in [gpu.prices]",
                kind.name()
            ))
        })?;
        let (rate, lost) = (position.reclaims_per_gpu_hour, position.lost_hours_per_reclaim);
        let again = match (rate, lost) {
            (Some(rate), Some(lost)) => rate.0.then(lost.0).ok_or_else(overflow)?.apply(holding.strike),
            _ => Some(0),
        };
        holding.price = again
            .and_then(|a| a.checked_add(holding.strike))
            .ok_or_else(overflow)?;
        Ok(holding)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn position(text: &str) -> Position {
        toml::from_str(text).unwrap()
    }

    fn pool() -> WorldPool {
        WorldPool::plain("H100", 10)
    }

    fn usd(text: &str) -> i128 {
        money::parse(text).unwrap()
    }

    #[test]
    fn owned_gpus_are_written_off_and_then_only_run() {
        // 31,000 less 2,200 over 1,200 days are $1 an hour; 900 days are over, so 7,200 each are left.
        let owned = position(
            "kind = 'owned'\ngpus = 2\npurchase_price = '31000'\nresidual = '2200'\nlife_days = 1200\nage_days = 900\nrunning = '0.25'",
        );
        owned.check("p", 10).unwrap();
        let holding = Holding::new(&owned, &pool(), "p").unwrap();
        assert_eq!(
            (holding.price_on(299), holding.price_on(300)),
            (usd("1.25"), usd("0.25"))
        );
        assert_eq!(holding.book_value, Some(usd("14400")));
        assert_eq!(holding.hours, usd("48"));
    }

    #[test]
    fn spot_costs_the_work_that_is_done_again() {
        // 1.50 · (1 + 0.04 · 2.5)
        let spot = position(
            "kind = 'spot'\ngpus = 1\nprice = '1.50'\nreclaims_per_gpu_hour = 0.04\nlost_hours_per_reclaim = 2.5",
        );
        let holding = Holding::new(&spot, &pool(), "p").unwrap();
        assert_eq!((holding.strike, holding.price), (usd("1.50"), usd("1.65")));
    }

    #[test]
    fn a_position_has_what_its_kind_has() {
        for (text, wanted) in [
            ("kind = 'on_demand'\ngpus = 3", "p.gpus: on-demand GPUs have none"),
            ("kind = 'reserved'", "p.gpus: it is missing"),
            ("kind = 'owned'\ngpus = 1\nterm_days = 3", "p.term_days"),
            (
                "kind = 'reserved'\ngpus = 1\nreclaims_per_gpu_hour = 0.1",
                "p.reclaims_per_gpu_hour",
            ),
            (
                "kind = 'spot'\ngpus = 1\nreclaims_per_gpu_hour = 0.1",
                "p.reclaims_per_gpu_hour",
            ),
            ("kind = 'owned'\ngpus = 1\nrunning = '1'", "p.running"),
            ("kind = 'owned'\ngpus = 1\npurchase_price = '1'", "p.life_days"),
            (
                "kind = 'owned'\ngpus = 1\npurchase_price = '1'\nlife_days = 2\nage_days = 3",
                "p.age_days",
            ),
            (
                "kind = 'owned'\ngpus = 1\npurchase_price = '1'\nlife_days = 2\nresidual = '2'",
                "p.purchase_price",
            ),
            ("kind = 'reserved'\ngpus = 1\nfrom_day = 11", "p.from_day"),
            ("kind = 'reserved'\ngpus = 1\nprice = '0'", "p.price"),
        ] {
            let error = position(text).check("p", 10).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
        }
    }
}
