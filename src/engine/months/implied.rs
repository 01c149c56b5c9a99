//! What filters say of the columns that a month can be told by.

use super::month::{DAY_US, HOUR_US};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, binary_expr, lit};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// The filters without what keeps no row, and what follows from them: a charge counts within a day of its start (`charge_moment`), so that one that counts
/// in a window has begun in it or a day around it; and a number of hours since the epoch is asked for by the instant it begins at.
pub(super) fn with_implied(filters: &[Expr]) -> Vec<Expr> {
    let implied = filters.iter().filter_map(implied);
    filters.iter().cloned().map(that_keep).chain(implied).collect()
}

/// A side of an OR that is NULL keeps no row: this is how a window over a column that a branch does not have arrives.
fn that_keep(filter: Expr) -> Expr {
    let null = |side: &Expr| matches!(side, Expr::Literal(ScalarValue::Boolean(None), _));
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => match (that_keep(*left), that_keep(*right)) {
            (kept, other) | (other, kept) if null(&other) => kept,
            (left, right) => left.or(right),
        },
        filter => filter,
    }
}

fn implied(filter: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return None;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expr::ScalarFunction(call), Expr::Literal(ScalarValue::TimestampMicrosecond(Some(at), zone), _)) => {
            started(call, *op, *at, zone)
        }
        (Expr::BinaryExpr(instant), Expr::Literal(ScalarValue::Int64(Some(at)), _)) => {
            begun(instant, *op, *at)
        }
        _ => None,
    }
}

/// When charges start that count then.
fn started(call: &ScalarFunction, op: Operator, at: i64, zone: &Option<Arc<str>>) -> Option<Expr> {
    let start = call.args.first().filter(|_| call.name() == "charge_moment")?;
    let around = match op {
        Operator::Gt | Operator::GtEq => at.checked_sub(DAY_US)?,
        Operator::Lt | Operator::LtEq => at.checked_add(DAY_US)?,
        _ => return None,
    };
    let around = ScalarValue::TimestampMicrosecond(Some(around), zone.clone());
    Some(binary_expr(start.clone(), op, lit(around)))
}

/// Which hours begin then.
fn begun(instant: &BinaryExpr, op: Operator, at: i64) -> Option<Expr> {
    let of_hours = instant.op == Operator::Multiply && *instant.right == lit(HOUR_US);
    let hour = Some(&instant.left).filter(|_| of_hours)?;
    let at = lit(at.div_euclid(HOUR_US));
    match op {
        Operator::Gt | Operator::GtEq => Some(hour.as_ref().clone().gt_eq(at)),
        Operator::Lt | Operator::LtEq => Some(hour.as_ref().clone().lt_eq(at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::{Registry, Settings, udf};
    use datafusion::prelude::col;

    #[test]
    fn a_window_of_moments_is_one_of_starts_a_day_wider_and_nothing_is_left_out() {
        let settings = Settings::new(crate::base::time::from_micros(0));
        let moment = udf::scalars(&settings, &Registry::default())
            .into_iter()
            .find(|function| function.name() == "charge_moment")
            .unwrap();
        let moment = moment.call(vec![col("period_start"), col("period_end")]);
        let at = |micros| {
            lit(ScalarValue::TimestampMicrosecond(
                Some(micros),
                Some("UTC".into()),
            ))
        };
        let nothing = || lit(ScalarValue::Boolean(None));
        let hidden = [
            nothing().or(col("leaf").eq(lit("a"))).or(nothing()),
            nothing(),
            col("leaf").eq(lit("a")).or(col("leaf").eq(lit("b"))),
        ];
        let shown = [col("leaf").eq(lit("a")), nothing(), hidden[2].clone()];
        assert_eq!(with_implied(&hidden), shown);
        let filters = [
            moment.clone().gt_eq(at(5 * DAY_US)),
            moment.clone().lt(at(9 * DAY_US)),
            moment.eq(at(7 * DAY_US)),
            col("leaf").eq(lit("unmetered")),
        ];
        let all = with_implied(&filters);
        assert_eq!(all[..4], filters);
        let starts = [
            col("period_start").gt_eq(at(4 * DAY_US)),
            col("period_start").lt(at(10 * DAY_US)),
        ];
        assert_eq!(all[4..], starts);
    }

    #[test]
    fn a_window_of_instants_is_one_of_the_hours_that_begin_then() {
        let begins = || col("hour") * lit(HOUR_US);
        let filters = [
            begins().gt_eq(lit(5 * HOUR_US + 1)),
            begins().lt(lit(9 * HOUR_US)),
            begins().lt_eq(lit(-1_i64)),
            begins().eq(lit(HOUR_US)),
            (col("hour") * lit(DAY_US)).lt(lit(HOUR_US)),
        ];
        let hours = [
            col("hour").gt_eq(lit(5_i64)),
            col("hour").lt_eq(lit(9_i64)),
            col("hour").lt_eq(lit(-1_i64)),
        ];
        assert_eq!(with_implied(&filters)[5..], hours);
    }
}
