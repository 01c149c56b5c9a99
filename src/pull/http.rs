//! One way to ask over HTTP: limits of time and size, patience with busy servers, no secrets to strangers.

use super::patience::{Waiting, retry_after};
use crate::base::secret::SecretString;
use crate::base::{Error, Result};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use std::error::Error as _;
use std::time::Duration;
use url::Url;

/// Most bytes of one answer. Connectors that can ask for less at once do so when it is exceeded.
const ANSWER_BYTES: usize = 128 << 20;

/// Most bytes of the body of a refusal that are looked at, and characters of it that are shown.
const REFUSAL_BYTES: usize = 64 << 10;
const SHOWN: usize = 300;

/// Redirects within one server that are followed.
const REDIRECTS: usize = 5;

#[derive(Debug)]
pub(super) struct Client {
    inner: reqwest::Client,
    headers: HeaderMap,
    waiting: Waiting,
    now: DateTime<Utc>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The answer has more bytes than anybody holds in memory.
    TooLarge,
    /// The server said no, in its own words.
    Refused {
        status: u16,
        body: Bytes,
        to: Option<String>,
    },
    /// No answer, or half of one; in words.
    Broken(String),
    /// The server wants to be left alone for longer than a run lasts.
    Later(Duration),
}

/// What one attempt came to.
enum Once<T> {
    Done(T),
    Never(Failure),
    /// Worth another attempt, after what the server asks for.
    Again(Failure, Option<Duration>),
}

impl Client {
    pub(super) fn new(
        waiting: Waiting,
        headers: &[(&'static str, SecretString)],
        now: DateTime<Utc>,
    ) -> Result<Client> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
                Error::config(format!(
                    "what is configured for the header {name} cannot stand in one"
                ))
                .advise("look for blanks, line ends and quotes around the value")
            })?;
            value.set_sensitive(true);
            map.insert(HeaderName::from_static(name), value);
        }
        let inner = reqwest::Client::builder()
            .user_agent(concat!("spendscope/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(waiting.patience.connect)
            .timeout(waiting.patience.answer)
            .redirect(Policy::custom(|attempt| {
                let same = attempt
                    .previous()
                    .last()
                    .is_some_and(|from| from.origin() == attempt.url().origin());
                match same && attempt.previous().len() <= REDIRECTS {
                    true => attempt.follow(),
                    // The headers hold credentials, and those are for this server only.
                    false => attempt.stop(),
                }
            }))
            .build()
            .map_err(|e| Error::io(said(&e)))?;
        Ok(Client {
            inner,
            headers: map,
            waiting,
            now,
        })
    }

    /// Asks until there is an answer that `read` can read, or patience ends.
    pub(super) async fn get<T>(
        &mut self,
        url: &Url,
        read: impl Fn(Bytes) -> std::result::Result<T, String>,
    ) -> std::result::Result<T, Failure> {
        let mut failed = 0;
        loop {
            match self.once(url, &read).await {
                Once::Done(answer) => return Ok(answer),
                Once::Never(failure) => return Err(failure),
                Once::Again(failure, asked) => {
                    failed += 1;
                    match self.waiting.next(failed, asked) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => {
                            let longest = self.waiting.patience.longest;
                            return Err(match asked.filter(|asked| *asked > longest) {
                                Some(asked) => Failure::Later(asked),
                                None => failure,
                            });
                        }
                    }
                }
            }
        }
    }

    async fn once<T>(&self, url: &Url, read: &impl Fn(Bytes) -> std::result::Result<T, String>) -> Once<T> {
        let sent = self.inner.get(url.clone()).headers(self.headers.clone()).send();
        let mut answer = match sent.await {
            Ok(answer) => answer,
            Err(e) if e.is_builder() => return Once::Never(Failure::Broken(said(&e))),
            Err(e) => return Once::Again(Failure::Broken(said(&e)), None),
        };
        let status = answer.status();
        let header = |name| {
            answer
                .headers()
                .get(name)
                .and_then(|v| v.to_str().ok())
                .map(str::to_owned)
        };
        let asked =
            header(RETRY_AFTER).and_then(|text| retry_after(&text, header(DATE).as_deref(), self.now));
        let to = header(LOCATION).filter(|_| status.is_redirection());
        if answer.content_length().is_some_and(|n| n > ANSWER_BYTES as u64) && status.is_success() {
            return Once::Never(Failure::TooLarge);
        }
        let limit = if status.is_success() {
            ANSWER_BYTES
        } else {
            REFUSAL_BYTES
        };
        let mut body = BytesMut::new();
        let broken = loop {
            match answer.chunk().await {
                Ok(None) => break None,
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                    if status.is_success() {
                        return Once::Never(Failure::TooLarge);
                    }
                    break None;
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(e) => break Some(said(&e)),
            }
        };
        if status.is_success() {
            return match broken {
                Some(why) => Once::Again(Failure::Broken(format!("the answer broke off: {why}")), None),
                None => match read(body.freeze()) {
                    Ok(answer) => Once::Done(answer),
                    // A proxy's page, or an answer that was cut without anybody noticing.
                    Err(why) => Once::Again(Failure::Broken(why), None),
                },
            };
        }
        let failure = Failure::Refused {
            status: status.as_u16(),
            body: body.freeze(),
            to,
        };
        match status.as_u16() {
            408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529 => Once::Again(failure, asked),
            _ => Once::Never(failure),
        }
    }
}

