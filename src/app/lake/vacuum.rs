//! `lake vacuum`: data files that only versions beyond the promised history name, what killed runs left behind, and kept
//! rows that nothing will find again.

use super::{bytes, instant};
use crate::app::{Console, Status, open};
use crate::base::clock::{Clock, SystemClock};
use crate::base::{Error, Result};
use crate::config::{self, Config};
use crate::engine::sweep_kept;
use crate::schema::TABLES;
use chrono::TimeDelta;
use std::time::SystemTime;

/// Kept rows that nobody has read for so long are not read any more.
const UNREAD: TimeDelta = TimeDelta::days(30);

#[derive(Debug)]
pub struct VacuumRequest {
    pub older_than: Option<TimeDelta>,
    /// The user knows that `--as-of` then reaches less far than the configuration promises.
    pub shorten_history: bool,
    pub dry_run: bool,
}

pub async fn lake_vacuum(
    config: &Config,
    request: &VacuumRequest,
    console: &mut dyn Console,
) -> Result<Status> {
    let age = request.older_than.unwrap_or(config.keep_history);
    let horizon = config.clock.now() - age;
    if age < config.keep_history && !request.shorten_history {
        return Err(Error::usage(format!(
            "the configuration promises that --as-of reaches back {} days; after this it would reach no instant before {}",
            config.keep_history.num_days(),
            instant(horizon)
        ))
        .advise("leave --older-than out, or set [lake] keep_history, or add --shorten-history"));
    }
    let lake = open::existing(config).await?;
    let mut all = Vec::new();
    let (mut young, mut replaced, mut unnamed) = (0, (0, 0), (0, 0));
    for (done, table) in TABLES.into_iter().enumerate() {
        console.progress(table.name, done as u64, TABLES.len() as u64);
        let garbage = lake.garbage(table, horizon).await?;
        young += garbage.young;
        for (sum, more) in [
            (&mut replaced, garbage.replaced()),
            (&mut unnamed, garbage.unnamed()),
        ] {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
        all.push(garbage);
    }
    console.progress_end();
    if !request.dry_run {
        lake.remove(&all, horizon).await?;
    }
    let done = match request.dry_run {
        true => "would be removed",
        false => "removed",
    };
    console.say(&format!(
        "{} data files with {} that only versions before {} name: {done}",
        replaced.0,
        bytes(replaced.1),
        instant(horizon)
    ));
    console.say(&format!(
        "{} data files with {} that killed runs left behind: {done}",
        unnamed.0,
        bytes(unnamed.1)
    ));
    if young > 0 {
        console.say(&format!(
            "{young} data files that no version names are younger than two days and may be a running ingest's: left alone"
        ));
    }
    let (entries, size) = sweep(config, request.dry_run);
    console.say(&format!(
        "{entries} kept views with {} that nothing will find again: {done}",
        bytes(size)
    ));
    if replaced.0 > 0 {
        console.say(&format!(
            "--as-of {} no instant before {}",
            match request.dry_run {
                true => "would then reach",
                false => "now reaches",
            },
            instant(horizon)
        ));
    }
    Ok(Status::Done)
}

/// Rows kept for another build of the program, or that nobody reads.
fn sweep(config: &Config, dry_run: bool) -> (u64, u64) {
    let Some(kept) = &config.settings.kept else {
        return (0, 0);
    };
    let unread = SystemTime::from(SystemClock.now() - UNREAD);
    let since = config::program_since().map_or(unread, |program| program.max(unread));
    sweep_kept(&kept.path, since, dry_run)
}
