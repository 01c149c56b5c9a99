//! The golden case, asked through the metrics: what people see is what `expected/` says.

use crate::golden::{case_folder, engine, place, present};
use crate::support::assets;
use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use spendscope::base::{money, time};
use spendscope::engine::{Basis, Engine};
use spendscope::frame::Frame;
use spendscope::metric::{Catalog, Params, run};
use std::collections::BTreeMap;

type Row = BTreeMap<String, String>;

fn window() -> Params {
    let bound = |text| time::parse_bound(text, chrono_tz::UTC).unwrap();
    Params::window(bound("2026-09-01"), bound("2026-10-01"))
}

async fn metric(engine: &Engine, name: &str, params: &Params) -> Vec<Row> {
    let catalog = Catalog::new(&assets()).unwrap();
    let frame = run(engine, catalog.get(name).unwrap(), params).await.unwrap();
    rows(&frame)
}

fn rows(frame: &Frame) -> Vec<Row> {
    let cell = |at: usize, row: usize| {
        let column = frame.batch.column(at);
        if column.is_null(row) {
            String::new()
        } else {
            array_value_to_string(column, row).unwrap()
        }
    };
    (0..frame.rows())
        .map(|row| {
            frame
                .columns
                .iter()
                .enumerate()
                .map(|(at, c)| (c.name.clone(), cell(at, row)))
                .collect()
        })
        .collect()
}

fn expected(file: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(case_folder().join("expected").join(file)).unwrap();
    let rows: Vec<Row> = reader.deserialize().map(Result::unwrap).collect();
    assert!(!rows.is_empty());
    rows
}

/// Equal to the digits that the expected file shows: amounts to 12 decimals, ratios to 9.
fn alike(column: &str, got: &str, want: &str) -> bool {
    if got == want {
        return true;
    }
    let is_decimal = got
        .rsplit_once('.')
        .is_some_and(|(_, fraction)| fraction.len() == 18);
    if let (true, Ok(got), Ok(want)) = (is_decimal, money::parse(got), money::parse(want)) {
        let ratio = want % 1_000_000 == 0;
        return (got - want).abs() <= if ratio { 1_000_000_000 } else { 1_000_000 };
    }
    match (got.parse::<f64>(), want.parse::<f64>()) {
        (Ok(got), Ok(want)) => (got - want).abs() <= 1e-9 * want.abs().max(1.0),
        _ => panic!("{column}: {got} and {want}"),
    }
}

/// Every expected row is there with its columns, and no other row is.
fn same(file: &str, key: &[&str], got: &[Row], want: &[Row]) {
    let id = |row: &Row| key.iter().map(|k| row[*k].clone()).collect::<Vec<_>>();
    let mut wrong = Vec::new();
    for want in want {
        let Some(got) = got.iter().find(|got| id(got) == id(want)) else {
            wrong.push(format!("missing {:?}", id(want)));
            continue;
        };
        for (column, want) in want.iter().filter(|(column, _)| got.contains_key(*column)) {
            if !alike(column, &got[column], want) {
                wrong.push(format!("{:?} {column}: {} is not {want}", id(got), got[column]));
            }
        }
    }
    let extra = got
        .iter()
        .filter(|got| !want.iter().any(|want| id(want) == id(got)));
    wrong.extend(extra.map(|row| format!("extra {row:?}")));
    assert!(wrong.is_empty(), "{file}\n{}", wrong.join("\n"));
}

/// Columns of the expected file that the metrics together must have.
fn covers(file: &str, want: &[Row], got: &[&Row]) {
    for column in want[0].keys() {
        assert!(
            got.iter().any(|row| row.contains_key(column)),
            "{file}: no metric has {column}"
        );
    }
}

#[tokio::test]
async fn unit() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let got = metric(&engine, "unit/cost_per_successful_task", &window()).await;
    let want = expected("unit.csv");
    covers("unit.csv", &want, &[&got[0]]);
    same("unit.csv", &["use_case", "currency"], &got, &want);
    for row in &got {
        let amount = |name: &str| money::parse(&row[name]).ok();
        let (low, high) = ("cost_per_successful_task_low", "cost_per_successful_task_high");
        if let Some(cost) = amount("cost_per_successful_task") {
            assert!(
                amount(low).unwrap() <= cost && cost <= amount(high).unwrap(),
                "{row:?}"
            );
        } else {
            assert_eq!((amount(low), amount(high)), (None, None));
        }
    }
    let queries = metric(&engine, "unit/cost_per_query", &window()).await;
    same("unit.csv", &["use_case", "currency"], &queries, &want);
}

/// The kinds of waste are disjoint: they add up to the waste beside $/successful task, to the last digit,
/// and percentiles of tasks stand in order.
#[tokio::test]
async fn waste_by_kind_adds_up() {
    if !present() {
        return;
    }
    let place = place().await;
    for basis in [Basis::Effective, Basis::Billed] {
        let engine = engine(&place, basis).await;
        let mut by_use_case = window();
        by_use_case.by = Some(vec!["use_case".to_owned()]);
        let kinds = metric(&engine, "unit/waste", &by_use_case).await;
        let whole = metric(&engine, "unit/cost_per_successful_task", &window()).await;
        let mut wasted = 0;
        for row in &kinds {
            let amount = |name: &str| money::parse(&row[name]).unwrap();
            let parts = amount("failed_cost") + amount("retried_cost") + amount("fallback_cost");
            assert_eq!(parts, amount("waste"), "{row:?}");
            let beside = whole
                .iter()
                .find(|w| w["use_case"] == row["use_case"] && w["currency"] == row["currency"]);
            assert_eq!(beside.unwrap()["waste"], row["waste"], "{row:?}");
            wasted += amount("waste");
        }
        assert!(wasted > 0);
        for row in metric(&engine, "unit/task_cost_percentiles", &window()).await {
            let amount = |name: &str| money::parse(&row[name]).unwrap();
            let order = ["p50", "p90", "p95", "p99", "max"].map(amount);
            assert!(order.is_sorted() && order[0] >= 0, "{row:?}");
        }
    }
}

