//! The configuration's predicates and patterns, as two generated views.
//!
//! `charge_rules` is `charges` with what the user's rules say of each line; `request_names` is
//! `requests` with the names of the registry. Predicates are parsed as expressions over one charge
//! and put into the plan as such: no text of the user's is ever pasted into SQL.

use super::currencies;
use super::registry::Registry;
use super::scope_lists;
use super::{query_error, udf};
use crate::asset::Assets;
use crate::base::sql::parsable;
use crate::base::{Error, Result};
use arrow::datatypes::DataType;
use datafusion::catalog::view::ViewTable;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Case, Expr, ExprSchemable, col, lit, not};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) async fn create(context: &SessionContext, registry: &Registry, assets: &Assets) -> Result<()> {
    charge_rules(context, registry, assets).await?;
    request_names(context, registry).await?;
    slo_pools(context, registry).await
}

/// A predicate of the configuration over one row of a table.
fn predicate(rows: &DataFrame, key: &str, text: &str) -> Result<Expr> {
    let refuse = |why: String| {
        Error::config(format!("{key}: {why}")).advise(format!(
            "write one condition over a row, such as provider = 'OpenAI' AND service_name = 'OpenAI API'; it is: {text}"
        ))
    };
    parsable(text).map_err(|e| refuse(e.to_string()))?;
    let expr = rows
        .parse_sql_expr(text)
        .map_err(|e| refuse(query_error(e).to_string()))?;
    let mut odd = None;
    expr.apply(|part| {
        odd = match part {
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
                Some("a subquery")
            }
            Expr::AggregateFunction(_) | Expr::GroupingSet(_) => Some("an aggregate"),
            Expr::WindowFunction(_) => Some("a window function"),
            Expr::Placeholder(_) | Expr::ScalarVariable(..) => Some("a parameter"),
            Expr::Alias(_) => Some("an alias"),
            Expr::Unnest(_) => Some("unnest"),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Ok(TreeNodeRecursion::Stop)
    })
    .map_err(query_error)?;
    if let Some(odd) = odd {
        return Err(refuse(format!("{odd} is not allowed in a rule")));
    }
    if expr.is_volatile() {
        return Err(refuse("a rule must say the same every time".to_owned()));
    }
    // Planning it alone shows here, under its own key, what would fail later under a view's name.
    let alone = rows
        .clone()
        .filter(expr.clone())
        .and_then(DataFrame::into_optimized_plan);
    let of_type = expr.get_type(rows.schema()).map_err(query_error)?;
    match (of_type, alone) {
        (DataType::Boolean, Ok(_)) => Ok(expr),
        (DataType::Boolean, Err(e)) => Err(refuse(query_error(e).to_string())),
        (other, _) => Err(refuse(format!("it gives {other}, not true or false"))),
    }
}

fn null_text() -> Expr {
    lit(ScalarValue::Utf8(None))
}

/// `CASE WHEN … THEN … ELSE otherwise END`, or just `otherwise` without arms.
fn case(arms: Vec<(Expr, Expr)>, otherwise: Expr) -> Expr {
    if arms.is_empty() {
        return otherwise;
    }
    let arms = arms
        .into_iter()
        .map(|(when, then)| (Box::new(when), Box::new(then)))
        .collect();
    Expr::Case(Case::new(None, arms, Some(Box::new(otherwise))))
}

fn one_of(column: &str, names: impl IntoIterator<Item = impl AsRef<str>>) -> Expr {
    let names: Vec<Expr> = names.into_iter().map(|n| lit(n.as_ref())).collect();
    if names.is_empty() {
        lit(false)
    } else {
        col(column).in_list(names, false)
    }
}

fn columns(rows: &DataFrame) -> Vec<Expr> {
    rows.schema().columns().into_iter().map(Expr::Column).collect()
}

fn register(context: &SessionContext, name: &str, rows: DataFrame) -> Result<()> {
    let plan = currencies::of_view(name, rows.into_unoptimized_plan())?;
    let view = ViewTable::new(plan, None);
    context.register_table(name, Arc::new(view))?;
    Ok(())
}

