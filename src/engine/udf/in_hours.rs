//! `in_hours(pricing, instant)`: does an instant lie in the hours that an off-peak price names?

use super::args;
use arrow::array::{Array, BooleanArray};
use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, Timelike, Utc};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use serde::Deserialize;
use std::sync::Arc;

/// `{"windows": [{"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 2, 3, 4, 5]}, …]}`, as the
/// price map writes it: UTC, Monday is 1, half-open; a window that ends at 00:00 ends with the day. Without
/// windows, or with ones that cannot be read, NULL: the price of all other hours holds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct InHours {
    signature: Signature,
}

impl Default for InHours {
    fn default() -> Self {
        InHours {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

#[derive(Deserialize)]
struct Pricing {
    windows: Vec<Window>,
}

#[derive(Deserialize)]
struct Window {
    hours_utc: Hours,
    /// Every day, where none is named.
    #[serde(default)]
    weekdays: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Hours {
    One(String),
    Many(Vec<String>),
}

/// Minutes of the day from which and until which a window is open, and on which days.
struct Open {
    from: u32,
    to: u32,
    weekdays: Vec<u32>,
}

fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
}

fn windows(text: &str) -> Option<Vec<Open>> {
    let pricing: Pricing = serde_json::from_str(text).ok()?;
    let mut open = Vec::new();
    for window in pricing.windows {
        let hours = match window.hours_utc {
            Hours::One(hours) => vec![hours],
            Hours::Many(hours) => hours,
        };
        for hours in hours {
            let (from, to) = hours.split_once('-')?;
            let (from, to) = (minute(from)?, minute(to)?);
            open.push(Open {
                from,
                to: if to == 0 { 24 * 60 } else { to },
                weekdays: window.weekdays.clone(),
            });
        }
    }
    Some(open)
}

fn is_open(open: &[Open], at: DateTime<Utc>) -> bool {
    let minute = at.hour() * 60 + at.minute();
    let weekday = at.weekday().number_from_monday();
    open.iter().any(|w| {
        let day = w.weekdays.is_empty() || w.weekdays.contains(&weekday);
        let inside = match w.from < w.to {
            true => w.from <= minute && minute < w.to,
            // Over midnight.
            false => w.from <= minute || minute < w.to,
        };
        day && inside
    })
}

impl ScalarUDFImpl for InHours {
    fn name(&self) -> &str {
        "in_hours"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        if !matches!(types[0], DataType::Utf8 | DataType::Null) {
            return plan_err!("in_hours takes the hours as text, not {}", types[0]);
        }
        Ok(vec![DataType::Utf8, args::instant(self.name(), &types[1])?])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let (texts, instants) = (args::texts(&arrays[0])?, args::instants(&arrays[1])?);
        // Few models have such hours, and all their rows have the same text.
        let mut last: Option<(&str, Option<Vec<Open>>)> = None;
        let mut inside = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            if texts.is_null(row) || instants.is_null(row) {
                inside.push(None);
                continue;
            }
            let text = texts.value(row);
            if last.as_ref().is_none_or(|(known, _)| *known != text) {
                last = Some((text, windows(text)));
            }
            let open = last.as_ref().and_then(|(_, open)| open.as_ref());
            let at = crate::base::time::from_micros(instants.value(row));
            inside.push(open.map(|open| is_open(open, at)));
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(inside))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn hours_are_half_open_and_weekdays_count_from_monday() {
        let hours = r#"{"input_cost_per_token": 1e-7, "windows": [{"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 2, 3, 4, 5]}, {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}, {"hours_utc": "23:30-00:30"}]}"#;
        let open = |at: &str| query(&format!("SELECT in_hours('{hours}', TIMESTAMP '{at}')"))[0].clone();
        // 2 November 2026 is a Monday.
        for (at, expected) in [
            ("2026-11-02T00:59:59Z", "true"),
            ("2026-11-02T01:00:00Z", "false"),
            ("2026-11-02T09:59:59Z", "false"),
            ("2026-11-02T10:00:00Z", "true"),
            ("2026-11-02T23:59:59Z", "true"),
            ("2026-11-07T05:00:00Z", "true"),
        ] {
            assert_eq!(open(at), expected, "{at}");
        }
        assert_eq!(
            query("SELECT in_hours(NULL, TIMESTAMP '2026-11-02T00:00:00Z')"),
            ["NULL"]
        );
        assert_eq!(
            query("SELECT in_hours('{}', TIMESTAMP '2026-11-02T00:00:00Z')"),
            ["NULL"]
        );
    }
}
