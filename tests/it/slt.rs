//! SQL logic tests: tiny literal inputs, answers worked out by hand, one file per view, metric and
//! check under `tests/slt/`, at the path it has under `queries/`. Files under `tests/slt/mistakes/` stand
//! for a mistake that somebody's tool has shipped, and bear its name; those under `tests/slt/functions/` ask
//! what people ask: FOCUS's columns in any case, JSON, tags, periods, metrics.
//!
//! Beside SQL, a statement may be a directive: see `slt/lab.rs`. `SPENDSCOPE_UPDATE=1` fills in what
//! came out; it is then read, not trusted.

#[path = "slt/lab.rs"]
mod lab;
#[path = "slt/table.rs"]
mod table;

use crate::support::assets;
use lab::Lab;
use sqllogictest::{Runner, default_column_validator, default_normalizer, default_validator};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt")
}

/// All files of a folder, by their path below `tests/slt`, without the ending.
fn files(folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "slt") {
                let relative = path.strip_prefix(root()).unwrap().with_extension("");
                found.insert(relative.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found
}

fn run(folder: &str) {
    let update = std::env::var_os("SPENDSCOPE_UPDATE").is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut wrong = Vec::new();
    // One file alone, while working on it: SPENDSCOPE_SLT=unit/cost_per_query.
    let only = std::env::var("SPENDSCOPE_SLT").unwrap_or_default();
    for name in files(folder).into_iter().filter(|name| name.contains(&only)) {
        let path = root().join(format!("{name}.slt"));
        let mut runner = Runner::new(|| async { Ok(Lab::default()) });
        let outcome = runtime.block_on(async {
            if update {
                let (validator, normalizer) = (default_validator, default_normalizer);
                let update =
                    runner.update_test_file(&path, " ", validator, normalizer, default_column_validator);
                update.await.map_err(|e| e.to_string())
            } else {
                runner
                    .run_file_async(&path)
                    .await
                    .map_err(|e| e.display(false).to_string())
            }
        });
        if let Err(e) = outcome {
            wrong.push(e);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn slt_views() {
    run("views");
}

#[test]
fn slt_metrics() {
    run("metrics");
}

#[test]
fn slt_checks() {
    run("checks");
}

#[test]
fn slt_functions() {
    run("functions");
}

#[test]
fn slt_mistakes() {
    run("mistakes");
}

#[test]
fn every_view_metric_and_check_has_its_file() {
    let assets = assets();
    let queries: BTreeSet<String> = ["views/", "metrics/", "checks/"]
        .iter()
        .flat_map(|folder| assets.under(folder))
        .map(|asset| asset.path.trim_end_matches(".sql").to_owned())
        .collect();
    let tests: BTreeSet<String> = ["views", "metrics", "checks"]
        .into_iter()
        .flat_map(files)
        .collect();
    let untested: Vec<_> = queries.difference(&tests).collect();
    let orphans: Vec<_> = tests.difference(&queries).collect();
    assert!(untested.is_empty(), "without tests/slt/….slt: {untested:?}");
    assert!(orphans.is_empty(), "tests of nothing: {orphans:?}");
}
