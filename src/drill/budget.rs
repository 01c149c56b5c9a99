//! What spend is measured against, period by period, and the day it is too much.

use super::inputs::{Inputs, Portfolio, Selection, add_days};
use super::overflow;
use super::scenario::{BudgetSpec, Period, impossible};
use crate::base::{Result, money};
use chrono::{Datelike, NaiveDate};

/// A budget laid over the days of a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Budget {
    pub amount: i128,
    /// By day: true where a period begins (never on the first day).
    renews: Vec<bool>,
    /// Spent in the running period before the first day.
    carried: i128,
}

/// The spend a drill is about: what the file says, else what its named budget covers.
pub(super) fn selection(spec: &BudgetSpec, inputs: &Inputs) -> Result<Selection> {
    let named = match &spec.name {
        Some(name) => Some(find(name, inputs)?),
        None => None,
    };
    let scopes = match named.and_then(|n| n.scope.clone()) {
        Some(scope) if spec.scopes.is_empty() => vec![scope],
        _ => spec.scopes.clone(),
    };
    Ok(Selection {
        scopes,
        drivers: spec.drivers.clone(),
    })
}

fn find<'a>(name: &str, inputs: &'a Inputs) -> Result<&'a super::inputs::NamedBudget> {
    inputs.budgets.iter().find(|b| b.name == name).ok_or_else(|| {
        let known: Vec<&str> = inputs.budgets.iter().map(|b| b.name.as_str()).collect();
        let advice = match known.as_slice() {
            [] => "the configuration has no [[budgets]]".to_owned(),
            _ => format!("the configuration has {}", known.join(", ")),
        };
        impossible("budget.name", format!("there is no budget '{name}'"), advice)
    })
}

impl Budget {
    /// `forecast` is the total without shocks, which a headroom is over.
    pub(super) fn new(
        spec: &BudgetSpec,
        inputs: &Inputs,
        portfolio: &Portfolio,
        days: usize,
        forecast: i128,
    ) -> Result<Budget> {
        let named = spec.name.as_deref().map(|name| find(name, inputs)).transpose()?;
        let currency = spec.currency.as_ref().or(named.map(|n| &n.currency));
        if let Some(currency) = currency.filter(|c| **c != inputs.currency) {
            return Err(impossible(
                "budget.currency",
                format!("it is in {currency}, the drill in {}", inputs.currency),
                format!("run the drill with --currency {currency}"),
            ));
        }
        let amount = match (spec.amount, named, spec.headroom) {
            (Some(amount), ..) => amount.0,
            (_, Some(named), _) => named.amount,
            (.., Some(headroom)) => headroom
                .0
                .apply(forecast)
                .and_then(|more| forecast.checked_add(more))
                .ok_or_else(overflow)?,
            _ => {
                return Err(impossible(
                    "budget",
                    "it has no amount",
                    "give amount, name or headroom",
                ));
            }
        };
        let period = spec.period.or(named.map(|n| n.period)).unwrap_or(Period::Horizon);
        let start = portfolio.start();
        let renews = (0..days)
            .map(|d| d > 0 && period.begins(add_days(start, d)))
            .collect();
        let running = |day: NaiveDate| period.same(day, start);
        let carried = portfolio
            .totals()
            .iter()
            .enumerate()
            .filter(|(at, _)| running(add_days(portfolio.first_day, *at)))
            .try_fold(0_i128, |sum, (_, spend)| sum.checked_add(*spend))
            .ok_or_else(overflow)?;
        Ok(Budget {
            amount,
            renews,
            carried,
        })
    }

    /// The first day of a path (spend so far) on which a period has cost more than the budget.
    pub(super) fn breach(&self, cumulative: &[i128]) -> Option<usize> {
        let mut before = -self.carried;
        let mut last = 0;
        for (day, spent) in cumulative.iter().enumerate() {
            if self.renews[day] {
                before = last;
            }
            if spent - before > self.amount {
                return Some(day);
            }
            last = *spent;
        }
        None
    }

    /// What all periods so far allow together: the line of the fan chart.
    pub(super) fn allowance(&self) -> Vec<i128> {
        let mut allowed = self.amount - self.carried;
        self.renews
            .iter()
            .map(|renews| {
                if *renews {
                    allowed = allowed.saturating_add(self.amount);
                }
                allowed
            })
            .collect()
    }
}

impl Period {
    fn begins(self, day: NaiveDate) -> bool {
        day.pred_opt().is_some_and(|before| !self.same(before, day)) && self != Period::Horizon
    }

    /// Whether two days lie in one calendar period. The horizon has none: nothing before it counts.
    fn same(self, a: NaiveDate, b: NaiveDate) -> bool {
        let year = a.year() == b.year();
        match self {
            Period::Horizon => false,
            Period::Month => year && a.month() == b.month(),
            Period::Quarter => year && a.month0() / 3 == b.month0() / 3,
            Period::Year => year,
        }
    }
}

/// The value that a share `q` (scale 18) of the sorted values does not exceed: nearest rank.
pub(super) fn quantile(sorted: &[i128], q: i128) -> Option<i128> {
    let n = sorted.len() as i128;
    let rank = (q.clamp(0, money::ONE).checked_mul(n)? + money::ONE - 1) / money::ONE;
    sorted.get(usize::try_from(rank.max(1) - 1).ok()?).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let sorted: Vec<i128> = (1..=10).collect();
        let at = |percent: i128| quantile(&sorted, percent * money::ONE / 100).unwrap();
        assert_eq!(
            [at(0), at(10), at(11), at(50), at(90), at(100)],
            [1, 1, 2, 5, 9, 10]
        );
        assert_eq!(quantile(&[], 0), None);
    }

    #[test]
    fn a_monthly_budget_starts_again_and_counts_what_was_spent_before() {
        let budget = Budget {
            amount: 10,
            renews: vec![false, false, true, false],
            carried: 4,
        };
        assert_eq!(budget.breach(&[3, 6, 16, 16]), None);
        assert_eq!(budget.breach(&[3, 7, 8, 9]), Some(1));
        assert_eq!(budget.breach(&[3, 6, 12, 17]), Some(3));
        assert_eq!(budget.allowance(), [6, 6, 16, 16]);
    }

    #[test]
    fn periods_follow_the_calendar() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert!(Period::Quarter.begins(day("2026-10-01")) && !Period::Quarter.begins(day("2026-11-01")));
        assert!(Period::Month.begins(day("2026-11-01")) && !Period::Horizon.begins(day("2027-01-01")));
        assert!(Period::Year.begins(day("2027-01-01")));
    }
}
