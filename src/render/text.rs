//! A table for a terminal. Amounts are rounded to what the column needs to stay readable; whoever
//! wants every digit takes a file format.

use super::{cell, number};
use crate::base::Result;
use crate::frame::Frame;
use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};

/// Without colours and widths of a terminal: what a pipe gets.
pub fn plain(frame: &Frame) -> Result<Vec<u8>> {
    Ok(table(frame, false)?.into_bytes())
}

/// `styled` writes terminal escapes (bold heads, dim dashes for NULL), whether or not this is one.
pub fn table(frame: &Frame, styled: bool) -> Result<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if styled {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let right: Vec<bool> = frame
        .columns
        .iter()
        .zip(frame.batch.columns())
        .map(|(spec, array)| cell::is_number(spec, array.data_type()))
        .collect();
    let align = |i: usize| {
        if right[i] {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        }
    };
    table.set_header(frame.columns.iter().enumerate().map(|(i, column)| {
        let name = if column.unit.is_empty() || column.name.ends_with(&column.unit) {
            column.name.clone()
        } else {
            format!("{} [{}]", column.name, column.unit)
        };
        Cell::new(name)
            .set_alignment(align(i))
            .add_attribute(Attribute::Bold)
    }));
    let columns: Vec<Vec<Option<String>>> = (0..frame.columns.len())
        .map(|i| cell::column_for_people(frame, i))
        .collect::<Result<_>>()?;
    for row in 0..frame.rows() {
        table.add_row(columns.iter().enumerate().map(|(i, texts)| {
            match &texts[row] {
                Some(text) => Cell::new(tame(text)).set_alignment(align(i)),
                None => Cell::new(number::MISSING)
                    .set_alignment(align(i))
                    .add_attribute(Attribute::Dim),
            }
        }));
    }
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    Ok(out)
}

/// Control characters of the data must not drive the reader's terminal.
fn tame(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn numbers_stand_right_and_missing_is_a_dash() {
        let shown = String::from_utf8(plain(&sample::small()).unwrap()).unwrap();
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["use_case", "currency", "cost", "rate"]
        );
        assert!(lines[1].ends_with("1,234.50000  34.2\u{a0}%"), "{shown}");
        assert!(lines[2].contains('–'), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        assert!(table(&sample::small(), true).unwrap().contains('\u{1b}'));
    }
}
