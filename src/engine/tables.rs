//! One table per canonical schema, empty where there is nothing yet, and the registry's tables.

use super::registry::{self, Registry};
use crate::base::{Error, Result, hash, time};
use crate::schema::{Column, TABLES, TableSchema, Ty};
use crate::store::{Lake, Snapshot};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What the canonical tables are read from; a table that is not given is empty.
pub(super) type Providers = HashMap<&'static str, Arc<dyn TableProvider>>;

/// What names the content of each table of a lake; a table that is not named is empty.
pub(super) type Contents = HashMap<String, String>;

pub(super) fn register(context: &SessionContext, mut facts: Providers, registry: &Registry) -> Result<()> {
    for table in TABLES {
        let provider = match facts.remove(table.name) {
            Some(provider) => provider,
            None => in_memory(table.arrow(), Vec::new())?,
        };
        context.register_table(table.name, provider)?;
    }
    if let Some(name) = facts.keys().next() {
        return Err(Error::internal(format!("'{name}' is not a canonical table")));
    }
    for (name, batch) in registry::batches(registry)? {
        context.register_table(name, in_memory(batch.schema(), vec![batch])?)?;
    }
    Ok(())
}

/// Batches of canonical tables, whose columns must be exactly those of the schema.
pub(super) fn from_batches(tables: HashMap<&'static str, Vec<RecordBatch>>) -> Result<Providers> {
    let mut providers = Providers::new();
    for (name, batches) in tables {
        let table = TableSchema::named(name)
            .ok_or_else(|| Error::internal(format!("'{name}' is not a canonical table")))?;
        let schema = table.arrow();
        let batches = batches
            .into_iter()
            .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| Error::internal(e.to_string()).context(format!("table {name}")))?;
        providers.insert(table.name, in_memory(schema, batches)?);
    }
    Ok(providers)
}

/// The same without the tables that rows of months do not depend on: a view that reads one is no such view. Others are there
/// if they are given.
/// `resumed` are the series of telemetry that go on after the samples among these facts.
pub(super) fn register_part(
    context: &SessionContext,
    mut facts: Providers,
    registry: &Registry,
    resumed: &BTreeSet<(String, String)>,
) -> Result<()> {
    let wanted = |table: &TableSchema| PARTED.contains(&table.name) || facts.contains_key(table.name);
    let tables: Vec<_> = TABLES.into_iter().filter(|table| wanted(table)).collect();
    for table in tables {
        let provider = match facts.remove(table.name) {
            Some(provider) => provider,
            None => in_memory(table.arrow(), Vec::new())?,
        };
        context.register_table(table.name, provider)?;
    }
    for (name, batch) in registry::batches(registry)? {
        let batch = match name {
            RESUMED => registry::resumed(resumed)?,
            _ => batch,
        };
        context.register_table(name, in_memory(batch.schema(), vec![batch])?)?;
    }
    Ok(())
}

/// The name of the series in a session's tables.
pub(super) use registry::RESUMED;

/// Tables that are cut into months, and those that hold for all of them.
const PARTED: [&str; 6] = [REQUESTS, SAMPLES, CHARGES, "prices", "fx_rates", "grid_intensity"];
const REQUESTS: &str = "requests";
const SAMPLES: &str = "gpu_samples";
const CHARGES: &str = "charges";
pub(super) const OUTCOMES: &str = "outcomes";
/// When a label was given.
pub(super) const GIVEN: &str = "recorded_at";
const DAY_US: i64 = 86_400_000_000;

/// The lake's tables, as they are or as they were; one that was never written is not there.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts(HashMap<&'static str, Snapshot>);

impl Facts {
    pub(super) async fn of(lake: &Lake, as_of: Option<DateTime<Utc>>) -> Result<Facts> {
        let mut facts = Facts::default();
        for table in TABLES {
            if let Some(snapshot) = lake.snapshot(table, as_of).await? {
                facts.0.insert(table.name, snapshot);
            }
        }
        Ok(facts)
    }

    pub(super) fn contents(&self) -> Contents {
        let named = |snapshot: &Snapshot| hash::content_hash(snapshot.file_names().join("\n").as_bytes());
        self.0
            .iter()
            .map(|(name, snapshot)| ((*name).to_owned(), named(snapshot)))
            .collect()
    }

    pub(super) fn whole(&self) -> Providers {
        let all = self.0.iter();
        all.map(|(name, snapshot)| (*name, snapshot.table_provider()))
            .collect()
    }

    /// Rows of the tables that grow.
    pub(super) fn rows(&self) -> u64 {
        let growing = [REQUESTS, SAMPLES, CHARGES]
            .iter()
            .filter_map(|name| self.0.get(name));
        growing.map(Snapshot::rows).sum()
    }

    /// When the days begin that have requests or samples, in microseconds.
    pub(super) fn days(&self) -> BTreeSet<i64> {
        let tables = [REQUESTS, SAMPLES].iter().filter_map(|name| self.0.get(name));
        let partitions = tables.flat_map(Snapshot::partitions);
        partitions.filter_map(|partition| day(&partition)).collect()
    }

