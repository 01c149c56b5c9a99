//! From a scope to its use cases, their models, their tasks, and what a task was charged: one metric, held to
//! one more value with every step. Values come from the address and are bound.

use super::Here;
use super::around::around;
use super::front::file;
use super::metric::{page_of, with_window};
use super::period::{Asked, Period};
use super::trouble::Trouble;
use crate::base::Result;
use crate::frame::{Frame, is_name};
use crate::metric::{Params, Place, run_at};
use crate::render::document::{Body, Rows, Section};
use crate::render::{self, Beside, Link};
use crate::serve::Shared;
use crate::serve::live::Snapshot;
use axum::extract::{Query, State};
use axum::response::{Html, Response};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

const METRIC: &str = "spend/by_use_case";
const LARGEST: &str = "amount";

/// The steps down, and what each is called.
const STEPS: [(&str, &str); 4] = [
    ("scope", "scope"),
    ("use_case", "use case"),
    ("model", "model"),
    ("task_id", "task"),
];
/// What a single task is split by.
const LAST: [&str; 3] = ["leaf", "provider", "service"];

/// Rows of a page, and of a file.
const ON_PAGE: usize = 200;
const IN_FILE: usize = 1_000_000;

/// A use case, model or task that a request did not name is said like this in an address.
const NOTHING: &str = "∅";

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(flatten)]
    period: Asked,
    #[serde(flatten)]
    other: HashMap<String, String>,
}

/// What a step is called in words.
fn called(name: &str) -> &'static str {
    let step = STEPS.iter().find(|(step, _)| *step == name);
    step.map_or("", |(_, called)| called)
}

/// Where somebody is: the values of the first steps.
struct Step {
    at: Vec<(String, Option<String>)>,
    by: Vec<String>,
}

impl Step {
    fn of(wanted: &Wanted) -> Step {
        let at: Vec<(String, Option<String>)> = STEPS
            .iter()
            .map_while(|(name, _)| {
                let said = wanted.other.get(*name)?;
                Some(((*name).to_owned(), (said != NOTHING).then(|| said.clone())))
            })
            .collect();
        let mut by: Vec<String> = at.iter().map(|(name, _)| name.clone()).collect();
        match STEPS.get(at.len()) {
            Some((next, _)) => by.push((*next).to_owned()),
            None => by.extend(LAST.iter().map(|name| (*name).to_owned())),
        }
        Step { at, by }
    }

    /// The column that the rows differ in; at the end there are several.
    fn next(&self) -> Option<&'static (&'static str, &'static str)> {
        STEPS.get(self.at.len())
    }
}

async fn run(
    shared: &Shared,
    snapshot: &Snapshot,
    step: &Step,
    period: &Period,
    most: usize,
) -> Result<(Frame, String)> {
    let metric = shared.catalog.get(METRIC)?;
    let params = Params {
        from: period.window.from,
        to: period.window.to,
        by: Some(step.by.clone()),
        set: BTreeMap::new(),
    };
    let place = Place {
        at: step.at.clone(),
        largest: LARGEST.to_owned(),
        most,
    };
    run_at(&snapshot.engine, metric, &params, &place).await
}

