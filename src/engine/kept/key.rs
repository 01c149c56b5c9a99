//! What the rows of a kept view depend on, as a name: the plan of the view, the content of each table that
//! it reads, and whatever else its functions know of the session. Equal names mean equal rows.
//!
//! A plan takes longer to make than many an answer. So sessions are named, too, by all that the name of any
//! view can depend on but the time of day: a later session of the same name recalls the names of views.

use super::{FoundView, KeptFolder, Remote, Store, Stored};
use crate::asset::Assets;
use crate::base::{Result, hash};
use crate::engine::query_error;
use crate::engine::tables::Contents;
use crate::engine::udf::SettingValues;
use crate::engine::{Registry, Settings};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Functions that know more than their arguments say, and what they know.
const KNOWING: [(&str, &str); 10] = [
    ("charge_day(", "time_zone"),
    ("charge_moment(", "time_zone"),
    ("hour_of_day(", "time_zone"),
    ("in_period(", "time_zone"),
    ("local_day(", "time_zone"),
    ("local_hour(", "time_zone"),
    ("local_month(", "time_zone"),
    ("now_utc(", "now"),
    ("fx(", "fx_rates"),
    ("fx_rate(", "fx_rates"),
];

/// The setting that no two sessions share.
const NOW: &str = "now";

#[derive(Debug)]
pub(in crate::engine) struct Keys {
    store: Arc<Store>,
    /// The program, its queries and the registry: whatever a plan in words may leave out.
    base: String,
    contents: Contents,
    settings: SettingValues,
    /// Names the session, whatever time it is.
    session: String,
    /// Of the views that are planned already.
    known: Mutex<BTreeMap<String, Known>>,
    remote: Option<Arc<Remote>>,
    /// Ends the names of views in the store: those of a month stand beside those of all.
    ending: String,
}

/// Begins what is recalled of a view whose rows lie in months.
const MONTHS: &str = "months\n";
/// Stands before the columns of its rows.
const COLUMNS: &str = "columns\n";

/// A view whose rows lie in months, as an earlier session left it.
pub(in crate::engine) struct Recalled {
    /// The rows of each month, if a session has read them.
    pub(in crate::engine) months: Vec<(String, Option<FoundView>)>,
    pub(in crate::engine) schema: SchemaRef,
}