    /// Months that have requests, samples or bills, as the lake writes them.
    pub(super) fn months(&self) -> BTreeSet<String> {
        let tables = [REQUESTS, SAMPLES].iter().filter_map(|name| self.0.get(name));
        let days: Vec<_> = tables.flat_map(Snapshot::partitions).collect();
        let bills = self.0.get(CHARGES).map(Snapshot::partitions).unwrap_or_default();
        let of_days = days.iter().filter_map(|partition| partition.first()?.get(..7));
        let of_bills = bills
            .iter()
            .filter_map(|partition| partition.get(1).map(String::as_str));
        of_days.chain(of_bills).map(str::to_owned).collect()
    }

    /// The requests, the samples and the bills of one month.
    pub(super) fn of_month(&self, month: &str) -> Facts {
        let of_month = |day: &str| day.starts_with(month);
        self.cut(of_month, of_month, |bill| bill == month)
    }

    /// The facts of a stretch of time, with these months' bills; samples also of so long around it. All in
    /// microseconds.
    pub(super) fn within(&self, (from, to): (i64, i64), around: i64, bills: &BTreeSet<String>) -> Facts {
        let days = |margin: i64| {
            let (first, last) = (
                (from - margin).div_euclid(DAY_US),
                (to - 1 + margin).div_euclid(DAY_US),
            );
            move |text: &str| begins(text).is_some_and(|at| (first..=last).contains(&at.div_euclid(DAY_US)))
        };
        self.cut(days(0), days(around), |bill| bills.contains(bill))
    }

    fn cut(
        &self,
        requests: impl Fn(&str) -> bool,
        samples: impl Fn(&str) -> bool,
        bills: impl Fn(&str) -> bool,
    ) -> Facts {
        let mut facts = Facts::default();
        for (name, snapshot) in self.0.iter().filter(|(name, _)| PARTED.contains(name)) {
            let wanted = |partition: &Vec<String>| match *name {
                REQUESTS => partition.first().is_some_and(|day| requests(day)),
                SAMPLES => partition.first().is_some_and(|day| samples(day)),
                CHARGES => partition.get(1).is_some_and(|bill| bills(bill)),
                _ => true,
            };
            let mut partitions = snapshot.partitions();
            partitions.retain(wanted);
            facts.0.insert(name, snapshot.only_partitions(&partitions));
        }
        facts
    }

    /// Labels of tasks that were given from the first to the last moment, with the columns that have a text, by which labels are
    /// told apart (`label_number`).
    pub(super) fn outcomes(&self, given: RangeInclusive<i64>) -> Result<Arc<dyn TableProvider>> {
        let all = match self.0.get(OUTCOMES) {
            Some(snapshot) => snapshot.table_provider(),
            None => in_memory(labels()?.arrow(), Vec::new())?,
        };
        let plan = LogicalPlanBuilder::scan(OUTCOMES, provider_as_source(all), None)?
            .filter(col(GIVEN).between(instant(*given.start()), instant(*given.end())))?
            .project(label_columns()?.map(|column| col(column.name)))?
            .build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    /// Of charges only those whose period meets the stretch.
    pub(super) fn meeting(&self, from: i64, to: i64) -> Result<Providers> {
        let mut all = self.whole();
        if let Some(charges) = all.remove(CHARGES) {
            let meets = col("charge_period_start")
                .lt(instant(to))
                .and(col("charge_period_end").gt(instant(from)));
            let plan = LogicalPlanBuilder::scan(CHARGES, provider_as_source(charges), None)?
                .filter(meets)?
                .build()?;
            all.insert(CHARGES, Arc::new(ViewTable::new(plan, None)));
        }
        Ok(all)
    }
}

fn instant(micros: i64) -> Expr {
    let zone = Some(Arc::from("UTC"));
    lit(ScalarValue::TimestampMicrosecond(Some(micros), zone))
}

/// The columns of labels that months know of.
fn label_columns() -> Result<impl Iterator<Item = &'static Column>> {
    Ok(labels()?.columns.iter().filter(|column| column.ty != Ty::Tags))
}

/// What tells a label from others, in SQL. Instants as numbers, since texts of them take longest; of a file's hash as much as
/// tells files apart, since longer texts are hashed one by one.
pub(super) fn label_number() -> Result<String> {
    let told = label_columns()?.map(|column| match (column.name, column.ty) {
        (_, Ty::Instant) => format!("arrow_cast({}, 'Int64')", column.name),
        ("file_hash", _) => "left(file_hash, 24)".to_owned(),
        (name, _) => name.to_owned(),
    });
    Ok(format!("fingerprint({})", told.collect::<Vec<_>>().join(", ")))
}

fn labels() -> Result<&'static TableSchema> {
    TableSchema::named(OUTCOMES).ok_or_else(|| Error::internal("labels are in no table"))
}

fn day(partition: &[String]) -> Option<i64> {
    begins(partition.first()?)
}

fn begins(day: &str) -> Option<i64> {
    Some(time::day_start(time::parse_date(day)?).timestamp_micros())
}

fn in_memory(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}
