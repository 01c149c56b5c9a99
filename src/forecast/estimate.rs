//! Amounts into the floating point of the models, and estimates back into decimals: here and nowhere else.
//!
//! A forecast is an estimate, not an amount. It carries six digits or so and never more than it knows, so that
//! the last bits of a floating-point sum, which differ from machine to machine, are not shown as money.

use crate::base::money;

/// Digits that a typical day's estimate keeps.
const DIGITS: i32 = 6;

/// An amount as the models see it.
pub(super) fn number(amount: i128) -> f64 {
    amount as f64 / money::ONE as f64
}

/// The step that estimates of a series are rounded to: a power of ten, six digits below a typical day, and
/// never finer than a stored amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step(i128);

impl Step {
    /// `typical` is the mean of the series' days, without their signs.
    pub(super) fn of(typical: f64) -> Step {
        if !typical.is_finite() || typical <= 0.0 {
            return Step(1);
        }
        let exponent = typical.log10().floor() as i32 + 1 - DIGITS + i32::from(money::SCALE);
        Step(10_i128.pow(exponent.clamp(0, 30).unsigned_abs()))
    }

    /// An estimate as a decimal; `None` when it is not a number or out of range.
    pub(super) fn amount(self, estimate: f64) -> Option<i128> {
        let steps = (estimate * (money::ONE as f64 / self.0 as f64)).round();
        if !steps.is_finite() || steps.abs() > 1e30 {
            return None;
        }
        (steps as i128)
            .checked_mul(self.0)
            .filter(|amount| amount.abs() <= money::MAX)
    }
}

/// A measurement (tokens, kWh) as a decimal, so that series of every kind are forecast alike.
pub fn measured(value: f64) -> Option<i128> {
    Step(1_000_000).amount(value)
}

/// A ratio of two sums of errors as a decimal; `None` over zero.
pub(super) fn ratio(a: f64, b: f64) -> Option<i128> {
    (b > 0.0)
        .then(|| Step(money::ONE / 1_000_000).amount(a / b))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::ONE;

    #[test]
    fn estimates_keep_six_digits_of_a_typical_day() {
        let step = Step::of(230.0);
        assert_eq!(step.amount(230.123_456_789), Some(ONE / 1000 * 230_123));
        assert_eq!(
            Step::of(0.000_4).amount(0.000_412_345_678_9),
            Some(ONE / 1_000_000_000 * 412_346)
        );
        // A number far beyond what is stored is refused, and so is none at all.
        assert_eq!(step.amount(1e40), None);
        assert_eq!(step.amount(f64::NAN), None);
        assert_eq!(Step::of(0.0).amount(0.0), Some(0));
        assert_eq!(number(ONE * 3 / 2), 1.5);
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(1.0, 8.0), Some(ONE / 8));
    }
}
