//! The query engine: a session, the lake's tables, the registry, our functions and our views.
//!
//! Knows nothing of metrics, reports or the command line. Everything that depends on the
//! configuration is worked out here, from facts that do not.

mod guard;
pub mod registry;
mod rules;
mod scope_lists;
mod session;
mod settings;
mod tables;
mod udf;
mod views;

pub use registry::Registry;
pub use settings::{Basis, NATIVE, Settings};

use crate::asset::Assets;
use crate::base::{Context, Error, Result};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::common::ParamValues;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use std::collections::HashMap;
use std::sync::Arc;

pub struct Engine {
    context: SessionContext,
}

impl Engine {
    /// Over batches of canonical tables; a table that is not given is empty.
    pub async fn over_tables(
        tables: HashMap<&'static str, Vec<RecordBatch>>,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Engine> {
        Engine::open(tables::from_batches(tables)?, assets, registry, settings).await
    }

    async fn open(
        facts: tables::Providers,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Engine> {
        let context = session::open(settings)?;
        tables::register(&context, facts, registry)?;
        rules::create(&context, registry, assets).await?;
        views::create(&context, assets).await?;
        Ok(Engine { context })
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

    /// Runs somebody else's query: read-only.
    pub async fn user_query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let plan = self
            .context
            .state()
            .create_logical_plan(sql)
            .await
            .map_err(query_error)?;
        guard::read_only(&plan)?;
        let frame = self
            .context
            .execute_logical_plan(plan)
            .await
            .map_err(query_error)?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(query_error)?;
        Ok(if batches.is_empty() {
            vec![RecordBatch::new_empty(schema)]
        } else {
            batches
        })
    }

    /// The session itself, for servers that speak to it directly.
    pub fn session(&self) -> &SessionContext {
        &self.context
    }
}

async fn collect(frame: DataFrame) -> Result<RecordBatch> {
    let planned = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.map_err(query_error)?;
    // What runs may know better than the plan whether a column can be NULL.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    concat_batches(&schema, &batches).context("putting a result together")
}

/// The root cause, which is what a reader can act on; our own errors pass through unchanged.
fn query_error(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => {
                let error = Error::new(ours.kind(), ours.to_string());
                match ours.advice() {
                    Some(advice) => error.advise(advice),
                    None => error,
                }
            }
            None => Error::query(inner.to_string()),
        },
        _ => Error::from(error),
    }
}
