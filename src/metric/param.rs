//! What the user asks of a metric, as bound values: text of the user's never becomes SQL.

use super::header::{ParamType, WINDOW};
use super::{Metric, lint};
use crate::base::{Error, Result, money};
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use std::collections::BTreeMap;

/// A run of a metric: the window, how to group, and the values of declared parameters.
#[derive(Debug, Clone)]
pub struct Params {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// `None`: the header's own choice. Empty: one row for all.
    pub by: Option<Vec<String>>,
    pub set: BTreeMap<String, String>,
}

impl Params {
    /// The window, grouped and set as the header says.
    pub fn window(from: DateTime<Utc>, to: DateTime<Utc>) -> Params {
        Params {
            from,
            to,
            by: None,
            set: BTreeMap::new(),
        }
    }
}

/// The group columns of a run, all of them names that the header lists.
pub(super) fn group_columns(metric: &Metric, params: &Params) -> Result<Vec<String>> {
    let Some(by) = &params.by else {
        return Ok(metric.header.by.clone());
    };
    for (at, name) in by.iter().enumerate() {
        if !metric.header.dimensions.contains(name) {
            let advice = match metric.header.dimensions.as_slice() {
                [] => format!("{} has one way to group", metric.name),
                all => format!("it can be grouped by {}", all.join(", ")),
            };
            return Err(
                Error::usage(format!("{} cannot be grouped by '{name}'", metric.name)).advise(advice),
            );
        }
        if by[..at].contains(name) {
            return Err(Error::usage(format!("'{name}' is named twice in --by")));
        }
    }
    Ok(by.clone())
}

/// The values of the placeholders that the query uses.
pub(super) fn bind(metric: &Metric, params: &Params) -> Result<Vec<(String, ScalarValue)>> {
    if params.from >= params.to {
        return Err(
            Error::usage(format!("the window [{}, {}) is empty", params.from, params.to))
                .advise("--to is exclusive and must be later than --from"),
        );
    }
    if let Some(name) = params
        .set
        .keys()
        .find(|name| !metric.header.params.contains_key(*name))
    {
        let known: Vec<&str> = metric.header.params.keys().map(String::as_str).collect();
        let advice = if known.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        return Err(Error::usage(format!("{} has no parameter '{name}'", metric.name)).advise(advice));
    }
    let used = lint::placeholders(&metric.sql);
    let mut values = Vec::new();
    for (name, instant) in WINDOW.iter().zip([params.from, params.to]) {
        if used.contains(*name) {
            let micros = Some(instant.timestamp_micros());
            values.push((
                (*name).to_owned(),
                ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())),
            ));
        }
    }
    for (name, param) in &metric.header.params {
        let text = params.set.get(name).unwrap_or(&param.default);
        let value = match param.ty {
            ParamType::Text => Some(ScalarValue::Utf8(Some(text.clone()))),
            ParamType::Int => text.parse().ok().map(|n| ScalarValue::Int64(Some(n))),
            ParamType::Decimal => money::parse(text).ok().map(|amount| {
                ScalarValue::Decimal128(Some(amount), money::PRECISION, money::SCALE.cast_signed())
            }),
        };
        let value = value.ok_or_else(|| {
            Error::usage(format!("{name}: '{text}' is not of type {:?}", param.ty))
                .advise(param.description.clone())
        })?;
        values.push((name.clone(), value));
    }
    Ok(values)
}
