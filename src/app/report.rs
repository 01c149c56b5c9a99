//! `report`: one data document, several renderings, all saying the same numbers.

use super::{Console, Status, open};
use crate::base::time::Window;
use crate::base::{Context, Result};
use crate::config::Config;
use crate::render;
use crate::render::document::Document;
use crate::report;
use std::path::Path;

/// The renderings of a document, by the ending of their files.
pub const FORMATS: [&str; 2] = ["png", "html"];

/// One rendering of a document.
pub(super) struct Rendering {
    pub(super) file_name: String,
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

pub async fn report(config: &Config, name: &str, out: &Path, console: &mut dyn Console) -> Result<Status> {
    let document = document(config, name, config.window_or_month()?).await?;
    write_document(&document, out, console)?;
    Ok(Status::Done)
}

/// The data of a report, which all its renderings show.
pub(super) async fn document(config: &Config, name: &str, window: Window) -> Result<Document> {
    let spec = report::Spec::get(&config.assets, name)?;
    let engine = open::engine(config).await?;
    report::build(&spec, &engine, &open::metrics(config)?, &config.settings, window).await
}

/// Renderings of a document, in memory.
pub(super) fn renderings(document: &Document, formats: &[&str]) -> Result<Vec<Rendering>> {
    formats
        .iter()
        .map(|format| {
            Ok(Rendering {
                file_name: format!("{}.{format}", document.name),
                media_type: render::media_type(format),
                bytes: render::document(format, document)?,
            })
        })
        .collect()
}

/// Writes a document in every format, and says where.
pub(super) fn write_document(document: &Document, out: &Path, console: &mut dyn Console) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    for rendering in renderings(document, &FORMATS)? {
        let path = out.join(&rendering.file_name);
        std::fs::write(&path, rendering.bytes).with_context(|| format!("writing {}", path.display()))?;
        console.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
