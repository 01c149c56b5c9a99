//! Exact decimal arithmetic. An amount is an `i128` that counts 10⁻¹⁸ of its currency
//! (`Decimal128(38, 18)` in Arrow); a product or a share of two of them is worked out in 256 bits
//! and rounded back, half to even, in the functions of this file and nowhere else.

use arrow::datatypes::i256;
use std::fmt;

pub const PRECISION: u8 = 38;
pub const SCALE: u8 = 18;
/// One whole unit of currency.
pub const ONE: i128 = 1_000_000_000_000_000_000;
/// The largest magnitude that 38 digits hold.
pub const MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;
/// Digits after the point that a source text may have before it is refused.
pub const MAX_SOURCE_SCALE: u8 = 40;

/// The Arrow type of every amount.
pub fn data_type() -> arrow::datatypes::DataType {
    arrow::datatypes::DataType::Decimal128(PRECISION, SCALE as i8)
}

/// Why a text is not an amount. The wording goes into `rejects.reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotADecimal {
    Empty,
    Syntax,
    TooManyDecimals,
    TooLarge,
}

impl fmt::Display for NotADecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotADecimal::Empty => "empty where a decimal number is required",
            NotADecimal::Syntax => "not a decimal number",
            NotADecimal::TooManyDecimals => "more than 40 digits after the decimal point",
            NotADecimal::TooLarge => "more than 20 digits before the decimal point",
        })
    }
}

/// A decimal as its source wrote it, exactly: up to 40 digits after the point.
///
/// ```
/// use spendscope::base::money::Exact;
/// let cost = Exact::parse("9.984E-7").unwrap();
/// assert_eq!(cost.to_string(), "0.0000009984");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Exact(Digits);

/// Nearly all amounts have at most 18 digits after the point, and are then what is stored.
#[derive(Debug, Clone, Copy)]
enum Digits {
    /// Counts 10^-18.
    Stored(i128),
    /// Counts 10^-40.
    Wide(i256),
}

/// What the two units of `Digits` differ by.
const WIDER: i256 = i256::from_parts(10_u128.pow((MAX_SOURCE_SCALE - SCALE) as u32), 0);

impl Default for Exact {
    fn default() -> Self {
        Exact::ZERO
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        match (self.0, other.0) {
            (Digits::Stored(a), Digits::Stored(b)) => a == b,
            _ => self.wide() == other.wide(),
        }
    }
}

impl Eq for Exact {}

fn pow10(n: u32) -> i256 {
    const TEN38: i128 = 10_i128.pow(38);
    if n <= 38 {
        i256::from_i128(10_i128.pow(n))
    } else {
        // The callers stay below 10^76, which 256 bits hold.
        i256::from_i128(TEN38).wrapping_mul(i256::from_i128(10_i128.pow(n - 38)))
    }
}

/// The common case of `Exact::parse`: up to 19 digits, perhaps a point and up to 18 more, and a sign. Counts 10^-18.
fn parse_short(text: &[u8]) -> Option<i128> {
    const POWERS: [u64; 19] = {
        let mut powers = [1; 19];
        let mut n = 1;
        while n < 19 {
            powers[n] = powers[n - 1] * 10;
            n += 1;
        }
        powers
    };
    fn number(digits: &[u8]) -> Option<u64> {
        let mut value = 0_u64;
        for byte in digits {
            // Nineteen digits fit.
            value = value
                .wrapping_mul(10)
                .wrapping_add(u64::from(byte.wrapping_sub(b'0')));
            if !byte.is_ascii_digit() {
                return None;
            }
        }
        Some(value)
    }
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let point = unsigned.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&unsigned[..point], &unsigned[point + 1..]),
        None => (unsigned, [].as_slice()),
    };
    if whole.len() > 19 || fraction.len() > 18 || whole.len() + fraction.len() == 0 {
        return None;
    }
    let (whole, parts) = (number(whole)?, number(fraction)? * POWERS[18 - fraction.len()]);
    let stored = i128::from(whole) * ONE + i128::from(parts);
    Some(if negative { -stored } else { stored })
}

