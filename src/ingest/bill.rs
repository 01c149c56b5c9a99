//! Charges: a delivery replaces its (source, billing month) whole, in one commit.

use super::delivery::{Delivery, FileFacts};
use super::record::Fate;
use super::{Options, Stored, overlap};
use crate::base::money::Exact;
use crate::base::time::{MICROS_PER_HOUR, from_micros};
use crate::base::{Error, Result};
use crate::store::{Lake, Replace, Snapshot};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Decimal128Type, TimestampMicrosecondType};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one billing month of one source holds, as far as replacing it is concerned.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Month {
    rows: u64,
    /// Σ |billed cost| by currency.
    amounts: BTreeMap<String, Exact>,
    /// As all formats of a vendor name it, and as it is written here.
    accounts: BTreeMap<(String, Option<String>), String>,
    deliveries: BTreeSet<String>,
    /// UTC days since 1970 on which a charge starts.
    days: BTreeSet<i64>,
}

pub(super) const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
const COLUMNS: [&str; 7] = [
    "billing_month",
    "delivery_id",
    "provider",
    "billing_account_id",
    "billing_currency",
    "billed_cost",
    "charge_period_start",
];

/// What the rows of one file tell of, added up while they go by.
#[derive(Debug, Default)]
pub(super) struct Measured {
    months: BTreeMap<String, Month>,
    pub(super) charges: overlap::Charges,
}

impl Measured {
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        measure(&batch.project(&indices(batch)?)?, &mut self.months);
        overlap::add(batch, &mut self.charges)
    }

    /// Billing months, sorted.
    pub(super) fn months(&self) -> impl Iterator<Item = &String> {
        self.months.keys()
    }
}

impl Month {
    fn add(&mut self, other: &Month) {
        self.rows += other.rows;
        for (currency, amount) in &other.amounts {
            *self.amounts.entry(currency.clone()).or_default() += *amount;
        }
        for (account, name) in &other.accounts {
            self.name_account(account.clone(), name);
        }
        self.deliveries.extend(other.deliveries.iter().cloned());
        self.days.extend(&other.days);
    }

    /// Of several spellings always the same one.
    fn name_account(&mut self, account: (String, Option<String>), name: &str) {
        let known = self.accounts.entry(account).or_insert_with(|| name.to_owned());
        if name < known.as_str() {
            name.clone_into(known);
        }
    }
}

/// The months of a delivery. Decoded rows did not know its name yet.
fn months_of(delivery: &Delivery) -> BTreeMap<String, Month> {
    let mut months: BTreeMap<String, Month> = BTreeMap::new();
    for (name, held) in delivery.files.iter().flat_map(|file| &file.bill.months) {
        months.entry(name.clone()).or_default().add(held);
    }
    for month in months.values_mut() {
        month.deliveries = BTreeSet::from([delivery.id.clone()]);
    }
    months
}

/// The name of a delivery as a column. Decoding cannot know it.
#[derive(Debug)]
pub(super) struct DeliveryId {
    id: String,
    /// Batch after batch shares the memory of it.
    column: StringArray,
}

impl DeliveryId {
    pub(super) fn new(id: &str) -> DeliveryId {
        DeliveryId {
            id: id.to_owned(),
            column: StringArray::new_null(0),
        }
    }

