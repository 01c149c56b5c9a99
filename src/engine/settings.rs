//! How amounts are to be shown: what the views ask `setting('…')` for.

use super::cluster::ClusterSettings;
use super::kept::KeptFolder;
use crate::base::{Error, Result};
use chrono::{DateTime, Utc};
use std::fmt;
use std::str::FromStr;

/// Which cost column of a charge counts. They are never added to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Basis {
    /// What was used, commitments amortised.
    #[default]
    Effective,
    /// What the invoice asks for.
    Billed,
    /// At list prices.
    List,
    /// At negotiated prices, before commitments.
    Contracted,
}

impl Basis {
    pub const ALL: [Basis; 4] = [Basis::Effective, Basis::Billed, Basis::List, Basis::Contracted];

    pub fn name(self) -> &'static str {
        match self {
            Basis::Effective => "effective",
            Basis::Billed => "billed",
            Basis::List => "list",
            Basis::Contracted => "contracted",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Basis {
    type Err = Error;

    fn from_str(text: &str) -> Result<Basis> {
        Basis::ALL.into_iter().find(|b| b.name() == text).ok_or_else(|| {
            Error::usage(format!("'{text}' is not a cost basis"))
                .advise("use effective, billed, list or contracted")
        })
    }
}

/// No conversion: every amount stays in the currency of its charge.
pub const NATIVE: &str = "native";

#[derive(Debug, Clone)]
pub struct Settings {
    /// What amounts are shown in: an ISO 4217 code, or [`NATIVE`].
    pub currency: String,
    /// The configured reporting currency. Weights that compare money (sharing by request cost) use
    /// it, so that what is shown in never moves an allocation.
    pub reporting_currency: String,
    pub basis: Basis,
    /// Regroups facts of one-hour grain or finer.
    pub zone: chrono_tz::Tz,
    /// What time it is, for whatever depends on age.
    pub now: DateTime<Utc>,
    /// Only list prices of this source count. None: all.
    pub price_book: Option<String>,
    /// Prices as valid at this moment, whenever an attempt started. None: at its start.
    pub price_moment: Option<DateTime<Utc>>,
    /// Bytes that queries may hold before they spill to disk.
    pub memory_limit: usize,
    /// Where the rows of kept views stay from one session to the next. None: nowhere.
    pub kept: Option<KeptFolder>,
    /// Who runs the queries. None: this process.
    pub cluster: Option<ClusterSettings>,
}

impl Settings {
    /// US dollars, effective cost, UTC, two gigabytes.
    pub fn new(now: DateTime<Utc>) -> Settings {
        Settings {
            currency: "USD".to_owned(),
            reporting_currency: "USD".to_owned(),
            basis: Basis::default(),
            zone: chrono_tz::UTC,
            now,
            price_book: None,
            price_moment: None,
            memory_limit: 2 << 30,
            kept: None,
            cluster: None,
        }
    }

    /// By which other prices than the usual ones list costs are worked out, in words.
    pub fn repriced(&self) -> Option<String> {
        let book = self.price_book.as_ref().map(|name| format!("of book {name}"));
        let moment = self
            .price_moment
            .map(|at| format!("as of {}", at.format("%Y-%m-%d %H:%M")));
        let words: Vec<String> = book.into_iter().chain(moment).collect();
        (!words.is_empty()).then(|| format!("list prices {}", words.join(" ")))
    }
}
