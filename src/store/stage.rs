//! Rows into data files while they are being read: a thread of its own sorts and encodes what decoding hands out,
//! so that both processors have work and memory stays bounded, whatever the size of the files.
//!
//! Data files are invisible until a commit names them. As long as they are small they wait in memory, and a delivery
//! that changes nothing leaves no trace; beyond that they are put where they belong, and taken away again if no commit
//! will name them. A process that is killed leaves at most files that nobody names.

use super::delta::{self, Purpose};
use super::object::Location;
use super::snapshot::DataFile;
use super::trouble;
use super::write::{self, Encoded, Writer};
use super::{Committed, Lake, Replace, Snapshot};
use crate::base::{Error, Result, seed};
use crate::schema::{TableSchema, Ty};
use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use bytes::Bytes;
use deltalake::kernel::{Action, Add};
use futures::future::try_join_all;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

/// Bytes of finished files that wait in memory for their commit.
const PENDING_BYTES: usize = 64 << 20;
/// Batches that wait for the thread that encodes them.
const QUEUE: usize = 2;
/// Larger files go to a server in parts: a put of one piece would have to be through before the request times out.
const PART: usize = 16 << 20;
/// Data files that go to a server at once.
const UPLOADS: usize = 4;
/// Rows that are read back at a time.
const BATCH_ROWS: usize = 8 * 1024;

enum Order {
    Take(RecordBatch),
    Finish(oneshot::Sender<Result<Staged>>),
}

/// Takes rows as they are decoded.
pub struct Stage {
    table: &'static TableSchema,
    orders: SyncSender<Order>,
}

/// Data files that no commit names yet.
#[derive(Debug)]
pub struct Staged {
    location: Location,
    table: &'static TableSchema,
    files: Vec<StagedFile>,
}

#[derive(Debug)]
pub struct StagedFile {
    add: Add,
    partition: Vec<String>,
    rows: u64,
    place: Path,
    /// While it waits in memory.
    bytes: Option<Bytes>,
    /// It lies where the commit will name it.
    put: AtomicBool,
}

impl Lake {
    /// A place for rows that will be committed, or not. To be called from within a runtime.
    pub fn stage(&self, table: &'static TableSchema) -> Result<Stage> {
        let writer = Writer::new(table, self.clock.now().timestamp_millis())?;
        let runtime = Handle::current();
        // In a runtime of one thread nobody can wait for a server while that thread waits for this one.
        let queue = match runtime.runtime_flavor() {
            RuntimeFlavor::CurrentThread => 1 << 14,
            _ => QUEUE,
        };
        let (orders, to_do) = sync_channel(queue);
        let staged = Staged {
            location: self.location.clone(),
            table,
            files: Vec::new(),
        };
        thread::spawn(move || work(writer, staged, &to_do, &runtime));
        Ok(Stage { table, orders })
    }

    /// Rows that are in memory already, as data files.
    pub(super) fn encode(&self, table: &'static TableSchema, add: &[RecordBatch]) -> Result<Staged> {
        let mut writer = Writer::new(table, self.clock.now().timestamp_millis())?;
        let mut staged = Staged {
            location: self.location.clone(),
            table,
            files: Vec::new(),
        };
        for batch in add {
            for file in writer.push(batch)? {
                staged.take(file)?;
            }
        }
        for file in writer.finish()? {
            staged.take(file)?;
        }
        Ok(staged)
    }

    /// Commits some of the staged files, in the place of what is replaced. `None`: the table has moved on since
    /// `base`, and the change has to be worked out anew; the files stay staged.
    pub async fn try_commit_staged(
        &self,
        table: &'static TableSchema,
        base: Option<&Snapshot>,
        files: &[&StagedFile],
        replace: &Replace,
        txn: &str,
    ) -> Result<Option<Committed>> {
        let replaced: Vec<_> = base
            .map(|b| b.files.iter())
            .into_iter()
            .flatten()
            .filter(|file| match replace {
                Replace::Nothing => false,
                Replace::Partitions(partitions) => partitions.contains(&file.partition),
                Replace::Files(names) => names.contains(&file.path),
            })
            .collect();
        self.commit_files(table, base, files, &replaced, Purpose::Change(txn.to_owned()))
            .await
    }

