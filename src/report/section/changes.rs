//! What changed while the window ran: prices of models that are called, models and use cases that were called for
//! the first time. Words above a course over time, so that a bend has its reason beside it.

use super::super::{reckon, run::Run};
use crate::base::{Error, Result, money};
use crate::frame::build::texts;
use crate::frame::{ChartSpec, ColumnSpec, Frame, Role};
use crate::render::number;
use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::common::ScalarValue;
use std::collections::BTreeMap;

/// The column that the words stand in.
pub(super) const NOTE: &str = "what_changed";
/// More words than this are no longer read.
const MOST: usize = 5;

/// Newcomers, where somebody called before the window: in an empty lake all are new.
const NEW: &str = "SELECT what, name, local_day(first) AS day FROM (
        SELECT what, name, min(asked_at) AS first, min(min(asked_at)) OVER () AS first_of_all, sum(calls) AS calls
        FROM called_names GROUP BY what, name
    ) AS firsts
    WHERE name IS NOT NULL AND first >= $from AND first < $to AND first_of_all < $from
    ORDER BY calls DESC, what, name";

/// List prices that follow another of the same model, of models that the window calls.
const PRICES: &str = "SELECT model, local_day(valid_from) AS day, input, output, input_before, output_before FROM (
        SELECT provider, model, valid_from, input_cost_per_token AS input, output_cost_per_token AS output,
            lag(input_cost_per_token) OVER w AS input_before, lag(output_cost_per_token) OVER w AS output_before
        FROM prices
        WHERE layer IS NULL OR layer = 'list'
        WINDOW w AS (PARTITION BY source, provider, model ORDER BY valid_from)
    ) AS steps
    WHERE valid_from >= $from AND valid_from < $to
        AND (input <> input_before OR output <> output_before)
        AND model IN (SELECT model FROM call_days WHERE day >= local_day($from) AND asked_at < $to)
    ORDER BY day, model";

/// What happened on which day; prices first, then newcomers by how much they are called.
pub(super) async fn changes(run: &Run<'_>) -> Result<BTreeMap<NaiveDate, Vec<String>>> {
    let instant =
        |i: DateTime<Utc>| ScalarValue::TimestampMicrosecond(Some(i.timestamp_micros()), Some("UTC".into()));
    let params = [("from", instant(run.window.from)), ("to", instant(run.window.to))];
    let prices = Frame::guess(run.engine.query(PRICES, &params).await?);
    let mut found: Vec<(NaiveDate, String)> = Vec::new();
    for row in 0..prices.rows() {
        if let (Some(day), Some(model)) = (reckon::day(&prices, "day", row)?, prices.text("model", row)?) {
            let side = |now: &str, before: &str| -> Result<Option<String>> {
                let (now, before) = (prices.decimal(now, row)?, prices.decimal(before, row)?);
                Ok(now.zip(before).and_then(|(now, before)| step(now, before)))
            };
            let parts = [
                ("input", side("input", "input_before")?),
                ("output", side("output", "output_before")?),
            ];
            let parts: Vec<String> = parts
                .into_iter()
                .filter_map(|(name, step)| step.map(|step| format!("{name} {step}")))
                .collect();
            if !parts.is_empty() {
                found.push((day, format!("{model}: {}", parts.join(", "))));
            }
        }
    }
    let new = Frame::guess(run.engine.query(NEW, &params).await?);
    for row in 0..new.rows() {
        if let (Some(day), Some(name)) = (reckon::day(&new, "day", row)?, new.text("name", row)?) {
            found.push((day, format!("{name} starts")));
        }
    }
    found.truncate(MOST);
    let mut by_day: BTreeMap<NaiveDate, Vec<String>> = BTreeMap::new();
    for (day, words) in found {
        by_day.entry(day).or_default().push(words);
    }
    Ok(by_day)
}

/// By how much a price went up or down.
fn step(now: i128, before: i128) -> Option<String> {
    (now != before && before > 0)
        .then(|| money::ratio(now - before, before))
        .flatten()
        .map(number::change)
}

/// The chart with the words of each of its times in a column of their own.
pub(super) async fn noted(run: &Run<'_>, chart: ChartSpec, frame: Frame) -> Result<(ChartSpec, Frame)> {
    if chart.note.is_some() || frame.columns[frame.index(&chart.x)?].role != Role::Time {
        return Err(Error::config(format!(
            "changes stand above a course over time without notes, and {} is none",
            chart.kind
        )));
    }
    let mut changes = changes(run).await?;
    let mut words: Vec<Option<String>> = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        let day = reckon::day(&frame, &chart.x, row)?;
        words.push(day.and_then(|day| changes.remove(&day)).map(|all| all.join("; ")));
    }
    if words.iter().all(Option::is_none) {
        return Ok((chart, frame));
    }
    let mut columns = frame.columns.clone();
    columns.push(ColumnSpec {
        name: NOTE.to_owned(),
        role: Role::Dimension,
        unit: String::new(),
    });
    let mut arrays = frame.batch.columns().to_vec();
    arrays.push(texts(words));
    let named = columns.iter().map(|c| c.name.clone()).zip(arrays);
    let batch = RecordBatch::try_from_iter_with_nullable(named.map(|(name, array)| (name, array, true)))?;
    let chart = ChartSpec {
        note: Some(NOTE.to_owned()),
        ..chart
    };
    Ok((chart, Frame::new(columns, batch)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_a_price_is_told_in_its_share() {
        assert_eq!(step(80, 100).as_deref(), Some("−20\u{a0}%"));
        assert_eq!(step(100, 100), None);
        assert_eq!(step(100, 0), None);
    }
}
