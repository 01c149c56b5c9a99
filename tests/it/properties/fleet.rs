//! Random fleets: whole devices, MIG slices, pods that share a device, counters that reset, holes, two scrape
//! jobs, nodes that fall silent, nodes that two bills pay for. Money, device time and energy are each split
//! without a rest. What must come out is told from the generated fleet, not from the views.

use super::hold;
use crate::facts::{Facts, NOW, rows};
use crate::support::assets;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Float64Type};
use proptest::prelude::*;
use rand::Rng as _;
use serde_json::{Value, json};
use spendscope::base::{money, seed, time};
use spendscope::engine::{Engine, Registry, Settings};
use spendscope::source::{Bytes, Catalog, DecodeContext, decode};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const STEP: i64 = 300;

/// Seconds of 14 September in which devices are read.
const SPAN: i64 = 20 * 3600;

type Chance = seed::Rng;

/// Labels and name of a series → its readings.
type Series = BTreeMap<String, Vec<(i64, f64)>>;

#[derive(Default)]
struct Fleet {
    series: Series,
    charges: Vec<Value>,
    requests: Vec<Value>,
    amounts: BTreeMap<String, i128>,
    /// Device-seconds that some charge pays for, of all nodes.
    provisioned: i64,
    /// What every device took, in millijoules.
    energy: i128,
    kinds: BTreeSet<&'static str>,
}

const NODES: [(&str, i64); 3] = [("n0", 1), ("n1", 2), ("n2", 4)];

fn registry() -> Registry {
    let mut text = String::from("[providers.own]\nself_hosted = true\n[models.m]\nprovider = 'own'\n");
    for (host, gpus) in NODES {
        text += &format!(
            "[[gpu_nodes]]\nhost = '{host}'\nresource_id = 'i-{host}'\ngpus = {gpus}\ngpu_model = 'H100'\n\
             purchase = 'spot'\nmodel = 'm'\n"
        );
    }
    text += &format!("[[pull.prometheus]]\nname = 'dcgm'\nstep_seconds = {STEP}\n");
    Registry::parse(&text).unwrap()
}

