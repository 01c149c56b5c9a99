//! Deliveries: the files of one call under one source name, and what was decoded from them.

use super::bill;
use super::intake::Rows;
use crate::base::money::Exact;
use crate::base::{Error, Result, hash};
use crate::schema::{TableSchema, Ty};
use crate::source::{ControlTotal, Reject};
use arrow::array::{Array, AsArray, Decimal128Array, RecordBatch, StringArray};
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
    pub(super) rows: Rows,
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
    pub(super) rows_out: u64,
    /// What the file of a bill tells of.
    pub(super) bill: bill::Measured,
    pub(super) rows_in: u64,
    pub(super) rejects: Vec<Reject>,
    pub(super) totals: Vec<ControlTotal>,
    /// It ends where more was to come.
    pub(super) cut_off: bool,
    pub(super) notes: Vec<String>,
}

impl FileFacts {
    /// A row with two bad values is one rejected row.
    pub(super) fn rows_rejected(&self) -> u64 {
        self.rejects.iter().map(|r| r.line).collect::<HashSet<_>>().len() as u64
    }
}

impl Delivery {
    /// All files of one delivery. The rows of a bill bear its name already.
    pub(super) fn of(
        table: &'static TableSchema,
        source: &str,
        mut files: Vec<FileFacts>,
        rows: Rows,
    ) -> Delivery {
        let id = id(source, table.name, files.iter().map(|f| f.hash.as_str()));
        if table.name == "charges" {
            for file in &mut files {
                id.clone_into(&mut file.delivery_id);
            }
        }
        Delivery {
            id,
            table,
            source: source.to_owned(),
            files,
            rows,
            again: None,
        }
    }

    pub(super) fn rows_out(&self) -> u64 {
        self.files.iter().map(|file| file.rows_out).sum()
    }
}

/// Hash over source, table and all files, in no particular order.
pub(super) fn id<'a>(source: &str, table: &str, hashes: impl IntoIterator<Item = &'a str>) -> String {
    let mut hashes: Vec<_> = hashes.into_iter().collect();
    hashes.sort_unstable();
    hashes.dedup();
    hash::content_hash(format!("{source}\n{table}\n{}", hashes.join("\n")).as_bytes())
}

/// Exact sums of the amount columns of a file by currency, added up while its rows go by.
pub(super) struct StoredTotals {
    currency: &'static str,
    columns: Vec<&'static str>,
    sums: BTreeMap<&'static str, BTreeMap<String, Exact>>,
}

impl StoredTotals {
    pub(super) fn new(table: &'static TableSchema) -> StoredTotals {
        let amounts = table.columns.iter().filter(|c| c.ty == Ty::Money);
        StoredTotals {
            currency: match table.name {
                "charges" => "billing_currency",
                _ => "gateway_currency",
            },
            columns: amounts.map(|c| c.name).collect(),
            sums: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let currencies = batch.column_by_name(self.currency);
        let Some(currencies) = currencies.map(|c| c.as_string::<i32>()) else {
            return;
        };
        for column in &self.columns {
            let amounts = batch.column_by_name(column);
            let Some(amounts) = amounts.map(|c| c.as_primitive::<Decimal128Type>()) else {
                continue;
            };
            if amounts.null_count() == amounts.len() {
                continue;
            }
            let sums = self.sums.entry(column).or_default();
            add_amounts(amounts, currencies, sums);
        }
    }

    /// Rejected rows aside, what a decoder gave out must be what it says it gave out.
    pub(super) fn check(&self, file: &FileFacts) -> Result<()> {
        let columns: HashSet<_> = file.totals.iter().map(|t| t.column).collect();
        let none = BTreeMap::new();
        for column in columns {
            let stored = self.sums.get(column).unwrap_or(&none);
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
}

/// Rows of one currency stand together: they are added up as they are, and seldom looked up.
fn add_amounts(amounts: &Decimal128Array, currencies: &StringArray, sums: &mut BTreeMap<String, Exact>) {
    let mut add = |currency: &str, run: i128| match sums.get_mut(currency) {
        Some(sum) => *sum += Exact::from_stored(run),
        None => {
            sums.insert(currency.to_owned(), Exact::from_stored(run));
        }
    };
    let mut last = "";
    let mut run: Option<i128> = None;
    for row in (0..amounts.len()).filter(|r| amounts.is_valid(*r)) {
        let currency = match currencies.is_valid(row) {
            true => currencies.value(row),
            false => "",
        };
        let amount = amounts.value(row);
        let joined = run
            .filter(|_| currency == last)
            .and_then(|run| run.checked_add(amount));
        run = Some(match (joined, run) {
            (Some(joined), _) => joined,
            (None, Some(done)) => {
                add(last, done);
                amount
            }
            (None, None) => amount,
        });
        last = currency;
    }
    if let Some(done) = run {
        add(last, done);
    }
}