pub(super) async fn page(State(site): Here, Query(wanted): Query<Wanted>) -> Result<Html<Vec<u8>>, Trouble> {
    let shared = &site.shared;
    let snapshot = shared.live.current(&shared.gauges).await;
    let period = Period::of(&wanted.period, &snapshot).await?;
    let step = Step::of(&wanted);
    let (frame, sql) = run(shared, &snapshot, &step, &period, ON_PAGE + 1).await?;
    let more = frame.rows() > ON_PAGE;
    let frame = match more {
        true => Frame::new(frame.columns.clone(), frame.batch.slice(0, ON_PAGE))?,
        false => frame,
    };
    let said = |values: &[(String, Option<String>)]| -> Vec<(String, String)> {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| NOTHING.to_owned());
        values
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    };
    let href = |path: &str, values: &[(String, String)]| {
        let pairs: Vec<(&str, &str)> = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        period.href(path, &pairs)
    };
    let here = said(&step.at);
    let kept: Vec<(&str, String)> = here.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    let trail = trail(&step, &href, &said);
    let mut around = around(&snapshot, &period, "Spend", "/spend", &kept, &trail).await?;
    let rows = match step.next() {
        None => Vec::new(),
        Some((next, _)) => (0..frame.rows())
            .map(|row| {
                let value = frame.text(next, row)?.unwrap_or_else(|| NOTHING.to_owned());
                let mut values = here.clone();
                values.push(((*next).to_owned(), value));
                Ok(Some(href("/spend", &values)))
            })
            .collect::<Result<_>>()?,
    };
    let bound: String = here
        .iter()
        .map(|(name, value)| format!("-- $at_{name} = {value}\n"))
        .collect();
    let beside = Beside {
        links: vec![Link {
            text: "CSV".to_owned(),
            href: href("/spend.csv", &here),
        }],
        rows,
        code: Some(format!("{bound}{}", with_window(&sql, &period))),
    };
    around.sections.insert("spend".to_owned(), beside);
    let title = match step.at.last() {
        None => "Spend by scope".to_owned(),
        Some((name, value)) => {
            let called = called(name);
            match value {
                Some(value) => format!("Spend of {called} {value}"),
                None => format!("Spend without a {called}"),
            }
        }
    };
    let mut notices = Vec::new();
    if more {
        notices.push(format!("The {ON_PAGE} largest; all of them are in the CSV."));
    }
    let section = section(&step, frame, notices);
    let footer = vec![
        "Amount: parts of what bills say, split down to requests so that they add up to the bill. Accrued: list \
         price of attempts that no bill covers yet. Modelled: the part of the amount whose share was estimated."
            .to_owned(),
    ];
    let document = page_of("spend", title, &snapshot, &period, section, footer);
    Ok(Html(render::page(&document, &around)?))
}

/// Makes an address of a path and pairs of a query.
type Href<'a> = dyn Fn(&str, &[(String, String)]) -> String + 'a;
/// The pairs that say which rows were chosen.
type Said<'a> = dyn Fn(&[(String, Option<String>)]) -> Vec<(String, String)> + 'a;

fn trail(step: &Step, href: &Href<'_>, said: &Said<'_>) -> Vec<Link> {
    let mut trail = vec![Link {
        text: "All scopes".to_owned(),
        href: href("/spend", &[]),
    }];
    for (place, (name, value)) in step.at.iter().enumerate() {
        trail.push(Link {
            text: value.clone().unwrap_or_else(|| format!("no {}", called(name))),
            href: href("/spend", &said(&step.at[..=place])),
        });
    }
    // Where one is leads nowhere.
    if let Some(last) = trail.last_mut() {
        last.href.clear();
    }
    trail
}

/// The rows as a table: what is the same in all of them stands in the title, not in columns.
fn section(step: &Step, frame: Frame, notices: Vec<String>) -> Section {
    let same = |name: &str| step.at.iter().any(|(at, _)| at == name);
    let shown = frame
        .columns
        .iter()
        .filter(|column| !same(&column.name))
        .map(|column| {
            let called = STEPS.iter().find(|(name, _)| *name == column.name);
            let word = called.map_or(column.name.replace('_', " "), |(_, called)| (*called).to_owned());
            (
                column.name.clone(),
                if is_name(&column.name) {
                    word
                } else {
                    column.name.replace('_', " ")
                },
            )
        })
        .collect();
    let empty = frame.rows() == 0;
    Section {
        id: "spend".to_owned(),
        title: match step.next() {
            Some((_, called)) => format!("By {called}"),
            None => "What it was charged".to_owned(),
        },
        subtitle: match step.next() {
            Some(_) => "Parts of charges, the largest first. A name leads one step down.",
            None => "Parts of charges, the largest first.",
        }
        .to_owned(),
        wide: true,
        height: 0,
        body: match empty {
            true => Body::Empty("nothing was spent there in this period".to_owned()),
            false => Body::Table(frame.clone()),
        },
        rows: (!empty).then(|| Rows {
            shown,
            ..Rows::plain(frame)
        }),
        notices,
    }
}

pub(super) async fn csv(State(site): Here, Query(wanted): Query<Wanted>) -> Result<Response, Trouble> {
    let shared = &site.shared;
    let snapshot = shared.live.current(&shared.gauges).await;
    let period = Period::of(&wanted.period, &snapshot).await?;
    let step = Step::of(&wanted);
    let (frame, _) = run(shared, &snapshot, &step, &period, IN_FILE).await?;
    let name = format!("spend-by-{}", step.next().map_or("leaf", |(name, _)| name));
    Ok(file(&name, render::frame("csv", &frame)?))
}
