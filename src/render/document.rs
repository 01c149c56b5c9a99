//! The neutral report: plain data that every renderer eats. All renderings say the same numbers,
//! because a figure is written by `Value::text` and nowhere else.

use crate::base::money;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;
use chrono::{DateTime, Utc};

#[derive(Debug, Clone)]
pub struct Document {
    /// Name of the report, for file names.
    pub name: String,
    pub title: String,
    /// The window in words.
    pub period: String,
    /// As-of moment, coverage, basis, currency, time zone.
    pub stamps: Vec<Stamp>,
    pub headlines: Vec<Headline>,
    /// What stands out, in sentences.
    pub findings: Vec<Finding>,
    pub sections: Vec<Section>,
    /// What ties the figures to their sources: files and pages carry it, pictures do not.
    pub annexes: Vec<Section>,
    /// What the numbers mean.
    pub footer: Vec<String>,
    /// When the figures were true: files that carry a date of their own take this one.
    pub moment: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub label: String,
    pub value: String,
    /// The reader must not overlook it: late or incomplete data.
    pub warns: bool,
}

/// A sentence with the direction it means for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub text: String,
    pub mood: Mood,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Good,
    Bad,
    Plain,
}

/// Which direction of a figure is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Good {
    Up,
    Down,
    /// Neither is: spend grows with use.
    Neither,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Money {
        amount: i128,
        currency: String,
    },
    /// A share of one.
    Ratio(i128),
    Count(i64),
    Measure {
        value: f64,
        unit: String,
    },
}

impl Value {
    pub fn text(&self) -> String {
        match self {
            Value::Money { amount, currency } => number::money(*amount, currency),
            Value::Ratio(ratio) => number::percent(*ratio),
            Value::Count(count) => number::count(*count),
            Value::Measure { value, unit } => number::measure(*value, unit),
        }
    }

