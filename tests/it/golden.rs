//! The golden case of `../shared/golden/case-a`: its facts give its expected answers.

use crate::support::assets;
use crate::support::{project, shared};
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use spendscope::base::clock::FixedClock;
use spendscope::engine::{Basis, Engine, Registry, Settings};
use spendscope::ingest::{Options, ingest};
use spendscope::source::Catalog;
use spendscope::store::Lake;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) fn case_folder() -> PathBuf {
    project("../shared/golden/case-a")
}

pub(crate) fn present() -> bool {
    shared("golden/case-a").is_some()
}

/// A lake with everything of the input in it, each file on its own.
pub(crate) struct Place {
    _dir: tempfile::TempDir,
    lake: Lake,
}

pub(crate) async fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock(now()));
    let lake = Lake::open(dir.path().join("lake").to_str().unwrap(), clock)
        .await
        .unwrap();
    let assets = assets();
    let texts = assets
        .under("sources/")
        .map(|a| (a.name().to_owned(), a.text.to_string()));
    let catalog = Catalog::new(texts).unwrap();
    for file in [
        "gpu.json",
        "outcomes.jsonl",
        "requests.jsonl",
        "prices.json",
        "charges.csv",
        "fx.csv",
    ] {
        let input = case_folder()
            .join("input")
            .join(file)
            .to_str()
            .unwrap()
            .to_owned();
        ingest(&lake, &catalog, &[input], &Options::default(), &mut ())
            .await
            .unwrap();
    }
    Place { _dir: dir, lake }
}

fn now() -> DateTime<Utc> {
    "2026-10-15T00:00:00Z".parse().unwrap()
}

pub(crate) async fn engine(place: &Place, basis: Basis) -> Engine {
    let config = std::fs::read_to_string(case_folder().join("input/spendscope.toml")).unwrap();
    let registry = Registry::parse(&config).unwrap();
    let mut settings = Settings::new(now());
    settings.basis = basis;
    Engine::over_lake(&place.lake, None, &assets(), &registry, &settings)
        .await
        .unwrap()
}

/// The rows of a result as the expected files write them: NULL is empty.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|r| {
            columns
                .iter()
                .map(|c| c.value(r).to_string())
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect()
}

fn expected(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(case_folder().join("expected").join(file)).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

async fn same(engine: &Engine, file: &str, sql: &str) {
    let mut got = rows(&engine.query(sql, &[]).await.unwrap());
    let mut want = expected(file);
    got.sort();
    want.sort();
    let missing: Vec<_> = want.iter().filter(|w| !got.contains(w)).collect();
    let extra: Vec<_> = got.iter().filter(|g| !want.contains(g)).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{file}\nmissing: {missing:#?}\nextra: {extra:#?}"
    );
}

const LEDGER: &str =
    "SELECT leaf, use_case, model, scope, currency, evidence, modelled, sum(amount) FROM ledger
  GROUP BY leaf, use_case, model, scope, currency, evidence, modelled HAVING sum(amount) <> 0";

/// One test, since the input is ingested once.
#[tokio::test]
async fn the_golden_case_has_its_exact_answers() {
    if !present() {
        return;
    }
    let place = place().await;
    let effective = engine(&place, Basis::Effective).await;
    same(
        &effective,
        "attempts.csv",
        // The expected file leaves the price status of gateway hits empty.
        "SELECT request_id, request, attempt, superseded, to_char(started_at, '%Y-%m-%dT%H:%M:%S%.6fZ'), task_id,
         use_case, provider, model, uncached_input, cache_read, cache_write, output, reasoning, gateway_cache_hit,
         status, overlap, nullif(price_status, 'gateway_cache'), list_cost FROM calls",
    )
    .await;
    same(
        &effective,
        "spend_by_scope.csv",
        "SELECT scope, currency, sum(billed_cost), sum(effective_cost) FROM costs GROUP BY scope, currency",
    )
    .await;
    same(
        &effective,
        "spend_converted.csv",
        "SELECT scope, 'USD', sum_product(billed_cost, fx_rate), sum_product(effective_cost, fx_rate)
         FROM costs WHERE fx_rate IS NOT NULL GROUP BY scope",
    )
    .await;
    same(
        &effective,
        "unconverted.csv",
        "SELECT scope, currency, sum(billed_cost), sum(effective_cost), count(*)
         FROM costs WHERE fx_rate IS NULL GROUP BY scope, currency",
    )
    .await;
    same(&effective, "ledger.csv", LEDGER).await;
    same(
        &effective,
        "unmetered.csv",
        "SELECT provider, model, sub_account, region, currency, count(*), sum(amount) FROM ledger
         WHERE leaf = 'unmetered' GROUP BY provider, model, sub_account, region, currency",
    )
    .await;
    same(
        &effective,
        "accrued.csv",
        "SELECT provider, model, CAST(started_at AS DATE), currency, count(*), sum(amount) FROM ledger
         WHERE evidence = 'accrued' GROUP BY provider, model, CAST(started_at AS DATE), currency",
    )
    .await;
    balanced(&effective).await;

    let billed = engine(&place, Basis::Billed).await;
    same(&billed, "ledger_billed.csv", LEDGER).await;
    balanced(&billed).await;
}

async fn balanced(engine: &Engine) {
    let sql = "SELECT currency, difference, charges, unbalanced FROM reconciliation ORDER BY currency";
    let got = rows(&engine.query(sql, &[]).await.unwrap());
    let zero = "0.000000000000000000";
    assert_eq!(
        got,
        [
            format!("EUR,{zero},6,0"),
            format!("GBP,{zero},1,0"),
            format!("USD,{zero},64,0")
        ]
    );
}
