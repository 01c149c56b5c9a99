//! All mapping files, and the recognition of a file's format from its content.

use super::mapping::Mapping;
use crate::base::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The formats that can be read.
#[derive(Debug)]
pub struct Catalog(BTreeMap<String, Arc<Mapping>>);

/// What is known and yet no table's: the beginning of its names, what it is, and what serves instead.
static STRANGERS: &[(&str, &str, &str)] = &[(
    "vllm:",
    "these are vLLM's counters, sums since its start over all requests of a model; no request can be made of them, \
     and none is made up",
    "for requests and their tokens, ingest the log of a gateway before vLLM or its OpenTelemetry spans; for what its \
     GPUs did, their telemetry. The counters are good for comparing: sum of prompt_tokens_total and \
     generation_tokens_total with the tokens of those requests, prefix_cache_hits_total over prefix_cache_queries_total",
)];

/// A reader, its options, and the names it sees in a file, in lower case.
type Looked<'a> = (&'static str, &'a toml::Table, Option<BTreeSet<String>>);

/// Why a file that is known for what it is cannot be read.
fn stranger(file: &str, names: &BTreeSet<String>) -> Option<Error> {
    let known = |(beginning, _, _): &&(&str, &str, &str)| names.iter().any(|n| n.starts_with(beginning));
    let (_, what, instead) = STRANGERS.iter().find(known)?;
    Some(Error::data(format!("'{file}' is no format that can be read: {what}")).advise(*instead))
}

impl Catalog {
    /// Takes the mapping files as (id, text) pairs. One that cannot be understood is an error.
    pub fn new(assets: impl Iterator<Item = (String, String)>) -> Result<Catalog> {
        let mut mappings = BTreeMap::new();
        for (id, text) in assets {
            let mapping = Arc::new(Mapping::parse(&id, &text)?);
            mappings.insert(id, mapping);
        }
        Ok(Catalog(mappings))
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

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Mapping>> {
        self.0.values()
    }

    /// The format of a file, told by its content: the first `HEAD_BYTES` of it, or all of it for
    /// Parquet. `name` is used in messages only.
    pub fn detect(&self, name: &str, head: &[u8]) -> Result<Arc<Mapping>> {
        let mut fits: Vec<(usize, &Arc<Mapping>)> = Vec::new();
        let mut near: Vec<(usize, String)> = Vec::new();
        let mut contained = false;
        // Most formats look at a file through the same reader: once is enough.
        let mut looked: Vec<Looked<'_>> = Vec::new();
        for mapping in self.0.values() {
            for reader in &mapping.readers {
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
                let lacking: Vec<&String> = mapping.recognise.all.iter().filter(|n| !has(n)).collect();
                let any = mapping.recognise.any.iter().filter(has).count();
                let any_missing = any == 0 && !mapping.recognise.any.is_empty();
                if mapping.recognise.none.iter().any(|n| has(&n)) {
                    continue;
                }
                let found = mapping.recognise.all.len() - lacking.len() + any;
                if lacking.is_empty() && !any_missing {
                    fits.push((found, mapping));
                } else if found > 0 {
                    let mut words: Vec<String> = lacking.iter().map(|n| (*n).clone()).collect();
                    if any_missing {
                        words.push(format!("one of {}", mapping.recognise.any.join(", ")));
                    }
                    near.push((
                        words.len(),
                        format!("{} ({}) lacks {}", mapping.id, reader.kind.id(), words.join(", ")),
                    ));
                }
            }
        }
        let best = fits.iter().map(|(found, _)| *found).max();
        fits.retain(|(found, _)| Some(*found) == best);
        fits.dedup_by(|a, b| a.1.id == b.1.id);
        match fits.as_slice() {
            [(_, one)] => Ok(Arc::clone(one)),
            [] => Err(looked
                .iter()
                .filter_map(|(_, _, names)| stranger(name, names.as_ref()?))
                .next()
                .unwrap_or_else(|| self.unrecognised(name, head, contained, near))),
            several => {
                let ids: Vec<_> = several.iter().map(|(_, m)| m.id.as_str()).collect();
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
