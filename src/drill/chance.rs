//! What a path draws before it is played: normal numbers for every factor of chance, correlated where
//! the drill says so, the factors that shocks make of them, and how the path differs from the forecast.
//!
//! Chance is drawn by path and purpose, so that a path meets the same noise and the same shocks in every
//! run that is compared (common random numbers), whatever is switched off.

use super::correlation::{Correlation, DEMAND, normal_share};
use super::factor::Factor;
use super::forecaster::BackTest;
use super::shock::Bound;
use crate::base::seed::generator;
use rand::Rng as _;
use rand_distr::{Distribution, StandardNormal};

/// A shock that found its drivers, under its name.
pub(super) struct BoundShock {
    pub name: String,
    pub bound: Box<dyn Bound>,
}

/// What one path has drawn.
pub(super) struct Drawn {
    /// By shock: a factor a day.
    pub shocks: Vec<Vec<Factor>>,
    pub noise: PathNoise,
}

/// Which past week each future week behaves like, and how far the forecast's level is off.
pub(super) struct PathNoise {
    weeks: Vec<usize>,
    pub level: Factor,
}

impl PathNoise {
    /// The past week that a day behaves like.
    pub(super) fn week(&self, day: usize) -> usize {
        self.weeks.get(day / 7).copied().unwrap_or(0)
    }
}

/// Draws paths.
pub(super) struct Chance<'a> {
    pub seed: u64,
    pub days: usize,
    /// Of past deviations.
    pub weeks: usize,
    pub levels: Levels,
    pub correlation: Option<&'a Correlation>,
}

impl Chance<'_> {
    pub(super) fn draw(&self, path: usize, shocks: &[BoundShock]) -> Drawn {
        let together = self.together(path);
        let numbers = |name: &str| -> Vec<f64> {
            let known = self
                .correlation
                .and_then(|c| c.between.iter().position(|n| n == name));
            match known {
                Some(at) => together[at].clone(),
                None => self.normals(name, path),
            }
        };
        let shocks = shocks
            .iter()
            .map(|shock| {
                let normals = if shock.bound.draws_normals() {
                    numbers(&shock.name)
                } else {
                    Vec::new()
                };
                let mut rng = generator(self.seed, &format!("shock {} path {path}", shock.name));
                shock.bound.draw(&normals, &mut rng, self.days)
            })
            .collect();
        let mut rng = generator(self.seed, &format!("noise path {path}"));
        Drawn {
            shocks,
            noise: PathNoise {
                weeks: (0..self.days.div_ceil(7))
                    .map(|_| rng.random_range(0..self.weeks.max(1)))
                    .collect(),
                level: self.levels.at(normal_share(once(&numbers(DEMAND)))),
            },
        }
    }

    /// The correlated factors of a path, in the order of `between`.
    fn together(&self, path: usize) -> Vec<Vec<f64>> {
        let Some(correlation) = self.correlation else {
            return Vec::new();
        };
        let apart: Vec<Vec<f64>> = correlation
            .between
            .iter()
            .map(|n| self.normals(n, path))
            .collect();
        let mix = |row: &Vec<f64>| {
            (0..self.days)
                .map(|day| row.iter().zip(&apart).map(|(share, own)| share * own[day]).sum())
                .collect()
        };
        correlation.rows.iter().map(mix).collect()
    }

    fn normals(&self, name: &str, path: usize) -> Vec<f64> {
        let mut rng = generator(self.seed, &format!("normals {name} path {path}"));
        (0..self.days).map(|_| StandardNormal.sample(&mut rng)).collect()
    }
}

/// One standard normal number of one a day, which goes with the sum of all of them.
pub(super) fn once(normals: &[f64]) -> f64 {
    normals.iter().sum::<f64>() / (normals.len().max(1) as f64).sqrt()
}

/// The back-test's misses of the level, each with its inverse, so that they lean to neither side; in order.
pub(super) struct Levels(Vec<Factor>);

impl Levels {
    pub(super) fn of(test: &BackTest) -> Levels {
        let both = |f: &Factor| [Some(*f), Factor::ratio(Factor::ONE.decimal(), f.decimal())];
        let mut levels: Vec<Factor> = test.levels.iter().flat_map(both).flatten().collect();
        levels.sort_unstable();
        Levels(levels)
    }

    /// The error that a share of all errors does not exceed.
    fn at(&self, share: f64) -> Factor {
        let at = (share * self.0.len() as f64) as usize;
        self.0
            .get(at.min(self.0.len().saturating_sub(1)))
            .copied()
            .unwrap_or(Factor::ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_once_goes_with_the_way_over_the_horizon() {
        let correlation = Correlation {
            between: vec!["price".to_owned(), DEMAND.to_owned()],
            rows: vec![vec![1.0], vec![0.6, 0.8]],
        };
        let chance = Chance {
            seed: 3,
            days: 25,
            weeks: 1,
            levels: Levels(Vec::new()),
            correlation: Some(&correlation),
        };
        let paths = 8_000;
        let (mut days, mut ways, mut squares) = (0.0, 0.0, [0.0; 2]);
        for path in 0..paths {
            let both = chance.together(path);
            days += both[0][7] * both[1][7];
            let (a, b) = (once(&both[0]), once(&both[1]));
            ways += a * b;
            squares = [squares[0] + a * a, squares[1] + b * b];
        }
        let n = paths as f64;
        // Standard errors are about 0.01.
        for (got, known) in [(days, 0.6), (ways, 0.6), (squares[0], 1.0), (squares[1], 1.0)] {
            assert!((got / n - known).abs() < 0.05, "{} is not {known}", got / n);
        }
    }
}
