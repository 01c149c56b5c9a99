//! Where answers go: to the screen, or to a file that `\o` named. Rows go out as they come.

use super::Screen;
use super::options::Options;
use crate::base::{Context, Error, Result};
use crate::engine::Batches;
use crate::frame::Frame;
use crate::render::{self, rows::Expanded, rows::Layout};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are handed on at once.
const CHUNK: usize = 1 << 16;

#[derive(Default)]
pub(super) struct Output {
    file: Option<(PathBuf, BufWriter<File>)>,
    /// A Parquet file is there, and nothing can stand behind it.
    closed: bool,
}

impl Output {
    /// From now on answers go to a file, or to the screen again.
    pub(super) fn redirect(&mut self, path: Option<&Path>) -> Result<()> {
        self.finish()?;
        if let Some(path) = path {
            let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
            self.file = Some((path.to_owned(), BufWriter::new(file)));
        }
        Ok(())
    }

    /// What was written to the file is on disk, or it is an error.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.closed = false;
        match self.file.take() {
            Some((path, mut file)) => file
                .flush()
                .with_context(|| format!("writing {}", path.display())),
            None => Ok(()),
        }
    }

    pub(super) fn is_screen(&self) -> bool {
        self.file.is_none()
    }

    /// How tables are laid out where answers go now.
    fn layout(&self, options: &Options, screen: &dyn Screen) -> Layout {
        let width = screen.width().filter(|_| self.is_screen());
        Layout {
            width,
            expanded: match options.expanded {
                Expanded::WhenWide if width.is_none() => Expanded::Never,
                other => other,
            },
            styled: width.is_some(),
            null: options.null.clone(),
        }
    }

    fn bytes(&mut self, bytes: &[u8], screen: &mut dyn Screen) -> Result<()> {
        match &mut self.file {
            Some((path, file)) => file
                .write_all(bytes)
                .with_context(|| format!("writing {}", path.display())),
            None => screen.data(bytes),
        }
    }

    pub(super) fn text(&mut self, text: &str, screen: &mut dyn Screen) -> Result<()> {
        self.bytes(text.as_bytes(), screen)
    }

    fn begin(&mut self, options: &Options, screen: &dyn Screen) -> Result<Box<dyn render::rows::Rows>> {
        if options.format == "parquet" {
            if self.is_screen() && screen.width().is_some() {
                return Err(Error::usage("a Parquet file is nothing to look at")
                    .advise("write it to a file: `> FILE`, or \\o FILE in the shell"));
            }
            if self.closed {
                return Err(
                    Error::usage("a Parquet file holds one answer, and this is a second one")
                        .advise("run one statement at a time, or give each its file with \\o FILE"),
                );
            }
            self.closed = true;
        }
        render::rows_in(&options.format, &self.layout(options, screen))
    }

    /// Writes rows as they come; the number of those that were written.
    pub(super) async fn stream(
        &mut self,
        rows: &mut Batches,
        options: &Options,
        screen: &mut dyn Screen,
    ) -> Result<u64> {
        let mut format = self.begin(options, screen)?;
        let schema = nullable(&rows.schema());
        let mut out = Vec::new();
        let head = RecordBatch::new_empty(Arc::clone(&schema));
        format.begin(&Frame::guess(head), &mut out)?;
        let mut written = 0;
        while let Some(batch) = rows.next().await? {
            written += batch.num_rows() as u64;
            let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?;
            format.rows(&Frame::guess(batch), &mut out)?;
            self.bytes(&out, screen)?;
            out.clear();
            if screen.enough() {
                return Ok(written);
            }
        }
        format.end(&mut out)?;
        for chunk in out.chunks(CHUNK) {
            self.bytes(chunk, screen)?;
            if screen.enough() {
                break;
            }
        }
        Ok(written)
    }

    /// Writes a table that is there as a whole.
    pub(super) fn table(&mut self, frame: &Frame, options: &Options, screen: &mut dyn Screen) -> Result<()> {
        let mut format = self.begin(options, screen)?;
        let head = RecordBatch::new_empty(frame.batch.schema());
        let head = Frame::new(frame.columns.clone(), head)?;
        let mut out = Vec::new();
        format.begin(&head, &mut out)?;
        format.rows(frame, &mut out)?;
        format.end(&mut out)?;
        self.bytes(&out, screen)
    }
}

/// The columns as those of any batch: a plan may know less than its rows of what cannot be NULL, or more.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter();
    Arc::new(Schema::new(
        fields
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect::<Vec<_>>(),
    ))
}
