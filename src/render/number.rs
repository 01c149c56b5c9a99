//! The one place that rounds for display: human units, money, percentages, durations, points.
//! Files that are read by machines get `exact` and nothing else.

use crate::base::money::{self, ONE, SCALE};
use arrow::datatypes::i256;

/// What stands where a value is missing.
pub const MISSING: &str = "–";
/// A blank that never breaks: a number and its unit stay on one line.
const NBSP: char = '\u{a0}';
const MINUS: char = '−';

/// How the numbers of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Money(String),
    /// A share of one.
    Ratio,
    /// A count or a measurement with its unit, which may be empty.
    Measure(String),
}

/// The sign, `n` significant digits as one integer, and the power of ten of the first of them.
struct Digits {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

const SIGNIFICANT: u32 = 3;
/// Units that take the prefix for a thousand without a blank.
const SI_UNITS: [&str; 4] = ["Wh", "W", "J", "B"];

fn digits_of(amount: i128) -> Option<Digits> {
    if amount == 0 {
        return None;
    }
    let size = amount.unsigned_abs();
    let length = size.ilog10() + 1;
    let mut exponent = length as i32 - 1 - i32::from(SCALE);
    let mut mantissa = if length > SIGNIFICANT {
        let unit = 10_i128.pow(length - SIGNIFICANT);
        money::div_half_even(i256::from_i128(amount.saturating_abs()), i256::from_i128(unit))? as u64
    } else {
        (size as u64) * 10_u64.pow(SIGNIFICANT - length)
    };
    if mantissa >= 10_u64.pow(SIGNIFICANT) {
        mantissa /= 10;
        exponent += 1;
    }
    Some(Digits {
        negative: amount < 0,
        mantissa,
        exponent,
    })
}

fn digits_of_float(value: f64) -> Option<Digits> {
    if value == 0.0 || !value.is_finite() {
        return None;
    }
    let text = format!("{:.*e}", SIGNIFICANT as usize - 1, value.abs());
    let (mantissa, exponent) = text.split_once('e')?;
    Some(Digits {
        negative: value < 0.0,
        mantissa: mantissa.replace('.', "").parse().ok()?,
        exponent: exponent.parse().ok()?,
    })
}

/// Three significant digits with a suffix of thousands, without zeros at the end.
fn human(digits: Option<Digits>, suffixes: [&str; 4], least_decimals: usize) -> (String, bool) {
    let Some(d) = digits else {
        return ("0".to_owned(), false);
    };
    let group = (d.exponent.div_euclid(3)).clamp(0, suffixes.len() as i32);
    // The point stands this many digits from the right of the mantissa.
    let decimals = SIGNIFICANT as i32 - 1 - (d.exponent - 3 * group);
    let text = if decimals <= 0 {
        format!("{}{}", d.mantissa, "0".repeat(decimals.unsigned_abs() as usize))
    } else {
        let decimals = decimals as usize;
        let padded = format!("{:0>width$}", d.mantissa, width = decimals + 1);
        let (whole, fraction) = padded.split_at(padded.len() - decimals);
        let mut fraction = fraction.trim_end_matches('0').to_owned();
        if group == 0 && !fraction.is_empty() {
            while fraction.len() < least_decimals {
                fraction.push('0');
            }
        }
        if fraction.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{fraction}")
        }
    };
    let suffix = usize::try_from(group - 1)
        .ok()
        .and_then(|i| suffixes.get(i))
        .copied()
        .unwrap_or("");
    (format!("{text}{suffix}"), d.negative)
}

/// The sign a reader knows, else the code and a blank.
fn symbol(currency: &str) -> String {
    match currency {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        "INR" => "₹".to_owned(),
        other => format!("{other}{NBSP}"),
    }
}

fn with_sign(negative: bool, text: &str) -> String {
    if negative {
        format!("{MINUS}{text}")
    } else {
        text.to_owned()
    }
}

/// `$1.2k`, `$12.34`, `$0.0042`, `CHF 3.4M`.
pub fn money(amount: i128, currency: &str) -> String {
    let size = amount.unsigned_abs();
    if size >= ONE.unsigned_abs() && size < 999 * ONE.unsigned_abs() {
        // Cents are what people expect below a thousand.
        let cents = fixed(amount.saturating_abs(), 2);
        return with_sign(amount < 0, &format!("{}{cents}", symbol(currency)));
    }
    let (text, negative) = human(digits_of(amount), ["k", "M", "B", "T"], 2);
    with_sign(negative, &format!("{}{text}", symbol(currency)))
}

