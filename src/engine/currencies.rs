//! Amounts of different currencies are never added, in nobody's query.
//!
//! Follows, through the plan of somebody else's query, which columns are money and which column names
//! the currency of each. Around a sum whose groups may hold more than one currency it puts a check that
//! fails when two meet; where the query has dropped the currency, one look at the table decides. Amounts
//! of one currency pass as they are. Our own SQL says itself how it treats currencies and is not
//! followed: tables and views are where this begins, and what their money is stands in `TABLES` and in
//! `money:` lines of the views.

use super::query_error;
use super::udf::{OneCurrency, would_add};
use crate::asset::Assets;
use crate::base::{Error, Result};
use arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::Result as PlanResult;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, ScalarFunction, WindowFunction,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Projection, ScalarUDF,
    SubqueryAlias, Window, WindowFunctionDefinition, lit, when,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Money columns of the canonical tables, and the column that names their currency.
const TABLES: &[(&[&str], &str, &[&str])] = &[
    (
        &["charges", "charge_rules"],
        "billing_currency",
        &[
            "billed_cost",
            "effective_cost",
            "list_cost",
            "contracted_cost",
            "list_unit_price",
            "contracted_unit_price",
        ],
    ),
    (
        &["charges", "charge_rules"],
        "pricing_currency",
        &[
            "pricing_currency_effective_cost",
            "pricing_currency_list_unit_price",
            "pricing_currency_contracted_unit_price",
        ],
    ),
    (
        &["requests", "request_names"],
        "gateway_currency",
        &["gateway_cost"],
    ),
    (
        &["prices"],
        "currency",
        &[
            "input_cost_per_token",
            "output_cost_per_token",
            "cache_read_input_token_cost",
            "cache_creation_input_token_cost",
        ],
    ),
    (&["budgets"], "currency", &["amount"]),
];

/// Metadata of a column that holds money: which column of the same rows names its currency. For rows that
/// are no table and no view.
pub const CURRENCY_OF: &str = "spendscope.currency_column";

/// Columns that turn an amount into one currency.
const RATES: [&str; 3] = ["fx_rate", "reporting_rate", "rate"];

/// Aggregates that add nothing up.
const SAFE: [&str; 14] = [
    "min",
    "max",
    "count",
    "first_value",
    "last_value",
    "nth_value",
    "array_agg",
    "string_agg",
    "approx_distinct",
    "bool_and",
    "bool_or",
    "grouping",
    "bit_xor",
    "any_value",
];

/// Functions of an amount that give an amount.
const KEEPING: [&str; 12] = [
    "coalesce",
    "nvl",
    "ifnull",
    "nullif",
    "abs",
    "round",
    "trunc",
    "ceil",
    "floor",
    "greatest",
    "least",
    "apportion",
];

/// What the tables and views say of their money.
#[derive(Debug, Default)]
pub(super) struct Currencies {
    tables: BTreeMap<String, Money>,
}

/// Qualifies the name that the plan of a view has inside of the names that queries give it. A query may call anything
/// `ledger`, but its names for what it reads are never qualified.
const VIEW: &str = "view";

/// The plan of a view, which tells whose it is wherever it is planned into another one.
pub(super) fn of_view(name: &str, plan: LogicalPlan) -> Result<LogicalPlan> {
    let named = LogicalPlanBuilder::from(plan).alias(TableReference::partial(VIEW, name));
    named.and_then(LogicalPlanBuilder::build).map_err(query_error)
}

/// `a, b` → a and b.
fn list(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).collect()
}

#[derive(Debug, Default)]
struct Money {
    /// Money column → column of its currency.
    amounts: BTreeMap<String, String>,
    /// Column that names a currency → the name that `amounts` uses for it.
    codes: BTreeMap<String, String>,
}

impl Currencies {
    pub(super) fn of(assets: &Assets) -> Result<Currencies> {
        let mut all = Currencies::default();
        for (tables, code, amounts) in TABLES {
            for table in *tables {
                all.add(table, &[code], amounts);
            }
        }
        for view in assets.under("views/").filter(|a| a.path.ends_with(".sql")) {
            let comment = crate::asset::header::split(&view.text).map_or("", |(comment, _)| comment);
            for line in comment
                .lines()
                .filter_map(|l| l.trim_start().strip_prefix("money: "))
            {
                let Some((amounts, codes)) = line.split_once(" in ") else {
                    return Err(Error::config(format!("queries/{}: money: {line}", view.path))
                        .advise("write `money: COLUMN, … in CURRENCY_COLUMN, …` in one line"));
                };
                all.add(view.name(), &list(codes), &list(amounts));
            }
        }
        Ok(all)
    }

