//! What tools write and the planner does not take. Of the catalogue: arrays of things that there are none of here
//! (memberships of roles, options and rights of relations, columns of indexes), which become the empty array or
//! NULL that they would be anyway. Of any query: columns that have the same name.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArguments, Ident, SelectItem, SetExpr, Statement, Visit, VisitMut, visit_expressions_mut,
    visit_relations,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

/// Array columns of the catalogue that the library's tables do not have, or keep as text.
const ABSENT: [&str; 3] = ["reloptions", "relacl", "polroles"];
/// Those of `pg_index` and `pg_constraint`, which have no rows.
const OF_NO_ROWS: [&str; 5] = ["indkey", "indclass", "indoption", "conkey", "confkey"];

static NO_TEXTS: LazyLock<Option<Expr>> = LazyLock::new(|| expression("array_remove(make_array(''), '')"));
static NO_NUMBER: LazyLock<Option<Expr>> = LazyLock::new(|| expression("CAST(NULL AS INT)"));

fn expression(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {})
        .try_with_sql(sql)
        .ok()?
        .parse_expr()
        .ok()
}

/// The statement in words that the planner takes.
pub(super) fn understood(mut statement: Statement) -> Statement {
    if is_about_the_catalogue(&statement) {
        replace(&mut statement);
    }
    tell_apart(&mut statement);
    statement
}

/// Does it read the catalogue, and nothing else? A query over facts is never touched.
fn is_about_the_catalogue(statement: &impl Visit) -> bool {
    let (mut any, mut only) = (false, true);
    let _ = visit_relations(statement, |relation| {
        let name = relation.to_string();
        // The argument of `unnest` and the like stands where a table could.
        let own = name.starts_with("pg_catalog.") || name.starts_with("pg_");
        (any, only) = (
            any || own,
            only && (own || name.ends_with("unnest") || name.contains('(')),
        );
        ControlFlow::<()>::Continue(())
    });
    any && only
}

fn replace(statement: &mut impl VisitMut) {
    let _ = visit_expressions_mut(statement, |expr| {
        let by = match &*expr {
            Expr::CompoundIdentifier(parts) => {
                let last = parts
                    .last()
                    .map(|part| part.value.to_lowercase())
                    .unwrap_or_default();
                ABSENT.contains(&last.as_str()).then_some(&NO_TEXTS)
            }
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                let arguments = function.args.to_string();
                let of_no_rows = OF_NO_ROWS.iter().any(|column| arguments.contains(column));
                match (name.rsplit('.').next().unwrap_or_default(), &function.args) {
                    ("array", FunctionArguments::Subquery(_)) => Some(&NO_TEXTS),
                    ("unnest" | "generate_subscripts", _) if of_no_rows => Some(&NO_NUMBER),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(Some(by)) = by.map(|by| by.as_ref()) {
            *expr = by.clone();
        }
        ControlFlow::<()>::Continue(())
    });
}

/// PostgreSQL lets columns of an answer share a name; the planner does not, and calls a cast by what it casts.
fn tell_apart(statement: &mut Statement) {
    let Statement::Query(query) = statement else {
        return;
    };
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    let mut names = BTreeSet::new();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        let mut inner = &*expr;
        while let Expr::Cast { expr, .. } | Expr::Nested(expr) = inner {
            inner = expr;
        }
        if names.insert(inner.to_string()) {
            continue;
        }
        let told = expr.to_string();
        let mut alias = told.clone();
        let mut count = 1;
        while !names.insert(alias.clone()) {
            count += 1;
            alias = format!("{told} {count}");
        }
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: Ident::with_quote('"', alias),
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(sql: &str) -> String {
        let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
        understood(statement).to_string()
    }

    #[test]
    fn only_the_catalogue_is_touched() {
        let facts = "SELECT array(SELECT a FROM charges) FROM pg_catalog.pg_class JOIN charges ON true";
        assert!(said(facts).contains("charges) FROM"), "{}", said(facts));
        let roles = "SELECT ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m) AS memberof FROM pg_catalog.pg_roles r";
        assert!(said(roles).contains("array_remove"), "{}", said(roles));
        let keys = "SELECT unnest(pg_catalog.pg_index.indkey) AS n FROM pg_catalog.pg_index";
        assert!(said(keys).contains("CAST(NULL AS INT)"), "{}", said(keys));
    }

    #[test]
    fn columns_of_one_name_are_told_apart() {
        assert_eq!(said("SELECT a, b FROM t"), "SELECT a, b FROM t");
        assert_eq!(
            said("SELECT a, CAST(a AS DATE), NULL, NULL FROM t"),
            "SELECT a, CAST(a AS DATE) AS \"CAST(a AS DATE)\", NULL, NULL AS \"NULL 2\" FROM t"
        );
    }
}
