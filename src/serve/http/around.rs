//! What stands around a document on the live page: the way to other pages, the picker, where one is.

use super::period::{self, Period};
use crate::base::{Error, Result};
use crate::render::{Around, Link};
use crate::serve::live::Snapshot;
use askama::Template;
use chrono::Days;

#[derive(Template)]
#[template(path = "bar.html", config = "src/serve/http/askama.toml", escape = "html")]
struct Bar<'p> {
    pages: Vec<Page>,
    action: &'p str,
    /// What the address says beside the period, and goes on to say.
    kept: &'p [(&'p str, String)],
    months: Vec<Month>,
    from: String,
    to: String,
    trail: &'p [Link],
}

struct Page {
    text: &'static str,
    href: String,
    here: bool,
}

struct Month {
    name: String,
    chosen: bool,
}

/// A name, a path, and pairs of a query.
type Destination = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The pages that every page leads to: what they are called, their path, what else their address says.
const PAGES: [Destination; 4] = [
    ("Board", "/", &[]),
    ("Spend", "/spend", &[]),
    ("Unit economics", "/", &[("report", "unit-economics")]),
    ("Gateway", "/", &[("report", "gateway-ops")]),
];

pub(super) async fn around(
    snapshot: &Snapshot,
    period: &Period,
    here: &str,
    action: &str,
    kept: &[(&str, String)],
    trail: &[Link],
) -> Result<Around> {
    let zone = snapshot.settings.zone;
    let day = |moment: chrono::DateTime<chrono::Utc>| moment.with_timezone(&zone).date_naive();
    let pages = PAGES.iter().map(|(text, path, more)| Page {
        text,
        href: period.href(path, more),
        here: *text == here,
    });
    let mut months = period::months(snapshot).await?;
    if let Some(month) = period.month.as_ref().filter(|month| !months.contains(month)) {
        months.insert(0, month.clone());
    }
    let bar = Bar {
        pages: pages.collect(),
        action,
        kept,
        months: months
            .into_iter()
            .map(|name| Month {
                chosen: period.month.as_ref() == Some(&name),
                name,
            })
            .collect(),
        from: day(period.window.from).to_string(),
        // The end of a window that ends within a day is not before that day is over.
        to: match period.window.to.with_timezone(&zone).time() == chrono::NaiveTime::MIN {
            true => day(period.window.to),
            false => day(period.window.to) + Days::new(1),
        }
        .to_string(),
        trail,
    };
    let bar = bar
        .render()
        .map_err(|e| Error::internal(format!("the bar of the page cannot be written: {e}")))?;
    Ok(Around {
        style: Some("/style.css".to_owned()),
        bar: Some(bar),
        ..Around::default()
    })
}
