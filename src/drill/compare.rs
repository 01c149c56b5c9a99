//! Ways to pay for the same days, side by side: today's purchases, the file's decisions, the newsvendor's
//! answer, and nothing reserved at all, which tells what hedging gives up on average and gains in bad cases.

use super::commitment::{Advice, OPTIMUM};
use super::outcome::{Totals, digest};
use super::overflow;
use super::position::{Mix, OWNED, RESERVED, Reserved, SPOT, day_hours};
use super::scenario::{Decision, Scenario};
use super::simulate::Run;
use super::table::Table;
use super::world::World;
use crate::base::{Result, money};
use crate::frame::{Frame, Role};

pub(super) const TODAY: &str = "today";
pub(super) const UNHEDGED: &str = "nothing reserved";

/// A way to pay, before it is played.
pub(super) struct Candidate {
    pub name: String,
    /// Pools it is about; none: all.
    pools: Vec<usize>,
    pub mixes: Vec<Mix>,
    /// GPUs it holds on the first day, over its pools (scale 18), by purchase kind.
    gpus: [i128; 4],
    /// Still to be paid for terms after the horizon; `None` where no term is stated.
    owed: Option<i128>,
}

/// One way to pay and what it came to.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    pub name: String,
    /// Names of the pools it is about; empty: all.
    pub pool: String,
    /// GPUs (scale 18); today's are a mean.
    pub reserved: i128,
    pub owned: i128,
    pub spot: i128,
    pub totals: Totals,
    pub owed: Option<i128>,
    /// Hours of today's demand that are committed to, as a share.
    pub hedge_ratio: Option<i128>,
    /// Share of the committed hours that demand fills.
    pub utilization: Option<i128>,
}

/// Today's purchases, as history or the drill file has them.
pub(super) fn today(world: &World) -> Vec<Mix> {
    world
        .pools
        .iter()
        .map(|pool| match &pool.today {
            Some(book) => Mix::Book(book.clone()),
            None => Mix::Today,
        })
        .collect()
}

/// Today, the file's decisions, and nothing reserved.
pub(super) fn candidates(scenario: &Scenario, world: &World) -> Result<Vec<Candidate>> {
    let mut all = vec![Candidate::new(TODAY, Vec::new(), today(world), world)?];
    for decision in &scenario.decisions {
        all.push(decided(decision, world)?);
    }
    let bare = world.pools.iter().map(|pool| match &pool.today {
        Some(book) => Ok(Mix::Book(book.instead(None)?)),
        None => Ok(Mix::Instead(Reserved::default())),
    });
    let bare = bare.collect::<Result<_>>()?;
    all.push(Candidate::new(UNHEDGED, Vec::new(), bare, world)?);
    Ok(all)
}

fn decided(decision: &Decision, world: &World) -> Result<Candidate> {
    let mut mixes = today(world);
    let books = world.books(&decision.positions(), &format!("decision '{}'", decision.name))?;
    let pools = books.iter().map(|(at, _)| *at).collect();
    for (at, book) in books {
        mixes[at] = Mix::Book(book);
    }
    Candidate::new(&decision.name, pools, mixes, world)
}

/// The newsvendor's answer, pool by pool.
pub(super) fn optima(advice: &[Advice], world: &World) -> Result<Vec<Candidate>> {
    let mut all = Vec::new();
    for (at, one) in advice.iter().enumerate() {
        if let Some((_, mix)) = &one.optimum {
            let mut mixes = today(world);
            mixes[at] = mix.clone();
            all.push(Candidate::new(OPTIMUM, vec![at], mixes, world)?);
        }
    }
    Ok(all)
}

impl Candidate {
    fn new(name: &str, pools: Vec<usize>, mixes: Vec<Mix>, world: &World) -> Result<Candidate> {
        let mut gpus = [0_i128; 4];
        let mut owed = None;
        for (at, mix) in mixes.iter().enumerate() {
            if !pools.is_empty() && !pools.contains(&at) {
                continue;
            }
            let pool = &world.pools[at];
            for (kind, sum) in gpus.iter_mut().enumerate().skip(1) {
                let hours = match mix {
                    Mix::Instead(reserved) if kind == RESERVED => reserved.hours,
                    Mix::Book(book) => book.hours(kind, 0),
                    _ => super::outcome::mean(
                        (0..world.days).map(|day| pool.hours_held(kind, day)),
                        world.days,
                    )?,
                };
                *sum += money::ratio(hours, day_hours(1)).ok_or_else(overflow)?;
            }
            let Mix::Book(book) = mix else { continue };
            for holding in &book.holdings {
                let Some(until) = holding.until else { continue };
                let days = until.saturating_sub(world.days) as i128;
                let cost = holding
                    .hours
                    .checked_mul(days)
                    .and_then(|hours| money::mul(hours, holding.price))
                    .ok_or_else(overflow)?;
                owed = Some(owed.unwrap_or(0) + cost);
            }
        }
        Ok(Candidate {
            name: name.to_owned(),
            pools,
            mixes,
            gpus,
            owed,
        })
    }