    /// All of `codes` name the same currency.
    fn add(&mut self, table: &str, codes: &[&str], amounts: &[&str]) {
        let Some(code) = codes.first() else { return };
        let money = self.tables.entry(table.to_owned()).or_default();
        for amount in amounts {
            money.amounts.insert((*amount).to_owned(), (*code).to_owned());
        }
        for other in codes {
            money.codes.insert((*other).to_owned(), (*code).to_owned());
        }
    }

    /// The plan with its checks, or why it is refused.
    pub(super) async fn guard(&self, context: &SessionContext, plan: LogicalPlan) -> Result<LogicalPlan> {
        let mut guard = Guard {
            currencies: self,
            leaves: 0,
            changes: 0,
            looks: BTreeSet::new(),
        };
        let (plan, _) = guard.follow(plan).map_err(query_error)?;
        for (table, column) in guard.looks {
            if table.ends_with("()") {
                return Err(Error::query(format!(
                    "amounts of {table} would be added without their currency"
                ))
                .advise(format!(
                    "keep its column '{column}' beside the amount, or group by it"
                )));
            }
            let sql = format!("SELECT min(\"{column}\") AS low, max(\"{column}\") AS high FROM \"{table}\"");
            let found = context.sql(&sql).await.map_err(query_error)?;
            let batches = found.collect().await.map_err(query_error)?;
            for batch in batches {
                let frame = crate::frame::Frame::guess(batch);
                for row in 0..frame.rows() {
                    if let (Some(low), Some(high)) = (frame.text("low", row)?, frame.text("high", row)?)
                        && low != high
                    {
                        return Err(query_error(would_add(&low, &high, &column)));
                    }
                }
            }
        }
        Ok(plan)
    }
}

/// The currency of an amount: what a column says, or a code that the query has fixed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Currency {
    Column {
        /// Two mentions of one table are two.
        leaf: usize,
        table: String,
        column: String,
    },
    Fixed(String),
}

/// What a column of a plan holds.
#[derive(Debug, Clone, PartialEq)]
enum Holds {
    Other,
    Rate,
    Money(BTreeSet<Currency>),
    Code(BTreeSet<Currency>),
}

impl Holds {
    fn money(&self) -> BTreeSet<Currency> {
        match self {
            Holds::Money(set) => set.clone(),
            _ => BTreeSet::new(),
        }
    }

    fn either(self, other: Holds) -> Holds {
        match (self, other) {
            (Holds::Money(mut a), Holds::Money(b)) => {
                a.extend(b);
                Holds::Money(a)
            }
            (Holds::Money(a), _) | (_, Holds::Money(a)) => Holds::Money(a),
            (Holds::Code(mut a), Holds::Code(b)) => {
                a.extend(b);
                Holds::Code(a)
            }
            (Holds::Code(a), _) | (_, Holds::Code(a)) => Holds::Code(a),
            (Holds::Rate, Holds::Rate) => Holds::Rate,
            _ => Holds::Other,
        }
    }
}

struct Guard<'a> {
    currencies: &'a Currencies,
    leaves: usize,
    changes: usize,
    /// Tables of which one look must say that they hold one currency.
    looks: BTreeSet<(String, String)>,
}

/// The rows that an expression reads.
struct Rows<'a> {
    schema: &'a DFSchema,
    holds: &'a [Holds],
}