/// A ratio as a percentage with one decimal: `34.2 %`. Small shares keep two digits.
pub fn percent(ratio: i128) -> String {
    let hundredths = ratio.saturating_mul(100);
    let size = hundredths.unsigned_abs();
    let decimals = if size >= 100 * ONE.unsigned_abs() || size == 0 {
        0
    } else if size >= ONE.unsigned_abs() / 2 {
        1
    } else {
        2
    };
    let text = fixed(hundredths.saturating_abs(), decimals);
    with_sign(hundredths < 0, &format!("{text}{NBSP}%"))
}

/// A measurement in human units: `3.4 M`, `850 Wh`, `12.3 k tokens`.
pub fn measure(value: f64, unit: &str) -> String {
    if unit == "ms" {
        return duration_ms(value);
    }
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let (text, negative) = human(digits_of_float(value), ["k", "M", "G", "T"], 0);
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    // A thousand watt-hours are a kWh, but a thousand tokens are 1 k tokens.
    let joined = format!("{suffix}{unit}");
    let words = if SI_UNITS.contains(&unit) {
        vec![number, &joined]
    } else {
        vec![number, suffix, unit]
    };
    let words: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
    with_sign(negative, &words.join(&NBSP.to_string()))
}

/// A count: whole below ten thousand, human units above.
pub fn count(value: i64) -> String {
    if value.unsigned_abs() < 10_000 {
        return with_sign(value < 0, &group_thousands(&value.unsigned_abs().to_string()));
    }
    measure(value as f64, "")
}

/// `850 ms`, `4.2 s`, `3.1 min`, `2.5 h`, `3.2 d`.
pub fn duration_ms(ms: f64) -> String {
    let size = ms.abs();
    let (value, unit) = match size {
        s if !s.is_finite() => return MISSING.to_owned(),
        s if s < 1_000.0 => (ms, "ms"),
        s if s < 60_000.0 => (ms / 1_000.0, "s"),
        s if s < 3_600_000.0 => (ms / 60_000.0, "min"),
        s if s < 172_800_000.0 => (ms / 3_600_000.0, "h"),
        _ => (ms / 86_400_000.0, "d"),
    };
    let (text, negative) = human(digits_of_float(value), ["k", "M", "G", "T"], 0);
    with_sign(negative, &format!("{text}{NBSP}{unit}"))
}

/// How much something changed: `+12 %`, `−3.4 %`.
pub fn change(ratio: i128) -> String {
    let text = if ratio.unsigned_abs() >= ONE.unsigned_abs() / 10 {
        format!("{}{NBSP}%", fixed(ratio.saturating_mul(100).saturating_abs(), 0))
    } else {
        format!("{}{NBSP}%", fixed(ratio.saturating_mul(100).saturating_abs(), 1))
    };
    plus_or_minus(ratio, &text)
}

/// The difference of two percentages: `+1.4 pp`.
pub fn points(difference: i128) -> String {
    let text = format!(
        "{}{NBSP}pp",
        fixed(difference.saturating_mul(100).saturating_abs(), 1)
    );
    plus_or_minus(difference, &text)
}

fn plus_or_minus(value: i128, text: &str) -> String {
    let shows_zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    match value {
        _ if shows_zero => format!("±{text}"),
        v if v < 0 => format!("{MINUS}{text}"),
        _ => format!("+{text}"),
    }
}

/// A number on an axis, where neighbours tell the precision.
pub fn tick(value: f64, format: &Format) -> String {
    match format {
        Format::Money(currency) => {
            let (text, negative) = human(digits_of_float(value), ["k", "M", "B", "T"], 2);
            with_sign(negative, &format!("{}{text}", symbol(currency)))
        }
        Format::Ratio => {
            let (text, negative) = human(digits_of_float(value * 100.0), ["k", "M", "B", "T"], 0);
            with_sign(negative, &format!("{text}{NBSP}%"))
        }
        Format::Measure(unit) => measure(value, unit),
    }
}

/// The value of a mark, written as tables and headlines write it: amounts below a thousand with their cents.
pub fn label(value: f64, format: &Format) -> String {
    // Millionths are far below what is shown.
    let near = |value: f64| (value * 1e6).round() as i128 * (ONE / 1_000_000);
    match format {
        Format::Money(currency) if (1.0..999.0).contains(&value.abs()) => money(near(value), currency),
        Format::Ratio if value.abs() < 1e9 => percent(near(value)),
        _ => tick(value, format),
    }
}

/// An amount with a fixed number of decimals, thousands grouped, halves to even.
pub fn fixed(amount: i128, decimals: u8) -> String {
    let unit = 10_i128.pow(u32::from(SCALE.saturating_sub(decimals)));
    let scaled = money::div_half_even(i256::from_i128(amount), i256::from_i128(unit)).unwrap_or(0);
    let size = scaled.unsigned_abs();
    let one = 10_u128.pow(u32::from(decimals.min(SCALE)));
    let sign = if scaled < 0 { "-" } else { "" };
    let whole = group_thousands(&(size / one).to_string());
    if decimals == 0 {
        return format!("{sign}{whole}");
    }
    format!(
        "{sign}{whole}.{:0width$}",
        size % one,
        width = usize::from(decimals.min(SCALE))
    )
}

