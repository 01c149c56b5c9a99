//! `in_period(instant, '2026-10')`: does an instant lie in a year, quarter, month or day?

use super::args;
use crate::base::time::{Window, local_midnight, next_day, parse_date};
use arrow::array::BooleanArray;
use arrow::datatypes::{DataType, Field, FieldRef};
use chrono::{Months, NaiveDate};
use chrono_tz::Tz;
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility, lit,
};
use std::sync::Arc;

/// Half-open, in the reporting time zone, as `--period` is. A period that is written out becomes two
/// comparisons while planning, so that files outside of it are not read.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct InPeriod {
    signature: Signature,
    pub(super) zone: Tz,
}

impl InPeriod {
    pub(super) fn new(zone: Tz) -> Self {
        InPeriod {
            signature: Signature::user_defined(Volatility::Immutable),
            zone,
        }
    }

    fn window(&self, text: &str) -> Result<Window> {
        let Some((first, next)) = days(text) else {
            return exec_err!("'{text}' is no period; write 2026, 2026-Q4, 2026-10 or 2026-10-31");
        };
        Ok(Window {
            from: local_midnight(first, self.zone),
            to: local_midnight(next, self.zone),
        })
    }
}

/// The first day of a period, and the first one after it.
fn days(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    if let Some(day) = parse_date(text) {
        return Some((day, next_day(day)));
    }
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    if year.len() != 4 {
        return None;
    }
    let year = year.parse().ok()?;
    let (month, months) = match (rest, rest.strip_prefix('Q')) {
        ("", _) => (1, 12),
        (_, Some(quarter)) => (quarter.parse::<u32>().ok()?.checked_sub(1)? * 3 + 1, 3),
        (month, None) if month.len() == 2 => (month.parse().ok()?, 1),
        _ => return None,
    };
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some((first, first.checked_add_months(Months::new(months))?))
}

fn bound(at: chrono::DateTime<chrono::Utc>) -> Expr {
    let micros = Some(at.timestamp_micros());
    lit(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())))
}

impl ScalarUDFImpl for InPeriod {
    fn name(&self) -> &str {
        "in_period"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 2)?;
        Ok(vec![args::instant(self.name(), &types[0])?, DataType::Utf8])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }
    fn return_field_from_args(&self, call: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let nullable = call.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), DataType::Boolean, nullable)))
    }
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [instant, Expr::Literal(period, _)] = args.as_slice() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let Some(Some(period)) = period.try_as_str() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let window = self.window(period)?;
        let from = instant.clone().gt_eq(bound(window.from));
        Ok(ExprSimplifyResult::Simplified(
            from.and(instant.clone().lt(bound(window.to))),
        ))
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(period) = args::constant_text(&call.args[1]).map(str::to_owned) else {
            return plan_err!("in_period takes one period, written out");
        };
        let window = self.window(&period)?;
        let (from, to) = (window.from.timestamp_micros(), window.to.timestamp_micros());
        let arrays = args::arrays(&call)?;
        let instants = args::instants(&arrays[0])?;
        let inside: BooleanArray = instants.iter().map(|i| i.map(|i| from <= i && i < to)).collect();
        Ok(ColumnarValue::Array(Arc::new(inside)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn periods_are_half_open_and_follow_the_zone() {
        // 2026-10-01T00:00 in Berlin is 22:00 UTC on the day before.
        for (instant, period, expected) in [
            ("2026-09-30T22:00:00Z", "2026-10", "true"),
            ("2026-09-30T21:59:59Z", "2026-10", "false"),
            ("2026-10-31T22:59:59Z", "2026-10", "true"),
            ("2026-10-31T23:00:00Z", "2026-10", "false"),
            ("2026-10-31T23:00:00Z", "2026-11-01", "true"),
            ("2026-12-31T22:59:59Z", "2026-Q4", "true"),
            ("2026-12-31T23:00:00Z", "2026-Q4", "false"),
            ("2026-12-31T23:00:00Z", "2027", "true"),
        ] {
            // A constant is folded away; a column becomes two comparisons; an unknown one stays.
            let constant = format!("SELECT in_period(TIMESTAMP '{instant}', '{period}')");
            assert_eq!(query(&constant), [expected], "{constant}");
            let column = format!(
                "SELECT in_period(at, '{period}') FROM (VALUES (TIMESTAMP '{instant}'), (NULL)) AS rows(at)"
            );
            assert_eq!(query(&column), [expected, "NULL"], "{column}");
        }
        let alone = "SELECT in_period(CAST(NULL AS TIMESTAMP), '2026')";
        assert_eq!(query(alone), ["NULL"]);
    }

    #[test]
    fn what_is_no_period_is_an_error() {
        for period in ["2026-13", "2026-Q5", "2026-Q0", "26", "October", "2026-1", ""] {
            let sql = format!("SELECT in_period(TIMESTAMP '2026-10-01T00:00:00Z', '{period}')");
            assert!(fails(&sql).contains("no period"), "{period}");
        }
    }
}
