//! Servers over a lake: PostgreSQL's protocol for tools, and a live page for people.
//!
//! Both answer from one snapshot of the lake (`live`), let in by one rule (`access`), within one set of
//! limits (`limits`), and count what they do (`gauges`). Reads only; what a statement may do is the engine's
//! to say. Knows no configuration file and no command line: it is handed what it needs.

mod access;
mod gauges;
mod http;
mod limits;
mod live;
mod postgres;
mod section;
mod transport;

pub use access::{Access, Door, address};
pub use gauges::Gauges;
pub use limits::{Gate, Limits};
pub use live::{Live, Mark, Opened, Snapshot, Source};
pub use section::Section;
pub use transport::Certificate;

use crate::asset::Assets;
use crate::base::clock::Clock;
use crate::base::{Context, Error, Result};
use crate::metric::Catalog;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What both servers share.
pub struct Shared {
    pub live: Live,
    pub access: Access,
    pub limits: Limits,
    pub gate: Gate,
    pub gauges: Gauges,
    pub assets: Assets,
    pub catalog: Catalog,
    pub clock: Arc<dyn Clock>,
    /// True when the servers are to stop.
    pub stop: watch::Receiver<bool>,
}

/// A server that listens already: whoever started it knows its address, and that it is free.
pub enum Server {
    Postgres(TcpListener, Door),
    Http(TcpListener, Door),
}

impl Server {
    pub async fn postgres(address: SocketAddr, door: Door) -> Result<Server> {
        Ok(Server::Postgres(listen(address).await?, door))
    }

    pub async fn http(address: SocketAddr, door: Door) -> Result<Server> {
        Ok(Server::Http(listen(address).await?, door))
    }

    /// What a person may connect to.
    pub fn address(&self) -> Result<String> {
        let (listener, scheme) = match self {
            Server::Postgres(listener, _) => (listener, "postgresql"),
            Server::Http(listener, door) if door.certificate.is_some() => (listener, "https"),
            Server::Http(listener, _) => (listener, "http"),
        };
        Ok(format!("{scheme}://{}", listener.local_addr()?))
    }

    /// Serves until it is told to stop, and lets what runs then come to its end for a while.
    pub async fn run(self, shared: Arc<Shared>) -> Result<()> {
        match self {
            Server::Postgres(listener, door) => postgres::serve(listener, door, shared).await,
            Server::Http(listener, door) => http::serve(listener, door, shared).await,
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| {
            Error::io(error.to_string()).advise("another program may listen there; name another port")
        })
        .context(format!("listening on {address}"))
}

/// Waits until the servers are to stop. A sender that is gone will never say so.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// An accept that fails for want of file handles fails again at once: others have to be let go first.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