/// `1234567` → `1,234,567`.
pub fn group_thousands(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A decimal in full, as machines read it: all digits, no grouping, no zeros at the end.
pub fn exact(value: i128, scale: i8) -> String {
    if scale <= 0 {
        let zeros = if value == 0 {
            0
        } else {
            usize::from(scale.unsigned_abs())
        };
        return format!("{value}{}", "0".repeat(zeros));
    }
    let scale = usize::from(scale.unsigned_abs());
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// How many decimals a column of amounts needs so that its smallest one still shows three digits.
/// At least two, at most eight.
pub fn column_decimals(amounts: impl Iterator<Item = i128>) -> u8 {
    let smallest = amounts.filter(|a| *a != 0).map(i128::unsigned_abs).min();
    let Some(smallest) = smallest else { return 2 };
    let first_digit = smallest.ilog10() as i32 - i32::from(SCALE);
    (SIGNIFICANT as i32 - 1 - first_digit).clamp(2, 8) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn m(text: &str) -> String {
        money(money::parse(text).unwrap(), "USD")
    }

    #[test]
    fn money_is_short_and_keeps_cents() {
        for (amount, shown) in [
            ("0", "$0"),
            ("0.5", "$0.50"),
            ("0.0042", "$0.0042"),
            ("0.000012345", "$0.0000123"),
            ("1", "$1.00"),
            ("12.345", "$12.34"),
            ("998.999", "$999.00"),
            ("999.5", "$1k"),
            ("1234", "$1.23k"),
            ("12000", "$12k"),
            ("999499", "$999k"),
            ("999500", "$1M"),
            ("3400000", "$3.4M"),
            ("-1234", "−$1.23k"),
            ("-0.25", "−$0.25"),
            ("7200000000", "$7.2B"),
        ] {
            assert_eq!(m(amount), shown, "{amount}");
        }
        assert_eq!(money(ONE * 12_000, "CHF"), "CHF\u{a0}12k");
        assert_eq!(money(i128::MIN, "USD").chars().next(), Some('−'));
    }

    #[test]
    fn percentages_and_changes() {
        assert_eq!(percent(ONE / 2), "50.0\u{a0}%");
        assert_eq!(percent(ONE), "100\u{a0}%");
        assert_eq!(percent(ONE / 1_000), "0.10\u{a0}%");
        assert_eq!(percent(0), "0\u{a0}%");
        assert_eq!(change(ONE / 8), "+12\u{a0}%");
        assert_eq!(change(-ONE / 50), "−2.0\u{a0}%");
        assert_eq!(change(0), "±0.0\u{a0}%");
        assert_eq!(points(-ONE / 1_000 * 14), "−1.4\u{a0}pp");
    }

    #[test]
    fn measures_and_durations() {
        assert_eq!(measure(3_400_000.0, ""), "3.4\u{a0}M");
        assert_eq!(measure(12_345.0, "tokens"), "12.3\u{a0}k\u{a0}tokens");
        assert_eq!(measure(999.9, "Wh"), "1\u{a0}kWh");
        assert_eq!(measure(0.0, "Wh"), "0\u{a0}Wh");
        assert_eq!(measure(f64::NAN, "Wh"), MISSING);
        assert_eq!(duration_ms(850.0), "850\u{a0}ms");
        assert_eq!(duration_ms(4_200.0), "4.2\u{a0}s");
        assert_eq!(count(9_876), "9,876");
        assert_eq!(count(1_200_000), "1.2\u{a0}M");
    }

    #[test]
    fn a_mark_says_what_the_table_says() {
        let usd = Format::Money("USD".into());
        assert_eq!(label(82.69, &usd), "$82.69");
        assert_eq!(label(-450.0, &usd), "−$450.00");
        assert_eq!(label(0.0959, &usd), "$0.0959");
        assert_eq!(label(12_345.0, &usd), "$12.3k");
        assert_eq!(label(0.0709, &Format::Ratio), percent(ONE / 10_000 * 709));
    }

    #[test]
    fn files_get_every_digit() {
        assert_eq!(exact(1, 18), "0.000000000000000001");
        assert_eq!(exact(-ONE, 18), "-1");
        assert_eq!(exact(1_250, 2), "12.5");
        assert_eq!(exact(7, -2), "700");
        assert_eq!(fixed(ONE * 1_234_567 + ONE / 2, 2), "1,234,567.50");
        assert_eq!(column_decimals([ONE * 5, ONE / 1_000].into_iter()), 5);
    }
}
