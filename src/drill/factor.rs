//! Factors: what money is multiplied by in a drill. A factor is a decimal with nine places, so that
//! most products with an amount fit into 128 bits; a larger one takes the 256-bit road of `money`.
//! `Factor::drawn` is the one place where a random `f64` becomes a decimal.

use crate::base::money;
use arrow::datatypes::i256;

/// Nine decimal places.
const UNIT: i128 = 1_000_000_000;
/// What lies between a factor's last digit and an amount's.
const TO_AMOUNT: i128 = money::ONE / UNIT;

const UNIT_64: u64 = UNIT as u64;

/// Quotient and rest of a division by `UNIT`, digits of 32 bits at a time: the processor's own division of 128 bits, which
/// would be most of a drill's work, takes many times as long as three by a constant of 64.
fn by_unit(size: u128) -> (u128, u64) {
    let (high, low) = ((size >> 64) as u64, size as u64);
    let (top, rest) = (high / UNIT_64, high % UNIT_64);
    let middle = (rest << 32) | (low >> 32);
    let (middle, rest) = (middle / UNIT_64, middle % UNIT_64);
    let last = (rest << 32) | (low & u64::from(u32::MAX));
    let (last, rest) = (last / UNIT_64, last % UNIT_64);
    let quotient = (u128::from(top) << 64) | (u128::from(middle) << 32) | u128::from(last);
    (quotient, rest)
}

/// A decimal multiplier, counted in 10⁻⁹.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(i128);

impl Factor {
    pub const ZERO: Factor = Factor(0);
    pub const ONE: Factor = Factor(UNIT);

    /// A decimal of scale 18 that has no more than nine places; `None` when digits would be lost.
    pub fn exact(decimal: i128) -> Option<Factor> {
        (decimal % TO_AMOUNT == 0).then_some(Factor(decimal / TO_AMOUNT))
    }

    /// `a / b`, rounded half to even at the ninth place. `None` when `b` is zero.
    pub fn ratio(a: i128, b: i128) -> Option<Factor> {
        if let (Some(numerator), true) = (a.checked_mul(UNIT), b > 0) {
            let quotient = numerator / b;
            let rest = numerator - quotient * b;
            // Twice the rest is held against b without doubling, which could overflow.
            let (size, left) = (rest.abs(), b - rest.abs());
            let away = size > left || (size == left && quotient % 2 != 0);
            return Some(Factor(if away { quotient + rest.signum() } else { quotient }));
        }
        let numerator = i256::from_i128(a).checked_mul(i256::from_i128(UNIT))?;
        money::div_half_even(numerator, i256::from_i128(b)).map(Factor)
    }

    /// A random number on its way to money: cut to nine places here and nowhere else, which also
    /// hides the last bits in which mathematical libraries differ. Neither negative nor infinite.
    pub(super) fn drawn(value: f64) -> Factor {
        const LARGEST: f64 = 1e6;
        let value = if value.is_nan() {
            1.0
        } else {
            value.clamp(0.0, LARGEST)
        };
        Factor((value * UNIT as f64).round() as i128)
    }

    /// `amount × factor`, rounded half to even. `None` on overflow.
    pub fn apply(self, amount: i128) -> Option<i128> {
        if self == Factor::ONE {
            return Some(amount);
        }
        match amount.checked_mul(self.0) {
            Some(product) => {
                let (quotient, rest) = by_unit(product.unsigned_abs());
                let twice = 2 * rest;
                let away = twice > UNIT_64 || (twice == UNIT_64 && quotient % 2 == 1);
                // Below 2¹²⁷ / 10⁹, so that it has room for one more and a sign.
                let size = (quotient + u128::from(away)) as i128;
                Some(if product < 0 { -size } else { size })
            }
            None => money::mul(amount, self.decimal()),
        }
    }

    /// One factor after the other.
    pub fn then(self, other: Factor) -> Option<Factor> {
        other.apply(self.0).map(Factor)
    }

    /// `1 + (self − 1) × part/whole`: part of the way from no change to the full one.
    pub fn partly(self, part: u32, whole: u32) -> Option<Factor> {
        let way = i256::from_i128(self.0 - UNIT).checked_mul(i256::from_i128(i128::from(part)))?;
        Some(Factor(
            UNIT + money::div_half_even(way, i256::from_i128(i128::from(whole)))?,
        ))
    }

    pub fn plus(self, other: Factor) -> Factor {
        Factor(self.0.saturating_add(other.0))
    }

    pub fn minus(self, other: Factor) -> Factor {
        Factor(self.0.saturating_sub(other.0))
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// As a decimal of scale 18.
    pub fn decimal(self) -> i128 {
        self.0.saturating_mul(TO_AMOUNT)
    }

    /// In units of the ninth place, for weights that are added up.
    pub(super) fn nanos(self) -> i128 {
        self.0
    }

    /// For statistics that steer a random draw, never for money.
    pub(super) fn as_f64(self) -> f64 {
        self.0 as f64 / UNIT as f64
    }
}

/// A parameter of a process as a decimal that reports show, with six places. Never an amount.
pub(super) fn parameter(value: f64) -> Option<i128> {
    const LARGEST: f64 = 1e12;
    (value.abs() < LARGEST).then(|| (value * 1e6).round() as i128 * (money::ONE / 1_000_000))
}

/// `amount × part / whole` in 256 bits, rounded once. `None` when `whole` is zero or on overflow.
pub(super) fn share_of(amount: i128, part: i128, whole: i128) -> Option<i128> {
    if part == whole && whole != 0 {
        return Some(amount);
    }
    let product = i256::from_i128(amount).checked_mul(i256::from_i128(part))?;
    money::div_half_even(product, i256::from_i128(whole))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_go_to_even() {
        let half = Factor::exact(money::ONE / 2).unwrap();
        assert_eq!(
            [1, 3, 5, -1, -3].map(|a| half.apply(a).unwrap()),
            [0, 2, 2, 0, -2]
        );
        assert_eq!(Factor::exact(1), None);
        assert_eq!(Factor::ratio(1, 0), None);
        assert_eq!(Factor::drawn(f64::NAN), Factor::ONE);
        assert_eq!(Factor::drawn(-3.0), Factor::ZERO);
    }

    proptest! {
        #[test]
        fn ratios_of_either_width_agree(a in -1_000_000_000_000_i128..1_000_000_000_000, b in 1_i128..1_000_000) {
            // The second one takes the wide road.
            let wide = 170_000_000_000_000_000_000_000_i128;
            prop_assert_eq!(Factor::ratio(a, b), Factor::ratio(a * wide, b * wide));
        }

        #[test]
        fn both_roads_agree(amount in -money::MAX / 1_000..money::MAX / 1_000, places in 0..36_u32, nanos in 0_i128..5_000_000_000) {
            let amount = amount / 10_i128.pow(places);
            prop_assert_eq!(Factor(nanos).apply(amount), money::mul(amount, nanos * TO_AMOUNT));
        }
    }
}
