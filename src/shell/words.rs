//! The names that completion knows. Those that cost nothing are there at once; what has to be planned, the
//! columns of the views, is read beside the prompt and comes when it comes.

use crate::base::{Error, Result};
use crate::engine::{Engine, FunctionKind};
use crate::metric::Catalog;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) relations: Vec<Known>,
    /// Names, and what they mean.
    pub(super) functions: Vec<(String, String)>,
    pub(super) table_functions: BTreeSet<String>,
    pub(super) metrics: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) about: String,
    /// Names, and what they mean.
    pub(super) columns: Vec<(String, String)>,
}

/// Words that the prompt and whoever fills them share.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary(Arc<RwLock<Words>>);

/// The planner recurses deeply on nested views: a thread of its own gets room for it.
const STACK: usize = 64 << 20;

impl Vocabulary {
    /// What can be said of the line at the cursor.
    pub fn complete(&self, line: &str, cursor: usize) -> Vec<super::Candidate> {
        let words = self.0.read().unwrap_or_else(PoisonError::into_inner);
        super::complete::complete(line, cursor, &words)
    }

    /// Names without their columns now, the columns when they are known.
    pub(super) fn fill(&self, engine: &Arc<Engine>, metrics: &Catalog) -> Result<()> {
        let relations = engine.relation_names()?.into_iter().map(|name| Known {
            name,
            about: String::new(),
            columns: Vec::new(),
        });
        let functions = engine.functions();
        let words = Words {
            relations: relations.collect(),
            table_functions: functions
                .iter()
                .filter(|function| function.kind == FunctionKind::Table)
                .map(|function| function.name.clone())
                .collect(),
            functions: functions.into_iter().map(|f| (f.name, f.about)).collect(),
            metrics: metrics
                .iter()
                .map(|metric| (metric.name.clone(), metric.header.title.clone()))
                .collect(),
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = words;
        let (shared, engine) = (Arc::clone(&self.0), Arc::clone(engine));
        let runtime = tokio::runtime::Handle::current();
        let reading = move || {
            // Nobody waits for this: without it, completion knows fewer words.
            if let Ok(relations) = runtime.block_on(engine.relations()) {
                let known = relations.into_iter().map(|relation| Known {
                    name: relation.name,
                    about: relation.about,
                    columns: relation
                        .columns
                        .into_iter()
                        .map(|column| (column.name, column.about.unwrap_or_default()))
                        .collect(),
                });
                let known = known.collect();
                shared.write().unwrap_or_else(PoisonError::into_inner).relations = known;
            }
        };
        std::thread::Builder::new()
            .name("words".to_owned())
            .stack_size(STACK)
            .spawn(reading)
            .map(drop)
            .map_err(|e| Error::io(format!("starting a thread: {e}")))
    }
}