    /// Names staged files in the place of others, on top of `base`. `None`: the table has moved on since.
    pub(super) async fn commit_files(
        &self,
        table: &'static TableSchema,
        base: Option<&Snapshot>,
        files: &[&StagedFile],
        replaced: &[&DataFile],
        purpose: Purpose,
    ) -> Result<Option<Committed>> {
        self.location.keeps_writers_apart().await?;
        if let Err(e) = self.put(table, files).await {
            remove(&self.location, files).await;
            return Err(e);
        }
        let written_at = self.clock.now().timestamp_millis();
        let changes_data = purpose.changes_data();
        let removes = replaced.iter().map(|file| {
            let mut remove = file.remove.clone();
            remove.deletion_timestamp = Some(written_at);
            remove.data_change = changes_data;
            Action::Remove(remove)
        });
        let files_removed = replaced.len();
        let adds = files.iter().map(|file| {
            let mut add = file.add.clone();
            add.data_change = changes_data;
            Action::Add(add)
        });
        let actions = delta::Actions {
            actions: removes.chain(adds).collect(),
            purpose,
            command: Arc::clone(&self.command),
        };
        let log_store = delta::log_store(&self.location, table)?;
        let state = base.map(|b| b.state.as_ref());
        let committed =
            delta::commit(table, Arc::clone(&log_store), state, actions, self.clock.as_ref()).await;
        let version = match committed {
            Ok(version) => version,
            Err(e) => {
                // On a disk it can be seen that there is no commit; of a server nobody knows what is still on its way.
                let next = base.map_or(0, |b| b.state.version() + 1);
                if !self.location.is_remote() && matches!(log_store.read_commit_entry(next).await, Ok(None)) {
                    remove(&self.location, files).await;
                }
                return Err(e);
            }
        };
        if version.is_none() && self.location.is_remote() {
            // Two that lose to one another in step would do so again.
            tokio::time::sleep(Duration::from_millis(20 + seed::nonce() % 300)).await;
        }
        Ok(version.map(|version| Committed {
            version,
            rows_added: files.iter().map(|file| file.rows).sum(),
            files_added: files.len(),
            files_removed,
        }))
    }

    async fn put(&self, table: &'static TableSchema, files: &[&StagedFile]) -> Result<()> {
        for some in files.chunks(UPLOADS) {
            let puts: Vec<_> = some.iter().map(|file| file.put(&self.location)).collect();
            try_join_all(puts)
                .await
                .map_err(|e| e.context(format!("writing {}", table.name)))?;
        }
        Ok(())
    }
}

impl Stage {
    /// Takes rows of the table, in any order and of any partition. Waits while the encoding is behind.
    pub fn push(&self, batch: RecordBatch) -> Result<()> {
        self.orders.send(Order::Take(batch)).map_err(|_| self.gone())
    }

    /// All rows as data files.
    pub async fn finish(self) -> Result<Staged> {
        let (answer, staged) = oneshot::channel();
        let table = self.table;
        let asked = self.orders.send(Order::Finish(answer));
        let staged = match asked {
            Ok(()) => staged.await.map_err(|_| self.gone())?,
            Err(_) => Err(self.gone()),
        };
        staged.map_err(|e| e.context(format!("writing {}", table.name)))
    }

    /// Takes away what was staged.
    pub async fn discard(self) {
        if let Ok(staged) = self.finish().await {
            staged.discard().await;
        }
    }

    fn gone(&self) -> Error {
        Error::internal(format!("the thread that writes {} is gone", self.table.name))
    }
}

/// Encodes until told to finish. After an error it only waits to tell it.
fn work(writer: Writer, mut staged: Staged, to_do: &Receiver<Order>, runtime: &Handle) {
    let mut writer = Some(writer);
    let mut failed = None;
    let fail = |staged: &Staged, e: Error| {
        runtime.block_on(staged.discard());
        Some(e)
    };
    while let Ok(order) = to_do.recv() {
        match order {
            Order::Take(batch) => {
                let Some(open) = writer.as_mut() else { continue };
                let result = open.push(&batch).and_then(|files| staged.keep(files, runtime));
                if let Err(e) = result {
                    writer = None;
                    failed = fail(&staged, e);
                }
            }
            Order::Finish(answer) => {
                if let Some(open) = writer.take()
                    && let Err(e) = open.finish().and_then(|files| staged.keep(files, runtime))
                {
                    failed = fail(&staged, e);
                }
                // Nobody who waits: then nobody will commit it either.
                let _ = answer.send(match failed.take() {
                    Some(e) => Err(e),
                    None => Ok(staged),
                });
                return;
            }
        }
    }
    runtime.block_on(staged.discard());
}

impl Staged {
    fn take(&mut self, file: Encoded) -> Result<()> {
        self.files.push(StagedFile {
            place: write::file_path(&self.location, self.table, &file.add.path)?,
            add: file.add,
            partition: file.partition,
            rows: file.rows,
            bytes: Some(file.bytes),
            put: AtomicBool::new(false),
        });
        Ok(())
    }

    /// Takes files in; what is too much for the memory goes to its place.
    fn keep(&mut self, files: Vec<Encoded>, runtime: &Handle) -> Result<()> {
        for file in files {
            self.take(file)?;
        }
        let size = |file: &StagedFile| file.bytes.as_ref().map_or(0, Bytes::len);
        let mut pending: usize = self.files.iter().map(size).sum();
        for file in &mut self.files {
            if pending <= PENDING_BYTES {
                break;
            }
            if file.bytes.is_none() {
                continue;
            }
            runtime.block_on(async {
                self.location.keeps_writers_apart().await?;
                file.put(&self.location).await
            })?;
            pending -= size(file);
            file.bytes = None;
        }
        Ok(())
    }

    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    pub fn files(&self) -> &[StagedFile] {
        &self.files
    }

