//! `report`: one data document, several renderings, all saying the same numbers.

use super::{Console, Status, open};
use crate::base::{Context, Result};
use crate::config::Config;
use crate::render;
use crate::render::document::Document;
use crate::report;
use std::path::Path;

/// The renderings of a document, by the ending of their files.
const FORMATS: [&str; 2] = ["png", "html"];

pub async fn report(config: &Config, name: &str, out: &Path, console: &mut dyn Console) -> Result<Status> {
    let spec = report::Spec::get(&config.assets, name)?;
    let window = config.window_or_month()?;
    let engine = open::engine(config).await?;
    let document = report::build(&spec, &engine, &open::metrics(config)?, &config.settings, window).await?;
    write_document(&document, out, console)?;
    Ok(Status::Done)
}

/// Writes a document in every format, and says where.
pub(super) fn write_document(document: &Document, out: &Path, console: &mut dyn Console) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    for format in FORMATS {
        let path = out.join(format!("{}.{format}", document.name));
        let bytes = render::document(format, document)?;
        std::fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        console.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
