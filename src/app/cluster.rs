//! `cluster scheduler`, `cluster executor`: the processes behind `--cluster`.

use super::{Console, Status};
use crate::base::{Context, Error, Result};
use crate::config::object_store_environment;
use crate::engine::cluster::{self, ClusterSettings, ExecutorSettings, SchedulerSettings};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Clone)]
pub struct ExecutorRequest {
    pub scheduler: String,
    pub bind: SocketAddr,
    pub advertise: Option<String>,
    pub work_dir: Option<PathBuf>,
    /// Megabytes.
    pub memory: Option<u64>,
    pub cores: Option<usize>,
    pub insecure_network: bool,
}

pub async fn cluster_scheduler(
    bind: SocketAddr,
    advertise: Option<String>,
    insecure_network: bool,
    console: &mut dyn Console,
) -> Result<Status> {
    trusted(bind, insecure_network, console)?;
    if bind.ip().is_unspecified() && advertise.is_none() {
        return Err(
            Error::usage(format!("{bind} is no address that executors could answer to"))
                .advise("add --advertise with the name or the address of this machine"),
        );
    }
    console.say(&format!("scheduler on {bind}; Ctrl-C or SIGTERM ends it"));
    let mut ended = signal(SignalKind::terminate())?;
    let stopped = async {
        tokio::select! {
            _ = ended.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    tokio::select! {
        done = cluster::scheduler(SchedulerSettings { bind, advertise }) => done?,
        () = stopped => console.say("scheduler ended; queries that ran are lost"),
    }
    Ok(Status::Done)
}

pub async fn cluster_executor(request: ExecutorRequest, console: &mut dyn Console) -> Result<Status> {
    trusted(request.bind, request.insecure_network, console)?;
    let scheduler = ClusterSettings::new(&request.scheduler, 1)?.url;
    let folder = match &request.work_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("work folder {}", folder.display()))?;
            tempfile::tempdir_in(folder)
        }
        None => tempfile::tempdir(),
    };
    // Gone with this process, unless it is killed.
    let work = folder.context("a folder for the rows between two stages")?;
    let machine = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let cores = request.cores.unwrap_or_else(machine).max(1);
    console.say(&format!(
        "executor on {} for {scheduler}, {cores} partitions at once; Ctrl-C or SIGTERM ends it",
        request.bind
    ));
    cluster::executor(ExecutorSettings {
        scheduler,
        bind: request.bind,
        advertise: request.advertise,
        work: work.path().to_owned(),
        memory: request.memory.map(|megabytes| megabytes.saturating_mul(1 << 20)),
        cores,
        stores: object_store_environment(),
    })
    .await?;
    console.say("executor ended");
    Ok(Status::Done)
}

/// Whoever reaches a port of a cluster can read what its executors can read.
fn trusted(bind: SocketAddr, insecure_network: bool, console: &mut dyn Console) -> Result<()> {
    if bind.ip().is_loopback() {
        return Ok(());
    }
    if !insecure_network {
        return Err(Error::usage(format!(
            "{bind} can be reached from other machines, and a cluster asks nobody for a password"
        ))
        .advise(
            "whoever reaches it can read every file that its executors can read. In a network that only the \
                     cluster's machines are in, add --insecure-network",
        ));
    }
    console.say(&format!(
        "warning: whoever reaches {bind} can read what this cluster can read; nobody is asked for a password, and nothing is encrypted"
    ));
    Ok(())
}
