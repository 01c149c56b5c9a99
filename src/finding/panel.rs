//! The rows as cells by day, and which days of which sources are there.

use super::event::Event;
use super::{Inputs, overflow};
use crate::base::{Result, money, time};
use chrono::{Datelike, Days, NaiveDate};
use std::collections::{BTreeMap, BTreeSet};

/// A source that has data on this part of its days has data daily (per cent).
const DAILY: usize = 80;
/// A source whose last day is further back than this before the end is not late, it has ended.
const ENDED_DAYS: usize = 45;
/// What is younger may still grow: a fall there is not told from data that is on its way.
const SETTLING_DAYS: u64 = 3;
/// Whose change it is shows in its first days; later ones hold other changes as well.
const ONSET_DAYS: usize = 10;
/// A source that carries less of a series does not hold it up: 1/100.
const PART_THAT_COUNTS: i128 = 100;

/// What a series is about, from the finest to the broadest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    Key,
    UseCase,
    Model,
    Pool,
    Provider,
    Scope,
}

pub(super) const GRAINS: [Grain; 6] = [
    Grain::Key,
    Grain::UseCase,
    Grain::Model,
    Grain::Pool,
    Grain::Provider,
    Grain::Scope,
];

/// The requests of no registered use case.
const UNREGISTERED: &str = "unregistered";

impl Grain {
    pub fn name(self) -> &'static str {
        match self {
            Grain::Key => "key",
            Grain::UseCase => "use case",
            Grain::Model => "model",
            Grain::Pool => "GPU pool",
            Grain::Provider => "provider",
            Grain::Scope => "scope",
        }
    }

    /// Its column of `spend_days`.
    fn column(self) -> &'static str {
        match self {
            Grain::Key => "key_alias",
            Grain::UseCase => "use_case",
            Grain::Model => "model",
            Grain::Pool => "pool",
            Grain::Provider => "provider",
            Grain::Scope => "scope",
        }
    }

    /// Where a row belongs; `None`: to no series of this grain.
    fn of(self, cell: &Cell) -> Option<&str> {
        match self {
            Grain::UseCase => match (&cell.use_case, &cell.log) {
                (Some(name), _) => Some(name),
                (None, Some(_)) => Some(UNREGISTERED),
                (None, None) => None,
            },
            Grain::Key => cell.key.as_deref(),
            Grain::Model => cell.model.as_deref(),
            Grain::Pool => cell.pool.as_deref(),
            Grain::Provider => cell.provider.as_deref(),
            Grain::Scope => cell.scope.as_deref(),
        }
    }

    /// A condition on `spend_days` that holds for the rows of one series.
    pub(super) fn condition(self, name: &str) -> String {
        if self == Grain::UseCase && name == UNREGISTERED {
            return "use_case IS NULL AND log IS NOT NULL".to_owned();
        }
        format!("{} = '{}'", self.column(), name.replace('\'', "''"))
    }
}

/// One thing that was paid for, day by day.
#[derive(Debug)]
pub(super) struct Cell {
    source: Option<String>,
    log: Option<String>,
    scope: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    use_case: Option<String>,
    key: Option<String>,
    pool: Option<String>,
    pub item: Option<String>,
    pub unit: Option<String>,
    pub currency: usize,
    pub amount: Vec<i128>,
    /// 0 where nothing was counted.
    pub quantity: Vec<i128>,
}

/// Spend of one key, use case, … in one currency. Amounts of two currencies are never in one series.
#[derive(Debug)]
pub(super) struct Series {
    pub grain: Grain,
    pub name: String,
    pub currency: usize,
    pub cells: Vec<usize>,
    pub amount: Vec<i128>,
    /// Days on which all its sources are there.
    pub covered: Vec<bool>,
    /// From here on a fall may be data that is on its way.
    pub settling: usize,
    /// Weekday of day 0, Monday is 0.
    pub first_weekday: usize,
}

impl Series {
    pub(super) fn weekday(&self, day: usize) -> usize {
        (self.first_weekday + day) % 7
    }
}

pub(super) struct Panel {
    pub first: NaiveDate,
    pub days: usize,
    pub cells: Vec<Cell>,
    pub currencies: Vec<String>,
    /// The window, in days since `first`.
    pub window: (usize, usize),
    /// Events that began this many days before the window still concern it.
    reach: usize,
    today: NaiveDate,
}

/// The days on which a source has rows.
struct Presence {
    days: BTreeSet<usize>,
    last: usize,
    daily: bool,
}