impl Rows<'_> {
    fn of(&self, expr: &Expr) -> Holds {
        match expr {
            Expr::Column(column) => self
                .schema
                .maybe_index_of_column(column)
                .and_then(|at| self.holds.get(at).cloned())
                .unwrap_or(Holds::Other),
            Expr::Alias(alias) => self.of(&alias.expr),
            Expr::Cast(cast) => self.of(&cast.expr),
            Expr::TryCast(cast) => self.of(&cast.expr),
            Expr::Negative(inner) => self.of(inner),
            Expr::Case(case) => {
                let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
                let branches: Vec<Holds> = branches
                    .chain(case.else_expr.as_deref())
                    .map(|e| self.of(e))
                    .collect();
                // A rate that stands in for a missing one converts nothing.
                if branches.contains(&Holds::Rate) {
                    return Holds::Other;
                }
                branches.into_iter().fold(Holds::Other, Holds::either)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (op, self.of(left), self.of(right)) {
                (Operator::Plus | Operator::Minus, a @ Holds::Money(_), b)
                | (Operator::Plus | Operator::Minus, a, b @ Holds::Money(_)) => a.either(b),
                (Operator::Multiply, Holds::Money(_), Holds::Rate | Holds::Money(_))
                | (Operator::Multiply, Holds::Rate, Holds::Money(_)) => Holds::Other,
                (Operator::Multiply, Holds::Money(a), _) | (Operator::Multiply, _, Holds::Money(a)) => {
                    Holds::Money(a)
                }
                (Operator::Divide, Holds::Money(_), Holds::Money(_)) => Holds::Other,
                (Operator::Divide, Holds::Money(a), _) => Holds::Money(a),
                _ => Holds::Other,
            },
            Expr::ScalarFunction(call) => {
                let name = call.func.name();
                let args: Vec<Holds> = call.args.iter().map(|arg| self.of(arg)).collect();
                if name == "money_mul" {
                    return match args.as_slice() {
                        [Holds::Money(_), Holds::Rate] | [Holds::Rate, Holds::Money(_)] => Holds::Other,
                        _ => args.into_iter().fold(Holds::Other, Holds::either),
                    };
                }
                if name == "ratio" {
                    return match args.as_slice() {
                        [Holds::Money(_), Holds::Money(_)] => Holds::Other,
                        [amount @ Holds::Money(_), _] => amount.clone(),
                        _ => Holds::Other,
                    };
                }
                // Converted into one currency, unless that differs from row to row.
                if name == "fx" && call.args.get(2).is_some_and(|to| to.any_column_refs()) {
                    return args.into_iter().next().unwrap_or(Holds::Other);
                }
                match KEEPING.contains(&name) && !args.contains(&Holds::Rate) {
                    true => args.into_iter().fold(Holds::Other, Holds::either),
                    false => Holds::Other,
                }
            }
            _ => Holds::Other,
        }
    }

    /// The column that says which currency it is, if it is still there.
    fn code(&self, currency: &Currency) -> Option<Expr> {
        let at = self
            .holds
            .iter()
            .position(|h| matches!(h, Holds::Code(set) if set.contains(currency)))?;
        Some(Expr::Column(Column::from(self.schema.qualified_field(at))))
    }
}

/// The money that an aggregate would add up.
fn added(rows: &Rows<'_>, name: &str, args: &[Expr]) -> BTreeSet<Currency> {
    if SAFE.contains(&name) {
        return BTreeSet::new();
    }
    let holds: Vec<Holds> = args.iter().map(|arg| rows.of(arg)).collect();
    if name.starts_with("sum_product") && holds.contains(&Holds::Rate) {
        return BTreeSet::new();
    }
    holds.iter().flat_map(Holds::money).collect()
}

/// Two codes that the query itself has fixed.
fn refuse_fixed(money: &BTreeSet<Currency>) -> PlanResult<()> {
    let mut fixed = money.iter().filter_map(|c| match c {
        Currency::Fixed(code) => Some(code),
        Currency::Column { .. } => None,
    });
    match (fixed.next(), fixed.next()) {
        (Some(a), Some(b)) => Err(would_add(a, b, "currency")),
        _ => Ok(()),
    }
}

fn checked(value: Expr, low: Expr, high: Expr, column: &str) -> Expr {
    let check = Arc::new(ScalarUDF::from(OneCurrency::default()));
    Expr::ScalarFunction(ScalarFunction::new_udf(
        check,
        vec![value, low, high, lit(column)],
    ))
}