    /// Puts a run's results beside it. `demand` are the hours wanted by pool, over all path-days.
    pub(super) fn compared(&self, run: &Run, demand: &[i128], world: &World) -> Result<Compared> {
        let concerned = |at: &usize| self.pools.is_empty() || self.pools.contains(at);
        let sum = |values: &[i128]| -> i128 {
            let pools = values.iter().enumerate();
            pools.filter(|(at, _)| concerned(at)).map(|(_, v)| *v).sum()
        };
        let committed = sum(&run.committed);
        let names: Vec<&str> = self
            .pools
            .iter()
            .map(|at| world.pools[*at].name.as_str())
            .collect();
        Ok(Compared {
            name: self.name.clone(),
            pool: names.join(", "),
            reserved: self.gpus[RESERVED],
            owned: self.gpus[OWNED],
            spot: self.gpus[SPOT],
            totals: digest(run)?,
            owed: self.owed,
            hedge_ratio: money::ratio(committed, sum(demand)),
            utilization: money::ratio(sum(&run.used), committed),
        })
    }
}

/// Against today's purchases.
pub(super) fn decisions(rows: &[Compared], currency: &str) -> Result<Frame> {
    let today = rows.first().map(|r| r.totals);
    let shown = || rows.iter().filter(|r| r.name != UNHEDGED);
    let against = |pick: fn(&Totals) -> i128| shown().map(move |r| today.map(|t| pick(&t) - pick(&r.totals)));
    Table::default()
        .texts("decision", shown().map(|r| r.name.as_str()))
        .texts("pool", shown().map(|r| r.pool.as_str()))
        .decimals(
            "reserved",
            Role::Measure,
            "GPUs",
            shown().map(|r| Some(r.reserved)),
        )?
        .decimals("owned", Role::Measure, "GPUs", shown().map(|r| Some(r.owned)))?
        .decimals("spot", Role::Measure, "GPUs", shown().map(|r| Some(r.spot)))?
        .currency(currency, shown().count())
        .money("p10", shown().map(|r| r.totals.p10))?
        .money("p50", shown().map(|r| r.totals.p50))?
        .money("p90", shown().map(|r| r.totals.p90))?
        .money("p95", shown().map(|r| r.totals.p95))?
        .money("cvar95", shown().map(|r| r.totals.cvar95))?
        .money("mean", shown().map(|r| r.totals.mean))?
        .decimals(
            "breach_probability",
            Role::Ratio,
            "",
            shown().map(|r| Some(r.totals.breach_probability)),
        )?
        .decimals("mean_saving", Role::Money, "", against(|t| t.mean))?
        .decimals("p90_saving", Role::Money, "", against(|t| t.p90))?
        .decimals("cvar95_saving", Role::Money, "", against(|t| t.cvar95))?
        .decimals(
            "committed_utilization",
            Role::Ratio,
            "",
            shown().map(|r| r.utilization),
        )?
        .decimals("owed_after", Role::Money, "", shown().map(|r| r.owed))?
        .frame()
}

/// Against nothing reserved: what each way to pay gives up on average, and what it gains in the tail.
pub(super) fn hedges(rows: &[Compared], currency: &str) -> Result<Frame> {
    let bare = rows.iter().find(|r| r.name == UNHEDGED).map(|r| r.totals);
    let gained =
        |pick: fn(&Totals) -> i128| rows.iter().map(move |r| bare.map(|b| pick(&b) - pick(&r.totals)));
    Table::default()
        .texts("purchases", rows.iter().map(|r| r.name.as_str()))
        .texts("pool", rows.iter().map(|r| r.pool.as_str()))
        .decimals("hedge_ratio", Role::Ratio, "", rows.iter().map(|r| r.hedge_ratio))?
        .decimals(
            "committed_utilization",
            Role::Ratio,
            "",
            rows.iter().map(|r| r.utilization),
        )?
        .currency(currency, rows.len())
        .money("mean", rows.iter().map(|r| r.totals.mean))?
        .money("p95", rows.iter().map(|r| r.totals.p95))?
        .money("cvar95", rows.iter().map(|r| r.totals.cvar95))?
        .decimals(
            "mean_given_up",
            Role::Money,
            "",
            rows.iter().map(|r| bare.map(|b| r.totals.mean - b.mean)),
        )?
        .decimals("p95_gained", Role::Money, "", gained(|t| t.p95))?
        .decimals("cvar95_gained", Role::Money, "", gained(|t| t.cvar95))?
        .frame()
}