/// `div_half_even` by `WIDER`, which is 2^22 times 5^22: a shift, and divisions by what 64 bits hold.
fn rounded(wide: i256) -> Option<i128> {
    const FIVES: u128 = 5_u128.pow(22);
    const HALF: u128 = 10_u128.pow(22) / 2;
    let (low, high) = wide.wrapping_abs().to_parts();
    let high = high as u128;
    let (mut quotient, mut rest) = (0_u128, 0_u128);
    for part in [high >> 86, high >> 22, (high << 42) | (low >> 86), low >> 22] {
        // What a division leaves is below 2^52, so that 64 bits more fit beside it.
        let part = (rest << 64) | u128::from(part as u64);
        if quotient >> 64 != 0 {
            return None;
        }
        quotient = (quotient << 64) | (part / FIVES);
        rest = part % FIVES;
    }
    let rest = (rest << 22) | (low & ((1 << 22) - 1));
    quotient += u128::from(rest > HALF || (rest == HALF && quotient % 2 == 1));
    let result = i128::try_from(quotient).ok().filter(|result| *result <= MAX)?;
    Some(if wide < i256::ZERO { -result } else { result })
}

impl Exact {
    pub const ZERO: Exact = Exact(Digits::Stored(0));

    fn wide(self) -> i256 {
        match self.0 {
            Digits::Stored(amount) => i256::from_i128(amount).wrapping_mul(WIDER),
            Digits::Wide(wide) => wide,
        }
    }

    /// Reads a plain or scientific decimal (`-12.5`, `9.984E-7`, `.5`, `5.`). No separators, no
    /// currency signs: what those mean is for the mapping file to say.
    pub fn parse(text: &str) -> Result<Exact, NotADecimal> {
        if let Some(stored) = parse_short(text.as_bytes()) {
            return Ok(Exact(Digits::Stored(stored)));
        }
        Exact::parse_any(text)
    }

    fn parse_any(text: &str) -> Result<Exact, NotADecimal> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotADecimal::Empty);
        }
        let (negative, unsigned) = match text.as_bytes()[0] {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (digits, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => {
                let exponent: i32 = unsigned[at + 1..].parse().map_err(|_| NotADecimal::Syntax)?;
                (&unsigned[..at], exponent)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NotADecimal::Syntax);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(NotADecimal::Syntax);
        }
        // All digits as one integer; the point then stands `fraction.len() - exponent` from the right.
        let mut significant = [whole, fraction].concat();
        let mut scale = fraction.len() as i64 - i64::from(exponent);
        while significant.ends_with('0') {
            significant.pop();
            scale -= 1;
        }
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Exact::ZERO);
        }
        if scale > i64::from(MAX_SOURCE_SCALE) {
            return Err(NotADecimal::TooManyDecimals);
        }
        let shift = i64::from(MAX_SOURCE_SCALE) - scale;
        if significant.len() as i64 - scale > 20 || shift + significant.len() as i64 > 76 {
            return Err(NotADecimal::TooLarge);
        }
        let mut mantissa = i256::ZERO;
        for chunk in significant.as_bytes().chunks(18) {
            let mut value: i128 = 0;
            for digit in chunk {
                value = value * 10 + i128::from(digit - b'0');
            }
            mantissa = mantissa
                .wrapping_mul(pow10(chunk.len() as u32))
                .wrapping_add(i256::from_i128(value));
        }
        mantissa = mantissa.wrapping_mul(pow10(shift as u32));
        Ok(Exact(Digits::Wide(if negative {
            mantissa.wrapping_neg()
        } else {
            mantissa
        })))
    }

    /// The stored amount: 18 digits after the point, half to even.
    pub fn round(self) -> i128 {
        match self.0 {
            Digits::Stored(amount) if amount.unsigned_abs() <= MAX.unsigned_abs() => amount,
            // The parser's 20 digits before the point and 18 after it fit into an i128.
            _ => rounded(self.wide()).unwrap_or(0),
        }
    }

    /// A stored amount, as exactly as it is stored.
    pub fn from_stored(amount: i128) -> Exact {
        Exact(Digits::Stored(amount))
    }

    /// The same value divided by a power of ten: an amount in cents is `shift_point(2)` of its digits.
    /// `None` when digits would be lost.
    pub fn shift_point(self, places: u32) -> Option<Exact> {
        let unit = pow10(places);
        let wide = self.wide();
        (wide.wrapping_rem(unit) == i256::ZERO).then(|| Exact(Digits::Wide(wide.wrapping_div(unit))))
    }

    pub fn is_zero(self) -> bool {
        match self.0 {
            Digits::Stored(amount) => amount == 0,
            Digits::Wide(wide) => wide == i256::ZERO,
        }
    }
}

