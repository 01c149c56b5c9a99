//! SQL expressions of mapping files. They see the values of the file's `[let.…]` section and nothing
//! else: no table, no other row, no clock, no chance.

use super::column::Column;
use crate::base::sql::parsable;
use crate::base::{Context, Error, Result};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::sync::{Arc, LazyLock};

/// Knows functions and operators; no table is ever registered in it.
static PLANNER: LazyLock<SessionContext> = LazyLock::new(|| {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    SessionContext::new_with_config(config)
});

/// What an expression can refer to.
#[derive(Debug)]
pub(super) struct Environment {
    arrow: SchemaRef,
    schema: DFSchema,
}

impl Environment {
    pub(super) fn new<'a>(lets: impl Iterator<Item = &'a Column>) -> Result<Environment> {
        let fields: Vec<Field> = lets.map(|l| Field::new(&l.name, l.ty.arrow(), true)).collect();
        let arrow = Arc::new(Schema::new(fields));
        let schema = DFSchema::try_from(Arc::clone(&arrow))?;
        Ok(Environment { arrow, schema })
    }

    pub(super) fn plan(&self, sql: &str) -> Result<Arc<dyn PhysicalExpr>> {
        let known = || {
            let names: Vec<_> = self.arrow.fields().iter().map(|f| f.name().as_str()).collect();
            format!("expression '{sql}' over {}", names.join(", "))
        };
        parsable(sql)?;
        let expr = PLANNER.parse_sql_expr(sql, &self.schema).with_context(known)?;
        let mut unsteady = None;
        expr.apply(|e| {
            match e {
                Expr::ScalarFunction(f) if f.func.signature().volatility != Volatility::Immutable => {
                    unsteady = Some(f.func.name().to_owned());
                }
                Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
                    unsteady = Some("a subquery".to_owned());
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if let Some(what) = unsteady {
            return Err(Error::config(format!(
                "an expression must depend on its row only, not on {what}"
            )));
        }
        // Some functions (coalesce) exist in plans only until they are simplified.
        let simplify = SimplifyContext::builder()
            .with_schema(Arc::new(self.schema.clone()))
            .build();
        let simplifier = ExprSimplifier::new(simplify);
        let expr = simplifier
            .coerce(expr, &self.schema)
            .and_then(|e| simplifier.simplify(e))
            .with_context(known)?;
        PLANNER
            .create_physical_expr(expr, &self.schema)
            .with_context(known)
    }

    /// An expression that holds or does not.
    pub(super) fn condition(&self, sql: &str) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = self.plan(sql)?;
        match expr.data_type(&self.arrow)? {
            DataType::Boolean => Ok(expr),
            other => Err(Error::config(format!(
                "'{sql}' is neither true nor false, but {other}"
            ))),
        }
    }

    pub(super) fn batch(&self, values: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.arrow),
            values,
            &options,
        )?)
    }
}
