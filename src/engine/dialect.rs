//! What other people's SQL may say that plain planning would not take: column names of mixed case
//! without quotes (`BilledCost`), `?` for a parameter, arguments by name (`by => 'team'`), arrows before
//! comparisons (`tags ->> 'team' = 'search'`).
//!
//! Works on the statement as it was parsed, before it is planned. Names that are lower case in their
//! table, names in quotes, and statements that read no table of mixed case stay as they are.

mod arrows;
mod names;

use super::query_error;
use crate::base::{Error, Result};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Statement as Sql, TableFactor, Value, ValueWithSpan, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use names::Names;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

/// The statement as the planner understands it.
pub(super) async fn prepare(context: &SessionContext, mut statement: Statement) -> Result<Statement> {
    let names = Names::of(context, &statement).await?;
    let Some(sql) = query_of(&mut statement) else {
        return Ok(statement);
    };
    let mut arguments = Arguments::default();
    let _ = sql.visit(&mut arguments);
    if let Some(wrong) = arguments.wrong {
        return Err(wrong);
    }
    number(sql)?;
    let _ = sql.visit(&mut arrows::Arrows);
    names.resolve(sql);
    Ok(statement)
}

/// The SQL inside, under any number of EXPLAINs.
fn query_of(statement: &mut Statement) -> Option<&mut Sql> {
    match statement {
        Statement::Statement(sql) => Some(sql),
        Statement::Explain(explain) => query_of(&mut explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => None,
    }
}

/// `f(key => 'value')` of a table function becomes `f('key=value')`: the planner takes no names.
#[derive(Default)]
struct Arguments {
    wrong: Option<Error>,
}

impl VisitorMut for Arguments {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Table { args: Some(args), .. } = factor {
            for arg in &mut args.args {
                match by_name(arg) {
                    Ok(Some(text)) => {
                        let value = Value::SingleQuotedString(text).into();
                        *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)));
                    }
                    Ok(None) => {}
                    Err(wrong) => self.wrong = Some(wrong),
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What an argument by name says, as one text.
fn by_name(arg: &FunctionArg) -> Result<Option<String>> {
    let (name, arg) = match arg {
        FunctionArg::Named { name, arg, .. } => (name.value.clone(), arg),
        FunctionArg::ExprNamed { name, arg, .. } => (name.to_string(), arg),
        FunctionArg::Unnamed(_) => return Ok(None),
    };
    let said = match arg {
        FunctionArgExpr::Expr(Expr::Value(value)) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.to_string()),
            _ => None,
        },
        _ => None,
    };
    match said {
        Some(said) => Ok(Some(format!("{}={said}", name.to_lowercase()))),
        None => Err(
            Error::query(format!("argument '{name}' of a table function is no plain value"))
                .advise("write it as a text in quotes, or as a number"),
        ),
    }
}

/// `?` in the order in which they are written become `$1`, `$2`, ….
fn number(sql: &mut Sql) -> Result<()> {
    let mut marks = Marks::default();
    let _ = sql.visit(&mut marks);
    if marks.places.is_empty() {
        return Ok(());
    }
    if marks.numbered {
        return Err(Error::query("parameters are written as ? or as $1, not both"));
    }
    // A statement is not walked in the order of its text everywhere.
    for (at, number) in marks.places.values_mut().zip(1_usize..) {
        *at = number;
    }
    marks.writing = true;
    let _ = sql.visit(&mut marks);
    Ok(())
}

#[derive(Default)]
struct Marks {
    /// Where each `?` stands, and its number.
    places: BTreeMap<Location, usize>,
    numbered: bool,
    writing: bool,
}

