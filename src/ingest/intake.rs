//! Where the rows of a delivery go while its files are read. Facts go straight into data files (`store::Stage`),
//! and only what the commit has to know of them is kept: their identities as hashes, and of bills what each month
//! holds. Lists are small and replaced whole; they are held.

use super::bill::DeliveryId;
use super::delivery::{self, FileFacts};
use super::identity::Identities;
use super::input::Input;
use super::plan::File;
use super::report::Progress;
use super::{Options, read};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use crate::source::Mapping;
use crate::store::{Lake, Stage, Staged};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use std::collections::HashSet;

/// The rows of a delivery, wherever they are.
#[derive(Debug)]
pub(super) enum Rows {
    Held(Vec<RecordBatch>),
    Staged(Box<Facts>),
}

/// Facts that wait in data files for their commit.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) staged: Staged,
    pub(super) identities: Identities,
}

impl Rows {
    pub(super) fn held(&self) -> &[RecordBatch] {
        match self {
            Rows::Held(batches) => batches,
            Rows::Staged(_) => &[],
        }
    }

    pub(super) fn facts(&self) -> Result<&Facts> {
        match self {
            Rows::Staged(facts) => Ok(facts),
            Rows::Held(_) => Err(Error::internal("facts are staged")),
        }
    }

    /// No commit will name them.
    pub(super) async fn discard(&self) {
        if let Rows::Staged(facts) = self {
            facts.staged.discard().await;
        }
    }

    /// The same rows, of which some may be left out or changed.
    pub(super) async fn again(
        self,
        intake: &mut Intake,
        change: &(dyn Fn(RecordBatch) -> Result<RecordBatch> + Sync),
    ) -> Result<()> {
        match self {
            Rows::Held(batches) => batches
                .into_iter()
                .try_for_each(|batch| intake.take(change(batch)?)),
            Rows::Staged(facts) => {
                let staged = &facts.staged;
                for file in staged.files() {
                    let mut each = |batch| intake.take(change(batch)?);
                    staged.read(file, &[], &mut each).await?;
                }
                staged.discard().await;
                Ok(())
            }
        }
    }

    /// Without the rows of some files.
    pub(super) async fn without(
        self,
        lake: &Lake,
        table: &'static TableSchema,
        hashes: &HashSet<String>,
        options: &Options,
    ) -> Result<Rows> {
        let mut intake = Intake::new(lake, table, "", options)?;
        let change = |batch: RecordBatch| {
            let from = batch
                .column_by_name("file_hash")
                .map(|c| c.as_string::<i32>().clone());
            let Some(from) = from else { return Ok(batch) };
            let stays: BooleanArray = from
                .iter()
                .map(|hash| Some(hash.is_none_or(|hash| !hashes.contains(hash))))
                .collect();
            Ok(filter_record_batch(&batch, &stays)?)
        };
        match self.again(&mut intake, &change).await {
            Ok(()) => intake.finish().await,
            Err(e) => {
                intake.discard().await;
                Err(e)
            }
        }
    }
}

/// Takes the rows of one delivery.
pub(super) struct Intake {
    table: &'static TableSchema,
    /// What the rows of a bill say that they were delivered in.
    id: DeliveryId,
    sink: Sink,
}

enum Sink {
    Held {
        batches: Vec<RecordBatch>,
        bytes: u64,
        limit: u64,
    },
    Staged {
        stage: Stage,
        identities: Identities,
    },
}

impl Intake {
    pub(super) fn new(
        lake: &Lake,
        table: &'static TableSchema,
        id: &str,
        options: &Options,
    ) -> Result<Intake> {
        let sink = match table.name {
            "prices" | "fx_rates" | "grid_intensity" => Sink::Held {
                batches: Vec::new(),
                bytes: 0,
                limit: options.held_limit,
            },
            _ => Sink::Staged {
                stage: lake.stage(table)?,
                identities: Identities::new(table),
            },
        };
        Ok(Intake {
            table,
            id: DeliveryId::new(id),
            sink,
        })
    }

    pub(super) fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let batch = match self.table.name {
            "charges" => self.id.put(&batch)?,
            _ => batch,
        };
        match &mut self.sink {
            Sink::Held {
                batches,
                bytes,
                limit,
            } => {
                *bytes += batch.get_array_memory_size() as u64;
                if *bytes > *limit {
                    return Err(Error::data(format!(
                        "the rows of this list take more than {} MiB of memory",
                        *limit >> 20
                    ))
                    .advise("deliver it in parts, each under a source of its own"));
                }
                batches.push(batch);
                Ok(())
            }
            Sink::Staged { stage, identities } => {
                identities.add(&batch);
                stage.push(batch)
            }
        }
    }

    /// Decodes one file.
    pub(super) fn read(
        &mut self,
        file: &Input,
        mapping: &Mapping,
        source: &str,
        options: &Options,
        progress: &mut dyn Progress,
    ) -> Result<FileFacts> {
        read(file, mapping, source, options, progress, &mut |batch| {
            self.take(batch)
        })
    }

    pub(super) async fn finish(self) -> Result<Rows> {
        Ok(match self.sink {
            Sink::Held { batches, .. } => Rows::Held(batches),
            Sink::Staged { stage, identities } => Rows::Staged(Box::new(Facts {
                staged: stage.finish().await?,
                identities: identities.sorted(),
            })),
        })
    }

    pub(super) async fn discard(self) {
        if let Sink::Staged { stage, .. } = self.sink {
            stage.discard().await;
        }
    }
}

/// Reads files as one delivery.
pub(super) async fn read_all(
    lake: &Lake,
    files: &[File],
    table: &'static TableSchema,
    source: &str,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(Vec<FileFacts>, Rows)> {
    let id = delivery::id(source, table.name, files.iter().map(|f| f.input.hash.as_str()));
    let mut intake = Intake::new(lake, table, &id, options)?;
    let facts = files
        .iter()
        .map(|file| {
            Ok(FileFacts {
                export: file.part.map(|part| part.export),
                ..intake.read(&file.input, &file.mapping, source, options, progress)?
            })
        })
        .collect::<Result<Vec<_>>>();
    match facts {
        Ok(facts) => Ok((facts, intake.finish().await?)),
        Err(e) => {
            intake.discard().await;
            Err(e)
        }
    }
}
