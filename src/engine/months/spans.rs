//! From when to when tasks and charges last: read month by month and kept, so that a new day is read alone. And which labels
//! the tasks of a month have: a label may come long after its task.

use super::month::{DAY_US, Month};
use super::reach::{Charge, Link, Stretch, Ties};
use super::{Months, lost};
use crate::base::Result;
use crate::engine::query_error;
use crate::engine::tables::{self, Facts};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, TimestampMicrosecondType};
use chrono_tz::Tz;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A row may be told under another day than that of its fact.
const NEIGHBOUR_US: i64 = 2 * DAY_US;

/// Devices of telemetry and their instances.
pub(super) type Series = BTreeSet<(String, String)>;

#[derive(Debug, Default)]
pub(super) struct Spans {
    pub(super) ties: Ties,
    /// From when to when the charges of a month's bills last, by month, as the lake writes it.
    bills: Vec<(String, Stretch)>,
    /// When each series was last read.
    last_read: HashMap<(String, String), i64>,
    /// What tells the labels of a month's tasks from others. A month without labels is not there.
    pub(super) labels: BTreeMap<Month, Labels>,
}

/// Some labels: how many, and the sum of their numbers.
#[derive(Debug, Default)]
pub(super) struct Labels {
    count: u64,
    sum: u128,
}

/// Tasks by their numbers: the first and the last month whose labels are theirs.
#[derive(Default)]
struct Tasks {
    months: HashMap<u64, (Month, Month), ahash::RandomState>,
    numbers: ahash::RandomState,
}

impl Tasks {
    /// A number that stands for a name: two tasks may share one, and then count as one task that lasts longer.
    fn number(&self, name: &str) -> u64 {
        self.numbers.hash_one(name)
    }
}

/// The months of moments, most of which lie in the month of the moment before.
struct MonthsOf {
    zone: Tz,
    last: Option<(Stretch, Month)>,
}

impl MonthsOf {
    fn of(&mut self, moment: i64) -> Month {
        match self.last {
            Some((stretch, month)) if stretch.has(moment) => month,
            _ => {
                let month = Month::of(moment, self.zone);
                self.last = Some((month.stretch(self.zone), month));
                month
            }
        }
    }
}

pub(super) async fn read(months: &Months) -> Result<Spans> {
    let mut spans = Spans::default();
    let mut sessions = Vec::new();
    let (mut tasks, mut several) = (Tasks::default(), HashSet::default());
    let months_of = || MonthsOf {
        zone: months.zone(),
        last: None,
    };
    let (mut first_of, mut last_of) = (months_of(), months_of());
    for part in months.facts.months() {
        let context = months.session_of(&part).await?;
        spans.charges(&context, &part).await?;
        spans.series(&context).await?;
        let mut longest: BTreeMap<Month, i64> = BTreeMap::new();
        each_task(&context, |name, stretch| {
            // Rows of days stand in one month, and are told by all tasks of the day.
            let first = first_of.of(stretch.from - DAY_US);
            let last = last_of.of(stretch.to + DAY_US);
            let task = tasks.number(name);
            // A task is listed once in each month that it has attempts in.
            match tasks.months.entry(task) {
                Entry::Vacant(place) => {
                    place.insert((first, last));
                }
                Entry::Occupied(mut known) => {
                    let (from, to) = *known.get();
                    known.insert((from.min(first), to.max(last)));
                    several.insert(task);
                }
            }
            let longest = longest.entry(Month::of_utc(stretch.from)).or_default();
            *longest = (*longest).max(stretch.to - stretch.from);
        })
        .await?;
        spans.ties.longest.extend(longest);
        sessions.push(context);
    }
    spans.labels = labels(months, &tasks).await?;
    tasks.months = HashMap::default();
    if !several.is_empty() {
        spans.ties.across = across(&sessions, &several, &tasks).await?;
    }
    Ok(spans)
}

/// The labels of each month's tasks. One of a task that is not there yet is nobody's.
async fn labels(months: &Months, tasks: &Tasks) -> Result<BTreeMap<Month, Labels>> {
    let columns = tables::label_columns()?.join(", ");
    let sql = format!("SELECT task_id, fingerprint({columns}) FROM outcomes");
    let frame = months.session_of_labels()?.sql(&sql).await.map_err(query_error)?;
    let mut rows = frame.execute_stream().await.map_err(query_error)?;
    let mut labels: BTreeMap<Month, Labels> = BTreeMap::new();
    while let Some(batch) = rows.try_next().await.map_err(query_error)? {
        let names = batch
            .column(0)
            .as_string_opt::<i32>()
            .ok_or_else(|| lost("labels"))?;
        let numbers = batch
            .column(1)
            .as_primitive_opt::<Decimal128Type>()
            .ok_or_else(|| lost("numbers of labels"))?;
        for (row, label) in numbers.values().iter().enumerate() {
            let Some((first, last)) = tasks.months.get(&tasks.number(names.value(row))) else {
                continue;
            };
            let mut month = *first;
            while month <= *last {
                let known = labels.entry(month).or_default();
                known.count += 1;
                known.sum = known.sum.wrapping_add(label.cast_unsigned());
                month = month.next();
            }
        }
    }
    Ok(labels)
}

