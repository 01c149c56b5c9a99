//! How much the caches save, and how often a request needs a second model, per day.

use super::super::{reckon, run::Run};
use super::{Part, changes, chart};
use crate::base::Result;
use crate::frame::build::{days, decimals};
use crate::frame::{ChartSpec, Frame, Role};
use chrono::NaiveDate;
use std::collections::BTreeMap;

const SUBTITLE: &str = "Share of input tokens, of requests, of requests; per day";

pub(super) async fn build(run: &Run<'_>) -> Result<Part> {
    let cache = run
        .metric("gateway/cache_hit_rate", Some(&["day"]), run.window)
        .await?;
    let fallback = run
        .metric("gateway/fallback_rate", Some(&["day"]), run.window)
        .await?;
    let owned = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let tokens = by_day(
        &cache,
        &owned(&["cache_read"]),
        &owned(&["cache_read", "cache_write", "uncached_input"]),
    )?;
    let hits = by_day(&cache, &owned(&["gateway_hits"]), &owned(&["requests"]))?;
    let falls = by_day(&fallback, &owned(&["fallback_requests"]), &owned(&["requests"]))?;
    let Some((first, last)) = tokens
        .keys()
        .chain(falls.keys())
        .min()
        .zip(tokens.keys().chain(falls.keys()).max())
    else {
        return Ok(Part::empty(SUBTITLE, "No requests in this window."));
    };
    // Days without a request are rows without values: a gap, not a zero.
    let all: Vec<NaiveDate> = reckon::days_between(*first, *last).collect();
    let column = |values: &BTreeMap<NaiveDate, Option<i128>>| {
        decimals(
            all.iter()
                .map(|d| values.get(d).copied().flatten())
                .collect::<Vec<_>>(),
        )
    };
    let frame = Frame::of(vec![
        ("day", Role::Time, "", days(all.iter().copied())),
        ("token_cache_hit_rate", Role::Ratio, "", column(&tokens)),
        ("request_cache_hit_rate", Role::Ratio, "", column(&hits)),
        ("fallback_rate", Role::Ratio, "", column(&falls)),
    ])?;
    let chart = ChartSpec {
        labels: ["token cache", "gateway cache", "fallback"]
            .map(str::to_owned)
            .to_vec(),
        ..chart(
            "line",
            "day",
            &["token_cache_hit_rate", "request_cache_hit_rate", "fallback_rate"],
        )
    };
    let (chart, frame) = changes::noted(run, chart, frame).await?;
    Ok(Part::chart(SUBTITLE, chart, frame))
}

fn by_day(frame: &Frame, part: &[String], whole: &[String]) -> Result<BTreeMap<NaiveDate, Option<i128>>> {
    let mut rows: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
    for row in 0..frame.rows() {
        if let Some(day) = reckon::day(frame, "day", row)? {
            rows.entry(day).or_default().push(row);
        }
    }
    rows.into_iter()
        .map(|(day, rows)| Ok((day, reckon::share(frame, part, whole, &rows)?)))
        .collect()
}