/// `charges` with `user_scope` and `user_scope_rule` (the first of the configuration's scope rules),
/// `provider_id` (who claims the line), `named_model` (the registry model its texts name; an empty
/// text where they name two alike), `listed_scope` (by the lists of `queries/scopes`) and
/// `sharing_rule` and `provisioned_rule` (the first that holds, counted from 0).
async fn charge_rules(context: &SessionContext, registry: &Registry, assets: &Assets) -> Result<()> {
    let charges = context.table("charges").await?;
    let mut scope = Vec::new();
    let mut scope_rule = Vec::new();
    for (at, rule) in registry.scopes.iter().enumerate() {
        let holds = predicate(&charges, &format!("scopes[{at}].match"), &rule.predicate)?;
        scope.push((holds.clone(), lit(rule.scope.as_str())));
        scope_rule.push((holds, lit(format!("scopes[{at}]: {}", rule.predicate))));
    }
    let mut claims = vec![col("charge_id")];
    for (id, provider) in &registry.providers {
        if let Some(text) = &provider.charge_match {
            let holds = predicate(&charges, &format!("providers.{id}.charge_match"), text)?;
            claims.push(case(vec![(holds, lit(id.as_str()))], null_text()));
        }
    }
    let claimant = if claims.len() > 1 {
        udf::claimant().call(claims)
    } else {
        null_text()
    };
    let mut sharing = Vec::new();
    for (at, rule) in (0_i64..).zip(&registry.sharing) {
        let holds = predicate(&charges, &format!("sharing[{at}].match"), &rule.predicate)?;
        sharing.push((holds, lit(at)));
    }
    let mut provisioned = Vec::new();
    for (at, rule) in (0_i64..).zip(&registry.provisioned) {
        if let Some(text) = &rule.charge_match {
            let holds = predicate(&charges, &format!("provisioned[{at}].charge_match"), text)?;
            provisioned.push((holds, lit(at)));
        }
    }
    let mut selected = columns(&charges);
    selected.extend([
        case(scope, null_text()).alias("user_scope"),
        case(scope_rule, null_text()).alias("user_scope_rule"),
        claimant.alias("provider_id"),
        case(scope_lists::arms(assets)?, null_text()).alias("listed_scope"),
        case(sharing, lit(ScalarValue::Int64(None))).alias("sharing_rule"),
        case(provisioned, lit(ScalarValue::Int64(None))).alias("provisioned_rule"),
    ]);
    let claimed = charges.select(selected)?;
    let mut selected = columns(&claimed);
    selected.push(named_model(registry).alias("named_model"));
    register(context, "charge_rules", claimed.select(selected)?)
}

/// Where a provider writes the model, in order of trust: inside one group the longest match wins.
const MODEL_TEXTS: [&[&str]; 3] = [
    &["sku_id", "sku_price_id", "sku_meter"],
    &["resource_id", "resource_name"],
    &["charge_description"],
];

fn named_model(registry: &Registry) -> Expr {
    let mut by_provider = Vec::new();
    for id in registry.providers.keys() {
        let models: Vec<(&String, String)> = registry
            .models
            .iter()
            .filter(|(_, m)| m.provider == *id)
            .map(|(model, m)| (model, m.charge_pattern(model)))
            .collect();
        if models.is_empty() {
            continue;
        }
        let groups = MODEL_TEXTS.map(|texts| {
            let pairs = texts.iter().flat_map(|text| {
                models.iter().flat_map(|(model, pattern)| {
                    let length = udf::match_length().call(vec![col(*text), lit(pattern.as_str())]);
                    [lit(model.as_str()), length]
                })
            });
            udf::longest().call(pairs.collect())
        });
        let named = datafusion::functions::expr_fn::coalesce(groups.into());
        by_provider.push((col("provider_id").eq(lit(id.as_str())), named));
    }
    case(by_provider, null_text())
}

/// `requests` with `provider` and `model` by the registry (as logged: `logged_provider`,
/// `logged_model`), `registered` (the registry knows the model), `self_hosted` and `provisioned_rule` (the first
/// whose throughput it ran on, counted from 0; over the names of the registry).
async fn request_names(context: &SessionContext, registry: &Registry) -> Result<()> {
    let requests = context.table("requests").await?;
    // An endpoint of one's own speaks some provider's language and is logged as that provider.
    let mut provider = Vec::new();
    for (id, p) in &registry.providers {
        if let Some(pattern) = &p.api_base_match {
            let length = udf::match_length().call(vec![col("api_base"), lit(pattern.as_str())]);
            provider.push((length.is_not_null(), lit(id.as_str())));
        }
    }
    for (id, p) in &registry.providers {
        let logged = p.logged_names(id);
        if logged != [id.as_str()] {
            provider.push((one_of("provider", logged), lit(id.as_str())));
        }
    }
    let mut selected: Vec<Expr> = columns(&requests)
        .into_iter()
        .map(|column| match &column {
            Expr::Column(c) if c.name == "provider" => column.alias("logged_provider"),
            Expr::Column(c) if c.name == "model" => column.alias("logged_model"),
            _ => column,
        })
        .collect();
    selected.push(case(provider, col("provider")).alias("provider"));
    let named = requests.select(selected)?;

    let of = |m: &str| col("provider").eq(lit(m));
    let exact = registry.models.iter().map(|(id, m)| {
        (
            of(&m.provider).and(col("logged_model").eq(lit(id.as_str()))),
            lit(id.as_str()),
        )
    });
    let dated = registry.models.iter().map(|(id, m)| {
        let length = udf::match_length().call(vec![col("logged_model"), lit(m.log_pattern(id))]);
        (of(&m.provider).and(length.is_not_null()), lit(id.as_str()))
    });
    let known = case(exact.chain(dated).collect(), null_text());
    let own = registry
        .providers
        .iter()
        .filter(|(_, p)| p.self_hosted)
        .map(|(id, _)| id);
    let mut selected = columns(&named);
    selected.push(known.alias("known_model"));
    selected.push(
        datafusion::functions::expr_fn::coalesce(vec![one_of("provider", own), lit(false)])
            .alias("self_hosted"),
    );
    let named = named.select(selected)?;

    let mut selected: Vec<Expr> = columns(&named)
        .into_iter()
        .filter(|c| !matches!(c, Expr::Column(c) if c.name == "known_model"))
        .collect();
    selected.push(
        datafusion::functions::expr_fn::coalesce(vec![col("known_model"), col("logged_model")])
            .alias("model"),
    );
    selected.push(not(col("known_model").is_null()).alias("registered"));
    let named = named.select(selected)?;
    let mut provisioned = Vec::new();
    for (at, rule) in (0_i64..).zip(&registry.provisioned) {
        let holds = predicate(&named, &format!("provisioned[{at}].match"), &rule.predicate)?;
        provisioned.push((holds, lit(at)));
    }
    let mut selected = columns(&named);
    selected.push(case(provisioned, lit(ScalarValue::Int64(None))).alias("provisioned_rule"));
    register(context, "request_names", named.select(selected)?)
}