    /// Some columns of the rows of a file, in its order. No columns: all of them.
    pub async fn read(
        &self,
        file: &StagedFile,
        columns: &[&str],
        each: &mut (dyn FnMut(RecordBatch) -> Result<()> + Send),
    ) -> Result<()> {
        let bytes = match &file.bytes {
            Some(bytes) => bytes.clone(),
            None => {
                let read = async { self.location.store.get(&file.place).await?.bytes().await };
                read.await
                    .map_err(|e| trouble::told(&e, Error::io).context(format!("reading {}", file.place)))?
            }
        };
        let wanted = |name: &str| columns.is_empty() || columns.contains(&name);
        let schema = self.table.arrow();
        let fields = schema.fields().iter().filter(|f| wanted(f.name()));
        let schema = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        let parquet = builder.parquet_schema();
        let in_file = schema.fields().iter().map(|f| f.name().as_str());
        let mask = ProjectionMask::columns(parquet, in_file);
        for batch in builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()?
        {
            let batch = batch?;
            let arrays = schema
                .fields()
                .iter()
                .map(|field| match batch.column_by_name(field.name()) {
                    Some(array) => Ok(Arc::clone(array)),
                    None => self.partition_value(file, field.name(), batch.num_rows()),
                });
            each(RecordBatch::try_new(
                Arc::clone(&schema),
                arrays.collect::<Result<_>>()?,
            )?)?;
        }
        Ok(())
    }

    /// A column of the one value that all rows of the file have.
    fn partition_value(&self, file: &StagedFile, name: &str, rows: usize) -> Result<ArrayRef> {
        let at = self.table.partition_by.iter().position(|c| *c == name);
        let value = at.and_then(|at| file.partition.get(at));
        let lost = || Error::internal(format!("{}: {} has no {name}", self.table.name, file.place));
        let value = value.ok_or_else(lost)?;
        Ok(match self.table.column(name).map(|c| c.ty) {
            Some(Ty::Date) => {
                let day = crate::base::time::parse_date(value).ok_or_else(lost)?;
                Arc::new(Date32Array::from_value(super::stats::days(day), rows))
            }
            _ => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))),
        })
    }

    /// Takes the files away that no commit will name. What cannot be deleted stays, and nobody sees it.
    pub async fn discard(&self) {
        let all: Vec<&StagedFile> = self.files.iter().collect();
        remove(&self.location, &all).await;
    }

    /// The same for some of them.
    pub async fn discard_files(&self, files: &[&StagedFile]) {
        remove(&self.location, files).await;
    }
}

async fn remove(location: &Location, files: &[&StagedFile]) {
    for file in files {
        if file.put.swap(false, Ordering::Relaxed) {
            let _ = location.store.delete(&file.place).await;
        }
    }
}

impl StagedFile {
    /// Values of `partition_by`.
    pub fn partition(&self) -> &[String] {
        &self.partition
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.add.size).unwrap_or(0)
    }

    async fn put(&self, location: &Location) -> Result<()> {
        let Some(bytes) = self.bytes.as_ref().filter(|_| !self.put.load(Ordering::Relaxed)) else {
            return Ok(());
        };
        let part = match location.is_remote() {
            true => PART,
            false => usize::MAX,
        };
        // Half a file is to be taken away too.
        self.put.store(true, Ordering::Relaxed);
        upload(location.store.as_ref(), &self.place, bytes.clone(), part)
            .await
            .map_err(|e| trouble::told(&e, Error::io).context(format!("writing {}", self.place)))
    }
}

async fn upload(
    store: &dyn ObjectStore,
    target: &Path,
    mut bytes: Bytes,
    part: usize,
) -> object_store::Result<()> {
    if bytes.len() <= part {
        store.put(target, PutPayload::from(bytes)).await?;
        return Ok(());
    }
    let mut upload = store.put_multipart(target).await?;
    while !bytes.is_empty() {
        let piece = bytes.split_to(part.min(bytes.len()));
        if let Err(e) = upload.put_part(piece.into()).await {
            // What it leaves behind cannot be seen; the first error is the one to tell.
            let _ = upload.abort().await;
            return Err(e);
        }
    }
    upload.complete().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_file_in_parts_is_the_file() {
        let store = object_store::memory::InMemory::new();
        let bytes: Vec<u8> = (0..=250).collect();
        for part in [1, 30, 250, 251, usize::MAX] {
            let target = Path::from(format!("{part}"));
            upload(&store, &target, Bytes::from(bytes.clone()), part)
                .await
                .unwrap();
            assert_eq!(
                store.get(&target).await.unwrap().bytes().await.unwrap(),
                bytes,
                "{part}"
            );
        }
    }
}
