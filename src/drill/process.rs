//! How a price moves from day to day: a geometric walk, one that returns to a level, or a given path;
//! and how the first two are fitted to an index.
//!
//! Geometric: ln S moves by `μ` a day with standard deviation `σ`. Fitted by maximum likelihood to the
//! changes `r` over `Δ` days each: `μ = Σr / ΣΔ`, `σ² = Σ (r − μΔ)²/Δ / (n − 1)`.
//!
//! Returning (an Ornstein-Uhlenbeck process of ln S): `dx = κ (θ − x) dt + σ dW`, drawn by its exact daily
//! law. Fitted by the regression of each value on the one before, `x' = a + b x + e`, of the mean distance
//! `Δ`: `κ = −ln b / Δ`, `θ = a / (1 − b)`, `σ² = s² · 2κ / (1 − b²)`.
//!
//! Parameters are floating point, as all statistics; a price becomes money through `Factor::drawn` alone.

use super::factor::Factor;
use super::index::Index;
use crate::base::{Error, Result};
use chrono::NaiveDate;

pub(super) const DAYS_PER_YEAR: f64 = 365.0;
/// Values that a volatility can be told from.
const LEAST_GEOMETRIC: usize = 30;
/// A speed of return takes more: it is told from swings, not from changes.
const LEAST_REVERTING: usize = 60;

/// A law by which factors on today's price are drawn, one a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Process {
    /// Of the logarithm: mean and standard deviation of a day's change.
    Geometric { drift: f64, sigma: f64 },
    /// Of the logarithm, over today's: speed a day, the level it returns to, standard deviation of a day.
    Reverting { speed: f64, level: f64, sigma: f64 },
    /// Taken from an index as it is.
    Path(Vec<Factor>),
}

impl Process {
    /// Whether chance has a say.
    pub(super) fn is_random(&self) -> bool {
        match self {
            Process::Geometric { sigma, .. } | Process::Reverting { sigma, .. } => *sigma > 0.0,
            Process::Path(_) => false,
        }
    }

    /// Factors on today's price, from one standard normal number a day.
    pub(super) fn factors(&self, normals: &[f64], days: usize) -> Vec<Factor> {
        let normal = |day: usize| normals.get(day).copied().unwrap_or(0.0);
        let mut log = 0.0;
        match self {
            Process::Geometric { drift, sigma } if *drift == 0.0 && *sigma == 0.0 => vec![Factor::ONE; days],
            Process::Geometric { drift, sigma } => (0..days)
                .map(|day| {
                    log += drift + sigma * normal(day);
                    Factor::drawn(log.exp())
                })
                .collect(),
            Process::Reverting { speed, level, sigma } => {
                let stay = (-speed).exp();
                let spread = sigma * ((1.0 - stay * stay) / (2.0 * speed)).sqrt();
                (0..days)
                    .map(|day| {
                        log = level + (log - level) * stay + spread * normal(day);
                        Factor::drawn(log.exp())
                    })
                    .collect()
            }
            Process::Path(path) => path.clone(),
        }
    }
}

/// A geometric walk whose mean price grows by `drift` a year: volatility spreads it and does not raise it.
pub(super) fn geometric(drift: f64, volatility: f64) -> Process {
    let sigma = volatility / DAYS_PER_YEAR.sqrt();
    Process::Geometric {
        drift: drift.ln_1p() / DAYS_PER_YEAR - sigma * sigma / 2.0,
        sigma,
    }
}

/// What a fit found, per year, each with one standard error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    pub observations: usize,
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// Expected growth of the price in a year; of a returning one `None`.
    pub drift: Option<(f64, f64)>,
    pub volatility: (f64, f64),
    /// Days after which half of a distance to the level is left, and its error.
    pub half_life: Option<(f64, f64)>,
    /// The level over the last value.
    pub level: Option<f64>,
    /// How sure the return is, as a Dickey-Fuller statistic: below −2.9 is 95 %.
    pub certainty: Option<f64>,
}

