//! The board, and any other report, for a period: the document that `spendscope report` writes.

use super::Here;
use super::around::around;
use super::period::{Asked, Period};
use super::trouble::Trouble;
use crate::base::{Error, Result};
use crate::render::{self, Beside, Link};
use crate::report::Spec;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    report: Option<String>,
    section: Option<String>,
    #[serde(flatten)]
    period: Asked,
}

impl Wanted {
    fn report(&self) -> &str {
        self.report.as_deref().unwrap_or("board")
    }
}

pub(super) async fn page(State(site): Here, Query(wanted): Query<Wanted>) -> Result<Html<Vec<u8>>, Trouble> {
    let shared = &site.shared;
    let snapshot = shared.live.current(&shared.gauges).await;
    let period = Period::of(&wanted.period, &snapshot).await?;
    let name = wanted.report();
    let document = site.shelf.document(shared, &snapshot, name, &period).await?;
    let spec = Spec::get(&shared.assets, name)?;
    let kept: Vec<(&str, String)> = wanted
        .report
        .iter()
        .map(|name| ("report", name.clone()))
        .collect();
    let here = match name {
        "board" => "Board",
        "unit-economics" => "Unit economics",
        "gateway-ops" => "Gateway",
        _ => "",
    };
    let mut around = around(&snapshot, &period, here, "/", &kept, &[]).await?;
    // A card is narrow; above a section it is told which metric.
    let sql = |metric: &str, by: Option<&str>| Link {
        text: match by {
            Some(_) => "SQL".to_owned(),
            None => format!("SQL of {metric}"),
        },
        href: match by {
            Some(by) => period.href("/metric", &[("name", metric), ("by", by)]),
            None => period.href("/metric", &[("name", metric)]),
        },
    };
    for headline in &spec.headline {
        let by = headline.by.join(",");
        let mut links = vec![sql(&headline.metric, Some(&by))];
        if headline.metric.starts_with("spend/") {
            links.push(down(&period, headline.filter.get("scope")));
        }
        around.cards.push(links);
    }
    for (section, drawn) in spec.section.iter().zip(&document.sections) {
        let mut links: Vec<Link> = section
            .data
            .metrics()
            .into_iter()
            .map(|metric| sql(metric, None))
            .collect();
        if section
            .data
            .metrics()
            .iter()
            .any(|metric| metric.starts_with("spend/"))
        {
            links.push(down(&period, None));
        }
        if drawn.table().is_some() {
            links.push(table(&period, name, &drawn.id));
        }
        around.sections.insert(
            drawn.id.clone(),
            Beside {
                links,
                ..Beside::default()
            },
        );
    }
    for annex in document.annexes.iter().filter(|annex| annex.table().is_some()) {
        let links = vec![table(&period, name, &annex.id)];
        around.sections.insert(
            annex.id.clone(),
            Beside {
                links,
                ..Beside::default()
            },
        );
    }
    Ok(Html(render::page(&document, &around)?))
}

/// The way from money to what it went to.
fn down(period: &Period, scope: Option<&String>) -> Link {
    Link {
        text: "Drill down".to_owned(),
        href: match scope {
            Some(scope) => period.href("/spend", &[("scope", scope)]),
            None => period.href("/spend", &[]),
        },
    }
}

fn table(period: &Period, report: &str, section: &str) -> Link {
    Link {
        text: "CSV".to_owned(),
        href: period.href("/section.csv", &[("report", report), ("section", section)]),
    }
}

/// The whole table behind a picture.
pub(super) async fn csv(State(site): Here, Query(wanted): Query<Wanted>) -> Result<Response, Trouble> {
    let shared = &site.shared;
    let snapshot = shared.live.current(&shared.gauges).await;
    let period = Period::of(&wanted.period, &snapshot).await?;
    let document = site
        .shelf
        .document(shared, &snapshot, wanted.report(), &period)
        .await?;
    let id = wanted.section.unwrap_or_default();
    let found = document
        .sections
        .iter()
        .chain(&document.annexes)
        .find(|section| section.id == id);
    let rows = found
        .and_then(render::document::Section::table)
        .ok_or_else(|| Error::usage(format!("the report {} has no table '{id}'", document.name)))?;
    Ok(file(
        &format!("{}-{id}", document.name),
        render::frame("csv", &rows.frame)?,
    ))
}

/// A file to be saved. Its name is of letters, digits and lines.
pub(super) fn file(name: &str, bytes: Vec<u8>) -> Response {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.csv\""),
        ),
    ];
    (head, bytes).into_response()
}
