//! A Parquet file with the frame's own types: the format that loses nothing.

use super::rows::{Layout, Rows};
use crate::base::{Error, Result};
use crate::frame::Frame;
use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// Bytes of a row group that wait in memory before they are written, and rows at the most.
const GROUP_BYTES: usize = 32 << 20;
const GROUP_ROWS: usize = 1 << 18;

pub(super) fn rows(_: &Layout) -> Box<dyn Rows> {
    Box::new(File { writer: None })
}

struct File {
    /// With the one schema of the file.
    writer: Option<(ArrowWriter<Vec<u8>>, SchemaRef)>,
}

impl Rows for File {
    fn begin(&mut self, head: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_created_by("spendscope".to_owned())
            .build();
        let schema = head.batch.schema();
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
        out.append(writer.inner_mut());
        self.writer = Some((writer, schema));
        Ok(())
    }

    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let Some((writer, schema)) = &mut self.writer else {
            return Err(Error::internal("rows before the file was begun"));
        };
        // A batch may know better than the plan whether a column can be NULL.
        let batch = RecordBatch::try_new(Arc::clone(schema), frame.batch.columns().to_vec())?;
        writer.write(&batch)?;
        out.append(writer.inner_mut());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some((writer, _)) = self.writer.take() {
            out.append(&mut writer.into_inner()?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::{rows::whole, sample};
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use std::io::Write;

    #[test]
    fn what_is_written_is_read_back() {
        let frame = sample::small();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&whole(rows(&Layout::default()), &frame).unwrap())
            .unwrap();
        let read = ParquetRecordBatchReader::try_new(file, 1_000)
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(read, frame.batch);
    }
}
