//! `check`: the data-quality and conservation checks.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::check;
use crate::config::Config;

pub async fn check(config: &Config, tier: &str, console: &mut dyn Console) -> Result<Status> {
    let tier = tier.parse()?;
    let engine = open::engine(config).await?;
    let findings = check::run(&engine, &config.assets, tier).await?;
    show(console, &check::to_frame(&findings)?)?;
    let failed = findings.iter().filter(|f| f.fails()).count();
    if failed > 0 {
        console.say(&format!("{failed} of {} checks say no", findings.len()));
        return Ok(Status::SaysNo);
    }
    console.say(&format!("{} checks passed", findings.len()));
    Ok(Status::Done)
}
