//! What decoding has to say beside the rows: what was refused, and totals to tie the lake to its source.

use crate::base::money::Exact;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One value of one row that could not be read. The whole row is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Line of a text file, row of a Parquet file, series of a Prometheus answer; counted from 1.
    pub line: u64,
    /// Column of the source, empty for the whole row.
    pub column: String,
    /// The value as it stood there, cut to 200 characters; how long it was, where it may be a prompt.
    /// `None` when it was missing, and for rows that could not be taken apart.
    pub value: Option<String>,
    pub reason: String,
}

/// Sum of one amount column over the rows that were kept, in one currency.
/// `source_total - stored_total` is what rounding to 18 decimals took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlTotal {
    pub currency: String,
    pub column: &'static str,
    pub rows: u64,
    pub nulls: u64,
    pub source_total: Exact,
    pub stored_total: Exact,
}

#[derive(Debug, Clone, Default)]
pub struct DecodeReport {
    /// Rows found: kept ones and refused ones. For series that are folded into rows, the folded rows
    /// and the refused series.
    pub rows_in: u64,
    pub rows_out: u64,
    pub rejects: Vec<Reject>,
    pub totals: Vec<ControlTotal>,
    /// The file ends where more was to come: rows are lost that nobody can count.
    pub cut_off: bool,
    /// Things worth saying that cost no row, such as metrics that no column takes.
    pub notes: Vec<String>,
}

/// Collects control totals while rows go by.
#[derive(Debug, Default)]
pub(super) struct Totals(BTreeMap<(String, usize), ControlTotal>);

impl Totals {
    /// Takes one amount of a kept row. `order` is the column's place in its table.
    pub(super) fn add(&mut self, currency: &str, order: usize, column: &'static str, amount: Option<Exact>) {
        // The lookup would need an owned key; currencies are few, so the map stays tiny.
        let total = match self.0.iter_mut().find(|((c, o), _)| *o == order && c == currency) {
            Some((_, total)) => total,
            None => self
                .0
                .entry((currency.to_owned(), order))
                .or_insert_with(|| ControlTotal {
                    currency: currency.to_owned(),
                    column,
                    rows: 0,
                    nulls: 0,
                    source_total: Exact::ZERO,
                    stored_total: Exact::ZERO,
                }),
        };
        total.rows += 1;
        match amount {
            Some(amount) => {
                total.source_total += amount;
                total.stored_total += Exact::from_stored(amount.round());
            }
            None => total.nulls += 1,
        }
    }

    pub(super) fn add_all(&mut self, others: Totals) {
        for (place, other) in others.0 {
            match self.0.entry(place) {
                Entry::Vacant(entry) => {
                    entry.insert(other);
                }
                Entry::Occupied(mut entry) => {
                    let total = entry.get_mut();
                    total.rows += other.rows;
                    total.nulls += other.nulls;
                    total.source_total += other.source_total;
                    total.stored_total += other.stored_total;
                }
            }
        }
    }

    pub(super) fn finish(self) -> Vec<ControlTotal> {
        self.0.into_values().collect()
    }
}
