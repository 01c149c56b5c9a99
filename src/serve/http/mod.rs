//! The live page: the same documents as reports, asked for by a browser. Reads only, GET only, no script.

mod around;
mod front;
mod gatekeeper;
mod metric;
mod period;
mod shelf;
mod spend;
mod status;
mod trouble;

use super::gauges::{Held, more};
use super::{ACCEPT_PAUSE, Door, Shared, stopped};
use crate::base::Result;
use crate::serve::transport::Line;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use shelf::Shelf;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What all pages of one server share.
struct Site {
    shared: Arc<Shared>,
    shelf: Shelf,
    /// Lines are under TLS.
    secure: bool,
}

type Here = State<Arc<Site>>;

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(front::page))
        .route("/section.csv", get(front::csv))
        .route("/spend", get(spend::page))
        .route("/spend.csv", get(spend::csv))
        .route("/metric", get(metric::page))
        .route("/metric.csv", get(metric::csv))
        .route("/metrics", get(status::metrics))
        .route("/style.css", get(style))
        .fallback(trouble::nowhere)
        .layer(from_fn_with_state(Arc::clone(&site), gatekeeper::admit))
        // Whoever watches over the process has no password, and learns nothing else.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/healthz", get(status::healthy))
        .route("/readyz", get(status::ready))
        .layer(from_fn_with_state(Arc::clone(&site), gatekeeper::wrap))
        .with_state(site)
}

async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, crate::render::style_sheet())
}

pub(super) async fn serve(listener: TcpListener, door: Door, shared: Arc<Shared>) -> Result<()> {
    let site = Arc::new(Site {
        shelf: Shelf::default(),
        secure: door.certificate.is_some(),
        shared: Arc::clone(&shared),
    });
    let pages = router(Arc::clone(&site));
    let mut lines = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(shared.stop.clone()) => break,
            Some(_) = lines.join_next(), if !lines.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((line, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(place) = shared.gate.line() else {
            more(&shared.gauges.http.refused);
            continue;
        };
        lines.spawn(talk(
            Arc::clone(&shared),
            door.clone(),
            line,
            pages.clone(),
            place,
        ));
    }
    drop(listener);
    let end = async { while lines.join_next().await.is_some() {} };
    let _ = timeout(shared.limits.grace, end).await;
    Ok(())
}

/// One line, over which a browser may ask many times.
async fn talk(shared: Arc<Shared>, door: Door, line: TcpStream, pages: Router, _place: OwnedSemaphorePermit) {
    let _open = Held::one(&shared.gauges.http.open);
    let limits = &shared.limits;
    let line = match &door.certificate {
        None => Line::Plain(line),
        Some(certificate) => match timeout(limits.startup, certificate.accept_http(line)).await {
            Ok(Ok(line)) => line,
            _ => return,
        },
    };
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        // Between two requests too: a browser opens another line when it comes back.
        .header_read_timeout(limits.startup)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(line), TowerToHyperService::new(pages));
    tokio::pin!(talk);
    tokio::select! {
        _ = &mut talk => {}
        () = stopped(shared.stop.clone()) => {
            talk.as_mut().graceful_shutdown();
            let _ = talk.await;
        }
    }
}
