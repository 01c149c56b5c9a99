//! `demo`: the whole job on the sample data, as a newcomer would run it command by command.

use super::ingest::{IngestRequest, ingest};
use super::{Console, Status, drill_run, metric_run, reconcile, report};
use crate::base::{Error, Result};
use crate::config::{Config, Overrides};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct DemoRequest {
    pub out: PathBuf,
    pub data: PathBuf,
}

/// The demo's clock: two days after the sample quarter, so that the last labels are still coming in.
const NOW: &str = "2026-10-03T06:00:00Z";
const MONTH: &str = "2026-09";
const DRILL: &str = "gpu-shock-and-surge";
const METRICS: [&str; 3] = [
    "spend/by_scope",
    "unit/cost_per_successful_task",
    "ledger/unmetered",
];

pub async fn demo(request: &DemoRequest, console: &mut dyn Console) -> Result<Status> {
    let toml = request.data.join("spendscope.toml");
    if !toml.exists() {
        return Err(
            Error::usage(format!("no sample data in {}", request.data.display()))
                .advise("run the demo from the project's folder, or say --data FOLDER"),
        );
    }
    std::fs::create_dir_all(&request.out)?;
    let config = Config::resolve(&Overrides {
        lake: Some(request.out.join("lake").to_string_lossy().into_owned()),
        config: Some(toml),
        now: Some(NOW.to_owned()),
        period: Some(MONTH.to_owned()),
        ..Overrides::default()
    })?;

    heading(
        console,
        "Ingest: bills, gateway logs, GPU telemetry, outcomes, prices, rates",
    );
    for (folder, source) in deliveries(&request.data)? {
        let request = IngestRequest {
            paths: vec![folder.to_string_lossy().into_owned()],
            source,
            ..IngestRequest::default()
        };
        ingest(&config, &request, console).await?;
    }

    heading(
        console,
        "Reconcile: does every billed amount add up to its leaves?",
    );
    let quarter = Config {
        window: None,
        ..config.clone()
    };
    let balanced = reconcile(&quarter, console).await?;
    if balanced != Status::Done {
        return Ok(balanced);
    }

    for name in METRICS {
        heading(console, &format!("Metric {name}, September 2026"));
        metric_run(&config, name, None, &[], console).await?;
    }

    heading(console, "Board: the picture for the leader's e-mail");
    report(&config, "board", &request.out, &[], console).await?;

    heading(console, &format!("Budget drill: {DRILL}"));
    let verdict = drill_run(&config, DRILL, None, None, &request.out, console).await?;
    if verdict == Status::SaysNo {
        console
            .say("the drill breaches its budget, as this one is meant to: on its own it exits with status 3");
    }

    heading(console, "What there is to look at");
    for name in [
        "board.png",
        "board.html",
        "gpu-shock-and-surge.png",
        "gpu-shock-and-surge.html",
    ] {
        console.say(&format!("  {}", request.out.join(name).display()));
    }
    console.say(&format!(
        "ask it yourself: spendscope --config {} --lake {} sql -c \"SELECT leaf, sum(amount) FROM ledger WHERE currency = 'USD' GROUP BY leaf\"",
        request.data.join("spendscope.toml").display(),
        request.out.join("lake").display(),
    ));
    Ok(Status::Done)
}

fn heading(console: &mut dyn Console, title: &str) {
    console.say("");
    console.say(&format!("── {title}"));
}

/// The deliveries of the sample: every folder of `billing/` and `gpu/` under its own name, the rest
/// under the names of their formats.
fn deliveries(data: &Path) -> Result<Vec<(PathBuf, Option<String>)>> {
    let mut found = Vec::new();
    for kind in ["reference", "billing", "gateway", "gpu", "outcomes"] {
        let folder = data.join(kind);
        let named = matches!(kind, "billing" | "gpu");
        if !named {
            found.push((folder, None));
            continue;
        }
        let mut sources: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        sources.sort();
        for source in sources.into_iter().filter(|path| path.is_dir()) {
            let name = source.file_name().map(|n| n.to_string_lossy().into_owned());
            found.push((source, name));
        }
    }
    Ok(found)
}
