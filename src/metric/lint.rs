//! House rules for the SQL of metrics and checks, each of which has cost somebody money:
//! columns by name, join kinds spelled out, half-open windows, sums over sums, no floats.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, JoinConstraint, JoinOperator, Select, SelectItem, Value, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What a query breaks. `params` are the placeholders it may use.
pub fn lint(sql: &str, params: &[&str]) -> Vec<String> {
    let filled = sql
        .replace("{{by}}", "by_column")
        .replace(super::header::ROWS, "rows_view");
    let statements = match Parser::parse_sql(&GenericDialect {}, &filled) {
        Ok(statements) => statements,
        Err(e) => return vec![format!("it does not parse: {e}")],
    };
    let mut findings = Findings::default();
    if statements.len() != 1 {
        findings.add("a file holds one query");
    }
    let _ = statements.visit(&mut findings);
    let used = placeholders(sql);
    for name in &used {
        if !params.contains(&name.as_str()) {
            findings.add(format!("${name} is not declared"));
        }
    }
    for name in params {
        // The window is there whether a query needs it or not; what a header adds is there to be used.
        if !used.contains(*name) && !super::header::WINDOW.contains(name) {
            findings.add(format!("${name} is declared and not used"));
        }
    }
    findings.0.into_iter().collect()
}

/// The names of the `$placeholders` of a query, comments and texts left aside.
pub(super) fn placeholders(sql: &str) -> BTreeSet<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .unwrap_or_default();
    tokens
        .into_iter()
        .filter_map(|token| match token {
            Token::Placeholder(text) => text.strip_prefix('$').map(str::to_owned),
            _ => None,
        })
        .collect()
}

#[derive(Default)]
struct Findings(BTreeSet<String>);

impl Findings {
    fn add(&mut self, what: impl Into<String>) {
        self.0.insert(what.into());
    }

    fn join(&mut self, operator: &JoinOperator) {
        let constraint = match operator {
            JoinOperator::Join(_) => {
                return self.add("JOIN without its kind: write INNER, LEFT, FULL or CROSS");
            }
            JoinOperator::Inner(c)
            | JoinOperator::Left(c)
            | JoinOperator::LeftOuter(c)
            | JoinOperator::Right(c)
            | JoinOperator::RightOuter(c)
            | JoinOperator::FullOuter(c)
            | JoinOperator::LeftSemi(c)
            | JoinOperator::LeftAnti(c) => c,
            JoinOperator::CrossJoin(_) => return,
            _ => return self.add("an unusual kind of join"),
        };
        match constraint {
            JoinConstraint::On(_) | JoinConstraint::Using(_) => {}
            JoinConstraint::Natural => self.add("NATURAL JOIN: say which columns"),
            JoinConstraint::None => self.add("a join without a condition: write CROSS JOIN if that is meant"),
        }
    }
}

fn is_placeholder(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Value(v) if matches!(&v.value, Value::Placeholder(p) if p == name))
}

fn is_safe_divisor(expr: &Expr) -> bool {
    match expr {
        Expr::Value(v) => {
            matches!(&v.value, Value::Number(text, _) if text.bytes().any(|b| (b'1'..=b'9').contains(&b)))
        }
        Expr::Nested(inner) => is_safe_divisor(inner),
        Expr::Function(f) => f.name.to_string().eq_ignore_ascii_case("nullif"),
        _ => false,
    }
}

