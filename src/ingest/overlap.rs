//! Two exports of one bill: charges of the same account, month and days under two source names, or in two formats
//! of one delivery. Both would count, so the second one is refused with the figures of both.

use super::Stored;
use super::bill::MICROS_PER_DAY;
use super::delivery::{Delivery, FileFacts};
use crate::base::Result;
use crate::base::money::Exact;
use crate::store::Snapshot;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, TimestampMicrosecondType};
use std::collections::{BTreeMap, BTreeSet};

const COLUMNS: [&str; 9] = [
    "source",
    "billing_month",
    "provider",
    "billing_account_id",
    "sub_account_id",
    "billing_currency",
    "billed_cost",
    "charge_period_start",
    "file_hash",
];

/// How the exporters spell the vendors that have exports of several formats.
const VENDORS: [(&str, &[&str]); 6] = [
    ("aws", &["amazon"]),
    ("microsoft", &["azure"]),
    ("google", &["gcp"]),
    ("oracle", &["oci"]),
    ("openai", &[]),
    ("anthropic", &[]),
];

/// A vendor under the name that is the same in all formats.
pub(super) fn vendor(provider: &str) -> String {
    let lower = provider.to_lowercase();
    let words = || lower.split(|c: char| !c.is_alphanumeric());
    let known = VENDORS
        .iter()
        .find(|(name, others)| words().any(|w| w == *name || others.contains(&w)));
    known.map_or_else(|| lower.trim().to_owned(), |(name, _)| (*name).to_owned())
}

/// An account as all formats of its vendor write it: Azure's FOCUS export has the whole path of it.
pub(super) fn account(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).trim().to_lowercase()
}

/// Whose charges: month, vendor and account.
pub(super) type Owner = (String, String, Option<String>);

/// Charges of one sub-account.
#[derive(Debug, Default, Clone)]
pub(super) struct Held {
    rows: u64,
    amounts: BTreeMap<String, Exact>,
    days: BTreeSet<i64>,
    files: BTreeSet<String>,
}

/// The charges of one source, or of one format, by owner and sub-account.
pub(super) type Charges = BTreeMap<Owner, BTreeMap<Option<String>, Held>>;

/// Why a delivery of these months may not stand beside what the lake holds of other sources, or is two exports
/// itself.
pub(super) async fn refusal(
    snapshot: Option<&Snapshot>,
    delivery: &Delivery,
    months: &[&str],
) -> Result<Option<Stored>> {
    let lanes: BTreeSet<_> = delivery.files.iter().map(lane).collect();
    if lanes.len() > 1
        && let Some(refusal) = two_exports(delivery)
    {
        return Ok(Some(refusal));
    }
    let Some(snapshot) = snapshot else {
        return Ok(None);
    };
    let near = snapshot.partitions().into_iter();
    let near = near.filter(|p| p.get(1).is_some_and(|month| months.contains(&month.as_str())));
    let (own, others): (Vec<_>, Vec<_>) = near.partition(|p| p[0] == delivery.source);
    if others.is_empty() {
        return Ok(None);
    }
    let mut new = Charges::new();
    for file in &delivery.files {
        merge(&mut new, &file.bill.charges);
    }
    let mut present = Charges::new();
    for batch in snapshot.only_partitions(&own).read(&COLUMNS, &[]).await? {
        measure(&batch, &mut present);
    }
    let sources: BTreeSet<&String> = others.iter().map(|p| &p[0]).collect();
    for source in sources {
        let of_source: Vec<_> = others.iter().filter(|p| p[0] == *source).cloned().collect();
        let mut theirs = Charges::new();
        for batch in snapshot.only_partitions(&of_source).read(&COLUMNS, &[]).await? {
            measure(&batch, &mut theirs);
        }
        // What stands beside another source already was let in once.
        let accepted = meetings(&theirs, &present);
        let known = |owner: &Owner| accepted.iter().any(|m| m.owner == *owner);
        if let Some(meeting) = meetings(&theirs, &new).iter().find(|m| !known(&m.owner)) {
            let mine = &delivery.source;
            return Ok(Some(Stored::Refused {
                reason: meeting.told(
                    &format!("the source '{source}'"),
                    &format!("this delivery of '{mine}'"),
                ),
                advice: format!(
                    "keep one of the two: `--source {source}` replaces the month of the other; or pass \
                     --accept-overlap if they are different charges"
                ),
            }));
        }
    }
    Ok(None)
}

