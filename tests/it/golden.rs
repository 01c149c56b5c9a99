//! The golden case of `../shared/golden/case-a`: its facts give its expected answers.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use spendscope::asset::Assets;
use spendscope::engine::{Basis, Engine, Registry, Settings};
use spendscope::schema::TABLES;
use std::collections::HashMap;
use std::path::PathBuf;

fn case_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/case-a")
}

fn facts() -> HashMap<&'static str, Vec<RecordBatch>> {
    let mut tables = HashMap::new();
    for table in TABLES {
        let path = format!("/work/notes/golden/{}.parquet", table.name);
        let Ok(file) = std::fs::File::open(&path) else {
            continue;
        };
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .build()
            .unwrap();
        let schema = table.arrow();
        let batches = reader
            .map(|b| {
                let b = b.unwrap();
                let columns = schema
                    .fields()
                    .iter()
                    .map(|f| {
                        arrow::compute::cast(b.column_by_name(f.name()).unwrap(), f.data_type()).unwrap()
                    })
                    .collect();
                RecordBatch::try_new(schema.clone(), columns).unwrap()
            })
            .collect();
        tables.insert(table.name, batches);
    }
    tables
}

async fn engine(basis: Basis) -> Engine {
    let registry =
        Registry::parse(&std::fs::read_to_string(case_folder().join("input/spendscope.toml")).unwrap())
            .unwrap();
    let mut settings = Settings::new("2026-10-15T00:00:00Z".parse().unwrap());
    settings.basis = basis;
    Engine::over_tables(facts(), &Assets::builtin(), &registry, &settings)
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

#[tokio::test]
async fn attempts() {
    let engine = engine(Basis::Effective).await;
    same(
        &engine,
        "attempts.csv",
        "SELECT request_id, request, attempt, superseded, to_char(started_at, '%Y-%m-%dT%H:%M:%S%.6fZ'), task_id, use_case, provider, model, uncached_input,
         cache_read, cache_write, output, reasoning, gateway_cache_hit, status, overlap, nullif(price_status, 'gateway_cache'), list_cost FROM calls",
    )
    .await;
}

#[tokio::test]
async fn spend_by_scope() {
    let engine = engine(Basis::Effective).await;
    same(
        &engine,
        "spend_by_scope.csv",
        "SELECT scope, currency, sum(billed_cost), sum(effective_cost) FROM costs GROUP BY scope, currency",
    )
    .await;
    same(
        &engine,
        "spend_converted.csv",
        "SELECT scope, 'USD', sum_product(billed_cost, fx_rate), sum_product(effective_cost, fx_rate)
         FROM costs WHERE fx_rate IS NOT NULL GROUP BY scope",
    )
    .await;
    same(
        &engine,
        "unconverted.csv",
        "SELECT scope, currency, sum(billed_cost), sum(effective_cost), count(*)
         FROM costs WHERE fx_rate IS NULL GROUP BY scope, currency",
    )
    .await;
}

const LEDGER: &str =
    "SELECT leaf, use_case, model, scope, currency, evidence, modelled, sum(amount) FROM ledger
  GROUP BY leaf, use_case, model, scope, currency, evidence, modelled HAVING sum(amount) <> 0";

#[tokio::test]
async fn ledger() {
    same(&engine(Basis::Effective).await, "ledger.csv", LEDGER).await;
    same(&engine(Basis::Billed).await, "ledger_billed.csv", LEDGER).await;
}

#[tokio::test]
async fn unmetered() {
    let engine = engine(Basis::Effective).await;
    same(
        &engine,
        "unmetered.csv",
        "SELECT provider, model, sub_account, region, currency, count(*), sum(amount) FROM ledger
         WHERE leaf = 'unmetered' GROUP BY provider, model, sub_account, region, currency",
    )
    .await;
    same(
        &engine,
        "accrued.csv",
        "SELECT provider, model, CAST(started_at AS DATE), currency, count(*), sum(amount) FROM ledger
         WHERE evidence = 'accrued' GROUP BY provider, model, CAST(started_at AS DATE), currency",
    )
    .await;
}
