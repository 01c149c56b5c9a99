//! `lake compact`: small data files put together. The rows, and every answer, stay what they are.

use super::{bytes, tables};
use crate::app::{Console, Status, open};
use crate::base::Result;
use crate::config::Config;
use crate::store::Compacted;

pub async fn lake_compact(
    config: &Config,
    names: &[String],
    dry_run: bool,
    console: &mut dyn Console,
) -> Result<Status> {
    let lake = open::existing(config).await?;
    let mut nothing = true;
    for table in tables(names)? {
        let Some(snapshot) = lake.snapshot(table, None).await? else {
            continue;
        };
        let planned = snapshot.compactable();
        if planned.files_before == 0 {
            continue;
        }
        nothing = false;
        if dry_run {
            console.say(&format!(
                "{}: {} files with {} would become about {}",
                table.name,
                planned.files_before,
                bytes(planned.bytes_before),
                planned.files_after
            ));
            continue;
        }
        let done = lake
            .compact(table, &mut |done: &Compacted| {
                console.progress(table.name, done.files_before, planned.files_before);
            })
            .await;
        console.progress_end();
        console.say(&told(table.name, &done?));
    }
    if nothing {
        console.say("there is nothing to put together");
    }
    Ok(Status::Done)
}

fn told(table: &str, done: &Compacted) -> String {
    let mut line = format!(
        "{table}: {} rows of {} files with {} now stand in {} with {}",
        done.rows,
        done.files_before,
        bytes(done.bytes_before),
        done.files_after,
        bytes(done.bytes_after)
    );
    if done.overtaken > 0 {
        line.push_str(&format!(
            "; {} files were replaced by somebody else meanwhile",
            done.overtaken
        ));
    }
    line
}
