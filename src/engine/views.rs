//! Views from `queries/views/*.sql`, planned when something first reads them: most commands read a few
//! of them, and a plan of all takes longer than the answer to a small question.

use super::kept::{KeptView, Keys};
use super::months::{self, MonthlyView, Months};
use super::query_error;
use crate::asset::{Asset, Assets, Origin};
use crate::base::{Error, Result};
use async_trait::async_trait;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableType};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;

const FOLDER: &str = "views/";

/// Some ten views are kept; together they take less than the queries that read them.
const KEPT_SHARE: usize = 20;

/// Makes the views readable. Those of the user's own folder are planned at once, so that a mistake
/// in one is an error wherever it stands; the built-in ones are known to be good.
pub(super) async fn create(
    context: &SessionContext,
    assets: &Assets,
    memory_limit: usize,
    keys: Option<Keys>,
    months: Option<Arc<Months>>,
) -> Result<()> {
    let views = register(context, assets, memory_limit, keys.map(Arc::new), months)?;
    for (name, asset) in &views.files {
        if asset.origin != Origin::Builtin {
            views.plan(name).await?;
        }
    }
    Ok(())
}

/// The same for a session over some of the facts, in which only what is asked for has to be readable.
pub(super) fn create_part(
    context: &SessionContext,
    assets: &Assets,
    memory_limit: usize,
    keys: Arc<Keys>,
) -> Result<()> {
    register(context, assets, memory_limit, Some(keys), None).map(|_| ())
}

fn register(
    context: &SessionContext,
    assets: &Assets,
    memory_limit: usize,
    keys: Option<Arc<Keys>>,
    months: Option<Arc<Months>>,
) -> Result<Arc<Views>> {
    let options = context.copied_config().options().catalog.clone();
    let nowhere = || Error::internal("the session has no schema of its own");
    let catalog = context.catalog(&options.default_catalog).ok_or_else(nowhere)?;
    let tables = catalog.schema(&options.default_schema).ok_or_else(nowhere)?;
    let mut files = BTreeMap::new();
    for asset in assets.under(FOLDER).filter(|a| a.path.ends_with(".sql")) {
        if tables.table_exist(asset.name()) {
            let error = Error::query(format!("there is a table '{}' already", asset.name()));
            return Err(error.context(label(asset)));
        }
        files.insert(asset.name().to_owned(), asset.clone());
    }
    let session = context.state_weak_ref();
    let views = Arc::new(Views {
        tables,
        files,
        planning: Mutex::new(()),
        budget: memory_limit / KEPT_SHARE,
        keys,
        months,
        state: Box::new(move || session.upgrade().map(|state| state.read().clone())),
    });
    catalog.register_schema(
        &options.default_schema,
        Arc::clone(&views) as Arc<dyn SchemaProvider>,
    )?;
    Ok(views)
}

fn label(asset: &Asset) -> String {
    format!("view {} (queries/{}, {})", asset.name(), asset.path, asset.origin)
}

