//! Rows of a query within their limits: no longer than a deadline, no more than a number, and not a moment
//! longer than somebody wants them.
//!
//! The query runs in a task of its own, at most one batch ahead of its reader, so that a reader who waits
//! can leave while an operator is busy. Whoever drops the rows ends the task, and with it the tasks that
//! operators have started.

use super::thrift;
use super::workers::Pool;
use crate::base::{Error, Result, pace};
use arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a query that failed may take to end.
const GOODBYE: Duration = Duration::from_millis(300);

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
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = pace::until(moment) => Err(Error::query(format!(
                "the query took longer than {wait:?} and was stopped"
            ))
            .advise("ask for less (a shorter window, fewer groups), or give it more time with --timeout")),
        }
    }
}

struct Running {
    batches: Receiver<PlanResult<RecordBatch>>,
    task: JoinSet<()>,
    pool: Arc<Pool>,
    deadline: Deadline,
    most: Option<u64>,
    seen: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        // A task whose end was seen is in the set no more.
        if !self.task.is_empty() {
            self.pool.given_up();
        }
    }
}

pub(super) fn limited(
    plan: Arc<dyn ExecutionPlan>,
    made_of: (SessionState, LogicalPlan),
    pool: Arc<Pool>,
    most: Option<u64>,
    deadline: Deadline,
) -> SendableRecordBatchStream {
    let schema = plan.schema();
    let (send, batches) = channel(1);
    let mut task = JoinSet::new();
    task.spawn_on(hand_on(plan, made_of, send), pool.handle());
    let running = Running {
        batches,
        task,
        pool,
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

async fn hand_on(
    plan: Arc<dyn ExecutionPlan>,
    (session, query): (SessionState, LogicalPlan),
    send: Sender<PlanResult<RecordBatch>>,
) {
    let mut stream = match thrift::run(plan, &session, &query).await {
        Ok(stream) => stream,
        Err(error) => {
            let _ = send.send(Err(error)).await;
            return;
        }
    };
    while let Some(batch) = stream.next().await {
        if send.send(batch).await.is_err() {
            return;
        }
    }
}

impl Running {
    async fn next(&mut self) -> PlanResult<Option<RecordBatch>> {
        let next = self.deadline.over(self.batches.recv()).await;
        let batch = match next.map_err(ours).and_then(Option::transpose) {
            Ok(Some(batch)) => batch,
            Ok(None) => return self.ended().await.map(|()| None),
            Err(error) => {
                self.leave().await;
                return Err(error);
            }
        };
        let before = self.seen;
        self.seen += batch.num_rows() as u64;
        match self.most {
            Some(most) if self.seen > most && before >= most => Err(ours(too_many(most))),
            // The rows that may be shown are; the next call says that there are more.
            Some(most) if self.seen > most => Ok(Some(batch.slice(0, (most - before) as usize))),
            _ => Ok(Some(batch)),
        }
    }

    /// What the task has on disk goes with it, so its end is waited for; one that is caught in a step is left.
    async fn leave(&mut self) {
        tokio::select! {
            biased;
            () = self.task.shutdown() => {}
            () = pace::until(Instant::now() + GOODBYE) => {}
        }
    }

    /// The end of the rows is the end only when the task says so: one that broke down has rows left.
    async fn ended(&mut self) -> PlanResult<()> {
        if self.most.is_some_and(|most| self.seen > most) {
            return Err(ours(too_many(self.most.unwrap_or_default())));
        }
        let ended = self.task.join_next().await;
        match ended {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::asset::Assets;
    use crate::base::time::from_micros;
    use crate::engine::{Engine, Limits, Registry, Settings, Values};
    use std::collections::HashMap;
    use std::time::{Duration, Instant};

    async fn engine() -> Engine {
        let settings = Settings::new(from_micros(0));
        Engine::over_tables(
            HashMap::new(),
            &Assets::builtin(),
            &Registry::default(),
            &settings,
        )
        .await
        .unwrap()
    }

    async fn early(engine: &Engine, sql: &str) -> crate::engine::Batches {
        let statement = Engine::statements(sql).unwrap().remove(0).unwrap();
        let mut rows = engine
            .user_stream(statement, &Values::new(), &Limits::default())
            .await
            .unwrap();
        let wait = tokio::time::timeout(Duration::from_millis(300), rows.next()).await;
        assert!(wait.is_err(), "it was to be endless: {sql}");
        rows
    }

    /// Whoever drops the rows ends the work: none of its tasks is left.
    #[tokio::test(flavor = "multi_thread")]
    async fn dropping_the_rows_ends_all_tasks() {
        let engine = engine().await;
        for sql in [
            "SELECT value FROM generate_series(1, 100000000000) WHERE value < 0",
            "SELECT value % 7, count(*) FROM generate_series(1, 100000000000) GROUP BY 1",
        ] {
            let rows = early(&engine, sql).await;
            let pool = engine.workers.ready().await.unwrap();
            assert!(pool.handle().metrics().num_alive_tasks() > 0);
            let begun = Instant::now();
            drop(rows);
            while pool.handle().metrics().num_alive_tasks() > 0 {
                assert!(begun.elapsed() < Duration::from_secs(10), "tasks live on: {sql}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            println!("all tasks ended within {:?}", begun.elapsed());
        }
    }

    /// A join of everything with everything is caught in one step, and the next query runs all the same.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_query_that_is_given_up_holds_nobody_up() {
        let engine = engine().await;
        let rows = early(
            &engine,
            "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b
             WHERE a.value + b.value < 0",
        )
        .await;
        drop(rows);
        let begun = Instant::now();
        let answer = engine
            .user_query("SELECT value % 7, count(*) FROM generate_series(1, 10000) GROUP BY 1")
            .await;
        assert_eq!(
            answer
                .unwrap()
                .iter()
                .map(|batch| batch.num_rows())
                .sum::<usize>(),
            7
        );
        println!("the next answer came within {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
