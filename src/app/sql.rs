//! `sql`: one query, a script, or standard input. Read-only.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::engine::Engine;
use crate::frame::Frame;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

pub async fn sql(config: &Config, script: &str, console: &mut dyn Console) -> Result<Status> {
    let statements = Engine::statements(script)?;
    let engine = open::engine(config).await?;
    for statement in statements {
        let batches = engine.user_statement(statement).await?;
        let Some(schema) = batches.first().map(RecordBatch::schema) else {
            continue;
        };
        show(console, &Frame::guess(concat_batches(&schema, &batches)?))?;
    }
    Ok(Status::Done)
}
