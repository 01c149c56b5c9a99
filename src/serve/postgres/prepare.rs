//! What a client prepares: planned far enough to know what it takes and gives.

use super::encode;
use super::handler::Handler;
use super::statement::{Parsed, Prepared, parse};
use super::trouble::{told, user_error};
use crate::base::Known;
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::FieldInfo;
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::{ClientInfo, Type};
use datafusion_postgres::pgwire::error::PgWireResult;
use futures::FutureExt;
use futures::future::BoxFuture;

impl Handler {
    fn prepare<'a>(
        &'a self,
        sql: &'a str,
        types: &'a [Option<Type>],
    ) -> BoxFuture<'a, PgWireResult<Option<Prepared>>> {
        async move {
            let mut statements = parse(sql)?;
            if statements.len() > 1 {
                return Err(user_error(
                    "42601",
                    "cannot insert multiple commands into a prepared statement",
                ));
            }
            let statement = match statements.pop().map(Known::into_inner) {
                None => return Ok(None),
                Some(Parsed::Command(command)) => return Ok(Some(Prepared::command(command))),
                Some(Parsed::Query(statement)) => statement,
            };
            let planned = async {
                let snapshot = self.newest(sql).await?;
                let prepared = Prepared::query(&snapshot.engine, statement, types).await;
                prepared.map(Some).map_err(|e| told(&e))
            };
            self.watch().during(planned).await
        }
        .boxed()
    }
}

#[async_trait]
impl QueryParser for Handler {
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
        self.prepare(sql, types).await
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
