//! `tags ->> 'team' = 'search'` is meant as PostgreSQL reads it: the arrow first. The parser, in the
//! dialect that our own SQL is written in, compares first. What is in parentheses stays.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, VisitorMut};
use std::convert::Infallible;
use std::mem::replace;
use std::ops::ControlFlow;

pub(super) struct Arrows;

impl VisitorMut for Arrows {
    type Break = Infallible;

    /// From the inside out, so that the parts of a chain of arrows are right before the whole is.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        let Expr::BinaryOp {
            op: op @ (BinaryOperator::Arrow | BinaryOperator::LongArrow),
            left,
            right,
        } = expr
        else {
            return ControlFlow::Continue(());
        };
        let (op, left, mut right) = (op.clone(), Box::new(take(left)), Box::new(take(right)));
        // Of `a = json ->> key = b`, the json is the last of the left side, the key the first of the right.
        let mut json = Some((op, left));
        first(&mut right, &mut |key| {
            if let Some((op, left)) = json.take() {
                *key = arrow(left, op, Box::new(take(key)));
            }
        });
        *expr = *right;
        ControlFlow::Continue(())
    }
}

/// `left op key`, with the arrow around the last part of the left side.
fn arrow(mut left: Box<Expr>, op: BinaryOperator, key: Box<Expr>) -> Expr {
    let mut parts = Some((op, key));
    last(&mut left, &mut |json| {
        if let Some((op, right)) = parts.take() {
            let left = Box::new(take(json));
            *json = Expr::BinaryOp { left, op, right };
        }
    });
    *left
}

fn take(expr: &mut Expr) -> Expr {
    replace(expr, Expr::Value(Value::Null.into()))
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator::{
        Eq, Gt, GtEq, Lt, LtEq, NotEq, PGRegexIMatch, PGRegexMatch, PGRegexNotIMatch, PGRegexNotMatch,
    };
    matches!(
        op,
        Eq | NotEq
            | Lt
            | LtEq
            | Gt
            | GtEq
            | PGRegexMatch
            | PGRegexIMatch
            | PGRegexNotMatch
            | PGRegexNotIMatch
    )
}

/// The first part of what binds more loosely than an arrow.
fn first(expr: &mut Expr, change: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::BinaryOp { left, op, .. } if compares(op) || *op == BinaryOperator::StringConcat => {
            first(left, change);
        }
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsDistinctFrom(inner, _)
        | Expr::IsNotDistinctFrom(inner, _)
        | Expr::InList { expr: inner, .. }
        | Expr::InSubquery { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. } => first(inner, change),
        other => change(other),
    }
}

/// The last part of a comparison.
fn last(expr: &mut Expr, change: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::BinaryOp { op, right, .. } if compares(op) => last(right, change),
        Expr::Like { pattern: inner, .. } | Expr::ILike { pattern: inner, .. } => last(inner, change),
        other => change(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use datafusion::sql::sqlparser::ast::VisitMut;
    use datafusion::sql::sqlparser::dialect::{GenericDialect, PostgreSqlDialect};
    use datafusion::sql::sqlparser::parser::Parser;

    /// The expression with every arrow in parentheses, in our own dialect and in PostgreSQL's.
    #[test]
    fn arrows_come_before_comparisons() {
        for (sql, expected) in [
            ("t ->> 'a' = 'x'", "(t ->> 'a') = 'x'"),
            ("'x' = t ->> 'a'", "'x' = (t ->> 'a')"),
            ("t ->> 'a' = u ->> 'b'", "(t ->> 'a') = (u ->> 'b')"),
            (
                "t -> 'a' ->> 'b' <> 'x' AND c",
                "((t -> 'a') ->> 'b') <> 'x' AND c",
            ),
            ("t ->> 'a' IS NOT NULL OR c", "(t ->> 'a') IS NOT NULL OR c"),
            ("t ->> 'a' IN ('x', 'y')", "(t ->> 'a') IN ('x', 'y')"),
            ("NOT t ->> 'a' LIKE 'x%'", "NOT (t ->> 'a') LIKE 'x%'"),
            ("b LIKE t ->> 'a'", "b LIKE (t ->> 'a')"),
            ("t ->> 'a' || 'x' = 'y'", "(t ->> 'a') || 'x' = 'y'"),
            ("t ->> ('a' || 'b') = 'y'", "(t ->> ('a' || 'b')) = 'y'"),
            ("(c = t) ->> 'a'", "((c = t) ->> 'a')"),
        ] {
            let dialects: [&dyn datafusion::sql::sqlparser::dialect::Dialect; 2] =
                [&GenericDialect {}, &PostgreSqlDialect {}];
            for dialect in dialects {
                let mut expr = Parser::new(dialect)
                    .try_with_sql(sql)
                    .unwrap()
                    .parse_expr()
                    .unwrap();
                let _ = expr.visit(&mut Arrows);
                let _ = expr.visit(&mut Parentheses);
                assert_eq!(expr.to_string(), expected, "{dialect:?}");
            }
        }
    }

    struct Parentheses;

    impl VisitorMut for Parentheses {
        type Break = Infallible;

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
            if let Expr::BinaryOp {
                op: BinaryOperator::Arrow | BinaryOperator::LongArrow,
                ..
            } = expr
            {
                *expr = Expr::Nested(Box::new(take(expr)));
            }
            ControlFlow::Continue(())
        }
    }
}
