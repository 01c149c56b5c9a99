//! What changed, and why: days and levels of spend that the weeks before do not explain.
//!
//! Pure: the rows of the view `spend_days` go in as a frame, findings come out. It sees no session, no lake, no
//! clock and no chart.
//!
//! ```text
//! rows → panel (cells × days, which days are covered) → series by grain → model of each (weekday, trend, steps)
//!      → events (days off, steps) → expected from comparable days → one event per cause → price, volume, mix
//! ```
//!
//! Statistics are worked out in floats, on `asinh(amount ÷ a quarter of a usual day)`: like a logarithm, but at
//! home at zero and below. Amounts are not: what was expected is the mean of comparable days, in whole digits.

mod baseline;
mod cause;
mod driver;
mod event;
mod model;
mod outcome;
mod panel;
#[cfg(test)]
mod tests;

pub use driver::Change;
pub use outcome::{Finding, Kind, Outcome, Unjudged};
pub use panel::Grain;

use crate::base::{Error, Result};
use crate::frame::Frame;
use baseline::Baseline;
use cause::Candidate;
use chrono::NaiveDate;
use event::Event;
use panel::{Panel, Series};
use std::collections::BTreeMap;

/// The rows that [`find`] eats, for the days `[$from, $to)`.
pub const ROWS: &str = "SELECT day, source, log, scope, provider, model, use_case, key_alias, pool, item, unit, \
    currency, amount, quantity FROM spend_days WHERE day >= $from AND day < $to";
/// So many days before the window are looked at.
pub const HISTORY_DAYS: u64 = 112;
/// Fewer days cannot tell a weekday from an outlier.
const MIN_DAYS: usize = 28;
/// The share of a window's spend that a finding is about at least: 1/400.
const LEAST_PART: i128 = 400;

/// What is looked at.
#[derive(Debug)]
pub struct Inputs {
    /// The rows of [`ROWS`].
    pub rows: Frame,
    /// First day of the window, and the day after its last.
    pub window: (NaiveDate, NaiveDate),
    /// Days from here on are not over.
    pub today: NaiveDate,
    /// Findings about less are left out; default: a quarter of a percent of the window's spend in their currency.
    pub least: Option<i128>,
}

fn overflow() -> Error {
    Error::data("an amount of a finding does not fit into 38 digits")
}

/// The findings of a window, the greatest amount first within each currency.
pub fn find(inputs: &Inputs) -> Result<Outcome> {
    let panel = Panel::read(inputs)?;
    let mut judged = 0;
    let mut unjudged: BTreeMap<Unjudged, Vec<(Grain, String)>> = BTreeMap::new();
    let mut candidates = Vec::new();
    let series = panel.series();
    for series in &series {
        match event::of(&panel, series) {
            Ok(events) => {
                judged += 1;
                for event in events.iter().filter(|e| panel.concerns(e)) {
                    if let Some(candidate) = weigh(&panel, series, event, &events, inputs)? {
                        candidates.push(candidate);
                    }
                }
            }
            Err(why) => unjudged
                .entry(why)
                .or_default()
                .push((series.grain, series.name.clone())),
        }
    }
    let mut found = Vec::new();
    for (candidate, also) in cause::one_each(&panel, candidates) {
        found.push(candidate.finding(&panel, also)?);
    }
    found.sort_by(|a, b| {
        (&a.currency, b.change.total.abs(), a.from, a.grain, &a.name).cmp(&(
            &b.currency,
            a.change.total.abs(),
            b.from,
            b.grain,
            &b.name,
        ))
    });
    Ok(Outcome {
        found,
        judged,
        unjudged,
        days: panel.history(),
    })
}

/// An event with its amounts, if they are worth a reader's time.
fn weigh<'a>(
    panel: &Panel,
    series: &'a Series,
    event: &Event,
    events: &[Event],
    inputs: &Inputs,
) -> Result<Option<Candidate<'a>>> {
    let days = panel.counted(series, event);
    if days.is_empty() {
        return Ok(None);
    }
    let baseline = Baseline::of(series, event, events, &days);
    let onset = panel.onset(series, event);
    // What is new in one series was in others before: all cells are compared with the weeks before.
    let compared = Event {
        kind: match event.kind {
            Kind::New => Kind::Step,
            kind => kind,
        },
        ..event.clone()
    };
    let change = driver::split(panel, series, &days, &baseline)?;
    let least = match inputs.least {
        Some(least) => least,
        None => panel.total(series.currency)? / LEAST_PART,
    };
    let amount = if event.of_price {
        change.price
    } else {
        change.total
    };
    let far = amount.abs().saturating_mul(event.least_part()) >= change.expected.abs();
    let same_way = (change.total > 0) == event.up && (amount > 0) == event.up;
    Ok(
        (change.total != 0 && amount.abs() >= least && far && same_way).then(|| Candidate {
            series,
            event: event.clone(),
            at_onset: Baseline::of(series, &compared, events, &onset),
            onset,
            days,
            baseline,
            change,
        }),
    )
}
