//! Costs by day from the APIs of model providers, month by month: a delivery replaces its month whole.
//!
//! The pages of a month become one delivery: the days' own bytes, each day once, in order. So the same
//! month has the same bytes however it was paged, and what did not change is known at once.

use super::http::Client;
use super::run::Run;
use crate::base::time::day_start;
use crate::base::{Error, Result};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use url::Url;

/// How far back a first pull goes when nothing is said.
const FIRST_DAYS: u64 = 90;

/// Most pages of one month. A server that goes on for longer is going round in circles.
const MAX_PAGES: usize = 500;

pub(super) fn default_reread_days() -> u32 {
    14
}

pub(super) fn check_reread(days: u32) -> Result<()> {
    match days {
        1..=400 => Ok(()),
        _ => Err(Error::config(format!("reread_days is {days}"))
            .advise("write between 1 and 400: bills are restated for days after a month is over")),
    }
}

/// One provider's way of asking and answering.
pub(super) trait Api {
    /// Mapping file that reads the answers.
    fn format(&self) -> &'static str;
    /// Where the pages are.
    fn path(&self) -> &'static str;
    /// What to ask for. `to`: exclusive; `None`: as far as there is anything.
    fn query(&self, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Vec<(&'static str, String)>;
    /// When a bucket begins.
    fn start(&self, bucket: &RawValue) -> Option<DateTime<Utc>>;
    /// What to do about a refusal.
    fn advice(&self, status: u16) -> Option<String>;
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Box<RawValue>>,
    #[serde(default)]
    has_more: bool,
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<serde::de::IgnoredAny>,
}

/// Both providers write {"error": {"message": …}}.
#[derive(Deserialize)]
struct Refusal {
    error: Said,
}

#[derive(Deserialize)]
struct Said {
    message: String,
}

/// Fetches all months that may have changed.
pub(super) async fn pull(
    run: &mut Run<'_>,
    client: &mut Client,
    base: &Url,
    api: &dyn Api,
    reread_days: u32,
) -> Result<()> {
    let held = run.newest("charges", "charge_period_start").await?;
    let due = match held {
        Some(held) => held.min(run.now()) - TimeDelta::days(i64::from(reread_days)),
        None => run.now() - TimeDelta::days(FIRST_DAYS as i64),
    };
    let begin = run.begin(due)?;
    if held.is_none() && run.request.since.is_none() {
        run.note(format!(
            "nothing was pulled before: costs from {} on; --since DATE reads from an earlier day",
            first_of_month(begin.date_naive())
        ));
    }
    let mut url = base.clone();
    url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), api.path()));
    let mut rows = 0;
    let mut month = first_of_month(begin.date_naive());
    while month <= run.now().date_naive() {
        let next = month + Months::new(1);
        rows += one_month(run, client, &url, api, month, next).await?;
        month = next;
    }
    if rows == 0 {
        run.note("the answer has no costs at all".to_owned());
    }
    Ok(())
}

/// Fetches and delivers one month. How many cost lines it has.
async fn one_month(
    run: &mut Run<'_>,
    client: &mut Client,
    url: &Url,
    api: &dyn Api,
    month: NaiveDate,
    next: NaiveDate,
) -> Result<usize> {
    let label = month.format("%Y-%m").to_string();
    let days = fetch(run, client, url, api, month, next)
        .await
        .map_err(|e| e.context(label.clone()))?;
    let rows: usize = days.values().map(|(_, rows)| rows).sum();
    if rows == 0 {
        if run.holds_month(&label).await? {
            run.refuse(
                "charges",
                format!("{label}: the lake holds charges of this month and the server has none any more"),
                "nothing was changed; look at the provider's console, and deliver a corrected bill as a file if it is so",
            );
        }
        return Ok(0);
    }
    let buckets: Vec<&str> = days.values().map(|(bucket, _)| bucket.get()).collect();
    let bytes = format!("{{\"object\":\"page\",\"data\":[{}]}}", buckets.join(","));
    run.deliver(api.format(), vec![run.loaded(&format!("{label}.json"), bytes)])
        .await?;
    Ok(rows)
}

/// All days of a month, by their start, with their bytes and their number of cost lines.
async fn fetch(
    run: &mut Run<'_>,
    client: &mut Client,
    url: &Url,
    api: &dyn Api,
    month: NaiveDate,
    next: NaiveDate,
) -> Result<BTreeMap<DateTime<Utc>, (Box<RawValue>, usize)>> {
    let (from, to) = (day_start(month), day_start(next));
    // A month that is not over has no end yet. "Ends before" may or may not mean the last day of a month:
    // one day more is asked for, and what is not of this month is left out.
    let end = Some(to + Days::new(1)).filter(|end| *end <= run.now());
    let query = api.query(from, end);
    let mut days = BTreeMap::new();
    let mut cursors: Vec<String> = Vec::new();
    for page in 1..=MAX_PAGES {
        run.fetching(&format!("{}, page {page}", month.format("%Y-%m")))?;
        let mut url = url.clone();
        url.query_pairs_mut()
            .extend_pairs(&query)
            .extend_pairs(cursors.last().map(|cursor| ("page", cursor)));
        let read = |body: bytes::Bytes| {
            let page: Page =
                serde_json::from_slice(&body).map_err(|e| format!("not a page of costs: {e}"))?;
            let buckets = page.data.into_iter().map(|bucket| {
                let start = api
                    .start(&bucket)
                    .ok_or("a bucket of costs does not say when it begins")?;
                let results: Results =
                    serde_json::from_str(bucket.get()).map_err(|e| format!("not a bucket of costs: {e}"))?;
                Ok((start, bucket, results.results.len()))
            });
            Ok((
                buckets.collect::<std::result::Result<Vec<_>, String>>()?,
                page.has_more,
                page.next_page,
            ))
        };
        let (buckets, more, cursor) = client.get(&url, read).await.map_err(|failure| {
            failure.into_error(
                &url,
                |body| {
                    serde_json::from_slice::<Refusal>(body)
                        .ok()
                        .map(|refusal| refusal.error.message)
                },
                |status| api.advice(status),
            )
        })?;
        for (start, bucket, rows) in buckets {
            if start < from || start >= to {
                continue;
            }
            let day = start.date_naive();
            if days.insert(start, (bucket, rows)).is_some() {
                return Err(changed(&format!("{day} stands on two pages")));
            }
        }
        match cursor.filter(|_| more) {
            None if more => return Err(changed("there is more, and the page does not say where")),
            None => return Ok(days),
            Some(cursor) if cursors.contains(&cursor) => return Err(changed("a page is its own successor")),
            Some(cursor) => cursors.push(cursor),
        }
    }
    Err(changed(&format!("there are more than {MAX_PAGES} pages")))
}

fn changed(why: &str) -> Error {
    Error::data(format!(
        "the pages do not fit together: {why}; nothing of this month was changed"
    ))
    .advise("the server may have restated costs between two pages; run it again")
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}
