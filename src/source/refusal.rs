//! Formats that are known and hold no facts of ours. They are recognised so that they can be refused with
//! the reason, and with what to deliver instead. Such a mapping file has no table and no columns:
//!
//! ```toml
//! title = "Usage report of Example"
//! refuse = "it counts the tokens of a day: it has no amount and no single request"
//! instead = "deliver the cost report as the bill"
//!
//! [recognise]
//! all = ["usage_day", "tokens"]
//!
//! [reader.csv]
//! ```

use super::mapping::{ReaderChoice, Recognise, readers};
use crate::base::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) id: String,
    pub(super) recognise: Recognise,
    pub(super) readers: Vec<ReaderChoice>,
    title: String,
    reason: String,
    instead: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalFile {
    title: String,
    refuse: String,
    instead: String,
    recognise: Recognise,
    reader: BTreeMap<String, toml::Table>,
}

impl Refusal {
    /// Reads a mapping file that says `refuse`; nothing for all others.
    pub(super) fn parse(id: &str, text: &str) -> Result<Option<Refusal>> {
        // What is no TOML is reported by whoever reads it as a mapping.
        let refuses = text
            .parse::<toml::Table>()
            .is_ok_and(|t| t.contains_key("refuse"));
        if !refuses {
            return Ok(None);
        }
        let read = || -> Result<Refusal> {
            let file: RefusalFile = toml::from_str(text).map_err(|e| Error::config(e.to_string()))?;
            Ok(Refusal {
                id: id.to_owned(),
                recognise: file.recognise,
                readers: readers(&file.reader)?,
                title: file.title,
                reason: file.refuse,
                instead: file.instead,
            })
        };
        read()
            .map(Some)
            .map_err(|e| e.context(format!("mapping file {id}")))
    }

    /// What is said to who names this format.
    pub(super) fn named(&self) -> Error {
        Error::usage(format!(
            "the format '{}' ({}) is known and not taken: {}",
            self.id, self.title, self.reason
        ))
        .advise(self.instead.clone())
    }

    /// What is said to a file of this format.
    pub(super) fn error(&self, name: &str) -> Error {
        Error::data(format!("'{name}' is not taken: {}: {}", self.title, self.reason))
            .advise(self.instead.clone())
    }
}
