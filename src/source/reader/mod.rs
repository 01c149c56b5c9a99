//! Containers: one file each, and the list of them. A reader turns bytes into rows of texts; what the
//! texts mean is in the mapping file.

mod blocks;
mod csv;
mod csv_pieces;
mod csv_rows;
mod depreciation;
mod guard;
mod json;
mod nest;
mod parquet;
mod prometheus_json;
mod prometheus_text;
mod rates_wide;
mod records;
mod values;

use super::collect::Collector;
use super::decode::{Bytes, DecodeContext};
use super::mapping::{Mapping, ReaderChoice};
use super::{MAX_WHOLE_BYTES, broken_off};
use crate::base::{Error, Result};
use std::io::{Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every container, in the order in which they are tried.
pub(super) static READERS: &[&dyn Reader] = &[
    &parquet::Parquet,
    &prometheus_json::PrometheusJson,
    &prometheus_text::PrometheusText,
    &json::Json,
    &rates_wide::RatesWide,
    &depreciation::Depreciation,
    &csv::Csv,
];

pub(super) trait Reader: Sync + std::fmt::Debug {
    /// Its name in mapping files.
    fn id(&self) -> &'static str;
    /// What its options may be.
    fn check(&self, options: &toml::Table) -> Result<()>;
    /// The names found at the beginning of a file (columns, keys, metrics). `None`: not this container.
    fn names(&self, head: &[u8], options: &toml::Table) -> Option<Vec<String>>;
    /// Hands every row to `out`.
    fn read(
        &self,
        input: Input,
        options: &toml::Table,
        mapping: &Mapping,
        ctx: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()>;
}

pub(super) fn named(id: &str) -> Option<&'static dyn Reader> {
    READERS.iter().copied().find(|r| r.id() == id)
}

pub(super) fn run(
    choice: &ReaderChoice,
    input: Input,
    mapping: &Mapping,
    ctx: &DecodeContext,
    out: &mut Collector<'_>,
) -> Result<()> {
    choice.kind.read(input, &choice.options, mapping, ctx, out)
}

/// Reads a reader's options, refusing unknown ones.
fn options<T: serde::de::DeserializeOwned>(id: &str, table: &toml::Table) -> Result<T> {
    T::deserialize(toml::Value::Table(table.clone()))
        .map_err(|e| Error::config(format!("options of the reader {id}: {}", e.message())))
}

/// Whether the content broke off before its end, as a packed file does that was not copied whole. What
/// stands right before the break is not to be trusted: half a number is a number, too.
#[derive(Debug, Clone, Default)]
pub(super) struct Tear(Arc<AtomicBool>);

impl Tear {
    pub(super) fn is_torn(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ends where its content breaks off, and says so.
struct Tearing<R> {
    inner: R,
    tear: Tear,
}

impl<R: Read> Read for Tearing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.inner.read(buffer) {
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
                self.tear.0.store(true, Ordering::Relaxed);
                Ok(0)
            }
            read => read,
        }
    }
}

/// The content of a file with its beginning already looked at.
pub(super) enum Input {
    Stream {
        head: Vec<u8>,
        rest: Box<dyn Read>,
        tear: Tear,
    },
    Random(bytes::Bytes),
}

impl Input {
    pub(super) fn open(bytes: Bytes, head_bytes: usize) -> Result<Input> {
        match bytes {
            Bytes::Random(bytes) => Ok(Input::Random(bytes)),
            Bytes::Stream(stream) => {
                let tear = Tear::default();
                let mut stream = Tearing {
                    inner: stream,
                    tear: tear.clone(),
                };
                let mut head = Vec::new();
                stream.by_ref().take(head_bytes as u64).read_to_end(&mut head)?;
                Ok(Input::Stream {
                    head,
                    rest: Box::new(stream),
                    tear,
                })
            }
        }
    }

    /// The beginning of the content: all of it when it is at hand.
    pub(super) fn head(&self) -> &[u8] {
        match self {
            Input::Stream { head, .. } => head,
            Input::Random(bytes) => bytes,
        }
    }

    /// Tells, while the content is read and afterwards, whether it broke off.
    pub(super) fn tear(&self) -> Tear {
        match self {
            Input::Stream { tear, .. } => tear.clone(),
            Input::Random(_) => Tear::default(),
        }
    }

    pub(super) fn into_read(self) -> Box<dyn Read> {
        match self {
            Input::Stream { head, rest, .. } => Box::new(Cursor::new(head).chain(rest)),
            Input::Random(bytes) => Box::new(Cursor::new(bytes)),
        }
    }

    /// The whole content in memory, for containers that need it.
    pub(super) fn into_bytes(self) -> Result<bytes::Bytes> {
        match self {
            Input::Random(bytes) => Ok(bytes),
            Input::Stream { mut head, rest, tear } => {
                rest.take(MAX_WHOLE_BYTES as u64).read_to_end(&mut head)?;
                if head.len() >= MAX_WHOLE_BYTES {
                    return Err(Error::data(format!(
                        "more than {} MiB, and it has to be read whole",
                        MAX_WHOLE_BYTES >> 20
                    ))
                    .advise("deliver it in parts"));
                }
                if tear.is_torn() {
                    return Err(broken_off());
                }
                Ok(head.into())
            }
        }
    }
}

/// Steps over the byte order mark.
fn text_of(input: Input) -> Result<(Box<dyn Read>, Tear)> {
    let mark = input.head().len() - skip_bom(input.head())?.len();
    let tear = input.tear();
    let mut content = input.into_read();
    std::io::copy(&mut content.by_ref().take(mark as u64), &mut std::io::sink())?;
    Ok((content, tear))
}

/// A text without its byte order mark; an error for UTF-16, which spreadsheets like to write.
fn skip_bom(head: &[u8]) -> Result<&[u8]> {
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(Error::data("the file is written in UTF-16").advise("save it as UTF-8"));
    }
    Ok(head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head))
}

/// The first byte that is not a blank, after any byte order mark.
fn first_byte(head: &[u8]) -> Option<u8> {
    let head = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head);
    head.iter().copied().find(|b| !b.is_ascii_whitespace())
}
