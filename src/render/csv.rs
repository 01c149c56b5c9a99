//! RFC 4180: every digit of a decimal, NULL empty, an empty text quoted. A text that a spreadsheet
//! would run as a formula gets an apostrophe in front.

use super::cell::Exact;
use super::rows::{Layout, Rows};
use crate::base::Result;
use crate::frame::Frame;
use arrow::datatypes::DataType;

pub(super) fn rows(_: &Layout) -> Box<dyn Rows> {
    Box::new(Csv)
}

struct Csv;

impl Rows for Csv {
    fn begin(&mut self, head: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let names: Vec<String> = head.columns.iter().map(|c| quoted(&c.name)).collect();
        out.extend_from_slice(names.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()> {
        let columns = Exact::columns(frame)?;
        let mut text = String::new();
        for row in 0..frame.rows() {
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                text.clear();
                if !column.write(row, &mut text) {
                    continue;
                }
                if is_text(column.data_type()) && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                    text.insert(0, '\'');
                }
                match needs_quotes(&text) {
                    true => out.extend_from_slice(quoted(&text).as_bytes()),
                    false => out.extend_from_slice(text.as_bytes()),
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
    )
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains([',', '"', '\n', '\r'])
}

fn quoted(text: &str) -> String {
    if needs_quotes(text) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::{rows::whole, sample};

    #[test]
    fn decimals_in_full_and_null_empty() {
        let shown = String::from_utf8(whole(rows(&Layout::default()), &sample::small()).unwrap()).unwrap();
        assert_eq!(
            shown,
            "use_case,currency,cost,rate\r\n\
             \"a, \"\"b\"\"\",USD,1234.5,0.342\r\n\
             '=cmd(),USD,,\r\n\
             \"\",USD,0.001234567890123457,1\r\n"
        );
    }
}
