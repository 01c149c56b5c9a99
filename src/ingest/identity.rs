//! Identities of rows as numbers: equal rows have equal numbers, and unequal ones nearly always unequal ones.
//! Eight bytes a row tell which rows may have to be compared, and all others need not be looked at again.

use crate::schema::TableSchema;
use ahash::RandomState;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use std::collections::BTreeSet;

/// Parts of them, by their first bits: a part grows by being copied, and all of them at once would be there twice.
const PARTS: usize = 1 << 8;

/// The identities of the rows of a delivery.
#[derive(Debug)]
pub(super) struct Identities {
    table: &'static TableSchema,
    hasher: RandomState,
    /// In order once all are there, each part for itself.
    all: Vec<Vec<u64>>,
    /// Those that stand there more than once, in order.
    repeated: Vec<u64>,
    /// Days since 1970 of tables that are partitioned by day.
    pub(super) days: BTreeSet<i32>,
}

impl Identities {
    pub(super) fn new(table: &'static TableSchema) -> Identities {
        Identities {
            table,
            // Always the same, so that a run can be repeated.
            hasher: RandomState::with_seeds(1, 2, 3, 4),
            all: vec![Vec::new(); PARTS],
            repeated: Vec::new(),
            days: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) {
        if self.table.key.is_empty() {
            return;
        }
        for identity in self.of(batch) {
            self.all[part(identity)].push(identity);
        }
        let days = batch
            .column_by_name("day")
            .filter(|_| self.table.partition_by == ["day"]);
        let mut last = None;
        for day in days.iter().flat_map(|d| d.as_primitive::<Date32Type>().values()) {
            if last.replace(*day) != Some(*day) {
                self.days.insert(*day);
            }
        }
    }

    /// All are there.
    pub(super) fn sorted(mut self) -> Identities {
        for part in &mut self.all {
            part.sort_unstable();
            let twice = part.windows(2).filter(|pair| pair[0] == pair[1]);
            self.repeated.extend(twice.map(|pair| pair[0]));
            part.dedup();
        }
        self.repeated.dedup();
        self
    }

    /// Columns that make an identity.
    pub(super) fn key(&self) -> &'static [&'static str] {
        self.table.key
    }

    pub(super) fn repeated(&self) -> &[u64] {
        &self.repeated
    }

    pub(super) fn has(&self, identity: u64) -> bool {
        self.all[part(identity)].binary_search(&identity).is_ok()
    }

    /// One for each row. The batch may have any columns, as long as those of the key are among them.
    pub(super) fn of(&self, batch: &RecordBatch) -> Vec<u64> {
        let mut identities = vec![0_u64; batch.num_rows()];
        for column in self
            .table
            .key
            .iter()
            .filter_map(|name| batch.column_by_name(name))
        {
            self.mix(column, &mut identities);
        }
        identities
    }

    fn mix(&self, column: &dyn Array, into: &mut [u64]) {
        match column.data_type() {
            DataType::Timestamp(..) => {
                let column = column.as_primitive::<TimestampMicrosecondType>();
                for (row, identity) in into.iter_mut().enumerate() {
                    *identity = self.hasher.hash_one((*identity, column.value(row)));
                }
            }
            DataType::Utf8 => {
                let column = column.as_string::<i32>();
                for (row, identity) in into.iter_mut().enumerate() {
                    *identity = self.hasher.hash_one((*identity, column.value(row)));
                }
            }
            // Rows that differ only there are compared.
            _ => {}
        }
    }
}

/// The part that an identity belongs to.
fn part(identity: u64) -> usize {
    (identity >> 56) as usize
}
