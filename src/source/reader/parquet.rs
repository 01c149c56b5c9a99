//! Parquet. Every type becomes the text that says it exactly: decimals keep all digits, a double is
//! written in its shortest form, instants are UTC, nested values are JSON.

use super::csv::{Fate, fate, put};
use super::{Input, Reader, options};
use crate::base::{Context, Error, Result};
use crate::source::BATCH_ROWS;
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, make_array};
use arrow::datatypes::{DataType, Field, Schema};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Parquet;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {}

const MAGIC: &[u8] = b"PAR1";

impl Reader for Parquet {
    fn id(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, table: &toml::Table) -> Result<()> {
        options::<Options>(self.id(), table).map(|_| ())
    }

    fn names(&self, head: &[u8], _: &toml::Table) -> Option<Vec<String>> {
        if !head.starts_with(MAGIC) {
            return None;
        }
        // A file whose end is not at hand is Parquet with unknown columns.
        let whole = bytes::Bytes::copy_from_slice(head);
        let names = ParquetRecordBatchReaderBuilder::try_new(whole)
            .map(|b| b.schema().fields().iter().map(|f| f.name().clone()).collect());
        Some(names.unwrap_or_default())
    }

    fn read(
        &self,
        input: Input,
        _: &toml::Table,
        mapping: &Mapping,
        _: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(input.into_bytes()?).context("reading Parquet")?;
        let names: Vec<String> = builder
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect();
        let mut seen = Vec::new();
        let fates: Vec<Fate> = names
            .iter()
            .enumerate()
            .map(|(at, n)| fate(at, n, mapping, &mut seen))
            .collect::<Result<_>>()?;
        let wanted: Vec<usize> = (0..names.len())
            .filter(|at| !matches!(fates[*at], Fate::Ignored))
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        let reader = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .context("reading Parquet")?;
        let mut cells = Cells::new(mapping.fields.len());
        let mut row = 0;
        for batch in reader {
            let batch = batch?;
            let columns: Vec<StringArray> = wanted
                .iter()
                .zip(batch.columns())
                .map(|(at, column)| as_text(column).with_context(|| format!("column {}", names[*at])))
                .collect::<Result<_>>()?;
            for at in 0..batch.num_rows() {
                row += 1;
                cells.clear();
                let mut broken = None;
                for (column, source) in columns.iter().zip(&wanted) {
                    if column.is_valid(at) && !column.value(at).is_empty() {
                        broken = broken.or(put(column.value(at), &fates[*source], mapping, &mut cells).err());
                    }
                }
                match broken {
                    None => out.row(row, &cells)?,
                    Some((column, reason)) => out.reject(row, &column, None, reason),
                }
            }
        }
        Ok(())
    }
}

/// A column as texts, losing nothing.
fn as_text(column: &ArrayRef) -> Result<StringArray> {
    let texts = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            // The stored count is UTC whatever the zone: read it as such, without shifting it.
            let naive = DataType::Timestamp(*unit, None);
            let utc = make_array(column.to_data().into_builder().data_type(naive).build()?);
            arrow::compute::cast(&utc, &DataType::Utf8)?
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) | DataType::Map(..) => {
            return as_json(column);
        }
        _ => {
            let strict = arrow::compute::CastOptions {
                safe: false,
                ..Default::default()
            };
            arrow::compute::cast_with_options(column, &DataType::Utf8, &strict)?
        }
    };
    Ok(texts.as_string::<i32>().clone())
}

/// Nested values as JSON texts.
fn as_json(column: &ArrayRef) -> Result<StringArray> {
    let schema = Schema::new(vec![Field::new("v", column.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(column)])?;
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text =
        String::from_utf8(writer.into_inner()).map_err(|_| Error::data("a nested value is not UTF-8"))?;
    let mut values = Vec::with_capacity(column.len());
    for line in text.lines() {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow)]
            v: Option<&'a RawValue>,
        }
        let row: Row<'_> =
            serde_json::from_str(line).map_err(|e| Error::internal(format!("own JSON: {e}")))?;
        values.push(row.v.map(|v| v.get().to_owned()));
    }
    Ok(StringArray::from(values))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::source::testing::{context, decode_with, texts};
    use crate::source::{Catalog, Mapping};
    use arrow::array::*;
    use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
    use std::sync::Arc;

    const MAPPING: &str = r#"
        title = "test"
        table = "outcomes"
        [recognise]
        all = ["task"]
        [reader.parquet]
        [columns]
        task_id = { from = "task" }
        success = { from = "ok" }
        recorded_at = { from = "at" }
        value = { from = "value" }
        variant = { from = ["arm", "tags"] }
    "#;

    fn file() -> Vec<u8> {
        let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        tags.keys().append_value("k");
        tags.values().append_value("v\"");
        tags.append(true).unwrap();
        tags.append(false).unwrap();
        let at = TimestampMillisecondArray::from(vec![1_789_379_897_250, 1_789_379_957_250])
            .with_timezone("+02:00");
        let value = Decimal256Array::from(vec![
            Some(arrow::datatypes::i256::from_i128(1_234_567_890_123_456_789)),
            None,
        ])
        .with_precision_and_scale(60, 20)
        .unwrap();
        let task: DictionaryArray<Int32Type> = vec!["a", "b"].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("Task", Arc::new(task)),
            ("ok", Arc::new(Int8Array::from(vec![1, 0]))),
            ("at", Arc::new(at)),
            ("value", Arc::new(value)),
            ("tags", Arc::new(tags.finish())),
            ("unused", Arc::new(Float64Array::from(vec![0.1, 0.2]))),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(n, c)| Field::new(*n, c.data_type().clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, c)| c).collect()).unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    #[test]
    fn types_are_read_exactly() {
        let mapping = Mapping::parse("test", MAPPING).unwrap();
        let (report, batch) = decode_with(&mapping, file(), &context()).unwrap();
        assert_eq!((report.rows_in, report.rows_out), (2, 2));
        assert_eq!(texts(&batch, "task_id"), ["a", "b"]);
        assert_eq!(texts(&batch, "success"), ["true", "false"]);
        assert_eq!(texts(&batch, "recorded_at")[0], "2026-09-14T09:58:17.250Z");
        assert_eq!(texts(&batch, "value"), ["0.012345678901234568", ""]);
        assert_eq!(texts(&batch, "variant"), [r#"{"k":"v\""}"#, ""]);
        assert_eq!(
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            *batch.column(4).data_type()
        );
    }

    #[test]
    fn columns_are_recognised_at_the_end_of_the_file() {
        let catalog = Catalog::new([("test".to_owned(), MAPPING.to_owned())].into_iter()).unwrap();
        assert_eq!(catalog.detect("x.parquet", &file()).unwrap().id, "test");
    }
}
