//! Documents that were built stay for those who ask the same of the same state of the lake: a picture and its
//! table are then of one moment, and fifty people who open the board on Monday cost one.

use super::period::Period;
use crate::base::Result;
use crate::render::document::Document;
use crate::report;
use crate::serve::Shared;
use crate::serve::live::Snapshot;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// Documents of one state.
const MOST: usize = 64;

type Key = (String, Vec<(&'static str, String)>);

/// Where a report is, or will be when it is built.
type Place = Arc<OnceCell<Arc<Document>>>;

#[derive(Default)]
pub(super) struct Shelf {
    kept: Mutex<(u64, HashMap<Key, Place>)>,
}

impl Shelf {
    /// The report of this name over a window. Who asks while it is built waits for it.
    pub(super) async fn document(
        &self,
        shared: &Shared,
        snapshot: &Snapshot,
        name: &str,
        period: &Period,
    ) -> Result<Arc<Document>> {
        let spec = report::Spec::get(&shared.assets, name)?;
        let cell = {
            let mut kept = self.kept.lock().await;
            if kept.0 != snapshot.number || kept.1.len() >= MOST {
                *kept = (snapshot.number, HashMap::new());
            }
            Arc::clone(kept.1.entry((name.to_owned(), period.pairs.clone())).or_default())
        };
        let built = cell
            .get_or_try_init(|| async {
                let (engine, settings) = (&snapshot.engine, &snapshot.settings);
                report::build(&spec, engine, &shared.catalog, settings, period.window)
                    .await
                    .map(Arc::new)
            })
            .await?;
        Ok(Arc::clone(built))
    }
}
