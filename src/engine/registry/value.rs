//! Amounts in the configuration: exact, so never written as floats.

use crate::base::money;
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
