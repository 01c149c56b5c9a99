//! What the rows of a kept view depend on, as a name: the plan of the view, the content of each table that
//! it reads, and whatever else its functions know of the session. Equal names mean equal rows.

use super::{KeptFolder, Remote, Store, Stored};
use crate::asset::Assets;
use crate::base::{Result, hash};
use crate::engine::query_error;
use crate::engine::tables::Contents;
use crate::engine::udf::SettingValues;
use crate::engine::{Registry, Settings};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Functions that know more than their arguments say, and what they know.
const KNOWING: [(&str, &str); 8] = [
    ("charge_day(", "time_zone"),
    ("charge_moment(", "time_zone"),
    ("hour_of_day(", "time_zone"),
    ("local_day(", "time_zone"),
    ("local_hour(", "time_zone"),
    ("local_month(", "time_zone"),
    ("now_utc(", "now"),
    ("fx_rate(", "fx_rates"),
];

#[derive(Debug)]
pub(in crate::engine) struct Keys {
    store: Arc<Store>,
    /// The program, its queries and the registry: whatever a plan in words may leave out.
    base: String,
    contents: Contents,
    settings: SettingValues,
    /// Of the views that are planned already.
    known: Mutex<BTreeMap<String, String>>,
    remote: Option<Arc<Remote>>,
}

impl Keys {
    pub(in crate::engine) fn new(
        folder: &KeptFolder,
        contents: Contents,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
        remote: Option<Remote>,
    ) -> Keys {
        let mut base = format!("{}\n{registry:?}\n", folder.program);
        for asset in assets.under("views/").chain(assets.under("scopes/")) {
            let _ = writeln!(base, "{} {}", asset.path, asset.text);
        }
        Keys {
            store: Arc::new(Store::new(folder)),
            base: hash::content_hash(base.as_bytes()),
            contents,
            settings: SettingValues::new(settings, registry),
            known: Mutex::default(),
            remote: remote.map(Arc::new),
        }
    }

    /// `plan` is analysed, and whatever the view reads was asked for before it.
    pub(in crate::engine) fn of(&self, view: &str, plan: &LogicalPlan) -> Result<Stored> {
        let words = plan.display_indent_schema().to_string();
        let mut text = format!("{}\n{view}\n{words}\n", self.base);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for table in tables(plan)? {
            let content = known
                .get(&table)
                .or_else(|| self.contents.get(table.as_str()))
                .map_or("empty, or of the registry", String::as_str);
            let _ = writeln!(text, "{table} {content}");
        }
        for (name, value) in &self.settings.0 {
            if words.contains(&format!("setting(Utf8(\"{name}\"))")) || knows(&words, name) {
                let _ = writeln!(text, "{name} {value}");
            }
        }
        if knows(&words, "fx_rates") {
            let content = self.contents.get("fx_rates").map_or("", String::as_str);
            let _ = writeln!(text, "rates {content}");
            // The rates that are loaded are those into these two.
            for (name, value) in &self.settings.0 {
                if name.ends_with("currency") {
                    let _ = writeln!(text, "{name} {value}");
                }
            }
        }
        let mut key = hash::content_hash(text.as_bytes());
        key.truncate(24);
        known.insert(view.to_owned(), key.clone());
        Ok(Stored {
            store: Arc::clone(&self.store),
            name: view.to_owned(),
            key,
            remote: self.remote.clone(),
        })
    }
}

/// Does the plan call a function that knows this.
fn knows(words: &str, what: &str) -> bool {
    KNOWING
        .iter()
        .any(|(function, known)| *known == what && words.contains(function))
}

/// Every table and kept view that is scanned, in subqueries too.
fn tables(plan: &LogicalPlan) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            all.insert(scan.table_name.table().to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(query_error)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::time::from_micros;
    use crate::engine::udf;

    #[test]
    fn every_function_that_knows_of_the_session_is_listed() {
        let here = Settings::new(from_micros(0));
        let there = Settings {
            currency: "EUR".to_owned(),
            zone: chrono_tz::Asia::Kathmandu,
            now: from_micros(1),
            ..here.clone()
        };
        let registry = Registry::default();
        let (here, there) = (udf::scalars(&here, &registry), udf::scalars(&there, &registry));
        let mut listed: Vec<&str> = KNOWING
            .iter()
            .map(|(name, _)| name.trim_end_matches('('))
            .collect();
        // Its arguments say what it is asked for; the rates come later.
        listed.retain(|name| *name != "fx_rate");
        listed.push("setting");
        listed.sort_unstable();
        let mut unequal: Vec<&str> = here
            .iter()
            .zip(&there)
            .filter(|(a, b)| a != b)
            .map(|(a, _)| a.name())
            .collect();
        unequal.sort_unstable();
        assert_eq!(unequal, listed);
    }
}
