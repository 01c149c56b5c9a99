//! A change as price, volume and mix, which add up to it to the last digit.
//!
//! An item is what has one price: a class of tokens of a model, the hours of a GPU pool, a meter of a service. At
//! the quantities of now every item would have cost, at its price of before, `before × now ÷ before's quantity`.
//! What it cost beyond that is **price**. Had all items of a unit grown alike, their cost would have grown with the
//! whole quantity: that is **volume**. The rest is **mix**: more went to what is dear. An item without a price of
//! before counts at its own, so it is volume or mix, never price. What a bill counts no quantity of is one a day.

use super::baseline::Baseline;
use super::overflow;
use super::panel::{Panel, Series};
use crate::base::{Result, money};
use std::collections::BTreeMap;

/// An amount against what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    pub actual: i128,
    /// An estimate: the mean of comparable days.
    pub expected: i128,
    /// `actual − expected = price + volume + mix`.
    pub total: i128,
    pub price: i128,
    pub volume: i128,
    pub mix: i128,
}

impl Change {
    /// The part that is furthest in the direction of the whole.
    pub fn driver(&self) -> &'static str {
        let sign = if self.total < 0 { -1 } else { 1 };
        let parts = [("volume", self.volume), ("price", self.price), ("mix", self.mix)];
        let most = parts.iter().max_by_key(|(_, part)| part.saturating_mul(sign));
        most.map_or("volume", |(name, _)| name)
    }
}

/// Amounts and quantities of one item.
#[derive(Debug, Clone, Default)]
struct Item {
    amount: Vec<i128>,
    quantity: Vec<i128>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub cost: [i128; 2],
    pub quantity: [i128; 2],
}

pub(super) fn split(panel: &Panel, series: &Series, days: &[usize], baseline: &Baseline) -> Result<Change> {
    type Key<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<&'a str>);
    let mut items: BTreeMap<Key<'_>, Item> = BTreeMap::new();
    for at in &series.cells {
        let cell = &panel.cells[*at];
        let key = (
            cell.unit.as_deref(),
            cell.provider.as_deref(),
            cell.model.as_deref(),
            cell.item.as_deref(),
        );
        let item = items.entry(key).or_default();
        add(&mut item.amount, &cell.amount)?;
        add(&mut item.quantity, &cell.quantity)?;
    }
    let mut units: BTreeMap<Option<&str>, Vec<Sums>> = BTreeMap::new();
    let mut alone = Vec::new();
    for ((unit, ..), mut item) in items {
        let counted = item.quantity.iter().any(|q| *q != 0);
        if !counted {
            item.quantity = item
                .amount
                .iter()
                .map(|a| if *a == 0 { 0 } else { money::ONE })
                .collect();
        }
        let sum = |values: &[i128]| {
            days.iter()
                .try_fold(0_i128, |sum, day| sum.checked_add(values[*day]))
        };
        let both = |values: &[i128]| Some([baseline.expected(values)?, sum(values)?]);
        let sums = Sums {
            cost: both(&item.amount).ok_or_else(overflow)?,
            quantity: both(&item.quantity).ok_or_else(overflow)?,
        };
        if counted {
            units.entry(unit).or_default().push(sums);
        } else {
            alone.push(vec![sums]);
        }
    }
    let mut change = Change::default();
    for group in units.values().chain(&alone) {
        change = change
            .plus(&of_unit(group).ok_or_else(overflow)?)
            .ok_or_else(overflow)?;
    }
    Ok(change)
}

/// The change of items whose quantities can be added up. `[before, now]`.
pub(super) fn of_unit(items: &[Sums]) -> Option<Change> {
    let (mut cost, mut quantity, mut at_old_price) = ([0_i128; 2], [0_i128; 2], 0_i128);
    for item in items {
        for i in 0..2 {
            cost[i] = cost[i].checked_add(item.cost[i])?;
            quantity[i] = quantity[i].checked_add(item.quantity[i])?;
        }
        let old = match item.quantity[0] {
            0 => item.cost[1],
            before => money::apportion(item.cost[0], 0, item.quantity[1], before)?,
        };
        at_old_price = at_old_price.checked_add(old)?;
    }
    let grown = match quantity[0] {
        0 => at_old_price,
        before => money::apportion(cost[0], 0, quantity[1], before)?,
    };
    Some(Change {
        actual: cost[1],
        expected: cost[0],
        total: cost[1].checked_sub(cost[0])?,
        price: cost[1].checked_sub(at_old_price)?,
        volume: grown.checked_sub(cost[0])?,
        mix: at_old_price.checked_sub(grown)?,
    })
}

impl Change {
    fn plus(&self, other: &Change) -> Option<Change> {
        Some(Change {
            actual: self.actual.checked_add(other.actual)?,
            expected: self.expected.checked_add(other.expected)?,
            total: self.total.checked_add(other.total)?,
            price: self.price.checked_add(other.price)?,
            volume: self.volume.checked_add(other.volume)?,
            mix: self.mix.checked_add(other.mix)?,
        })
    }
}

fn add(sum: &mut Vec<i128>, more: &[i128]) -> Result<()> {
    sum.resize(more.len(), 0);
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = sum.checked_add(*more).ok_or_else(overflow)?;
    }
    Ok(())
}
