//! Where a lake lies: a directory or an object store, behind one interface.
//!
//! Credentials and endpoints come as a map of options (`config` fills it from the environment);
//! nothing here reads the environment.

use crate::base::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme};
use std::collections::HashMap;
use std::sync::Arc;
use url::{Position, Url};

/// The root of a store and the place of the lake in it.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Ends with a slash, so that joining a table's name keeps the whole path.
    url: Url,
    prefix: Path,
}

impl Location {
    pub(super) fn parse(text: &str, options: &HashMap<String, String>) -> Result<Location> {
        let url = to_url(text)?;
        let (store, prefix) = object_store::parse_url_opts(&url, with_defaults(&url, options))
            .map_err(|e| not_a_place(text, &e.to_string()))?;
        Ok(Location {
            store: Arc::from(store),
            url,
            prefix,
        })
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

    /// The place in words, without credentials.
    pub(super) fn display(&self) -> String {
        if self.is_file() {
            return format!("/{}", self.prefix);
        }
        let mut url = self.url.clone();
        // Both fail only for URLs that cannot carry credentials at all.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
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

/// A commit is a put that must fail when the version exists: S3 has to be told to check.
fn with_defaults(url: &Url, options: &HashMap<String, String>) -> HashMap<String, String> {
    let mut options = options.clone();
    if matches!(
        ObjectStoreScheme::parse(url),
        Ok((ObjectStoreScheme::AmazonS3, _))
    ) {
        options
            .entry("aws_conditional_put".into())
            .or_insert_with(|| "etag".into());
    }
    options
}

fn not_a_place(text: &str, why: &str) -> Error {
    Error::usage(format!("cannot use '{text}' as a lake: {why}")).advise(
        "a lake is a directory, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or memory:///",
    )
}