impl Presence {
    fn new(days: BTreeSet<usize>) -> Presence {
        let (first, last) = (
            days.first().copied().unwrap_or(0),
            days.last().copied().unwrap_or(0),
        );
        let daily = days.len() * 100 >= (last - first + 1) * DAILY;
        Presence { days, last, daily }
    }

    /// Before its first day a source owes nothing, and after its last only while it lives.
    fn lacks(&self, day: usize, until: usize) -> bool {
        let ended = until.saturating_sub(self.last) > ENDED_DAYS;
        let begun = self.days.first().is_some_and(|first| *first <= day);
        self.daily && begun && !self.days.contains(&day) && !(ended && day > self.last)
    }
}

impl Panel {
    pub(super) fn read(inputs: &Inputs) -> Result<Panel> {
        let frame = &inputs.rows;
        let until = inputs.window.1.min(inputs.today);
        let mut rows = Vec::with_capacity(frame.rows());
        for row in 0..frame.rows() {
            if let Some(micros) = frame.micros("day", row)? {
                let day = time::from_micros(micros).date_naive();
                if day < until {
                    rows.push((day, row));
                }
            }
        }
        let first = rows.iter().map(|(day, _)| *day).min().unwrap_or(inputs.window.0);
        let place = |day: NaiveDate| usize::try_from((day - first).num_days()).unwrap_or(0);
        let days = place(until);
        let mut currencies = BTreeMap::new();
        for (_, row) in &rows {
            currencies.insert(frame.text("currency", *row)?.unwrap_or_default(), 0);
        }
        for (at, currency) in currencies.values_mut().enumerate() {
            *currency = at;
        }
        let mut cells = BTreeMap::new();
        for (day, row) in rows {
            let texts = NAMES
                .iter()
                .map(|column| frame.text(column, row))
                .collect::<Result<Vec<_>>>()?;
            let cell = cells
                .entry(texts)
                .or_insert_with_key(|texts| Cell::new(texts, &currencies, days));
            let add = |sum: &mut i128, column: &str| -> Result<()> {
                let more = frame.decimal(column, row)?.unwrap_or(0);
                *sum = sum.checked_add(more).ok_or_else(overflow)?;
                Ok(())
            };
            add(&mut cell.amount[place(day)], "amount")?;
            add(&mut cell.quantity[place(day)], "quantity")?;
        }
        let (from, to) = (place(inputs.window.0).min(days), place(inputs.window.1).min(days));
        Ok(Panel {
            first,
            days,
            cells: cells.into_values().collect(),
            currencies: currencies.into_keys().collect(),
            window: (from, to),
            reach: to - from,
            today: inputs.today,
        })
    }

    pub(super) fn day(&self, place: usize) -> NaiveDate {
        self.first
            .checked_add_days(Days::new(place as u64))
            .unwrap_or(NaiveDate::MAX)
    }

    /// First day, and the day after the last, of what was looked at.
    pub(super) fn history(&self) -> (NaiveDate, NaiveDate) {
        (self.first, self.day(self.days))
    }

    /// All that was spent in the window in a currency.
    pub(super) fn total(&self, currency: usize) -> Result<i128> {
        let (from, to) = self.window;
        let amounts = self.cells.iter().filter(|c| c.currency == currency);
        amounts
            .flat_map(|cell| &cell.amount[from..to])
            .try_fold(0_i128, |sum, amount| sum.checked_add(*amount))
            .ok_or_else(overflow)
    }