    /// Gives it to all rows.
    pub(super) fn put(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        if self.column.len() < rows {
            self.column = StringArray::from_iter_values(std::iter::repeat_n(&self.id, rows));
        }
        let schema = batch.schema();
        let at = schema.index_of("delivery_id")?;
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[at] = Arc::new(self.column.slice(0, rows));
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

pub(super) async fn attempt(lake: &Lake, delivery: &Delivery, options: &Options) -> Result<Option<Stored>> {
    // Half of a bill looks like a bill that shrank, also where the lake has nothing to compare it with.
    let torn = delivery.files.iter().find(|file| file.cut_off);
    if let (Some(file), false) = (torn, options.accept_shrink) {
        return Ok(Some(Stored::Refused {
            reason: format!(
                "{} ends where more was to come: it was not copied whole",
                file.path
            ),
            advice: "fetch it again, or pass --accept-shrink to take what came through as the whole bill"
                .to_owned(),
        }));
    }
    let mut new = months_of(delivery);
    if new.is_empty() && delivery.again.is_none() {
        return Ok(Some(Stored::Empty));
    }
    // What is read anew replaces every month that it has filled.
    for month in delivery.again.iter().flatten() {
        new.entry(month.clone()).or_default();
    }
    let staged = delivery.rows.facts()?.staged.rows();
    if staged != delivery.rows_out() {
        return Err(Error::internal(format!(
            "{staged} rows are staged of {}",
            delivery.rows_out()
        )));
    }
    let base = lake.snapshot(delivery.table, None).await?;
    let months: Vec<&str> = new.keys().map(String::as_str).collect();
    let present = match &base {
        Some(snapshot) => present(snapshot, &delivery.source, &months).await?,
        None => BTreeMap::new(),
    };
    if delivery.again.is_some()
        && let Some(refusal) = no_longer_in_force(delivery, &present)
    {
        return Ok(Some(refusal));
    }
    let mut fates = fates(delivery);
    let none = Month::default();
    if new
        .iter()
        .all(|(month, held)| present.get(month).unwrap_or(&none) == held)
    {
        return Ok(Some(Stored::Present(fates)));
    }
    for (month, old) in &present {
        if let (Some(held), false) = (new.get(month), options.accept_shrink)
            && let Some(refusal) = refusal(&delivery.source, month, old, held)
        {
            return Ok(Some(refusal));
        }
    }
    if delivery.again.is_none()
        && !options.accept_overlap
        && let Some(refusal) = overlap::refusal(base.as_ref(), delivery, &months).await?
    {
        return Ok(Some(refusal));
    }
    let notes = present
        .iter()
        .filter_map(|(month, old)| lost_days(&delivery.source, month, old, new.get(month)?));
    if let Some(first) = fates.first_mut() {
        first.notes.extend(notes);
    }
    let partitions = months
        .iter()
        .map(|m| vec![delivery.source.clone(), (*m).to_owned()])
        .collect();
    let staged = &delivery.rows.facts()?.staged;
    let files: Vec<_> = staged.files().iter().collect();
    let replace = Replace::Partitions(partitions);
    let done = lake
        .try_commit_staged(delivery.table, base.as_ref(), &files, &replace, &delivery.id)
        .await?;
    Ok(done.map(|_| Stored::Committed(fates)))
}

/// A month that another delivery has replaced since is not replaced by an older one that is read anew.
fn no_longer_in_force(delivery: &Delivery, present: &BTreeMap<String, Month>) -> Option<Stored> {
    let (month, held) = present.iter().find(|(_, held)| {
        let mut others = held.deliveries.iter().filter(|id| **id != delivery.id);
        others.next().is_some()
    })?;
    Some(Stored::Superseded(format!(
        "another delivery of {month} is in force, with {} rows",
        held.rows
    )))
}

/// Do the lake's rows of these months come from exactly this delivery.
pub(super) async fn in_force(lake: &Lake, delivery_id: &str, source: &str, months: &[&str]) -> Result<bool> {
    let Some(snapshot) = lake.snapshot(super::record::table("charges")?, None).await? else {
        return Ok(false);
    };
    let present = present(&snapshot, source, months).await?;
    Ok(months.iter().all(|month| {
        present
            .get(*month)
            .is_some_and(|held| held.deliveries.len() == 1 && held.deliveries.contains(delivery_id))
    }))
}

async fn present(snapshot: &Snapshot, source: &str, months: &[&str]) -> Result<BTreeMap<String, Month>> {
    let partitions: Vec<_> = months
        .iter()
        .map(|m| vec![source.to_owned(), (*m).to_owned()])
        .collect();
    let mut held = BTreeMap::new();
    for batch in snapshot.only_partitions(&partitions).read(&COLUMNS, &[]).await? {
        measure(&batch, &mut held);
    }
    Ok(held)
}

fn indices(batch: &RecordBatch) -> Result<Vec<usize>> {
    Ok(COLUMNS
        .iter()
        .map(|c| batch.schema_ref().index_of(c))
        .collect::<Result<_, _>>()?)
}

/// Adds the rows of a batch of `COLUMNS` to their months. Rows that say the same of the bill stand together: only
/// where that changes is something looked up.
fn measure(batch: &RecordBatch, months: &mut BTreeMap<String, Month>) {
    type Said<'a> = [Option<&'a str>; 5];
    let texts: [&StringArray; 5] = std::array::from_fn(|column| batch.column(column).as_string::<i32>());
    let amounts = batch.column(5).as_primitive::<Decimal128Type>();
    let starts = batch.column(6).as_primitive::<TimestampMicrosecondType>();
    let said = |row: usize| -> Said<'_> { texts.map(|c| c.is_valid(row).then(|| c.value(row))) };
    let mut start = 0;
    while start < batch.num_rows() {
        let now = said(start);
        let mut end = start + 1;
        while end < batch.num_rows() && said(end) == now {
            end += 1;
        }
        let [name, delivery, provider, account, currency] = now;
        let month = months.entry(name.unwrap_or_default().to_owned()).or_default();
        month.rows += (end - start) as u64;
        let delivery = delivery.unwrap_or_default();
        if !month.deliveries.contains(delivery) {
            month.deliveries.insert(delivery.to_owned());
        }
        let provider = provider.unwrap_or_default();
        let spelled = match account {
            Some(account) => format!("{provider} account {account}"),
            None => format!("{provider} without an account"),
        };
        month.name_account(
            (overlap::vendor(provider), account.map(overlap::account)),
            &spelled,
        );
        let mut last = None;
        for row in (start..end).filter(|row| starts.is_valid(*row)) {
            let day = starts.value(row).div_euclid(MICROS_PER_DAY);
            if last.replace(day) != Some(day) {
                month.days.insert(day);
            }
        }
        let mut sum = Exact::ZERO;
        let mut run: i128 = 0;
        let mut any = false;
        for row in (start..end).filter(|row| amounts.is_valid(*row)) {
            any = true;
            let amount = amounts.value(row).abs();
            run = match run.checked_add(amount) {
                Some(more) => more,
                None => {
                    sum += Exact::from_stored(run);
                    amount
                }
            };
        }
        if any {
            sum += Exact::from_stored(run);
            let currency = currency.unwrap_or_default();
            match month.amounts.get_mut(currency) {
                Some(held) => *held += sum,
                None => {
                    month.amounts.insert(currency.to_owned(), sum);
                }
            }
        }
        start = end;
    }
}

/// Why a delivery may not replace a month, unless told that it may.
fn refusal(source: &str, month: &str, old: &Month, new: &Month) -> Option<Stored> {
    let refused = |reason: String, advice: &str| {
        Some(Stored::Refused {
            reason: format!("{source} {month}: {reason}"),
            advice: advice.to_owned(),
        })
    };
    let lost: Vec<_> = old
        .accounts
        .iter()
        .filter(|(account, _)| !new.accounts.contains_key(*account))
        .map(|(_, name)| name.as_str())
        .collect();
    if !lost.is_empty() {
        return refused(
            format!(
                "the period holds charges of {}, the delivery has none",
                lost.join(", ")
            ),
            "give another bill its own --source, or pass --accept-shrink to replace the period all the same",
        );
    }
    const ADVICE: &str = "deliver the whole period: all parts of an export in one call, and all its days, not only \
        those that were read again; or pass --accept-shrink if the bill did shrink";
    // What is missing is often a part of the month.
    let days = match missing_days(old, new) {
        Some((days, first, last)) => {
            format!("; it has nothing of {days} days that had charges ({first} to {last})")
        }
        None => String::new(),
    };
    if new.rows * 5 < old.rows * 4 {
        return refused(
            format!(
                "the period has {} rows, the delivery {}{days}",
                old.rows, new.rows
            ),
            ADVICE,
        );
    }
    for (currency, before) in &old.amounts {
        let after = new.amounts.get(currency).copied().unwrap_or_default();
        if below_four_fifths(after, *before) {
            return refused(
                format!("the period has {before} {currency} (absolute amounts), the delivery {after}{days}"),
                ADVICE,
            );
        }
    }
    None
}

/// Days of a month that had charges and would have none: how many, the first and the last.
fn missing_days(old: &Month, new: &Month) -> Option<(usize, NaiveDate, NaiveDate)> {
    let lost: Vec<i64> = old.days.difference(&new.days).copied().collect();
    let day = |days: &i64| from_micros(days * MICROS_PER_DAY).date_naive();
    Some((lost.len(), day(lost.first()?), day(lost.last()?)))
}

/// A delivery that may replace a month, and yet has nothing of days that had charges: a bill may well
/// lose a line, but a part of a month that was read again looks the same, so it is said.
fn lost_days(source: &str, month: &str, old: &Month, new: &Month) -> Option<String> {
    let (days, first, last) = missing_days(old, new)?;
    Some(format!(
        "{source} {month}: the period had charges on {days} days of which this delivery has none ({first} to {last}), \
         and a delivery replaces the whole period; if it was meant to be a part, deliver the whole"
    ))
}

/// `5 × after < 4 × before`, exactly; both are sums of absolute values.
fn below_four_fifths(after: Exact, before: Exact) -> bool {
    let times = |value: Exact, n: usize| (0..n).fold(Exact::ZERO, |sum, _| sum + value);
    (times(after, 5) - times(before, 4)).to_string().starts_with('-')
}

/// All months that some files tell of.
pub(super) fn months(files: &[FileFacts]) -> BTreeSet<String> {
    files
        .iter()
        .flat_map(|file| file.bill.months())
        .cloned()
        .collect()
}

fn fates(delivery: &Delivery) -> Vec<Fate> {
    let fate = |file: &FileFacts| {
        let months: Vec<&str> = file.bill.months().map(String::as_str).collect();
        Fate {
            kept: file.rows_out,
            known: 0,
            period: (!months.is_empty()).then(|| months.join(",")),
            notes: Vec::new(),
        }
    };
    delivery.files.iter().map(fate).collect()
}
