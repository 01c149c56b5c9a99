//! How each column lies in a data file: chosen by measurement, see `benches/README.md`.
//!
//! Numbers that hardly repeat are ill served by a dictionary, which is given up when it is full, and what was written
//! until then is lost. Their bytes, taken apart by place, compress well. Texts and amounts get a dictionary where the
//! rows at hand say that it pays.

use crate::base::Result;
use crate::schema::{TableSchema, Ty};
use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::schema::types::ColumnPath;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Rows of a row group: small enough to prune by time, large enough to compress.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// The same of a bill, whose amounts come back hour by hour: one dictionary then serves for more of them.
const ROW_GROUP_ROWS_OF_BILLS: usize = 2 * ROW_GROUP_ROWS;
/// A dictionary that takes more is given up.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Rows by which a column is judged at first sight.
const SIGHT_ROWS: usize = 1024;

/// Properties of a file of these columns, each row group of which is in order of `sort_by`; `rows` are its first.
pub(super) fn properties(
    table: &TableSchema,
    schema: &Schema,
    sort_by: &[usize],
    rows: &[RecordBatch],
) -> Result<WriterProperties> {
    let mut properties = WriterProperties::builder()
        // Level 3 takes longer and gains nothing on these columns.
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        // The first version has no dictionaries for decimals.
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_encoding(Encoding::PLAIN)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(Some(match table.name {
            "charges" => ROW_GROUP_ROWS_OF_BILLS,
            _ => ROW_GROUP_ROWS,
        }))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(sorting(schema, sort_by))
        .set_created_by("spendscope".into());
    let first = sort_by.first().map(|at| schema.field(*at).data_type());
    let by_time = matches!(first, Some(DataType::Timestamp(..)));
    for (at, field) in schema.fields().iter().enumerate() {
        let Some(column) = table.column(field.name()) else {
            continue;
        };
        // Nobody looks for single amounts or tags, names lie all over a file in the order of time, and bounds take as long
        // as what they bound. The log has those of a whole file, of its first columns.
        match column.ty {
            Ty::Money => properties = without_bounds(properties, &[column.name]),
            Ty::Text if by_time && !sort_by.contains(&at) => {
                properties = without_bounds(properties, &[column.name])
            }
            Ty::Tags => {
                for part in ["key", "value"] {
                    properties = without_bounds(properties, &[column.name, "key_value", part]);
                }
            }
            _ => {}
        }
        let encoding = match column.ty {
            // Each is a little more than the one before.
            Ty::Instant => Encoding::DELTA_BINARY_PACKED,
            Ty::Int if matches!(column.unit, "line" | "row") => Encoding::DELTA_BINARY_PACKED,
            Ty::Int => Encoding::BYTE_STREAM_SPLIT,
            Ty::Float if !repeats(rows, at, column.ty) => Encoding::BYTE_STREAM_SPLIT,
            Ty::Text | Ty::Money if !repeats(rows, at, column.ty) => Encoding::PLAIN,
            _ => continue,
        };
        let path = ColumnPath::from(column.name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, encoding);
    }
    Ok(properties.build())
}

fn without_bounds(properties: WriterPropertiesBuilder, path: &[&str]) -> WriterPropertiesBuilder {
    let path = path.iter().map(|part| (*part).to_owned()).collect();
    properties.set_column_statistics_enabled(ColumnPath::new(path), EnabledStatistics::None)
}

/// Do the values of a column come again, so that a dictionary pays?
fn repeats(rows: &[RecordBatch], at: usize, ty: Ty) -> bool {
    let all: Vec<ArrayRef> = rows.iter().map(|batch| Arc::clone(batch.column(at))).collect();
    let mut left = SIGHT_ROWS;
    let first: Vec<ArrayRef> = all
        .iter()
        .map(|array| {
            let some = array.slice(0, array.len().min(left));
            left -= some.len();
            some
        })
        .collect();
    let present = |arrays: &[ArrayRef]| -> usize { arrays.iter().map(|a| a.len() - a.null_count()).sum() };
    are_few(&first, ty, present(&first) / 4) || are_few(&all, ty, present(&all) / 3)
}

/// Whether there are at most so many different values.
fn are_few(arrays: &[ArrayRef], ty: Ty, most: usize) -> bool {
    let hasher = RandomState::with_seeds(1, 2, 3, 4);
    let mut seen: HashSet<u64, BuildHasherDefault<Hashed>> = HashSet::default();
    for array in arrays {
        match ty {
            Ty::Text => {
                let texts = array.as_string::<i32>();
                seen.extend(texts.iter().flatten().map(|v| hasher.hash_one(v)));
            }
            Ty::Money => {
                let amounts = array.as_primitive::<Decimal128Type>();
                seen.extend(amounts.iter().flatten().map(|v| hasher.hash_one(v)));
            }
            Ty::Float => {
                let numbers = array.as_primitive::<Float64Type>();
                seen.extend(numbers.iter().flatten().map(|v| hasher.hash_one(v.to_bits())));
            }
            _ => {}
        }
        if seen.len() > most {
            return false;
        }
    }
    true
}

/// What is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What row groups are sorted by. Columns of maps have several places in a file.
fn sorting(schema: &Schema, sort_by: &[usize]) -> Option<Vec<SortingColumn>> {
    let columns = sort_by.iter().map(|at| {
        let before = schema.fields().iter().take(*at);
        let place: usize = before.map(|field| leaves(field.data_type())).sum();
        Some(SortingColumn {
            column_idx: i32::try_from(place).ok()?,
            descending: false,
            nulls_first: true,
        })
    });
    columns.collect()
}

/// Places in a file that a column has.
pub(super) fn leaves(ty: &DataType) -> usize {
    match ty {
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        DataType::Map(entry, _) | DataType::List(entry) => leaves(entry.data_type()),
        _ => 1,
    }
}
