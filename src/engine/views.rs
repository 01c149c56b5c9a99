//! Views from `queries/views/*.sql`, planned when something first reads them: most commands read a few
//! of them, and a plan of all takes longer than the answer to a small question.

use super::currencies;
use super::kept::{KeptView, Keys};
use super::months::{self, Finer, Grain, MonthlyView, Months, Piece, Planner, Rule};
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
use futures::FutureExt;
use futures::future::BoxFuture;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

pub(super) const FOLDER: &str = "views/";

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
    let views = register(
        context,
        assets,
        memory_limit,
        (keys.map(Arc::new), months),
        &|_| true,
    )?;
    for (name, asset) in &views.files {
        if asset.origin != Origin::Builtin {
            views.plan(name).await?;
        }
    }
    Ok(())
}

/// The same for a session over some of the facts, in which only what is asked for has to be readable. `wanted` says of
/// the text of a view whether it is one here.
pub(super) fn create_part(
    context: &SessionContext,
    assets: &Assets,
    memory_limit: usize,
    keys: Arc<Keys>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<()> {
    register(context, assets, memory_limit, (Some(keys), None), wanted).map(|_| ())
}

fn register(
    context: &SessionContext,
    assets: &Assets,
    memory_limit: usize,
    (keys, months): (Option<Arc<Keys>>, Option<Arc<Months>>),
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Arc<Views>> {
    let options = context.copied_config().options().catalog.clone();
    let nowhere = || Error::internal("the session has no schema of its own");
    let catalog = context.catalog(&options.default_catalog).ok_or_else(nowhere)?;
    let tables = catalog.schema(&options.default_schema).ok_or_else(nowhere)?;
    let mut files = BTreeMap::new();
    let sql = assets.under(FOLDER).filter(|a| a.path.ends_with(".sql"));
    for asset in sql.filter(|asset| wanted(&asset.text)) {
        if tables.table_exist(asset.name()) {
            let error = Error::query(format!("there is a table '{}' already", asset.name()));
            return Err(error.context(label(asset)));
        }
        files.insert(asset.name().to_owned(), asset.clone());
    }
    let session = context.state_weak_ref();
    let views = Arc::new_cyclic(|this| Views {
        this: Weak::clone(this),
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

fn no_months() -> Error {
    Error::internal("a view by month without months")
}

fn label(asset: &Asset) -> String {
    format!("view {} (queries/{}, {})", asset.name(), asset.path, asset.origin)
}

/// The tables of a session, and views that become tables when they are first asked for.
struct Views {
    this: Weak<Views>,
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
                months.cut_once().await?;
            }
            waiting.clear();
            self.order(&state, name, &mut Vec::new(), &mut waiting)?;
        }
        self.add_all(&state, waiting).await
    }

    async fn add_all(&self, state: &SessionState, waiting: Vec<(&Asset, Option<Statement>)>) -> Result<()> {
        for (asset, statement) in waiting {
            let added = match statement {
                Some(statement) => self.add(state, asset, statement).await,
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
            && let Some(rule) = months::rule(&asset.text)
        {
            match months.known() {
                None => return Ok(false),
                Some(true) => {
                    self.order_finer(state, asset, rule.grain, &mut BTreeSet::new(), waiting)?;
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
        let (statement, reads) = reads(state, asset)?;
        path.push(name.to_owned());
        let mut ready = true;
        for read in reads {
            ready &= self.order(state, &read, path, waiting)?;
        }
        path.pop();
        waiting.push((asset, Some(statement)));
        Ok(ready)
    }

    /// Lists the views of a finer grain that the months of a view read, at whatever distance.
    fn order_finer<'a>(
        &'a self,
        state: &SessionState,
        asset: &Asset,
        grain: Grain,
        seen: &mut BTreeSet<String>,
        waiting: &mut Vec<(&'a Asset, Option<Statement>)>,
    ) -> Result<()> {
        for read in reads(state, asset)?.1 {
            let Some(below) = self.files.get(&read) else {
                continue;
            };
            if !seen.insert(read.clone()) {
                continue;
            }
            match months::rule(&below.text).is_some_and(|rule| rule.grain < grain) {
                true => self.order(state, &read, &mut Vec::new(), waiting).map(|_| ())?,
                false => self.order_finer(state, below, grain, seen, waiting)?,
            }
        }
        Ok(())
    }

    /// A kept view whose rows an earlier session left needs no plan, and none of the views below it.
    fn recall(&self, asset: &Asset) -> Result<bool> {
        let Some(keys) = self.keys.as_ref().filter(|_| is_kept(&asset.text)) else {
            return Ok(false);
        };
        let (name, text) = (asset.name(), &asset.text);
        let monthly = match (&self.months, months::rule(text)) {
            (Some(months), Some(rule)) => {
                MonthlyView::recall(months.zone(), keys, name, rule.column, text, &self.planner(name))
            }
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

    /// Plans a month of a recalled view, for as long as the session lasts.
    fn planner(&self, name: &str) -> Planner {
        let (views, name) = (Weak::clone(&self.this), name.to_owned());
        Arc::new(move |piece| {
            let (views, name) = (views.upgrade(), name.clone());
            async move {
                let views = views.ok_or_else(|| Error::internal("the session is over"))?;
                views.plan_month(&name, piece).await
            }
            .boxed()
        })
    }

    /// A month that no earlier session has read, after the finer views that it may read.
    async fn plan_month(&self, name: &str, piece: Piece) -> Result<Arc<dyn TableProvider>> {
        let _alone = self.planning.lock().await;
        let state = (self.state)().ok_or_else(|| Error::internal("the session is over"))?;
        let asset = self.files.get(name).ok_or_else(no_months)?;
        let (months, keys, rule) = self.monthly(asset)?;
        months.cut_once().await?;
        let mut waiting = Vec::new();
        self.order_finer(&state, asset, rule.grain, &mut BTreeSet::new(), &mut waiting)?;
        self.add_all(&state, waiting).await?;
        let finer = self.finer(rule.grain, keys).await?;
        let planned = MonthlyView::plan_month(months, piece, (name, rule), &asset.text, &finer).await;
        planned.map_err(|e| e.context(label(asset)))
    }

    fn monthly<'a>(&'a self, asset: &'a Asset) -> Result<(&'a Months, &'a Keys, Rule<'a>)> {
        let (months, keys) = self
            .months
            .as_ref()
            .zip(self.keys.as_ref())
            .ok_or_else(no_months)?;
        Ok((months, keys, months::rule(&asset.text).ok_or_else(no_months)?))
    }

    /// A view that is planned in each month.
    async fn add_months(&self, asset: &Asset) -> Result<()> {
        let (months, keys, rule) = self.monthly(asset)?;
        let finer = self.finer(rule.grain, keys).await?;
        let planner = self.planner(asset.name());
        let view = MonthlyView::plan(
            months,
            keys,
            (asset.name(), rule),
            &asset.text,
            (&finer, &planner),
        )
        .await?;
        self.tables
            .register_table(asset.name().to_owned(), Arc::new(view))?;
        Ok(())
    }

    /// The views of a finer grain that are there already.
    async fn finer(&self, grain: Grain, keys: &Keys) -> Result<Vec<Finer>> {
        let mut finer = Vec::new();
        for (name, asset) in &self.files {
            let Some(rule) = months::rule(&asset.text).filter(|rule| rule.grain < grain) else {
                continue;
            };
            let Some(table) = self.tables.table(name).await? else {
                continue;
            };
            let rows = (table as Arc<dyn Any + Send + Sync>).downcast::<MonthlyView>();
            finer.push(Finer {
                name: name.clone(),
                grain: rule.grain,
                rows: rows.map_err(|_| Error::internal("a view by month that is none"))?,
                timely: keys.known(name).is_some_and(|(_, timely)| timely),
            });
        }
        Ok(finer)
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
            false => {
                let plan = currencies::of_view(asset.name(), plan)?;
                Arc::new(ViewTable::new(plan, Some(definition)))
            }
        };
        self.tables.register_table(asset.name().to_owned(), table)?;
        Ok(())
    }
}

/// A table that may have to be planned first.
type Found<'a> = BoxFuture<'a, PlanResult<Option<Arc<dyn TableProvider>>>>;

impl Views {
    fn found<'a>(&'a self, name: &'a str) -> Found<'a> {
        async move {
            if !self.tables.table_exist(name) && self.files.contains_key(name) {
                self.plan(name)
                    .await
                    .map_err(|e| DataFusionError::External(Box::new(e)))?;
            }
            self.tables.table(name).await
        }
        .boxed()
    }
}

#[async_trait]
impl SchemaProvider for Views {
    fn table_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = self.tables.table_names().into_iter().collect();
        names.extend(self.files.keys().cloned());
        names.into_iter().collect()
    }

    /// Written out, as `base::scan` is, and for its reason.
    fn table<'life0, 'life1, 'async_trait>(&'life0 self, name: &'life1 str) -> Found<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        self.found(name)
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

/// A view's statement, and what it reads.
fn reads(state: &SessionState, asset: &Asset) -> Result<(Statement, BTreeSet<String>)> {
    let statement = parse(asset).map_err(|e| e.context(label(asset)))?;
    let tables = state.resolve_table_references(&statement).map_err(query_error)?;
    let tables = tables.iter().map(|table| table.table().to_owned()).collect();
    Ok((statement, tables))
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
        let settings = Settings::new(crate::base::time::from_micros(0));
        let runtime = session::runtime(&settings).unwrap();
        let context = session::open(&settings, &Registry::default(), runtime).unwrap();
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