/// The tables of a session, and views that become tables when they are first asked for.
struct Views {
    tables: Arc<dyn SchemaProvider>,
    files: BTreeMap<String, Asset>,
    /// Held while views are planned. Whatever a view reads is planned before it, so planning never
    /// asks for a view that is not a table yet.
    planning: Mutex<()>,
    /// Bytes that the rows of one kept view may take in memory.
    budget: usize,
    /// What names the rows of a kept view from one session to the next.
    keys: Option<Arc<Keys>>,
    /// The months that views are worked out by.
    months: Option<Arc<Months>>,
    /// The session, unless it is over.
    state: Box<dyn Fn() -> Option<SessionState> + Send + Sync>,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views")
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl Views {
    /// Plans a view after all that it reads.
    async fn plan(&self, name: &str) -> Result<()> {
        let _alone = self.planning.lock().await;
        let state = (self.state)().ok_or_else(|| Error::internal("the session is over"))?;
        let mut waiting = Vec::new();
        if !self.order(&state, name, &mut Vec::new(), &mut waiting)? {
            if let Some(months) = &self.months {
                months.slices().await?;
            }
            waiting.clear();
            self.order(&state, name, &mut Vec::new(), &mut waiting)?;
        }
        for (asset, statement) in waiting {
            let added = match statement {
                Some(statement) => self.add(&state, asset, statement).await,
                None => self.add_months(asset).await,
            };
            added.map_err(|e| e.context(label(asset)))?;
        }
        Ok(())
    }

    /// Lists a view after those it reads, each once, without those that are tables already, and without a statement
    /// where months have one of their own. `path` is the way that led here. False: somebody has to cut the months
    /// first.
    fn order<'a>(
        &'a self,
        state: &SessionState,
        name: &str,
        path: &mut Vec<String>,
        waiting: &mut Vec<(&'a Asset, Option<Statement>)>,
    ) -> Result<bool> {
        let Some(asset) = self.files.get(name) else {
            return Ok(true);
        };
        if self.tables.table_exist(name) || waiting.iter().any(|(other, _)| other.name() == name) {
            return Ok(true);
        }
        if self.recall(asset)? {
            return Ok(true);
        }
        if let Some(months) = &self.months
            && months::column(&asset.text).is_some()
        {
            match months.known() {
                None => return Ok(false),
                Some(true) => {
                    waiting.push((asset, None));
                    return Ok(true);
                }
                Some(false) => {}
            }
        }
        if path.iter().any(|other| other == name) {
            return Err(Error::query(format!(
                "the views {} read each other in a circle",
                path.join(", ")
            )));
        }
        let statement = parse(asset).map_err(|e| e.context(label(asset)))?;
        let reads = state.resolve_table_references(&statement).map_err(query_error)?;
        let reads: BTreeSet<&str> = reads.iter().map(|t| t.table()).collect();
        path.push(name.to_owned());
        let mut ready = true;
        for read in reads {
            ready &= self.order(state, read, path, waiting)?;
        }
        path.pop();
        waiting.push((asset, Some(statement)));
        Ok(ready)
    }

    /// A kept view whose rows an earlier session left needs no plan, and none of the views below it.
    fn recall(&self, asset: &Asset) -> Result<bool> {
        let Some(keys) = self.keys.as_ref().filter(|_| is_kept(&asset.text)) else {
            return Ok(false);
        };
        let (name, text) = (asset.name(), &asset.text);
        let monthly = match (&self.months, months::column(text)) {
            (Some(months), Some(column)) => MonthlyView::recall(months.zone(), keys, name, column, text),
            _ => None,
        };
        let found = match monthly {
            Some(found) => Some(Arc::new(found) as Arc<dyn TableProvider>),
            None => keys.recall(name, text).map(|found| Arc::new(found) as _),
        };
        let Some(found) = found else {
            return Ok(false);
        };
        self.tables.register_table(name.to_owned(), found)?;
        Ok(true)
    }

    /// A view that is planned in each month.
    async fn add_months(&self, asset: &Asset) -> Result<()> {
        let lost = || Error::internal("a view by month without months");
        let (months, keys) = self.months.as_ref().zip(self.keys.as_ref()).ok_or_else(lost)?;
        let slices = months.slices().await?.ok_or_else(lost)?;
        let column = months::column(&asset.text).ok_or_else(lost)?;
        let view =
            MonthlyView::plan((slices, months.zone()), keys, asset.name(), column, &asset.text).await?;
        self.tables
            .register_table(asset.name().to_owned(), Arc::new(view))?;
        Ok(())
    }

    async fn add(&self, state: &SessionState, asset: &Asset, statement: Statement) -> Result<()> {
        let plan = state.statement_to_plan(statement).await.map_err(query_error)?;
        let definition = asset.text.to_string();
        let table: Arc<dyn TableProvider> = match is_kept(&definition) {
            true => {
                let plan = analysed(state, plan)?;
                let stored = match &self.keys {
                    Some(keys) => Some(keys.of(asset.name(), &plan)?),
                    None => None,
                };
                Arc::new(KeptView::new(plan, definition, self.budget, stored))
            }
            false => Arc::new(ViewTable::new(plan, Some(definition))),
        };
        self.tables.register_table(asset.name().to_owned(), table)?;
        Ok(())
    }
}

#[async_trait]
impl SchemaProvider for Views {
    fn table_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = self.tables.table_names().into_iter().collect();
        names.extend(self.files.keys().cloned());
        names.into_iter().collect()
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        if !self.tables.table_exist(name) && self.files.contains_key(name) {
            self.plan(name)
                .await
                .map_err(|e| DataFusionError::External(Box::new(e)))?;
        }
        self.tables.table(name).await
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        self.tables.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        self.tables.deregister_table(name)
    }

    /// Known without a plan, so that a list of tables needs none.
    async fn table_type(&self, name: &str) -> PlanResult<Option<TableType>> {
        if self.files.contains_key(name) {
            return Ok(Some(TableType::View));
        }
        self.tables.table_type(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name) || self.files.contains_key(name)
    }
}

fn parse(asset: &Asset) -> Result<Statement> {
    let mut statements = DFParser::parse_sql(&asset.text).map_err(query_error)?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(Error::query("a view is one SELECT statement")),
    }
}

/// The plan with its types settled, and nothing moved yet: whoever reads the rows optimises it.
fn analysed(state: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan> {
    let options = state.config_options();
    state
        .analyzer()
        .execute_and_check(plan, options, |_, _| {})
        .map_err(query_error)
}

/// A view asks to be worked out once, and kept, with a line `kept: why` in its leading comment.
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
        create(
            &context,
            &Assets::overlay(dir.path()).unwrap(),
            1 << 20,
            None,
            None,
        )
        .await?;
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
