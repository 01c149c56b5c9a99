//! Helpers of the unit tests of this module.
#![allow(clippy::unwrap_used)]

use super::{Bytes, DecodeContext, DecodeReport, Mapping, decode};
use crate::base::Result;
use arrow::array::{Array, RecordBatch};
use std::io::Cursor;

pub(super) fn context() -> DecodeContext {
    DecodeContext {
        source: "s".to_owned(),
        file_hash: "0123456789abcdef".to_owned(),
        file_name: "test".to_owned(),
        observed_at: None,
        valid_from: None,
        zone: None,
        users: None,
    }
}

pub(super) fn decode_bytes(mapping: &str, bytes: Vec<u8>) -> Result<(DecodeReport, RecordBatch)> {
    decode_with(&Mapping::parse("test", mapping)?, bytes, &context())
}

pub(super) fn decode_with(
    mapping: &Mapping,
    bytes: Vec<u8>,
    ctx: &DecodeContext,
) -> Result<(DecodeReport, RecordBatch)> {
    let mut batches = Vec::new();
    let input = Bytes::Stream(Box::new(Cursor::new(bytes)));
    let report = decode(mapping, input, ctx, &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    let batch = arrow::compute::concat_batches(&mapping.table.arrow(), &batches)?;
    Ok((report, batch))
}

pub(super) fn decode_text(mapping: &str, text: &str) -> Result<(DecodeReport, RecordBatch)> {
    decode_bytes(mapping, text.as_bytes().to_vec())
}

/// A column as texts; NULL is empty.
pub(super) fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let array = batch.column_by_name(column).unwrap();
    (0..array.len())
        .map(|row| arrow::util::display::array_value_to_string(array, row).unwrap())
        .collect()
}
