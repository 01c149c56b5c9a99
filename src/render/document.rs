//! The neutral report: plain data that every renderer eats. All renderings say the same numbers,
//! because a figure is written by `Value::text` and nowhere else.

use crate::base::money;
use crate::frame::{ChartSpec, Frame};
use crate::render::number;

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
    /// What the numbers mean.
    pub footer: Vec<String>,
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
    /// What the picture cannot show: amounts without a rate, rows left out.
    pub notices: Vec<String>,
}

#[derive(Debug, Clone)]
pub enum Body {
    Chart(ChartSpec, Frame),
    Table(Frame),
    /// Nothing to show, and why.
    Empty(String),
}

impl Section {
    /// The picture in words, for those who cannot see it.
    pub fn alt(&self) -> String {
        match &self.body {
            Body::Chart(_, frame) => {
                format!(
                    "{}. {}. The table below holds its {} rows.",
                    self.title,
                    self.subtitle,
                    frame.rows()
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
