//! Bytes become canonical rows: a reader knows a container (CSV, JSON, Parquet, Prometheus), a mapping
//! file of `queries/sources/` says which field means what, and whatever cannot be read is handed back
//! with its line and its reason.
//!
//! Must not know: files, sockets, the lake, the configuration, the clock. It gets bytes and a name.

mod catalog;
mod collect;
mod column;
mod convert;
mod decode;
mod expr;
mod json_path;
mod manifest;
mod mapping;
mod parse;
mod plan;
mod reader;
mod refusal;
mod report;
mod series;
mod tags;
#[cfg(test)]
mod testing;

pub use catalog::Catalog;
pub use decode::{Bytes, DecodeContext, HEAD_BYTES, decode};
pub use manifest::{MANIFEST_BYTES, Manifest, Part};
pub use mapping::Mapping;
pub use plan::{ColumnPlan, Fit};
pub use report::{ControlTotal, DecodeReport, Reject};

/// Rows of one batch. Bounds the memory that decoding needs.
const BATCH_ROWS: usize = 8_192;

/// Longest line, record or JSON value that is read. Longer ones are refused rather than buffered.
const MAX_RECORD_BYTES: usize = 64 << 20;

/// Deepest nesting of JSON that is walked.
const MAX_DEPTH: usize = 128;
