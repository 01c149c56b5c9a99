//! Object stores in the processes of a cluster. Plans name files by their addresses; who reads them brings
//! credentials of its own, and the scheduler, which reads none, needs none.

use crate::base::Error;
use crate::store::cloud;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

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
        let (store, _) = cloud::open(url, &self.options).map_err(|error| {
            let advice = error.advice().map(|advice| format!(" ({advice})"));
            let told = format!(
                "an executor cannot read {url}: {error}{}",
                advice.unwrap_or_default()
            );
            DataFusionError::External(Box::new(Error::lake(told)))
        })?;
        self.known.register_store(url, Arc::clone(&store));
        Ok(store)
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
