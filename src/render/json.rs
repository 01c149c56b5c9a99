//! JSON and newline-delimited JSON.
//!
//! Decimals are **strings** with every digit (`"0.1"`), always, whatever their size: a JSON number goes
//! through a float in nearly every reader, and a column must not change its type from row to row. Counts are
//! numbers; measurements are numbers; what is no finite number is null. Instants are RFC 3339 in UTC.

use super::cell;
use super::rows::{Layout, Rows};
use crate::base::Result;
use crate::frame::Frame;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use serde_json::Value;

pub(super) fn array(_: &Layout) -> Box<dyn Rows> {
    Box::new(List { begun: false })
}

pub(super) fn lines(_: &Layout) -> Box<dyn Rows> {
    Box::new(Lines)
}

/// One list of all rows.
struct List {
    begun: bool,
}

impl Rows for List {
    fn begin(&mut self, _: &Frame, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'[');
        Ok(())
    }

    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        for row in 0..frame.rows() {
            out.extend_from_slice(if self.begun { b",\n  " } else { b"\n  " });
            self.begun = true;
            object(frame, row, out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(if self.begun { b"\n]\n" } else { b"]\n" });
        Ok(())
    }
}

struct Lines;

impl Rows for Lines {
    fn begin(&mut self, _: &Frame, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        for row in 0..frame.rows() {
            object(frame, row, out)?;
            out.push(b'\n');
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// Columns stay in their order, which a map of `serde_json` would not promise.
fn object(frame: &Frame, row: usize, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (i, (column, array)) in frame.columns.iter().zip(frame.batch.columns()).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let pair = format!(
            "{}:{}",
            Value::from(column.name.as_str()),
            value(array.as_ref(), row)?
        );
        out.extend_from_slice(pair.as_bytes());
    }
    out.push(b'}');
    Ok(())
}

fn value(array: &dyn Array, row: usize) -> Result<Value> {
    if cell::is_null(array, row) {
        return Ok(Value::Null);
    }
    let items = |list: &dyn Array| -> Result<Value> {
        Ok(Value::Array(
            (0..list.len()).map(|i| value(list, i)).collect::<Result<_>>()?,
        ))
    };
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Float64 => Value::from(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => Value::from(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::List(_) => items(array.as_list::<i32>().value(row).as_ref())?,
        DataType::LargeList(_) => items(array.as_list::<i64>().value(row).as_ref())?,
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let mut map = serde_json::Map::new();
            for (field, column) in fields.iter().zip(columns.columns()) {
                map.insert(field.name().clone(), value(column.as_ref(), row)?);
            }
            Value::Object(map)
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let mut map = serde_json::Map::new();
            for i in 0..entries.len() {
                let key = cell::for_machines(entries.column(0).as_ref(), i)?.unwrap_or_default();
                map.insert(key, value(entries.column(1).as_ref(), i)?);
            }
            Value::Object(map)
        }
        t if t.is_integer() => {
            let text = cell::for_machines(array, row)?.unwrap_or_default();
            text.parse::<i64>()
                .map(Value::from)
                .or_else(|_| text.parse::<u64>().map(Value::from))
                .unwrap_or(Value::from(text))
        }
        _ => cell::for_machines(array, row)?.map_or(Value::Null, Value::from),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::{rows::whole, sample};

    #[test]
    fn decimals_are_exact_texts() {
        let shown = String::from_utf8(whole(lines(&Layout::default()), &sample::small()).unwrap()).unwrap();
        assert_eq!(
            shown.lines().next().unwrap(),
            r#"{"use_case":"a, \"b\"","currency":"USD","cost":"1234.5","rate":"0.342"}"#
        );
        let all: Value =
            serde_json::from_slice(&whole(array(&Layout::default()), &sample::small()).unwrap()).unwrap();
        assert_eq!(all[1]["cost"], Value::Null);
        assert_eq!(all[2]["cost"], "0.001234567890123457");
    }

    #[test]
    fn an_untyped_null_is_null() {
        use arrow::array::{NullArray, RecordBatch};
        let nothing: std::sync::Arc<dyn Array> = std::sync::Arc::new(NullArray::new(1));
        let frame = Frame::guess(RecordBatch::try_from_iter([("n", nothing)]).unwrap());
        assert_eq!(
            whole(lines(&Layout::default()), &frame).unwrap(),
            b"{\"n\":null}\n"
        );
        assert_eq!(cell::column_for_people(&frame, 0).unwrap(), [None]);
    }
}
