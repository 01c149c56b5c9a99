//! Parquet. Every type becomes the text that says it exactly: decimals keep all digits, a double is
//! written in its shortest form, instants are UTC, nested values are JSON.

use super::csv::{Fate, fate, put};
use super::{Input, Reader, options};
use crate::base::{Context, Error, Result};
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use crate::source::{BATCH_ROWS, MAX_RECORD_BYTES};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringViewArray, make_array};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Parquet;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {}

const MAGIC: &[u8] = b"PAR1";

/// What the columns that are read of one row group may unpack to: pages of all of them are held at once.
const MAX_GROUP_BYTES: u64 = 4 << 30;

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
        let whole = Bytes::copy_from_slice(head);
        let names = open(whole).map(|b| b.schema().fields().iter().map(|f| f.name().clone()).collect());
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
        let builder = open(input.into_bytes()?).context("reading Parquet")?;
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
        let schema = builder.parquet_schema();
        for (at, group) in builder.metadata().row_groups().iter().enumerate() {
            let sizes = group.columns().iter().enumerate();
            let sizes = sizes.filter(|(leaf, _)| wanted.contains(&schema.get_column_root_idx(*leaf)));
            let unpacked = sizes.fold(0_u64, |sum, (_, column)| {
                // Less than nothing is a lie, and refused with the rest.
                sum.saturating_add(u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX))
            });
            if unpacked > MAX_GROUP_BYTES {
                return Err(Error::data(format!(
                    "row group {} unpacks to more than {} GiB",
                    at + 1,
                    MAX_GROUP_BYTES >> 30
                ))
                .advise("write it in smaller row groups"));
            }
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        let mut reader = undamaged(|| {
            let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
            builder.build().map_err(Error::from)
        })
        .context("reading Parquet")?;
        let mut cells = Cells::new(mapping.fields.len());
        let mut row = 0;
        while let Some(batch) = undamaged(|| reader.next().transpose().map_err(Error::from))
            .with_context(|| format!("behind row {row}"))?
        {
            let columns: Vec<Texts> = wanted
                .iter()
                .zip(batch.columns())
                .map(|(at, column)| Texts::of(column).with_context(|| format!("column {}", names[*at])))
                .collect::<Result<_>>()?;
            for at in 0..batch.num_rows() {
                row += 1;
                cells.clear();
                let mut broken = None;
                for (column, source) in columns.iter().zip(&wanted) {
                    let taken = match column.at(at) {
                        Ok(None | Some("")) => Ok(()),
                        Ok(Some(text)) if text.len() > MAX_RECORD_BYTES => {
                            Err(format!("longer than {} MiB", MAX_RECORD_BYTES >> 20))
                        }
                        Ok(Some(text)) => {
                            let taken = put(text, &fates[*source], mapping, &mut cells);
                            broken = broken.or(taken.err());
                            Ok(())
                        }
                        Err(reason) => Err(reason.to_owned()),
                    };
                    if let Err(reason) = taken {
                        broken = broken.or(Some((names[*source].clone(), reason)));
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

/// Looks at the end of the file. Long texts are asked for as views, which share what repeats: a small file
/// may say one long text in every row.
fn open(bytes: Bytes) -> Result<ParquetRecordBatchReaderBuilder<Bytes>> {
    undamaged(|| {
        let plain = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
        let viewed: Vec<_> = plain.schema().fields().iter().map(viewed).collect();
        let schema = Schema::new_with_metadata(viewed, plain.schema().metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        Ok(ParquetRecordBatchReaderBuilder::try_new_with_options(
            bytes, options,
        )?)
    })
}

fn viewed(field: &Arc<Field>) -> Field {
    let view = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        other => other.clone(),
    };
    field.as_ref().clone().with_data_type(view)
}

/// A file whose parts contradict each other makes the reader of Parquet panic in places. That is the file's
/// fault, not ours.
fn undamaged<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::data(
            "its parts contradict each other: the file is damaged",
        ))
    })
}

