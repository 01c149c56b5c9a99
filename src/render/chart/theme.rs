//! Sizes, colours and fonts of every picture, as constants. Light theme; `html` maps the colours to
//! variables, so that a page can be dark.
//!
//! The palette is Okabe and Ito's, which colour-blind readers can tell apart, darkened where white paper
//! asks for it. Words are never written in it: they are ink beside a swatch.

use plotters::style::RGBColor;

pub const FAMILY: &str = "Noto Sans";
pub static REGULAR: &[u8] = ttf_noto_sans::REGULAR;
pub static BOLD: &[u8] = ttf_noto_sans::BOLD;

pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
pub const CARD: RGBColor = RGBColor(0xF4, 0xF6, 0xF9);
pub const INK: RGBColor = RGBColor(0x17, 0x20, 0x2B);
pub const MUTED: RGBColor = RGBColor(0x55, 0x62, 0x70);
pub const AXIS: RGBColor = RGBColor(0x8D, 0x99, 0xA6);
pub const GRID: RGBColor = RGBColor(0xDF, 0xE4, 0xEA);
pub const ACCENT: RGBColor = RGBColor(0x0B, 0x5F, 0xA5);
pub const GOOD: RGBColor = RGBColor(0x0A, 0x7A, 0x55);
pub const BAD: RGBColor = RGBColor(0xB8, 0x3A, 0x0A);
/// Light companions of the accent: what a bar adds beyond its first part, a target's track.
pub const ACCENT_SOFT: RGBColor = RGBColor(0xB9, 0xD3, 0xEA);

pub const PALETTE: [RGBColor; 7] = [
    ACCENT,
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xC4, 0x6A, 0x9C),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x9A, 0xA5, 0xB1),
];

/// Every colour with the name it has in a page's style sheet.
pub const NAMED: [(RGBColor, &str); 15] = [
    (PAPER, "paper"),
    (CARD, "card"),
    (INK, "ink"),
    (MUTED, "muted"),
    (AXIS, "axis"),
    (GRID, "grid"),
    (GOOD, "good"),
    (BAD, "bad"),
    (ACCENT_SOFT, "accent-soft"),
    (PALETTE[0], "c1"),
    (PALETTE[1], "c2"),
    (PALETTE[2], "c3"),
    (PALETTE[3], "c4"),
    (PALETTE[4], "c5"),
    (PALETTE[5], "c6"),
];

/// The colour of the `i`th series; the last one is for all that follow.
pub fn series(i: usize) -> RGBColor {
    PALETTE[i.min(PALETTE.len() - 1)]
}

// Type scale, in pixels of a 1600 px wide board. A phone shows it at a quarter of that.
pub const TITLE: f64 = 60.0;
pub const FIGURE: f64 = 70.0;
pub const HEADING: f64 = 38.0;
pub const LEAD: f64 = 34.0;
pub const BODY: f64 = 30.0;
pub const LABEL: f64 = 27.0;

// Spacing: multiples of 8.
pub const MARGIN: f64 = 56.0;
pub const GUTTER: f64 = 32.0;
pub const LINE: f64 = 3.5;
pub const HAIR: f64 = 1.0;
