//! `report`: one data document, several renderings, all saying the same numbers.
//!
//! `document` builds, `renderings` draws: whoever sends a report by mail takes the bytes from here, so that
//! a mail and a file cannot differ.

use super::{Console, Status, open};
use crate::base::{Context, Result};
use crate::config::Config;
use crate::render;
use crate::render::document::Document;
use crate::report;
use std::path::Path;

/// The renderings that a report is written in unless asked otherwise, by the ending of their files.
pub const FORMATS: [&str; 5] = ["png", "html", "xlsx", "md", "json"];

/// One rendering of a document: a file to be, or a part of a mail.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// `board.png`.
    pub file_name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

pub async fn report(
    config: &Config,
    name: &str,
    out: &Path,
    formats: &[String],
    console: &mut dyn Console,
) -> Result<Status> {
    let formats = formats_or_all(formats)?;
    let document = document(config, name).await?;
    write_document(&document, &formats, out, console)?;
    Ok(Status::Done)
}

/// The data of a report by its name, for the window and under the settings of the configuration.
pub async fn document(config: &Config, name: &str) -> Result<Document> {
    let spec = report::Spec::get(&config.assets, name)?;
    let window = config.window_or_month()?;
    let engine = open::engine(config).await?;
    report::build(&spec, &engine, &open::metrics(config)?, &config.settings, window).await
}

/// A document in each of these formats, in their order.
pub fn renderings(document: &Document, formats: &[&str]) -> Result<Vec<Rendering>> {
    formats
        .iter()
        .map(|format| {
            Ok(Rendering {
                file_name: format!("{}.{format}", document.name),
                media_type: render::document_media_type(format)?,
                bytes: render::document(format, document)?,
            })
        })
        .collect()
}

/// The formats that were asked for, each known: a slip of the pen is told before the long work.
pub(super) fn formats_or_all(asked: &[String]) -> Result<Vec<&str>> {
    if asked.is_empty() {
        return Ok(FORMATS.to_vec());
    }
    asked
        .iter()
        .map(|format| {
            render::document_media_type(format)?;
            Ok(format.as_str())
        })
        .collect()
}

/// Writes a document in these formats, and says where.
pub(super) fn write_document(
    document: &Document,
    formats: &[&str],
    out: &Path,
    console: &mut dyn Console,
) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    for rendering in renderings(document, formats)? {
        let path = out.join(&rendering.file_name);
        std::fs::write(&path, rendering.bytes).with_context(|| format!("writing {}", path.display()))?;
        console.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