/// Logarithms of what was known of an index before a day, with the days between; refused when they
/// are too few, or reach back less far than the drill looks ahead.
fn changes(
    index: &Index,
    start: NaiveDate,
    horizon: usize,
    least: usize,
) -> Result<(Vec<f64>, Vec<f64>, NaiveDate, NaiveDate)> {
    let points = index.before(start);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(
            Error::config(format!("index '{}' has no value before {start}", index.name))
                .advise("a process is fitted to what was known before the first simulated day"),
        );
    };
    let span = (last.0 - first.0).num_days();
    if points.len() < least || span < horizon as i64 {
        return Err(Error::config(format!(
            "index '{}' is too short to fit to: {} values over {span} days before {start}",
            index.name,
            points.len()
        ))
        .advise(format!(
            "it takes {least} values at least, over as many days as the drill looks ahead, {horizon}; \
             or state drift and volatility without an index"
        )));
    }
    let logs = points.iter().map(|(_, v)| (*v as f64).ln()).collect();
    let days = points
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).num_days() as f64)
        .collect();
    Ok((logs, days, first.0, last.0))
}

pub(super) fn fit_geometric(index: &Index, start: NaiveDate, horizon: usize) -> Result<Fit> {
    let (logs, days, first, last) = changes(index, start, horizon, LEAST_GEOMETRIC)?;
    let n = days.len() as f64;
    let span: f64 = days.iter().sum();
    let mu = (logs[logs.len() - 1] - logs[0]) / span;
    let squares: f64 = logs
        .windows(2)
        .zip(&days)
        .map(|(pair, d)| (pair[1] - pair[0] - mu * d).powi(2) / d)
        .sum();
    let sigma = (squares / (n - 1.0)).sqrt();
    let drift = ((mu + sigma * sigma / 2.0) * DAYS_PER_YEAR).exp_m1();
    Ok(Fit {
        observations: logs.len(),
        first,
        last,
        drift: Some((drift, (1.0 + drift) * sigma / span.sqrt() * DAYS_PER_YEAR)),
        volatility: (
            sigma * DAYS_PER_YEAR.sqrt(),
            sigma * DAYS_PER_YEAR.sqrt() / (2.0 * (n - 1.0)).sqrt(),
        ),
        half_life: None,
        level: None,
        certainty: None,
    })
}

pub(super) fn fit_reverting(index: &Index, start: NaiveDate, horizon: usize) -> Result<Fit> {
    let (logs, days, first, last) = changes(index, start, horizon, LEAST_REVERTING)?;
    let n = days.len() as f64;
    let step = days.iter().sum::<f64>() / n;
    let (before, after) = (&logs[..logs.len() - 1], &logs[1..]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mx, my) = (mean(before), mean(after));
    let sxx: f64 = before.iter().map(|x| (x - mx).powi(2)).sum();
    let sxy: f64 = before.iter().zip(after).map(|(x, y)| (x - mx) * (y - my)).sum();
    let b = sxy / sxx;
    let a = my - b * mx;
    let rest: f64 = before
        .iter()
        .zip(after)
        .map(|(x, y)| (y - a - b * x).powi(2))
        .sum();
    let variance = rest / (n - 2.0);
    let error = (variance / sxx).sqrt();
    if !(b > 0.0 && b < 1.0) || variance <= 0.0 {
        return Err(Error::config(format!(
            "index '{}' does not return to a level: each value is {b:.3} times the one before",
            index.name
        ))
        .advise("take model = \"geometric\""));
    }
    let speed = -b.ln() / step;
    let sigma = (variance * 2.0 * speed / (1.0 - b * b)).sqrt();
    let half_life = std::f64::consts::LN_2 / speed;
    Ok(Fit {
        observations: logs.len(),
        first,
        last,
        drift: None,
        volatility: (
            sigma * DAYS_PER_YEAR.sqrt(),
            sigma * DAYS_PER_YEAR.sqrt() / (2.0 * (n - 2.0)).sqrt(),
        ),
        // By the rule for the error of a function of b.
        half_life: Some((half_life, half_life * error / (b * -b.ln()))),
        level: Some((a / (1.0 - b) - logs[logs.len() - 1]).exp()),
        certainty: Some((b - 1.0) / error),
    })
}

