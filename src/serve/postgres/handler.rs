//! Statements of one line, in PostgreSQL's two ways: whole scripts, and prepared statements with values.

use super::House;
use super::catalogue;
use super::command::{Command, column_of, show};
use super::cursor::{self, Cursor};
use super::encode;
use super::parameters;
use super::rows::{Running, Watch};
use super::session::Session;
use super::statement::{Parsed, Prepared, parse};
use super::trouble::{told, user_error};
use crate::engine::Limits;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{
    ExtendedQueryHandler, SimpleQueryHandler, send_execution_response, send_partial_query_response,
};
use datafusion_postgres::pgwire::api::results::{
    DataRowEncoder, DescribePortalResponse, DescribeStatementResponse, FieldInfo, QueryResponse, Response,
    Tag,
};
use datafusion_postgres::pgwire::api::stmt::{QueryParser, StoredStatement};
use datafusion_postgres::pgwire::api::store::{Entry, PortalStore};
use datafusion_postgres::pgwire::api::{
    ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type,
};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, TARGET_TYPE_BYTE_PORTAL,
    TARGET_TYPE_BYTE_STATEMENT,
};
use datafusion_postgres::pgwire::messages::response::{EmptyQueryResponse, TransactionStatus};
use futures::{Sink, SinkExt, stream};
use std::fmt::Debug;
use std::sync::Arc;

pub(super) struct Handler {
    house: Arc<House>,
    session: Arc<Session>,
    parser: Arc<Preparer>,
}

/// Plans what a client prepares.
pub(super) struct Preparer {
    house: Arc<House>,
    session: Arc<Session>,
}

impl Handler {
    pub(super) fn new(house: &Arc<House>, session: &Arc<Session>) -> Handler {
        Handler {
            house: Arc::clone(house),
            session: Arc::clone(session),
            parser: Arc::new(Preparer {
                house: Arc::clone(house),
                session: Arc::clone(session),
            }),
        }
    }

