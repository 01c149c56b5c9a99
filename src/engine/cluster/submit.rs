//! One query on its way: to the scheduler, to its end, and its rows back from the executors.

use super::codec::Codec;
use super::losses::LOST;
use super::{ClusterSettings, MESSAGE, PATIENCE};
use crate::base::Error;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, KeyValuePair, PartitionLocation, RemoveSessionParams,
};
use ballista_core::utils::{GrpcClientConfig, create_grpc_client_endpoint};
use ballista_core::version;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tonic::transport::{Channel, Endpoint};
use url::Url;

type Scheduler = SchedulerGrpcClient<Channel>;
type Rows = BoxStream<'static, Result<arrow::array::RecordBatch>>;

/// Seconds until somebody has to answer at an address.
const CONNECT: u64 = 5;
/// Tries to fetch a part of the answer, and milliseconds between them.
const FETCHES: u8 = 3;
const BETWEEN: u64 = 1000;
/// Seconds between two signs of life of whoever is waited for; without one he counts as gone after as long again.
const ALIVE: u64 = 10;
/// How often a query is asked that loses executors.
const ASKED: u32 = 3;
/// How often, and how far apart, a scheduler is asked whether it has executors.
const WAITS: u32 = 40;
const WAIT: Duration = Duration::from_millis(250);
/// How often a query that runs looks whether executors are still there, and how long others may take over the work of one
/// that is not before the query is asked again.
const LOOK: Duration = Duration::from_secs(3);
const MADE_UP: Duration = Duration::from_secs(90);

/// The cluster of a session.
pub(in crate::engine) struct Cluster {
    settings: ClusterSettings,
    /// What the scheduler and the executors know this session by.
    session: String,
    lines: OnceCell<Lines>,
}

/// How a scheduler is reached.
#[derive(Clone)]
struct Lines {
    scheduler: Scheduler,
    readiness: Readiness,
}

/// Where a scheduler says whether it has executors.
#[derive(Clone)]
struct Readiness {
    client: reqwest::Client,
    url: Url,
}

impl Readiness {
    fn of(settings: &ClusterSettings) -> Result<Readiness> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(CONNECT))
            .no_proxy()
            .build()
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        match settings.url.join("readyz") {
            Ok(url) => Ok(Readiness { client, url }),
            Err(_) => told(nobody(settings)),
        }
    }

    async fn ask(&self) -> reqwest::Result<reqwest::Response> {
        self.client.get(self.url.clone()).send().await
    }

    /// Until an executor has been gone for so long that others should have done its work. Now and then the scheduler
    /// waits for ever for what it had just given to one that ended.
    async fn deserted(&self) {
        let mut most = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            // Whether the scheduler itself is there is seen on its line.
            let Ok(answer) = self.ask().await else { continue };
            let now = answer.text().await.ok().and_then(|text| executors(&text));
            most = most.max(now.unwrap_or(0));
            if now.is_some_and(|now| now < most) {
                return tokio::time::sleep(MADE_UP).await;
            }
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster of {}", self.settings.url)
    }
}

impl Cluster {
    pub(in crate::engine) fn new(settings: ClusterSettings) -> Cluster {
        let unique = (std::process::id(), std::time::Instant::now());
        let session = blake3::hash(format!("{unique:?} {:p}", &unique).as_bytes());
        Cluster {
            settings,
            session: format!("spendscope-{}", &session.to_hex()[..24]),
            lines: OnceCell::new(),
        }
    }

    /// A plan as the scheduler takes it.
    pub(super) fn query(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &SessionConfig,
    ) -> Result<ExecuteQueryParams> {
        let written = PhysicalPlanNode::try_from_physical_plan(Arc::clone(plan), &Codec::default())?;
        let mut bytes = Vec::new();
        written.try_encode(&mut bytes)?;
        if bytes.len() > MESSAGE {
            return told(
                Error::query(format!(
                    "a plan of {} MB is too large to send: the tables that were lent to it travel with it",
                    bytes.len() >> 20
                ))
                .advise("run this one without --cluster"),
            );
        }
        let settings = config.options().entries().into_iter();
        Ok(ExecuteQueryParams {
            query: Some(Query::PhysicalPlan(bytes)),
            settings: settings
                .map(|entry| KeyValuePair {
                    key: entry.key,
                    value: entry.value,
                })
                .collect(),
            session_id: self.session.clone(),
            operation_id: String::new(),
        })
    }

