//! One metric: what it means, its figures for a period, and the query that gives them.

use super::Here;
use super::around::around;
use super::front::file;
use super::period::{Asked, Period};
use super::trouble::Trouble;
use crate::base::{Error, Result};
use crate::frame::Frame;
use crate::metric::{Metric, Params};
use crate::render::document::{Body, Document, Rows, Section, Stamp};
use crate::render::{self, Beside, Link};
use crate::report::period_in_words;
use crate::serve::Shared;
use crate::serve::live::Snapshot;
use axum::extract::{Query, State};
use axum::response::{Html, Response};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    name: Option<String>,
    /// Group columns; said and empty: one row for all.
    by: Option<String>,
    #[serde(flatten)]
    period: Asked,
}

/// A metric that was run.
struct Run<'s> {
    metric: &'s Metric,
    by: Vec<String>,
    frame: Frame,
    period: Period,
}

async fn run<'s>(shared: &'s Shared, snapshot: &Snapshot, wanted: &Wanted) -> Result<Run<'s>> {
    let name = wanted
        .name
        .as_deref()
        .ok_or_else(|| Error::usage("which metric? ?name=spend/by_scope"))?;
    let metric = shared.catalog.get(name)?;
    let period = Period::of(&wanted.period, snapshot).await?;
    let by: Vec<String> = match &wanted.by {
        Some(by) => by
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        None => metric.header.by.clone(),
    };
    let params = Params {
        from: period.window.from,
        to: period.window.to,
        // A metric with one way to group is not asked to group in no way.
        by: (!metric.header.dimensions.is_empty()).then(|| by.clone()),
        set: BTreeMap::new(),
    };
    let frame = crate::metric::run(&snapshot.engine, metric, &params).await?;
    Ok(Run {
        metric,
        by,
        frame,
        period,
    })
}

pub(super) async fn page(State(site): Here, Query(wanted): Query<Wanted>) -> Result<Html<Vec<u8>>, Trouble> {
    let shared = &site.shared;
    let snapshot = shared.live.current(&shared.gauges).await;
    let Run {
        metric,
        by,
        frame,
        period,
    } = run(shared, &snapshot, &wanted).await?;
    let joined = by.join(",");
    let kept = vec![("name", metric.name.clone()), ("by", joined.clone())];
    let mut around = around(&snapshot, &period, "", "/metric", &kept, &[]).await?;
    let mut links = vec![Link {
        text: "CSV".to_owned(),
        href: period.href("/metric.csv", &[("name", &metric.name), ("by", &joined)]),
    }];
    for dimension in metric.header.dimensions.iter().filter(|d| !by.contains(d)) {
        links.push(Link {
            text: format!("by {}", dimension.replace('_', " ")),
            href: period.href("/metric", &[("name", &metric.name), ("by", dimension)]),
        });
    }
    let beside = Beside {
        links,
        rows: Vec::new(),
        code: Some(with_window(metric.sql_by(&by).trim(), &period)),
    };
    around.sections.insert("figures".to_owned(), beside);
    let empty = frame.rows() == 0;
    let section = Section {
        id: "figures".to_owned(),
        title: "Figures".to_owned(),
        subtitle: format!("One row is {}; {} in all.", metric.header.grain, frame.rows()),
        wide: true,
        height: 0,
        body: match empty {
            true => Body::Empty("no rows in this period".to_owned()),
            false => Body::Table(frame.clone()),
        },
        rows: (!empty).then(|| Rows::plain(frame)),
        notices: Vec::new(),
    };
    let header = &metric.header;
    let mut footer = vec![
        header.description.trim().to_owned(),
        format!("Formula: {}", header.formula),
    ];
    footer.extend(
        header
            .columns
            .iter()
            .map(|c| format!("{}: {}", c.name, c.description)),
    );
    let document = page_of(
        &metric.name,
        header.title.clone(),
        &snapshot,
        &period,
        section,
        footer,
    );
    Ok(Html(render::page(&document, &around)?))
}

pub(super) async fn csv(State(site): Here, Query(wanted): Query<Wanted>) -> Result<Response, Trouble> {
    let shared = &site.shared;
    let snapshot = shared.live.current(&shared.gauges).await;
    let run = run(shared, &snapshot, &wanted).await?;
    Ok(file(&run.metric.name, render::frame("csv", &run.frame)?))
}

/// The query, and what its placeholders are bound to.
pub(super) fn with_window(sql: &str, period: &Period) -> String {
    format!(
        "-- $from = {}, $to = {}\n{sql}",
        period.window.from.to_rfc3339(),
        period.window.to.to_rfc3339()
    )
}

/// A page of one table.
pub(super) fn page_of(
    name: &str,
    title: String,
    snapshot: &Snapshot,
    period: &Period,
    section: Section,
    footer: Vec<String>,
) -> Document {
    let settings = &snapshot.settings;
    let stamp = |label: &str, value: String| Stamp {
        label: label.to_owned(),
        value,
        warns: false,
    };
    let at = |moment: chrono::DateTime<chrono::Utc>| {
        moment
            .with_timezone(&settings.zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    };
    Document {
        name: name.to_owned(),
        title,
        period: period_in_words(&period.window, settings.zone),
        stamps: vec![
            stamp("As of", at(settings.now)),
            stamp("Currency", settings.currency.clone()),
            stamp("Basis", settings.basis.to_string()),
            stamp("Time zone", settings.zone.to_string()),
        ],
        headlines: Vec::new(),
        findings: Vec::new(),
        sections: vec![section],
        annexes: Vec::new(),
        footer,
        moment: settings.now,
    }
}
