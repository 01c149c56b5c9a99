//! All mapping files, and the recognition of a file's format from its content.

use super::mapping::{Mapping, ReaderChoice, Recognise};
use super::refusal::Refusal;
use crate::base::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

/// How files begin that hold files, or are packed in ways that are not unpacked here.
const PACKED: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "packed twice"),
    (b"\x28\xb5\x2f\xfd", "packed twice"),
    (b"BZh", "packed with bzip2"),
    (b"\xfd7zXZ\x00", "packed with xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"%PDF-", "a PDF"),
];

/// The formats that can be read, and those that are known and refused.
#[derive(Debug)]
pub struct Catalog(BTreeMap<String, Arc<Mapping>>, Vec<Refusal>);

/// What a file of a known format is: to be read, or to be refused.
#[derive(Clone, Copy)]
enum Known<'a> {
    Read(&'a Arc<Mapping>),
    Refuse(&'a Refusal),
}

impl<'a> Known<'a> {
    fn id(self) -> &'a str {
        match self {
            Known::Read(mapping) => &mapping.id,
            Known::Refuse(refusal) => &refusal.id,
        }
    }

    fn signs(self) -> (&'a Recognise, &'a [ReaderChoice]) {
        match self {
            Known::Read(mapping) => (&mapping.recognise, &mapping.readers),
            Known::Refuse(refusal) => (&refusal.recognise, &refusal.readers),
        }
    }
}

/// What a mapping file says.
enum Format {
    Read(Box<Mapping>),
    Refuse(Refusal),
}

impl Format {
    fn parse((id, text): &(String, String)) -> Result<Format> {
        Ok(match Refusal::parse(id, text)? {
            Some(refusal) => Format::Refuse(refusal),
            None => Format::Read(Box::new(Mapping::parse(id, text)?)),
        })
    }
}

/// All mapping files in their order, on all processors: to plan the expressions in them takes longer than to read a short
/// file.
fn understood(assets: &[(String, String)]) -> Result<Vec<Result<Format>>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let each = assets.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let mut parts = assets.chunks(each);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts
            .map(|part| {
                let parse = || part.iter().map(Format::parse).collect::<Vec<_>>();
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, parse)
            })
            .collect();
        let mut all: Vec<Result<Format>> = own.iter().map(Format::parse).collect();
        for other in others {
            let came = other?.join();
            all.extend(came.map_err(|_| Error::internal("a thread that reads mapping files is gone"))?);
        }
        Ok(all)
    })
}

/// Bytes of stack of a thread that plans expressions.
const STACK: usize = 8 << 20;

/// A reader, its options, and the names it sees in a file, in lower case.
type Looked<'a> = (&'static str, &'a toml::Table, Option<BTreeSet<String>>);

impl Catalog {
    /// Takes the mapping files as (id, text) pairs. One that cannot be understood is an error.
    pub fn new(assets: impl Iterator<Item = (String, String)>) -> Result<Catalog> {
        let assets: Vec<(String, String)> = assets.collect();
        let mut mappings = BTreeMap::new();
        let mut refusals = Vec::new();
        for format in understood(&assets)? {
            match format? {
                Format::Refuse(refusal) => refusals.push(refusal),
                Format::Read(mapping) => {
                    mappings.insert(mapping.id.clone(), Arc::from(mapping));
                }
            }
        }
        Ok(Catalog(mappings, refusals))
    }

    /// Only the formats that fill this table.
    #[must_use]
    pub fn only(mut self, table: &str) -> Catalog {
        self.0.retain(|_, mapping| mapping.table.name == table);
        self
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Mapping>> {
        self.0.get(id)
    }

    /// The format of this name; or why there is none that reads.
    pub fn named(&self, id: &str) -> Result<Arc<Mapping>> {
        if let Some(mapping) = self.0.get(id) {
            return Ok(Arc::clone(mapping));
        }
        if let Some(refusal) = self.1.iter().find(|refusal| refusal.id == id) {
            return Err(refusal.named());
        }
        let known: Vec<_> = self.0.keys().map(String::as_str).collect();
        Err(Error::usage(format!("there is no format '{id}'")).advise(format!(
            "leave --format out to have it recognised; the formats are {}",
            known.join(", ")
        )))
    }

    /// The formats that are known and refused.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.1.iter().map(|refusal| refusal.id.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Mapping>> {
        self.0.values()
    }

