//! A statement that runs: rows as they come, until there are no more, or it took too long, gave too many, or
//! somebody cancelled it. Holds a turn at the gate only while it works, not while a reader is slow.

use super::encode::{self, Rows};
use super::session::{AtWork, Session};
use super::trouble::{told, user_error};
use crate::engine::Batches;
use crate::serve::Shared;
use crate::serve::gauges::more;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::data::DataRow;
use futures::{Stream, StreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// What keeps a statement within its limits.
pub(super) struct Watch {
    shared: Arc<Shared>,
    cancelled: watch::Receiver<u64>,
    left: Duration,
    begun: Instant,
    _at_work: AtWork,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let gauges = &self.shared.gauges;
        gauges.running.fetch_sub(1, Ordering::Relaxed);
        gauges.postgres.latency.observe(self.begun.elapsed());
    }
}

impl Watch {
    pub(super) fn new(shared: &Arc<Shared>, session: &Arc<Session>) -> Watch {
        more(&shared.gauges.postgres.requests);
        shared.gauges.running.fetch_add(1, Ordering::Relaxed);
        Watch {
            shared: Arc::clone(shared),
            cancelled: session.cancelled(),
            left: session.timeout(),
            begun: Instant::now(),
            _at_work: session.at_work(),
        }
    }

    /// A cursor that is fetched from again has its time anew.
    pub(super) fn renew(&mut self, session: &Session) {
        self.left = session.timeout();
        self.cancelled = session.cancelled();
    }

    /// Does a piece of work in its turn.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = PgWireResult<T>>) -> PgWireResult<T> {
        let gauges = &self.shared.gauges;
        let begun = Instant::now();
        let turn = async {
            let _turn = self.shared.gate.work().await;
            work.await
        };
        let done = tokio::select! {
            biased;
            Ok(()) = self.cancelled.changed() => {
                more(&gauges.cancelled);
                Err(PgWireError::QueryCanceled)
            }
            done = timeout(self.left, turn) => done.unwrap_or_else(|_| {
                more(&gauges.timed_out);
                Err(user_error("57014", "canceling statement due to statement timeout"))
            }),
        };
        self.left = self.left.saturating_sub(begun.elapsed());
        if done.is_err() {
            more(&gauges.postgres.errors);
        }
        done
    }
}

/// Rows that come, in the types that the client was told.
pub(super) struct Running {
    watch: Watch,
    /// Gone when the last row was given, or none will be.
    batches: Option<Batches>,
    pub(super) columns: SchemaRef,
    given: u64,
}

impl Running {
    pub(super) fn new(watch: Watch, batches: Batches, columns: SchemaRef) -> Running {
        Running {
            watch,
            batches: Some(batches),
            columns,
            given: 0,
        }
    }

    pub(super) fn renew(&mut self, session: &Session) {
        self.watch.renew(session);
    }

    /// The next rows; `None` at the end.
    pub(super) async fn next(&mut self) -> PgWireResult<Option<RecordBatch>> {
        let Some(batches) = &mut self.batches else {
            return Ok(None);
        };
        let pulled = self
            .watch
            .during(async { batches.next().await.map_err(|e| told(&e)) })
            .await;
        let batch = match pulled {
            Ok(Some(batch)) => encode::as_told(batch, &self.columns).map_err(|e| told(&e)),
            Ok(None) => {
                self.batches = None;
                return Ok(None);
            }
            Err(error) => Err(error),
        };
        let batch = batch.and_then(|batch| self.within(batch));
        if batch.is_err() {
            self.batches = None;
        }
        batch.map(Some)
    }

    fn within(&mut self, batch: RecordBatch) -> PgWireResult<RecordBatch> {
        let rows = batch.num_rows() as u64;
        self.given += rows;
        let shared = &self.watch.shared;
        shared.gauges.rows.fetch_add(rows, Ordering::Relaxed);
        match shared.limits.rows {
            Some(most) if self.given > most => Err(user_error(
                "54000",
                format!(
                    "more than {most} rows; ask for less, or for sums (max_rows of [serve] is the limit)"
                ),
            )),
            _ => Ok(batch),
        }
    }

    /// All rows, encoded, as an answer.
    pub(super) fn answer(self, format: &Format) -> QueryResponse {
        let fields = Arc::new(encode::fields(&self.columns, format));
        let batches = stream::unfold(Some(self), |running| async {
            let mut running = running?;
            match running.next().await {
                Ok(Some(batch)) => Some((Ok(batch), Some(running))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        QueryResponse::new(Arc::clone(&fields), encoded(batches, fields))
    }
}

/// Batches as rows, each encoded when it is asked for.
pub(super) fn encoded(
    batches: impl Stream<Item = PgWireResult<RecordBatch>> + Send + 'static,
    fields: Arc<Vec<FieldInfo>>,
) -> impl Stream<Item = PgWireResult<DataRow>> + Send + 'static {
    batches
        .map(move |batch| match batch {
            Ok(batch) => stream::iter(Rows::of(batch, &fields)).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        })
        .flatten()
}
