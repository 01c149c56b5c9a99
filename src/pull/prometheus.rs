//! Prometheus: the GPU metrics that the mapping `prometheus` knows, as range queries a day at a time.
//!
//! Steps are multiples of the interval since 1970, so that a moment that is read again is the same moment.

use super::http::{Client, Failure, place};
use super::run::{Login, Run, parse_url};
use super::{Connector, Kind, check_url, named, section};
use crate::base::secret::{Secret, SecretString};
use crate::base::time::{day_start, next_day};
use crate::base::{Error, Result};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

pub(super) const KIND: Kind = Kind {
    id: "prometheus",
    parse: |value| {
        let settings: Prometheus = section(value)?;
        settings.check()?;
        Ok(Arc::new(settings))
    },
};

/// Mapping file and reader that say which metrics there are.
const FORMAT: &str = "prometheus";
const READER: &str = "prometheus_json";

/// Prometheus refuses a range with more points than this per series.
const MOST_POINTS: i64 = 11_000;

/// How far back a first pull goes when nothing is said: what Prometheus keeps by default.
const FIRST_DAYS: i64 = 15;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prometheus {
    name: String,
    /// Left out: there is nothing to pull, and files of this name are sampled that often.
    url: Option<Secret>,
    #[serde(default = "default_step")]
    step_seconds: u32,
    bearer_token: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    /// How many hours are read again each time.
    #[serde(default = "default_reread")]
    reread_hours: u32,
}

fn default_step() -> u32 {
    60
}

fn default_reread() -> u32 {
    1
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(rename = "errorType")]
    kind: Option<String>,
    error: Option<String>,
    data: Option<Data>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<IgnoredAny>,
}

impl Prometheus {
    fn check(&self) -> Result<()> {
        if let Some(url) = &self.url {
            check_url(url, parse_url)?;
        }
        for (key, secret) in [("bearer_token", &self.bearer_token), ("password", &self.password)] {
            secret.as_ref().map_or(Ok(()), |secret| named(key, secret))?;
        }
        let wrong = |what: &str, advice: &str| Err(Error::config(what.to_owned()).advise(advice));
        if self.step_seconds == 0 || self.step_seconds > 86_400 {
            return wrong(
                &format!("step_seconds is {}", self.step_seconds),
                "write the scrape interval, between 1 and 86400 seconds",
            );
        }
        match (&self.username, &self.password, &self.bearer_token) {
            (Some(_), None, _) | (None, Some(_), _) => {
                wrong("username and password belong together", "give both, or neither")
            }
            (Some(_), Some(_), Some(_)) => {
                wrong("bearer_token and password exclude each other", "give one of them")
            }
            _ => Ok(()),
        }
    }

    fn client(&self, run: &mut Run<'_>, user: Option<Login>) -> Result<Client> {
        let login = match (&self.username, &self.password) {
            (Some(name), Some(password)) => Some((name.clone(), run.secret(password)?)),
            _ => user,
        };
        let authorization = match (&self.bearer_token, login) {
            (Some(token), _) => format!("Bearer {}", run.secret(token)?.expose()),
            (None, Some((name, password))) => run.basic(&name, &password),
            (None, None) => return run.client(&[]),
        };
        run.client(&[("authorization", SecretString::new(authorization))])
    }
}

#[async_trait::async_trait(?Send)]
impl Connector for Prometheus {
    fn name(&self) -> &str {
        &self.name
    }

    fn pulls(&self) -> bool {
        self.url.is_some()
    }

    async fn pull(&self, run: &mut Run<'_>) -> Result<()> {
        let url = self.url.as_ref().ok_or_else(|| {
            Error::config(format!("[[pull.prometheus]] '{}' has no url", self.name))
                .advise("it says how often files of this name are sampled; give it a url to pull")
        })?;
        let metrics = metrics(run)?;
        let (base, user) = run.url(url)?;
        let mut client = self.client(run, user)?;
        let mut url = base.clone();
        url.set_path(&format!(
            "{}/api/v1/query_range",
            base.path().trim_end_matches('/')
        ));
        let step = i64::from(self.step_seconds);
        let held = run.newest("gpu_samples", "sampled_at").await?;
        let due = match held {
            Some(held) => held.min(run.now()) - TimeDelta::hours(i64::from(self.reread_hours)),
            None => run.now() - TimeDelta::days(FIRST_DAYS),
        };
        let begin = run.begin(due)?;
        if held.is_none() && run.request.since.is_none() {
            run.note(format!(
                "nothing was pulled before: samples from {} on; --since DATE reads from an earlier day",
                begin.date_naive()
            ));
        }
        // The newest step is left for the next run: its scrape may still be on its way.
        let last = aligned(run.now().timestamp() - step, step);
        let mut from = aligned(begin.timestamp(), step);
        let mut most = MOST_POINTS;
        let mut series = 0;
        while from <= last {
            let to = window_end(from, step, most).min(last);
            let moment = DateTime::from_timestamp(from, 0).unwrap_or_default();
            let label = moment.to_rfc3339_opts(SecondsFormat::Secs, true);
            run.fetching(&format!("samples from {label} on"))?;
            let range = range(&url, &metrics, from, to, step);
            let (answer, bytes) = match client.get(&range, read).await {
                Ok(answer) => answer,
                Err(failure) if from < to && too_much(&failure) => {
                    most = ((to - from) / step / 2).max(1);
                    continue;
                }
                Err(failure) => return Err(failure.into_error(&range, explain, advice)),
            };
            for warning in answer.warnings {
                run.note(format!("Prometheus warns: {warning}"));
            }
            let found = answer.data.map_or(0, |data| data.result.len());
            if found > 0 {
                series += found;
                run.deliver(FORMAT, vec![run.loaded(&format!("{label}.json"), bytes)])
                    .await?;
            }
            from = to + step;
        }
        if series == 0 {
            run.note(format!(
                "{} has no samples of {} in that time",
                place(&base),
                metrics.join(", ")
            ));
        }
        Ok(())
    }
}

