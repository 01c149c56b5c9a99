//! Commands carried out: settings that are taken note of, transactions that are remembered, cursors.

use super::command::{Command, column_of, show};
use super::cursor::{self, Cursor};
use super::encode;
use super::handler::Handler;
use super::trouble::user_error;
use arrow::datatypes::Schema;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireResult};
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use std::sync::Arc;

impl Handler {
    /// Carries a command out; its answer, and what is to be said beside.
    pub(super) fn command<'a>(
        &'a self,
        command: &'a Command,
        status: TransactionStatus,
        format: &'a Format,
    ) -> BoxFuture<'a, PgWireResult<(Response, Option<ErrorInfo>)>> {
        async move {
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
                // The statements themselves are forgotten by `answer`, which has the client's store.
                Command::Deallocate(_) => done("DEALLOCATE"),
                Command::DiscardAll => {
                    session.close_cursors();
                    done("DISCARD ALL")
                }
            };
            Ok((response, notice))
        }
        .boxed()
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
