//! Queries on a cluster: planned here, run by Ballista's executors, and the answer is the same.
//!
//! A session that has a cluster plans as every session does. What reads files of the lake then travels
//! (`planner`, `submit`), written down so that the other side makes our functions anew (`codec`, `parcel`); what reads
//! nothing but what is here already, stays here. No credential travels: who reads a file of the lake opens its
//! store with credentials of its own (`stores`). `processes` starts the scheduler and the executors; an answer that a lost executor
//! had a part in is none (`losses`), and is asked for once more.
//!
//! Must not know what queries mean.

mod codec;
mod losses;
mod nulls;
mod orders;
mod parcel;
mod planner;
mod processes;
mod stores;
mod submit;

pub use processes::{ExecutorSettings, SchedulerSettings, executor, scheduler};
pub(super) use submit::Cluster;

use crate::base::{Error, Result};
use ballista_core::config::{
    BALLISTA_BROADCAST_JOIN_THRESHOLD_BYTES, BALLISTA_BROADCAST_JOIN_THRESHOLD_ROWS,
    BALLISTA_CLIENT_GRPC_MAX_MESSAGE_SIZE, BALLISTA_CLIENT_GRPC_TIMEOUT_SECONDS, BallistaConfig,
};
use ballista_core::extension::SessionConfigHelperExt;
use ballista_core::optimizer::ballista_default_optimizer_rules;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use std::sync::Arc;
use url::Url;

/// Where a scheduler listens unless it is told otherwise.
pub const SCHEDULER_PORT: u16 = 50050;

/// Bytes of one message: a plan with the small tables in it, or a batch of rows.
const MESSAGE: usize = 256 << 20;

/// Seconds until a scheduler says that it took a query, plans of which can be large.
const PATIENCE: usize = 600;

/// Which cluster runs the queries of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The scheduler.
    pub url: Url,
    /// Into how many parts the rows of a scan and of a shuffle are cut: as many as there are cores, or a few
    /// times as many.
    pub partitions: usize,
}

impl ClusterSettings {
    /// `text` is an address such as `http://host:50050`, or `host:50050`, or a host alone.
    pub fn new(text: &str, partitions: usize) -> Result<ClusterSettings> {
        Ok(ClusterSettings {
            url: scheduler_url(text)?,
            partitions: partitions.max(1),
        })
    }
}

/// The address of a scheduler, as people write it.
fn scheduler_url(text: &str) -> Result<Url> {
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&whole).ok().filter(|url| {
        url.scheme() == "http"
            && url.host().is_some()
            && url.path() == "/"
            && url.username().is_empty()
            && url.query().is_none()
    });
    let Some(mut url) = url else {
        return Err(Error::usage(format!("'{text}' is no address of a scheduler"))
            .advise("write it as http://host:50050, or host:50050"));
    };
    // The usual port of a web server is not ours; it has to be written down to be meant.
    if url.port().is_none() && !whole.trim_end_matches('/').ends_with(":80") {
        let _ = url.set_port(Some(SCHEDULER_PORT));
    }
    Ok(url)
}

/// Options under which what is planned here can be cut into stages there.
pub(super) fn configure(config: SessionConfig, cluster: &ClusterSettings) -> SessionConfig {
    let mut config = config
        .with_option_extension(BallistaConfig::default())
        .ballista_restricted_configuration()
        .with_target_partitions(cluster.partitions)
        .set_usize(BALLISTA_BROADCAST_JOIN_THRESHOLD_BYTES, 0)
        .set_usize(BALLISTA_BROADCAST_JOIN_THRESHOLD_ROWS, 0)
        .set_usize(BALLISTA_CLIENT_GRPC_MAX_MESSAGE_SIZE, MESSAGE)
        .set_usize(BALLISTA_CLIENT_GRPC_TIMEOUT_SECONDS, PATIENCE);
    let optimizer = &mut config.options_mut().optimizer;
    optimizer.prefer_hash_join = true;
    // Both sides of a join are shuffled. A side that is handed to every task whole saves that for a small table,
    // but a query with one such join below another never ended.
    optimizer.hash_join_single_partition_threshold = 0;
    optimizer.hash_join_single_partition_threshold_rows = 0;
    config
}

/// Makes a session send its plans.
pub(super) fn send_plans(builder: SessionStateBuilder, cluster: Arc<Cluster>) -> SessionStateBuilder {
    builder
        .with_optimizer_rules(ballista_default_optimizer_rules())
        .with_query_planner(Arc::new(planner::Planner::new(cluster)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, meant) in [
            ("http://10.0.0.1:4000", "http://10.0.0.1:4000/"),
            ("10.0.0.1:4000", "http://10.0.0.1:4000/"),
            ("scheduler", "http://scheduler:50050/"),
            ("http://scheduler/", "http://scheduler:50050/"),
            ("[::1]:4000", "http://[::1]:4000/"),
        ] {
            assert_eq!(scheduler_url(text).unwrap().as_str(), meant, "{text}");
        }
        for wrong in [
            "",
            "https://host:1",
            "http://host/path",
            "ftp://host",
            "http://u@host:1",
        ] {
            assert!(scheduler_url(wrong).is_err(), "{wrong}");
        }
    }
}
