//! Is it there, can it answer, what does it do: for those who watch over it.

use super::Here;
use super::trouble::plain;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;

/// The process answers.
pub(super) async fn healthy() -> Response {
    plain(StatusCode::OK, "ok")
}

/// The lake can be looked at. What is wrong with it is in the metrics' counter and the lake's own commands.
pub(super) async fn ready(State(site): Here) -> Response {
    let (_, trouble) = site.shared.live.health(&site.shared.gauges).await;
    match trouble {
        None => plain(StatusCode::OK, "ready"),
        Some(_) => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the lake cannot be looked at; an older state is served",
        ),
    }
}

/// For Prometheus.
pub(super) async fn metrics(State(site): Here) -> Response {
    let shared = &site.shared;
    let (snapshot, _) = shared.live.health(&shared.gauges).await;
    let mut text = String::new();
    shared.gauges.text(&mut text);
    let name = "spendscope_lake_table_version";
    let _ = writeln!(
        text,
        "# HELP {name} Version of each table that is served.\n# TYPE {name} gauge"
    );
    for (table, version) in &snapshot.mark {
        let _ = writeln!(text, "{name}{{table=\"{table}\"}} {version}");
    }
    let name = "spendscope_lake_opened_timestamp_seconds";
    let _ = writeln!(
        text,
        "# HELP {name} When the state that is served was opened.\n# TYPE {name} gauge\n{name} {}",
        snapshot.settings.now.timestamp()
    );
    let name = "spendscope_build_info";
    let _ = writeln!(
        text,
        "# HELP {name} The program.\n# TYPE {name} gauge\n{name}{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, text).into_response()
}
