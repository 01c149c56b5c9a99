//! `pull`: what the connectors fetch goes into the lake; each is told apart, and one that fails stops no other.

use super::ingest::{IngestRequest, prepare};
use super::ingest_summary::summarise;
use super::{Console, Status, open};
use crate::base::time::parse_bound;
use crate::base::{Error, Result};
use crate::config::Config;
use crate::ingest::{Progress, Step};
use crate::pull::{self, Patience, Pulled};

#[derive(Debug, Default)]
pub struct PullRequest {
    pub names: Vec<String>,
    pub since: Option<String>,
    pub accept_shrink: bool,
}

pub async fn pull(config: &Config, request: &PullRequest, console: &mut dyn Console) -> Result<Status> {
    let connectors = config.pull.select(&request.names)?;
    let since = request
        .since
        .as_deref()
        .map(|text| parse_bound(text, config.settings.zone))
        .transpose()?;
    let files = IngestRequest {
        accept_shrink: request.accept_shrink,
        ..IngestRequest::default()
    };
    let (catalog, options) = prepare(config, &files)?;
    let lake = open::lake(config).await?;
    let secrets = |secret: &_| config.secret(secret);
    let request = pull::Request {
        since,
        patience: Patience::default(),
        catalog: &catalog,
        options: &options,
        secrets: &secrets,
    };
    let all = pull::pull(&lake, &connectors, &request, &mut Line { console }).await;
    console.progress_end();
    for pulled in &all {
        tell(pulled, console);
    }
    let failed: Vec<_> = all
        .iter()
        .filter_map(|p| Some((&p.name, p.error.as_ref()?)))
        .collect();
    if !failed.is_empty() {
        return Err(failure(&failed, all.len()));
    }
    match all.iter().any(|p| p.report.has_rejects()) {
        true => Ok(Status::Rejected),
        false => Ok(Status::Done),
    }
}

/// One error for all that failed: it is all that is heard with --quiet.
fn failure(failed: &[(&String, &Error)], of: usize) -> Error {
    let mut text = format!("{} of {of} connectors failed", failed.len());
    for (name, error) in failed {
        text.push_str(&format!("\n  {name}: {error}"));
        if let Some(advice) = error.advice() {
            text.push_str(&format!("\n    {advice}"));
        }
    }
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    Error::io(text).advise(format!(
        "what was fetched is kept; run it again with: spendscope pull {}",
        names.join(" ")
    ))
}

fn tell(pulled: &Pulled, console: &mut dyn Console) {
    console.say(&format!("{} ({})", pulled.name, pulled.kind));
    summarise(&pulled.report, console);
    for note in &pulled.notes {
        console.say(&format!("    note: {note}"));
    }
    for further in pulled.report.refused.iter().skip(1) {
        console.say(&format!("    refused: {}", further.reason));
    }
    if pulled.error.is_none() && pulled.report.files.is_empty() {
        console.say("    nothing new");
    }
}

/// What is being done; how much there will be, nobody knows.
struct Line<'a> {
    console: &'a mut dyn Console,
}

impl Progress for Line<'_> {
    fn on(&mut self, step: Step<'_>) -> Result<()> {
        match step {
            Step::Fetching { path, .. } | Step::Reading { path, .. } => self.console.progress(path, 0, 0),
            Step::Committing { table } => self.console.progress(&format!("committing {table}"), 0, 0),
            Step::Found { .. } | Step::Decoded { .. } | Step::Read { .. } | Step::Committed { .. } => {}
        }
        Ok(())
    }
}