/// Which hosts each service level objective speaks of: `slo`, `host`.
async fn slo_pools(context: &SessionContext, registry: &Registry) -> Result<()> {
    let nodes = context.table("gpu_nodes").await?;
    let mut pools = nodes
        .clone()
        .filter(lit(false))?
        .select(vec![lit(ScalarValue::Int64(None)).alias("slo"), col("host")])?;
    for (at, slo) in (0_i64..).zip(&registry.gpu_slo) {
        let holds = predicate(&nodes, &format!("gpu_slo[{at}].pool"), &slo.pool)?;
        let pool = nodes
            .clone()
            .filter(holds)?
            .select(vec![lit(at).alias("slo"), col("host")])?;
        pools = pools.union(pool)?;
    }
    register(context, "gpu_slo_hosts", pools)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::{Engine, Settings};
    use std::collections::HashMap;

    async fn engine(config: &str) -> Result<Engine> {
        let registry = Registry::parse(config).unwrap();
        let settings = Settings::new(crate::base::time::from_micros(0));
        Engine::over_tables(HashMap::new(), &Assets::builtin(), &registry, &settings).await
    }

    async fn refused(config: &str) -> String {
        engine(config).await.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_rule_that_is_no_plain_condition_is_refused_under_its_key() {
        for (text, said) in [
            ("provider = 'a'; DROP TABLE charges", "providers.p.charge_match"),
            ("provider", "not true or false"),
            ("nothing = 1", "nothing"),
            (
                "provider IN (SELECT provider FROM providers)",
                "providers.p.charge_match",
            ),
            ("sum(billed_cost) > 0", "aggregate"),
            ("row_number() OVER () = 1", "window function"),
            ("provider = $x", "parameter"),
            ("random() > 0.5", "the same every time"),
            ("(provider = 'a'", "providers.p.charge_match"),
            ("no_such(provider)", "no_such"),
        ] {
            let message = refused(&format!("[providers.p]\ncharge_match = \"{text}\"")).await;
            assert!(
                message.contains("providers.p.charge_match") && message.contains(said),
                "{text}: {message}"
            );
        }
        let rules = "[[scopes]]\nscope = 'AI'\nmatch = 'true'\n[[scopes]]\nscope = 'AI'\nmatch = 'oops'";
        assert!(refused(rules).await.contains("scopes[1].match"));
        assert!(
            refused("[[sharing]]\nmatch = 'oops'\nmethod = 'even'")
                .await
                .contains("sharing[0].match")
        );
        let provisioned = "[[provisioned]]\nmatch = 'oops'";
        assert!(refused(provisioned).await.contains("provisioned[0].match"));
        let provisioned = "[[provisioned]]\nmatch = 'true'\ncharge_match = 'oops'";
        assert!(refused(provisioned).await.contains("provisioned[0].charge_match"));
        let slo = "[[gpu_slo]]\npool = 'oops'\nmin_utilization = 0.5\nwindow_days = 7";
        assert!(refused(slo).await.contains("gpu_slo[0].pool"));
    }

    #[tokio::test]
    async fn an_empty_lake_answers_every_view_with_nothing() {
        let engine = engine("").await.unwrap();
        for view in [
            "costs",
            "calls",
            "ledger",
            "tasks",
            "reconciliation",
            "imbalances",
            "control_totals",
        ] {
            let batch = engine.query(&format!("SELECT * FROM {view}"), &[]).await.unwrap();
            assert_eq!(batch.num_rows(), 0, "{view}");
        }
    }

    #[tokio::test]
    async fn other_peoples_queries_only_read() {
        let engine = engine("").await.unwrap();
        assert!(engine.user_query("SELECT count(*) FROM ledger").await.is_ok());
        for sql in [
            "DROP VIEW costs",
            "CREATE TABLE t AS SELECT 1",
            "CREATE VIEW v AS SELECT 1",
            "INSERT INTO outcomes SELECT * FROM outcomes",
            "SET datafusion.execution.batch_size = 1",
            "COPY charges TO 'x.csv'",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        ] {
            assert!(engine.user_query(sql).await.is_err(), "{sql}");
        }
        assert!(engine.user_query("SELECT * FROM '/etc/passwd'").await.is_err());
    }
}
