//! What a metric says about itself.

use super::explain::Explain;
use crate::base::{Error, Result};
use crate::frame::{ColumnSpec, Role};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub title: String,
    pub description: String,
    /// How the number is worked out, for a reader who does not read SQL.
    pub formula: String,
    /// Whom to ask.
    pub owner: String,
    /// What one row is.
    pub grain: String,
    /// Columns that `--by` may name.
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// The group columns unless asked otherwise.
    #[serde(default)]
    pub by: Vec<String>,
    /// Columns that, with the group columns, no two rows share.
    #[serde(default)]
    pub key: Vec<String>,
    /// Parameters beside the window.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// The columns after the group columns, in order.
    pub columns: Vec<Column>,
    /// What `{{rows}}` stands for.
    #[serde(default)]
    pub rows: Option<Rows>,
    #[serde(default)]
    pub chart: Option<Chart>,
    #[serde(default)]
    pub interval: Option<Interval>,
    /// What the figures are made of, for `spendscope explain`.
    #[serde(default)]
    pub explain: Option<Explain>,
}

/// Two views of the same facts: one row for each of them, and what they add up to. A metric that only adds
/// up says the same over both; the single rows are what its figures are explained by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    pub each: String,
    pub sums: String,
    /// The sums are by day of the reporting zone, and know no part of one.
    #[serde(default = "by_day")]
    pub whole_days: bool,
    /// Group columns that the sums know nothing of.
    #[serde(default)]
    pub each_only: Vec<String>,
}

fn by_day() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    #[serde(rename = "type")]
    pub ty: ParamType,
    pub default: String,
    pub description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    Text,
    Int,
    Decimal,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: ColumnType,
    pub role: Role,
    #[serde(default)]
    pub unit: String,
    pub description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Text,
    Int,
    /// Scale 18: amounts and ratios.
    Decimal,
    /// Physical measurements.
    Float,
    Bool,
    Date,
    Instant,
}

/// Which columns a picture of the metric shows. Plain names: a metric knows no renderer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// `bar`, `stacked_area`, `line`, `waterfall` …
    pub kind: String,
    /// Column of the axis; the first group column unless named.
    #[serde(default)]
    pub x: Option<String>,
    pub y: String,
    /// Column that tells one series from another.
    #[serde(default)]
    pub series: Option<String>,
}

/// A seeded bootstrap interval of a ratio of sums. The query gives, per row, three lists that `resampled` makes of the
/// members, in one order. Two columns take the place of the lists.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// List column: how many members (tasks) each resample drew.
    pub members: String,
    /// List column: what they cost.
    pub costs: String,
    /// List column: how many of them count in the denominator.
    pub successes: String,
    /// Column of the cost that belongs to no member and stands in every resample.
    pub fixed: String,
    /// Column of the number of members.
    pub count: String,
    pub low: String,
    pub high: String,
}

impl Column {
    pub(crate) fn spec(&self) -> ColumnSpec {
        ColumnSpec {
            name: self.name.clone(),
            role: self.role,
            unit: self.unit.clone(),
        }
    }
}

/// Where a query reads the facts that it adds up.
pub(super) const ROWS: &str = "{{rows}}";

/// Parameters that every metric may use without declaring them.
pub(super) const WINDOW: [&str; 2] = ["from", "to"];

impl Header {
    /// What can be told without running the query.
    pub(crate) fn validate(&self, sql: &str) -> Result<()> {
        let wrong = |what: String| Err(Error::config(what));
        for (key, text) in [
            ("title", &self.title),
            ("description", &self.description),
            ("formula", &self.formula),
            ("owner", &self.owner),
            ("grain", &self.grain),
        ] {
            if text.trim().is_empty() {
                return wrong(format!("{key} is empty"));
            }
        }
        let mut names = BTreeSet::new();
        for name in self.dimensions.iter().chain(self.columns.iter().map(|c| &c.name)) {
            if !is_name(name) {
                return wrong(format!(
                    "'{name}' is not a column name: small letters, digits and _"
                ));
            }
            if !names.insert(name.as_str()) {
                return wrong(format!("column '{name}' is declared twice"));
            }
        }
        if let Some(name) = self.by.iter().find(|name| !self.dimensions.contains(name)) {
            return wrong(format!("by names '{name}', which is not among the dimensions"));
        }
        if self.dimensions.is_empty() == sql.contains("{{by}}") {
            return wrong("dimensions are declared if and only if the query says {{by}}".to_owned());
        }
        if self.rows.is_none() == sql.contains(ROWS) {
            return wrong(format!("rows are declared if and only if the query says {ROWS}"));
        }
        let columns: BTreeSet<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        if let Some(name) = self.key.iter().find(|name| !columns.contains(name.as_str())) {
            return wrong(format!("key names '{name}', which is not among the columns"));
        }
        for column in &self.columns {
            let fits = match column.role {
                Role::Money => column.ty == ColumnType::Decimal,
                Role::Currency => column.ty == ColumnType::Text,
                Role::Time => matches!(column.ty, ColumnType::Date | ColumnType::Instant),
                Role::Ratio => matches!(column.ty, ColumnType::Decimal | ColumnType::Float),
                Role::Dimension | Role::Measure | Role::Number => true,
            };
            if !fits {
                return wrong(format!(
                    "column '{}': a {:?} is never {:?}",
                    column.name, column.role, column.ty
                ));
            }
            if column.description.trim().is_empty() {
                return wrong(format!("column '{}' is not explained", column.name));
            }
        }
        let has_money = self.columns.iter().any(|c| c.role == Role::Money);
        let currency = self.columns.iter().find(|c| c.role == Role::Currency);
        match currency {
            None if has_money => {
                return wrong("there is money and no column of role currency beside it".to_owned());
            }
            Some(column) if !self.key.contains(&column.name) => {
                return wrong(format!(
                    "'{}' must stand in key: currencies are never added",
                    column.name
                ));
            }
            _ => {}
        }
        if let Some(name) = self
            .params
            .keys()
            .find(|name| !is_name(name) || WINDOW.contains(&name.as_str()))
        {
            return wrong(format!("'{name}' cannot be the name of a parameter"));
        }
        if let Some(chart) = &self.chart {
            let drawn = [chart.x.as_ref(), Some(&chart.y), chart.series.as_ref()];
            if let Some(name) = drawn
                .into_iter()
                .flatten()
                .find(|name| !names.contains(name.as_str()))
            {
                return wrong(format!("chart names '{name}', which is not a column"));
            }
        }
        let ends = self
            .interval
            .iter()
            .flat_map(|interval| [&interval.low, &interval.high]);
        if let Some(name) = ends.into_iter().find(|name| !names.contains(name.as_str())) {
            return wrong(format!("interval names '{name}', which is not a column"));
        }
        if let Some(explain) = &self.explain {
            explain.validate(&columns)?;
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
