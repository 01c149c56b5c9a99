#![allow(clippy::unwrap_used)]
use super::*;
use crate::render::sample;
use calamine::{Data, Reader, Xlsx};
use std::io::Cursor;

fn book() -> Xlsx<Cursor<Vec<u8>>> {
    Xlsx::new(Cursor::new(render(&sample::close()).unwrap())).unwrap()
}

#[test]
fn the_same_figures_give_the_same_bytes() {
    assert_eq!(
        render(&sample::close()).unwrap(),
        render(&sample::close()).unwrap()
    );
}

#[test]
fn there_is_a_sheet_per_table_and_a_summary() {
    assert_eq!(
        book().sheet_names(),
        [
            "Summary",
            "Bills by source",
            "From the bill to the leaves",
            "Reconciliation"
        ]
    );
}

#[test]
fn no_text_becomes_a_formula() {
    let mut book = book();
    let range = book.worksheet_range("Bills by source").unwrap();
    let formulas = book.worksheet_formula("Bills by source").unwrap();
    for (row, name) in [
        "=HYPERLINK(1)",
        "+aws",
        "@anthropic",
        "-licences",
        "\tdata-centre",
    ]
    .iter()
    .enumerate()
    {
        let at = (4 + row as u32, 0);
        assert_eq!(range.get_value(at), Some(&Data::String((*name).to_owned())));
        assert!(formulas.get_value(at).is_none_or(String::is_empty));
    }
    // The only formulas are ours.
    for (_, _, formula) in formulas.used_cells().filter(|(_, _, f)| !f.is_empty()) {
        assert!(
            formula.starts_with("SUMIFS(") || (formula.len() == 5 && formula.contains('-')),
            "{formula}"
        );
    }
}

#[test]
fn totals_are_formulas_with_the_stored_sum_as_their_result() {
    let mut book = book();
    let range = book.worksheet_range("Bills by source").unwrap();
    let formulas = book.worksheet_formula("Bills by source").unwrap();
    // Lines of totals: EUR, then USD, below five rows.
    assert_eq!(range.get_value((9, 1)), Some(&Data::String("EUR".into())));
    assert_eq!(
        range.get_value((10, 3)),
        Some(&Data::Float(1_334.512_345_678_901_2))
    );
    assert_eq!(
        formulas.get_value((10, 3)).map(String::as_str),
        Some("SUMIFS(D$5:D$9,B$5:B$9,\"USD\")")
    );
    assert_eq!(formulas.get_value((4, 5)).map(String::as_str), Some("D5-E5"));
    assert_eq!(range.get_value((4, 5)), Some(&Data::Float(0.0)));
    // Missing is no cell, not a nought.
    assert_eq!(range.get_value((8, 3)), Some(&Data::Empty));
}

#[test]
fn what_a_double_cannot_hold_stands_there_as_text() {
    let range = book().worksheet_range("Bills by source").unwrap();
    let head: Vec<String> = (9..14)
        .filter_map(|column| match range.get_value((3, column)) {
            Some(Data::String(text)) => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(head, ["Bill, every digit", "Leaves, every digit"]);
    assert_eq!(
        range.get_value((5, 10)),
        Some(&Data::String("100.000000000000000001".into()))
    );
    assert_eq!(
        range.get_value((10, 10)),
        Some(&Data::String("1334.512345678901234568".into()))
    );
}

#[test]
fn an_amount_is_written_in_its_currency() {
    assert_eq!(sheet::money_format("USD", 2), "[$$]#,##0.00;-[$$]#,##0.00");
    assert_eq!(
        sheet::money_format("CHF", 4),
        "[$CHF]\\ #,##0.0000;-[$CHF]\\ #,##0.0000"
    );
    assert_eq!(sheet::money_format("\"x;", 2), "[$x]\\ #,##0.00;-[$x]\\ #,##0.00");
    assert_eq!(sheet::nearest(100_000_000_000_000_000_001), 100.0);
}
