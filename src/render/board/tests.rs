#![allow(clippy::unwrap_used)]
use super::*;
use crate::render::sample;

#[test]
fn the_board_says_what_the_document_says() {
    let document = sample::board();
    let board = svg(&document).unwrap();
    assert_eq!(board, svg(&document).unwrap());
    assert!(!board.contains("NaN"));
    for text in [
        "AI cost board",
        "October 2026",
        "Europe/Berlin",
        "$101k",
        "41.2\u{a0}%",
        "Spend by scope",
    ] {
        assert!(board.contains(text), "{text}");
    }
    // Every sentence of the findings stands there word by word.
    for finding in &document.findings {
        for word in finding.text.split(' ') {
            assert!(board.contains(&word.replace('\'', "&apos;")), "{word}");
        }
    }
}

#[test]
fn an_almost_empty_lake_still_gives_a_board() {
    let board = svg(&sample::sparse()).unwrap();
    assert!(board.contains("No GPU telemetry in this window") && !board.contains("NaN"));
    let bare = Document {
        headlines: vec![],
        findings: vec![],
        sections: vec![],
        stamps: vec![],
        ..sample::board()
    };
    assert!(svg(&bare).is_ok());
}

#[test]
fn the_note_of_a_card_is_made_smaller_before_it_is_cut() {
    let mut document = sample::board();
    // About a tenth too long for its card, and far too long for one.
    let (long, endless) = ("$49.52 without any answer", "word ".repeat(40));
    for (note, whole) in [(long, true), (endless.trim_end(), false)] {
        document.headlines[1].note = Some(note.to_owned());
        let board = svg(&document).unwrap();
        assert_eq!(board.contains(&format!("\n{note}\n")), whole, "{note}");
    }
}

#[test]
fn pictures_have_the_size_they_are_asked_for() {
    for (format, scale) in [("png", 1), ("2x.png", 2)] {
        let png = crate::render::document(format, &sample::sparse()).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
        assert_eq!(width, WIDTH * scale);
        assert!(png.len() > 50_000, "blank?");
    }
}