    async fn lines(&self) -> Result<Lines> {
        let connect = || async {
            let readiness = Readiness::of(&self.settings)?;
            self.ready(&readiness).await?;
            let config = GrpcClientConfig {
                connect_timeout_seconds: CONNECT,
                timeout_seconds: PATIENCE as u64,
                ..GrpcClientConfig::default()
            };
            let url = self.settings.url.as_str().trim_end_matches('/').to_owned();
            let endpoint = create_grpc_client_endpoint(url.clone(), Some(&config));
            let channel = match endpoint.map_err(Into::into).and_then(watched) {
                Ok(endpoint) => endpoint.connect().await.ok(),
                Err(_) => None,
            };
            let Some(channel) = channel else {
                return told(nobody(&self.settings));
            };
            let scheduler = SchedulerGrpcClient::new(channel)
                .max_encoding_message_size(MESSAGE)
                .max_decoding_message_size(MESSAGE);
            Ok(Lines { scheduler, readiness })
        };
        self.lines.get_or_try_init(connect).await.cloned()
    }

    /// Is there a scheduler, and are there executors. A cluster that has just been started is waited for;
    /// a query would wait for its first executor for ever.
    async fn ready(&self, readiness: &Readiness) -> Result<()> {
        for _ in 0..WAITS {
            let Ok(answer) = readiness.ask().await else {
                return told(nobody(&self.settings));
            };
            match answer.status().as_u16() {
                200 => return Ok(()),
                503 => tokio::time::sleep(WAIT).await,
                _ => return told(no_scheduler(&self.settings)),
            }
        }
        told(
            Error::io(format!("the scheduler at {} has no executors", self.settings.url)).advise(format!(
                "start some with `spendscope cluster executor --scheduler {}`",
                self.settings.url
            )),
        )
    }

    /// The rows of a query. Who drops them before their end takes the query back.
    pub(super) async fn run(&self, query: ExecuteQueryParams) -> Result<Rows> {
        let mut asked = 0;
        loop {
            asked += 1;
            match self.once(query.clone()).await? {
                Ok(parts) => {
                    let parts = futures::stream::iter(parts);
                    return Ok(parts.then(fetch).try_flatten().boxed());
                }
                Err(why) if asked < ASKED && lost_some(&why) => {}
                Err(why) => return told(failure(&why)),
            }
        }
    }

    /// Where the parts of the answer are, or why there is none.
    async fn once(
        &self,
        query: ExecuteQueryParams,
    ) -> Result<std::result::Result<Vec<PartitionLocation>, String>> {
        let Lines {
            mut scheduler,
            readiness,
        } = self.lines().await?;
        let mut request = tonic::Request::new(query);
        version::insert_version_header(request.metadata_mut());
        let answer = scheduler
            .execute_query_push(request)
            .await
            .map_err(|refusal| self.refused(&refusal))?;
        version::check_compatibility(
            Some(ballista_core::BALLISTA_VERSION),
            version::version_from_metadata(answer.metadata()),
        )
        .map_err(|why| other_version(&why))?;
        let mut running = Running { scheduler, job: None };
        let mut told_of = answer.into_inner();
        let mut deserted = std::pin::pin!(readiness.deserted());
        loop {
            let news = tokio::select! {
                biased;
                news = told_of.message() => news.map_err(|lost| self.refused(&lost))?,
                () = &mut deserted => return Ok(Err(format!("{LOST}: its work was not done by others"))),
            };
            let Some(news) = news else {
                return told(lost_sight(&self.settings));
            };
            let Some(status) = news.status else { continue };
            running.job.get_or_insert(status.job_id);
            let done = match status.status {
                Some(Status::Failed(failed)) => Err(failed.error),
                Some(Status::Successful(done)) => Ok(done.partition_location),
                _ => continue,
            };
            running.job = None;
            return Ok(done);
        }
    }

    fn refused(&self, refusal: &tonic::Status) -> DataFusionError {
        let why = refusal.message();
        // What did not come from the scheduler, but from the line to it.
        let broken = std::error::Error::source(refusal).is_some();
        let error = match refusal.code() {
            _ if broken => lost_sight(&self.settings),
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
                lost_sight(&self.settings)
            }
            tonic::Code::Unimplemented => no_scheduler(&self.settings),
            _ if why.contains("version") => return other_version(why),
            _ => failure(why),
        };
        DataFusionError::External(Box::new(error))
    }
}