#[derive(Debug)]
struct Known {
    key: String,
    /// Its rows depend on what time it is.
    timely: bool,
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
        let base = hash::content_hash(base.as_bytes());
        let settings = SettingValues::new(settings, registry);
        Keys {
            store: Arc::new(Store::new(folder)),
            session: session(&base, &contents, &settings),
            base,
            contents,
            settings,
            known: Mutex::default(),
            remote: remote.map(Arc::new),
            ending: String::new(),
        }
    }

    /// Those of sessions over some of the facts, before it is known which.
    pub(in crate::engine) fn for_months(
        folder: &KeptFolder,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Keys {
        Keys {
            store: Arc::new(Store::for_months(folder)),
            ..Keys::new(folder, Contents::default(), assets, registry, settings, None)
        }
    }

    /// Of a session over some of the facts: `cut` says how they were cut out.
    pub(in crate::engine) fn of_part(&self, name: &str, cut: &str, contents: Contents) -> Keys {
        let whole = session(&self.base, &contents, &self.settings);
        Keys {
            store: Arc::clone(&self.store),
            base: self.base.clone(),
            contents,
            settings: self.settings.clone(),
            session: short(&format!("{whole}\n{cut}")),
            known: Mutex::default(),
            remote: None,
            ending: format!(".{name}"),
        }
    }

    /// The key of a view that was planned or recalled here, and whether it depends on what time it is.
    pub(in crate::engine) fn known(&self, view: &str) -> Option<(String, bool)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(view).map(|view| (view.key.clone(), view.timely))
    }

    /// Names a view by those of its months, and leaves them to later sessions of the same name, with the columns of
    /// its rows, which may not be asked for now.
    pub(in crate::engine) fn know_months(
        &self,
        view: &str,
        months: &[(String, String, bool)],
        columns: &Schema,
    ) {
        let timely = months.iter().any(|(_, _, timely)| *timely);
        let mut named = String::new();
        for (month, key, _) in months {
            let _ = writeln!(named, "{month} {key}");
        }
        if !timely {
            let mut text = format!("{MONTHS}{named}{COLUMNS}");
            for column in columns.fields() {
                let _ = writeln!(text, "{}\t{}", column.name(), column.data_type());
            }
            self.store.remember(view, &self.session, &text);
        }
        self.learn(view, short(&named), timely);
    }

    /// The months of a view that a session of this name has planned, with their rows where one has read them.
    pub(in crate::engine) fn recall_months(&self, view: &str, definition: &str) -> Option<Recalled> {
        let text = self.store.recall(view, &self.session)?;
        let (named, columns) = text.strip_prefix(MONTHS)?.split_once(COLUMNS)?;
        let mut months = Vec::new();
        for line in named.lines() {
            let (month, key) = line.split_once(' ')?;
            let found = FoundView::open(&self.store, &format!("{view}.{month}"), key, definition);
            months.push((month.to_owned(), found));
        }
        let columns = columns.lines().map(|line| {
            let (name, of_type) = line.split_once('\t')?;
            Some(Field::new(name, of_type.parse::<DataType>().ok()?, true))
        });
        let schema = Arc::new(Schema::new(columns.collect::<Option<Vec<Field>>>()?));
        self.learn(view, short(named), false);
        Some(Recalled { months, schema })
    }

    /// Whoever reads this view, which was planned elsewhere, depends on what time it is.
    pub(in crate::engine) fn is_timely(&self, view: &str) {
        let now = self.settings.0.iter().find(|(name, _)| *name == NOW);
        let content = self.contents.get(view).map_or("", String::as_str);
        let key = short(&format!("{content} {now:?}"));
        self.learn(view, key, true);
    }

    fn learn(&self, view: &str, key: String, timely: bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(view.to_owned(), Known { key, timely });
    }

    /// The rows of a view that a session of this name has found or left, without its plan.
    /// Executors of a cluster do not see the folder of a lake that is none: there is nothing to recall then.
    pub(in crate::engine) fn recall(&self, view: &str, definition: &str) -> Option<FoundView> {
        if self.remote.is_some() {
            return None;
        }
        let name = format!("{view}{}", self.ending);
        let key = self.store.recall(&name, &self.session)?;
        let found = FoundView::open(&self.store, &name, &key, definition)?;
        self.learn(view, key, false);
        Some(found)
    }

    /// Whether a session of this name has planned the view; then its key is known here.
    pub(in crate::engine) fn recall_key(&self, view: &str) -> bool {
        let key = self
            .store
            .recall(&format!("{view}{}", self.ending), &self.session);
        let recalled = key.is_some();
        if let Some(key) = key {
            self.learn(view, key, false);
        }
        recalled
    }

    /// Leaves the key of a view that was planned here to later sessions of the same name, whether its rows are read or not.
    pub(in crate::engine) fn leave_key(&self, view: &str) {
        if let Some((key, false)) = self.known(view) {
            self.store
                .remember(&format!("{view}{}", self.ending), &self.session, &key);
        }
    }

    /// `plan` is analysed, and whatever the view reads was asked for before it.
    pub(in crate::engine) fn of(&self, view: &str, plan: &LogicalPlan) -> Result<Stored> {
        let words = plan.display_indent_schema().to_string();
        let mut text = format!("{}\n{view}\n{words}\n", self.base);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut timely = false;
        for table in tables(plan)? {
            let content = match (known.get(&table), self.contents.get(table.as_str())) {
                (Some(view), _) => {
                    timely |= view.timely;
                    &view.key
                }
                (None, Some(content)) => content,
                (None, None) => "empty, or of the registry",
            };
            let _ = writeln!(text, "{table} {content}");
        }
        for (name, value) in &self.settings.0 {
            if words.contains(&format!("setting(Utf8(\"{name}\"))")) || knows(&words, name) {
                let _ = writeln!(text, "{name} {value}");
                timely |= *name == NOW;
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
        let key = short(&text);
        let named = Known {
            key: key.clone(),
            timely,
        };
        known.insert(view.to_owned(), named);
        Ok(Stored {
            store: Arc::clone(&self.store),
            name: format!("{view}{}", self.ending),
            key,
            session: (!timely).then(|| self.session.clone()),
            remote: self.remote.clone(),
        })
    }
}

/// A name for all that the names of a session's views can depend on but the time of day.
fn session(base: &str, contents: &Contents, settings: &SettingValues) -> String {
    let mut session = base.to_owned();
    for (table, content) in contents.iter().collect::<BTreeMap<_, _>>() {
        let _ = writeln!(session, "{table} {content}");
    }
    session.push_str(&lasting(settings));
    short(&session)
}

fn short(text: &str) -> String {
    let mut name = hash::content_hash(text.as_bytes());
    name.truncate(24);
    name
}

/// All settings but the time of day.
pub(in crate::engine) fn lasting(settings: &SettingValues) -> String {
    let lasting = settings.0.iter().filter(|(name, _)| *name != NOW);
    lasting.map(|(name, value)| format!("{name} {value}\n")).collect()
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
    use arrow::datatypes::TimeUnit;

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
        // Their arguments say what they are asked for; the rates come later.
        listed.retain(|name| !name.starts_with("fx"));
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

    #[test]
    fn columns_of_views_by_month_are_recalled_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeptFolder {
            path: dir.path().to_owned(),
            program: String::new(),
            worth: std::time::Duration::ZERO,
            months_from: 0,
        };
        let (registry, settings) = (Registry::default(), Settings::new(from_micros(0)));
        let keys = || {
            let assets = Assets::builtin();
            Keys::new(&folder, Contents::default(), &assets, &registry, &settings, None)
        };
        let types = [
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Decimal128(38, 18),
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))),
            DataType::Struct(vec![Field::new("a", DataType::Float64, true)].into()),
            DataType::Date32,
        ];
        let columns = types.into_iter().enumerate();
        let columns = columns.map(|(at, of_type)| Field::new(format!("column {at}"), of_type, true));
        let schema = Schema::new(columns.collect::<Vec<_>>());
        let months = [("2026-09".to_owned(), "key".to_owned(), false)];
        keys().know_months("calls", &months, &schema);
        let later = keys();
        let recalled = later.recall_months("calls", "").unwrap();
        assert_eq!(recalled.schema.as_ref(), &schema);
        assert!(
            recalled
                .months
                .iter()
                .all(|(month, rows)| month == "2026-09" && rows.is_none())
        );
        assert!(later.known("calls").is_some_and(|(_, timely)| !timely));
        // What depends on the time is not left to anybody.
        keys().know_months(
            "tasks",
            &[("2026-09".to_owned(), "key".to_owned(), true)],
            &schema,
        );
        assert!(keys().recall_months("tasks", "").is_none());
    }
}
