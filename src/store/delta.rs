//! The Delta side: creating a table with our columns and comments, and one atomic commit.
//! Knows nothing of what the rows mean.

use super::object::Location;
use super::trouble;
use crate::base::clock::Clock;
use crate::base::{Error, Result, seed};
use crate::schema::TableSchema;
use arrow::datatypes::{Field, Schema};
use chrono::SecondsFormat;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, MetadataExt, Protocol, StructType, Transaction, new_metadata};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTableError, TableProperty};
use object_store::prefix::PrefixStore;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Our moment of a commit, by the clock of the run. Delta's own timestamp is the wall clock's.
pub(super) const AT: &str = "spendscope.at";
/// What the user had called when it was made, such as `lake compact`.
pub(super) const COMMAND: &str = "spendscope.command";
/// A mark that only this try has: an answer can get lost after the commit was made.
const TRY: &str = "spendscope.try";

pub(super) fn log_store(location: &Location, table: &TableSchema) -> Result<LogStoreRef> {
    let prefixed = PrefixStore::new(Arc::clone(&location.store), location.table_prefix(table.name));
    let url = location.table_url(table.name)?;
    Ok(default_logstore(
        Arc::new(prefixed),
        Arc::clone(&location.store),
        &url,
        &StorageConfig::default(),
    ))
}

/// What one commit does.
pub(super) struct Actions {
    pub(super) actions: Vec<Action>,
    pub(super) purpose: Purpose,
    /// Empty where nobody says.
    pub(super) command: Arc<str>,
}

/// Why a commit is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Facts change; the name of the change is kept in the log for ever.
    Change(String),
    /// The same rows in other files.
    Compaction,
}

impl Purpose {
    pub(super) fn changes_data(&self) -> bool {
        matches!(self, Purpose::Change(_))
    }
}

/// Commits on top of `base`, or creates the table. `None`: somebody else was faster.
pub(super) async fn commit(
    table: &TableSchema,
    log_store: LogStoreRef,
    base: Option<&DeltaTableState>,
    change: Actions,
    clock: &dyn Clock,
) -> Result<Option<i64>> {
    let version = base.map_or(0, |b| b.version() + 1);
    let now = clock.now();
    let at = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    let mark = format!("{:016x}", seed::nonce());
    let log = Arc::clone(&log_store);
    let mut about = vec![(AT.to_owned(), json!(at)), (TRY.to_owned(), json!(mark))];
    if !change.command.is_empty() {
        about.push((COMMAND.to_owned(), json!(&*change.command)));
    }
    let operation = match &change.purpose {
        Purpose::Change(_) => DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(table.partition_by.iter().map(|c| (*c).to_owned()).collect()),
            predicate: None,
        },
        Purpose::Compaction => DeltaOperation::Optimize {
            predicate: None,
            target_size: i64::try_from(super::write::FILE_BYTES).unwrap_or(i64::MAX),
        },
    };
    let properties = CommitProperties::default()
        .with_metadata(about)
        // A conflict is ours to solve: what is written depends on what was read.
        .with_max_retries(0)
        // History is a promise; nothing deletes it behind the user's back.
        .with_cleanup_expired_logs(Some(false));
    let properties = match change.purpose {
        Purpose::Change(name) => properties.with_application_transaction(Transaction::new_with_last_update(
            name,
            i64::try_from(version).unwrap_or(i64::MAX),
            Some(now.timestamp_millis()),
        )),
        Purpose::Compaction => properties,
    };
    let committed = match base {
        None => create(table, log_store, change.actions, properties).await,
        Some(state) => {
            let mut actions = change.actions;
            if let Some(widened) = widened(table, state)? {
                actions.push(widened);
            }
            CommitBuilder::from(properties)
                .with_actions(actions)
                .build(Some(state), log_store, operation)
                .await
                .map(|done| done.version())
        }
    };
    match committed {
        Ok(version) => Ok(Some(i64::try_from(version).unwrap_or(i64::MAX))),
        // The commit that is in the way may be this one: put, and put again because the answer got lost.
        Err(e) if lost_race(&e) && is_ours(&log, version, &mark).await? => {
            Ok(Some(i64::try_from(version).unwrap_or(i64::MAX)))
        }
        Err(e) if lost_race(&e) => Ok(None),
        Err(e) => Err(error(e).context(format!("committing to {}", table.name))),
    }
}

/// The table and its first rows, in one commit.
async fn create(
    table: &TableSchema,
    log_store: LogStoreRef,
    mut actions: Vec<Action>,
    properties: CommitProperties,
) -> Result<u64, DeltaTableError> {
    let protocol: Protocol = serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))?;
    // Log files are history, and history is kept; a checkpoint now and then keeps opening cheap.
    let configuration = [
        (TableProperty::EnableExpiredLogCleanup.as_ref(), "false"),
        (TableProperty::CheckpointInterval.as_ref(), "10"),
    ];
    let metadata = new_metadata(&delta_schema(table)?, table.partition_by, configuration)?
        .with_name(table.name.to_owned())?
        .with_description(table.grain.to_owned())?;
    let operation = DeltaOperation::Create {
        mode: SaveMode::ErrorIfExists,
        location: log_store.root_url().clone(),
        protocol: protocol.clone(),
        metadata: metadata.clone(),
    };
    actions.splice(0..0, [Action::Protocol(protocol), Action::Metadata(metadata)]);
    let done = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(None, log_store, operation)
        .await?;
    Ok(done.version())
}

/// New columns of ours that an older lake's table does not have yet.
fn widened(table: &TableSchema, state: &DeltaTableState) -> Result<Option<Action>> {
    let stored = state.schema();
    if table.columns.iter().all(|c| stored.field(c.name).is_some()) {
        return Ok(None);
    }
    let schema = delta_schema(table).map_err(error)?;
    let metadata = state
        .metadata()
        .clone()
        .with_schema(&schema)
        .map_err(|e| error(e.into()))?;
    Ok(Some(Action::Metadata(metadata)))
}

fn delta_schema(table: &TableSchema) -> Result<StructType, DeltaTableError> {
    let fields: Vec<Field> = table
        .columns
        .iter()
        .map(|column| {
            let comment = match column.unit {
                "" => column.doc.to_owned(),
                unit => format!("[{unit}] {}", column.doc),
            };
            Field::new(column.name, column.ty.arrow(), column.nullable)
                .with_metadata(HashMap::from([("comment".to_owned(), comment)]))
        })
        .collect();
    let schema: StructType = (&Schema::new(fields)).try_into_kernel()?;
    Ok(schema)
}

async fn is_ours(log_store: &LogStoreRef, version: u64, mark: &str) -> Result<bool> {
    let entry = log_store.read_commit_entry(version).await.map_err(error)?;
    Ok(entry.is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains(mark)))
}

fn lost_race(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::MaxCommitAttempts(_)
                    | TransactionError::CommitConflict(_)
                    | TransactionError::VersionAlreadyExists(_)
            }
    )
}

pub(super) fn error(error: DeltaTableError) -> Error {
    trouble::told(&error, Error::lake)
}
