//! The row of figures: value, change against the previous window, small line, note.

use super::reckon;
use super::run::Run;
use super::spec::{HeadlineSpec, Trend};
use crate::base::Result;
use crate::base::time::Window;
use crate::frame::build::{days, decimals};
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::document::{Headline, Value};
use chrono::NaiveDate;
use std::collections::BTreeMap;

pub(super) async fn build(run: &Run<'_>, spec: &HeadlineSpec) -> Result<Headline> {
    let now = whole(run, spec, run.window).await?;
    let before = whole(run, spec, run.previous).await?;
    let note = if now.is_some() {
        note(run, spec).await?
    } else {
        Some(spec.missing.clone())
    };
    let change = now
        .as_ref()
        .zip(before.as_ref())
        .and_then(|(now, before)| now.change_since(before));
    Ok(Headline {
        label: spec.label.clone(),
        spark: spark(run, spec).await?,
        value: now,
        change,
        good: spec.good,
        note,
    })
}

async fn frame(run: &Run<'_>, spec: &HeadlineSpec, extra: Option<&str>, window: Window) -> Result<Frame> {
    let by: Vec<&str> = spec.by.iter().map(String::as_str).chain(extra).collect();
    run.metric(&spec.metric, Some(&by), window).await
}

async fn whole(run: &Run<'_>, spec: &HeadlineSpec, window: Window) -> Result<Option<Value>> {
    let frame = frame(run, spec, None, window).await?;
    let rows = reckon::rows_where(&frame, &spec.filter)?;
    figure(run, spec, &frame, rows)
}

fn figure(run: &Run<'_>, spec: &HeadlineSpec, frame: &Frame, rows: Vec<usize>) -> Result<Option<Value>> {
    if let Some(ratio) = &spec.ratio {
        return Ok(reckon::share(frame, &ratio.part, &ratio.whole, &rows)?.map(Value::Ratio));
    }
    let Some(column) = &spec.column else {
        return Ok(None);
    };
    let rows = if frame.columns[frame.index(column)?].role == Role::Money {
        reckon::split_currency(frame, rows, run.currency(), column)?.0
    } else {
        rows
    };
    match reckon::sum(frame, column, &rows)? {
        Some(sum) => reckon::value(frame, column, sum, run.currency(), spec.unit.as_deref()).map(Some),
        None => Ok(None),
    }
}

async fn note(run: &Run<'_>, spec: &HeadlineSpec) -> Result<Option<String>> {
    let Some(note) = &spec.note else { return Ok(None) };
    let Some(column) = &note.column else {
        return Ok(Some(note.text.clone()));
    };
    let frame = frame(run, spec, None, run.window).await?;
    let rows = reckon::rows_where(&frame, &spec.filter)?;
    let rows = if frame.columns[frame.index(column)?].role == Role::Money {
        reckon::split_currency(&frame, rows, run.currency(), column)?.0
    } else {
        rows
    };
    let Some(sum) = reckon::sum(&frame, column, &rows)? else {
        return Ok(None);
    };
    let value = reckon::value(&frame, column, sum, run.currency(), None)?;
    // Counts of a note are said with their own words.
    let text = match value {
        Value::Count(n) => crate::render::number::count(n),
        other => other.text(),
    };
    Ok(Some(note.text.replace("{}", &text)))
}

async fn spark(run: &Run<'_>, spec: &HeadlineSpec) -> Result<Option<(ChartSpec, Frame)>> {
    let mut points: Vec<(NaiveDate, Option<Value>)> = Vec::new();
    match spec.trend {
        Trend::None => return Ok(None),
        Trend::Daily | Trend::ByDay => {
            let extra = (spec.trend == Trend::ByDay).then_some("day");
            let frame = frame(run, spec, extra, run.window).await?;
            let mut by_day: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
            for row in reckon::rows_where(&frame, &spec.filter)? {
                if let Some(day) = reckon::day(&frame, "day", row)? {
                    by_day.entry(day).or_default().push(row);
                }
            }
            for (day, rows) in by_day {
                points.push((day, figure(run, spec, &frame, rows)?));
            }
        }
        Trend::Slices => {
            for (day, window) in run.slices() {
                points.push((day, whole(run, spec, window).await?));
            }
        }
    }
    let heights = points.iter().map(|(_, value)| match value {
        Some(Value::Money { amount, .. }) => Some(*amount),
        Some(Value::Ratio(ratio)) => Some(*ratio),
        Some(Value::Count(count)) => i128::from(*count).checked_mul(crate::base::money::ONE),
        Some(Value::Measure { value, .. }) => reckon::from_float(*value),
        None => None,
    });
    let heights = decimals(heights.collect::<Vec<_>>());
    let frame = Frame::of(vec![
        ("day", Role::Time, "", days(points.iter().map(|p| p.0))),
        ("value", Role::Measure, "", heights),
    ])?;
    let chart = ChartSpec {
        kind: "sparkline".to_owned(),
        x: "day".to_owned(),
        y: vec!["value".to_owned()],
        ..ChartSpec::default()
    };
    Ok(Some((chart, frame)))
}
