//! All metrics of the assets, by name.

use super::Metric;
use crate::asset::Assets;
use crate::base::{Error, Result};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Catalog(BTreeMap<String, Metric>);

impl Catalog {
    /// Reads every metric. A file that is wrong is an error, the user's as well as ours.
    pub fn new(assets: &Assets) -> Result<Catalog> {
        let metrics = assets
            .under("metrics/")
            .map(|asset| Metric::parse(asset).map(|metric| (metric.name.clone(), metric)))
            .collect::<Result<_>>()?;
        Ok(Catalog(metrics))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.0.values()
    }

    /// The metrics in whose name, title or description all the words stand.
    pub fn search<'a>(&'a self, words: &'a str) -> impl Iterator<Item = &'a Metric> {
        self.iter().filter(move |metric| {
            let header = &metric.header;
            let text = [&metric.name, &header.title, &header.description]
                .map(|t| t.to_lowercase())
                .join(" ");
            words
                .split_whitespace()
                .all(|word| text.contains(&word.to_lowercase()))
        })
    }

    pub fn get(&self, name: &str) -> Result<&Metric> {
        self.0.get(name).ok_or_else(|| {
            let tail = name.rsplit('/').next().unwrap_or(name);
            // A slip of the keyboard, or words that a title or description has: the few nearest names.
            let mut near: Vec<(usize, &str)> = self
                .iter()
                .map(|m| (strsim::damerau_levenshtein(name, &m.name), m.name.as_str()))
                .filter(|(slips, _)| *slips <= 2)
                .chain(self.search(tail).map(|m| (usize::MAX, m.name.as_str())))
                .collect();
            near.sort_unstable();
            if near.first().is_some_and(|(slips, _)| *slips <= 2) {
                near.retain(|(slips, _)| *slips <= 2);
            }
            let names: Vec<&str> = near.iter().take(3).map(|(_, name)| *name).collect();
            let advice = match names.as_slice() {
                [] => "`spendscope metric list` shows them all".to_owned(),
                names => format!("did you mean {}?", names.join(" or ")),
            };
            Error::usage(format!("there is no metric '{name}'")).advise(advice)
        })
    }
}
