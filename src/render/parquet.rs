//! A Parquet file with the frame's own types: the format that loses nothing.

use crate::base::Result;
use crate::frame::Frame;
use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;

pub(super) fn render(frame: &Frame) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("spendscope".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), frame.batch.schema(), Some(properties))?;
    writer.write(&frame.batch)?;
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use std::io::Write;

    #[test]
    fn what_is_written_is_read_back() {
        let frame = sample::small();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&render(&frame).unwrap()).unwrap();
        let read = ParquetRecordBatchReader::try_new(file, 1_000)
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(read, frame.batch);
    }
}
