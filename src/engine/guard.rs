//! What other people's SQL may do: read, and the lake only, for so long and so many rows.
//!
//! Three fences stand one behind the other: the kinds of statements that are let through, the names that
//! are files and not tables, and the plan, in which nothing may define, change, copy or set anything,
//! however deep it is nested.

use super::limited::{Deadline, limited};
use super::{Batches, Engine, Values, dialect, told, values};
use crate::base::{Error, Result};
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::TableReference;
use datafusion::datasource::listing::{
    ListingTable, ListingTableConfig, ListingTableConfigExt, ListingTableUrl,
};
use datafusion::error::Result as PlanResult;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as Sql;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// How far a query of somebody else may go. Nothing said: as far as memory allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// From planning to the last row.
    pub timeout: Option<Duration>,
    /// An answer with more rows is an error, not a cut.
    pub rows: Option<u64>,
    /// Whether `FROM 'path'` reads files of this machine.
    pub files: bool,
}

impl Engine {
    /// The plan of somebody else's statement, its parameters open: it only reads, and the lake's tables only.
    pub async fn user_plan(&self, statement: Statement) -> Result<LogicalPlan> {
        Ok(Box::pin(self.planned(statement, false)).await?.1)
    }

    /// Runs such a plan when its parameters are bound. Dropping the rows stops the work.
    pub async fn user_run(&self, plan: LogicalPlan, limits: &Limits) -> Result<Batches> {
        let deadline = Deadline::after(limits.timeout);
        let running = Box::pin(self.running(self.context.state(), plan, limits, deadline));
        deadline.over(running).await?
    }

    /// Runs somebody else's statement with these values, within its limits. Dropping the rows stops the work.
    pub async fn user_stream(
        &self,
        statement: Statement,
        values: &Values,
        limits: &Limits,
    ) -> Result<Batches> {
        let deadline = Deadline::after(limits.timeout);
        let running = Box::pin(async {
            let (state, plan) = self.planned(statement, limits.files).await?;
            let plan = values::bind(plan, values)?;
            self.running(state, plan, limits, deadline).await
        });
        deadline.over(running).await?
    }

    /// A plan that only reads, and the session that it is to be run in.
    async fn planned(&self, statement: Statement, files: bool) -> Result<(SessionState, LogicalPlan)> {
        only_questions(&statement)?;
        let statement = dialect::prepare(&self.context, statement).await?;
        let mut state = self.context.state();
        // An error then knows where in the text it is.
        state.config_mut().options_mut().sql_parser.collect_spans = true;
        let named = state
            .resolve_table_references(&statement)
            .map_err(|e| told::told(&e, self))?;
        if files {
            state = reading_files(state);
        } else {
            no_files(self, &named)?;
        }
        let plan = state
            .statement_to_plan(statement)
            .await
            .map_err(|e| told::told(&e, self))?;
        read_only(&plan)?;
        Ok((state, plan))
    }

