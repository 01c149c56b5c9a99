//! Before and after every page: who asks, under which name this server was asked, how long it may take, and
//! the headers that keep a page to itself.

use super::Site;
use super::trouble;
use crate::serve::gauges::more;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A wrong password costs time.
const PENALTY: Duration = Duration::from_secs(1);

/// Nothing is fetched but the style sheet, nothing runs, nobody puts the page into a frame of theirs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Lets in who has the password. Without one, only those who ask this machine under its own name: a page from
/// elsewhere whose name was pointed here is not answered.
pub(super) async fn admit(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let access = &site.shared.access;
    let gauges = &site.shared.gauges.http;
    if access.password.is_none() {
        if !is_own_name(request.headers()) {
            more(&gauges.refused);
            return trouble::plain(StatusCode::MISDIRECTED_REQUEST, "ask this server as localhost");
        }
    } else {
        let said = credentials(request.headers());
        if !said
            .as_ref()
            .is_some_and(|(user, password)| access.admits(user, password))
        {
            more(&gauges.refused);
            if said.is_some() {
                tokio::time::sleep(PENALTY).await;
            }
            let mut response = trouble::plain(StatusCode::UNAUTHORIZED, "name and password, please");
            let realm = HeaderValue::from_static("Basic realm=\"spendscope\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
            return response;
        }
    }
    let limit = site.shared.limits.query;
    let answer = async {
        let _turn = site.shared.gate.work().await;
        next.run(request).await
    };
    match timeout(limit, answer).await {
        Ok(response) => response,
        Err(_) => {
            more(&site.shared.gauges.timed_out);
            trouble::plain(
                StatusCode::GATEWAY_TIMEOUT,
                "this page took longer than it may; ask for a shorter window",
            )
        }
    }
}

/// Counts a request, and puts the headers on its answer.
pub(super) async fn wrap(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let gauges = &site.shared.gauges.http;
    let begun = Instant::now();
    let mut response = next.run(request).await;
    more(&gauges.requests);
    if response.status().is_server_error() {
        more(&gauges.errors);
    }
    gauges.latency.observe(begun.elapsed());
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    if site.secure {
        let value = HeaderValue::from_static("max-age=31536000");
        response
            .headers_mut()
            .insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response.into_response()
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    let decoded = STANDARD
        .decode(encoded.trim())
        .ok()
        .filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (user, password) = String::from_utf8(decoded)
        .ok()?
        .split_once(':')
        .map(|(u, p)| (u.to_owned(), p.to_owned()))?;
    Some((user, password))
}

fn is_own_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback = |ip: std::net::IpAddr| ip.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(loopback)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        let own = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_own_name(&headers)
        };
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "LOCALHOST:1",
        ] {
            assert!(own(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "[fe80::1]:1",
            "",
        ] {
            assert!(!own(host), "{host}");
        }
        assert!(!is_own_name(&HeaderMap::new()));
    }

    #[test]
    fn credentials_are_read_and_nonsense_is_none() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            credentials(&headers)
        };
        assert_eq!(read("Basic YTpiOmM="), Some(("a".into(), "b:c".into())));
        for wrong in ["Basic", "Basic ???", "Bearer YTpi", "Basic YQ=="] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
