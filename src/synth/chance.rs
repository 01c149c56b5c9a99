//! Draws made of additions and multiplications only. Logarithms and exponentials differ in their last
//! bit between mathematical libraries, and the same seed must give the same bytes on every machine.

use crate::base::seed::Rng;
use rand::Rng as _;

/// Quantiles of a log-normal distribution with median 1 and σ = 0.6, in steps of 1/16. The tails are cut.
const SPREAD: [f64; 17] = [
    0.28, 0.40, 0.50, 0.59, 0.67, 0.75, 0.83, 0.91, 1.0, 1.10, 1.21, 1.34, 1.50, 1.70, 2.0, 2.52, 3.6,
];

/// A number in `[0, 1)`.
pub(super) fn unit(rng: &mut Rng) -> f64 {
    rng.random::<f64>()
}

/// A number in `[from, to)`.
pub(super) fn between(rng: &mut Rng, from: f64, to: f64) -> f64 {
    from + (to - from) * unit(rng)
}

pub(super) fn happens(rng: &mut Rng, share: f64) -> bool {
    unit(rng) < share
}

/// A whole number near `typical`, skewed to the right as token counts are.
pub(super) fn around(rng: &mut Rng, typical: f64) -> u64 {
    let place = unit(rng) * 16.0;
    let step = place as usize;
    let factor = SPREAD[step] + (SPREAD[step + 1] - SPREAD[step]) * (place - step as f64);
    (typical * factor) as u64
}

/// A count whose mean is `mean`: the noise of a busy hour, and rounding by chance.
pub(super) fn count(rng: &mut Rng, mean: f64) -> u64 {
    let noisy = mean * between(rng, 0.6, 1.4);
    (noisy + unit(rng)) as u64
}

/// The index of one of the weights.
pub(super) fn pick(rng: &mut Rng, weights: impl Iterator<Item = u32> + Clone) -> usize {
    let total: u32 = weights.clone().sum();
    let mut left = rng.random_range(0..total.max(1));
    for (index, weight) in weights.enumerate() {
        if left < weight {
            return index;
        }
        left -= weight;
    }
    0
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(rng: &mut Rng, digits: usize) -> String {
    let mut text = String::with_capacity(digits + 16);
    while text.len() < digits {
        text.push_str(&format!("{:016x}", rng.random::<u64>()));
    }
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::seed;

    #[test]
    fn counts_keep_their_mean_and_picks_their_weights() {
        let mut rng = seed::generator(1, "chance");
        let sum: u64 = (0..20_000).map(|_| count(&mut rng, 0.3)).sum();
        assert!((5_600..6_400).contains(&sum), "{sum}");
        let second = (0..20_000)
            .filter(|_| pick(&mut rng, [1, 3].into_iter()) == 1)
            .count();
        assert!((14_600..15_400).contains(&second), "{second}");
        assert_eq!(hex(&mut rng, 24).len(), 24);
    }
}
