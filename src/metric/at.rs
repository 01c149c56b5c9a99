//! The rows of a metric at one place: its group columns held to values, the largest rows first. Names come
//! from the header's list; values are bound.

use super::{Metric, Params, contract, param};
use crate::base::{Context, Error, Result};
use crate::engine::Engine;
use crate::frame::Frame;
use datafusion::common::ScalarValue;
use std::fmt::Write;

/// Which rows, and how many of them at most.
#[derive(Debug, Clone)]
pub struct Place {
    /// Group columns and their values; nothing is NULL.
    pub at: Vec<(String, Option<String>)>,
    /// The column by which rows stand, the largest first.
    pub largest: String,
    pub most: usize,
}

/// Runs a metric at a place, and gives its figures with the query they come from.
pub async fn run_at(
    engine: &Engine,
    metric: &Metric,
    params: &Params,
    place: &Place,
) -> Result<(Frame, String)> {
    let by = param::group_columns(metric, params)?;
    let mut values = param::bind(metric, params)?;
    let known = |name: &String| by.contains(name);
    if let Some((name, _)) = place.at.iter().find(|(name, _)| !known(name)) {
        return Err(Error::usage(format!(
            "{} is not grouped by '{name}' here",
            metric.name
        )));
    }
    if !metric
        .header
        .columns
        .iter()
        .any(|column| column.name == place.largest)
    {
        return Err(Error::usage(format!(
            "{} has no figure '{}'",
            metric.name, place.largest
        )));
    }
    let mut sql = format!(
        "SELECT figures.*\nFROM (\n{}\n) AS figures",
        metric.sql_by(&by).trim()
    );
    for (n, (name, value)) in place.at.iter().enumerate() {
        let word = if n == 0 { "WHERE" } else { "  AND" };
        let condition = match value {
            Some(value) => {
                values.push((format!("at_{name}"), ScalarValue::from(value.as_str())));
                format!("CAST({name} AS VARCHAR) = $at_{name}")
            }
            None => format!("{name} IS NULL"),
        };
        let _ = write!(sql, "\n{word} {condition}");
    }
    let _ = write!(
        sql,
        "\nORDER BY {} DESC NULLS LAST, {}\nLIMIT {}",
        place.largest,
        order(&by, metric),
        place.most
    );
    let bound: Vec<_> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let what = || format!("metric {} ({})", metric.name, metric.origin);
    let batch = engine.query(&sql, &bound).await.with_context(what)?;
    let batch = contract::enforce(metric, &by, &batch).with_context(what)?;
    Ok((Frame::new(metric.columns(&by, &batch), batch)?, sql))
}

/// Rows that are as large stand in the order of their names.
fn order(by: &[String], metric: &Metric) -> String {
    let names: Vec<&str> = by.iter().chain(&metric.header.key).map(String::as_str).collect();
    if names.is_empty() {
        "1".to_owned()
    } else {
        names.join(", ")
    }
}
