//! Views whose rows are worked out month by month, so that new facts cost what their month costs and not what
//! all history does.
//!
//! A view asks for it with a line `months: COLUMN` beside `kept:`; the column says which month a row belongs to.
//! Each month is a session of its own over the facts that its rows can depend on (`reach`), in which the
//! view is planned and kept like any other. What is there for all to read is the rows of each month that are its
//! own. Facts of one month and of few rows are not cut: nothing would be saved.

mod month;
mod reach;
mod spans;
mod view;

pub(super) use view::MonthlyView;

use super::kept::{KeptFolder, Keys};
use super::tables::{self, Facts};
use super::{Registry, Settings, rates, rules, session, views};
use crate::asset::Assets;
use crate::base::{Error, Result};
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use month::Month;
use reach::{SAMPLES_US, Stretch};
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Fewer months are worked out as one.
const LEAST_MONTHS: usize = 3;
/// Months that reach over more than this many times their own length are worked out as one.
const MOST_OVERLAP: i64 = 4;

/// A session over the facts of a month and those that they depend on.
pub(super) struct Slice {
    month: Month,
    context: SessionContext,
    keys: Arc<Keys>,
}

/// The months of a lake, worked out when the first view asks for them.
pub(super) struct Months {
    facts: Facts,
    folder: KeptFolder,
    assets: Assets,
    registry: Registry,
    settings: Settings,
    slices: OnceCell<Option<Vec<Slice>>>,
}

impl Months {
    /// `None`: this lake is worked out as one.
    pub(super) fn of(
        facts: Facts,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
    ) -> Option<Arc<Months>> {
        let folder = settings.kept.clone()?;
        if facts.rows() < folder.months_from {
            return None;
        }
        let settings = Settings {
            cluster: None,
            kept: None,
            ..settings.clone()
        };
        Some(Arc::new(Months {
            facts,
            folder,
            assets: assets.clone(),
            registry: registry.clone(),
            settings,
            slices: OnceCell::new(),
        }))
    }

    /// Whether there are months, if somebody has asked for them already.
    pub(super) fn known(&self) -> Option<bool> {
        self.slices.get().map(Option::is_some)
    }

    pub(super) fn zone(&self) -> chrono_tz::Tz {
        self.settings.zone
    }

    pub(super) async fn slices(&self) -> Result<Option<&[Slice]>> {
        let slices = self.slices.get_or_try_init(|| self.cut()).await?;
        Ok(slices.as_deref())
    }

    /// Boxed, since a session of a month is made of what every session is made of.
    fn cut(&self) -> BoxFuture<'_, Result<Option<Vec<Slice>>>> {
        Box::pin(async {
            let zone = self.settings.zone;
            let spans = spans::read(self).await?;
            let months = spans.months(&self.facts, zone);
            if months.len() < LEAST_MONTHS {
                return Ok(None);
            }
            let reaches: Vec<_> = months
                .iter()
                .map(|month| spans.ties.reach(month.stretch(zone), month.days(zone)))
                .collect();
            let own: i64 = months
                .iter()
                .map(|m| m.stretch(zone))
                .map(|s| s.to - s.from)
                .sum();
            let all: i64 = reaches.iter().map(|reach| reach.to - reach.from).sum();
            if all > own.saturating_mul(MOST_OVERLAP) {
                return Ok(None);
            }
            let mut slices = Vec::new();
            for (month, reach) in months.into_iter().zip(reaches) {
                let facts = self
                    .facts
                    .within((reach.from, reach.to), SAMPLES_US, &spans.bills(reach));
                let (context, keys) = self.session(&facts, &month.to_string(), Some(reach)).await?;
                slices.push(Slice { month, context, keys });
            }
            Ok(Some(slices))
        })
    }

    /// A session over some of the facts, whose views are kept under a name of their own.
    async fn session(
        &self,
        facts: &Facts,
        name: &str,
        reach: Option<Stretch>,
    ) -> Result<(SessionContext, Arc<Keys>)> {
        let keys = Arc::new(Keys::of_part(
            name,
            &format!("{reach:?}"),
            (&self.folder, facts.contents()),
            &self.assets,
            &self.registry,
            &self.settings,
        ));
        let context = session::open(&self.settings, &self.registry)?;
        let providers = match reach {
            Some(reach) => facts.meeting(reach.from, reach.to)?,
            None => facts.whole(),
        };
        tables::register_part(&context, providers, &self.registry)?;
        rates(&context, &self.settings).await?;
        rules::create(&context, &self.registry, &self.assets).await?;
        let memory = self.settings.memory_limit / LEAST_MONTHS;
        views::create_part(&context, &self.assets, memory, Arc::clone(&keys))?;
        Ok((context, keys))
    }
}

impl fmt::Debug for Months {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Months").finish_non_exhaustive()
    }
}

/// The column by which the rows of a view belong to months, if its comment says one.
pub(super) fn column(text: &str) -> Option<&str> {
    let (comment, _) = text.trim_start().strip_prefix("/*")?.split_once("*/")?;
    let line = comment
        .lines()
        .find_map(|line| line.trim().strip_prefix("months: "))?;
    Some(line.trim())
}

fn lost(what: &str) -> Error {
    Error::internal(format!("a month of the lake has no {what}"))
}
