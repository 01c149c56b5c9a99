//! The query engine: a session, the lake's tables, the registry, our functions and our views.
//!
//! Knows nothing of metrics, reports or the command line. Everything that depends on the
//! configuration is worked out here, from facts that do not.

mod catalogue;
pub mod cluster;
mod currencies;
mod dialect;
mod guard;
mod kept;
mod limited;
mod memory;
mod months;
mod operators;
pub mod registry;
mod rules;
mod scope_lists;
mod session;
mod settings;
mod sides;
mod spilled;
mod tables;
mod thrift;
mod told;
mod udf;
mod values;
mod views;
mod windows;
mod workers;

pub use catalogue::{ColumnInfo, FunctionInfo, FunctionKind, Relation, RelationKind};
pub use currencies::CURRENCY_OF;
pub use guard::Limits;
pub use kept::{KeptFolder, sweep_kept};
pub use registry::Registry;
pub use settings::{Basis, NATIVE, Settings};
pub use spilled::remove_spilled;
pub use told::nearest;
pub use values::Values;

use crate::asset::Assets;
use crate::base::sql::parsable;
use crate::base::{Context, Error, Result, storage};
use crate::store::Lake;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::catalog::MemTable;
use datafusion::common::{Column, ParamValues, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::{DFParser, Statement};
use futures::TryStreamExt;
use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

pub struct Engine {
    context: SessionContext,
    currencies: currencies::Currencies,
    catalogue: Arc<catalogue::Catalogue>,
    workers: workers::Workers,
    zone: chrono_tz::Tz,
}

impl Engine {
    /// Over batches of canonical tables; a table that is not given is empty.
    pub async fn over_tables(
        tables: HashMap<&'static str, Vec<RecordBatch>>,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Engine> {
        let facts = tables::from_batches(tables)?;
        let runtime = session::runtime(settings)?;
        Engine::open(runtime, facts, (None, None), assets, registry, settings).await
    }

    /// Over a lake, as it is or as it was.
    pub async fn over_lake(
        lake: &Lake,
        as_of: Option<DateTime<Utc>>,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Engine> {
        let facts = tables::Facts::of(lake, as_of).await?;
        let runtime = session::runtime(settings)?;
        let remote = lake.beside(".kept").map(kept::Remote::new);
        // Executors of a cluster do not see the months of a lake that is no folder.
        let months = match &remote {
            None => months::Months::of(facts.clone(), assets, registry, settings, &runtime),
            Some(_) => None,
        };
        let keys = settings
            .kept
            .as_ref()
            .map(|folder| kept::Keys::new(folder, facts.contents(), assets, registry, settings, remote));
        Engine::open(runtime, facts.whole(), (keys, months), assets, registry, settings).await
    }

    async fn open(
        runtime: Arc<RuntimeEnv>,
        facts: tables::Providers,
        (keys, months): (Option<kept::Keys>, Option<Arc<months::Months>>),
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Engine> {
        let context = session::open(settings, registry, runtime)?;
        tables::register(&context, facts, registry)?;
        rates(&context, settings).await?;
        rules::create(&context, registry, assets).await?;
        views::create(&context, assets, settings.memory_limit, keys, months).await?;
        let catalogue = Arc::new(catalogue::Catalogue::of(assets)?);
        catalogue::register(&context, &catalogue)?;
        let currencies = currencies::Currencies::of(assets)?;
        Ok(Engine {
            context,
            currencies,
            catalogue,
            workers: workers::Workers::default(),
            zone: settings.zone,
        })
    }

    /// An engine for queries of ours inside of a query that runs: over the same session, without what
    /// is there for people.
    pub(crate) fn within(state: &SessionState, zone: chrono_tz::Tz) -> Engine {
        Engine {
            context: SessionContext::new_with_state(state.clone()),
            currencies: currencies::Currencies::default(),
            catalogue: Arc::default(),
            workers: workers::Workers::default(),
            zone,
        }
    }

    /// Is a window made of whole days of the reporting zone.
    pub fn whole_days(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        [from, to]
            .iter()
            .all(|end| udf::begins_day(self.zone, end.timestamp_micros()))
    }

    /// Runs a query of ours. Parameters are bound (`$from`), never pasted.
    pub async fn query(&self, sql: &str, params: &[(&str, ScalarValue)]) -> Result<RecordBatch> {
        let frame = self.context.sql(sql).await.map_err(query_error)?;
        let frame = if params.is_empty() {
            frame
        } else {
            let values: Vec<(&str, ScalarValue)> = params.to_vec();
            frame
                .with_param_values(ParamValues::from(values))
                .map_err(query_error)?
        };
        collect(frame).await
    }

    /// The columns of a query of ours, without running it.
    pub async fn columns_of(&self, sql: &str) -> Result<BTreeSet<String>> {
        let frame = self.context.sql(sql).await.map_err(query_error)?;
        let fields = frame.schema().fields().iter();
        Ok(fields.map(|field| field.name().clone()).collect())
    }

    /// Runs a query of ours and hands out its rows as they come.
    pub async fn stream(&self, sql: &str, params: &[(&str, ScalarValue)]) -> Result<Batches> {
        let frame = self.context.sql(sql).await.map_err(query_error)?;
        let frame = frame
            .with_param_values(ParamValues::from(params.to_vec()))
            .map_err(query_error)?;
        let stream = run(frame).await?;
        Ok(Batches { stream })
    }

    /// Runs somebody else's query, of which the last statement's rows are handed out: read-only.
    pub async fn user_query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        self.user_query_with(sql, &[]).await
    }

    /// The same, with values for `?`, in the order in which they are written, or for `$1`, `$2`, ….
    pub async fn user_query_with(&self, sql: &str, values: &[ScalarValue]) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for statement in Engine::statements(sql)? {
            let mut plan = self.user_plan(statement).await?;
            if !values.is_empty() {
                plan = plan.with_param_values(values.to_vec()).map_err(query_error)?;
            }
            let mut rows = self.user_run(plan, &Limits::default()).await?;
            batches.clear();
            while let Some(batch) = rows.next().await? {
                batches.push(batch);
            }
            if batches.is_empty() {
                batches.push(RecordBatch::new_empty(rows.schema()));
            }
        }
        Ok(batches)
    }

    /// The statements of a script, one by one.
    pub fn statements(script: &str) -> Result<VecDeque<Statement>> {
        parsable(script)?;
        let statements = DFParser::parse_sql(script).map_err(|e| told::unreadable(&e))?;
        if statements.is_empty() {
            return Err(Error::usage("there is no SQL")
                .advise("give a query with -c, a file with -f, or pipe one in"));
        }
        Ok(statements)
    }

    /// Adds a table of rows that another query gave, under a name that nothing has yet: how two states
    /// of a lake are compared.
    pub fn lend(&self, name: &str, rows: RecordBatch) -> Result<()> {
        if self.context.table_exist(name)? {
            return Err(Error::internal(format!("there is a table '{name}' already")));
        }
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        self.context.register_table(name, Arc::new(table))?;
        Ok(())
    }

    /// The session itself, for servers that speak to it directly.
    pub fn session(&self) -> &SessionContext {
        &self.context
    }
}

/// The rows of a query that runs.
pub struct Batches {
    stream: SendableRecordBatchStream,
}

impl Batches {
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.stream.try_next().await.map_err(query_error)
    }
}

