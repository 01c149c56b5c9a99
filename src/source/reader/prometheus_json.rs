//! Answers of Prometheus's HTTP API: `query_range` (a matrix) and `query` (a vector).

use super::{Input, Reader, first_byte, options, skip_bom};
use crate::base::{Error, Result};
use crate::source::collect::Collector;
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use crate::source::parse;
use crate::source::series::{Fold, Labels, Options};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Debug)]
pub(super) struct PrometheusJson;

#[derive(Deserialize)]
struct Answer<'a> {
    status: String,
    error: Option<String>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    kind: String,
    /// Each series is read when its turn comes.
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Series<'a> {
    metric: Labels,
    #[serde(borrow, default)]
    values: Vec<Sample<'a>>,
    #[serde(borrow)]
    value: Option<Sample<'a>>,
}

/// Time and value. The time is kept as it is written: a float would cost microseconds.
#[derive(Deserialize)]
struct Sample<'a>(#[serde(borrow)] &'a RawValue, #[serde(borrow)] Cow<'a, str>);

impl Reader for PrometheusJson {
    fn id(&self) -> &'static str {
        "prometheus_json"
    }

    fn check(&self, table: &toml::Table) -> Result<()> {
        options::<Options>(self.id(), table)?.check()
    }

    fn names(&self, head: &[u8], _: &toml::Table) -> Option<Vec<String>> {
        if first_byte(head)? != b'{' {
            return None;
        }
        let head = String::from_utf8_lossy(head);
        if !head.contains("\"resultType\"") {
            return None;
        }
        let mut names = vec!["resultType".to_owned()];
        for after in head.split("\"__name__\"").skip(1) {
            let name = after
                .trim_start_matches([' ', ':', '\n', '\t'])
                .split('"')
                .nth(1)
                .unwrap_or_default();
            let family = if name.starts_with("DCGM_FI_") {
                "DCGM_FI_*"
            } else {
                name
            };
            names.push(family.to_owned());
        }
        names.sort();
        names.dedup();
        Some(names)
    }

    fn read(
        &self,
        input: Input,
        table: &toml::Table,
        mapping: &Mapping,
        _: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let bytes = input.into_bytes()?;
        let answer: Answer<'_> = serde_json::from_slice(skip_bom(&bytes)?)
            .map_err(|e| Error::data(format!("not an answer of Prometheus: {e}")))?;
        let data = match answer.data {
            Some(data) if answer.status == "success" => data,
            _ => {
                let why = answer.error.unwrap_or_else(|| "it has no data".to_owned());
                return Err(Error::data(format!(
                    "Prometheus answered '{}': {why}",
                    answer.status
                )));
            }
        };
        if data.kind != "matrix" && data.kind != "vector" {
            return Err(
                Error::data(format!("a result of the type '{}' holds no series", data.kind))
                    .advise("ask for a range (query_range) or an instant vector (query)"),
            );
        }
        let mut fold = Fold::new(options(self.id(), table)?);
        for (at, raw) in data.result.into_iter().enumerate() {
            let line = at as u64 + 1;
            let series: Series<'_> = match serde_json::from_str(raw.get()) {
                Ok(series) => series,
                Err(e) => {
                    out.reject(line, "", None, format!("not a series: {e}"));
                    continue;
                }
            };
            let metric = series
                .metric
                .get("__name__")
                .map(String::as_str)
                .unwrap_or_default();
            let handle = match fold.open(metric, &series.metric) {
                Ok(Some(handle)) => handle,
                Ok(None) => continue,
                Err(reason) => {
                    out.reject(line, "UUID", None, reason);
                    continue;
                }
            };
            for Sample(time, value) in series.values.iter().chain(&series.value) {
                match parse::unix(time.get(), 0) {
                    Ok(Some(micros)) => {
                        if let Err(reason) = fold.take(&handle, micros, value) {
                            out.reject(line, metric, Some(value), reason);
                        }
                    }
                    _ => out.reject(
                        line,
                        metric,
                        Some(time.get()),
                        "not a number of seconds since 1970",
                    ),
                }
            }
        }
        fold.finish(mapping, out)
    }
}
