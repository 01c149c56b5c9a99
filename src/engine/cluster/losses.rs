//! Answers that no lost executor had a part in. Ballista works out again what an executor took with it; but the rows
//! that others had already handed on to the next stage stay there beside those of the new attempt, and are counted
//! twice. So a query that lost something on its way has no answer here: it fails with a mark by which the client
//! knows to ask once more.

use async_trait::async_trait;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::{FailedJob, JobStatus, task_status};
use ballista_core::{JobId, JobStatusSubscriber};
use ballista_scheduler::cluster::{JobState, JobStateEventStream};
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::collections::HashSet;
use std::sync::Arc;

/// What such a query says instead of its answer.
pub(super) const LOST: &str = "an executor was lost while the query ran";

/// The scheduler's memory of queries, in which none of these succeeds.
pub(super) struct Sound(pub(super) Arc<dyn JobState>);

/// Did every task of every stage end well the first time?
fn sound(graph: &ExecutionGraphBox) -> bool {
    graph.stages().values().all(|stage| match stage {
        ExecutionStage::Successful(stage) => {
            stage.stage_attempt_num == 0
                && stage
                    .task_infos
                    .iter()
                    .all(|task| matches!(task.task_status, task_status::Status::Successful(_)))
        }
        _ => false,
    })
}

/// The same query, failed.
fn lost(graph: &ExecutionGraphBox) -> Option<ExecutionGraphBox> {
    let JobStatus {
        status: Some(Status::Successful(done)),
        ..
    } = graph.status()
    else {
        return None;
    };
    if sound(graph) {
        return None;
    }
    let failed = FailedJob {
        error: LOST.to_owned(),
        queued_at: done.queued_at,
        started_at: done.started_at,
        ended_at: done.ended_at,
    };
    let mut graph = graph.cloned();
    let status = JobStatus {
        status: Some(Status::Failed(failed)),
        ..graph.status().clone()
    };
    graph.update_status(status);
    Some(graph)
}

#[async_trait]
impl JobState for Sound {
    async fn save_job(&self, job_id: &JobId, graph: &ExecutionGraphBox) -> Result<()> {
        match lost(graph) {
            Some(lost) => self.0.save_job(job_id, &lost).await,
            None => self.0.save_job(job_id, graph).await,
        }
    }

    fn accept_job(&self, job_id: &JobId, job_name: &str, queued_at: u64) -> Result<()> {
        self.0.accept_job(job_id, job_name, queued_at)
    }

    fn pending_job_number(&self) -> usize {
        self.0.pending_job_number()
    }

    async fn submit_job(
        &self,
        job_id: JobId,
        graph: &ExecutionGraphBox,
        subscriber: Option<JobStatusSubscriber>,
    ) -> Result<()> {
        self.0.submit_job(job_id, graph, subscriber).await
    }

    async fn get_jobs(&self) -> Result<HashSet<JobId>> {
        self.0.get_jobs().await
    }

    async fn get_all_jobs(&self) -> Result<HashSet<JobId>> {
        self.0.get_all_jobs().await
    }

    async fn get_job_status(&self, job_id: &JobId) -> Result<Option<JobStatus>> {
        self.0.get_job_status(job_id).await
    }

    async fn get_execution_graph(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.0.get_execution_graph(job_id).await
    }

    async fn fail_unscheduled_job(&self, job_id: &JobId, reason: String) -> Result<()> {
        self.0.fail_unscheduled_job(job_id, reason).await
    }

    async fn remove_job(&self, job_id: &JobId) -> Result<()> {
        self.0.remove_job(job_id).await
    }

    async fn try_acquire_job(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.0.try_acquire_job(job_id).await
    }

    async fn job_state_events(&self) -> Result<JobStateEventStream> {
        self.0.job_state_events().await
    }

    async fn create_or_update_session(
        &self,
        session_id: &str,
        config: &SessionConfig,
    ) -> Result<Arc<SessionContext>> {
        self.0.create_or_update_session(session_id, config).await
    }

    async fn remove_session(&self, session_id: &str) -> Result<()> {
        self.0.remove_session(session_id).await
    }

    fn produce_config(&self) -> SessionConfig {
        self.0.produce_config()
    }
}
