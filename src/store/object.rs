//! Where a lake lies: a directory or an object store, behind one interface; and whether the store can keep two
//! writers apart, without which there is no lake.

use super::{cloud, trouble};
use crate::base::{Error, Result, storage};
use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutPayload};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use url::{Position, Url};

/// Written once into a lake on an object store; a second time must fail. Says nothing else.
const PROBE: &str = "_spendscope_conditional_put";

/// The root of a store and the place of the lake in it.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Ends with a slash, so that joining a table's name keeps the whole path.
    url: Url,
    prefix: Path,
    /// The store was seen to refuse a second put of one name.
    conditional: Arc<AtomicBool>,
}

/// Without the store, whose own words may hold credentials.
impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Location({})", self.display())
    }
}

impl Location {
    pub(super) fn parse(text: &str, options: &HashMap<String, String>) -> Result<Location> {
        let url = to_url(text)?;
        conditional_put_is_on(options)?;
        let (store, prefix) = cloud::open(&url, options).map_err(|e| match e.advice() {
            Some(_) => e,
            None => not_a_place(text, &e.to_string()),
        })?;
        Ok(Location {
            store,
            url,
            prefix,
            conditional: Arc::default(),
        })
    }

    /// A place that others may have taken away, or never made: asked when nothing was found.
    pub(super) async fn reachable(&self) -> Result<()> {
        if !self.is_remote() {
            return Ok(());
        }
        let listed = self.store.list_with_delimiter(Some(&self.prefix)).await;
        listed
            .map(|_| ())
            .map_err(|e| trouble::told(&e, Error::lake).context(self.display()))
    }

    /// Asks the store, once per process and before its first commit, to put one name twice. A store that does is
    /// refused: of two writers at once it would lose one.
    pub(super) async fn keeps_writers_apart(&self) -> Result<()> {
        if !self.is_remote() || self.conditional.load(Ordering::Relaxed) {
            return Ok(());
        }
        let probe = self.prefix.clone().join(PROBE);
        for _ in 0..2 {
            let put = self
                .store
                .put_opts(
                    &probe,
                    PutPayload::from_static(b"spendscope\n"),
                    PutMode::Create.into(),
                )
                .await;
            match put {
                Ok(_) => {}
                Err(object_store::Error::AlreadyExists { .. }) => {
                    self.conditional.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Err(e) if e.to_string().contains("NotImplemented") => {
                    return Err(self.unfit("says that it has none"));
                }
                Err(e) => {
                    return Err(
                        trouble::told(&e, Error::lake).context(format!("writing to {}", self.display()))
                    );
                }
            }
        }
        Err(self.unfit("overwrote an object that it had been asked not to overwrite"))
    }

    fn unfit(&self, how: &str) -> Error {
        Error::lake(format!(
            "{} has no conditional put: the store {how}. Of two writers at once it would lose one, so nothing was written",
            self.display()
        ))
        .advise(
            "keep the lake in a store that honours `If-None-Match: *` (Amazon S3, MinIO, R2, Ceph, Azure, Google Cloud \
             Storage, all in recent versions), or in a directory; reading files from this store is fine",
        )
    }

    pub(super) fn table_url(&self, table: &str) -> Result<Url> {
        self.url
            .join(&format!("{table}/"))
            .map_err(|e| not_a_place(self.url.as_str(), &e.to_string()))
    }

    pub(super) fn table_prefix(&self, table: &str) -> Path {
        self.prefix.clone().join(table)
    }

    /// Scheme and host: the key under which a query session finds the store.
    pub(super) fn root_url(&self) -> &str {
        &self.url[..Position::BeforePath]
    }

    pub(super) fn is_file(&self) -> bool {
        self.url.scheme() == "file"
    }

    /// Neither on this machine's disk nor in its memory.
    pub(super) fn is_remote(&self) -> bool {
        !matches!(self.url.scheme(), "file" | "memory")
    }

    /// The folder, of a lake that is one.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.url.to_file_path().ok()
    }

    /// The place in words. Addresses with credentials were refused.
    pub(super) fn display(&self) -> String {
        match self.is_file() {
            true => format!("/{}", self.prefix),
            false => self.url.to_string(),
        }
    }
}

fn to_url(text: &str) -> Result<Url> {
    let mut url = if text.contains("://") {
        Url::parse(text).map_err(|e| not_a_place(text, &e.to_string()))?
    } else {
        let path = std::path::absolute(text).map_err(|e| not_a_place(text, &e.to_string()))?;
        Url::from_directory_path(path).map_err(|()| not_a_place(text, "not an absolute path"))?
    };
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// A commit is a put that must fail when the version exists. Who turns that off has no lake.
fn conditional_put_is_on(options: &HashMap<String, String>) -> Result<()> {
    let off = options.iter().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        matches!(name.as_str(), "aws_conditional_put" | "conditional_put")
            && !value.trim().eq_ignore_ascii_case("etag")
    });
    match off {
        false => Ok(()),
        true => Err(Error::usage(
            "AWS_CONDITIONAL_PUT turns conditional put off: of two writers at once the store would lose one",
        )
        .advise("unset AWS_CONDITIONAL_PUT, or keep the lake in a store that has conditional put")),
    }
}

fn not_a_place(text: &str, why: &str) -> Error {
    let text = storage::without_queries(text);
    Error::usage(format!("cannot use '{text}' as a lake: {why}")).advise(
        "a lake is a directory, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or memory:///",
    )
}
