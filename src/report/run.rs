//! One run of a report: what it asks of, for which window, in which currency.

use crate::base::Result;
use crate::base::time::{Window, local_midnight};
use crate::engine::{Engine, NATIVE, Settings};
use crate::frame::Frame;
use crate::metric::{self, Catalog, Params};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// Metrics that were run, by name, group columns, parameters and window: sentences and pictures ask for the
/// same ones.
type Answers = BTreeMap<(String, Option<Vec<String>>, BTreeMap<String, String>, i64, i64), Frame>;

pub(super) struct Run<'a> {
    pub engine: &'a Engine,
    pub catalog: &'a Catalog,
    pub settings: &'a Settings,
    pub window: Window,
    pub previous: Window,
    /// The previous window in words.
    pub before: String,
    pub answers: Mutex<Answers>,
}

/// More parts than this tell a reader nothing more, and each is a run of the metric.
const MOST_SLICES: i64 = 8;

impl Run<'_> {
    /// The currency that a picture shows; rows in others are named beside it.
    pub(super) fn currency(&self) -> &str {
        let settings = self.settings;
        if settings.currency == NATIVE {
            &settings.reporting_currency
        } else {
            &settings.currency
        }
    }

    pub(super) async fn metric(&self, name: &str, by: Option<&[&str]>, window: Window) -> Result<Frame> {
        self.metric_with(name, by, &BTreeMap::new(), window).await
    }

    /// A metric with some of its parameters set.
    pub(super) async fn metric_with(
        &self,
        name: &str,
        by: Option<&[&str]>,
        set: &BTreeMap<String, String>,
        window: Window,
    ) -> Result<Frame> {
        let by: Option<Vec<String>> = by.map(|by| by.iter().map(|s| (*s).to_owned()).collect());
        let key = (
            name.to_owned(),
            by.clone(),
            set.clone(),
            window.from.timestamp_micros(),
            window.to.timestamp_micros(),
        );
        if let Some(frame) = self.answers.lock().await.get(&key) {
            return Ok(frame.clone());
        }
        let params = Params {
            from: window.from,
            to: window.to,
            by,
            set: set.clone(),
        };
        let frame = metric::run(self.engine, self.catalog.get(name)?, &params).await?;
        self.answers.lock().await.insert(key, frame.clone());
        Ok(frame)
    }

    pub(super) fn local_day(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.settings.zone).date_naive()
    }

    /// The last day that the window or the present touches.
    pub(super) fn last_day(&self) -> NaiveDate {
        let end = self.window.to.min(
            self.settings
                .now
                .max(self.window.from + chrono::Duration::microseconds(1)),
        );
        self.local_day(end - chrono::Duration::microseconds(1))
    }

    /// The window in at most eight parts of whole days, with the first day of each.
    pub(super) fn slices(&self) -> Vec<(NaiveDate, Window)> {
        let first = self.local_day(self.window.from);
        let days = i64::from(self.last_day().num_days_from_ce() - first.num_days_from_ce() + 1);
        let step = match days {
            d if d <= MOST_SLICES => 1,
            d if d <= MOST_SLICES * 7 => 7,
            d => (d as u64).div_ceil(MOST_SLICES as u64 * 7) as i64 * 7,
        };
        (0..days)
            .step_by(step as usize)
            .filter_map(|offset| {
                let day = first.checked_add_days(Days::new(offset as u64))?;
                let next = day.checked_add_days(Days::new(step as u64))?;
                let from = local_midnight(day, self.settings.zone).max(self.window.from);
                let to = local_midnight(next, self.settings.zone).min(self.window.to);
                Some((day, Window::new(from, to).ok()?))
            })
            .collect()
    }
}