impl std::ops::Add for Exact {
    type Output = Exact;
    fn add(self, other: Exact) -> Exact {
        if let (Digits::Stored(a), Digits::Stored(b)) = (self.0, other.0)
            && let Some(sum) = a.checked_add(b)
        {
            return Exact(Digits::Stored(sum));
        }
        Exact(Digits::Wide(self.wide().wrapping_add(other.wide())))
    }
}

impl std::ops::AddAssign for Exact {
    fn add_assign(&mut self, other: Exact) {
        *self = *self + other;
    }
}

impl std::ops::Sub for Exact {
    type Output = Exact;
    fn sub(self, other: Exact) -> Exact {
        if let (Digits::Stored(a), Digits::Stored(b)) = (self.0, other.0)
            && let Some(rest) = a.checked_sub(b)
        {
            return Exact(Digits::Stored(rest));
        }
        Exact(Digits::Wide(self.wide().wrapping_sub(other.wide())))
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.wide();
        let text = wide.wrapping_abs().to_string();
        let text = format!("{text:0>width$}", width = usize::from(MAX_SOURCE_SCALE) + 1);
        let (whole, fraction) = text.split_at(text.len() - usize::from(MAX_SOURCE_SCALE));
        let fraction = fraction.trim_end_matches('0');
        let sign = if wide < i256::ZERO { "-" } else { "" };
        if fraction.is_empty() {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction}")
        }
    }
}

/// `numerator / denominator` to the nearest integer, halves to the even one.
/// `None` when the denominator is zero or the result does not fit into 38 digits.
pub fn div_half_even(numerator: i256, denominator: i256) -> Option<i128> {
    if denominator == i256::ZERO {
        return None;
    }
    let quotient = numerator.checked_div(denominator)?;
    // What is left, without dividing once more.
    let rest = numerator
        .wrapping_sub(quotient.wrapping_mul(denominator))
        .wrapping_abs();
    let size = denominator.wrapping_abs();
    // Compare rest with size/2 without doubling, which could overflow.
    let other = size.wrapping_sub(rest);
    let mut result = quotient.to_i128()?;
    if rest > other || (rest == other && result % 2 != 0) {
        let negative = (numerator < i256::ZERO) != (denominator < i256::ZERO);
        result += if negative { -1 } else { 1 };
    }
    (result.abs() <= MAX).then_some(result)
}

/// `a × b` of two amounts of scale 18, rounded back to scale 18.
pub fn mul(a: i128, b: i128) -> Option<i128> {
    if let Some(product) = mul_short(a, b) {
        return Some(product);
    }
    div_half_even(
        i256::from_i128(a).checked_mul(i256::from_i128(b))?,
        i256::from_i128(ONE),
    )
}

/// The same of amounts one of which is below 18, as nearly all prices are: 192 bits hold the product, and 18 digits are
/// taken off 64 bits at a time.
fn mul_short(a: i128, b: i128) -> Option<i128> {
    const DIVISOR: u128 = ONE.unsigned_abs();
    let (x, y) = (a.unsigned_abs(), b.unsigned_abs());
    let (long, short) = (x.max(y), u128::from(u64::try_from(x.min(y)).ok()?));
    let low = (long as u64 as u128) * short;
    let high = (long >> 64) * short + (low >> 64);
    // What a division leaves is below 2^60, so that 64 bits more fit beside it.
    let top = high / DIVISOR;
    let part = ((high % DIVISOR) << 64) | u128::from(low as u64);
    let rest = part % DIVISOR;
    if top >> 62 != 0 {
        return None;
    }
    let mut result = (top << 64) + part / DIVISOR;
    result += u128::from(rest > DIVISOR / 2 || (rest == DIVISOR / 2 && result % 2 == 1));
    let result = i128::try_from(result).ok().filter(|result| *result <= MAX)?;
    Some(if (a < 0) == (b < 0) { result } else { -result })
}

