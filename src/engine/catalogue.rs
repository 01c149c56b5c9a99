//! What there is to query and what it means: tables, views, their columns, functions.
//!
//! The words stand where the things are made: of a canonical table in `schema/`, of a table of the
//! registry in `registry/words`, of a view in the comment of its file, of a function in `udf/words`.
//! Nothing here is planned before somebody asks.

mod comments;
mod functions;
mod tables;

pub use functions::{FunctionInfo, FunctionKind};
pub(super) use tables::register;

use super::{Engine, query_error};
use crate::asset::Assets;
use crate::base::{Error, Result};
use comments::{Said, ViewComment};
use datafusion::catalog::{SchemaProvider, TableFunctionImpl};
use datafusion::error::Result as PlanResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableType;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
}

impl RelationKind {
    pub fn name(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::View => "view",
        }
    }
}

/// A table or a view, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub name: String,
    pub kind: RelationKind,
    /// What one row is. Empty where nobody has said it: a view of the user's without a comment.
    pub about: String,
    pub columns: Vec<ColumnInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    pub name: String,
    /// In words of SQL.
    pub data_type: String,
    pub nullable: bool,
    pub unit: Option<String>,
    pub about: Option<String>,
}

/// What the comments say, and functions that were added from above.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    views: BTreeMap<String, ViewComment>,
    added: Mutex<Vec<FunctionInfo>>,
}

impl Catalogue {
    pub(super) fn of(assets: &Assets) -> Result<Catalogue> {
        let views = assets
            .under("views/")
            .filter(|asset| asset.path.ends_with(".sql"))
            .map(|asset| Ok((asset.name().to_owned(), comments::read(asset)?)))
            .collect::<Result<_>>()?;
        Ok(Catalogue {
            views,
            added: Mutex::default(),
        })
    }

    fn about(&self, relation: &str) -> String {
        match self.views.get(relation) {
            Some(view) => view.about.clone(),
            None => comments::about_table(relation).unwrap_or_default(),
        }
    }

    /// What is said of a column: by the view itself, else by what it names as its source.
    fn said(&self, relation: &str, column: &str) -> Option<Said> {
        let mut waiting = vec![relation];
        // A view whose sources name it again is explained no better by asking twice.
        let mut asked = Vec::new();
        while let Some(name) = waiting.pop() {
            if asked.contains(&name) {
                continue;
            }
            asked.push(name);
            let Some(view) = self.views.get(name) else {
                match comments::of_table(name, column) {
                    Some(said) => return Some(said),
                    None => {
                        waiting.extend(comments::source_of_table(name));
                        continue;
                    }
                }
            };
            if let Some(said) = view.columns.get(column) {
                return Some(said.clone());
            }
            waiting.extend(view.sources.iter().rev().map(String::as_str));
        }
        None
    }

    async fn relation(&self, schema: &dyn SchemaProvider, name: &str) -> PlanResult<Option<Relation>> {
        if !schema.table_exist(name) {
            return Ok(None);
        }
        let Some(table) = schema.table(name).await? else {
            return Ok(None);
        };
        let is_view = self.views.contains_key(name) || table.table_type() == TableType::View;
        let columns = table
            .schema()
            .fields()
            .iter()
            .map(|field| {
                let said = self.said(name, field.name());
                ColumnInfo {
                    name: field.name().clone(),
                    data_type: comments::type_words(field.data_type()),
                    nullable: field.is_nullable(),
                    unit: said.as_ref().and_then(|said| said.unit.clone()),
                    about: said.map(|said| said.about),
                }
            })
            .collect();
        Ok(Some(Relation {
            name: name.to_owned(),
            kind: if is_view {
                RelationKind::View
            } else {
                RelationKind::Table
            },
            about: self.about(name),
            columns,
        }))
    }

    /// Every relation, in order of name. Views are planned for it, each once in a session.
    async fn relations(&self, schema: &dyn SchemaProvider) -> PlanResult<Vec<Relation>> {
        let mut names = schema.table_names();
        names.sort_unstable();
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            all.extend(self.relation(schema, &name).await?);
        }
        Ok(all)
    }

    fn functions(&self, state: &SessionState) -> Vec<FunctionInfo> {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        functions::all(state, &added)
    }
}

/// Where the tables and views of a session are.
fn schema_of(state: &SessionState) -> Result<Arc<dyn SchemaProvider>> {
    let options = &state.config_options().catalog;
    state
        .catalog_list()
        .catalog(&options.default_catalog)
        .and_then(|catalog| catalog.schema(&options.default_schema))
        .ok_or_else(|| Error::internal("the session has no schema of its own"))
}

impl Engine {
    /// The names of all tables and views. Nothing is planned for it.
    pub fn relation_names(&self) -> Result<Vec<String>> {
        let mut names = schema_of(&self.context.state())?.table_names();
        names.sort_unstable();
        Ok(names)
    }

    /// Every table and view with its columns, in order of name. The first call plans all views.
    pub async fn relations(&self) -> Result<Vec<Relation>> {
        let schema = schema_of(&self.context.state())?;
        self.catalogue
            .relations(schema.as_ref())
            .await
            .map_err(query_error)
    }

    /// One of them, by its exact name.
    pub async fn relation(&self, name: &str) -> Result<Option<Relation>> {
        let schema = schema_of(&self.context.state())?;
        self.catalogue
            .relation(schema.as_ref(), name)
            .await
            .map_err(query_error)
    }

    /// Every function that is explained, in order of name: ours first to be named, then the engine's own.
    pub fn functions(&self) -> Vec<FunctionInfo> {
        self.catalogue.functions(&self.context.state())
    }

    /// Adds a table function of a module above this one.
    pub fn add_table_function(&self, info: FunctionInfo, function: Arc<dyn TableFunctionImpl>) {
        self.context.register_udtf(&info.name, function);
        let mut added = self
            .catalogue
            .added
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        added.push(info);
    }
}
