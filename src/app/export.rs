//! `export focus`: the bill as a file that other programs read. The query says what is in it, `render::interchange` how it is
//! written.

use super::{Console, Status, open};
use crate::base::{Context, Error, Result};
use crate::config::Config;
use crate::engine::Batches;
use crate::render::interchange::{Format, Writer};
use datafusion::scalar::ScalarValue;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;

#[derive(Debug)]
pub struct FocusRequest {
    pub version: String,
    /// `charges` or `usage`.
    pub grain: String,
    pub format: Option<String>,
    /// Standard output where it is left out.
    pub out: Option<PathBuf>,
}

/// All there is: instants that no bill reaches.
const EVER: (i64, i64) = (-62_135_596_800_000_000, 253_402_300_799_000_000);
/// Bytes that go to standard output at a time.
const PIECE: usize = 1 << 20;

pub async fn export_focus(
    config: &Config,
    request: &FocusRequest,
    console: &mut dyn Console,
) -> Result<Status> {
    let format = format(request)?;
    let Some(query) = config.assets.get("export/focus.sql") else {
        return Err(Error::internal("there is no query export/focus.sql"));
    };
    let (from, to) = match config.window {
        Some(window) => (window.from.timestamp_micros(), window.to.timestamp_micros()),
        None => EVER,
    };
    let bound = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some(Arc::from("UTC")));
    let params = [
        ("from", bound(from)),
        ("to", bound(to)),
        ("grain", ScalarValue::Utf8(Some(request.grain.clone()))),
    ];
    let engine = open::engine(config).await?;
    let rows = engine.stream(&query.text, &params).await?;
    // Whole or not at all: what is being written has another name until it is.
    let folder = match request.out.as_deref().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) => PathBuf::from("."),
        None => std::env::temp_dir(),
    };
    let file = NamedTempFile::new_in(&folder).with_context(|| format!("writing to {}", folder.display()))?;
    let count = write(rows, format, &file, console).await?;
    let grain = &request.grain;
    match &request.out {
        Some(path) => {
            file.persist(path)
                .map_err(|e| Error::from(e.error).context(format!("writing {}", path.display())))?;
            readable(path)?;
            console.say(&format!(
                "{count} rows of FOCUS {} at the grain of {grain}: {}",
                request.version,
                path.display()
            ));
        }
        None => {
            to_console(file, console)?;
            console.say(&format!(
                "{count} rows of FOCUS {} at the grain of {grain}",
                request.version
            ));
        }
    }
    Ok(Status::Done)
}

fn format(request: &FocusRequest) -> Result<Format> {
    let ending = request.out.as_deref().and_then(Path::extension);
    let name = match (&request.format, ending.and_then(|e| e.to_str())) {
        (Some(name), _) => name.as_str(),
        (None, Some("parquet")) => "parquet",
        (None, _) => "csv",
    };
    Format::named(name).ok_or_else(|| {
        Error::usage(format!("'{name}' is no format of an export")).advise("--format csv or parquet")
    })
}

async fn write(
    mut rows: Batches,
    format: Format,
    file: &NamedTempFile,
    console: &mut dyn Console,
) -> Result<u64> {
    let mut writer = Writer::new(format, &rows.schema(), file.as_file())?;
    let mut count = 0;
    while let Some(batch) = rows.next().await? {
        count += batch.num_rows() as u64;
        writer.push(&batch)?;
        console.progress("rows", count, 0);
    }
    console.progress_end();
    writer.finish()?;
    Ok(count)
}

fn to_console(mut file: NamedTempFile, console: &mut dyn Console) -> Result<()> {
    let file = file.as_file_mut();
    file.seek(SeekFrom::Start(0))?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        console.data(&piece[..read])?;
    }
}

/// A file of one's own is for nobody else; an export is as readable as the caller's other files.
#[cfg(unix)]
fn readable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?;
    Ok(())
}

#[cfg(not(unix))]
fn readable(_: &Path) -> Result<()> {
    Ok(())
}