/// `a / b` as a number of scale 18, whatever scale `a` and `b` share. `None` when `b` is zero.
pub fn ratio(a: i128, b: i128) -> Option<i128> {
    div_half_even(
        i256::from_i128(a).checked_mul(i256::from_i128(ONE))?,
        i256::from_i128(b),
    )
}

/// The share of `amount` that belongs to one row of a group, whose weights before it add up to
/// `before`, with it to `upto`, and in the whole group to `total`:
/// `r(amount·upto/total) − r(amount·before/total)`. Over the group the shares add up to `amount`
/// exactly, since the sum telescopes.
///
/// ```
/// use spendscope::base::money::{apportion, ONE};
/// let shares: Vec<i128> = (0..3).map(|i| apportion(ONE, i, i + 1, 3).unwrap()).collect();
/// assert_eq!(shares.iter().sum::<i128>(), ONE);
/// ```
pub fn apportion(amount: i128, before: i128, upto: i128, total: i128) -> Option<i128> {
    let amount = i256::from_i128(amount);
    let total = i256::from_i128(total);
    let upto = div_half_even(amount.checked_mul(i256::from_i128(upto))?, total)?;
    let before = div_half_even(amount.checked_mul(i256::from_i128(before))?, total)?;
    upto.checked_sub(before)
}

/// A stored amount in full, 18 digits after the point.
pub fn format(amount: i128) -> String {
    let size = amount.unsigned_abs();
    let one = ONE.unsigned_abs();
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}.{:018}", size / one, size % one)
}

