//! The answer does not depend on the order in which files arrive: bills, restated bills, prices, rates, logs
//! in parts, labels and corrected labels, telemetry in parts. Unpriced attempts become priced, unlabelled
//! tasks successes and dark hours serving, just as if what was late had come first.
//!
//! Two pairs keep their order. A bill's period, and a price list, are replaced by the next delivery of the
//! same source: which of two is the restatement is told by nothing but that it came later, so order is a fact
//! there, and not an accident. All else is dealt at random.

use super::hold;
use crate::history::sorted;
use crate::support::assets;
use proptest::prelude::*;
use spendscope::base::clock::FixedClock;
use spendscope::engine::{Engine, Registry, Settings};
use spendscope::ingest::{Options, ingest};
use spendscope::metric::{self, Catalog, Params};
use spendscope::source;
use spendscope::store::Lake;
use spendscope::synth::write_restated;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Two further files: copies that say less or something else, and a correction at the same moment.
const COPIES: &str = r#"{"request_id":"r2","call_type":"acompletion","spend":0,"startTime":"2026-09-01T10:00:00Z","endTime":"2026-09-01T10:00:00Z","prompt_tokens":10,"completion_tokens":0,"custom_llm_provider":"openai","model":"gpt-5-mini","session_id":"t2","request_tags":["use_case:drafts"],"status":"failure"}
{"request_id":"r7","call_type":"acompletion","spend":0,"startTime":"2026-09-01T10:00:01Z","endTime":"2026-09-01T10:00:02Z","prompt_tokens":700,"completion_tokens":7,"custom_llm_provider":"openai","model":"gpt-5-nano","session_id":"t2","request_tags":["use_case:drafts"],"status":"failure"}
"#;
const LABELS: &str =
    "task_id,success,recorded_at\nt2,false,2026-09-25T00:00:00Z\nt6,true,2026-09-26T00:00:00Z\n";
/// The second half hour of the GPU again, by another scrape job, with a larger reading.
const TELEMETRY: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"DCGM_FI_PROF_SM_ACTIVE","UUID":"GPU-1","Hostname":"gpu-1","job":"other"},"values":[[1788431400,"0.03"]]}]}}"#;

/// What arrives; the first of each pair comes before the second.
const ARRIVALS: [&str; 13] = [
    "first/bill/september.csv",
    "second/bill/september.csv",
    "first/reference/prices.json",
    "second/reference/prices.json",
    "second/bill/october.csv",
    "first/reference/fx.csv",
    "first/gateway/spend.jsonl",
    "second/gateway/late.jsonl",
    "copies.jsonl",
    "first/outcomes/labels.csv",
    "second/outcomes/late.csv",
    "labels.csv",
    "second/gpu/late.json",
];
const PAIRS: [(usize, usize); 2] = [(0, 1), (2, 3)];

/// Ranks to an order of all arrivals, the pairs put right.
fn order(ranks: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by_key(|at| ranks[*at]);
    for (first, second) in PAIRS {
        let place = |wanted| order.iter().position(|at| *at == wanted).unwrap();
        let (a, b) = (place(first), place(second));
        if a > b {
            order.swap(a, b);
        }
    }
    order
}

fn folder() -> &'static tempfile::TempDir {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        write_restated(dir.path()).unwrap();
        for (name, text) in [
            ("copies.jsonl", COPIES),
            ("labels.csv", LABELS),
            ("gpu.json", TELEMETRY),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    })
}

/// Every answer, in words, after these files arrived one by one.
async fn answers(files: &[PathBuf]) -> Vec<(String, Vec<String>)> {
    let dir = tempfile::tempdir().unwrap();
    let assets = assets();
    let mappings = assets
        .under("sources/")
        .map(|a| (a.name().to_owned(), a.text.to_string()));
    let catalog = source::Catalog::new(mappings).unwrap();
    let place = dir.path().join("lake").display().to_string();
    let mut now = "2026-11-01T00:00:00Z".parse().unwrap();
    let mut lake = None;
    for file in files {
        now += chrono::Duration::minutes(1);
        let opened = Lake::open(&place, Arc::new(FixedClock(now))).await.unwrap();
        let paths = [file.display().to_string()];
        let report = ingest(&opened, &catalog, &paths, &Options::default(), &mut ())
            .await
            .unwrap();
        assert!(report.refused.is_empty(), "{report:?}");
        lake = Some(opened);
    }
    let registry = std::fs::read_to_string(folder().path().join("spendscope.toml")).unwrap();
    let (_, registry) = registry.split_once("basis = \"effective\"").unwrap();
    let engine = Engine::over_lake(
        &lake.unwrap(),
        None,
        &assets,
        &Registry::parse(registry).unwrap(),
        &Settings::new("2026-11-05T00:00:00Z".parse().unwrap()),
    )
    .await
    .unwrap();
    let mut said = Vec::new();
    for view in ["ledger", "tasks", "calls", "gpu_hours", "reconciliation"] {
        // Which of two equal copies a row came from is told by what arrived first.
        let columns = match view {
            "calls" => "* EXCEPT (file_hash, file_row)",
            _ => "*",
        };
        let rows = engine
            .query(&format!("SELECT {columns} FROM {view}"), &[])
            .await
            .unwrap();
        said.push((view.to_owned(), sorted(&rows)));
    }
    let metrics = Catalog::new(&assets).unwrap();
    let window = Params::window(
        "2026-09-01T00:00:00Z".parse().unwrap(),
        "2026-10-02T00:00:00Z".parse().unwrap(),
    );
    for name in ["unit/cost_per_successful_task", "ledger/waterfall"] {
        let frame = metric::run(&engine, metrics.get(name).unwrap(), &window)
            .await
            .unwrap();
        said.push((name.to_owned(), sorted(&frame.batch)));
    }
    said
}

fn arrived(order: &[usize], names: &[&str]) -> Vec<PathBuf> {
    order
        .iter()
        .map(|at| folder().path().join(Path::new(names[*at])))
        .collect()
}

#[test]
fn the_order_of_arrival_is_no_fact() {
    let names: Vec<&str> = ARRIVALS.iter().copied().chain(["gpu.json"]).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let in_order: Vec<usize> = (0..names.len()).collect();
    let expected = runtime.block_on(answers(&arrived(&in_order, &names)));
    // There is something to depend on the order of.
    let words = format!("{expected:?}");
    for word in ["accrued", "gpu_allocated_idle", "unmetered", "success", "failure"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    let all_late: Vec<u32> = (0..names.len() as u32).rev().collect();
    assert_eq!(
        runtime.block_on(answers(&arrived(&order(&all_late), &names))),
        expected,
        "backwards"
    );
    hold(
        10,
        &proptest::collection::vec(any::<u32>(), names.len()),
        async |ranks| {
            let order = order(&ranks);
            let said = answers(&arrived(&order, &names)).await;
            for ((what, rows), (_, before)) in said.iter().zip(&expected) {
                assert_eq!(rows, before, "{what}, when they arrive as {order:?}");
            }
        },
    );
}