    /// From `before` to `self`, as the share by which it grew; of percentages, as their difference.
    pub fn change_since(&self, before: &Value) -> Option<Change> {
        let relative = |now: i128, then: i128| (then > 0).then(|| money::ratio(now - then, then)).flatten();
        match (self, before) {
            (
                Value::Money {
                    amount: a,
                    currency: x,
                },
                Value::Money {
                    amount: b,
                    currency: y,
                },
            ) if x == y => relative(*a, *b).map(Change::Relative),
            (Value::Ratio(a), Value::Ratio(b)) => Some(Change::Points(a - b)),
            (Value::Count(a), Value::Count(b)) => {
                relative(i128::from(*a), i128::from(*b)).map(Change::Relative)
            }
            (Value::Measure { value: a, unit: x }, Value::Measure { value: b, unit: y })
                if x == y && *b > 0.0 =>
            {
                // A physical quantity, not an amount: six digits are plenty.
                Some(Change::Relative(
                    ((a / b - 1.0) * 1e6) as i128 * (money::ONE / 1_000_000),
                ))
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A share of the earlier value.
    Relative(i128),
    /// A difference of two shares.
    Points(i128),
}

impl Change {
    pub fn text(self) -> String {
        match self {
            Change::Relative(ratio) => number::change(ratio),
            Change::Points(difference) => number::points(difference),
        }
    }

    /// −1, 0 or 1, where what is shown as zero is 0.
    pub fn direction(self) -> i8 {
        if self.text().starts_with('±') {
            return 0;
        }
        match self {
            Change::Relative(v) | Change::Points(v) => v.signum() as i8,
        }
    }

    pub fn mood(self, good: Good) -> Mood {
        match (self.direction(), good) {
            (0, _) | (_, Good::Neither) => Mood::Plain,
            (1, Good::Up) | (-1, Good::Down) => Mood::Good,
            _ => Mood::Bad,
        }
    }
}

/// One figure of the row at the top.
#[derive(Debug, Clone)]
pub struct Headline {
    pub label: String,
    /// Missing is shown as a dash, with `note` saying why.
    pub value: Option<Value>,
    pub change: Option<Change>,
    pub good: Good,
    /// A target, a coverage, a reason: one short line.
    pub note: Option<String>,
    /// Time and value, for the small line beside the figure.
    pub spark: Option<(ChartSpec, Frame)>,
}

#[derive(Debug, Clone)]
pub struct Section {
    pub id: String,
    pub title: String,
    /// What is drawn, in which unit.
    pub subtitle: String,
    /// Takes the full width of the page; else half of it.
    pub wide: bool,
    /// Rows of the board's grid are as high as the highest of their sections.
    pub height: u32,
    pub body: Body,
    /// All rows behind the picture. Absent: what is drawn is all there is.
    pub rows: Option<Rows>,
    /// What the picture cannot show: amounts without a rate, rows left out.
    pub notices: Vec<String>,
}

/// A table, whole, with what people are shown of it.
#[derive(Debug, Clone)]
pub struct Rows {
    pub frame: Frame,
    /// The columns that people are shown, and what they are called there; none: all of them. A workbook and
    /// JSON have every column.
    pub shown: Vec<(String, String)>,
    /// Exact sums of the columns that may be added up.
    pub totals: Vec<Total>,
    /// Columns that are sums and differences of others in their row, so that a workbook can show how.
    pub formulas: Vec<Formula>,
    /// As many rows stand on a picture.
    pub on_picture: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// `None` where the table has no currency.
    pub currency: Option<String>,
    pub column: String,
    /// Of scale 18, counts too.
    pub amount: i128,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    pub column: String,
    /// Whether the term is taken away, and its column.
    pub terms: Vec<(bool, String)>,
}

impl Rows {
    /// A table of which every column is shown and nothing is added up.
    pub fn plain(frame: Frame) -> Rows {
        Rows {
            frame,
            shown: Vec::new(),
            totals: Vec::new(),
            formulas: Vec::new(),
            on_picture: 0,
        }
    }

    /// The currencies that have a line of totals, in order; one `None` where there is no currency.
    pub fn total_lines(&self) -> Vec<Option<&str>> {
        let mut lines: Vec<Option<&str>> = self.totals.iter().map(|t| t.currency.as_deref()).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    pub fn total(&self, currency: Option<&str>, column: &str) -> Option<i128> {
        let found = self
            .totals
            .iter()
            .find(|t| t.currency.as_deref() == currency && t.column == column);
        found.map(|t| t.amount)
    }
}

#[derive(Debug, Clone)]
pub enum Body {
    Chart(ChartSpec, Frame),
    Table(Frame),
    /// Nothing to show, and why.
    Empty(String),
}

impl Section {
    /// The table of a section, whatever is drawn of it.
    pub fn table(&self) -> Option<Rows> {
        match (&self.rows, &self.body) {
            (Some(rows), _) => Some(rows.clone()),
            (None, Body::Chart(_, frame) | Body::Table(frame)) => Some(Rows::plain(frame.clone())),
            (None, Body::Empty(_)) => None,
        }
    }

    /// The picture in words, for those who cannot see it.
    pub fn alt(&self) -> String {
        match &self.body {
            Body::Chart(_, frame) => {
                let rows = self.rows.as_ref().map_or(frame.rows(), |rows| rows.frame.rows());
                format!(
                    "{}. {}. The table below holds its {rows} rows.",
                    self.title, self.subtitle,
                )
            }
            Body::Table(_) => self.title.clone(),
            Body::Empty(why) => format!("{}: {why}", self.title),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::ONE;

    #[test]
    fn changes_compare_like_with_like() {
        let usd = |n: i128| Value::Money {
            amount: n * ONE,
            currency: "USD".into(),
        };
        assert_eq!(usd(110).change_since(&usd(100)), Some(Change::Relative(ONE / 10)));
        assert_eq!(usd(1).change_since(&usd(0)), None);
        assert_eq!(
            usd(1).change_since(&Value::Money {
                amount: ONE,
                currency: "EUR".into()
            }),
            None
        );
        assert_eq!(
            Value::Ratio(ONE / 2)
                .change_since(&Value::Ratio(ONE / 4))
                .map(Change::text),
            Some("+25.0\u{a0}pp".to_owned())
        );
        assert_eq!(Change::Relative(1).direction(), 0);
        assert_eq!(Change::Relative(ONE).mood(Good::Down), Mood::Bad);
    }
}
