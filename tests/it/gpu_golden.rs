//! The golden case's `gpu.csv` and `energy.csv`, from its telemetry and its GPU charges. The readings
//! are put together here with as little as that takes, so that a failure points at the views.

use crate::facts::{Facts, NOW, rows};
use crate::support::shared;
use serde_json::{Map, Value, json};
use spendscope::base::time::{from_micros, parse_instant};
use spendscope::engine::{Basis, Engine, Registry, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn case() -> Option<PathBuf> {
    shared("golden/case-a")
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn table(path: PathBuf) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path)
        .unwrap()
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

fn readings(case: &Path) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&read(case.join("input/gpu.json"))).unwrap();
    let series = answer["data"]["result"].as_array().unwrap();
    let scrape = |labels: &Value| (labels["job"].to_string(), labels["Hostname"].to_string());
    let exporters: BTreeSet<_> = series
        .iter()
        .map(|s| &s["metric"])
        .filter(|m| m["exported_pod"].is_string())
        .map(scrape)
        .collect();

    let mut readings: BTreeMap<(String, i64), Map<String, Value>> = BTreeMap::new();
    for one in series {
        let labels = &one["metric"];
        let column = match labels["__name__"].as_str().unwrap() {
            "DCGM_FI_DEV_GPU_UTIL" => "gpu_util",
            "DCGM_FI_DEV_POWER_USAGE" => "power_w",
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION" => "energy_mj",
            "DCGM_FI_PROF_SM_ACTIVE" => "sm_active",
            other => panic!("an unknown series {other}"),
        };
        let owner = if exporters.contains(&scrape(labels)) {
            &labels["exported_pod"]
        } else {
            &labels["pod"]
        };
        let device = labels["UUID"].as_str().unwrap();
        for pair in one["values"].as_array().unwrap() {
            let millis = (pair[0].as_f64().unwrap() * 1000.0).round() as i64;
            let row = readings.entry((device.to_owned(), millis)).or_default();
            row.insert("gpu_uuid".to_owned(), json!(device));
            row.insert("host".to_owned(), labels["Hostname"].clone());
            row.insert("source".to_owned(), json!("gpu-prod"));
            if owner.is_string() {
                row.insert("owner".to_owned(), owner.clone());
            }
            let value: f64 = pair[1].as_str().unwrap().parse().unwrap();
            if value.is_finite() && value < 9e18 {
                let larger = row
                    .get(column)
                    .and_then(Value::as_f64)
                    .map_or(value, |other| other.max(value));
                row.insert(column.to_owned(), json!(larger));
            }
        }
    }
    let instant = |millis| from_micros(millis * 1000).to_rfc3339();
    readings
        .into_iter()
        .map(|((_, millis), mut row)| {
            row.insert("sampled_at".to_owned(), json!(instant(millis)));
            Value::Object(row)
        })
        .collect()
}

fn charges(case: &Path) -> Vec<Value> {
    let columns = [
        ("provider", "ProviderName"),
        ("charge_category", "ChargeCategory"),
        ("resource_id", "ResourceId"),
        ("charge_period_start", "ChargePeriodStart"),
        ("charge_period_end", "ChargePeriodEnd"),
        ("billing_period_start", "BillingPeriodStart"),
        ("billing_period_end", "BillingPeriodEnd"),
        ("billed_cost", "BilledCost"),
        ("effective_cost", "EffectiveCost"),
        ("billing_currency", "BillingCurrency"),
        ("consumed_quantity", "ConsumedQuantity"),
        ("consumed_unit", "ConsumedUnit"),
    ];
    let rows = table(case.join("input/charges.csv")).into_iter().enumerate();
    let nodes = read(case.join("input/spendscope.toml"));
    rows.filter(|(_, row)| {
        !row["ResourceId"].is_empty() && nodes.contains(&format!("\"{}\"", row["ResourceId"]))
    })
    .map(|(at, row)| {
        let mut charge = Map::new();
        charge.insert("charge_id".to_owned(), json!(at.to_string()));
        for (ours, theirs) in columns {
            if !row[theirs].is_empty() {
                charge.insert(ours.to_owned(), json!(row[theirs]));
            }
        }
        Value::Object(charge)
    })
    .collect()
}

