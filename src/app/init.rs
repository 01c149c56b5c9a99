//! `init`: a commented configuration and an empty lake.

use super::{Console, Status, open};
use crate::base::{Context, Error, Result};
use crate::config::{Config, EXAMPLE};
use crate::schema::TABLES;
use std::path::Path;

pub async fn init(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let path = Path::new("spendscope.toml");
    if path.exists() {
        return Err(
            Error::usage("spendscope.toml is here already").advise("edit it, or run init in another folder")
        );
    }
    std::fs::write(path, EXAMPLE).context("writing spendscope.toml")?;
    let lake = open::lake(config).await?;
    lake.create().await?;
    console.say(&format!(
        "wrote spendscope.toml, and a lake with {} empty tables in {}",
        TABLES.len(),
        lake.place()
    ));
    console.say("next: name your use cases, providers and GPU nodes in spendscope.toml, then: spendscope ingest FILES");
    Ok(Status::Done)
}