impl Guard<'_> {
    fn follow(&mut self, plan: LogicalPlan) -> PlanResult<(LogicalPlan, Vec<Holds>)> {
        match &plan {
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {
                let nothing = vec![Holds::Other; plan.schema().fields().len()];
                return Ok((plan, nothing));
            }
            LogicalPlan::TableScan(scan) => {
                let holds = self.leaf(scan.table_name.table(), plan.schema());
                return Ok((plan, holds));
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { alias, .. }) if alias.schema() == Some(VIEW) => {
                let holds = self.leaf(alias.table(), plan.schema());
                return Ok((plan, holds));
            }
            _ => {}
        }
        let before = self.changes;
        let plan = plan
            .map_subqueries(|inner| Ok(Transformed::yes(self.follow(inner)?.0)))?
            .data;
        let mut inputs = Vec::new();
        let mut held = Vec::new();
        for input in plan.inputs() {
            let (input, holds) = self.follow(input.clone())?;
            inputs.push(input);
            held.push(holds);
        }
        let plan = match self.changes == before {
            true => plan,
            false => plan.with_new_exprs(plan.expressions(), inputs)?,
        };
        self.node(plan, held)
    }

    fn leaf(&mut self, table: &str, schema: &DFSchema) -> Vec<Holds> {
        self.leaves += 1;
        let money = self.currencies.tables.get(table);
        let said = |field: &Field| field.metadata().get(CURRENCY_OF).cloned();
        let codes: BTreeSet<String> = schema.fields().iter().filter_map(|f| said(f)).collect();
        let currency = |column: &String| {
            BTreeSet::from([Currency::Column {
                leaf: self.leaves,
                table: table.to_owned(),
                column: column.clone(),
            }])
        };
        schema
            .fields()
            .iter()
            .map(|field| {
                let name = field.name();
                let amount = money
                    .and_then(|m| m.amounts.get(name).cloned())
                    .or_else(|| said(field))
                    .map(|c| Holds::Money(currency(&c)));
                let code = money
                    .and_then(|m| m.codes.get(name))
                    .or_else(|| codes.get(name))
                    .map(|c| Holds::Code(currency(c)));
                let rate = RATES.contains(&name.as_str()).then_some(Holds::Rate);
                amount.or(code).or(rate).unwrap_or(Holds::Other)
            })
            .collect()
    }

    fn node(
        &mut self,
        plan: LogicalPlan,
        mut held: Vec<Vec<Holds>>,
    ) -> PlanResult<(LogicalPlan, Vec<Holds>)> {
        match plan {
            LogicalPlan::Projection(node) => self.projection(node, &held[0]),
            LogicalPlan::Aggregate(node) => self.aggregate(node, &held[0]),
            LogicalPlan::Window(node) => self.window(node, &held[0]),
            LogicalPlan::Filter(ref node) => {
                let mut holds = held.swap_remove(0);
                for part in split_conjunction(&node.predicate) {
                    fix(part, node.input.schema(), &mut holds);
                }
                Ok((plan, holds))
            }
            LogicalPlan::Union(_) => {
                let width = plan.schema().fields().len();
                let mut holds = held.pop().unwrap_or_default();
                holds.resize(width, Holds::Other);
                for other in held {
                    holds = holds.into_iter().zip(other).map(|(a, b)| a.either(b)).collect();
                }
                Ok((plan, holds))
            }
            LogicalPlan::Join(ref join) => {
                let mut holds = Vec::new();
                let width = plan.schema().fields().len();
                for (input, part) in [&join.left, &join.right].into_iter().zip(held) {
                    // A semi or anti join shows one side only.
                    if input.schema().fields().len() == part.len() && holds.len() + part.len() <= width {
                        let shown = plan.schema().fields().get(holds.len());
                        if shown.map(|f| f.name()) == input.schema().fields().first().map(|f| f.name()) {
                            holds.extend(part);
                        }
                    }
                }
                holds.resize(width, Holds::Other);
                Ok((plan, holds))
            }
            other => {
                let width = other.schema().fields().len();
                let holds = match held.len() {
                    1 if held[0].len() == width => held.swap_remove(0),
                    _ => vec![Holds::Other; width],
                };
                Ok((other, holds))
            }
        }
    }

    /// `a + b` of two currencies is checked row by row.
    fn projection(&mut self, node: Projection, holds: &[Holds]) -> PlanResult<(LogicalPlan, Vec<Holds>)> {
        let rows = Rows {
            schema: node.input.schema(),
            holds,
        };
        let held = node.expr.iter().map(|expr| rows.of(expr)).collect();
        let names = NamePreserver::new_for_projection();
        let mut changed = false;
        let mut exprs = Vec::with_capacity(node.expr.len());
        for expr in &node.expr {
            let name = names.save(expr);
            let checked = expr.clone().transform_up(|part| sum_of_two(&rows, part))?;
            changed |= checked.transformed;
            exprs.push(name.restore(checked.data));
        }
        if !changed {
            return Ok((LogicalPlan::Projection(node), held));
        }
        self.changes += 1;
        Ok((
            LogicalPlan::Projection(Projection::try_new(exprs, node.input)?),
            held,
        ))
    }

    /// Currencies of the money that no key of the group tells apart, each with its column.
    fn apart(
        &mut self,
        rows: &Rows<'_>,
        money: &BTreeSet<Currency>,
        told: &BTreeSet<Currency>,
    ) -> PlanResult<Vec<(Expr, String)>> {
        refuse_fixed(money)?;
        let mut codes = Vec::new();
        for currency in money.difference(told) {
            let Currency::Column { table, column, .. } = currency else {
                continue;
            };
            match rows.code(currency) {
                Some(code) => codes.push((code, column.clone())),
                None => {
                    self.looks.insert((table.clone(), column.clone()));
                }
            }
        }
        Ok(codes)
    }

    fn aggregate(&mut self, node: Aggregate, holds: &[Holds]) -> PlanResult<(LogicalPlan, Vec<Holds>)> {
        let input = Arc::clone(&node.input);
        let rows = Rows {
            schema: input.schema(),
            holds,
        };
        let told: BTreeSet<Currency> = node
            .group_expr
            .iter()
            .flat_map(|key| codes_of(&rows, key))
            .collect();
        let keys = node.schema.fields().len() - node.aggr_expr.len();
        let mut held: Vec<Holds> = match node.group_expr.len() == keys {
            true => node.group_expr.iter().map(|key| rows.of(key)).collect(),
            false => vec![Holds::Other; keys],
        };
        let mut extra = Vec::new();
        let mut checks: BTreeMap<usize, Vec<(String, String, String)>> = BTreeMap::new();
        for (at, expr) in node.aggr_expr.iter().enumerate() {
            let Expr::AggregateFunction(call) = unaliased(expr) else {
                held.push(Holds::Other);
                continue;
            };
            let args = &call.params.args;
            let money = added(&rows, call.func.name(), args);
            let kept = match (call.func.name(), args.first()) {
                ("min" | "max" | "first_value" | "last_value", Some(arg)) => rows.of(arg),
                _ if money.is_empty() => Holds::Other,
                _ => Holds::Money(money.clone()),
            };
            held.push(kept);
            for (code, column) in self.apart(&rows, &money, &told)? {
                let counted = counted(&rows, args, code)?;
                let (low, high) = (
                    format!("__low_{}", extra.len()),
                    format!("__high_{}", extra.len()),
                );
                for (name, func) in [(&low, min_udaf()), (&high, max_udaf())] {
                    let call = Expr::AggregateFunction(AggregateFunction {
                        func,
                        params: AggregateFunctionParams {
                            args: vec![counted.clone()],
                            distinct: false,
                            filter: call.params.filter.clone(),
                            order_by: Vec::new(),
                            null_treatment: None,
                        },
                    });
                    extra.push(call.alias(name.clone()));
                }
                checks.entry(keys + at).or_default().push((low, high, column));
            }
        }
        if checks.is_empty() {
            return Ok((LogicalPlan::Aggregate(node), held));
        }
        let exprs = with_checks(&node.schema, &checks);
        let aggr_expr = node.aggr_expr.into_iter().chain(extra).collect();
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(node.input, node.group_expr, aggr_expr)?);
        self.changes += 1;
        Ok((
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?),
            held,
        ))
    }

    fn window(&mut self, node: Window, holds: &[Holds]) -> PlanResult<(LogicalPlan, Vec<Holds>)> {
        let input = Arc::clone(&node.input);
        let rows = Rows {
            schema: input.schema(),
            holds,
        };
        let mut held = holds.to_vec();
        let mut extra = Vec::new();
        let mut checks: BTreeMap<usize, Vec<(String, String, String)>> = BTreeMap::new();
        for (at, expr) in node.window_expr.iter().enumerate() {
            let Expr::WindowFunction(call) = unaliased(expr) else {
                held.push(Holds::Other);
                continue;
            };
            let args = &call.params.args;
            let WindowFunctionDefinition::AggregateUDF(func) = &call.fun else {
                // lag, first_value and their like hand an amount on.
                held.push(args.first().map_or(Holds::Other, |arg| rows.of(arg)));
                continue;
            };
            let money = added(&rows, func.name(), args);
            held.push(match money.is_empty() {
                true => Holds::Other,
                false => Holds::Money(money.clone()),
            });
            let told = call
                .params
                .partition_by
                .iter()
                .flat_map(|key| codes_of(&rows, key))
                .collect();
            for (code, column) in self.apart(&rows, &money, &told)? {
                let counted = counted(&rows, args, code)?;
                let (low, high) = (
                    format!("__low_{}", extra.len()),
                    format!("__high_{}", extra.len()),
                );
                for (name, func) in [(&low, min_udaf()), (&high, max_udaf())] {
                    let mut params = call.params.clone();
                    params.args = vec![counted.clone()];
                    params.distinct = false;
                    let fun = WindowFunctionDefinition::AggregateUDF(func);
                    let call = Expr::WindowFunction(Box::new(WindowFunction { fun, params }));
                    extra.push(call.alias(name.clone()));
                }
                checks
                    .entry(holds.len() + at)
                    .or_default()
                    .push((low, high, column));
            }
        }
        if checks.is_empty() {
            return Ok((LogicalPlan::Window(node), held));
        }
        let exprs = with_checks(&node.schema, &checks);
        let window_expr = node.window_expr.into_iter().chain(extra).collect();
        let plan = LogicalPlan::Window(Window::try_new(window_expr, node.input)?);
        self.changes += 1;
        Ok((
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?),
            held,
        ))
    }
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// Currencies that a key of a group tells apart.
fn codes_of(rows: &Rows<'_>, key: &Expr) -> BTreeSet<Currency> {
    match rows.of(key) {
        Holds::Code(set) => set,
        _ => BTreeSet::new(),
    }
}

