//! Which window a page is about: a month, or two days; what is left out is the newest month with bills.

use crate::base::time::{Window, parse_bound};
use crate::base::{Error, Result};
use crate::engine::Settings;
use crate::frame::Frame;
use crate::serve::live::Snapshot;
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

/// What the address says of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    period: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// A window, and how an address names it.
#[derive(Debug, Clone)]
pub(super) struct Period {
    pub(super) window: Window,
    pub(super) pairs: Vec<(&'static str, String)>,
    /// The month, where it is one.
    pub(super) month: Option<String>,
}

/// A list of months is for picking one.
const MONTHS: usize = 36;

impl Period {
    pub(super) async fn of(asked: &Asked, snapshot: &Snapshot) -> Result<Period> {
        let zone = snapshot.settings.zone;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        match (filled(&asked.period), filled(&asked.from), filled(&asked.to)) {
            (None, Some(from), Some(to)) => Ok(Period {
                window: Window::new(parse_bound(&from, zone)?, parse_bound(&to, zone)?)?,
                pairs: vec![("from", from), ("to", to)],
                month: None,
            }),
            (None, Some(_), None) | (None, None, Some(_)) => Err(Error::usage("from and to belong together")),
            (month, _, _) => {
                let month = match month {
                    Some(month) => month,
                    None => newest(snapshot).await?,
                };
                Ok(Period {
                    window: Window::month(&month, zone)?,
                    pairs: vec![("period", month.clone())],
                    month: Some(month),
                })
            }
        }
    }

    /// An address of this window with further words.
    pub(super) fn href(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in &self.pairs {
            query.append_pair(name, value);
        }
        query.extend_pairs(more);
        format!("{path}?{}", query.finish())
    }
}

/// The months that have bills, the newest first.
pub(super) async fn months(snapshot: &Snapshot) -> Result<Vec<String>> {
    let Some((first, last)) = span(snapshot).await? else {
        return Ok(vec![this_month(&snapshot.settings)]);
    };
    let mut months = Vec::new();
    let (mut year, mut month) = (last.year(), last.month());
    while (year, month) >= (first.year(), first.month()) && months.len() < MONTHS {
        months.push(format!("{year:04}-{month:02}"));
        (year, month) = if month == 1 {
            (year - 1, 12)
        } else {
            (year, month - 1)
        };
    }
    Ok(months)
}

async fn newest(snapshot: &Snapshot) -> Result<String> {
    Ok(match span(snapshot).await? {
        Some((_, last)) => last.format("%Y-%m").to_string(),
        None => this_month(&snapshot.settings),
    })
}

fn this_month(settings: &Settings) -> String {
    settings
        .now
        .with_timezone(&settings.zone)
        .format("%Y-%m")
        .to_string()
}

/// The days of the first and the last charge.
async fn span(snapshot: &Snapshot) -> Result<Option<(NaiveDate, NaiveDate)>> {
    const SPAN: &str = "SELECT CAST(CAST(min(charge_period_start) AS DATE) AS VARCHAR) AS first, \
        CAST(CAST(max(charge_period_start) AS DATE) AS VARCHAR) AS last FROM charges";
    let span = Frame::guess(snapshot.engine.query(SPAN, &[]).await?);
    let day = |name: &str| -> Result<Option<NaiveDate>> {
        Ok(span.text(name, 0)?.and_then(|text| text.parse().ok()))
    };
    Ok(day("first")?.zip(day("last")?))
}