#[tokio::test]
async fn spend() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let got = metric(&engine, "spend/by_scope", &window()).await;
    let mut want = expected("spend_converted.csv");
    want.extend(expected("unconverted.csv"));
    same(
        "spend_converted.csv and unconverted.csv",
        &["scope", "currency"],
        &got,
        &want,
    );
}

#[tokio::test]
async fn gateway() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let want = expected("gateway.csv");
    let (all, models): (Vec<Row>, Vec<Row>) = want.into_iter().partition(|row| row["model"] == "(all)");
    let cache = metric(&engine, "gateway/cache_hit_rate", &window()).await;
    let fallback = metric(&engine, "gateway/fallback_rate", &window()).await;
    covers("gateway.csv", &models, &[&cache[0], &fallback[0]]);
    same("gateway.csv", &["model"], &cache, &models);
    same("gateway.csv", &["model"], &fallback, &models);
    let total = Params {
        by: Some(Vec::new()),
        ..window()
    };
    same(
        "gateway.csv",
        &[],
        &metric(&engine, "gateway/cache_hit_rate", &total).await,
        &all,
    );
    same(
        "gateway.csv",
        &[],
        &metric(&engine, "gateway/fallback_rate", &total).await,
        &all,
    );
}

#[tokio::test]
async fn gpu_and_energy() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let want = expected("gpu.csv");
    let got = metric(&engine, "gpu/utilization", &window()).await;
    covers("gpu.csv", &want, &[&got[0]]);
    same("gpu.csv", &["host"], &got, &want);
    let want = expected("energy.csv");
    let got = metric(&engine, "energy/wh_per_1k_requests", &window()).await;
    covers("energy.csv", &want, &[&got[0]]);
    same("energy.csv", &["model"], &got, &want);
}

#[tokio::test]
async fn ledger() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let want = expected("unmetered.csv");
    let got = metric(&engine, "ledger/unmetered", &window()).await;
    covers("unmetered.csv", &want, &[&got[0]]);
    same(
        "unmetered.csv",
        &["provider", "model", "sub_account", "region", "currency"],
        &got,
        &want,
    );
    let want = expected("accrued.csv");
    let got = metric(&engine, "ledger/accrued", &window()).await;
    covers("accrued.csv", &want, &[&got[0]]);
    same(
        "accrued.csv",
        &["provider", "model", "day", "currency"],
        &got,
        &want,
    );

    // The leaves of the waterfall add up to its bill.
    let waterfall = metric(&engine, "ledger/waterfall", &window()).await;
    let mut difference: BTreeMap<String, i128> = BTreeMap::new();
    for row in &waterfall {
        let amount = money::parse(&row["amount"]).unwrap();
        *difference.entry(row["currency"].clone()).or_default() +=
            if row["step"] == "0" { amount } else { -amount };
    }
    assert!(difference.len() > 1);
    // Each row is rounded once when it is converted.
    assert!(difference.values().all(|d| d.abs() <= 10), "{difference:?}");
}

/// Metrics that the golden case gives no row to.
const EMPTY: [&str; 6] = [
    "budget/burn",
    "governance/locality",
    "governance/performance_budgets",
    "governance/prohibited",
    "gpu/slo_attainment",
    "unit/lift",
];

#[tokio::test]
async fn every_metric_runs_in_every_grouping_and_keeps_its_contract() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let catalog = Catalog::new(&assets()).unwrap();
    let mut wrong = Vec::new();
    for metric in catalog.iter() {
        let header = &metric.header;
        let mut groupings = vec![None];
        if !header.dimensions.is_empty() {
            groupings.extend([Some(Vec::new()), Some(header.dimensions.clone())]);
        }
        for by in groupings {
            let params = Params {
                by: by.clone(),
                ..window()
            };
            match run(&engine, metric, &params).await {
                Err(e) => wrong.push(format!("{} by {by:?}: {e}", metric.name)),
                // The case has no budgets, no rules of governance, no SLO and no experiment.
                Ok(frame) if frame.rows() == 0 && !EMPTY.contains(&metric.name.as_str()) => {
                    wrong.push(format!("{} by {by:?}: no row", metric.name));
                }
                Ok(frame) => assert!(
                    frame
                        .batch
                        .columns()
                        .iter()
                        .all(|c| c.data_type() != &DataType::Null)
                ),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Σ of days = range, whatever the zone.
#[tokio::test]
async fn days_add_up() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let all = Params {
        by: Some(Vec::new()),
        ..window()
    };
    let sum = |rows: &[Row], column: &str| -> BTreeMap<String, i128> {
        let mut sums = BTreeMap::new();
        for row in rows {
            *sums.entry(row["currency"].clone()).or_default() += money::parse(&row[column]).unwrap();
        }
        sums
    };
    let days = sum(&metric(&engine, "spend/daily", &all).await, "amount");
    let range = sum(&metric(&engine, "spend/by_scope", &all).await, "effective_cost");
    assert_eq!(days.keys().collect::<Vec<_>>(), range.keys().collect::<Vec<_>>());
    for (currency, amount) in range {
        // Rounded once a day when converted.
        assert!((days[&currency] - amount).abs() < 100, "{currency}");
    }
}
