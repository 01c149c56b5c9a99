//! Views worked out once and answered from memory, for callers that ask the same views dozens of times
//! about one moment, as a report does.

use super::{Engine, query_error};
use crate::base::Result;
use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use futures::StreamExt;
use std::sync::Arc;

impl Engine {
    /// Keeps the results of views in memory, in the order given: a view that is kept is what later ones that
    /// queries name are joined with. One of more than `most_rows` rows stays a view, so nothing grows without
    /// bound. The answers are the same, only sooner.
    pub async fn keep(&self, views: &[&str], most_rows: usize) -> Result<()> {
        for view in views {
            let frame = self.context.table(*view).await.map_err(query_error)?;
            let schema = Arc::new(frame.schema().as_arrow().clone());
            let mut stream = frame.execute_stream().await.map_err(query_error)?;
            let mut batches: Vec<RecordBatch> = Vec::new();
            let mut rows = 0;
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(query_error)?;
                rows += batch.num_rows();
                if rows > most_rows {
                    break;
                }
                batches.push(batch);
            }
            if rows > most_rows {
                continue;
            }
            // What ran may know better than the plan whether a column can be NULL.
            let schema = batches.first().map_or(schema, RecordBatch::schema);
            let table = MemTable::try_new(schema, vec![batches]).map_err(query_error)?;
            self.context.deregister_table(*view).map_err(query_error)?;
            self.context.register_table(*view, Arc::new(table)).map_err(query_error)?;
        }
        Ok(())
    }
}
