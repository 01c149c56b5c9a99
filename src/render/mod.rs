//! Bytes out: Frames as tables and files, Documents as pictures and pages.
//!
//! A renderer is a file and one line in `RENDERERS`. Nothing here opens a file, sees a session or the
//! lake, or reads the clock: the same input gives the same bytes, and everything is tested from literals.

pub mod board;
pub mod cell;
pub mod chart;
mod csv;
pub mod document;
mod html;
mod json;
pub mod mail;
mod markdown;
pub mod number;
mod parquet;
pub mod raster;
pub mod text;

pub use raster::png;

use crate::base::{Error, Result};
use crate::frame::Frame;
use document::Document;

/// What a renderer eats.
pub enum Draw {
    Frame(fn(&Frame) -> Result<Vec<u8>>),
    Document(fn(&Document) -> Result<Vec<u8>>),
}

pub struct Renderer {
    /// The name that `--output` takes, or the ending of a report's file.
    pub name: &'static str,
    pub media_type: &'static str,
    pub draw: Draw,
}

/// The one list of output formats.
pub static RENDERERS: &[Renderer] = &[
    Renderer {
        name: "table",
        media_type: "text/plain",
        draw: Draw::Frame(text::plain),
    },
    Renderer {
        name: "csv",
        media_type: "text/csv",
        draw: Draw::Frame(csv::render),
    },
    Renderer {
        name: "json",
        media_type: "application/json",
        draw: Draw::Frame(json::array),
    },
    Renderer {
        name: "ndjson",
        media_type: "application/x-ndjson",
        draw: Draw::Frame(json::lines),
    },
    Renderer {
        name: "markdown",
        media_type: "text/markdown",
        draw: Draw::Frame(markdown::render),
    },
    Renderer {
        name: "parquet",
        media_type: "application/vnd.apache.parquet",
        draw: Draw::Frame(parquet::render),
    },
    Renderer {
        name: "svg",
        media_type: "image/svg+xml",
        draw: Draw::Document(board::svg_bytes),
    },
    Renderer {
        name: "png",
        media_type: "image/png",
        draw: Draw::Document(board::png),
    },
    Renderer {
        name: "html",
        media_type: "text/html",
        draw: Draw::Document(html::render),
    },
];

fn find(format: &str) -> Option<&'static Renderer> {
    RENDERERS.iter().find(|r| r.name == format)
}

/// What a file of this format is, to those who receive it.
pub fn media_type(format: &str) -> &'static str {
    find(format).map_or("application/octet-stream", |renderer| renderer.media_type)
}

fn unknown(format: &str, wanted: impl Fn(&Renderer) -> bool) -> Error {
    let names: Vec<&str> = RENDERERS.iter().filter(|r| wanted(r)).map(|r| r.name).collect();
    Error::usage(format!("'{format}' is not an output format here"))
        .advise(format!("one of {}", names.join(", ")))
}

/// A table of results in one of the formats `table`, `csv`, `json`, `ndjson`, `markdown`, `parquet`.
pub fn frame(format: &str, frame: &Frame) -> Result<Vec<u8>> {
    match find(format).map(|r| &r.draw) {
        Some(Draw::Frame(draw)) => draw(frame),
        _ => Err(unknown(format, |r| matches!(r.draw, Draw::Frame(_)))),
    }
}

/// A report in one of the formats `svg`, `png`, `html`.
pub fn document(format: &str, document: &Document) -> Result<Vec<u8>> {
    match find(format).map(|r| &r.draw) {
        Some(Draw::Document(draw)) => draw(document),
        _ => Err(unknown(format, |r| matches!(r.draw, Draw::Document(_)))),
    }
}

#[cfg(test)]
pub(crate) mod sample;
