//! One table per canonical schema, empty where there is nothing yet, and the registry's tables.

use super::registry::{self, Registry};
use crate::base::{Error, Result, hash};
use crate::schema::{TABLES, TableSchema};
use crate::store::Lake;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::prelude::SessionContext;
use std::collections::HashMap;
use std::sync::Arc;

/// What the canonical tables are read from; a table that is not given is empty.
pub(super) type Providers = HashMap<&'static str, Arc<dyn TableProvider>>;

/// What names the content of each table of a lake; a table that is not named is empty.
pub(super) type Contents = HashMap<&'static str, String>;

pub(super) fn register(context: &SessionContext, mut facts: Providers, registry: &Registry) -> Result<()> {
    for table in TABLES {
        let provider = match facts.remove(table.name) {
            Some(provider) => provider,
            None => in_memory(table.arrow(), Vec::new())?,
        };
        context.register_table(table.name, provider)?;
    }
    if let Some(name) = facts.keys().next() {
        return Err(Error::internal(format!("'{name}' is not a canonical table")));
    }
    for (name, batch) in registry::batches(registry)? {
        context.register_table(name, in_memory(batch.schema(), vec![batch])?)?;
    }
    Ok(())
}

/// Batches of canonical tables, whose columns must be exactly those of the schema.
pub(super) fn from_batches(tables: HashMap<&'static str, Vec<RecordBatch>>) -> Result<Providers> {
    let mut providers = Providers::new();
    for (name, batches) in tables {
        let table = TableSchema::named(name)
            .ok_or_else(|| Error::internal(format!("'{name}' is not a canonical table")))?;
        let schema = table.arrow();
        let batches = batches
            .into_iter()
            .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| Error::internal(e.to_string()).context(format!("table {name}")))?;
        providers.insert(table.name, in_memory(schema, batches)?);
    }
    Ok(providers)
}

/// The lake's tables, as they are or as they were; one that was never written is empty.
pub(super) async fn from_lake(lake: &Lake, as_of: Option<DateTime<Utc>>) -> Result<(Providers, Contents)> {
    let (mut providers, mut contents) = (Providers::new(), Contents::new());
    for table in TABLES {
        if let Some(snapshot) = lake.snapshot(table, as_of).await? {
            contents.insert(
                table.name,
                hash::content_hash(snapshot.file_names().join("\n").as_bytes()),
            );
            providers.insert(table.name, snapshot.table_provider());
        }
    }
    Ok((providers, contents))
}

fn in_memory(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}