/// Loads the rates that this session can need into the functions `fx_rate` and `fx`. Where two lists quote one
/// pair for one day, a quoted rate goes before a derived one, then the list whose name sorts first.
async fn rates(context: &SessionContext, settings: &Settings) -> Result<()> {
    let chosen = "SELECT \"from\", \"to\", day, rate FROM (
            SELECT *, row_number() OVER (PARTITION BY \"from\", \"to\", day ORDER BY derived, source) AS place
            FROM fx_rates WHERE \"to\" IN ($shown, $reporting))
        WHERE place = 1 ORDER BY \"from\", \"to\", day";
    let wanted = vec![
        ("shown", ScalarValue::from(settings.currency.as_str())),
        (
            "reporting",
            ScalarValue::from(settings.reporting_currency.as_str()),
        ),
    ];
    let frame = context.sql(chosen).await.map_err(query_error)?;
    let frame = frame
        .with_param_values(ParamValues::from(wanted))
        .map_err(query_error)?;
    let rates = Arc::new(udf::rates(&collect(frame).await?).map_err(query_error)?);
    context.register_udf(udf::Fx::new(Arc::clone(&rates)).into());
    context.register_udf(udf::FxRate::new(rates).into());
    Ok(())
}

async fn run(frame: DataFrame) -> Result<SendableRecordBatchStream> {
    let (session, query) = frame.into_parts();
    let plan = session.create_physical_plan(&query).await.map_err(query_error)?;
    thrift::run(plan, &session, &query).await.map_err(query_error)
}

async fn collect(frame: DataFrame) -> Result<RecordBatch> {
    let planned = Arc::new(frame.schema().as_arrow().clone());
    let batches: Vec<RecordBatch> = run(frame).await?.try_collect().await.map_err(query_error)?;
    // What runs may know better than the plan whether a column can be NULL.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    concat_batches(&schema, &batches).context("putting a result together")
}

/// The root cause, which is what a reader can act on; our own errors pass through unchanged.
fn query_error(error: impl Borrow<DataFusionError>) -> Error {
    let error = error.borrow();
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => {
                let error = Error::new(ours.kind(), ours.to_string());
                let error = match ours.place() {
                    Some(place) => error.at(place),
                    None => error,
                };
                match ours.advice() {
                    Some(advice) => error.advise(advice),
                    None => error,
                }
            }
            None => Error::query(inner.to_string()),
        },
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => no_column(&field.name, valid_fields),
            _ => root(error),
        },
        DataFusionError::ResourcesExhausted(text) => {
            // Who asked, and in the lines after it who holds most.
            let who = text
                .lines()
                .map(str::trim)
                .take_while(|line| !line.starts_with("Error:"));
            let who = who.collect::<Vec<_>>().join(" ");
            let who = who.trim_end_matches('.');
            Error::query(format!("not enough memory: {who}")).advise(
                "allow more with --memory-limit, or ask for less: a shorter window, fewer columns or groups",
            )
        }
        _ => root(error),
    }
}

/// What a server says in words, or the root cause as it is.
fn root(error: &DataFusionError) -> Error {
    let text = error.find_root().to_string();
    match storage::refusal(&text) {
        Some(refusal) => Error::query(refusal.message).advise(refusal.advice),
        None => Error::query(text),
    }
}

/// A column that does not exist, with the few names nearest to it instead of all there are.
fn no_column(name: &str, valid: &[Column]) -> Error {
    let mut near: Vec<(usize, &str)> = valid
        .iter()
        .map(|c| (strsim::damerau_levenshtein(name, &c.name), c.name.as_str()))
        .collect();
    near.sort_unstable();
    near.dedup();
    let names: Vec<&str> = near.iter().take(5).map(|(_, name)| *name).collect();
    let error = Error::query(format!("there is no column '{name}' here"));
    if names.is_empty() {
        error
    } else {
        error.advise(format!("nearest: {}", names.join(", ")))
    }
}