/// The index as it is: from the drill's first day on, or the stretch that begins on another day.
pub(super) fn path(index: &Index, start: NaiveDate, from: Option<NaiveDate>, days: usize) -> Result<Process> {
    let from = from.unwrap_or(start);
    let last = super::inputs::add_days(from, days - 1);
    let before = from.pred_opt().unwrap_or(from);
    let known = || match (index.first_day(), index.last_day()) {
        (Some(a), Some(b)) => format!("it has values from {a} to {b}"),
        _ => "it has no values".to_owned(),
    };
    let Some(today) = index.on(before) else {
        return Err(Error::config(format!(
            "index '{}' has no value before {from}, which its path would be measured against",
            index.name
        ))
        .advise(known()));
    };
    if index.last_day().is_none_or(|end| end < last) {
        return Err(Error::config(format!(
            "index '{}' ends before the path does, on {last}",
            index.name
        ))
        .advise(format!(
            "{}; let it reach that day, or replay an earlier stretch with replay_from",
            known()
        )));
    }
    let factors = (0..days).map(|day| {
        index
            .on(super::inputs::add_days(from, day))
            .and_then(|value| Factor::ratio(value, today))
            .ok_or_else(super::overflow)
    });
    Ok(Process::Path(factors.collect::<Result<_>>()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::seed::generator;
    use crate::drill::index::IndexSpec;
    use rand_distr::{Distribution, StandardNormal};
    use std::fmt::Write as _;

    const START: &str = "2026-09-01";

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn index(values: impl Iterator<Item = (i64, f64)>) -> Index {
        let mut text = "day,price\n".to_owned();
        for (at, value) in values {
            writeln!(text, "{},{value:.12}", day(START) + chrono::Days::new(at as u64)).unwrap();
        }
        let table = toml::Table::from_iter([
            ("name".to_owned(), "X".into()),
            ("values".to_owned(), text.into()),
        ]);
        Index::read(0, &table.try_into::<IndexSpec>().unwrap()).unwrap()
    }

    /// 2 · e^(mean + wobble), with known sums: up by 0.03, down by 0.01, and so on.
    #[test]
    fn a_geometric_fit_by_hand() {
        let logs = (0..41_i64).map(|i| (i, 2.0 * (0.01 * i as f64 + 0.02 * (i % 2) as f64).exp()));
        let fit = fit_geometric(&index(logs), day("2027-01-01"), 40).unwrap();
        // 40 changes of 0.03 and −0.01 in turn: mean 0.01, variance 40 · 0.02² / 39.
        let sigma = 0.02 * (40.0_f64 / 39.0).sqrt();
        assert!((fit.volatility.0 - sigma * 365.0_f64.sqrt()).abs() < 1e-9);
        assert!((fit.drift.unwrap().0 - ((0.01 + sigma * sigma / 2.0) * 365.0).exp_m1()).abs() < 1e-6);
        assert_eq!((fit.observations, fit.first), (41, day(START)));
        // Sparse values know the same drift: every second one of the even ones.
        let sparse = (0..41_i64).map(|i| (2 * i, 2.0 * (0.02 * i as f64).exp()));
        let fit = fit_geometric(&index(sparse), day("2027-01-01"), 40).unwrap();
        assert!((fit.drift.unwrap().0 - (0.01_f64 * 365.0).exp_m1()).abs() < 1e-6);
        assert!(fit.volatility.0 < 1e-6);
    }

    #[test]
    fn a_fit_finds_what_a_process_was_drawn_with() {
        let mut rng = generator(5, "index");
        let normals: Vec<f64> = (0..4000).map(|_| StandardNormal.sample(&mut rng)).collect();
        let walk = geometric(0.3, 0.5).factors(&normals, 4000);
        let points = walk.iter().enumerate().map(|(i, f)| (i as i64, f.as_f64()));
        let fit = fit_geometric(&index(points), day("2040-01-01"), 90).unwrap();
        assert!((fit.volatility.0 - 0.5).abs() < 3.0 * fit.volatility.1 && fit.volatility.1 < 0.006);
        assert!((fit.drift.unwrap().0 - 0.3).abs() < 3.0 * fit.drift.unwrap().1);

        let drawn = Process::Reverting {
            speed: std::f64::consts::LN_2 / 20.0,
            level: 1.4_f64.ln(),
            sigma: 0.4 / 365.0_f64.sqrt(),
        };
        let points: Vec<(i64, f64)> = drawn
            .factors(&normals, 4000)
            .iter()
            .enumerate()
            .map(|(i, f)| (i as i64, f.as_f64()))
            .collect();
        let last = points[points.len() - 1].1;
        let fit = fit_reverting(&index(points.into_iter()), day("2040-01-01"), 90).unwrap();
        let (half_life, error) = fit.half_life.unwrap();
        assert!(
            (half_life - 20.0).abs() < 3.0 * error && error < 4.0,
            "{half_life} ± {error}"
        );
        assert!((fit.volatility.0 - 0.4).abs() < 3.0 * fit.volatility.1);
        assert!((fit.level.unwrap() * last - 1.4).abs() < 0.1);
        assert!(fit.certainty.unwrap() < -2.9);
    }

    #[test]
    fn the_law_of_a_returning_price_is_the_known_one() {
        // ln S after T days is normal: mean θ(1 − e^−κT), variance σ²(1 − e^−2κT)/2κ.
        let (speed, level, sigma, days) = (0.05, 0.5, 0.02, 30_usize);
        let process = Process::Reverting { speed, level, sigma };
        let mut rng = generator(1, "law");
        let ends: Vec<f64> = (0..20_000)
            .map(|_| {
                let normals: Vec<f64> = (0..days).map(|_| StandardNormal.sample(&mut rng)).collect();
                process.factors(&normals, days)[days - 1].as_f64().ln()
            })
            .collect();
        let mean = ends.iter().sum::<f64>() / 20_000.0;
        let variance = ends.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 19_999.0;
        let decay = (-speed * days as f64).exp();
        assert!((mean - level * (1.0 - decay)).abs() < 0.002, "{mean}");
        let known = sigma * sigma * (1.0 - decay * decay) / (2.0 * speed);
        assert!((variance / known - 1.0).abs() < 0.04, "{variance} {known}");
    }

    #[test]
    fn too_short_an_index_is_refused_with_what_it_takes() {
        let short = |n: i64| index((0..n).map(|i| (i, 2.0 + 0.1 * (i % 3) as f64)));
        let error = fit_geometric(&short(29), day("2027-01-01"), 10).unwrap_err();
        assert!(error.to_string().contains("29 values over 28 days"), "{error}");
        // Enough values, over less time than the drill looks ahead.
        let error = fit_geometric(&short(40), day("2027-01-01"), 90).unwrap_err();
        assert!(error.to_string().contains("40 values over 39 days"), "{error}");
        assert!(error.advice().unwrap().contains("90"));
        // What lies behind the first simulated day is not known on it.
        assert!(fit_geometric(&short(60), day("2026-09-20"), 10).is_err());
        assert!(fit_reverting(&short(59), day("2027-01-01"), 10).is_err());
        let rising = index((0..90).map(|i| (i, (0.001 * (i * i) as f64).exp())));
        let error = fit_reverting(&rising, day("2027-01-01"), 10).unwrap_err();
        assert!(error.to_string().contains("does not return"), "{error}");
    }

    #[test]
    fn a_path_is_taken_as_it_is_and_must_reach_the_end() {
        let steps = index([(0, 2.0), (10, 3.0), (20, 4.0)].into_iter());
        let start = day(START) + chrono::Days::new(9);
        let Process::Path(factors) = path(&steps, start, None, 12).unwrap() else {
            panic!()
        };
        let tenths: Vec<i128> = factors.iter().map(|f| f.nanos() / 100_000_000).collect();
        assert_eq!(tenths, [10, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 20]);
        assert!(
            path(&steps, start, None, 13)
                .unwrap_err()
                .to_string()
                .contains("ends before")
        );
        let replayed = path(&steps, day("2030-01-01"), Some(start), 12).unwrap();
        assert_eq!(replayed, Process::Path(factors));
        assert!(
            path(&steps, day(START), None, 5)
                .unwrap_err()
                .to_string()
                .contains("no value before")
        );
    }
}