/// The texts of a column.
enum Texts {
    Plain(StringArray),
    View(StringViewArray),
    /// Texts, and which values had none although they were there.
    Lossy(StringArray, ArrayRef),
    Binary(ArrayRef),
    /// Each text once, and which of them stands in a row.
    Keyed(Vec<Option<usize>>, Box<Texts>),
}

impl Texts {
    fn of(column: &ArrayRef) -> Result<Texts> {
        Ok(match column.data_type() {
            DataType::Null => Texts::Plain(StringArray::new_null(column.len())),
            DataType::Utf8 => Texts::Plain(column.as_string::<i32>().clone()),
            DataType::Utf8View => Texts::View(column.as_string_view().clone()),
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => {
                Texts::Binary(arrow::compute::cast(column, &DataType::BinaryView)?)
            }
            DataType::Dictionary(..) => {
                let keyed = column.as_any_dictionary();
                let places = keyed.normalized_keys();
                let valid = |(row, place)| column.is_valid(row).then_some(place);
                let keys = places.into_iter().enumerate().map(valid).collect();
                Texts::Keyed(keys, Box::new(Texts::of(keyed.values())?))
            }
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::FixedSizeList(..)
            | DataType::Struct(_)
            | DataType::Map(..) => Texts::Plain(as_json(column)?),
            _ => Texts::Lossy(as_text(column)?, Arc::clone(column)),
        })
    }

    /// The text of a row; nothing where the value is missing. `Err`: why there is none.
    fn at(&self, row: usize) -> std::result::Result<Option<&str>, &'static str> {
        match self {
            Texts::Plain(texts) => Ok(texts.is_valid(row).then(|| texts.value(row))),
            Texts::View(texts) => Ok(texts.is_valid(row).then(|| texts.value(row))),
            Texts::Lossy(texts, _) if texts.is_valid(row) => Ok(Some(texts.value(row))),
            Texts::Lossy(_, values) if values.is_null(row) => Ok(None),
            Texts::Lossy(..) => Err("a value that its type cannot hold"),
            Texts::Binary(values) if values.is_null(row) => Ok(None),
            Texts::Binary(values) => std::str::from_utf8(values.as_binary_view().value(row))
                .map(Some)
                .map_err(|_| "not UTF-8"),
            Texts::Keyed(keys, texts) => keys[row].map_or(Ok(None), |key| texts.at(key)),
        }
    }
}

/// A column of single values as texts, losing nothing: what is no value of its type has no text.
fn as_text(column: &ArrayRef) -> Result<StringArray> {
    let column = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            // The stored count is UTC whatever the zone: read it as such, without shifting it.
            let naive = DataType::Timestamp(*unit, None);
            make_array(column.to_data().into_builder().data_type(naive).build()?)
        }
        _ => Arc::clone(column),
    };
    if let Ok(texts) = arrow::compute::cast(&column, &DataType::Utf8) {
        return Ok(texts.as_string::<i32>().clone());
    }
    // One value that cannot be written must not take the others with it.
    let texts: Vec<Option<String>> = (0..column.len())
        .map(|row| {
            let text = arrow::compute::cast(&column.slice(row, 1), &DataType::Utf8).ok()?;
            let text = text.as_string::<i32>();
            text.is_valid(0).then(|| text.value(0).to_owned())
        })
        .collect();
    if column.null_count() < column.len() && texts.iter().all(Option::is_none) {
        return Err(Error::data(format!("a {} cannot be read", column.data_type())));
    }
    Ok(StringArray::from(texts))
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
        variant = { from = "arm" }
        scores = { from = "tags" }
    "#;

    fn file() -> Vec<u8> {
        let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        tags.keys().append_value("k");
        tags.values().append_value("v.1");
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
        assert_eq!(texts(&batch, "scores"), ["{k: v.1}", ""]);
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
