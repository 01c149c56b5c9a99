//! The scheduler and the executors: Ballista's, which read our plans.

use super::codec::{Codec, functions};
use super::losses::Sound;
use super::stores::{NoStores, OwnStores};
use super::{MESSAGE, PATIENCE};
use crate::base::{Error, Result};
use ballista_core::config::{BALLISTA_CLIENT_GRPC_MAX_MESSAGE_SIZE, TaskSchedulingPolicy};
use ballista_core::error::BallistaError;
use ballista_core::extension::SessionConfigExt;
use ballista_core::utils::GrpcServerConfig;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use url::Url;

/// Seconds between signs of life, and until a silent executor counts as lost and its work is done by others.
const HEARTBEAT: u64 = 3;
const LOST: u64 = 15;
const LOOK: u64 = 2;
/// Seconds that a cluster which has lost all its executors is waited for.
const GRACE: u64 = 30;
/// Seconds for which an answer waits to be fetched, and what is known of a query is held.
const HELD: u64 = 3600;
/// How long an executor waits for its scheduler when both are started together, and between two looks.
const SCHEDULER_WAIT: Duration = Duration::from_secs(20);
const SCHEDULER_LOOK: Duration = Duration::from_millis(250);
/// Seconds after which an executor removes what a query left that the scheduler forgot, and between looks.
const LEFT: u64 = 6 * 3600;
const SWEEP: u64 = 600;

#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    pub bind: SocketAddr,
    /// Under which name executors reach it, when that is not where it listens.
    pub advertise: Option<String>,
}

#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    pub scheduler: Url,
    /// Where rows are handed out. Orders are taken at the port after it.
    pub bind: SocketAddr,
    /// Under which name the others reach it, when that is not the address it comes from.
    pub advertise: Option<String>,
    /// Where the rows between two stages lie.
    pub work: PathBuf,
    /// Bytes that all tasks together may hold before they spill. None: 70 % of the machine's.
    pub memory: Option<u64>,
    /// Partitions that are worked on at once.
    pub cores: usize,
    /// Credentials and endpoints of object stores: this process's own.
    pub stores: HashMap<String, String>,
}

fn config() -> SessionConfig {
    SessionConfig::new_with_ballista().set_usize(BALLISTA_CLIENT_GRPC_MAX_MESSAGE_SIZE, MESSAGE)
}

/// Runs until it fails; who calls it says when it is over.
pub async fn scheduler(settings: SchedulerSettings) -> Result<()> {
    let message = u32::try_from(MESSAGE).unwrap_or(u32::MAX);
    let host = settings.advertise.unwrap_or_else(|| bare(settings.bind));
    let session = |config: SessionConfig| -> datafusion::error::Result<SessionState> {
        let runtime = RuntimeEnvBuilder::new()
            .with_object_store_registry(Arc::new(NoStores))
            .build_arc()?;
        let functions = functions();
        Ok(SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_scalar_functions(functions.scalar_functions.into_values().collect())
            .with_aggregate_functions(functions.aggregate_functions.into_values().collect())
            .build())
    };
    let config = SchedulerConfig {
        external_host: host,
        bind_host: bare(settings.bind),
        bind_port: settings.bind.port(),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        finished_job_data_clean_up_interval_seconds: HELD,
        finished_job_state_clean_up_interval_seconds: HELD,
        grpc_server_max_decoding_message_size: message,
        grpc_server_max_encoding_message_size: message,
        grpc_client_max_message_size: message,
        executor_timeout_seconds: LOST,
        expire_dead_executor_interval_seconds: LOOK,
        no_executors_grace_period_seconds: GRACE,
        override_config_producer: Some(Arc::new(config)),
        override_session_builder: Some(Arc::new(session)),
        override_physical_codec: Some(Arc::new(Codec::default())),
        ..SchedulerConfig::default()
    };
    let failed = |e: BallistaError| failure(&e, settings.bind);
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
    let cluster = BallistaCluster::new(cluster.cluster_state(), Arc::new(Sound(cluster.job_state())));
    start_server(cluster, settings.bind, Arc::new(config))
        .await
        .map_err(failed)
}

/// Runs until SIGTERM or Ctrl-C: no new tasks then, and those that run end.
pub async fn executor(settings: ExecutorSettings) -> Result<()> {
    let message = u32::try_from(MESSAGE).unwrap_or(u32::MAX);
    let bind = settings.bind;
    let Some(orders) = bind.port().checked_add(1) else {
        return Err(Error::usage(format!("there is no port after {}", bind.port())));
    };
    let stores = Arc::new(OwnStores::new(settings.stores));
    let work = settings.work.clone();
    let runtime = move |_: &SessionConfig| {
        RuntimeEnvBuilder::new()
            .with_object_store_registry(Arc::clone(&stores) as _)
            .with_temp_file_path(&work)
            .build_arc()
    };
    let process = ExecutorProcessConfig {
        bind_host: bare(bind),
        external_host: settings.advertise,
        port: bind.port(),
        grpc_port: orders,
        scheduler_host: settings.scheduler.host_str().unwrap_or_default().to_owned(),
        scheduler_port: settings.scheduler.port_or_known_default().unwrap_or_default(),
        // One try: Ballista's own waiting never ends.
        scheduler_connect_timeout_seconds: 0,
        vcores: settings.cores,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(settings.work.to_string_lossy().into_owned()),
        job_data_ttl_seconds: LEFT,
        job_data_clean_up_interval_seconds: SWEEP,
        grpc_max_decoding_message_size: message,
        grpc_max_encoding_message_size: message,
        grpc_server_config: GrpcServerConfig {
            timeout_seconds: PATIENCE as u64,
            ..GrpcServerConfig::default()
        },
        executor_heartbeat_interval_seconds: HEARTBEAT,
        memory_pool_size: settings.memory,
        override_function_registry: Some(Arc::new(functions())),
        override_runtime_producer: Some(Arc::new(runtime)),
        override_config_producer: Some(Arc::new(config)),
        override_physical_codec: Some(Arc::new(Codec::default())),
        ..ExecutorProcessConfig::default()
    };
    let scheduler = settings.scheduler;
    await_scheduler(&process.scheduler_host, process.scheduler_port).await;
    start_executor_process(Arc::new(process))
        .await
        .map_err(|error| match error {
            BallistaError::GrpcConnectionError(_) | BallistaError::General(_) => Error::io(format!(
                "no scheduler answers at {scheduler}: {error}"
            ))
            .advise("start one with `spendscope cluster scheduler`, and name its address with --scheduler"),
            error => failure(&error, bind),
        })
}

/// Until somebody answers there, or not for long enough: the connection then says why.
async fn await_scheduler(host: &str, port: u16) {
    let until = Instant::now() + SCHEDULER_WAIT;
    let host = host.trim_matches(['[', ']']);
    while TcpStream::connect((host, port)).await.is_err() && Instant::now() < until {
        tokio::time::sleep(SCHEDULER_LOOK).await;
    }
}

/// The address without its port, as it is written in a URL.
fn bare(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

fn failure(error: &BallistaError, bind: SocketAddr) -> Error {
    let text = error.to_string();
    match error {
        BallistaError::IoError(why) => Error::io(format!("cannot listen on {bind}: {why}"))
            .advise("another process may have that port; choose one with --bind"),
        BallistaError::TonicError(_) => {
            Error::io(format!("cannot listen on {bind}, or its next port: {text}"))
                .advise("another process may have that port; choose one with --bind")
        }
        _ => Error::io(text),
    }
}
