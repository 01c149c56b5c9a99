//! Reading a snapshot back inside the program: ingest's identity checks, tests.

use super::Snapshot;
use crate::base::Result;
use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{Expr, SessionConfig, SessionContext, col};
use futures::TryStreamExt;

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

    /// The same, all at once.
    pub async fn read(&self, columns: &[&str], filters: &[Expr]) -> Result<Vec<RecordBatch>> {
        Ok(self.stream(columns, filters).await?.try_collect().await?)
    }
}