    /// Begins a plan, with what keeps currencies apart, on the threads of other people's queries.
    async fn running(
        &self,
        state: SessionState,
        plan: LogicalPlan,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<Batches> {
        let plan = self.currencies.guard(&self.context, plan).await?;
        let planned = state.create_physical_plan(&plan).await;
        let planned = planned.map_err(|e| told::told(&e, self))?;
        let pool = self.workers.ready().await?;
        Ok(Batches {
            stream: limited(planned, (state, plan), pool, limits.rows, deadline),
        })
    }
}

/// Lets through what asks. All else is refused with what to do instead.
fn only_questions(statement: &Statement) -> Result<()> {
    let sql = match statement {
        Statement::Statement(sql) => sql.as_ref(),
        Statement::Explain(explain) => return only_questions(&explain.statement),
        Statement::CopyTo(_) => return Err(copies()),
        Statement::CreateExternalTable(_) => return Err(defines()),
        Statement::Reset(_) => return Err(sets()),
    };
    match sql {
        Sql::Query(_)
        | Sql::ExplainTable { .. }
        | Sql::ShowTables { .. }
        | Sql::ShowColumns { .. }
        | Sql::ShowFunctions { .. }
        | Sql::ShowVariable { .. }
        | Sql::ShowVariables { .. }
        | Sql::ShowCreate { .. }
        | Sql::ShowDatabases { .. }
        | Sql::ShowSchemas { .. }
        | Sql::ShowViews { .. } => Ok(()),
        Sql::Explain { statement, .. } => only_questions(&Statement::Statement(statement.clone())),
        Sql::Insert(_)
        | Sql::Update(_)
        | Sql::Delete(_)
        | Sql::Merge(_)
        | Sql::Truncate(_)
        | Sql::LoadData { .. } => Err(Error::query(
            "this statement would change facts, and SQL only reads here",
        )
        .advise("bring facts in with `spendscope ingest`; a delivery that restates a period replaces it")),
        Sql::Copy { .. } | Sql::Unload { .. } | Sql::ExportData(_) => Err(copies()),
        Sql::Set(_) | Sql::Use(_) | Sql::Reset(_) | Sql::Pragma { .. } => Err(sets()),
        Sql::Prepare { .. } | Sql::Execute { .. } | Sql::Deallocate { .. } => {
            Err(Error::query("SQL prepares no statements here")
                .advise("run the query itself; drivers prepare theirs over `spendscope serve --postgres`"))
        }
        Sql::StartTransaction { .. } | Sql::Commit { .. } | Sql::Rollback { .. } | Sql::Savepoint { .. } => {
            Err(
                Error::query("there are no transactions here, since nothing is written")
                    .advise("leave them out: all statements of a script read the same state of the lake"),
            )
        }
        _ => Err(defines()),
    }
}

fn copies() -> Error {
    Error::query("this statement would write a file, and SQL only reads here")
        .advise("write an answer with -o csv, ndjson or parquet and `> FILE`, or with \\o FILE in the shell")
}

fn sets() -> Error {
    Error::query("settings cannot be changed by SQL").advise(
        "use the options --currency, --basis, --tz, --as-of, --memory-limit and --timeout, or \\pset in the shell",
    )
}

fn defines() -> Error {
    Error::query("this statement would change something; only queries are allowed").advise(
        "use SELECT, SHOW, DESCRIBE or EXPLAIN; a view of your own is a file views/NAME.sql in the folder of --queries",
    )
}

/// Refuses whatever in a plan defines, changes, copies or sets anything: `SELECT … INTO`, a statement in an
/// `EXPLAIN ANALYZE` or in a query's query.
fn read_only(plan: &LogicalPlan) -> Result<()> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|_| defines())
}

/// A name that no table has and that looks like a file says what would have to be done to read it.
fn no_files(engine: &Engine, named: &[TableReference]) -> Result<()> {
    let file = named.iter().find(|reference| {
        let name = reference.table();
        looks_like_a_file(name) && !engine.context.table_exist((*reference).clone()).unwrap_or(false)
    });
    match file {
        None => Ok(()),
        Some(reference) => Err(Error::query(format!(
            "'{}' is a file, and SQL reads the lake only",
            reference.table()
        ))
        .advise("bring it in with `spendscope ingest`, or start with --allow-files to read it as a table")),
    }
}

fn looks_like_a_file(name: &str) -> bool {
    const ENDINGS: [&str; 8] = [
        ".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet", ".arrow", ".avro",
    ];
    let name = name.to_ascii_lowercase();
    name.contains(['/', '\\']) || ENDINGS.iter().any(|ending| name.contains(ending))
}

/// The same session, in which a name that no table has is tried as a file. Only the statement that is
/// planned with it sees files: views and other people's statements do not.
fn reading_files(state: SessionState) -> SessionState {
    let catalogs = Arc::clone(state.catalog_list());
    let files = Arc::new(Files(state.clone()));
    SessionStateBuilder::new_from_existing(state)
        .with_catalog_list(Arc::new(DynamicFileCatalog::new(catalogs, files)))
        .build()
}

/// Tables out of files, folders and patterns.
#[derive(Debug)]
struct Files(SessionState);

impl Files {
    fn open<'a>(&'a self, name: &'a str) -> Opened<'a> {
        async move {
            if !looks_like_a_file(name) {
                return Ok(None);
            }
            let config = ListingTableConfig::new(ListingTableUrl::parse(name)?)
                .infer_options(&self.0)
                .await?
                .infer_partitions_from_path(&self.0)
                .await?
                .infer_schema(&self.0)
                .await?;
            Ok(Some(
                Arc::new(ListingTable::try_new(config)?) as Arc<dyn TableProvider>
            ))
        }
        .boxed()
    }
}

type Opened<'a> = BoxFuture<'a, PlanResult<Option<Arc<dyn TableProvider>>>>;

impl UrlTableFactory for Files {
    /// Written out, as `base::scan` is, and for its reason.
    fn try_new<'life0, 'life1, 'async_trait>(&'life0 self, name: &'life1 str) -> Opened<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        self.open(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_endings_are_files_and_names_are_not() {
        for name in [
            "in/bill.csv",
            "bill.csv.gz",
            "s3://b/x.parquet",
            "C:\\x",
            "/etc/passwd",
        ] {
            assert!(looks_like_a_file(name), "{name}");
        }
        for name in ["charges", "csv", "my.table"] {
            assert!(!looks_like_a_file(name), "{name}");
        }
    }
}
