//! How numbers stand in a drill file: amounts as quoted decimals, ratios as plain numbers.

use super::factor::Factor;
use crate::base::money;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;

/// An amount of money, exact. Written in quotes (`"120000.50"`) or as a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i128);

/// A ratio, a share or a factor with up to nine places, such as `0.35`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(pub Factor);

struct AmountVisitor;
struct RatioVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in quotes, such as \"120000.50\"")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        money::parse(text)
            .map(Amount)
            .map_err(|why| E::custom(format!("'{text}' is {why}")))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Amount, E> {
        i128::from(value)
            .checked_mul(money::ONE)
            .map(Amount)
            .ok_or_else(|| E::custom("the amount is too large"))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Amount, E> {
        Err(E::custom(format!(
            "write the amount {value} in quotes, so that no digit is lost"
        )))
    }
}

impl Visitor<'_> for RatioVisitor {
    type Value = Ratio;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number such as 0.35")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Ratio, E> {
        let decimal = money::parse(text).map_err(|why| E::custom(format!("'{text}' is {why}")))?;
        Factor::exact(decimal)
            .map(Ratio)
            .ok_or_else(|| E::custom(format!("'{text}' has more than nine decimal places")))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Ratio, E> {
        self.visit_str(&value.to_string())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Ratio, E> {
        // The shortest text that reads back as this number is what the file's author wrote.
        self.visit_str(&value.to_string())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ratio, D::Error> {
        deserializer.deserialize_any(RatioVisitor)
    }
}
