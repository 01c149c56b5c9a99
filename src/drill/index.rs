//! An index of prices that the user supplies: dated values, read from CSV. None is shipped as truth;
//! every one says where it is from. Knows nothing of what follows it.

use super::scenario::impossible;
use crate::base::{Error, Result, money};
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Decades of days; above it the file is something else.
const MOST: usize = 50_000;

/// `[[indices]]` of a drill file. `compose` has put the content of `file` into `values`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexSpec {
    name: String,
    /// CSV with a head: `day` (or `date`) and `price` (or `value`, `rate`), in any order, others ignored.
    values: Option<String>,
    /// GPU model whose positions are marked to it.
    pool: Option<String>,
    /// Of its values, when they are prices that positions are marked to.
    currency: Option<String>,
    /// Where the values are from, in words.
    source: Option<String>,
}

/// An index, in order of days.
#[derive(Debug, Clone)]
pub struct Index {
    pub name: String,
    pub pool: Option<String>,
    pub currency: Option<String>,
    pub source: String,
    points: Vec<(NaiveDate, i128)>,
}

impl Index {
    pub(super) fn read(at: usize, spec: &IndexSpec) -> Result<Index> {
        let key = |name: &str| format!("indices[{at}].{name}");
        if spec.name.trim().is_empty() {
            return Err(impossible(&key("name"), "it is empty", "shocks refer to it"));
        }
        let Some(values) = &spec.values else {
            return Err(impossible(
                &key("file"),
                "there is neither a file nor values",
                "name a CSV with the columns day and price",
            ));
        };
        let points = points(values).map_err(|e| e.context(format!("index '{}'", spec.name)))?;
        Ok(Index {
            name: spec.name.clone(),
            pool: spec.pool.clone(),
            currency: spec.currency.clone(),
            source: spec.source.clone().unwrap_or_else(|| "the drill file".to_owned()),
            points,
        })
    }

    /// What was known before a day: nothing later may steer a fit.
    pub fn before(&self, day: NaiveDate) -> &[(NaiveDate, i128)] {
        &self.points[..self.points.partition_point(|(d, _)| *d < day)]
    }

    /// The value that held on a day: that of the latest dated one no later.
    pub fn on(&self, day: NaiveDate) -> Option<i128> {
        let upto = self.points.partition_point(|(d, _)| *d <= day);
        upto.checked_sub(1).map(|at| self.points[at].1)
    }

    pub fn first_day(&self) -> Option<NaiveDate> {
        self.points.first().map(|p| p.0)
    }

    pub fn last_day(&self) -> Option<NaiveDate> {
        self.points.last().map(|p| p.0)
    }
}

fn points(text: &str) -> Result<Vec<(NaiveDate, i128)>> {
    let bad = |line: u64, why: String| {
        Error::config(format!("line {line}: {why}"))
            .advise("a line is a day and a price above zero, such as 2026-09-01,2.35")
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let head = reader
        .headers()
        .map_err(|e| Error::config(e.to_string()))?
        .clone();
    let column = |names: &[&str]| {
        head.iter()
            .position(|h| names.iter().any(|n| h.eq_ignore_ascii_case(n)))
    };
    let (Some(day), Some(price)) = (column(&["day", "date"]), column(&["price", "value", "rate"])) else {
        return Err(Error::config("its head names no day and price").advise("the first line is: day,price"));
    };
    let mut points = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| Error::config(e.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = |at: usize| record.get(at).unwrap_or_default();
        let on: NaiveDate = text(day)
            .parse()
            .map_err(|_| bad(line, format!("'{}' is no day", text(day))))?;
        let value =
            money::parse(text(price)).map_err(|why| bad(line, format!("'{}' is {why}", text(price))))?;
        if value <= 0 {
            return Err(bad(line, format!("'{}' is not above zero", text(price))));
        }
        if points.insert(on, value).is_some() {
            return Err(bad(line, format!("{on} has two values")));
        }
        if points.len() > MOST {
            return Err(bad(line, format!("there are more than {MOST} days")));
        }
    }
    Ok(points.into_iter().collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_value_holds_until_the_next_and_nothing_later_is_known() {
        let spec = IndexSpec {
            name: "H100".to_owned(),
            values: Some("Source,Date,Value\nx,2026-09-08,2.5\nx,2026-09-01,2.35\n# a remark\n".to_owned()),
            pool: None,
            currency: None,
            source: None,
        };
        let index = Index::read(0, &spec).unwrap();
        let price = |text: &str| money::parse(text).unwrap();
        assert_eq!(index.on(day("2026-08-31")), None);
        assert_eq!(index.on(day("2026-09-07")), Some(price("2.35")));
        assert_eq!(index.on(day("2026-10-01")), Some(price("2.5")));
        assert_eq!(
            index.before(day("2026-09-08")),
            [(day("2026-09-01"), price("2.35"))]
        );
    }

    #[test]
    fn lines_that_are_no_prices_are_refused_by_line() {
        for (text, wanted) in [
            ("when,price\n", "no day and price"),
            (
                "day,price\n2026-09-01,2.35\n2026-09-01,2.4\n",
                "line 3: 2026-09-01 has two values",
            ),
            ("day,price\n2026-09-01,0\n", "not above zero"),
            ("day,price\n1 Sept,2\n", "'1 Sept' is no day"),
            ("day,price\n2026-09-01,two\n", "line 2: 'two' is"),
        ] {
            let error = points(text).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error} should say {wanted}");
        }
    }
}
