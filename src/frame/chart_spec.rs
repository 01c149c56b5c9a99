//! Which columns of a frame a picture uses, as plain data: metric headers and report specs name a chart
//! without knowing any renderer.

use serde::{Deserialize, Serialize};

/// `kind` is a name of `render::chart::CHARTS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartSpec {
    pub kind: String,
    /// The column along the axis: a time, or the names of bars.
    pub x: String,
    /// The columns that are drawn.
    pub y: Vec<String>,
    /// What the columns of `y` are called on the picture; the column names where absent.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The column that splits rows into series.
    #[serde(default)]
    pub series: Option<String>,
    /// A column with the target that `y` is held against.
    #[serde(default)]
    pub target: Option<String>,
    /// A column with words to stand where a value is missing.
    #[serde(default)]
    pub note: Option<String>,
}

impl ChartSpec {
    /// The name of the `i`th drawn column.
    pub fn label(&self, i: usize) -> &str {
        self.labels
            .get(i)
            .or_else(|| self.y.get(i))
            .map_or("", String::as_str)
    }
}