fn at(seconds: i64) -> String {
    let first = time::parse_instant("2026-09-14T00:00:00Z").unwrap();
    time::from_micros(first + seconds * 1_000_000)
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn below(chance: &mut Chance, n: i64) -> i64 {
    chance.random_range(0..n)
}

fn fleet(seed: u64) -> Fleet {
    let mut chance: Chance = seed::generator(seed, "fleet");
    let mut fleet = Fleet::default();
    for (host, gpus) in NODES {
        let silent_from = if below(&mut chance, 3) == 0 {
            fleet.kinds.insert("vanishes");
            below(&mut chance, SPAN)
        } else {
            SPAN
        };
        // A card may be swapped: more devices than the node has.
        let devices = gpus + i64::from(below(&mut chance, 4) == 0);
        for index in 0..devices {
            device(&mut fleet, &mut chance, host, index, silent_from);
        }
        charges(&mut fleet, &mut chance, host, gpus);
    }
    for id in 0..below(&mut chance, 30) {
        fleet.requests.push(json!({
            "source": "gw", "request_id": format!("r{id}"), "task_id": format!("t{}", id % 7),
            "started_at": at(below(&mut chance, SPAN)), "provider": "own", "model": "m", "status": "success",
            "uncached_input": below(&mut chance, 100), "output": below(&mut chance, 50),
            "cache_read": 0, "cache_write": below(&mut chance, 2), "gateway_cache_hit": false,
        }));
    }
    fleet
}

/// One device with all its readings, and what it took.
fn device(fleet: &mut Fleet, chance: &mut Chance, host: &str, index: i64, silent_from: i64) {
    let uuid = format!("GPU-{host}-{index}");
    let slices: &[(&str, &str)] = match below(chance, 3) {
        0 => {
            fleet.kinds.insert("mig");
            &[("1", "3g.40gb"), ("2", "1g.10gb"), ("3", "2g.20gb")]
        }
        _ => &[("", "")],
    };
    let counter = below(chance, 3);
    let two_jobs = below(chance, 3) == 0;
    let mut moment = below(chance, 2 * 3600);
    let mut meter = below(chance, 1_000_000) as f64;
    let mut readings: Vec<(i64, Option<f64>, Option<f64>)> = Vec::new();
    while moment < silent_from {
        let power = (counter < 2 || below(chance, 2) == 0).then(|| (50 + below(chance, 600)) as f64);
        // Kind 2 measures nothing but a little power; kind 1 has no counter.
        let power = power.filter(|_| counter != 2 || below(chance, 50) == 0);
        let energy = (counter == 0 && below(chance, 10) > 0).then_some(meter);
        let mut heard = energy.is_some() || power.is_some();
        for (slice, profile) in slices {
            let holders = holders(fleet, chance);
            let activity = (below(chance, 12) > 0).then(|| below(chance, 24) as f64 / 20.0);
            heard |= activity.is_some();
            for job in 0..=i64::from(two_jobs) {
                let mut labels = json!({
                    "UUID": uuid, "Hostname": host, "gpu": index.to_string(), "job": format!("job{job}"),
                    "modelName": "H100", "pod": "exporter", "namespace": "monitoring",
                });
                if !slice.is_empty() {
                    labels["GPU_I_ID"] = json!(slice);
                    labels["GPU_I_PROFILE"] = json!(profile);
                }
                // The second job sees the device and not its owners, and less of what it does. It is told to be an
                // exporter by one series that carries the label.
                let owners: Vec<(String, Option<String>)> = match job {
                    0 if !holders.is_empty() => holders.clone(),
                    _ => vec![(String::new(), None)],
                };
                for (owner, share) in owners {
                    labels["exported_pod"] = json!(owner);
                    labels["exported_namespace"] = json!(if owner.is_empty() { "" } else { "ns" });
                    if let Some(share) = share {
                        labels["gpu_fraction"] = json!(share);
                    }
                    let part = if job == 0 { 1.0 } else { 0.5 };
                    let said = [
                        ("DCGM_FI_PROF_SM_ACTIVE", activity.map(|a| a * part)),
                        ("DCGM_FI_DEV_POWER_USAGE", power.map(|p| p * part)),
                        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", energy),
                    ];
                    for (name, value) in said {
                        labels["__name__"] = json!(name);
                        let taken = fleet.series.entry(labels.to_string()).or_default();
                        taken.extend(value.map(|value| (moment, value)));
                    }
                }
            }
        }
        readings.extend(heard.then_some((moment, energy, power)));
        fleet.kinds.extend(two_jobs.then_some("two jobs"));
        let gap = match below(chance, 8) {
            0 => {
                fleet.kinds.insert("hole");
                2 * STEP + 1 + below(chance, 3 * 3600)
            }
            1 => 1 + below(chance, STEP),
            _ => STEP,
        };
        meter += below(chance, 200_000_000) as f64;
        if below(chance, 15) == 0 {
            meter = below(chance, 1000) as f64;
            fleet.kinds.extend((counter == 0).then_some("reset"));
        }
        moment += gap;
    }
    fleet.energy += taken(&readings);
}

/// The pods of one reading, and the fraction each was granted.
fn holders(fleet: &mut Fleet, chance: &mut Chance) -> Vec<(String, Option<String>)> {
    let pod = |at: i64| format!("pod-{at}");
    match below(chance, 6) {
        0 => Vec::new(),
        1 => {
            fleet.kinds.insert("time-sliced");
            (0..2 + below(chance, 3)).map(|at| (pod(at), None)).collect()
        }
        2 => {
            fleet.kinds.insert("granted");
            let share = ["0.25", "0.3", "0.7", "1.5"][below(chance, 4) as usize];
            (0..1 + below(chance, 4))
                .map(|at| (pod(at), Some(share.to_owned())))
                .collect()
        }
        _ => {
            fleet.kinds.insert("whole");
            vec![(pod(below(chance, 3)), None)]
        }
    }
}

/// Millijoules by the counter, where it counted anything that day, else by power.
fn taken(readings: &[(i64, Option<f64>, Option<f64>)]) -> i128 {
    let counted: Vec<_> = readings
        .iter()
        .filter(|(_, energy, _)| energy.is_some())
        .collect();
    let steps = counted.windows(2).map(|pair| {
        let ((from, before, power), (to, after, _)) = (pair[0], pair[1]);
        let (before, after) = (before.unwrap(), after.unwrap());
        if after >= before {
            Some((after - before) as i128)
        } else {
            power.map(|watts| watts as i128 * i128::from(to - from) * 1000)
        }
    });
    let steps: Vec<i128> = steps.flatten().collect();
    if !steps.is_empty() {
        return steps.iter().sum();
    }
    let spans = readings
        .iter()
        .enumerate()
        .filter_map(|(place, (moment, _, power))| {
            let span = readings
                .get(place + 1)
                .map_or(STEP, |next| (next.0 - moment).min(2 * STEP));
            power.map(|watts| watts as i128 * i128::from(span) * 1000)
        });
    spans.sum()
}

fn charges(fleet: &mut Fleet, chance: &mut Chance, host: &str, gpus: i64) {
    let mut paid: BTreeSet<i64> = BTreeSet::new();
    for number in 0..1 + below(chance, 4) {
        let from = below(chance, 24 * 4) * 900;
        let to = from + (1 + below(chance, 40)) * 900;
        let before = paid.len();
        paid.extend((from..to).step_by(900));
        if paid.len() < before + ((to - from) / 900) as usize {
            fleet.kinds.insert("paid twice");
        }
        let amount = i128::from(below(chance, 2_000_000_000_000_000_000) - 500_000_000_000_000_000);
        let id = format!("{host}-{number}");
        fleet.charges.push(json!({
            "charge_id": id, "source": "bill", "provider": "AWS", "charge_category": "Usage",
            "resource_id": format!("i-{host}"), "billing_period_start": "2026-09-01T00:00:00Z",
            "billing_period_end": "2026-10-01T00:00:00Z", "charge_period_start": at(from),
            "charge_period_end": at(to), "billing_currency": "USD", "effective_cost": money::format(amount),
        }));
        fleet.amounts.insert(id, amount);
    }
    fleet.provisioned += paid.len() as i64 * 900 * gpus;
}

/// The readings as Prometheus would answer, read by the reader that reads such answers.
fn telemetry(series: &Series) -> Vec<RecordBatch> {
    let first = time::parse_instant("2026-09-14T00:00:00Z").unwrap() / 1_000_000;
    let result: Vec<Value> = series
        .iter()
        .map(|(metric, readings)| {
            let values: Vec<Value> = readings
                .iter()
                .map(|(moment, value)| json!([first + moment, value.to_string()]))
                .collect();
            json!({"metric": serde_json::from_str::<Value>(metric).unwrap(), "values": values})
        })
        .collect();
    let answer = json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string();
    let assets = assets();
    let texts = assets
        .under("sources/")
        .map(|a| (a.name().to_owned(), a.text.to_string()));
    let catalog = Catalog::new(texts).unwrap();
    let context = DecodeContext {
        source: "dcgm".to_owned(),
        file_hash: "hash".to_owned(),
        file_name: "answer.json".to_owned(),
        observed_at: None,
        valid_from: None,
        zone: None,
        users: None,
    };
    let mut batches = Vec::new();
    let bytes = Bytes::Stream(Box::new(std::io::Cursor::new(answer)));
    let report = decode(
        catalog.get("prometheus").unwrap(),
        bytes,
        &context,
        &mut |batch| {
            batches.push(batch);
            Ok(())
        },
    );
    assert_eq!(report.unwrap().rejects.len(), 0);
    batches
}

async fn amounts(engine: &Engine, view: &str) -> BTreeMap<String, i128> {
    let sql = format!("SELECT charge_id, sum(amount) FROM {view} GROUP BY charge_id");
    let batch = engine.query(&sql, &[]).await.unwrap();
    let sums = batch.column(1).as_primitive::<Decimal128Type>();
    rows(&batch)
        .iter()
        .zip(sums)
        .map(|(row, sum)| (row.split(' ').next().unwrap().to_owned(), sum.unwrap()))
        .collect()
}

async fn floats(engine: &Engine, sql: &str) -> Vec<f64> {
    let batch = engine.query(sql, &[]).await.unwrap();
    let columns = batch.columns().iter();
    columns
        .map(|c| c.as_primitive::<Float64Type>().value(0))
        .collect()
}

async fn millijoules(engine: &Engine, sql: &str) -> i128 {
    let batch = engine.query(sql, &[]).await.unwrap();
    let sums = batch.column(0).as_primitive::<Decimal128Type>();
    sums.iter().next().flatten().unwrap_or_default()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

#[test]
fn money_time_and_energy_of_a_fleet_are_split_without_a_rest() {
    let seen: RefCell<BTreeSet<String>> = RefCell::new(BTreeSet::new());
    hold(10, &any::<u64>(), async |seed| {
        let fleet = fleet(seed);
        let engine = Facts::new()
            .add("charges", fleet.charges.clone())
            .add("requests", fleet.requests.clone())
            .with("gpu_samples", telemetry(&fleet.series))
            .engine_with(&registry(), &Settings::new(NOW.parse().unwrap()))
            .await;

        assert_eq!(amounts(&engine, "gpu_leaves").await, fleet.amounts);
        assert_eq!(amounts(&engine, "gpu_owners").await, fleet.amounts);

        let hours = "SELECT sum(provisioned_s), sum(serving_s), sum(allocated_idle_s), sum(unallocated_s), sum(dark_s)
                     FROM gpu_hours";
        let parts = floats(&engine, hours).await;
        assert!(
            near(parts[0], fleet.provisioned as f64),
            "{parts:?} {}",
            fleet.provisioned
        );
        assert!(near(parts[1..].iter().sum(), parts[0]), "{parts:?}");
        let owned = floats(&engine, "SELECT sum(device_s), min(device_s) FROM gpu_owners").await;
        assert!(near(owned[0], parts[0]) && owned[1] >= 0.0, "{owned:?} {parts:?}");
        // Each charge and hour, exactly, in 28ths of a device × microseconds.
        let wrong = "SELECT s.charge_id, s.hour FROM (
                SELECT charge_id, hour, sum(serving + allocated_idle + unallocated + dark) AS time,
                    min(least(serving, allocated_idle, unallocated, dark)) AS least
                FROM gpu_charge_slots GROUP BY charge_id, hour) AS s
            INNER JOIN gpu_charge_hours AS h ON h.charge_id = s.charge_id AND h.hour = s.hour
            WHERE s.time <> 28 * h.gpus * (h.to_us - h.from_us) OR s.least < 0";
        assert_eq!(
            rows(&engine.query(wrong, &[]).await.unwrap()),
            Vec::<String>::new()
        );

        let energy = fleet.energy * money::ONE;
        assert_eq!(
            millijoules(&engine, "SELECT sum(energy_mj) FROM gpu_energy").await,
            energy
        );
        assert_eq!(
            millijoules(&engine, "SELECT sum(accelerator_mj) FROM energy_leaves").await,
            energy
        );
        assert!(millijoules(&engine, "SELECT min(accelerator_mj) FROM energy_leaves").await >= 0);

        let found = "SELECT DISTINCT 'money ' || leaf FROM gpu_leaves
                     UNION SELECT DISTINCT 'energy ' || leaf FROM energy_leaves
                     UNION SELECT DISTINCT 'by ' || method FROM gpu_energy
                     UNION SELECT 'granted to nobody' FROM gpu_owners WHERE state = 'serving' AND owner IS NULL";
        let found = rows(&engine.query(found, &[]).await.unwrap());
        seen.borrow_mut().extend(found);
        seen.borrow_mut()
            .extend(fleet.kinds.iter().map(|kind| (*kind).to_owned()));
    });
    let leaves = [
        "request",
        "gpu_serving_untraced",
        "gpu_allocated_idle",
        "gpu_unallocated",
        "gpu_dark",
    ];
    let mut wanted: BTreeSet<String> = [
        "mig",
        "time-sliced",
        "granted",
        "granted to nobody",
        "whole",
        "reset",
        "hole",
        "two jobs",
        "vanishes",
        "paid twice",
        "by counter",
        "by power",
        "by none",
    ]
    .map(str::to_owned)
    .into();
    for leaf in leaves {
        wanted.insert(format!("money {leaf}"));
        wanted.insert(format!("energy {leaf}"));
    }
    // Of no use if the fleets had nothing in them.
    assert_eq!(seen.into_inner(), wanted);
}
