//! Reading a snapshot back inside the program: ingest's identity checks, tests.

use super::Snapshot;
use crate::base::Result;
use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{Expr, SessionConfig, SessionContext, col};
use futures::TryStreamExt;
use std::sync::Arc;

impl Snapshot {
    /// Some columns of the rows for which all filters hold, batch by batch. No columns: all of them.
    pub async fn stream(&self, columns: &[&str], filters: &[Expr]) -> Result<SendableRecordBatchStream> {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let mut frame = context.read_table(self.table_provider())?;
        for filter in filters {
            frame = frame.filter(filter.clone())?;
        }
        if !columns.is_empty() {
            frame = frame.select(columns.iter().map(|c| col(format!("\"{c}\""))))?;
        }
        Ok(frame.execute_stream().await?)
    }

    /// All rows in order of partition and `sort_by`, in so many bytes of memory; beyond it they wait on the disk.
    pub(super) async fn in_order(&self, memory: usize) -> Result<SendableRecordBatchStream> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .build_arc()?;
        let config = SessionConfig::new().with_target_partitions(1);
        let context = SessionContext::new_with_config_rt(config, runtime);
        let by = self.table.partition_by.iter().chain(self.table.sort_by);
        let by = by
            .map(|name| col(format!("\"{name}\"")).sort(true, true))
            .collect();
        let frame = context.read_table(self.table_provider())?.sort(by)?;
        Ok(frame.execute_stream().await?)
    }

    /// The rows of `stream`, all at once.
    pub async fn read(&self, columns: &[&str], filters: &[Expr]) -> Result<Vec<RecordBatch>> {
        Ok(self.stream(columns, filters).await?.try_collect().await?)
    }
}