    /// Whether a window's reader wants to know: it is in the window, and did not begin long before.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        let (from, to) = self.window;
        event.from < to && event.to > from && event.from + self.reach >= from
    }

    /// The days of an event that its amount counts: covered ones of the window.
    pub(super) fn counted(&self, series: &Series, event: &Event) -> Vec<usize> {
        let (from, to) = self.window;
        (event.from.max(from)..event.to.min(to))
            .filter(|day| series.covered[*day])
            .collect()
    }

    /// The first days of an event: who began it, before anything else joins in.
    pub(super) fn onset(&self, series: &Series, event: &Event) -> Vec<usize> {
        let covered = (event.from..event.to).filter(|day| series.covered[*day]);
        covered.take(ONSET_DAYS).collect()
    }

    /// Every series of every grain.
    pub(super) fn series(&self) -> Vec<Series> {
        let presence = |of: fn(&Cell) -> &Option<String>| {
            let mut days: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
            for cell in &self.cells {
                if let Some(name) = of(cell) {
                    let active = (0..self.days).filter(|d| cell.amount[*d] != 0 || cell.quantity[*d] != 0);
                    days.entry(name).or_default().extend(active);
                }
            }
            let days = days.into_iter().map(|(name, days)| (name, Presence::new(days)));
            days.collect::<BTreeMap<&str, Presence>>()
        };
        // Tokens that wait for their bill stand under its source: only money shows that it is there.
        let mut sources: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for cell in &self.cells {
            if let Some(name) = &cell.source {
                let active = (0..self.days).filter(|d| cell.amount[*d] != 0);
                sources.entry(name).or_default().extend(active);
            }
        }
        let sources: BTreeMap<&str, Presence> = sources
            .into_iter()
            .map(|(name, days)| (name, Presence::new(days)))
            .collect();
        let logs = presence(|cell| &cell.log);
        let mut found = Vec::new();
        for grain in GRAINS {
            let mut named: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
            for (at, cell) in self.cells.iter().enumerate() {
                if let Some(name) = grain.of(cell) {
                    named.entry((cell.currency, name)).or_default().push(at);
                }
            }
            for ((currency, name), cells) in named {
                let series = self.one(grain, name, currency, cells, &sources, &logs);
                if series.amount.iter().any(|a| *a != 0) {
                    found.push(series);
                }
            }
        }
        found
    }

    fn one(
        &self,
        grain: Grain,
        name: &str,
        currency: usize,
        cells: Vec<usize>,
        sources: &BTreeMap<&str, Presence>,
        logs: &BTreeMap<&str, Presence>,
    ) -> Series {
        let mut amount = vec![0_i128; self.days];
        let mut by_source: BTreeMap<&str, i128> = BTreeMap::new();
        let mut by_log: BTreeMap<&str, i128> = BTreeMap::new();
        for at in &cells {
            let cell = &self.cells[*at];
            let mut size = 0_i128;
            for (sum, more) in amount.iter_mut().zip(&cell.amount) {
                *sum = sum.saturating_add(*more);
                size = size.saturating_add(more.abs());
            }
            if let Some(source) = &cell.source {
                *by_source.entry(source).or_default() += size;
            }
            if let Some(log) = &cell.log {
                *by_log.entry(log).or_default() += size;
            }
        }
        let all: i128 = by_source.values().sum::<i128>().max(by_log.values().sum());
        let needed = |parts: &BTreeMap<&str, i128>| -> BTreeSet<String> {
            let large = parts
                .iter()
                .filter(|(_, size)| size.saturating_mul(PART_THAT_COUNTS) >= all);
            large.map(|(name, _)| (*name).to_owned()).collect()
        };
        // Who used it is known from the log alone; what a provider charged is not.
        let by_user = matches!(grain, Grain::Key | Grain::UseCase);
        let no_bill = by_source.values().all(|size| *size == 0);
        let mut owed: Vec<&Presence> = needed(&by_source)
            .iter()
            .filter_map(|s| sources.get(s.as_str()))
            .collect();
        if by_user || no_bill {
            owed.extend(needed(&by_log).iter().filter_map(|l| logs.get(l.as_str())));
        }
        let covered = (0..self.days)
            .map(|day| !owed.iter().any(|presence| presence.lacks(day, self.days)))
            .collect();
        let settled = self.today - Days::new(SETTLING_DAYS);
        Series {
            grain,
            name: name.to_owned(),
            currency,
            cells,
            amount,
            covered,
            settling: usize::try_from((settled - self.first).num_days()).unwrap_or(0),
            first_weekday: self.first.weekday().num_days_from_monday() as usize,
        }
    }
}

/// What tells one cell from another, in the order of `Cell::new`.
const NAMES: [&str; 11] = [
    "source",
    "log",
    "scope",
    "provider",
    "model",
    "use_case",
    "key_alias",
    "pool",
    "item",
    "unit",
    "currency",
];

impl Cell {
    fn new(texts: &[Option<String>], currencies: &BTreeMap<String, usize>, days: usize) -> Cell {
        let text = |at: usize| texts[at].clone();
        let currency = texts[10].as_deref().unwrap_or_default();
        Cell {
            source: text(0),
            log: text(1),
            scope: text(2),
            provider: text(3),
            model: text(4),
            use_case: text(5),
            key: text(6),
            pool: text(7),
            item: text(8),
            unit: text(9),
            currency: currencies.get(currency).copied().unwrap_or(0),
            amount: vec![0; days],
            quantity: vec![0; days],
        }
    }

    /// Days of that source: an amount as a number to compare with. Not an amount any more.
    pub(super) fn size(amount: i128) -> f64 {
        amount as f64 / money::ONE as f64
    }
}