impl VisitorMut for Marks {
    type Break = Infallible;

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<Infallible> {
        if let Value::Placeholder(name) = &mut value.value {
            match name.as_str() {
                "?" => {
                    let number = self.places.entry(value.span.start).or_default();
                    if self.writing {
                        *name = format!("${number}");
                    }
                }
                _ => self.numbered = true,
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use datafusion::sql::parser::DFParser;
    use std::sync::Arc;

    /// `focus` has BilledCost and Tags, `charges` has tags.
    async fn prepared(sql: &str) -> Result<String> {
        let context = SessionContext::new();
        let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        for (table, columns) in [
            ("focus", ["BilledCost", "Tags", "x_own"]),
            ("charges", ["cost", "tags", "x"]),
        ] {
            let columns = columns.map(|name| (name, Arc::clone(&one)));
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            context.register_batch(table, batch).unwrap();
        }
        let statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        let statement = prepare(&context, statement).await?;
        let text = statement.to_string();
        context
            .state()
            .statement_to_plan(statement)
            .await
            .map_err(query_error)?;
        Ok(text)
    }

    #[tokio::test]
    async fn names_are_found_in_any_case_where_a_table_has_them_so() {
        for (sql, expected) in [
            (
                "SELECT billedcost, BILLEDCOST AS x FROM focus ORDER BY BilledCost",
                "SELECT \"BilledCost\", \"BilledCost\" AS x FROM focus ORDER BY \"BilledCost\"",
            ),
            // Names in quotes, and our own, stay.
            (
                "SELECT \"BilledCost\", X_Own FROM focus",
                "SELECT \"BilledCost\", X_Own FROM focus",
            ),
            ("SELECT Tags FROM charges", "SELECT Tags FROM charges"),
            // Each side of a join has its own.
            (
                "SELECT f.tags, c.tags FROM focus AS f JOIN charges AS c ON f.billedcost = c.cost",
                "SELECT f.\"Tags\", c.tags FROM focus AS f JOIN charges AS c ON f.\"BilledCost\" = c.cost",
            ),
            // A subquery over another table keeps its names, and hands on what the outer query has.
            (
                "SELECT Tags FROM focus WHERE Tags IN (SELECT tags FROM charges)",
                "SELECT \"Tags\" FROM focus WHERE \"Tags\" IN (SELECT tags FROM charges)",
            ),
            (
                "SELECT Tags FROM focus WHERE EXISTS (SELECT 1 FROM charges WHERE cost = billedcost)",
                "SELECT \"Tags\" FROM focus WHERE EXISTS (SELECT 1 FROM charges WHERE cost = \"BilledCost\")",
            ),
            // Names go through CTEs and aliases.
            (
                "WITH a AS (SELECT BilledCost FROM focus) SELECT BilledCost FROM a",
                "WITH a AS (SELECT \"BilledCost\" FROM focus) SELECT \"BilledCost\" FROM a",
            ),
            (
                "SELECT MIN(BilledCost) AS BilledCost FROM focus GROUP BY Tags HAVING MIN(BilledCost) > 0",
                "SELECT MIN(\"BilledCost\") AS \"BilledCost\" FROM focus GROUP BY \"Tags\" HAVING MIN(\"BilledCost\") > 0",
            ),
            (
                "SELECT a.BilledCost FROM focus a JOIN focus b USING (BilledCost)",
                "SELECT a.\"BilledCost\" FROM focus a JOIN focus b USING(\"BilledCost\")",
            ),
            (
                "SELECT * EXCEPT (Tags) FROM focus",
                "SELECT * EXCEPT (\"Tags\") FROM focus",
            ),
        ] {
            assert_eq!(prepared(sql).await.unwrap(), expected);
        }
        assert!(prepared("SELECT \"billedcost\" FROM focus").await.is_err());
    }

    #[tokio::test]
    async fn question_marks_are_numbered_as_they_are_written() {
        assert_eq!(
            prepared("SELECT ? AS a, '?' AS b FROM focus WHERE BilledCost > ? LIMIT ?")
                .await
                .unwrap(),
            "SELECT $1 AS a, '?' AS b FROM focus WHERE \"BilledCost\" > $2 LIMIT $3"
        );
        let mixed = prepared("SELECT ?, $1 FROM focus").await.unwrap_err();
        assert!(mixed.to_string().contains("not both"), "{mixed}");
    }

    #[tokio::test]
    async fn arguments_by_name_become_texts() {
        for (sql, expected) in [
            ("SELECT * FROM f(by => 'team')", Some("by=team")),
            ("SELECT * FROM f(Low => 5)", Some("low=5")),
            ("SELECT * FROM f('by=team')", None),
        ] {
            let mut statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
            let _ = query_of(&mut statement).unwrap().visit(&mut Arguments::default());
            let text = statement.to_string();
            assert!(
                text.contains(&format!("f('{}')", expected.unwrap_or("by=team"))),
                "{text}"
            );
        }
        let context = SessionContext::new();
        let statement = DFParser::parse_sql("SELECT * FROM f(by => team)")
            .unwrap()
            .pop_front();
        let wrong = prepare(&context, statement.unwrap()).await.unwrap_err();
        assert!(wrong.to_string().contains("'by'"), "{wrong}");
    }
}