impl Visitor for Findings {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)) {
                self.add("SELECT *: name the columns");
            }
        }
        if select.from.len() > 1 {
            self.add("tables with a comma between them: write the join and its kind");
        }
        for join in select.from.iter().flat_map(|table| &table.joins) {
            self.join(&join.join_operator);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Between { .. } => self.add("BETWEEN holds both ends: write >= and <"),
            Expr::Cast { data_type, .. } if is_float(data_type) => {
                self.add("a cast to floating point: amounts stay decimals, and what is measured goes through measured()");
            }
            Expr::Function(f) => {
                let name = f.name.to_string().to_lowercase();
                if matches!(name.as_str(), "avg" | "mean") {
                    self.add("avg: a ratio is a sum over a sum");
                }
                if matches!(name.as_str(), "arrow_cast" | "try_cast") && !names_as_numbers(expr) {
                    self.add("a cast that hides its target type");
                }
                if matches!(
                    name.as_str(),
                    "now" | "current_date" | "current_timestamp" | "random" | "uuid"
                ) {
                    self.add(format!("{name}(): the clock is now_utc(), chance is seeded"));
                }
            }
            Expr::BinaryOp { left, op, right } => self.operator(left, op, right),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Findings {
    fn operator(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) {
        use BinaryOperator::{Divide, Gt, GtEq, Lt, LtEq};
        let open = match op {
            LtEq => is_placeholder(right, "$to") || is_placeholder(left, "$from"),
            Lt => is_placeholder(left, "$from"),
            Gt => is_placeholder(right, "$from"),
            GtEq => is_placeholder(left, "$to") || is_placeholder(right, "$to"),
            _ => false,
        };
        // `x >= $to` and `x < $from` are how the outside of a window is told; they are not used.
        if open && !matches!(op, GtEq if is_placeholder(right, "$to")) {
            self.add("a window is half-open: >= $from and < $to");
        }
        if *op == Divide && !is_safe_divisor(right) {
            self.add("a division that may be by zero: ratio(a, b), or NULLIF for measurements");
        }
    }
}

/// Names that a join holds as numbers: the values are the same.
fn names_as_numbers(cast: &Expr) -> bool {
    cast.to_string().ends_with(", 'Dictionary(Int32, Utf8)')")
}

fn is_float(ty: &DataType) -> bool {
    let name = ty.to_string().to_uppercase();
    name.starts_with("FLOAT") || name.starts_with("DOUBLE") || name.starts_with("REAL")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::asset::{Assets, header};
    use crate::metric::Catalog;

    #[test]
    fn each_rule_finds_its_sin() {
        for (sql, word) in [
            ("SELECT * FROM costs", "SELECT *"),
            ("SELECT c.* FROM costs c", "SELECT *"),
            ("SELECT a FROM x JOIN y ON x.a = y.a", "without its kind"),
            ("SELECT a FROM x, y", "comma"),
            ("SELECT a FROM x INNER JOIN y", "without a condition"),
            ("SELECT a FROM x NATURAL INNER JOIN y", "NATURAL"),
            ("SELECT a FROM x WHERE t BETWEEN $from AND $to", "BETWEEN"),
            ("SELECT a FROM x WHERE t >= $from AND t <= $to", "half-open"),
            ("SELECT a FROM x WHERE t > $from AND t < $to", "half-open"),
            ("SELECT CAST(amount AS DOUBLE) AS a FROM x", "floating"),
            ("SELECT arrow_cast(amount, 'Float64') AS a FROM x", "hides"),
            ("SELECT avg(a) AS a FROM x", "sum over a sum"),
            ("SELECT a / b AS c FROM x", "ratio(a, b)"),
            ("SELECT a FROM x WHERE b = $b", "not declared"),
            ("SELECT a FROM (SELECT * FROM x) AS y", "SELECT *"),
            ("SELECT now() AS a", "now_utc()"),
            ("SELECT a FROM", "does not parse"),
        ] {
            let found = lint(sql, &["from", "to"]);
            assert!(found.iter().any(|f| f.contains(word)), "{sql}: {found:?}");
        }
        let good = "WITH x AS (SELECT a, count(*) AS n FROM y LEFT JOIN z USING (a)
                    WHERE t >= $from AND t < $to GROUP BY a)
                    SELECT {{by}}, arrow_cast(a, 'Dictionary(Int32, Utf8)') AS d, ratio(sum(a), sum(n)) AS r, j / NULLIF(k, 0) AS s FROM x";
        assert_eq!(lint(good, &["from", "to"]), Vec::<String>::new());
        assert_eq!(
            lint("SELECT 1 AS a", &["limit"]),
            ["$limit is declared and not used"]
        );
    }

    #[test]
    fn every_metric_and_check_keeps_the_rules() {
        let assets = Assets::builtin();
        let mut broken = Vec::new();
        for metric in Catalog::new(&assets).unwrap().iter() {
            let params: Vec<&str> = super::super::header::WINDOW
                .into_iter()
                .chain(metric.header.params.keys().map(String::as_str))
                .collect();
            broken.extend(
                lint(&metric.sql, &params)
                    .into_iter()
                    .map(|f| format!("metrics/{}: {f}", metric.name)),
            );
        }
        for check in assets.under("checks/") {
            let (_, sql) = header::split(&check.text).unwrap();
            broken.extend(lint(sql, &[]).into_iter().map(|f| format!("{}: {f}", check.path)));
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
