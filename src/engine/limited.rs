//! Rows of a query within their limits: no longer than a deadline, no more than a number, and not a moment
//! longer than somebody wants them.
//!
//! The query runs in a task of its own, at most one batch ahead of its reader, so that a reader who waits
//! can leave while an operator is busy. Whoever drops the rows ends the task, and with it the tasks that
//! operators have started.

use crate::base::{Error, Result};
use arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// The moment at which a query has to be done, if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    pub(super) fn after(timeout: Option<Duration>) -> Deadline {
        // A time-out of centuries is none.
        Deadline(timeout.and_then(|wait| Some((Instant::now().checked_add(wait)?, wait))))
    }

    /// What the work gives, unless time runs out first.
    pub(super) async fn over<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let Some((moment, wait)) = self.0 else {
            return Ok(work.await);
        };
        timeout_at(moment, work).await.map_err(|_| {
            Error::query(format!("the query took longer than {wait:?} and was stopped"))
                .advise("ask for less (a shorter window, fewer groups), or give it more time with --timeout")
        })
    }
}

struct Running {
    batches: Receiver<PlanResult<RecordBatch>>,
    task: JoinSet<()>,
    deadline: Deadline,
    most: Option<u64>,
    seen: u64,
}

pub(super) fn limited(
    mut stream: SendableRecordBatchStream,
    most: Option<u64>,
    deadline: Deadline,
) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let (send, batches) = channel(1);
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Some(batch) = stream.next().await {
            if send.send(batch).await.is_err() {
                return;
            }
        }
    });
    let running = Running {
        batches,
        task,
        deadline,
        most,
        seen: 0,
    };
    let rows = futures::stream::try_unfold(running, |mut running| async move {
        let next = running.next().await?;
        Ok(next.map(|batch| (batch, running)))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

impl Running {
    async fn next(&mut self) -> PlanResult<Option<RecordBatch>> {
        let next = self.deadline.over(self.batches.recv()).await;
        let Some(batch) = next.map_err(ours)? else {
            return self.ended().await.map(|()| None);
        };
        let batch = batch?;
        let before = self.seen;
        self.seen += batch.num_rows() as u64;
        match self.most {
            Some(most) if self.seen > most && before >= most => Err(ours(too_many(most))),
            // The rows that may be shown are; the next call says that there are more.
            Some(most) if self.seen > most => Ok(Some(batch.slice(0, (most - before) as usize))),
            _ => Ok(Some(batch)),
        }
    }

    /// The end of the rows is the end only when the task says so: one that broke down has rows left.
    async fn ended(&mut self) -> PlanResult<()> {
        if self.most.is_some_and(|most| self.seen > most) {
            return Err(ours(too_many(self.most.unwrap_or_default())));
        }
        match self.task.join_next().await {
            Some(Err(broken)) => Err(ours(Error::internal(format!("the query broke down: {broken}")))),
            _ => Ok(()),
        }
    }
}

fn too_many(most: u64) -> Error {
    Error::query(format!(
        "the answer has more than {most} rows, which is as many as it may have"
    ))
    .advise("ask for fewer with LIMIT, WHERE or GROUP BY, or allow more with --max-rows")
}

fn ours(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
