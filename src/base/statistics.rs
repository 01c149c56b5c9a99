//! Intervals of shares and of differences: what a group says, and two groups about each other.
//!
//! Estimates are floating point, unlike amounts: nothing here is ever added to money. The sums that
//! go in are exact, so an answer does not depend on the order of the rows.

use arrow::datatypes::i256;

/// Two-sided 95 %: this share of a distribution lies below the upper end.
const UPPER: f64 = 0.975;
/// The normal distribution's value there.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval of a share.
fn wilson(hits: f64, of: f64) -> (f64, f64) {
    let share = hits / of;
    let square = Z * Z;
    let middle = share + square / (2.0 * of);
    let spread = Z * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
    let whole = 1.0 + square / of;
    // At either end the terms cancel, which floating point does not quite.
    (
        if hits > 0.0 {
            (middle - spread) / whole
        } else {
            0.0
        },
        if hits < of { (middle + spread) / whole } else { 1.0 },
    )
}

fn known((hits, of): (i64, i64)) -> bool {
    of > 0 && (0..=of).contains(&hits)
}

/// 95 % interval of a share: Wilson's score interval (1927). `None` for an empty group or more hits
/// than members.
pub fn interval_of_share(share: (i64, i64)) -> Option<(f64, f64)> {
    known(share).then(|| wilson(share.0 as f64, share.1 as f64))
}

/// 95 % interval of the difference of two shares, the first less the second: Newcombe's hybrid
/// score interval (1998, method 10, without continuity correction). `None` for an empty group or
/// more hits than members.
pub fn difference_of_shares(first: (i64, i64), second: (i64, i64)) -> Option<(f64, f64)> {
    if !known(first) || !known(second) {
        return None;
    }
    let (a, m, b, n) = (first.0 as f64, first.1 as f64, second.0 as f64, second.1 as f64);
    let (p, q) = (a / m, b / n);
    let ((p_low, p_high), (q_low, q_high)) = (wilson(a, m), wilson(b, n));
    Some((
        p - q - (p - p_low).hypot(q_high - q),
        p - q + (p_high - p).hypot(q - q_low),
    ))
}

/// A group of amounts: how many, their sum (18 places) and the sum of their squares (36 places).
#[derive(Debug, Clone, Copy)]
pub struct Sums {
    pub count: i64,
    pub sum: i128,
    pub squares: i256,
}

fn number(value: i256) -> Option<f64> {
    value.to_string().parse().ok()
}

impl Sums {
    /// The variance of the group's mean: s² / n.
    fn variance_of_mean(self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let (n, sum) = (i256::from(self.count), i256::from_i128(self.sum));
        let spread = n.checked_mul(self.squares)?.checked_sub(sum.checked_mul(sum)?)?;
        let n = self.count as f64;
        Some(number(spread)? / 1e36 / (n * n * (n - 1.0)))
    }
}

/// 95 % interval of the difference of two means, the first less the second: Welch's, which does not
/// take the two groups to vary alike. `None` for fewer than two in a group and where nothing varies.
pub fn difference_of_means(first: Sums, second: Sums) -> Option<(f64, f64)> {
    let (a, b) = (first.variance_of_mean()?, second.variance_of_mean()?);
    let variance = a + b;
    if variance <= 0.0 {
        return None;
    }
    let (m, n) = (i256::from(first.count), i256::from(second.count));
    let apart = i256::from_i128(first.sum)
        .checked_mul(n)?
        .checked_sub(i256::from_i128(second.sum).checked_mul(m)?)?;
    let (m, n) = (first.count as f64, second.count as f64);
    let difference = number(apart)? / 1e18 / (m * n);
    let freedom = variance * variance / (a * a / (m - 1.0) + b * b / (n - 1.0));
    let reach = student(freedom) * variance.sqrt();
    Some((difference - reach, difference + reach))
}