/// The currency of those rows that are added up.
fn counted(rows: &Rows<'_>, args: &[Expr], code: Expr) -> PlanResult<Expr> {
    match args.iter().find(|arg| matches!(rows.of(arg), Holds::Money(_))) {
        Some(amount) => when(amount.clone().is_not_null(), code).end(),
        None => Ok(code),
    }
}

/// The columns of a node as they were, the sums among them behind their checks.
fn with_checks(schema: &DFSchema, checks: &BTreeMap<usize, Vec<(String, String, String)>>) -> Vec<Expr> {
    let by_name = |name: &String| Expr::Column(Column::new_unqualified(name.clone()));
    schema
        .iter()
        .enumerate()
        .map(|(at, (qualifier, field))| {
            let mut value = Expr::Column(Column::from((qualifier, field)));
            let Some(checks) = checks.get(&at) else {
                return value;
            };
            for (low, high, column) in checks {
                value = checked(value, by_name(low), by_name(high), column);
            }
            match qualifier {
                Some(qualifier) => value.alias_qualified(Some(qualifier.clone()), field.name()),
                None => value.alias(field.name()),
            }
        })
        .collect()
}

/// `WHERE billing_currency = 'USD'` leaves one currency.
fn fix(part: &Expr, schema: &DFSchema, holds: &mut [Holds]) {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = part
    else {
        return;
    };
    let (code, literal) = match (left.as_ref(), right.as_ref()) {
        (Expr::Literal(literal, _), code) | (code, Expr::Literal(literal, _)) => (code, literal),
        _ => return,
    };
    let (ScalarValue::Utf8(Some(text))
    | ScalarValue::Utf8View(Some(text))
    | ScalarValue::LargeUtf8(Some(text))) = literal
    else {
        return;
    };
    let Holds::Code(set) = (Rows { schema, holds }).of(code) else {
        return;
    };
    // A column that comes from several tables says which of them a row is from, too.
    let [currency] = set.iter().collect::<Vec<_>>()[..] else {
        return;
    };
    let currency = currency.clone();
    for held in holds {
        if let Holds::Money(set) | Holds::Code(set) = held
            && set.remove(&currency)
        {
            set.insert(Currency::Fixed(text.clone()));
        }
    }
}

/// Puts a check around a sum or difference of two amounts whose currencies need not be one.
fn sum_of_two(rows: &Rows<'_>, part: Expr) -> PlanResult<Transformed<Expr>> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Plus | Operator::Minus,
        right,
    }) = &part
    else {
        return Ok(Transformed::no(part));
    };
    let (a, b) = (rows.of(left).money(), rows.of(right).money());
    if a.is_empty() || b.is_empty() || a.intersection(&b).next().is_some() {
        return Ok(Transformed::no(part));
    }
    refuse_fixed(&a.union(&b).cloned().collect())?;
    let found = (
        a.iter().find_map(|c| rows.code(c)),
        b.iter().find_map(|c| rows.code(c)),
    );
    let (Some(low), Some(high)) = found else {
        return Ok(Transformed::no(part));
    };
    let column = match &low {
        Expr::Column(column) => column.name.clone(),
        _ => "currency".to_owned(),
    };
    Ok(Transformed::yes(checked(part, low, high, &column)))
}
