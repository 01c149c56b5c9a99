//! From bytes to canonical batches: picks the reader, runs it, and closes the books.

use super::broken_off;
use super::collect::Collector;
use super::mapping::Mapping;
use super::reader::{self, Input};
use super::report::DecodeReport;
use crate::base::user_key::UserKey;
use crate::base::{Error, Result};
use arrow::array::RecordBatch;
use std::io::Read;

/// How much of a file recognition wants to see. Parquet keeps its columns at the end of the file:
/// give it whole.
pub const HEAD_BYTES: usize = 256 << 10;

/// The content of a file, already decompressed.
pub enum Bytes {
    Stream(Box<dyn Read + Send>),
    /// Parquet is read from its end.
    Random(bytes::Bytes),
}

/// What decoding cannot see in the bytes.
#[derive(Debug, Clone, Default)]
pub struct DecodeContext {
    pub source: String,
    pub file_hash: String,
    pub file_name: String,
    /// Microseconds: when a scrape without time stamps was taken.
    pub observed_at: Option<i64>,
    /// Microseconds: from when an undated price list holds. 1970 when not said.
    pub valid_from: Option<i64>,
    /// Zone of the clocks behind local times. UTC when not said.
    pub zone: Option<chrono_tz::Tz>,
    /// What users are hashed with. Not said: plain SHA-256.
    pub users: Option<UserKey>,
}

/// Reads all rows of a file and hands them to `sink` in batches of the mapping's table.
///
/// Every column is filled except `charges.delivery_id`, which is empty here. An error means that the
/// file as a whole is not what the mapping expects; what was handed to `sink` before must be dropped.
pub fn decode(
    mapping: &Mapping,
    input: Bytes,
    ctx: &DecodeContext,
    sink: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<DecodeReport> {
    let input = Input::open(input, HEAD_BYTES)?;
    let chosen = mapping
        .readers
        .iter()
        .find(|r| r.kind.names(input.head(), &r.options).is_some());
    let chosen = match (chosen, mapping.readers.as_slice()) {
        (Some(chosen), _) => chosen,
        // One reader only: it knows best what is wrong.
        (None, [only]) => only,
        (None, readers) => {
            let ids: Vec<_> = readers.iter().map(|r| r.kind.id()).collect();
            return Err(Error::data(format!(
                "'{}' is neither of what the format {} is written in: {}",
                ctx.file_name,
                mapping.id,
                ids.join(", ")
            )));
        }
    };
    let tear = input.tear();
    let mut collector = Collector::new(mapping, ctx, sink)?;
    reader::run(chosen, input, mapping, ctx, &mut collector).map_err(|e| e.context(ctx.file_name.clone()))?;
    let report = collector.finish()?;
    if tear.is_torn() && !report.cut_off {
        return Err(broken_off().context(ctx.file_name.clone()));
    }
    Ok(report)
}