/// Which of the exports of a delivery a file belongs to.
fn lane(file: &FileFacts) -> (&str, Option<usize>) {
    (&file.format, file.export)
}

fn two_exports(delivery: &Delivery) -> Option<Stored> {
    let mut exports: BTreeMap<(&str, Option<usize>), Charges> = BTreeMap::new();
    for file in &delivery.files {
        merge(exports.entry(lane(file)).or_default(), &file.bill.charges);
    }
    let exports: Vec<_> = exports.into_iter().collect();
    for (at, ((format, _), charges)) in exports.iter().enumerate() {
        for ((other, _), theirs) in &exports[at + 1..] {
            let meetings = meetings(charges, theirs);
            let Some(meeting) = meetings.first() else { continue };
            let (one, two) = if format == other {
                ("one export of this call".to_owned(), "another".to_owned())
            } else {
                let files = |format: &str| format!("what is in the format {format}");
                (files(format), files(other))
            };
            return Some(Stored::Refused {
                reason: meeting.told(&one, &two),
                advice: "deliver one of the two exports alone; or, if they are different charges, give each its own \
                    --source and pass --accept-overlap"
                    .to_owned(),
            });
        }
    }
    None
}

/// Two exports that tell of the same days of an account.
struct Meeting {
    owner: Owner,
    subs: Vec<String>,
    one: Held,
    two: Held,
}

fn meetings(one: &Charges, two: &Charges) -> Vec<Meeting> {
    let mut all = Vec::new();
    for (owner, mine) in one {
        let Some(theirs) = two.get(owner) else { continue };
        let (mut left, mut right, mut subs) = (Held::default(), Held::default(), Vec::new());
        let nameless = |held: &BTreeMap<Option<String>, Held>| held.keys().all(Option::is_none);
        if nameless(mine) || nameless(theirs) {
            mine.values().for_each(|h| left.add(h));
            theirs.values().for_each(|h| right.add(h));
        } else {
            for (sub, held) in mine {
                if let (Some(sub), Some(other)) = (sub, theirs.get(sub))
                    && !held.days.is_disjoint(&other.days)
                {
                    subs.push(sub.clone());
                    left.add(held);
                    right.add(other);
                }
            }
        }
        // Without an account only the very same file is surely the same bill.
        let same = match owner.2 {
            Some(_) => !left.days.is_disjoint(&right.days),
            None => !left.files.is_disjoint(&right.files),
        };
        if same {
            all.push(Meeting {
                owner: owner.clone(),
                subs,
                one: left,
                two: right,
            });
        }
    }
    all
}

impl Held {
    fn add(&mut self, other: &Held) {
        self.rows += other.rows;
        for (currency, amount) in &other.amounts {
            *self.amounts.entry(currency.clone()).or_default() += *amount;
        }
        self.days.extend(&other.days);
        self.files.extend(other.files.iter().cloned());
    }

    fn told(&self) -> String {
        let amounts: Vec<_> = self.amounts.iter().map(|(c, a)| format!("{a} {c}")).collect();
        match amounts.is_empty() {
            true => format!("{} rows without an amount", self.rows),
            false => format!("{} rows of {}", self.rows, amounts.join(" and ")),
        }
    }
}

impl Meeting {
    fn told(&self, one: &str, two: &str) -> String {
        let (month, vendor, account) = &self.owner;
        let account = match account {
            Some(account) => format!("{vendor} account {account}"),
            None => vendor.clone(),
        };
        let subs = match self.subs.len() {
            0 => String::new(),
            n if n <= 3 => format!(" (sub-accounts {})", self.subs.join(", ")),
            n => format!(" ({n} sub-accounts)"),
        };
        format!(
            "{month}, {account}{subs}: {one} has {}, {two} {} on the same days, and both would count",
            self.one.told(),
            self.two.told()
        )
    }
}