async fn engine(case: &Path, basis: Basis) -> Engine {
    let registry = Registry::parse(&read(case.join("input/spendscope.toml"))).unwrap();
    let mut settings = Settings::new(from_micros(parse_instant(NOW).unwrap()));
    settings.basis = basis;
    Facts::new()
        .add("gpu_samples", readings(case))
        .add("charges", charges(case))
        .engine_with(&registry, &settings)
        .await
}

/// Equal texts, or numbers that differ by no more than conversion and summing in another order may.
fn same(got: &[String], expected: &[String]) {
    assert_eq!(got.len(), expected.len(), "{got:#?}");
    for (got, expected) in got.iter().zip(expected) {
        for (g, e) in got.split(' ').zip(expected.split(' ')) {
            let close = match (g.parse::<f64>(), e.parse::<f64>()) {
                (Ok(g), Ok(e)) => (g - e).abs() <= 1e-9 * e.abs().max(1.0),
                _ => g == e,
            };
            assert!(close, "got {got}\nnot {expected}");
        }
    }
}

#[tokio::test]
async fn device_seconds_are_those_of_the_golden_case() {
    let Some(case) = case() else { return };
    let sql =
        "SELECT host, model, sum(provisioned_s), sum(serving_s), sum(allocated_idle_s), sum(unallocated_s),
                      sum(dark_s), sum(active_s) / sum(provisioned_s)
               FROM gpu_hours GROUP BY host, model ORDER BY host";
    let got = rows(
        &engine(&case, Basis::Effective)
            .await
            .query(sql, &[])
            .await
            .unwrap(),
    );
    let columns = [
        "host",
        "model",
        "provisioned_s",
        "serving_s",
        "allocated_idle_s",
        "unallocated_s",
        "dark_s",
        "utilization",
    ];
    let expected: Vec<String> = table(case.join("expected/gpu.csv"))
        .iter()
        .map(|row| columns.map(|c| row[c].as_str()).join(" "))
        .collect();
    same(&got, &expected);
}

#[tokio::test]
async fn joules_are_those_of_the_golden_case() {
    let Some(case) = case() else { return };
    let sql = "SELECT e.model, sum(e.joules),
                      count(DISTINCT gpu_uuid) FILTER (WHERE method = 'counter'),
                      count(DISTINCT gpu_uuid) FILTER (WHERE method = 'power'),
                      max(n.gpus) - count(DISTINCT gpu_uuid) FILTER (WHERE joules IS NOT NULL)
               FROM gpu_energy AS e
               INNER JOIN (SELECT model, sum(gpus) AS gpus FROM gpu_nodes GROUP BY model) AS n ON n.model = e.model
               GROUP BY e.model ORDER BY e.model";
    let got = rows(
        &engine(&case, Basis::Effective)
            .await
            .query(sql, &[])
            .await
            .unwrap(),
    );
    let columns = [
        "model",
        "joules",
        "devices_by_counter",
        "devices_by_power",
        "devices_without",
    ];
    let expected: Vec<String> = table(case.join("expected/energy.csv"))
        .iter()
        .map(|row| columns.map(|c| row[c].as_str()).join(" "))
        .collect();
    same(&got, &expected);
}

/// Serving time needs the requests, too: see the golden case as a whole.
#[tokio::test]
async fn idle_and_dark_amounts_are_those_of_the_golden_case() {
    let Some(case) = case() else { return };
    let idle = ["gpu_allocated_idle", "gpu_unallocated", "gpu_dark"];
    for (basis, file) in [
        (Basis::Effective, "ledger.csv"),
        (Basis::Billed, "ledger_billed.csv"),
    ] {
        let sql = "SELECT leaf, use_case, model, scope, currency, evidence, modelled, sum(amount) AS amount
                   FROM gpu_leaves WHERE leaf IN ('gpu_allocated_idle', 'gpu_unallocated', 'gpu_dark')
                   GROUP BY leaf, use_case, model, scope, currency, evidence, modelled
                   HAVING sum(amount) <> 0 ORDER BY leaf, model";
        let got = rows(&engine(&case, basis).await.query(sql, &[]).await.unwrap());
        let columns = [
            "leaf", "use_case", "model", "scope", "currency", "evidence", "modelled", "amount",
        ];
        let expected: Vec<String> = table(case.join("expected").join(file))
            .iter()
            .filter(|row| idle.contains(&row["leaf"].as_str()))
            .map(|row| columns.map(|c| row[c].as_str()).join(" "))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(got, expected);
    }
}
