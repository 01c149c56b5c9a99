//! Containers: one file each, and the list of them. A reader turns bytes into rows of texts; what the
//! texts mean is in the mapping file.

mod blocks;
mod csv;
mod depreciation;
mod guard;
mod json;
mod nest;
mod parquet;
mod prometheus_json;
mod prometheus_text;
mod rates_wide;

use super::collect::Collector;
use super::decode::{Bytes, DecodeContext};
use super::mapping::{Mapping, ReaderChoice};
use crate::base::{Error, Result};
use std::io::{Cursor, Read};

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

/// The content of a file with its beginning already looked at.
pub(super) enum Input {
    Stream { head: Vec<u8>, rest: Box<dyn Read> },
    Random(bytes::Bytes),
}

impl Input {
    pub(super) fn open(bytes: Bytes, head_bytes: usize) -> Result<Input> {
        match bytes {
            Bytes::Random(bytes) => Ok(Input::Random(bytes)),
            Bytes::Stream(mut stream) => {
                let mut head = Vec::new();
                stream.by_ref().take(head_bytes as u64).read_to_end(&mut head)?;
                Ok(Input::Stream { head, rest: stream })
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

    pub(super) fn into_read(self) -> Box<dyn Read> {
        match self {
            Input::Stream { head, rest } => Box::new(Cursor::new(head).chain(rest)),
            Input::Random(bytes) => Box::new(Cursor::new(bytes)),
        }
    }

    /// The whole content in memory, for containers that need it.
    pub(super) fn into_bytes(self) -> Result<bytes::Bytes> {
        match self {
            Input::Random(bytes) => Ok(bytes),
            Input::Stream { mut head, mut rest } => {
                rest.read_to_end(&mut head)?;
                Ok(head.into())
            }
        }
    }
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
