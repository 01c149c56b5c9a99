//! Views from `queries/views/*.sql`, created after whatever they read from.

use super::kept::KeptView;
use super::query_error;
use crate::asset::{Asset, Assets};
use crate::base::{Error, Result};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FOLDER: &str = "views/";

struct View<'a> {
    asset: &'a Asset,
    statement: Statement,
    /// Names of tables and views it reads.
    reads: BTreeSet<String>,
}

pub(super) async fn create(context: &SessionContext, assets: &Assets) -> Result<()> {
    let mut views = BTreeMap::new();
    for asset in assets.under(FOLDER).filter(|a| a.path.ends_with(".sql")) {
        let view = parse(context, asset).map_err(|e| e.context(label(asset)))?;
        views.insert(asset.name().to_owned(), view);
    }
    for name in order(&views)? {
        let view = &views[name];
        add(context, name, view)
            .await
            .map_err(|e| e.context(label(view.asset)))?;
    }
    Ok(())
}

fn label(asset: &Asset) -> String {
    format!("view {} (queries/{}, {})", asset.name(), asset.path, asset.origin)
}

fn parse<'a>(context: &SessionContext, asset: &'a Asset) -> Result<View<'a>> {
    let mut statements = DFParser::parse_sql(&asset.text).map_err(query_error)?;
    let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return Err(Error::query("a view is one SELECT statement"));
    };
    let reads = context
        .state()
        .resolve_table_references(&statement)
        .map_err(query_error)?;
    Ok(View {
        asset,
        statement,
        reads: reads.iter().map(|t| t.table().to_owned()).collect(),
    })
}

/// Every view after those it reads.
fn order<'a>(views: &'a BTreeMap<String, View<'_>>) -> Result<Vec<&'a str>> {
    let mut done: Vec<&str> = Vec::new();
    let mut waiting: Vec<&str> = views.keys().map(String::as_str).collect();
    while !waiting.is_empty() {
        let ready = |name: &&str| views[*name].reads.iter().all(|r| !waiting.contains(&r.as_str()));
        let (now, later): (Vec<&str>, Vec<&str>) = waiting.iter().copied().partition(ready);
        if now.is_empty() {
            return Err(Error::query(format!(
                "the views {} read each other in a circle",
                later.join(", ")
            )));
        }
        done.extend(now);
        waiting = later;
    }
    Ok(done)
}

async fn add(context: &SessionContext, name: &str, view: &View<'_>) -> Result<()> {
    if context.table_exist(name)? {
        return Err(Error::query(format!("there is a table '{name}' already")));
    }
    let plan = context
        .state()
        .statement_to_plan(view.statement.clone())
        .await
        .map_err(query_error)?;
    let definition = view.asset.text.to_string();
    let table: Arc<dyn TableProvider> = match is_kept(&definition) {
        true => Arc::new(KeptView::new(analysed(context, plan)?, definition)),
        false => Arc::new(ViewTable::new(plan, Some(definition))),
    };
    context.register_table(name, table)?;
    Ok(())
}

/// The plan with its types settled, and nothing moved yet: whoever reads the rows optimises it.
fn analysed(context: &SessionContext, plan: LogicalPlan) -> Result<LogicalPlan> {
    let state = context.state();
    let options = state.config_options();
    state
        .analyzer()
        .execute_and_check(plan, options, |_, _| {})
        .map_err(query_error)
}

/// A view asks to be worked out once per session with a line `kept: why` in its leading comment.
fn is_kept(text: &str) -> bool {
    let comment = text
        .trim_start()
        .strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"));
    comment.is_some_and(|(comment, _)| {
        comment
            .lines()
            .any(|line| line.trim_start().starts_with("kept: "))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::{Registry, Settings, session};

    async fn try_views(files: &[(&str, &str)]) -> Result<SessionContext> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("views")).unwrap();
        for builtin in Assets::builtin().under(FOLDER) {
            std::fs::write(dir.path().join(&builtin.path), "SELECT 1 AS nothing").unwrap();
        }
        for (name, sql) in files {
            std::fs::write(dir.path().join("views").join(name), sql).unwrap();
        }
        let context = session::open(
            &Settings::new(crate::base::time::from_micros(0)),
            &Registry::default(),
        )
        .unwrap();
        create(&context, &Assets::overlay(dir.path()).unwrap()).await?;
        Ok(context)
    }

    #[tokio::test]
    async fn a_view_may_read_a_later_one() {
        let files = [
            (
                "aa.sql",
                "/* first */ WITH zz AS (SELECT * FROM zz) SELECT n FROM zz",
            ),
            ("zz.sql", "SELECT 1 AS n"),
        ];
        let context = try_views(&files).await.unwrap();
        assert!(context.table_exist("aa").unwrap());
    }

    #[tokio::test]
    async fn a_failing_view_names_its_file_and_origin() {
        let error = try_views(&[("aa.sql", "SELECT n FROM nowhere")])
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("queries/views/aa.sql") && error.contains("nowhere"),
            "{error}"
        );
        let circle = [("aa.sql", "SELECT 1 FROM zz"), ("zz.sql", "SELECT 1 FROM aa")];
        assert!(
            try_views(&circle)
                .await
                .err()
                .unwrap()
                .to_string()
                .contains("circle")
        );
    }
}
