//! `sql`: one query, a script, or standard input. Read-only.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::frame::Frame;

pub async fn sql(config: &Config, script: &str, console: &mut dyn Console) -> Result<Status> {
    let engine = open::engine(config).await?;
    for statement in engine.split(script)? {
        let batch = engine.user_query(&statement).await?;
        show(console, &Frame::guess(batch))?;
    }
    Ok(Status::Done)
}
