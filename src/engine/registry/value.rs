//! Amounts in the configuration, exact and so never written as floats; and days.

use crate::base::money;
use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// A decimal of the configuration, written as text (`"0.02"`) or as a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i128);

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount as text such as \"0.02\", or a whole number")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        money::parse(text)
            .map(Amount)
            .map_err(|why| E::custom(format!("'{text}' is {why}")))
    }
    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Amount, E> {
        Ok(Amount(i128::from(whole) * money::ONE))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

/// A day of the configuration, `2026-03-01`: TOML's own date or text. Counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub i32);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Date(toml::value::Datetime),
    Text(String),
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let wrong = || de::Error::custom("not a day such as 2026-03-01");
        let text = match Written::deserialize(deserializer).map_err(|_| wrong())? {
            Written::Date(date) => date.to_string(),
            Written::Text(text) => text,
        };
        let day: NaiveDate = text.parse().map_err(|_| wrong())?;
        let since = day.signed_duration_since(NaiveDate::default()).num_days();
        i32::try_from(since).map(Day).map_err(|_| wrong())
    }
}
