//! DECLARE, FETCH, CLOSE: a statement that gives its rows in pieces. Forwards only.

use super::encode;
use super::rows::{self, Running};
use super::session::{Session, SharedCursor};
use super::trouble::user_error;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::FetchDirection;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::QueryResponse;
use datafusion_postgres::pgwire::error::PgWireResult;
use futures::stream;
use std::sync::Arc;

pub(super) struct Cursor {
    running: Running,
    /// Rows that were pulled and not fetched yet.
    rest: Option<RecordBatch>,
}

impl Cursor {
    pub(super) fn new(running: Running) -> Cursor {
        Cursor { running, rest: None }
    }

    pub(super) fn columns(&self) -> &SchemaRef {
        &self.running.columns
    }

    /// Up to so many of the next rows, at least one unless there is none.
    async fn pull(&mut self, most: usize) -> PgWireResult<Option<RecordBatch>> {
        let batch = loop {
            match self.rest.take() {
                Some(batch) if batch.num_rows() > 0 => break batch,
                _ => match self.running.next().await? {
                    Some(batch) => self.rest = Some(batch),
                    None => return Ok(None),
                },
            }
        };
        let taken = most.min(batch.num_rows());
        if taken < batch.num_rows() {
            self.rest = Some(batch.slice(taken, batch.num_rows() - taken));
        }
        Ok(Some(batch.slice(0, taken)))
    }
}

/// How many rows are fetched; `None`: all of them.
pub(super) fn wanted(direction: &FetchDirection) -> PgWireResult<Option<usize>> {
    let count = |text: &str| {
        text.parse()
            .map_err(|_| user_error("42601", format!("'{text}' is not a number of rows")))
    };
    match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Ok(Some(1)),
        FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => {
            count(&limit.to_string()).map(Some)
        }
        FetchDirection::All | FetchDirection::ForwardAll => Ok(None),
        _ => Err(user_error("55000", "cursor can only scan forward")),
    }
}

/// The next rows of a cursor as an answer. They are pulled while they are sent.
pub(super) async fn fetch(
    session: &Session,
    name: &str,
    wanted: Option<usize>,
    format: &Format,
) -> PgWireResult<QueryResponse> {
    let cursor = find(session, name)?;
    let fields = {
        let mut held = cursor.lock().await;
        held.running.renew(session);
        Arc::new(encode::fields(held.columns(), format))
    };
    let state = (cursor, wanted.unwrap_or(usize::MAX));
    let batches = stream::unfold(Some(state), |state| async {
        let (cursor, left) = state?;
        if left == 0 {
            return None;
        }
        let pulled = cursor.lock().await.pull(left).await;
        match pulled {
            Ok(Some(batch)) => {
                let left = left - batch.num_rows();
                Some((Ok(batch), Some((cursor, left))))
            }
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut response = QueryResponse::new(Arc::clone(&fields), rows::encoded(batches, fields));
    response.set_command_tag("FETCH");
    Ok(response)
}

/// What columns the rows of a cursor have.
pub(super) async fn columns(session: &Session, name: &str) -> PgWireResult<SchemaRef> {
    let cursor = find(session, name)?;
    let columns = Arc::clone(cursor.lock().await.columns());
    Ok(columns)
}

fn find(session: &Session, name: &str) -> PgWireResult<SharedCursor> {
    session
        .cursor(name)
        .ok_or_else(|| user_error("34000", format!("cursor \"{name}\" does not exist")))
}
