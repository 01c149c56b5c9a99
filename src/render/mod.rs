//! Bytes out: Frames as tables and files, Documents as pictures and pages.
//!
//! A renderer is a file and one line in `RENDERERS`. Nothing here opens a file, sees a session or the
//! lake, or reads the clock: the same input gives the same bytes, and everything is tested from literals.

pub mod board;
pub mod cell;
pub mod chart;
mod csv;
pub mod document;
mod document_json;
mod document_markdown;
mod html;
pub mod interchange;
mod json;
pub mod mail;
mod markdown;
pub mod number;
mod parquet;
pub mod raster;
pub mod rows;
mod table;
pub mod text;
mod xlsx;

pub use html::{Around, Beside, Link, page, style_sheet};
pub use raster::png;

/// One cell as JSON, decimals as texts: what protocols without maps and lists are given.
pub fn json_cell(array: &dyn arrow::array::Array, row: usize) -> Result<serde_json::Value> {
    json::value(array, row)
}

use crate::base::{Error, Result};
use crate::frame::Frame;
use document::Document;
use rows::{Layout, Rows};

type DrawDocument = fn(&Document) -> Result<Vec<u8>>;

/// What a renderer eats.
pub enum Draw {
    Frame(fn(&Layout) -> Box<dyn Rows>),
    Document(DrawDocument),
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
        draw: Draw::Frame(text::rows),
    },
    Renderer {
        name: "csv",
        media_type: "text/csv",
        draw: Draw::Frame(csv::rows),
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
        draw: Draw::Frame(markdown::rows),
    },
    Renderer {
        name: "parquet",
        media_type: "application/vnd.apache.parquet",
        draw: Draw::Frame(parquet::rows),
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
        name: "2x.png",
        media_type: "image/png",
        draw: Draw::Document(board::png_twice),
    },
    Renderer {
        name: "html",
        media_type: "text/html",
        draw: Draw::Document(html::render),
    },
    Renderer {
        name: "xlsx",
        media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        draw: Draw::Document(xlsx::render),
    },
    Renderer {
        name: "md",
        media_type: "text/markdown",
        draw: Draw::Document(document_markdown::render),
    },
    Renderer {
        name: "json",
        media_type: "application/json",
        draw: Draw::Document(document_json::render),
    },
];

fn unknown(format: &str, wanted: impl Fn(&Renderer) -> bool) -> Error {
    let names: Vec<&str> = RENDERERS.iter().filter(|r| wanted(r)).map(|r| r.name).collect();
    Error::usage(format!("'{format}' is not an output format here"))
        .advise(format!("one of {}", names.join(", ")))
}

/// A table of results in one of the formats `table`, `csv`, `json`, `ndjson`, `markdown`, `parquet`.
pub fn frame(format: &str, frame: &Frame) -> Result<Vec<u8>> {
    rows::whole(rows_in(format, &Layout::default())?, frame)
}

/// The same formats for results that come batch by batch.
pub fn rows_in(format: &str, layout: &Layout) -> Result<Box<dyn Rows>> {
    let draw = RENDERERS.iter().find_map(|r| match r.draw {
        Draw::Frame(draw) if r.name == format => Some(draw),
        _ => None,
    });
    match draw {
        Some(draw) => Ok(draw(layout)),
        None => Err(unknown(format, |r| matches!(r.draw, Draw::Frame(_)))),
    }
}

/// A report in one of the formats `svg`, `png`, `2x.png`, `html`, `xlsx`, `md`, `json`.
pub fn document(format: &str, document: &Document) -> Result<Vec<u8>> {
    of_documents(format)?.1(document)
}

/// What a document's rendering calls itself in a mail.
pub fn document_media_type(format: &str) -> Result<&'static str> {
    Ok(of_documents(format)?.0)
}

/// A name may stand for a table and for a document: JSON does.
fn of_documents(format: &str) -> Result<(&'static str, DrawDocument)> {
    let found = RENDERERS.iter().find_map(|r| match r.draw {
        Draw::Document(draw) if r.name == format => Some((r.media_type, draw)),
        _ => None,
    });
    found.ok_or_else(|| unknown(format, |r| matches!(r.draw, Draw::Document(_))))
}

#[cfg(test)]
pub(crate) mod sample;
