//! What a report file may say. Unknown keys are errors.

use crate::asset::Assets;
use crate::base::{Error, Result};
use crate::render::document::Good;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// From the file's name.
    #[serde(skip)]
    pub name: String,
    pub title: String,
    pub description: String,
    /// The row of figures at the top.
    #[serde(default)]
    pub headline: Vec<HeadlineSpec>,
    /// How many sentences on what stands out; 0 for none.
    #[serde(default)]
    pub findings: usize,
    /// Begin with the verdict: does every bill add up to its leaves?
    #[serde(default)]
    pub verdict: bool,
    #[serde(default)]
    pub section: Vec<SectionSpec>,
    /// What the numbers mean, a paragraph each.
    #[serde(default)]
    pub footer: Vec<String>,
}

/// One figure: a column of a metric over the whole window, or a ratio of sums of its columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadlineSpec {
    pub label: String,
    pub metric: String,
    /// Group columns of the run; none gives one row for all.
    #[serde(default)]
    pub by: Vec<String>,
    /// Only rows whose columns have these texts.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, String>,
    /// The column that is the figure; its rows are added up.
    #[serde(default)]
    pub column: Option<String>,
    /// Instead of a column: a share, as a sum over a sum.
    #[serde(default)]
    pub ratio: Option<RatioSpec>,
    /// Unit of a measurement on the board, where the column's own is too long.
    #[serde(default)]
    pub unit: Option<String>,
    pub good: Good,
    #[serde(default)]
    pub trend: Trend,
    /// A short line below the figure.
    #[serde(default)]
    pub note: Option<NoteSpec>,
    /// The line below where there is no figure.
    pub missing: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioSpec {
    pub part: Vec<String>,
    pub whole: Vec<String>,
}

/// How the small line beside a figure comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    #[default]
    None,
    /// The metric has a column `day`, of its own.
    Daily,
    /// The metric can be grouped by `day`.
    ByDay,
    /// The metric is run for parts of the window.
    Slices,
}

/// `text` with `{}` where the value of `column` goes; without a column, the text itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteSpec {
    pub text: String,
    #[serde(default)]
    pub column: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionSpec {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub wide: bool,
    /// Of the picture; 0: as its rows need.
    #[serde(default)]
    pub height: u32,
    pub data: Data,
    /// What is drawn of a metric; none: its table alone.
    #[serde(default)]
    pub chart: Option<DrawSpec>,
    /// What is written of a metric; none: the drawn columns, folded away.
    #[serde(default)]
    pub table: Option<TableSpec>,
}

/// How rows of a metric become marks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawSpec {
    pub kind: String,
    /// The columns that name a mark, put together; for a course the one column of time.
    pub x: Vec<String>,
    pub y: Vec<String>,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub series: Option<String>,
    #[serde(default)]
    pub target: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// Above a course over time: what changed, such as prices and newcomers.
    #[serde(default)]
    pub changes: bool,
    /// Only rows whose columns have none of these texts.
    #[serde(default)]
    pub not: BTreeMap<String, String>,
    /// As many rows, from the top; 0: all.
    #[serde(default)]
    pub top: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// What people are shown: names of columns, or pairs of a name and what it is called.
    pub columns: Vec<TableColumn>,
    /// Columns that may be added up.
    #[serde(default)]
    pub total: Vec<String>,
    /// Columns that are sums and differences of others in their row: `difference = ["bill", "-leaves"]`.
    #[serde(default)]
    pub formula: BTreeMap<String, Vec<String>>,
    /// As many rows stand on a picture.
    #[serde(default = "on_picture")]
    pub rows: usize,
}

