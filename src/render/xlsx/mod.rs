//! A Document as a workbook for finance: one sheet per table with every column and row, amounts as numbers,
//! totals and differences as formulas with their stored results, and the summary on top.
//!
//! A spreadsheet counts in doubles, which hold about fifteen digits; an amount has up to thirty-eight. So a
//! cell gets the nearest double, and where that is not the amount itself, the whole column stands once more
//! as text with every digit, in folded columns at the right. A total's stored result is the exact sum, not a
//! sum of doubles. Texts are written as texts: none becomes a formula.

mod names;
mod sheet;

use super::document::{Document, Value};
use super::number;
use super::table::amount_digits;
use crate::base::{Error, Result, money};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};
use sheet::Styles;

impl From<XlsxError> for Error {
    fn from(error: XlsxError) -> Error {
        Error::internal(format!("the workbook cannot be written: {error}"))
    }
}

pub(super) fn render(document: &Document) -> Result<Vec<u8>> {
    let styles = Styles::new();
    let mut names = names::Names::new();
    let mut sheets = vec![(names.of("Summary"), None)];
    for section in document.sections.iter().chain(&document.annexes) {
        let table = section.table();
        if let Some(table) = table {
            sheets.push((names.of(&section.title), Some((section, table))));
        }
    }
    let mut workbook = Workbook::new();
    workbook.set_properties(
        &DocProperties::new()
            .set_title(&document.title)
            .set_subject(&document.period)
            // The date of the figures, so that the same figures give the same bytes.
            .set_creation_datetime(&ExcelDateTime::from_timestamp(document.moment.timestamp())?),
    );
    for (name, part) in &sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name)?;
        match part {
            Some((section, table)) => sheet::write(sheet, section, table, &styles)?,
            None => {
                let contents: Vec<(&str, &str)> = sheets
                    .iter()
                    .filter_map(|(name, part)| Some((name.as_str(), part.as_ref()?.0.title.as_str())))
                    .collect();
                summary(sheet, document, &contents, &styles)?;
            }
        }
    }
    Ok(workbook.save_to_buffer()?)
}

const PRECISION: &str = "Amounts are kept with 18 decimals. A cell holds the nearest number that a spreadsheet \
    can hold (about 15 digits); where an amount has more, its column is repeated as text with every digit in \
    the folded columns at the right of the table. The stored result of a total is the exact sum.";

fn summary(
    sheet: &mut Worksheet,
    document: &Document,
    contents: &[(&str, &str)],
    styles: &Styles,
) -> Result<()> {
    let mut row = 0;
    sheet.set_column_width(0, 34)?;
    sheet.set_column_width(1, 22)?;
    sheet.set_column_width(2, 16)?;
    sheet.set_column_width(3, 70)?;
    styles.text(sheet, row, 0, &document.title, &styles.title)?;
    row += 1;
    styles.text(sheet, row, 0, &document.period, &styles.muted)?;
    row += 2;
    for stamp in &document.stamps {
        styles.text(sheet, row, 0, &stamp.label, &styles.muted)?;
        let kind = if stamp.warns {
            &styles.warning
        } else {
            &styles.plain
        };
        styles.text(sheet, row, 1, &stamp.value, kind)?;
        row += 1;
    }
    if !document.headlines.is_empty() {
        row += 1;
        for (column, name) in ["Figure", "Value", "Change", "Note"].iter().enumerate() {
            let kind = if (1..3).contains(&column) {
                &styles.head_right
            } else {
                &styles.head
            };
            styles.text(sheet, row, column as u16, name, kind)?;
        }
        row += 1;
        for headline in &document.headlines {
            styles.text(sheet, row, 0, &headline.label, &styles.plain)?;
            match &headline.value {
                Some(value) => figure(sheet, row, value)?,
                None => styles.text(sheet, row, 1, number::MISSING, &styles.right)?,
            }
            if let Some(change) = headline.change {
                styles.text(sheet, row, 2, &change.text(), &styles.right)?;
            }
            if let Some(note) = &headline.note {
                styles.text(sheet, row, 3, note, &styles.plain.clone().set_indent(1))?;
            }
            row += 1;
        }
    }
    if !document.findings.is_empty() {
        row += 1;
        styles.text(sheet, row, 0, "What stands out", &styles.head)?;
        row += 1;
        for finding in &document.findings {
            styles.text(sheet, row, 0, &finding.text, &styles.plain)?;
            row += 1;
        }
    }
    row += 1;
    styles.text(sheet, row, 0, "Sheets", &styles.head)?;
    row += 1;
    for (name, title) in contents {
        let link = format!("internal:'{}'!A1", name.replace('\'', "''"));
        sheet.write_url_with_text(row, 0, link.as_str(), *title)?;
        row += 1;
    }
    // What has no table says why on the first sheet.
    for section in &document.sections {
        if let super::document::Body::Empty(why) = &section.body
            && section.table().is_none()
        {
            styles.text(sheet, row, 0, &section.title, &styles.muted)?;
            styles.text(sheet, row, 1, why, &styles.muted)?;
            row += 1;
        }
    }
    row += 1;
    for note in document.footer.iter().map(String::as_str).chain([PRECISION]) {
        let wrapped = styles.muted.clone().set_text_wrap().set_align(FormatAlign::Top);
        sheet.merge_range(row, 0, row, 3, "", &wrapped)?;
        styles.text(sheet, row, 0, note, &wrapped)?;
        sheet.set_row_height(row, 15.0 * (note.chars().count() as f64 / 135.0).ceil())?;
        row += 1;
    }
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_print_fit_to_pages(1, 0);
    Ok(())
}

/// A headline's value as a number.
fn figure(sheet: &mut Worksheet, row: u32, value: &Value) -> Result<()> {
    let (number, format) = match value {
        Value::Money { amount, currency } => (
            sheet::nearest(*amount),
            sheet::money_format(currency, amount_digits(*amount)),
        ),
        Value::Ratio(ratio) => (sheet::nearest(*ratio), "0.0%".to_owned()),
        Value::Count(count) => (
            sheet::nearest(i128::from(*count).saturating_mul(money::ONE)),
            "#,##0".to_owned(),
        ),
        Value::Measure { value, unit } => (*value, format!("#,##0.### \"{}\"", unit.replace('"', ""))),
    };
    sheet.write_number_with_format(row, 1, number, &Format::new().set_num_format(format))?;
    Ok(())
}

#[cfg(test)]
mod tests;