    /// The format of a file, told by its content: the first `HEAD_BYTES` of it, or all of it for
    /// Parquet. `name` is used in messages only.
    pub fn detect(&self, name: &str, head: &[u8]) -> Result<Arc<Mapping>> {
        let mut fits: Vec<(usize, Known<'_>)> = Vec::new();
        let mut near: Vec<(usize, String)> = Vec::new();
        let mut contained = false;
        // Most formats look at a file through the same reader: once is enough.
        let mut looked: Vec<Looked<'_>> = Vec::new();
        let read = self.0.values().map(Known::Read);
        for known in read.chain(self.1.iter().map(Known::Refuse)) {
            let (recognise, readers) = known.signs();
            for reader in readers {
                let same = |(kind, options, _): &&Looked<'_>| {
                    *kind == reader.kind.id() && *options == &reader.options
                };
                let place = match looked.iter().position(|l| same(&l)) {
                    Some(place) => place,
                    None => {
                        let names = reader.kind.names(head, &reader.options);
                        let names = names.map(|n| n.iter().map(|n| n.to_ascii_lowercase()).collect());
                        looked.push((reader.kind.id(), &reader.options, names));
                        looked.len() - 1
                    }
                };
                let Some(names) = &looked[place].2 else {
                    continue;
                };
                contained |= !names.is_empty();
                let has = |n: &&String| names.contains(&n.to_ascii_lowercase());
                let lacking: Vec<&String> = recognise.all.iter().filter(|n| !has(n)).collect();
                let any = recognise.any.iter().filter(has).count();
                let any_missing = any == 0 && !recognise.any.is_empty();
                if recognise.none.iter().any(|n| has(&n)) {
                    continue;
                }
                let found = recognise.all.len() - lacking.len() + any;
                if lacking.is_empty() && !any_missing {
                    fits.push((found, known));
                } else if found > 0 {
                    let mut words: Vec<String> = lacking.iter().map(|n| (*n).clone()).collect();
                    if any_missing {
                        words.push(format!("one of {}", recognise.any.join(", ")));
                    }
                    near.push((
                        words.len(),
                        format!("{} ({}) lacks {}", known.id(), reader.kind.id(), words.join(", ")),
                    ));
                }
            }
        }
        let best = fits.iter().map(|(found, _)| *found).max();
        fits.retain(|(found, _)| Some(*found) == best);
        fits.dedup_by(|a, b| a.1.id() == b.1.id());
        match fits.as_slice() {
            [(_, Known::Read(mapping))] => Ok(Arc::clone(mapping)),
            [(_, Known::Refuse(refusal))] => Err(refusal.error(name)),
            [] => Err(self.unrecognised(name, head, contained, near)),
            several => {
                let ids: Vec<_> = several.iter().map(|(_, known)| known.id()).collect();
                Err(Error::data(format!(
                    "'{name}' could be of several formats: {}",
                    ids.join(", ")
                ))
                .advise("say which one with --format"))
            }
        }
    }

    fn unrecognised(
        &self,
        name: &str,
        head: &[u8],
        contained: bool,
        mut near: Vec<(usize, String)>,
    ) -> Error {
        near.sort();
        near.truncate(3);
        let why = if head.starts_with(b"PAR1") && near.is_empty() && !contained {
            "it begins as Parquet does, and its list of columns, which stands at the end, cannot be read"
                .to_owned()
        } else if head.is_empty() {
            "it is empty".to_owned()
        } else if let Some((_, kind)) = PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
            format!("it is {kind}: unpack it first; one layer of gzip or Zstandard is unpacked by itself")
        } else if !near.is_empty() {
            format!(
                "nearest: {}",
                near.into_iter()
                    .map(|(_, text)| text)
                    .collect::<Vec<_>>()
                    .join("; ")
            )
        } else if contained {
            "none of its columns belongs to a known format".to_owned()
        } else {
            "it is neither CSV nor JSON nor Parquet nor Prometheus text".to_owned()
        };
        let known: Vec<_> = self.0.keys().map(String::as_str).collect();
        Error::data(format!("the format of '{name}' is not recognised; {why}")).advise(format!(
            "name the format with --format ({}), or describe the file in a mapping file and pass it with --mapping",
            known.join(", ")
        ))
    }
}