/// From the first to the last attempt of these tasks, those that overlap as one.
async fn across(
    sessions: &[SessionContext],
    several: &HashSet<u64, ahash::RandomState>,
    tasks: &Tasks,
) -> Result<Vec<Stretch>> {
    let mut whole: HashMap<u64, Stretch> = HashMap::new();
    for context in sessions {
        each_task(context, |name, stretch| {
            let task = tasks.number(name);
            if several.contains(&task) {
                let known = whole.entry(task).or_insert(stretch);
                *known = known.with(&stretch);
            }
        })
        .await?;
    }
    let mut all: Vec<Stretch> = whole.into_values().collect();
    all.sort_unstable();
    let mut merged: Vec<Stretch> = Vec::new();
    for stretch in all {
        match merged.last_mut() {
            Some(last) if last.meets(&stretch) => *last = last.with(&stretch),
            _ => merged.push(stretch),
        }
    }
    Ok(merged)
}

impl Spans {
    async fn charges(&mut self, context: &SessionContext, bill: &str) -> Result<()> {
        let frame = context
            .sql("SELECT period_start, period_end, moment, link FROM charge_spans ORDER BY 1, 2, 3, 4")
            .await
            .map_err(query_error)?;
        for batch in frame.collect().await.map_err(query_error)? {
            let (from, to, moment) = (instants(&batch, 0)?, instants(&batch, 1)?, instants(&batch, 2)?);
            let links = batch
                .column(3)
                .as_string_opt::<i32>()
                .ok_or_else(|| lost("links"))?;
            for row in 0..batch.num_rows() {
                let link = match links.is_valid(row).then(|| links.value(row)) {
                    None => None,
                    Some("leaves") => Some(Link::Leaves),
                    Some("requests") => Some(Link::Requests),
                    Some(_) => Some(Link::Costs),
                };
                let period = Stretch {
                    from: from[row],
                    to: to[row].max(from[row] + 1),
                };
                self.bills.push((bill.to_owned(), period));
                self.ties.charges.push(Charge {
                    period,
                    moment: moment[row],
                    link,
                });
            }
        }
        Ok(())
    }

    async fn series(&mut self, context: &SessionContext) -> Result<()> {
        let frame = context
            .sql("SELECT gpu_uuid, mig_instance, last_sampled_at FROM sample_series")
            .await
            .map_err(query_error)?;
        for batch in frame.collect().await.map_err(query_error)? {
            let text = |column| {
                let texts = batch.column(column).as_string_opt::<i32>();
                texts.ok_or_else(|| lost("series"))
            };
            let (devices, instances, last) = (text(0)?, text(1)?, instants(&batch, 2)?);
            for (row, last) in last.iter().enumerate() {
                let series = (devices.value(row).to_owned(), instances.value(row).to_owned());
                let known = self.last_read.entry(series).or_insert(*last);
                *known = (*known).max(*last);
            }
        }
        Ok(())
    }

    /// Series that are read on a later day than this moment's.
    pub(super) fn resumed(&self, until: i64) -> Series {
        let after = ((until - 1).div_euclid(DAY_US) + 1) * DAY_US;
        let later = self.last_read.iter().filter(|(_, last)| **last >= after);
        later.map(|(series, _)| series.clone()).collect()
    }

    /// Every month that a row can belong to.
    pub(super) fn months(&self, facts: &Facts, zone: Tz) -> Vec<Month> {
        let mut months = BTreeSet::new();
        let mut add = |from: i64, to: i64| {
            let (mut month, last) = (Month::of(from, zone), Month::of(to, zone));
            while month <= last {
                months.insert(month);
                month = month.next();
            }
        };
        for day in facts.days() {
            add(day - NEIGHBOUR_US, day + DAY_US + NEIGHBOUR_US);
        }
        for charge in &self.ties.charges {
            let to = match charge.link {
                Some(Link::Leaves) => charge.period.to,
                _ => charge.period.from,
            };
            add(charge.period.from - NEIGHBOUR_US, to + NEIGHBOUR_US);
        }
        months.into_iter().collect()
    }

    /// Months whose bills have a charge in the stretch.
    pub(super) fn bills(&self, reach: Stretch) -> BTreeSet<String> {
        let met = self.bills.iter().filter(|(_, period)| period.meets(&reach));
        met.map(|(bill, _)| bill.clone()).collect()
    }
}

/// Calls with every task of a session.
async fn each_task(context: &SessionContext, mut call: impl FnMut(&str, Stretch)) -> Result<()> {
    let frame = context
        .sql("SELECT task_id, first_started_at, last_started_at FROM task_spans")
        .await
        .map_err(query_error)?;
    let mut rows = frame.execute_stream().await.map_err(query_error)?;
    while let Some(batch) = rows.try_next().await.map_err(query_error)? {
        let tasks = batch
            .column(0)
            .as_string_opt::<i32>()
            .ok_or_else(|| lost("tasks"))?;
        let (first, last) = (instants(&batch, 1)?, instants(&batch, 2)?);
        for row in 0..batch.num_rows() {
            let stretch = Stretch {
                from: first[row],
                to: last[row] + 1,
            };
            call(tasks.value(row), stretch);
        }
    }
    Ok(())
}

fn instants(batch: &RecordBatch, column: usize) -> Result<&[i64]> {
    let instants = batch
        .column(column)
        .as_primitive_opt::<TimestampMicrosecondType>();
    Ok(instants
        .filter(|instants| instants.null_count() == 0)
        .ok_or_else(|| lost("instants"))?
        .values())
}
