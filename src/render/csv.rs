//! RFC 4180: every digit of a decimal, NULL empty, an empty text quoted. A text that a spreadsheet
//! would run as a formula gets an apostrophe in front.

use super::cell;
use crate::base::Result;
use crate::frame::Frame;
use arrow::datatypes::DataType;

pub(super) fn render(frame: &Frame) -> Result<Vec<u8>> {
    let mut out = String::new();
    let mut line = |texts: Vec<String>| {
        out.push_str(&texts.join(","));
        out.push_str("\r\n");
    };
    line(frame.columns.iter().map(|c| quoted(&c.name)).collect());
    for row in 0..frame.rows() {
        let mut texts = Vec::with_capacity(frame.columns.len());
        for array in frame.batch.columns() {
            texts.push(match cell::for_machines(array.as_ref(), row)? {
                None => String::new(),
                Some(text) if is_text(array.data_type()) => quoted(&harmless(text)),
                Some(text) => quoted(&text),
            });
        }
        line(texts);
    }
    Ok(out.into_bytes())
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
    )
}

fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn decimals_in_full_and_null_empty() {
        let shown = String::from_utf8(render(&sample::small()).unwrap()).unwrap();
        assert_eq!(
            shown,
            "use_case,currency,cost,rate\r\n\
             \"a, \"\"b\"\"\",USD,1234.5,0.342\r\n\
             '=cmd(),USD,,\r\n\
             \"\",USD,0.001234567890123457,1\r\n"
        );
    }
}
