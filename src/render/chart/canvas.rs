//! The one drawing surface: plotters' elements on its SVG backend. Everything is in pixels of the picture,
//! and finer than a pixel, because the backend's whole numbers count quarters of one.

use super::theme;
use crate::base::{Error, Result};
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};
use std::sync::Once;

/// Backend units in a pixel.
const FINE: f64 = 4.0;
/// The backend writes `font-size = size / 1.24`, and puts a top-anchored baseline 0.76 em lower.
const SIZE_PER_EM: f64 = 1.24;
const TOP_TO_BASELINE: f64 = 0.76;
/// Ascent plus descent of Noto Sans in em: what the measuring code takes for the size of a font.
const HEIGHT_PER_EM: f64 = 2789.0 / 2048.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    pub fn new(x: f64, y: f64, w: f64, h: f64) -> Rect {
        Rect { x, y, w, h }
    }
    pub fn right(&self) -> f64 {
        self.x + self.w
    }
    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }
    pub fn inset(&self, left: f64, top: f64, right: f64, bottom: f64) -> Rect {
        Rect::new(
            self.x + left,
            self.y + top,
            (self.w - left - right).max(1.0),
            (self.h - top - bottom).max(1.0),
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// Size, weight, colour and alignment of a text.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    pub size: f64,
    pub bold: bool,
    pub color: RGBColor,
    pub align: Align,
}

impl Type {
    pub const fn new(size: f64, color: RGBColor) -> Type {
        Type {
            size,
            bold: false,
            color,
            align: Align::Left,
        }
    }
    pub const fn bold(mut self) -> Type {
        self.bold = true;
        self
    }
    pub const fn align(mut self, align: Align) -> Type {
        self.align = align;
        self
    }
    pub const fn color(mut self, color: RGBColor) -> Type {
        self.color = color;
        self
    }
    pub fn width(&self, text: &str) -> f64 {
        text_width(text, self.size, self.bold)
    }
    /// A little smaller where the text is a little too wide: before words are cut, they shrink by a fifth.
    pub fn shrunk(mut self, text: &str, width: f64) -> Type {
        let share = width / self.width(text).max(1.0);
        self.size *= share.clamp(0.8, 1.0);
        self
    }
    /// The text, shortened with an ellipsis to what fits.
    pub fn fit(&self, text: &str, width: f64) -> String {
        // What was measured and added up before may be a hair narrower.
        if self.width(text) <= width + 0.01 {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(&shorter) <= width {
                return shorter;
            }
        }
        "…".to_owned()
    }
    /// Lines of words that fit; a word that does not is shortened.
    pub fn wrap(&self, text: &str, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        // Only plain blanks break: a no-break blank keeps a number with its unit.
        for word in text.split([' ', '\n']).filter(|w| !w.is_empty()) {
            let word = self.fit(word, width);
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= width => {
                    line.push(' ');
                    line.push_str(&word);
                }
                _ => lines.push(word),
            }
        }
        lines
    }
}

fn register_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The fonts are constants of a crate; a test measures with them.
        let _ = plotters::style::register_font(theme::FAMILY, FontStyle::Normal, theme::REGULAR);
        let _ = plotters::style::register_font(theme::FAMILY, FontStyle::Bold, theme::BOLD);
    });
}

fn font(em: f64, bold: bool) -> FontDesc<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(theme::FAMILY), em, style)
}

/// Width of a text whose font size is `size` pixels.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    register_fonts();
    const MEASURED_AT: f64 = 400.0;
    let ((left, _), (right, _)) = font(MEASURED_AT * HEIGHT_PER_EM, bold)
        .layout_box(text)
        .unwrap_or(((0, 0), (0, 0)));
    f64::from(right - left) / MEASURED_AT * size
}

pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

fn units(pixels: f64) -> i32 {
    // A NaN becomes 0 here; scales refuse them earlier.
    (pixels * FINE).round() as i32
}

fn at(x: f64, y: f64) -> (i32, i32) {
    (units(x), units(y))
}

fn stroke(color: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle {
        color: color.to_rgba(),
        filled: false,
        stroke_width: units(width).max(1) as u32,
    }
}

fn drawn<T, E: std::error::Error + Send + Sync>(
    result: std::result::Result<T, plotters::drawing::DrawingAreaErrorKind<E>>,
) -> Result<T> {
    result.map_err(|e| Error::internal(format!("a picture cannot be drawn: {e}")))
}

