//! Where the bytes go: one file after another, gzipped or plain, with what was written counted.
//! A gzip header holds neither name nor time, so that the same rows give the same bytes.

use crate::base::Result;
use crate::base::error::Context as _;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// One written file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Relative to the output folder, with `/` on every system.
    pub path: String,
    /// Lines, samples or charges: whatever one fact of the file is.
    pub rows: u64,
    pub bytes: u64,
}

pub(super) struct Folder {
    root: PathBuf,
    gzip: bool,
    pub(super) written: Vec<Written>,
}

pub(super) enum Target {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Target::Plain(to) => to.write(bytes),
            Target::Gzip(to) => to.write(bytes),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Target::Plain(to) => to.flush(),
            Target::Gzip(to) => to.flush(),
        }
    }
}

/// A file that is being written.
pub(super) struct Open {
    path: String,
    full: PathBuf,
    pub(super) to: Target,
    pub(super) rows: u64,
}

impl Folder {
    pub(super) fn new(root: &Path, gzip: bool) -> Folder {
        Folder {
            root: root.to_owned(),
            gzip,
            written: Vec::new(),
        }
    }

    /// A file that is gzipped where such files usually are.
    pub(super) fn data(&self, path: &str) -> Result<Open> {
        if self.gzip {
            self.open(&format!("{path}.gz"), true)
        } else {
            self.open(path, false)
        }
    }

    /// A file that people read and change: never gzipped.
    pub(super) fn text(&self, path: &str) -> Result<Open> {
        self.open(path, false)
    }

    fn open(&self, path: &str, gzip: bool) -> Result<Open> {
        let full = self.root.join(path);
        if let Some(folder) = full.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        }
        let file = File::create(&full).with_context(|| format!("creating {}", full.display()))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        let to = if gzip {
            Target::Gzip(Box::new(
                GzBuilder::new()
                    .mtime(0)
                    .operating_system(255)
                    .write(file, Compression::best()),
            ))
        } else {
            Target::Plain(file)
        };
        Ok(Open {
            path: path.to_owned(),
            full,
            to,
            rows: 0,
        })
    }

    pub(super) fn close(&mut self, file: Open) -> Result<()> {
        let Open { path, full, to, rows } = file;
        let mut inner = match to {
            Target::Plain(inner) => inner,
            Target::Gzip(encoder) => encoder.finish().with_context(|| format!("writing {path}"))?,
        };
        inner.flush().with_context(|| format!("writing {path}"))?;
        let bytes = std::fs::metadata(&full)
            .with_context(|| format!("reading {path}"))?
            .len();
        self.written.push(Written { path, rows, bytes });
        Ok(())
    }
}