fn on_picture() -> usize {
    12
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum TableColumn {
    Plain(String),
    Named(String, String),
}

impl TableColumn {
    pub(super) fn pair(&self) -> (String, String) {
        match self {
            TableColumn::Plain(name) => (name.clone(), name.replace('_', " ")),
            TableColumn::Named(name, shown) => (name.clone(), shown.clone()),
        }
    }
}

/// Where a section's rows come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source", deny_unknown_fields)]
pub enum Data {
    /// Any metric.
    Metric {
        metric: String,
        #[serde(default)]
        by: Option<Vec<String>>,
        /// Run for parts of the window, each with its first day in a column `day`.
        #[serde(default)]
        slices: bool,
        /// Parameters of the metric.
        #[serde(default)]
        set: BTreeMap<String, String>,
        /// Only rows whose columns have these texts.
        #[serde(default, rename = "where")]
        filter: BTreeMap<String, String>,
        /// Only rows in which one of these columns is neither missing nor 0.
        #[serde(default)]
        nonzero: Vec<String>,
        /// The column by which rows stand, the largest first; none: as the metric gives them.
        #[serde(default)]
        largest: Option<String>,
        /// `{currency}` and `{basis}` are put in.
        subtitle: String,
        /// What stands there when there are no rows.
        empty: String,
    },
    /// Spend per day or week, stacked by a dimension of `spend/daily`.
    Spend { by: String },
    /// Cost of a successful task per use case.
    Success,
    /// GPU pools against their SLO.
    Pools,
    /// Idle GPU money by kind.
    Idle,
    /// Cache and fallback rates per day.
    Rates,
    /// Energy per 1k requests over parts of the window.
    Energy,
    /// A budget's period so far and to its end.
    Budget,
}

impl Data {
    /// The metrics that the rows come from.
    pub fn metrics(&self) -> Vec<&str> {
        match self {
            Data::Metric { metric, .. } => vec![metric],
            Data::Spend { .. } => vec!["spend/daily"],
            Data::Success => vec!["unit/cost_per_successful_task"],
            Data::Pools => vec!["gpu/utilization"],
            Data::Idle => vec!["gpu/idle_cost"],
            Data::Rates => vec!["gateway/cache_hit_rate", "gateway/fallback_rate"],
            Data::Energy => vec!["energy/wh_per_1k_requests"],
            Data::Budget => vec!["budget/burn"],
        }
    }
}

impl Spec {
    /// The report of this name: built in, or the user's.
    pub fn get(assets: &Assets, name: &str) -> Result<Spec> {
        let asset = assets.get(&format!("reports/{name}.toml")).ok_or_else(|| {
            let names: Vec<&str> = assets.under("reports/").map(|a| a.name()).collect();
            Error::usage(format!("there is no report '{name}'"))
                .advise(format!("there is {}", names.join(", ")))
        })?;
        let spec: Spec = toml::from_str(&asset.text).map_err(|e| {
            Error::config(format!(
                "{} ({}): {}",
                asset.path,
                asset.origin,
                e.to_string().trim()
            ))
        })?;
        for headline in &spec.headline {
            if headline.column.is_some() == headline.ratio.is_some() {
                return Err(Error::config(format!(
                    "{} ({}): the figure '{}' has a column or a ratio, one of the two",
                    asset.path, asset.origin, headline.label
                )));
            }
        }
        for section in &spec.section {
            let drawn = section.chart.is_some() || section.table.is_some();
            if drawn != matches!(section.data, Data::Metric { .. }) {
                return Err(Error::config(format!(
                    "{} ({}): the section '{}' has a chart or a table if and only if its source is a metric",
                    asset.path, asset.origin, section.id
                )));
            }
        }
        Ok(Spec {
            name: name.to_owned(),
            ..spec
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_report_of_ours_parses() {
        let assets = Assets::builtin();
        for asset in assets.under("reports/") {
            assert!(
                !Spec::get(&assets, asset.name()).unwrap().section.is_empty(),
                "{}",
                asset.path
            );
        }
        assert!(
            Spec::get(&assets, "nope")
                .unwrap_err()
                .to_string()
                .contains("no report")
        );
    }
}