fn indices(batch: &RecordBatch) -> Result<Vec<usize>> {
    Ok(COLUMNS
        .iter()
        .map(|c| batch.schema_ref().index_of(c))
        .collect::<Result<_, _>>()?)
}

/// Adds the charges of another file.
fn merge(charges: &mut Charges, more: &Charges) {
    for (owner, subs) in more {
        let known = charges.entry(owner.clone()).or_default();
        for (sub, held) in subs {
            known.entry(sub.clone()).or_default().add(held);
        }
    }
}

/// Adds the rows of a decoded batch.
pub(super) fn add(batch: &RecordBatch, charges: &mut Charges) -> Result<()> {
    measure(&batch.project(&indices(batch)?)?, charges);
    Ok(())
}

/// Adds the rows of a batch of `COLUMNS`.
fn measure(batch: &RecordBatch, charges: &mut Charges) {
    type Names<'a> = [Option<&'a str>; 4];
    let text = |column: usize, row: usize| {
        let column = batch.column(column).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row))
    };
    let amounts = batch.column(6).as_primitive::<Decimal128Type>();
    let starts = batch.column(7).as_primitive::<TimestampMicrosecondType>();
    // Rows of one account stand together: most of them need no look-up by new texts.
    let mut last: Option<(Names<'_>, Owner, Option<String>)> = None;
    for row in 0..batch.num_rows() {
        let raw = [text(1, row), text(2, row), text(3, row), text(4, row)];
        if last.as_ref().is_none_or(|(known, ..)| *known != raw) {
            let owner = (
                raw[0].unwrap_or_default().to_owned(),
                vendor(raw[1].unwrap_or_default()),
                raw[2].map(account),
            );
            last = Some((raw, owner, raw[3].map(account)));
        }
        let Some((_, owner, sub)) = &last else { continue };
        if !charges.contains_key(owner) {
            charges.insert(owner.clone(), BTreeMap::new());
        }
        let Some(subs) = charges.get_mut(owner) else {
            continue;
        };
        if !subs.contains_key(sub) {
            subs.insert(sub.clone(), Held::default());
        }
        let Some(held) = subs.get_mut(sub) else { continue };
        held.rows += 1;
        if starts.is_valid(row) {
            held.days.insert(starts.value(row).div_euclid(MICROS_PER_DAY));
        }
        let file = text(8, row).unwrap_or_default();
        if !held.files.contains(file) {
            held.files.insert(file.to_owned());
        }
        if amounts.is_valid(row) {
            let currency = text(5, row).unwrap_or_default();
            if !held.amounts.contains_key(currency) {
                held.amounts.insert(currency.to_owned(), Exact::ZERO);
            }
            if let Some(sum) = held.amounts.get_mut(currency) {
                *sum += Exact::from_stored(amounts.value(row));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn vendors_and_accounts_are_told_across_formats() {
        for names in [
            &["AWS", "Amazon Web Services", "Amazon Web Services, Inc."][..],
            &["Microsoft", "Microsoft Azure", "Azure"],
            &["Google Cloud", "GCP", "Google"],
            &["Oracle", "OCI"],
        ] {
            let spelled: BTreeSet<_> = names.iter().map(|n| vendor(n)).collect();
            assert_eq!(spelled.len(), 1, "{spelled:?}");
        }
        assert_ne!(vendor("Snowflake"), vendor("AWS"));
        assert_ne!(vendor("Awsome Cloud"), vendor("AWS"));
        assert_eq!(
            account("/providers/Microsoft.Billing/billingAccounts/8600001"),
            account("8600001")
        );
        assert_eq!(account("/subscriptions/AB-1"), account("ab-1"));
    }
}
