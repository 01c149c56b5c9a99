//! Every data file of a version, read whole: is it there, is it what was written, does every page decode,
//! and does it hold what the log says. Reads only.

use super::Snapshot;
use super::snapshot::DataFile;
use super::trouble;
use super::write;
use crate::base::hash::FileHash;
use crate::base::{Error, Result, hash};
use arrow::array::Array;
use bytes::Bytes;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;

/// What was read of one version of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    pub damaged: Vec<Damaged>,
}

/// A data file that is not what the log promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Below the lake, with the table's folder.
    pub path: String,
    pub reason: String,
}

impl Snapshot {
    /// Reads every data file of this version. A damaged one is a finding, not an error.
    pub async fn verify(&self) -> Result<Verified> {
        let mut verified = Verified::default();
        for file in self.files.iter() {
            verified.files += 1;
            match self.whole(file).await {
                Ok(rows) => {
                    verified.rows += rows;
                    verified.bytes += file.size;
                }
                Err(reason) => verified.damaged.push(Damaged {
                    path: format!("{}/{}", self.table.name, file.path),
                    reason,
                }),
            }
        }
        Ok(verified)
    }

    /// The rows of a file, or what is wrong with it.
    async fn whole(&self, file: &DataFile) -> Result<u64, String> {
        let bytes = match self.location.store.get(&file.location).await {
            Ok(object) => object.bytes().await,
            Err(e) => Err(e),
        };
        let bytes = bytes.map_err(|e| match e {
            object_store::Error::NotFound { .. } => "it is missing".to_owned(),
            other => format!(
                "it cannot be read: {}",
                trouble::told(&other, Error::io).message()
            ),
        })?;
        let size = bytes.len() as u64;
        if size != file.size {
            return Err(format!("it has {size} bytes, and {} were written", file.size));
        }
        // A changed byte may still decode, to another amount: only the hash can tell.
        if let Some(written) = hash_in_name(&file.path) {
            let found = match written.len() {
                write::HASH_DIGITS => FileHash::of(&bytes),
                _ => hash::content_hash(&bytes),
            };
            if !found.starts_with(written) {
                return Err(
                    "its bytes are not those that were written: its hash is not the one in its name"
                        .to_owned(),
                );
            }
        }
        let (rows, nulls) = decode(bytes).map_err(|e| format!("it is no readable Parquet file: {e}"))?;
        let said = file.statistics.num_rows.get_value().map(|n| *n as u64);
        if let Some(said) = said.filter(|said| *said != rows) {
            return Err(format!("it has {rows} rows, and the log says {said}"));
        }
        let schema = write::file_schema(self.table);
        for (field, column) in schema.fields().iter().zip(&file.statistics.column_statistics) {
            let (Some(said), Some(found)) = (column.null_count.get_value(), nulls.get(field.name())) else {
                continue;
            };
            if *said as u64 != *found {
                return Err(format!(
                    "{} is missing in {found} rows, and the log says in {said}",
                    field.name()
                ));
            }
        }
        Ok(rows)
    }
}

/// The beginning of the content's hash, in the names of the files that this program writes.
fn hash_in_name(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    let (kind, rest) = name.split_once('-')?;
    // A number before it: of the version once, and now a mark of who wrote it.
    let (number, hash) = rest.split_once('-')?;
    let ours = [write::PART, write::SORTED].contains(&kind)
        && number.len() >= 5
        && number.bytes().all(|b| b.is_ascii_digit())
        && [24, write::HASH_DIGITS].contains(&hash.len())
        && hash.bytes().all(|b| b.is_ascii_hexdigit());
    ours.then_some(hash)
}

/// Rows, and missing values by column: every page of every column is decoded.
fn decode(bytes: Bytes) -> Result<(u64, BTreeMap<String, u64>)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let footer = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    let (mut rows, mut nulls) = (0, BTreeMap::new());
    for batch in builder.build()? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            *nulls.entry(field.name().clone()).or_insert(0) += column.null_count() as u64;
        }
    }
    if rows != footer {
        return Err(Error::data(format!(
            "its pages have {rows} rows, its footer says {footer}"
        )));
    }
    Ok((rows, nulls))
}