/// The names that some column takes, as the mapping file has them.
fn metrics(run: &Run<'_>) -> Result<Vec<String>> {
    let mapping = run.request.catalog.get(FORMAT);
    let table = mapping.and_then(|mapping| mapping.reader_options(READER)?.get("metrics")?.as_table());
    let names: BTreeSet<String> = table
        .into_iter()
        .flatten()
        .filter_map(|(_, names)| names.as_array())
        .flatten()
        .filter_map(|name| name.as_str().or_else(|| name.get("name")?.as_str()))
        .map(str::to_owned)
        .collect();
    match names.is_empty() {
        false => Ok(names.into_iter().collect()),
        true => Err(Error::config(format!(
            "the mapping file '{FORMAT}' names no metrics"
        ))),
    }
}

/// The step at or before a moment.
fn aligned(seconds: i64, step: i64) -> i64 {
    seconds.div_euclid(step) * step
}

/// The last step of the range that begins here: no longer than allowed, and not beyond the UTC day.
fn window_end(from: i64, step: i64, most: i64) -> i64 {
    let day = DateTime::from_timestamp(from, 0).unwrap_or_default().date_naive();
    let midnight = day_start(next_day(day)).timestamp();
    // A range has one point more than steps.
    aligned(midnight - 1, step)
        .min(from + (most - 1) * step)
        .max(from)
}

fn range(url: &Url, metrics: &[String], from: i64, to: i64, step: i64) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("query", &format!("{{__name__=~\"{}\"}}", metrics.join("|")))
        .append_pair("start", &from.to_string())
        .append_pair("end", &to.to_string())
        .append_pair("step", &step.to_string());
    url
}

fn read(body: Bytes) -> std::result::Result<(Answer, Bytes), String> {
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|e| format!("not an answer of Prometheus: {e}"))?;
    match answer.status == "success" && answer.data.is_some() {
        true => Ok((answer, body)),
        false => Err(format!(
            "Prometheus answered '{}': {}",
            answer.status,
            explain(&body).unwrap_or_else(|| "without data".to_owned())
        )),
    }
}

/// Would a shorter range do.
fn too_much(failure: &Failure) -> bool {
    match failure {
        Failure::TooLarge => true,
        Failure::Refused { body, .. } => explain(body)
            .is_some_and(|said| said.contains("too many samples") || said.contains("maximum resolution")),
        Failure::Broken(_) | Failure::Later(_) => false,
    }
}

/// Prometheus's own words: {"status":"error","errorType":"bad_data","error":"…"}.
fn explain(body: &[u8]) -> Option<String> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let error = answer.error?;
    Some(match answer.kind {
        Some(kind) => format!("{}, {kind}: {error}", answer.status),
        None => error,
    })
}

fn advice(status: u16) -> Option<String> {
    let advice = match status {
        401 | 403 => "give bearer_token, or username and password, of somebody who may query",
        404 => "url is the address before /api/v1, with the prefix of a proxy if there is one",
        _ => return None,
    };
    Some(advice.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_tile_time_without_gaps_and_without_overlap() {
        // 2026-11-01T13:07:00Z; steps of 7 seconds do not divide a day.
        for (step, most) in [
            (60, MOST_POINTS),
            (7, MOST_POINTS),
            (1, MOST_POINTS),
            (3600, MOST_POINTS),
            (60, 1),
        ] {
            let mut from = aligned(1_793_538_420, step);
            for _ in 0..20 {
                let to = window_end(from, step, most);
                assert!(to >= from && (to - from) % step == 0);
                assert!((to - from) / step < most, "{step} {most}");
                let next = to + step;
                let ends_the_day = next.div_euclid(86_400) > from.div_euclid(86_400);
                assert!(ends_the_day || (to - from) / step + 1 == most);
                assert_eq!(to.div_euclid(86_400), from.div_euclid(86_400));
                from = next;
            }
        }
        assert_eq!(aligned(119, 60), 60);
    }

    #[test]
    fn refusals_are_told_in_prometheus_words() {
        let body = br#"{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory"}"#;
        let said = explain(body).unwrap();
        assert!(said.starts_with("error, execution: query processing"), "{said}");
        assert!(too_much(&Failure::Refused {
            status: 422,
            body: Bytes::from_static(body),
            to: None
        }));
        assert_eq!(explain(b"<html>"), None);
        assert!(read(Bytes::from_static(br#"{"status":"success"}"#)).is_err());
    }
}
