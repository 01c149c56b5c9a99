//! Files for other programs, row by row, however many there are: FOCUS says how values look. Instants in ISO 8601 and UTC,
//! amounts in plain digits, all of them, and with a point, so that a reader that guesses types by what it sees takes none
//! for a whole number; maps as JSON objects; no value is NULL, and so is an empty text.
//!
//! Cells are what they are: for spreadsheets there are the formats of reports, which take the teeth out of formulas.

use crate::base::time::from_micros;
use crate::base::{Error, Result, money};
use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, MapArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use chrono::SecondsFormat;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Parquet,
}

impl Format {
    pub fn named(name: &str) -> Option<Format> {
        match name {
            "csv" => Some(Format::Csv),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }
}

/// Takes batches of one schema and writes them as they come.
pub struct Writer<W: Write + Send> {
    schema: SchemaRef,
    out: Out<W>,
}

enum Out<W: Write + Send> {
    Csv(BufWriter<W>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    pub fn new(format: Format, schema: &Schema, out: W) -> Result<Writer<W>> {
        let fields = schema.fields().iter().map(|field| {
            let ty = match field.data_type() {
                DataType::Map(..) => DataType::Utf8,
                other => other.clone(),
            };
            Field::new(field.name(), ty, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let out = match format {
            Format::Csv => {
                let mut out = BufWriter::new(out);
                let names: Vec<String> = schema.fields().iter().map(|f| quoted(f.name())).collect();
                writeln(&mut out, &names.join(","))?;
                Out::Csv(out)
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                    .set_created_by("spendscope".into())
                    .build();
                Out::Parquet(Box::new(ArrowWriter::try_new(
                    out,
                    Arc::clone(&schema),
                    Some(properties),
                )?))
            }
        };
        Ok(Writer { schema, out })
    }

    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| plain(column, field.data_type()));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_>>()?)?;
        match &mut self.out {
            Out::Parquet(out) => out.write(&batch)?,
            Out::Csv(out) => {
                for row in 0..batch.num_rows() {
                    let cells: Vec<String> = batch
                        .columns()
                        .iter()
                        .map(|column| cell(column, row))
                        .collect::<Result<_>>()?;
                    writeln(out, &cells.join(","))?;
                }
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<()> {
        match self.out {
            Out::Csv(mut out) => out.flush()?,
            Out::Parquet(out) => {
                out.close()?;
            }
        }
        Ok(())
    }
}

fn writeln(out: &mut impl Write, line: &str) -> Result<()> {
    out.write_all(line.as_bytes())?;
    out.write_all(b"\r\n")?;
    Ok(())
}

/// A column of the type that is written: maps as JSON, texts without empty ones.
fn plain(column: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    if let Some(map) = column.as_map_opt() {
        return Ok(Arc::new(objects(map)?));
    }
    let column = match column.data_type() == ty {
        true => Arc::clone(column),
        false => cast(column, ty)?,
    };
    match column.as_string_opt::<i32>() {
        Some(texts) if texts.iter().any(|text| text == Some("")) => Ok(Arc::new(
            texts
                .iter()
                .map(|text| text.filter(|t| !t.is_empty()))
                .collect::<StringArray>(),
        )),
        _ => Ok(column),
    }
}

/// Each map as a JSON object, its keys in order.
fn objects(map: &MapArray) -> Result<StringArray> {
    (0..map.len())
        .map(|row| {
            if map.is_null(row) {
                return Ok(None);
            }
            let entries = map.value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let mut object = BTreeMap::new();
            for at in 0..entries.len() {
                let value = match values.is_null(at) {
                    true => None,
                    false => Some(array_value_to_string(values, at)?),
                };
                object.insert(array_value_to_string(keys, at)?, value);
            }
            let text = serde_json::to_string(&object).map_err(|e| Error::internal(e.to_string()))?;
            Ok((!object.is_empty()).then_some(text))
        })
        .collect()
}

fn cell(column: &ArrayRef, row: usize) -> Result<String> {
    if column.is_null(row) {
        return Ok(String::new());
    }
    if let DataType::Timestamp(TimeUnit::Microsecond, _) = column.data_type() {
        let at: &TimestampMicrosecondArray = column.as_primitive::<TimestampMicrosecondType>();
        return Ok(from_micros(at.value(row)).to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    if column.data_type() == &money::data_type()
        && let Some(amounts) = column.as_any().downcast_ref::<Decimal128Array>()
    {
        let mut text = money::format_short(amounts.value(row));
        if !text.contains('.') {
            text.push_str(".0");
        }
        return Ok(text);
    }
    Ok(quoted(&array_value_to_string(column, row)?))
}

fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{MapBuilder, StringBuilder};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn batch() -> RecordBatch {
        let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        tags.keys().append_value("team");
        tags.values().append_value("a \"b\"");
        tags.keys().append_value("env");
        tags.values().append_null();
        tags.append(true).unwrap();
        tags.append(false).unwrap();
        let amounts = Decimal128Array::from(vec![Some(120 * 10_i128.pow(18)), Some(1)])
            .with_data_type(money::data_type());
        let at = TimestampMicrosecondArray::from(vec![Some(0), None]).with_timezone("UTC");
        RecordBatch::try_from_iter_with_nullable([
            ("Cost", Arc::new(amounts) as ArrayRef, true),
            ("Start", Arc::new(at) as ArrayRef, true),
            (
                "Name",
                Arc::new(StringArray::from(vec!["=1,2", ""])) as ArrayRef,
                true,
            ),
            ("Tags", Arc::new(tags.finish()) as ArrayRef, true),
        ])
        .unwrap()
    }

    fn written(format: Format) -> Vec<u8> {
        let mut bytes = Vec::new();
        let batch = batch();
        let mut writer = Writer::new(format, &batch.schema(), &mut bytes).unwrap();
        writer.push(&batch).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn csv_has_every_digit_a_point_and_objects() {
        assert_eq!(
            String::from_utf8(written(Format::Csv)).unwrap(),
            "Cost,Start,Name,Tags\r\n\
             120.0,1970-01-01T00:00:00Z,\"=1,2\",\"{\"\"env\"\":null,\"\"team\"\":\"\"a \\\"\"b\\\"\"\"\"}\"\r\n\
             0.000000000000000001,,,\r\n"
        );
    }

    #[test]
    fn parquet_has_the_same_values_with_their_types() {
        let bytes = bytes::Bytes::from(written(Format::Parquet));
        let read: Vec<RecordBatch> = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .unwrap()
            .build()
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let [read] = read.as_slice() else { panic!() };
        assert_eq!(read.column(0).data_type(), &money::data_type());
        assert_eq!(
            array_value_to_string(read.column(3), 0).unwrap(),
            r#"{"env":null,"team":"a \"b\""}"#
        );
        assert!(read.column(2).is_null(1), "an empty text is no value");
    }
}
