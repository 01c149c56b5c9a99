//! Which GPU node ran in which hour, and how busy it was: the bill and the telemetry both follow from it.

use super::chance::happens;
use super::meter::Meter;
use super::portfolio::{Node, Portfolio, Purchase, Uptime};
use crate::base::seed;
use chrono::{Datelike, NaiveDate, Weekday};

pub(super) struct Running {
    /// By node, then hour.
    up: Vec<Vec<bool>>,
    busy: Vec<Vec<f32>>,
}

impl Running {
    pub(super) fn new(
        portfolio: &Portfolio,
        meter: &Meter,
        seed: u64,
        from: NaiveDate,
        hours: i64,
    ) -> Running {
        let up: Vec<Vec<bool>> = portfolio
            .nodes
            .iter()
            .map(|node| uptime(node, seed, from, hours))
            .collect();
        let mut busy = vec![vec![0.0_f32; hours as usize]; up.len()];
        for hour in 0..hours {
            for (model, of) in portfolio
                .models
                .iter()
                .enumerate()
                .filter(|(_, model)| model.node_capacity > 0.0)
            {
                let runs =
                    |index: &usize| portfolio.nodes[*index].model == model && up[*index][hour as usize];
                let nodes: Vec<usize> = (0..up.len()).filter(runs).collect();
                let share: f64 = nodes
                    .iter()
                    .map(|index| preference(portfolio.nodes[*index].purchase))
                    .sum();
                let load = meter.load.get(&(hour, model)).copied().unwrap_or(0.0) / of.node_capacity;
                for index in nodes {
                    let part = load * preference(portfolio.nodes[index].purchase) / share;
                    busy[index][hour as usize] = part.min(0.96) as f32;
                }
            }
        }
        Running { up, busy }
    }

    pub(super) fn up(&self, node: usize, hour: i64) -> bool {
        self.up[node].get(hour as usize).copied().unwrap_or(false)
    }

    /// Share of the hour's capacity that was used, 0 to 1.
    pub(super) fn busy(&self, node: usize, hour: i64) -> f64 {
        f64::from(self.busy[node].get(hour as usize).copied().unwrap_or(0.0))
    }
}

/// The router sends more to what is paid for anyway.
fn preference(purchase: Purchase) -> f64 {
    match purchase {
        Purchase::Owned | Purchase::Reserved => 1.0,
        Purchase::Spot => 0.8,
        Purchase::OnDemand => 0.6,
    }
}

fn uptime(node: &Node, seed: u64, from: NaiveDate, hours: i64) -> Vec<bool> {
    let mut rng = seed::generator(seed, &format!("uptime/{}", node.host));
    let mut spot = true;
    (0..hours)
        .map(|hour| {
            let day = from + chrono::Days::new((hour / 24) as u64);
            let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            let left_on = node.left_on.as_ref().is_some_and(|days| days.contains(&day));
            let up = match node.uptime {
                Uptime::Always => true,
                Uptime::Weekdays => !weekend,
                Uptime::OfficeHours => !weekend && (7..19).contains(&(hour % 24)),
                Uptime::Spot => {
                    spot = if spot {
                        !happens(&mut rng, 0.03)
                    } else {
                        happens(&mut rng, 0.06)
                    };
                    spot
                }
            };
            up || left_on
        })
        .collect()
}