impl Canvas<'_> {
    pub fn text(&self, x: f64, baseline: f64, text: &str, kind: Type) -> Result<()> {
        let h_pos = match kind.align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = TextStyle {
            font: font(kind.size * FINE * SIZE_PER_EM, kind.bold),
            color: kind.color.to_backend_color(),
            pos: Pos::new(h_pos, VPos::Top),
        };
        drawn(
            self.area
                .draw_text(text, &style, at(x, baseline - TOP_TO_BASELINE * kind.size)),
        )
    }

    pub fn line(&self, from: (f64, f64), to: (f64, f64), color: RGBColor, width: f64) -> Result<()> {
        self.path(&[from, to], color, width)
    }

    pub fn path(&self, points: &[(f64, f64)], color: RGBColor, width: f64) -> Result<()> {
        if points.len() < 2 {
            return Ok(());
        }
        let points: Vec<(i32, i32)> = points.iter().map(|p| at(p.0, p.1)).collect();
        drawn(self.area.draw(&PathElement::new(points, stroke(color, width))))
    }

    /// A broken line: what is not measured but expected, or a target.
    pub fn dashes(&self, points: &[(f64, f64)], color: RGBColor, width: f64) -> Result<()> {
        const ON: f64 = 10.0;
        const OFF: f64 = 7.0;
        let mut phase = 0.0;
        let mut dash: Vec<(f64, f64)> = Vec::new();
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let mut done = 0.0;
            while length - done > 1e-6 {
                let on = phase < ON;
                let left = if on { ON - phase } else { ON + OFF - phase };
                let step = left.min(length - done);
                let point = |d: f64| (x0 + (x1 - x0) * d / length, y0 + (y1 - y0) * d / length);
                if on {
                    if dash.is_empty() {
                        dash.push(point(done));
                    }
                    dash.push(point(done + step));
                }
                done += step;
                phase += step;
                if on && phase >= ON - 1e-9 {
                    self.path(&std::mem::take(&mut dash), color, width)?;
                }
                if phase >= ON + OFF - 1e-9 {
                    phase = 0.0;
                }
            }
        }
        self.path(&dash, color, width)
    }

    pub fn rect(&self, r: Rect, color: RGBColor) -> Result<()> {
        let corners = [at(r.x, r.y), at(r.right(), r.bottom())];
        drawn(self.area.draw(&Rectangle::new(corners, color.filled())))
    }

    /// A rectangle that what lies below shines through.
    pub fn shade(&self, r: Rect, color: RGBColor, opacity: f64) -> Result<()> {
        let corners = [at(r.x, r.y), at(r.right(), r.bottom())];
        drawn(
            self.area
                .draw(&Rectangle::new(corners, color.mix(opacity).filled())),
        )
    }

    /// The outline of a rectangle.
    pub fn outline(&self, r: Rect, color: RGBColor, width: f64) -> Result<()> {
        let (a, b) = ((r.x, r.y), (r.right(), r.bottom()));
        self.path(&[a, (b.0, a.1), b, (a.0, b.1), a, (b.0, a.1)], color, width)
    }

    pub fn polygon(&self, points: &[(f64, f64)], color: RGBColor, opacity: f64) -> Result<()> {
        let points: Vec<(i32, i32)> = points.iter().map(|p| at(p.0, p.1)).collect();
        drawn(self.area.draw(&Polygon::new(points, color.mix(opacity).filled())))
    }

    pub fn dot(&self, center: (f64, f64), radius: f64, color: RGBColor) -> Result<()> {
        drawn(self.area.draw(&Circle::new(
            at(center.0, center.1),
            units(radius).max(1),
            color.filled(),
        )))
    }
}

/// Draws a picture of `width` by `height` pixels and returns it as SVG text. `alt` says in words what
/// it shows.
pub fn picture(
    width: u32,
    height: u32,
    alt: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    register_fonts();
    let fine = |pixels: u32| pixels.saturating_mul(FINE as u32);
    let mut body = String::new();
    {
        let backend = SVGBackend::with_string(&mut body, (fine(width), fine(height)));
        let canvas = Canvas {
            area: backend.into_drawing_area(),
        };
        draw(&canvas)?;
        drawn(canvas.area.present())?;
    }
    // The backend's own first line gives the fine size; ours gives pixels, words and round joins.
    let content = body.split_once(">\n").map_or("", |(_, rest)| rest);
    let alt = escape(alt);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{alt}\" stroke-linejoin=\"round\">\n{content}",
        fine(width),
        fine(height),
    ))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_the_rasteriser_draws_it() {
        let text = "GPU utilisation 64 %, $12.3k";
        let svg = picture(900, 100, "x", |c| {
            c.text(10.0, 60.0, text, Type::new(40.0, theme::INK))
        })
        .unwrap();
        let drawn = f64::from(crate::render::raster::content_width(&svg).unwrap());
        let told = text_width(text, 40.0, false);
        assert!((drawn - told).abs() < 8.0, "{drawn} {told}");
    }

    #[test]
    fn texts_are_cut_and_wrapped_to_fit() {
        let kind = Type::new(20.0, theme::INK);
        let cut = kind.fit("a rather long name of a use case", 120.0);
        assert!(cut.ends_with('…') && kind.width(&cut) <= 120.0);
        assert!(
            kind.wrap("one two three four five six", 100.0)
                .iter()
                .all(|l| kind.width(l) <= 100.0)
        );
    }

    #[test]
    fn data_cannot_break_out_of_the_picture() {
        let svg = picture(100, 100, "\"><script>", |c| {
            c.text(
                0.0,
                50.0,
                "</text><script>alert(1)</script>",
                Type::new(20.0, theme::INK),
            )
        })
        .unwrap();
        assert!(!svg.contains("<script"));
    }
}
