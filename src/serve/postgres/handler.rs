//! Statements of one line. Both of PostgreSQL's ways to send them end here: whole scripts (`simple`), and prepared
//! statements with values (`extended`).

use super::House;
use super::catalogue;
use super::command::Command;
use super::cursor;
use super::encode;
use super::rows::{Running, Watch};
use super::session::Session;
use super::statement::{Parsed, Prepared};
use super::trouble::{told, user_error};
use crate::base::Known;
use crate::engine::Limits;
use crate::serve::Snapshot;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{FieldInfo, Response};
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use futures::future::BoxFuture;
use futures::{FutureExt, Sink, SinkExt};
use std::sync::Arc;

/// The values of a statement's parameters, and the columns that its client was told.
pub(super) type Bound = (Known<ParamValues>, SchemaRef);

#[derive(Clone)]
pub(super) struct Handler {
    house: Arc<House>,
    pub(super) session: Arc<Session>,
}

impl Handler {
    pub(super) fn new(house: &Arc<House>, session: &Arc<Session>) -> Handler {
        Handler {
            house: Arc::clone(house),
            session: Arc::clone(session),
        }
    }

    /// What holds a statement to its limits from now on.
    pub(super) fn watch(&self) -> Watch {
        Watch::new(&self.house.shared, &self.session)
    }

    /// The newest state of the lake, with the part of the catalogue that a statement names.
    pub(super) async fn newest(&self, sql: &str) -> PgWireResult<Arc<Snapshot>> {
        let shared = &self.house.shared;
        let snapshot = shared.live.current(&shared.gauges).await;
        catalogue::explain(&snapshot.engine, sql)
            .await
            .map_err(|e| told(&e))?;
        Ok(snapshot)
    }

    /// Plans a query over the newest state of the lake and begins to run it. What it reads stays as it is now.
    pub(super) fn start<'a>(
        &'a self,
        statement: &'a ast::Statement,
        bound: Option<Bound>,
    ) -> BoxFuture<'a, PgWireResult<Running>> {
        async move {
            let mut watch = self.watch();
            let (batches, columns) = watch
                .during(Box::pin(async {
                    let snapshot = self.newest(&statement.to_string()).await?;
                    let engine = &snapshot.engine;
                    let statement = Statement::Statement(Box::new(statement.clone()));
                    let plan = engine.user_plan(statement).await.map_err(|e| told(&e))?;
                    let (plan, columns) = match bound {
                        Some((values, columns)) => {
                            let plan = plan.replace_params_with_values(&values);
                            (plan.map_err(|e| told(&e.into()))?, Some(columns))
                        }
                        None => (plan, None),
                    };
                    let columns =
                        columns.unwrap_or_else(|| Arc::new(Schema::clone(plan.schema().as_arrow())));
                    let batches = engine
                        .user_run(plan, &Limits::default())
                        .await
                        .map_err(|e| told(&e))?;
                    Ok((batches, columns))
                }))
                .await?;
            if batches.schema().fields().len() != columns.fields().len() {
                return Err(user_error(
                    "0A000",
                    "the columns of this statement have changed; prepare it again",
                ));
            }
            Ok(Running::new(watch, batches, columns))
        }
        .boxed()
    }

    /// The answer to one statement, its values bound.
    pub(super) async fn answer<C>(
        &self,
        client: &mut C,
        parsed: &Parsed,
        bound: Option<Bound>,
        format: &Format,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = client.transaction_status();
        let allowed = matches!(parsed, Parsed::Command(command) if command.ends_trouble());
        if status == TransactionStatus::Error && !allowed {
            return Err(user_error(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        let command = match parsed {
            Parsed::Query(statement) => {
                return Ok(Response::Query(
                    self.start(statement, bound).await?.answer(format),
                ));
            }
            Parsed::Command(command) => command,
        };
        for name in self.session.forgotten(command) {
            client.portal_store().rm_statement(&name);
        }
        let (response, notice) = self.command(command, status, format).await?;
        if let Some(notice) = notice {
            client
                .feed(PgWireBackendMessage::NoticeResponse(notice.into()))
                .await?;
        }
        Ok(response)
    }

    /// The columns of what a statement gives, in a format.
    pub(super) fn fields<'a>(
        &'a self,
        prepared: &'a Prepared,
        format: &'a Format,
    ) -> BoxFuture<'a, PgWireResult<Vec<FieldInfo>>> {
        async move {
            let columns = match &**prepared.parsed {
                Parsed::Command(Command::Fetch { name, .. }) => cursor::columns(&self.session, name).await?,
                _ => Arc::clone(&prepared.columns),
            };
            Ok(encode::fields(&columns, format))
        }
        .boxed()
    }
}
