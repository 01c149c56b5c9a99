//! Object stores in the processes of a cluster. Plans name files by their addresses; who reads them brings
//! credentials of its own, and the scheduler, which reads none, needs none.

use crate::base::Error;
use crate::store::cloud;
use async_trait::async_trait;
use datafusion::error::Result;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

type Stored<T> = object_store::Result<T>;

/// Opens a store when a plan first names it, with this process's own options.
pub(super) struct OwnStores {
    known: DefaultObjectStoreRegistry,
    /// Credentials and endpoints; never shown.
    options: HashMap<String, String>,
}

impl OwnStores {
    pub(super) fn new(options: HashMap<String, String>) -> OwnStores {
        OwnStores {
            known: DefaultObjectStoreRegistry::new(),
            options,
        }
    }
}

impl std::fmt::Debug for OwnStores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnStores")
    }
}

impl ObjectStoreRegistry for OwnStores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.known.register_store(url, store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if let Ok(store) = self.known.get_store(url) {
            return Ok(store);
        }
        match cloud::open(url, &self.options) {
            Ok((store, _)) => {
                self.known.register_store(url, Arc::clone(&store));
                Ok(store)
            }
            Err(error) => Ok(Arc::new(Closed::new(url, &error))),
        }
    }
}

/// A store that could not be opened. A plan that names one is not refused, since nobody would be told why: who reads
/// a file is.
#[derive(Debug)]
struct Closed(String);

impl Closed {
    fn new(url: &Url, error: &Error) -> Closed {
        let advice = error.advice().map(|advice| format!(" ({advice})"));
        Closed(format!(
            "an executor cannot read {url}: {error}{}",
            advice.unwrap_or_default()
        ))
    }

    fn why(&self) -> object_store::Error {
        object_store::Error::Generic {
            store: "closed",
            source: self.0.clone().into(),
        }
    }
}

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[async_trait]
impl ObjectStore for Closed {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Stored<PutResult> {
        Err(self.why())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Stored<Box<dyn MultipartUpload>> {
        Err(self.why())
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> Stored<GetResult> {
        Err(self.why())
    }

    fn delete_stream(&self, _: BoxStream<'static, Stored<Path>>) -> BoxStream<'static, Stored<Path>> {
        let why = self.why();
        stream::once(async { Err(why) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Stored<ObjectMeta>> {
        let why = self.why();
        stream::once(async { Err(why) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Stored<ListResult> {
        Err(self.why())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Stored<()> {
        Err(self.why())
    }
}

/// Stores of a process that reads plans but no files.
#[derive(Debug)]
pub(super) struct NoStores;

impl ObjectStoreRegistry for NoStores {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, _: &Url) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(InMemory::new()))
    }
}
