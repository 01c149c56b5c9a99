//! What a browser is told when there is no page.

use crate::base::{Error, ErrorKind};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(super) fn plain(status: StatusCode, text: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, format!("{text}\n")).into_response()
}

pub(super) async fn nowhere() -> Response {
    plain(StatusCode::NOT_FOUND, "there is no such page; the board is at /")
}

/// An error as a page of words. What somebody asked wrongly is theirs; the rest is ours.
pub(super) struct Trouble(pub(super) Error);

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let status = match self.0.kind() {
            ErrorKind::Usage | ErrorKind::Query => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let advice = self
            .0
            .advice()
            .map(|advice| format!("\ntry: {advice}"))
            .unwrap_or_default();
        plain(status, &format!("{}{advice}", self.0))
    }
}