/// The scheduler forgets a session that is over.
impl Drop for Cluster {
    fn drop(&mut self) {
        let (Some(lines), Ok(runtime)) = (self.lines.get(), Handle::try_current()) else {
            return;
        };
        let mut scheduler = lines.scheduler.clone();
        let session_id = std::mem::take(&mut self.session);
        runtime.spawn(async move {
            let _ = scheduler.remove_session(RemoveSessionParams { session_id }).await;
        });
    }
}

/// A query that the scheduler has, and takes off again when nobody waits for it any more.
struct Running {
    scheduler: Scheduler,
    job: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(job_id), Ok(runtime)) = (self.job.take(), Handle::try_current()) else {
            return;
        };
        let mut scheduler = self.scheduler.clone();
        runtime.spawn(async move {
            let _ = scheduler.cancel_job(CancelJobParams { job_id }).await;
        });
    }
}

/// One part of an answer, from the executor that holds it.
async fn fetch(part: PartitionLocation) -> Result<SendableRecordBatchStream> {
    let layout = part.layout();
    let (Some(executor), Some(id)) = (part.executor_meta, part.partition_id) else {
        return told(Error::internal("a part of an answer is nowhere"));
    };
    let gone = |e: BallistaError| {
        let why = e.to_string();
        let why = why.lines().next().unwrap_or_default();
        let error = Error::io(format!(
            "the executor at {}:{} no longer has its part of the answer: {why}",
            executor.host, executor.port
        ));
        DataFusionError::External(Box::new(error.advise("run the query again")))
    };
    let port = u16::try_from(executor.port).unwrap_or_default();
    let host = executor.host.as_str();
    let alive = Some(Arc::new(BallistaConfigGrpcEndpoint::new(Arc::new(watched))));
    let client = BallistaClient::try_new(host, port, MESSAGE, false, alive, FETCHES, BETWEEN, 0, 0).await;
    let mut client = client.map_err(gone)?;
    client
        .fetch_partition(&executor.id, &id.into(), part.file_id, layout, true)
        .await
        .map_err(gone)
}

/// A connection that ends when the other side gives no sign of life.
fn watched(endpoint: Endpoint) -> std::result::Result<Endpoint, Box<dyn std::error::Error + Send + Sync>> {
    let alive = Duration::from_secs(ALIVE);
    Ok(endpoint
        .connect_timeout(Duration::from_secs(CONNECT))
        .http2_keep_alive_interval(alive)
        .keep_alive_timeout(alive)
        .keep_alive_while_idle(true))
}

fn told<T>(error: Error) -> Result<T> {
    Err(DataFusionError::External(Box::new(error)))
}

fn nobody(settings: &ClusterSettings) -> Error {
    Error::io(format!("no scheduler answers at {}", settings.url))
        .advise("start one with `spendscope cluster scheduler`, or leave --cluster out")
}

fn no_scheduler(settings: &ClusterSettings) -> Error {
    Error::io(format!("what answers at {} is no scheduler", settings.url))
        .advise("name the address that `spendscope cluster scheduler` listens on")
}

fn lost_sight(settings: &ClusterSettings) -> Error {
    Error::io(format!(
        "the scheduler at {} went away while the query ran",
        settings.url
    ))
    .advise("look after its process, and run the query again")
}

fn other_version(why: &str) -> DataFusionError {
    let error = Error::query(why.to_owned())
        .advise("run the same version of spendscope here, as the scheduler and as the executors");
    DataFusionError::External(Box::new(error))
}

/// How many executors a scheduler says that it has.
fn executors(ready: &str) -> Option<u32> {
    let mut counts = ready.split_whitespace().filter_map(|word| word.split('/').next());
    counts.find_map(|count| count.parse().ok())
}

/// Did executors go away, so that asking again may help?
fn lost_some(why: &str) -> bool {
    [LOST, "FetchFailed", "ExecutorLost"]
        .iter()
        .any(|sign| why.contains(sign))
}

/// What went wrong elsewhere, without the names of the layers it passed through.
fn failure(why: &str) -> Error {
    let error = Error::query(format!("the cluster could not run the query: {why}"));
    if lost_some(why) || why.contains("no alive executors") {
        return error.advise("executors were lost: look after their processes, and run the query again");
    }
    if why.contains("Resources exhausted") {
        return error.advise(
            "give the executors more memory (--memory), or more of them and more --cluster-partitions",
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_says_how_many_executors_it_has() {
        assert_eq!(executors("ready: 2 executors registered\n"), Some(2));
        assert_eq!(executors("not ready: 0/1 executors registered\n"), Some(0));
        assert_eq!(executors("<html>"), None);
    }
}