impl Failure {
    /// The failure in words. `explain` finds the server's message in the body of a refusal; `advice` says
    /// what to do about a status.
    pub(super) fn into_error(
        self,
        url: &Url,
        explain: impl Fn(&[u8]) -> Option<String>,
        advice: impl Fn(u16) -> Option<String>,
    ) -> Error {
        let place = place(url);
        match self {
            Failure::TooLarge => Error::data(format!(
                "{place}: one answer has more than {} MiB",
                ANSWER_BYTES >> 20
            )),
            Failure::Broken(why) => Error::io(format!("{place}: {why}"))
                .advise("is the address right, and can it be reached from here? What was fetched before is kept; run it again"),
            Failure::Later(wait) => Error::io(format!(
                "{place}: the server asks to be left alone for {} seconds",
                wait.as_secs()
            ))
            .advise("run it again after that; what was fetched before is kept"),
            Failure::Refused { status, body, to } => {
                let said = explain(&body).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
                let said = plain(&said);
                let mut text = format!("{place}: the server answered {status}");
                if let Some(to) = &to {
                    text.push_str(&format!(", see {}", elsewhere(url, to)));
                } else if !said.is_empty() {
                    text.push_str(&format!(": {said}"));
                }
                let error = Error::io(text);
                match (to, advice(status)) {
                    (Some(_), _) => error.advise(
                        "credentials are not sent on to another server; write its address into the configuration if it is the right one",
                    ),
                    (None, Some(advice)) => error.advise(advice),
                    (None, None) if status == 429 || status >= 500 => {
                        error.advise("the server is busy or ill; what was fetched before is kept, run it again later")
                    }
                    (None, None) => error,
                }
            }
        }
    }
}

/// Server and path, which is what a reader needs to find the thing. No credentials, no query.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn elsewhere(url: &Url, to: &str) -> String {
    url.join(to)
        .map_or_else(|_| "another address".to_owned(), |to| place(&to))
}

/// One line without control characters and without what looks like a key, of a length that fits a terminal.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains("sk-") { "…" } else { word })
        .collect();
    words.join(" ").chars().take(SHOWN).collect()
}

/// The error and its causes, without the URL: queries and user names may be secret.
fn said(error: &reqwest::Error) -> String {
    let mut text = match error {
        e if e.is_timeout() && e.is_connect() => "no connection in time".to_owned(),
        e if e.is_timeout() => "no answer in time".to_owned(),
        e if e.is_connect() => "no connection".to_owned(),
        e if e.is_body() || e.is_decode() => "the connection broke".to_owned(),
        _ => "the request failed".to_owned(),
    };
    let mut cause = error.source();
    let mut last = String::new();
    while let Some(e) = cause {
        last = e.to_string();
        cause = e.source();
    }
    if !last.is_empty() {
        text.push_str(&format!(" ({last})"));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_shown_has_no_credentials_and_no_keys() {
        let url = Url::parse("https://user:hush@example.org:8443/api/v1?token=hush").unwrap();
        assert_eq!(place(&url), "https://example.org:8443/api/v1");
        assert_eq!(
            elsewhere(&url, "https://a:b@evil.example/x?hush"),
            "https://evil.example/x"
        );
        assert_eq!(elsewhere(&url, "/login?hush"), "https://example.org:8443/login");
        assert_eq!(plain("Incorrect key\nsk-proj-12**9.\u{7}"), "Incorrect key …");
        assert_eq!(plain(&"é".repeat(1000)).chars().count(), SHOWN);
    }
}
