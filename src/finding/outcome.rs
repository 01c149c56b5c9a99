//! Findings as data: for sentences, and as a table.

use super::cause::Candidate;
use super::driver::Change;
use super::panel::{Grain, Panel};
use crate::base::Result;
use crate::frame::build::{days, decimals, texts};
use crate::frame::{Frame, Role};
use arrow::array::Int64Array;
use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Another level, which stays.
    Step,
    /// Some days, after which all was as before, or that reach up to the end.
    Episode,
    /// Spend on something that there was none on before.
    New,
}

/// Why a series is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unjudged {
    Short,
    Sparse,
}

impl Unjudged {
    pub fn reason(self) -> &'static str {
        match self {
            Unjudged::Short => "fewer than 28 complete days, too few to tell a weekday from an outlier",
            Unjudged::Sparse => "spend on fewer than 10 days, no series to expect anything from",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    pub grain: Grain,
    pub name: String,
    pub currency: String,
    /// First day, and the day after the last; it may have begun before the window.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// It reaches up to the end of what there is.
    pub ongoing: bool,
    /// The days of the window that are counted, first and last.
    pub counted: (NaiveDate, NaiveDate),
    pub change: Change,
    /// How many days the expectation is the mean of; 0 where there was nothing before.
    pub compared: usize,
    /// In which other series the same change shows.
    pub also: Vec<(Grain, String)>,
    /// The query that shows the rows that `change.actual` adds up.
    pub rows: String,
}

impl Finding {
    pub(super) fn new(panel: &Panel, of: &Candidate<'_>, also: Vec<(Grain, String)>) -> Result<Finding> {
        let (first, last) = (
            of.days.first().copied().unwrap_or(0),
            of.days.last().copied().unwrap_or(0),
        );
        let currency = panel.currencies[of.series.currency].clone();
        let mut rows = format!(
            "SELECT day, scope, provider, model, use_case, key_alias, pool, item, amount, currency, quantity, unit \
             FROM spend_days WHERE {} AND currency = '{}' AND day >= DATE '{}' AND day <= DATE '{}'",
            of.series.grain.condition(&of.series.name),
            currency.replace('\'', "''"),
            panel.day(first),
            panel.day(last),
        );
        let missing: Vec<String> = (first..=last)
            .filter(|day| !of.days.contains(day))
            .map(|day| format!("DATE '{}'", panel.day(day)))
            .collect();
        if !missing.is_empty() {
            rows.push_str(&format!(" AND day NOT IN ({})", missing.join(", ")));
        }
        rows.push_str(" ORDER BY day, item");
        Ok(Finding {
            kind: of.event.kind,
            grain: of.series.grain,
            name: of.series.name.clone(),
            currency,
            from: panel.day(of.event.from),
            to: panel.day(of.event.to),
            ongoing: of.event.to >= panel.days,
            counted: (panel.day(first), panel.day(last)),
            change: of.change,
            compared: of.baseline.compared(),
            also,
            rows,
        })
    }

    /// What it is, in a word or two.
    pub fn what(&self) -> &'static str {
        match (self.kind, self.change.total > 0) {
            (Kind::New, _) => "new",
            (Kind::Step, true) => "step up",
            (Kind::Step, false) => "step down",
            (Kind::Episode, true) => "peak",
            (Kind::Episode, false) => "dip",
        }
    }

    fn also_in_words(&self) -> Option<String> {
        let names: Vec<String> = self
            .also
            .iter()
            .map(|(grain, name)| format!("{} {name}", grain.name()))
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// All findings of a window.
#[derive(Debug)]
pub struct Outcome {
    pub found: Vec<Finding>,
    /// How many series were looked at.
    pub judged: usize,
    /// The others, by reason.
    pub unjudged: BTreeMap<Unjudged, Vec<(Grain, String)>>,
    /// First day, and the day after the last, of what was looked at.
    pub days: (NaiveDate, NaiveDate),
}

impl Outcome {
    /// One row per finding.
    pub fn frame(&self) -> Result<Frame> {
        let found = &self.found;
        let dimension = |name: &'static str, of: &dyn Fn(&Finding) -> Option<String>| {
            (name, Role::Dimension, "", texts(found.iter().map(of)))
        };
        let money = |name: &'static str, of: fn(&Change) -> i128| {
            let amounts = found.iter().map(|f| Some(of(&f.change)));
            (name, Role::Money, "", decimals(amounts))
        };
        let numbers: Int64Array = (1..=found.len() as i64).map(Some).collect();
        Frame::of(vec![
            ("finding", Role::Number, "", Arc::new(numbers)),
            dimension("grain", &|f| Some(f.grain.name().to_owned())),
            dimension("name", &|f| Some(f.name.clone())),
            dimension("what", &|f| Some(f.what().to_owned())),
            ("from", Role::Time, "", days(found.iter().map(|f| f.from))),
            (
                "counted_from",
                Role::Time,
                "",
                days(found.iter().map(|f| f.counted.0)),
            ),
            (
                "counted_to",
                Role::Time,
                "",
                days(found.iter().map(|f| f.counted.1)),
            ),
            (
                "currency",
                Role::Currency,
                "",
                texts(found.iter().map(|f| Some(f.currency.clone()))),
            ),
            money("actual", |c| c.actual),
            money("expected", |c| c.expected),
            money("change", |c| c.total),
            money("price", |c| c.price),
            money("volume", |c| c.volume),
            money("mix", |c| c.mix),
            dimension("driver", &|f| Some(f.change.driver().to_owned())),
            dimension("also_in", &Finding::also_in_words),
            dimension("rows", &|f| Some(f.rows.clone())),
        ])
    }
}
