//! Bytes become canonical rows: a reader knows a container (CSV, JSON, Parquet, Prometheus), a mapping
//! file of `queries/sources/` says which field means what, and whatever cannot be read is handed back
//! with its line and its reason.
//!
//! Must not know: files, sockets, the lake, the configuration, the clock. It gets bytes and a name.

mod catalog;
mod collect;
mod column;
mod conformance;
mod convert;
mod decode;
mod expr;
mod hashes;
mod json_inner;
mod json_memory;
mod json_path;
mod json_scan;
mod manifest;
mod mapping;
mod parse;
mod plan;
mod privacy;
mod reader;
mod refusal;
mod repeats;
mod report;
mod series;
mod series_rows;
mod tags;
#[cfg(test)]
mod testing;
mod texts;

pub use catalog::Catalog;
pub use conformance::{Conformance, conformance_rules};
pub use decode::{Bytes, DecodeContext, HEAD_BYTES, decode};
pub use manifest::{MANIFEST_BYTES, Manifest, Part};
pub use mapping::Mapping;
pub use plan::{ColumnPlan, Fit};
pub use report::{ControlTotal, DecodeReport, Reject};

/// Rows of one batch. Bounds the memory that decoding needs.
const BATCH_ROWS: usize = 8_192;

/// Texts of one batch. Rows of long texts make short batches.
const BATCH_BYTES: usize = 16 << 20;

/// Longest line, record or JSON value that is read. Longer ones are refused rather than buffered.
const MAX_RECORD_BYTES: usize = 64 << 20;

/// Longest file of a container that has to be in memory whole.
const MAX_WHOLE_BYTES: usize = 1 << 30;

/// What is said to a packed file that ends too early and cannot be read up to there.
fn broken_off() -> crate::base::Error {
    crate::base::Error::data("the packed file breaks off before its end").advise("fetch it again")
}

/// Deepest nesting of JSON that is walked.
const MAX_DEPTH: usize = 128;
