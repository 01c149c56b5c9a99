//! Operators that plain planning would get wrong, or not know: `/` of decimals, `->>`.
//!
//! A decimal has 18 places here, so that SQL's own division of two of them runs out of digits, and
//! one by zero ends a query. `a / b` is `ratio(a, b)`: rounded half to even, NULL for zero.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Operators {
    pub(super) ratio: Arc<ScalarUDF>,
    pub(super) json_extract_string: Arc<ScalarUDF>,
}

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let function = match expr.op {
            BinaryOperator::Divide if divides_decimals(&expr, schema) => &self.ratio,
            BinaryOperator::LongArrow => &self.json_extract_string,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let call = ScalarFunction::new_udf(Arc::clone(function), vec![expr.left, expr.right]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

/// Decimals, or a decimal and a whole number.
fn divides_decimals(expr: &RawBinaryExpr, schema: &DFSchema) -> bool {
    let types = [&expr.left, &expr.right].map(|side| side.get_type(schema));
    let is_decimal = |ty: &DataType| matches!(ty, DataType::Decimal128(..));
    match types {
        [Ok(left), Ok(right)] => {
            let fits = |ty: &DataType| is_decimal(ty) || ty.is_integer();
            fits(&left) && fits(&right) && (is_decimal(&left) || is_decimal(&right))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::udf::testing::query;

    #[test]
    fn decimals_are_divided_exactly_and_by_zero_into_null() {
        assert_eq!(
            query("SELECT CAST(2 AS DECIMAL(38, 18)) / CAST(3 AS DECIMAL(38, 18))"),
            ["0.666666666666666667"]
        );
        assert_eq!(query("SELECT 1.5 / 0"), ["NULL"]);
        assert_eq!(query("SELECT 1 / 2.0"), ["0.500000000000000000"]);
        // Whole numbers are divided as everywhere in SQL.
        assert_eq!(query("SELECT 7 / 2"), ["3"]);
        assert_eq!(query("SELECT 1e0 / CAST(4 AS DOUBLE)"), ["0.25"]);
    }

    #[test]
    fn an_arrow_takes_a_value_out_of_json_and_maps() {
        assert_eq!(
            query("SELECT MAP {'team': 'search'} ->> 'team' = 'search'"),
            ["true"]
        );
        assert_eq!(query(r#"SELECT '{"a": {"b": 2}}' ->> '$.a.b'"#), ["2"]);
    }
}
