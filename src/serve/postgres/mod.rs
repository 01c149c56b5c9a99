//! PostgreSQL's protocol, so that tools that know no lake can ask one: psql, drivers, BI.
//!
//! The protocol's messages and the system catalogue are libraries' (`pgwire`, `datafusion-postgres`); what is
//! ours is who is let in, what a statement may do and take, and that numbers arrive with every digit.

mod catalogue;
mod command;
mod connection;
mod cursor;
mod encode;
mod extended;
mod handler;
mod numeric;
mod obey;
mod parameters;
mod prepare;
mod rows;
mod session;
mod simple;
mod startup;
mod statement;
mod tools;
mod trouble;
mod wire;

pub(super) use catalogue::dress;

use super::gauges::{Held, more};
use super::{ACCEPT_PAUSE, Door, Shared, stopped};
use crate::base::Result;
use session::Cancels;
use startup::Scram;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the lines of one server share.
struct House {
    shared: Arc<Shared>,
    door: Door,
    cancels: Arc<Cancels>,
    scram: Option<Arc<Scram>>,
}

pub(super) async fn serve(listener: TcpListener, door: Door, shared: Arc<Shared>) -> Result<()> {
    let scram = shared
        .access
        .password
        .as_ref()
        .map(|password| Arc::new(Scram::new(&shared.access.user, password)));
    let house = Arc::new(House {
        door,
        cancels: Arc::default(),
        scram,
        shared: Arc::clone(&shared),
    });
    let mut lines = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(shared.stop.clone()) => break,
            // What ended is forgotten, so that a long life is not a long list.
            Some(_) = lines.join_next(), if !lines.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((line, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let house = Arc::clone(&house);
        let place = shared.gate.line();
        lines.spawn(async move {
            let side = &house.shared.gauges.postgres;
            if place.is_none() {
                more(&side.refused);
            }
            let _open = Held::one(&side.open);
            connection::talk(&house, line, peer, place.is_some()).await;
            drop(place);
        });
    }
    drop(listener);
    // Lines that do nothing close by themselves; what runs has until then to end.
    let end = async { while lines.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(shared.limits.grace, end).await;
    Ok(())
}
