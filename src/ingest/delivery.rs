//! Deliveries: the files of one call under one source name, and what was decoded from them.

use super::bill;
use crate::base::money::Exact;
use crate::base::{Error, Result, hash};
use crate::schema::TableSchema;
use crate::source::{ControlTotal, Reject};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// All files of one call for one table under one name.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Names the change in the log of every table it touches.
    pub(super) id: String,
    pub(super) table: &'static TableSchema,
    pub(super) source: String,
    pub(super) files: Vec<FileFacts>,
    /// The months that it has filled, when it is read anew for the sake of its rejected rows.
    pub(super) again: Option<BTreeSet<String>>,
}

/// One decoded file.
#[derive(Debug)]
pub(super) struct FileFacts {
    /// A bill's file is part of its whole delivery; every other file is a delivery of its own, so that
    /// what a call happens to name together leaves no trace.
    pub(super) delivery_id: String,
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) hash: String,
    pub(super) format: String,
    /// Number of the export that it is a part of, within its call.
    pub(super) export: Option<usize>,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows_in: u64,
    pub(super) rejects: Vec<Reject>,
    pub(super) totals: Vec<ControlTotal>,
    /// It ends where more was to come.
    pub(super) cut_off: bool,
    pub(super) notes: Vec<String>,
}

impl FileFacts {
    pub(super) fn rows_out(&self) -> u64 {
        self.batches.iter().map(|b| b.num_rows() as u64).sum()
    }

    /// A row with two bad values is one rejected row.
    pub(super) fn rows_rejected(&self) -> u64 {
        self.rejects.iter().map(|r| r.line).collect::<HashSet<_>>().len() as u64
    }
}

impl Delivery {
    /// All files of one delivery; those of a bill get its name.
    pub(super) fn of(
        table: &'static TableSchema,
        source: &str,
        mut files: Vec<FileFacts>,
    ) -> Result<Delivery> {
        let id = id(source, table.name, files.iter().map(|f| f.hash.as_str()));
        if table.name == "charges" {
            for file in &mut files {
                bill::name_rows(file, &id)?;
            }
        }
        Ok(Delivery {
            id,
            table,
            source: source.to_owned(),
            files,
            again: None,
        })
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.files.iter().flat_map(|f| &f.batches)
    }

    pub(super) fn rows(&self) -> u64 {
        self.files.iter().map(FileFacts::rows_out).sum()
    }
}

/// Hash over source, table and all files, in no particular order.
pub(super) fn id<'a>(source: &str, table: &str, hashes: impl IntoIterator<Item = &'a str>) -> String {
    let mut hashes: Vec<_> = hashes.into_iter().collect();
    hashes.sort_unstable();
    hashes.dedup();
    hash::content_hash(format!("{source}\n{table}\n{}", hashes.join("\n")).as_bytes())
}

/// Rejected rows aside, what a decoder gave out must be what it says it gave out.
pub(super) fn check_totals(file: &FileFacts, currency_column: &str) -> Result<()> {
    let columns: HashSet<_> = file.totals.iter().map(|t| t.column).collect();
    for column in columns {
        let stored = stored_totals(&file.batches, column, currency_column);
        for total in file.totals.iter().filter(|t| t.column == column) {
            let found = stored.get(&total.currency).copied().unwrap_or_default();
            if found != total.stored_total {
                return Err(Error::internal(format!(
                    "{}: {column} in {} adds up to {found}, the reader counted {}; nothing was written",
                    file.path, total.currency, total.stored_total
                )));
            }
        }
        // Money in a currency that no control total mentions would be money from nowhere.
        let stray = stored.iter().find(|(c, sum)| {
            !sum.is_zero()
                && !file
                    .totals
                    .iter()
                    .any(|t| t.column == column && &t.currency == *c)
        });
        if let Some((currency, sum)) = stray {
            return Err(Error::internal(format!(
                "{}: {column} has {sum} {currency} without a control total; nothing was written",
                file.path
            )));
        }
    }
    Ok(())
}

/// Exact sums of an amount column by currency.
pub(super) fn stored_totals(
    batches: &[RecordBatch],
    column: &str,
    currency_column: &str,
) -> BTreeMap<String, Exact> {
    let mut sums: BTreeMap<String, Exact> = BTreeMap::new();
    for batch in batches {
        let (Some(amounts), Some(currencies)) = (
            batch.column_by_name(column),
            batch.column_by_name(currency_column),
        ) else {
            continue;
        };
        let (amounts, currencies) = (
            amounts.as_primitive::<Decimal128Type>(),
            currencies.as_string::<i32>(),
        );
        for row in (0..batch.num_rows()).filter(|r| amounts.is_valid(*r)) {
            let currency = if currencies.is_valid(row) {
                currencies.value(row)
            } else {
                ""
            };
            let amount = Exact::from_stored(amounts.value(row));
            match sums.get_mut(currency) {
                Some(sum) => *sum += amount,
                None => {
                    sums.insert(currency.to_owned(), amount);
                }
            }
        }
    }
    sums
}
