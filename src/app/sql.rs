//! `sql`: one query, a script, or standard input. Read-only.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::frame::Frame;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

pub async fn sql(config: &Config, script: &str, console: &mut dyn Console) -> Result<Status> {
    let engine = open::engine(config).await?;
    for statement in engine.statements(script)? {
        let batches = engine.user_query(&statement).await?;
        let Some(schema) = batches.first().map(RecordBatch::schema) else {
            continue;
        };
        show(console, &Frame::guess(concat_batches(&schema, &batches)?))?;
    }
    Ok(Status::Done)
}