    /// Plans a query over the newest state of the lake and begins to run it. What it reads stays as it is now.
    async fn start(
        &self,
        statement: &ast::Statement,
        bound: Option<(ParamValues, SchemaRef)>,
    ) -> PgWireResult<Running> {
        let shared = &self.house.shared;
        let mut watch = Watch::new(shared, &self.session);
        let (batches, columns) = watch
            .during(Box::pin(async {
                let snapshot = shared.live.current(&shared.gauges).await;
                let engine = &snapshot.engine;
                catalogue::explain(engine, &statement.to_string())
                    .await
                    .map_err(|e| told(&e))?;
                let statement = Statement::Statement(Box::new(statement.clone()));
                let plan = engine.user_plan(statement).await.map_err(|e| told(&e))?;
                let (plan, columns) = match bound {
                    Some((values, columns)) => {
                        let plan = plan.replace_params_with_values(&values);
                        (plan.map_err(|e| told(&e.into()))?, Some(columns))
                    }
                    None => (plan, None),
                };
                let columns = columns.unwrap_or_else(|| Arc::new(Schema::clone(plan.schema().as_arrow())));
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

    async fn command(
        &self,
        command: &Command,
        status: TransactionStatus,
        format: &Format,
    ) -> PgWireResult<(Response, Option<ErrorInfo>)> {
        let session = &self.session;
        let done = |tag: &str| Response::Execution(Tag::new(tag));
        let mut notice = None;
        let response = match command {
            Command::Begin => Response::TransactionStart(Tag::new("BEGIN")),
            Command::Commit | Command::Rollback => {
                let failed = status == TransactionStatus::Error;
                let kept = matches!(command, Command::Commit) && !failed;
                session.end_transaction(kept);
                Response::TransactionEnd(Tag::new(if kept { "COMMIT" } else { "ROLLBACK" }))
            }
            // The savepoint was before what went wrong.
            Command::Savepoint("ROLLBACK") if status == TransactionStatus::Error => {
                Response::TransactionStart(Tag::new("ROLLBACK"))
            }
            Command::Savepoint(tag) | Command::Set(tag) => done(tag),
            Command::Timeout(wanted) => {
                session.set_timeout(*wanted);
                done("SET")
            }
            Command::Zone(zone) => {
                let utc = ["utc", "etc/utc", "gmt", "z", "default", "local", "0"];
                if !utc.contains(&zone.to_lowercase().as_str()) {
                    let mut info = ErrorInfo::new(
                        "WARNING".to_owned(),
                        "01000".to_owned(),
                        "instants stay in UTC; local_day and local_hour regroup by a zone".to_owned(),
                    );
                    info.hint = Some("set time_zone in [reporting] of the configuration".to_owned());
                    notice = Some(info);
                }
                done("SET")
            }
            Command::Show(name) => Response::Query(shown(name, format)?),
            Command::Declare { name, query, hold } => {
                let running = self.start(query, None).await?;
                session.open_cursor(name, *hold, Cursor::new(running))?;
                done("DECLARE CURSOR")
            }
            Command::Fetch { name, direction } => {
                let wanted = cursor::wanted(direction)?;
                Response::Query(cursor::fetch(session, name, wanted, format).await?)
            }
            Command::Close(None) => {
                session.close_cursors();
                done("CLOSE CURSOR ALL")
            }
            Command::Close(Some(name)) => match session.close_cursor(name) {
                true => done("CLOSE CURSOR"),
                false => return Err(user_error("34000", format!("cursor \"{name}\" does not exist"))),
            },
            // The statements themselves are forgotten by `do_query`, which has the client's store.
            Command::Deallocate(_) => done("DEALLOCATE"),
            Command::DiscardAll => {
                session.close_cursors();
                done("DISCARD ALL")
            }
        };
        Ok((response, notice))
    }

    async fn answer<C>(
        &self,
        client: &mut C,
        parsed: &Parsed,
        bound: Option<(ParamValues, SchemaRef)>,
        format: &Format,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
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
        match parsed {
            Parsed::Query(statement) => Ok(Response::Query(
                self.start(statement, bound).await?.answer(format),
            )),
            Parsed::Command(command) => {
                let (response, notice) = self.command(command, status, format).await?;
                if let Some(notice) = notice {
                    client
                        .feed(PgWireBackendMessage::NoticeResponse(notice.into()))
                        .await?;
                }
                Ok(response)
            }
        }
    }

    /// The columns of what a statement gives, in a format.
    async fn fields(&self, prepared: &Prepared, format: &Format) -> PgWireResult<Vec<FieldInfo>> {
        let columns = match prepared.parsed.as_ref() {
            Parsed::Command(Command::Fetch { name, .. }) => cursor::columns(&self.session, name).await?,
            _ => Arc::clone(&prepared.columns),
        };
        Ok(encode::fields(&columns, format))
    }
}

/// The one cell that SHOW gives.
fn shown(name: &str, format: &Format) -> PgWireResult<QueryResponse> {
    let fields = Arc::new(encode::fields(
        &Schema::new(vec![arrow::datatypes::Field::new(
            column_of(name),
            arrow::datatypes::DataType::Utf8,
            false,
        )]),
        format,
    ));
    let mut encoder = DataRowEncoder::new(Arc::clone(&fields));
    encoder.encode_field(&show(name))?;
    let mut response = QueryResponse::new(fields, stream::iter([Ok(encoder.take_row())]));
    response.set_command_tag("SHOW");
    Ok(response)
}

#[async_trait]
impl SimpleQueryHandler for Handler {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statements = parse(query)?;
        if statements.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let mut responses = Vec::with_capacity(statements.len());
        for parsed in &statements {
            if let Parsed::Command(Command::Deallocate(Some(name))) = parsed {
                client.portal_store().rm_statement(name);
                self.session.forgets_statement(name);
            }
            let response = self.answer(client, parsed, None, &Format::UnifiedText).await?;
            // A failed transaction that is rolled back to its savepoint goes on.
            if let Response::TransactionStart(_) = &response {
                client.set_transaction_status(TransactionStatus::Transaction);
            }
            responses.push(response);
        }
        Ok(responses)
    }
}

#[async_trait]
impl QueryParser for Preparer {
    type Statement = Prepared;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut statements = parse(sql)?;
        if statements.len() > 1 {
            return Err(user_error(
                "42601",
                "cannot insert multiple commands into a prepared statement",
            ));
        }
        match statements.pop() {
            None => Ok(None),
            Some(Parsed::Command(command)) => Ok(Some(Prepared::command(command))),
            Some(Parsed::Query(statement)) => {
                let shared = &self.house.shared;
                let mut watch = Watch::new(shared, &self.session);
                watch
                    .during(async {
                        let snapshot = shared.live.current(&shared.gauges).await;
                        let engine = &snapshot.engine;
                        catalogue::explain(engine, sql).await.map_err(|e| told(&e))?;
                        let prepared = Prepared::query(engine, statement, types).await;
                        prepared.map(Some).map_err(|e| told(&e))
                    })
                    .await
            }
        }
    }

    fn get_parameter_types(&self, prepared: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(prepared.parameter_types(&[]))
    }

    fn get_result_schema(
        &self,
        prepared: &Prepared,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        Ok(encode::fields(
            &prepared.columns,
            format.unwrap_or(&Format::UnifiedText),
        ))
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handler {
    type Statement = Prepared;
    type QueryParser = Preparer;

    fn query_parser(&self) -> Arc<Preparer> {
        Arc::clone(&self.parser)
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
        self.session.keeps_statement(&name)?;
        match StoredStatement::parse(client, &message, self.query_parser()).await? {
            Some(statement) => client.portal_store().put_statement(Arc::new(statement)),
            None => client.portal_store().put_empty_statement(&name),
        }
        let done = datafusion_postgres::pgwire::messages::extendedquery::ParseComplete::new();
        client.feed(PgWireBackendMessage::ParseComplete(done)).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statement = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let name = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
        self.session.keeps_portal(name)?;
        match client.portal_store().get_statement(statement) {
            Some(Entry::Value(statement)) => {
                let portal = Portal::try_new(&message, statement)?;
                client.portal_store().put_portal(Arc::new(portal));
            }
            Some(Entry::Empty) if message.parameters.is_empty() => {
                client.portal_store().put_empty_portal(name)
            }
            Some(Entry::Empty) => return Err(user_error("08P01", "an empty statement takes no values")),
            None => {
                let message = format!("prepared statement \"{statement}\" does not exist");
                return Err(user_error("26000", message));
            }
        }
        client
            .feed(PgWireBackendMessage::BindComplete(BindComplete::new()))
            .await?;
        Ok(())
    }

    /// The library's own way collects all rows before it sends the first one.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = match client.portal_store().get_portal(name) {
            Some(Entry::Value(portal)) => portal,
            Some(Entry::Empty) => {
                let nothing = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
                return Ok(client.feed(nothing).await?);
            }
            None => return Err(user_error("34000", format!("portal \"{name}\" does not exist"))),
        };
        let most = usize::try_from(message.max_rows).unwrap_or(0);
        let state = portal.state();
        let mut state = state.lock().await;
        let status = client.transaction_status();
        if matches!(*state, PortalExecutionState::Initial) {
            match ExtendedQueryHandler::do_query(self, client, portal.as_ref(), most).await? {
                Response::Query(rows) => *state = PortalExecutionState::Suspended(rows),
                Response::TransactionStart(tag) => {
                    send_execution_response(client, tag).await?;
                    client.set_transaction_status(TransactionStatus::Transaction);
                    return Ok(());
                }
                Response::TransactionEnd(tag) => {
                    send_execution_response(client, tag).await?;
                    client.set_transaction_status(status.to_idle_state());
                    return Ok(());
                }
                Response::Execution(tag) => return send_execution_response(client, tag).await,
                _ => {
                    let nothing = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
                    return Ok(client.feed(nothing).await?);
                }
            }
        }
        let more = match &mut *state {
            PortalExecutionState::Suspended(rows) => send_partial_query_response(client, rows, most).await?,
            _ => {
                send_execution_response(client, Tag::new("SELECT").with_rows(0)).await?;
                true
            }
        };
        if !more {
            *state = PortalExecutionState::Finished;
        }
        Ok(())
    }

    async fn on_describe<C>(&self, client: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        // A cursor is a portal too, by its name.
        if message.target_type == TARGET_TYPE_BYTE_PORTAL && self.session.cursor(name).is_some() {
            let columns = cursor::columns(&self.session, name).await?;
            let fields = encode::fields(&columns, &Format::UnifiedText);
            let fields = fields.iter().map(Into::into).collect();
            let row = datafusion_postgres::pgwire::messages::data::RowDescription::new(fields);
            return Ok(client.feed(PgWireBackendMessage::RowDescription(row)).await?);
        }
        if message.target_type == TARGET_TYPE_BYTE_STATEMENT
            && client.portal_store().get_statement(name).is_none()
        {
            return Err(user_error(
                "26000",
                format!("prepared statement \"{name}\" does not exist"),
            ));
        }
        self._on_describe(client, message).await
    }

    async fn do_describe_statement<C>(
        &self,
        _client: &mut C,
        target: &StoredStatement<Prepared>,
    ) -> PgWireResult<DescribeStatementResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let types = target.statement.parameter_types(&target.parameter_types);
        let fields = self.fields(&target.statement, &Format::UnifiedText).await?;
        Ok(DescribeStatementResponse::new(types, fields))
    }

    async fn do_describe_portal<C>(
        &self,
        _client: &mut C,
        target: &Portal<Prepared>,
    ) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &target.statement.statement;
        let fields = self.fields(prepared, &target.result_column_format).await?;
        Ok(DescribePortalResponse::new(fields))
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                client.portal_store().rm_statement(name);
                self.session.forgets_statement(name);
            }
            _ => {
                client.portal_store().rm_portal(name);
                self.session.forgets_portal(name);
                self.session.close_cursor(name);
            }
        }
        client
            .feed(PgWireBackendMessage::CloseComplete(CloseComplete::new()))
            .await?;
        Ok(())
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Prepared>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &portal.statement.statement;
        if let Parsed::Command(Command::Deallocate(Some(name))) = prepared.parsed.as_ref() {
            client.portal_store().rm_statement(name);
            self.session.forgets_statement(name);
        }
        let values = parameters::values(portal)?;
        let bound = Some((values, Arc::clone(&prepared.columns)));
        self.answer(client, &prepared.parsed, bound, &portal.result_column_format)
            .await
    }
}