/// A stored amount without the zeros at its end.
pub fn format_short(amount: i128) -> String {
    let text = format(amount);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Reads an amount of our own (configuration, drill files), which must fit into 18 decimals.
pub fn parse(text: &str) -> Result<i128, NotADecimal> {
    let exact = Exact::parse(text)?;
    let stored = exact.round();
    if Exact::from_stored(stored) == exact {
        Ok(stored)
    } else {
        Err(NotADecimal::TooManyDecimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The short way reads what the long way reads, and refuses nothing that it takes.
        #[test]
        fn short_texts_are_read_like_all_others(text in "[-+]?[0-9]{0,22}[.,]?[0-9]{0,22}0{0,9}(e-?[0-9]{1,2})?", other in "[-+0-9.eE ]{0,12}") {
            for text in [text, other] {
                prop_assert_eq!(Exact::parse(&text), Exact::parse_any(&text));
                if let (Some(stored), Ok(exact)) = (parse_short(text.as_bytes()), Exact::parse_any(&text)) {
                    prop_assert_eq!(exact.round(), stored);
                    prop_assert_eq!(exact.to_string(), Exact::from_stored(stored).to_string());
                }
            }
        }

        /// The short way to multiply comes to what the long way does, halves included.
        #[test]
        fn short_products_are_those_of_256_bits(a in -MAX..MAX, b in i64::MIN..i64::MAX, places in 0..38_u32) {
            let long = |a: i128, b: i128| {
                let product = i256::from_i128(a).checked_mul(i256::from_i128(b))?;
                div_half_even(product, i256::from_i128(ONE))
            };
            let round = 10_i128.pow(places);
            for (a, b) in [(a, i128::from(b)), (a / round * round, ONE / 2), (a / round, -5), (i128::from(b), a / round)] {
                prop_assert_eq!(mul(a, b), long(a, b));
                prop_assert!(mul_short(a, b).is_none_or(|product| Some(product) == long(a, b)));
            }
        }

        /// Sums and differences do not depend on how the parts are held.
        #[test]
        fn both_ways_to_hold_digits_count_the_same(a in -MAX..MAX, b in -MAX..MAX) {
            let stored = Exact::from_stored;
            let wide = |v: i128| Exact(Digits::Wide(stored(v).wide()));
            prop_assert_eq!(stored(a) + stored(b), wide(a) + wide(b));
            prop_assert_eq!(stored(a) - wide(b), wide(a) - stored(b));
            prop_assert_eq!(stored(a).round(), wide(a).round());
            prop_assert_eq!((stored(a) + stored(b)).round(), (wide(a) + wide(b)).round());
            prop_assert_eq!(stored(a) == stored(b), wide(a) == stored(b));
        }
    }

    #[test]
    fn rounding_by_parts_is_rounding() {
        let ten = |n: u32| pow10(n);
        let half = i256::from_i128(5).wrapping_mul(ten(21));
        let mut cases = vec![i256::ZERO, i256::MAX, i256::MIN.wrapping_add(i256::ONE)];
        for stored in [
            0,
            1,
            2,
            3,
            ONE,
            12_345_678_901_234_567,
            MAX - 1,
            MAX,
            i128::MAX - 9,
        ] {
            let exact = Exact::from_stored(stored).wide();
            for more in [
                i256::ZERO,
                i256::ONE,
                half,
                half.wrapping_add(i256::ONE),
                half.wrapping_sub(i256::ONE),
                ten(22).wrapping_sub(i256::ONE),
            ] {
                cases.push(exact.wrapping_add(more));
            }
        }
        for n in 0..76 {
            cases.push(ten(n));
            cases.push(ten(n).wrapping_sub(i256::ONE));
        }
        for case in cases {
            for case in [case, case.wrapping_neg()] {
                assert_eq!(rounded(case), div_half_even(case, WIDER), "{case}");
            }
        }
    }

    #[test]
    fn sums_beyond_what_is_stored_stay_exact() {
        let most = Exact::from_stored(i128::MAX);
        let sum = most + most;
        assert_eq!(sum - most, most);
        assert_eq!(sum.to_string(), "340282366920938463463.374607431768211454");
    }

    #[test]
    fn texts_are_read_exactly() {
        for (text, shown) in [
            ("20.52022672899", "20.52022672899"),
            ("-0.00", "0"),
            ("5.64902E-05", "0.0000564902"),
            ("2.323760000E-9", "0.00000000232376"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("16.2969321366366446274854190000", "16.296932136636644627485419"),
            (
                "99999999999999999999.999999999999999999",
                "99999999999999999999.999999999999999999",
            ),
        ] {
            assert_eq!(
                Exact::parse(text).map(|e| e.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
        assert_eq!(Exact::parse("1,000"), Err(NotADecimal::Syntax));
        assert_eq!(Exact::parse("NaN"), Err(NotADecimal::Syntax));
        assert_eq!(Exact::parse("e5"), Err(NotADecimal::Syntax));
        assert_eq!(Exact::parse(" "), Err(NotADecimal::Empty));
        assert_eq!(Exact::parse("1e-41"), Err(NotADecimal::TooManyDecimals));
        assert_eq!(Exact::parse("1e20"), Err(NotADecimal::TooLarge));
        assert_eq!(Exact::parse("1e999999999999"), Err(NotADecimal::Syntax));
    }

    #[test]
    fn halves_go_to_even_in_both_directions() {
        for (text, stored) in [
            ("0.0000000000000000005", 0),
            ("0.0000000000000000015", 2),
            ("-0.0000000000000000005", 0),
            ("-0.0000000000000000015", -2),
            ("3.0000000000000000004", 3 * ONE),
            ("0.00000000000000000051", 1),
        ] {
            assert_eq!(Exact::parse(text).map(Exact::round), Ok(stored), "{text}");
        }
    }

    #[test]
    fn shares_add_up_for_awkward_weights() {
        let weights = [0_i128, 1, 0, 3, 7, 11, 0];
        let total: i128 = weights.iter().sum();
        for amount in [1, -1, ONE / 3, -(ONE * 86_125) / 7, MAX] {
            let mut before = 0;
            let mut sum = 0;
            for weight in weights {
                sum += apportion(amount, before, before + weight, total).unwrap();
                before += weight;
            }
            assert_eq!(sum, amount);
        }
        assert_eq!(apportion(ONE, 0, 0, 0), None);
    }

    #[test]
    fn products_round_back() {
        assert_eq!(mul(ONE / 2, 3), Some(2)); // 1.5 of the last digit: to even
        assert_eq!(mul(MAX, 2 * ONE), None);
        assert_eq!(ratio(1, 3), Some(333_333_333_333_333_333));
        assert_eq!(ratio(1, 0), None);
    }
}
