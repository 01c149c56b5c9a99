//! `lead(x) IGNORE NULLS` and its like in plans that travel. DataFusion writes such a function down without those
//! words, and the other side would count NULLs in. So what travels is a function that ignores them by itself. The
//! FILTER of a window function is lost in the same way, and refused.

use crate::base::Error;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::plan_err;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_window::all_default_window_functions;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Expr, LimitEffect, LogicalPlan, PartitionEvaluator, ReversedUDWF, Signature, WindowFunctionDefinition,
    WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;

/// What goes with the name of such a function.
const MARK: &[u8] = b"ignore nulls";

/// A window function without the NULLs of its argument, under its own name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Ignoring(Arc<WindowUDF>);

impl WindowUDFImpl for Ignoring {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        self.0.inner().expressions(args)
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        let args =
            PartitionEvaluatorArgs::new(args.input_exprs(), args.input_fields(), args.is_reversed(), true);
        self.0.inner().partition_evaluator(args)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        self.0.inner().field(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.inner().coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        ReversedUDWF::NotSupported
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.0.inner().limit_effect(args)
    }
}

/// The same plan with functions that ignore NULLs wherever they are told to.
pub(super) fn ignored(plan: LogicalPlan) -> Result<LogicalPlan> {
    let done =
        plan.transform_up_with_subqueries(|node| node.map_expressions(|expr| expr.transform_up(one)))?;
    Ok(done.data)
}

fn one(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::WindowFunction(mut window) = expr else {
        return Ok(Transformed::no(expr));
    };
    if window.params.filter.is_some() {
        return Err(filtered());
    }
    let told = window.params.null_treatment == Some(NullTreatment::IgnoreNulls);
    match &window.fun {
        WindowFunctionDefinition::WindowUDF(function) if told => {
            let function = WindowUDF::from(Ignoring(Arc::clone(function)));
            window.fun = WindowFunctionDefinition::WindowUDF(Arc::new(function));
            Ok(Transformed::yes(Expr::WindowFunction(window)))
        }
        _ => Ok(Transformed::no(Expr::WindowFunction(window))),
    }
}

/// A FILTER is not written down at all.
fn filtered() -> DataFusionError {
    let error = Error::query("a window function with FILTER cannot be sent to a cluster")
        .advise("write sum(CASE WHEN … THEN x END) OVER (…), or leave --cluster out");
    DataFusionError::External(Box::new(error))
}

/// What has to go with the name of a function.
pub(super) fn mark(function: &WindowUDF) -> &'static [u8] {
    match function.inner().is::<Ignoring>() {
        true => MARK,
        false => &[],
    }
}

/// The function that was written down.
pub(super) fn function(name: &str, mark: &[u8]) -> Result<Arc<WindowUDF>> {
    let known = all_default_window_functions()
        .into_iter()
        .find(|f| f.name() == name);
    match known {
        Some(known) if mark == MARK => Ok(Arc::new(WindowUDF::from(Ignoring(known)))),
        Some(known) if mark.is_empty() => Ok(known),
        _ => plan_err!(
            "there is no window function {name} on this side: run one version of spendscope everywhere"
        ),
    }
}
