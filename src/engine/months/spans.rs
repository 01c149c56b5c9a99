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
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

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

/// Some labels: how many, the sum of their numbers, and when the first and the last one was given.
#[derive(Debug)]
pub(super) struct Labels {
    count: u64,
    sum: u128,
    first: i64,
    last: i64,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels {
            count: 0,
            sum: 0,
            first: i64::MAX,
            last: i64::MIN,
        }
    }
}

impl Labels {
    fn add(&mut self, content: i128, given: i64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(content.cast_unsigned());
        self.first = self.first.min(given);
        self.last = self.last.max(given);
    }

    /// From when to when they were given. None were: it ends before it begins.
    pub(super) fn given(&self) -> RangeInclusive<i64> {
        self.first..=self.last
    }
}

/// A task, or what of it lies in one month of facts, by a number that stands for its name: two tasks may share one, and then
/// count as one task that lasts longer.
#[derive(Debug, Clone, Copy)]
struct Task {
    number: u64,
    stretch: Stretch,
}

/// All tasks in the order of their numbers.
#[derive(Debug, Default)]
struct Tasks {
    all: Vec<Task>,
    /// Where those begin whose first bits are 0, 1, 2 and so on. Numbers lie evenly: few begin alike.
    begin: Vec<usize>,
}

/// First bits that are looked up.
const FIRST_BITS: u32 = 16;

impl Tasks {
    /// Puts together what lies in several months, and says from when to when those tasks last.
    fn of(parts: Vec<Vec<Task>>) -> (Tasks, Vec<Stretch>) {
        let mut all = parts.concat();
        all.sort_unstable_by_key(|task| task.number);
        let mut across = Vec::new();
        let mut several = false;
        all.dedup_by(|task, known| {
            let same = task.number == known.number;
            if same {
                known.stretch = known.stretch.with(&task.stretch);
                if several {
                    across.pop();
                }
                across.push(known.stretch);
            }
            several = same;
            same
        });
        let mut begin = Vec::with_capacity((1 << FIRST_BITS) + 1);
        for (place, task) in all.iter().enumerate() {
            let first = first_bits(task.number);
            begin.resize(begin.len().max(first + 1), place);
        }
        begin.resize((1 << FIRST_BITS) + 1, all.len());
        (Tasks { all, begin }, across)
    }

    /// From its first to its last attempt.
    fn find(&self, number: u64) -> Option<Stretch> {
        let first = first_bits(number);
        let alike = self
            .all
            .get(*self.begin.get(first)?..*self.begin.get(first + 1)?)?;
        let task = alike.iter().find(|task| task.number == number)?;
        Some(task.stretch)
    }

    /// From the first attempt of any to the last one.
    fn lasting(&self) -> Option<Stretch> {
        let stretches = self.all.iter().map(|task| task.stretch);
        stretches.reduce(|all, stretch| all.with(&stretch))
    }
}

fn first_bits(number: u64) -> usize {
    (number >> (u64::BITS - FIRST_BITS)) as usize
}

/// When the months of a stretch begin.
struct Calendar(Vec<(i64, Month)>);

impl Calendar {
    fn of(stretch: Stretch, zone: Tz) -> Calendar {
        let (mut month, last) = (Month::of(stretch.from, zone), Month::of(stretch.to, zone));
        let mut months = Vec::new();
        while month <= last {
            months.push((month.stretch(zone).from, month));
            month = month.next();
        }
        Calendar(months)
    }

    /// Those of them that a stretch lies in.
    fn months(&self, stretch: Stretch) -> impl Iterator<Item = Month> {
        let after = |moment: i64| self.0.partition_point(|(begins, _)| *begins <= moment);
        let (first, last) = (after(stretch.from).saturating_sub(1), after(stretch.to));
        self.0[first..last].iter().map(|(_, month)| *month)
    }
}