/// Student's t at the upper end of a two-sided 95 %, for any degrees of freedom of 1 and more.
fn student(freedom: f64) -> f64 {
    let below = |t: f64| 1.0 - 0.5 * beta(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    let (mut low, mut high) = (0.0, 20.0);
    // Past 60 halvings the two are neighbours.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if below(middle) < UPPER {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The regularised incomplete beta function, by its continued fraction.
fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast on this side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(1.0 - x, b, a);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    let kept = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..300_u16 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / kept(1.0 + term * d);
            c = kept(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0_f64).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function for positive numbers (Lanczos, g = 7).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let (sum, _) = TERMS
        .iter()
        .fold((0.999_999_999_999_809_9, x), |(sum, at), term| {
            (sum + term / (at + 1.0), at + 1.0)
        });
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::{ONE, parse};

    fn close(found: Option<(f64, f64)>, expected: (f64, f64), places: i32) {
        let near = |a: f64, b: f64| (a - b).abs() < 0.5 * 10_f64.powi(-places);
        let holds = found.is_some_and(|f| near(f.0, expected.0) && near(f.1, expected.1));
        assert!(holds, "{found:?}, not {expected:?}");
    }

    /// Table II of Newcombe (1998), column of method 10.
    #[test]
    fn newcombes_own_examples() {
        for (first, second, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
        ] {
            close(difference_of_shares(first, second), (low, high), 4);
        }
        assert_eq!(difference_of_shares((0, 0), (1, 2)), None);
    }

    /// Table I of Newcombe's companion paper on single proportions (1998), column of method 3.
    #[test]
    fn newcombes_single_proportions() {
        for (share, low, high) in [
            ((81, 263), 0.2553, 0.3662),
            ((15, 148), 0.0624, 0.1605),
            ((0, 20), 0.0, 0.1611),
            ((1, 29), 0.0061, 0.1718),
        ] {
            close(interval_of_share(share), (low, high), 4);
        }
        assert_eq!(interval_of_share((0, 0)), None);
        assert_eq!(interval_of_share((3, 2)), None);
    }

    fn sums(values: &[&str]) -> Sums {
        let amounts: Vec<i128> = values.iter().filter_map(|v| parse(v).ok()).collect();
        Sums {
            count: amounts.len() as i64,
            sum: amounts.iter().sum(),
            squares: amounts.iter().fold(i256::ZERO, |sum, a| {
                sum.wrapping_add(i256::from_i128(*a).wrapping_mul(i256::from_i128(*a)))
            }),
        }
    }

    /// Student's own data of 1908, as `t.test(extra ~ group, data = sleep)` of R gives it: 17.776
    /// degrees of freedom, from -3.3654832 to 0.2054832.
    #[test]
    fn the_sleep_of_students_patients() {
        let first = sums(&[
            "0.7", "-1.6", "-0.2", "-1.2", "-0.1", "3.4", "3.7", "0.8", "0.0", "2.0",
        ]);
        let second = sums(&[
            "1.9", "0.8", "1.1", "0.1", "-0.1", "4.4", "5.5", "1.6", "4.6", "3.4",
        ]);
        close(difference_of_means(first, second), (-3.365_483_2, 0.205_483_2), 7);
    }

    /// From the tables that every textbook prints.
    #[test]
    fn students_t() {
        for (freedom, t) in [
            (1.0, 12.706_204_7),
            (2.0, 4.302_652_7),
            (10.0, 2.228_138_9),
            (30.0, 2.042_272_5),
            (1000.0, 1.962_339_1),
        ] {
            assert!(
                (student(freedom) - t).abs() < 1e-6,
                "{freedom}: {}",
                student(freedom)
            );
        }
    }

    #[test]
    fn what_does_not_vary_has_no_interval() {
        let flat = Sums {
            count: 3,
            sum: 3 * ONE,
            squares: i256::from_i128(3 * ONE).wrapping_mul(i256::from_i128(ONE)),
        };
        assert_eq!(difference_of_means(flat, flat), None);
        assert_eq!(difference_of_means(Sums { count: 1, ..flat }, flat), None);
    }
}