pub(super) async fn read(months: &Months) -> Result<Spans> {
    let mut spans = Spans::default();
    let mut parts = Vec::new();
    let found = months.empty_session()?;
    for part in months.facts.months() {
        let views = ["charge_spans", "sample_series", "task_spans"];
        let context = months.session_of(&part, &views, &found).await?;
        spans.charges(&context, &part).await?;
        spans.series(&context).await?;
        let tasks = tasks(&context).await?;
        // The facts of a part have begun in its month.
        if let Some(longest) = tasks.iter().map(|task| task.stretch.to - task.stretch.from).max() {
            let month = Month::parse(&part).ok_or_else(|| lost("name"))?;
            spans.ties.longest.insert(month, longest);
        }
        parts.push(tasks);
    }
    let (tasks, across) = Tasks::of(parts);
    spans.ties.across = merged(across);
    spans.labels = labels(months, &tasks).await?;
    Ok(spans)
}

/// The labels of each month's tasks. One of a task that is not there yet is nobody's.
async fn labels(months: &Months, tasks: &Tasks) -> Result<BTreeMap<Month, Labels>> {
    let mut labels: BTreeMap<Month, Labels> = BTreeMap::new();
    let Some(all) = tasks.lasting() else {
        return Ok(labels);
    };
    let calendar = Calendar::of(of_whole_days(all), months.zone());
    let label = tables::label_number()?;
    let given = tables::GIVEN;
    let sql = format!("SELECT fingerprint(task_id), {label}, {given} FROM outcomes");
    let frame = months.session_of_labels()?.sql(&sql).await.map_err(query_error)?;
    let mut rows = frame.execute_stream().await.map_err(query_error)?;
    while let Some(batch) = rows.try_next().await.map_err(query_error)? {
        let (names, contents, given) = (numbers(&batch, 0)?, numbers(&batch, 1)?, instants(&batch, 2)?);
        for ((name, content), given) in names.iter().zip(contents).zip(given) {
            let Some(stretch) = tasks.find(number(*name)) else {
                continue;
            };
            for month in calendar.months(of_whole_days(stretch)) {
                labels.entry(month).or_default().add(*content, *given);
            }
        }
    }
    Ok(labels)
}

/// Rows of days stand in one month, and are told by all tasks of the day.
fn of_whole_days(stretch: Stretch) -> Stretch {
    Stretch {
        from: stretch.from - DAY_US,
        to: stretch.to + DAY_US,
    }
}

/// Those that overlap as one.
fn merged(mut all: Vec<Stretch>) -> Vec<Stretch> {
    all.sort_unstable();
    let mut merged: Vec<Stretch> = Vec::new();
    for stretch in all {
        match merged.last_mut() {
            Some(last) if last.meets(&stretch) => *last = last.with(&stretch),
            _ => merged.push(stretch),
        }
    }
    merged
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

/// Every task of a session.
async fn tasks(context: &SessionContext) -> Result<Vec<Task>> {
    let frame = context
        .sql("SELECT task, first_started_at, last_started_at FROM task_spans")
        .await
        .map_err(query_error)?;
    let batches = frame.collect().await.map_err(query_error)?;
    let mut tasks = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let (names, first, last) = (numbers(&batch, 0)?, instants(&batch, 1)?, instants(&batch, 2)?);
        let lasting = first.iter().zip(last).map(|(first, last)| Stretch {
            from: *first,
            to: *last + 1,
        });
        tasks.extend(names.iter().zip(lasting).map(|(name, stretch)| Task {
            number: number(*name),
            stretch,
        }));
    }
    Ok(tasks)
}

/// The last bits of a fingerprint.
fn number(fingerprint: i128) -> u64 {
    fingerprint.cast_unsigned() as u64
}

fn numbers(batch: &RecordBatch, column: usize) -> Result<&[i128]> {
    let numbers = batch.column(column).as_primitive_opt::<Decimal128Type>();
    Ok(numbers
        .filter(|numbers| numbers.null_count() == 0)
        .ok_or_else(|| lost("numbers"))?
        .values())
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
