//! GPU charges down to device states and attempts, through the real engine: tiny literal facts with
//! answers worked out by hand, and the golden case's `gpu.csv` and `energy.csv`.

use crate::facts::{Facts, rows};
use rand::Rng as _;
use serde_json::{Value, json};
use spendscope::base::seed::generator;
use spendscope::engine::{Engine, Registry};
use std::collections::BTreeMap;

const MODELS: &str = "
[providers.own]
self_hosted = true
[models.m]
provider = 'own'
";

/// One node `a` with the resource `i-a` that serves the model `m`.
fn node(gpus: u32, step: u32) -> Registry {
    let text = format!(
        "{MODELS}
        [[gpu_nodes]]
        host = 'a'
        resource_id = 'i-a'
        gpus = {gpus}
        gpu_model = 'H100'
        purchase = 'spot'
        model = 'm'
        [[pull.prometheus]]
        name = 'dcgm'
        step_seconds = {step}"
    );
    Registry::parse(&text).unwrap()
}

/// An instant of 14 September, or of another day: `10:20`, `15T00:00`.
fn at(time: &str) -> String {
    let (day, time) = time.split_once('T').unwrap_or(("14", time));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("2026-09-{day}T{time}{seconds}Z")
}

fn with(mut row: Value, extra: Value) -> Value {
    row.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    row
}

fn charge(id: &str, from: &str, to: &str, amount: &str) -> Value {
    json!({
        "charge_id": id, "source": "focus", "provider": "AWS", "charge_category": "Usage", "resource_id": "i-a",
        "billing_period_start": "2026-09-01T00:00:00Z", "billing_period_end": "2026-10-01T00:00:00Z",
        "charge_period_start": at(from), "charge_period_end": at(to),
        "billed_cost": amount, "effective_cost": amount, "billing_currency": "USD"
    })
}

fn reading(time: &str, activity: impl Into<Option<f64>>) -> Value {
    json!({
        "sampled_at": at(time), "source": "dcgm", "host": "a", "gpu_uuid": "G0", "owner": "pod",
        "sm_active": activity.into()
    })
}

fn attempt(id: &str, time: &str, tokens: [i64; 3]) -> Value {
    json!({
        "source": "litellm", "request_id": id, "task_id": id, "started_at": at(time), "provider": "own", "model": "m",
        "uncached_input": tokens[0], "cache_write": tokens[1], "output": tokens[2], "status": "success"
    })
}

async fn leaves(engine: &Engine) -> Vec<String> {
    let sql = "SELECT charge_id, to_char(period_start, '%dT%H:%M') AS f, to_char(period_end, '%dT%H:%M') AS t, leaf,
                      coalesce(request_id, '-') AS r, amount
               FROM gpu_leaves ORDER BY charge_id, period_start, leaf, r";
    rows(&engine.query(sql, &[]).await.unwrap())
}

async fn hours(engine: &Engine) -> Vec<String> {
    let sql = "SELECT to_char(hour, '%dT%H:%M') AS h, round(provisioned_s, 3) AS p, round(serving_s, 3) AS s,
                      round(allocated_idle_s, 3) AS i, round(unallocated_s, 3) AS u, round(dark_s, 3) AS d,
                      round(active_s, 3) AS a
               FROM gpu_hours ORDER BY hour";
    rows(&engine.query(sql, &[]).await.unwrap())
}

/// Leaves and hours of one node, after a look at conservation.
async fn split(gpus: u32, step: u32, samples: Vec<Value>, charges: Vec<Value>) -> (Vec<String>, Vec<String>) {
    let engine = Facts::new()
        .add("gpu_samples", samples)
        .add("charges", charges)
        .engine(&node(gpus, step))
        .await;
    let sql = "SELECT c.charge_id FROM costs AS c
               LEFT JOIN (SELECT charge_id, sum(amount) AS amount FROM gpu_leaves GROUP BY charge_id) AS l
                   ON l.charge_id = c.charge_id
               WHERE l.amount IS DISTINCT FROM c.amount";
    assert_eq!(
        rows(&engine.query(sql, &[]).await.unwrap()),
        Vec::<String>::new(),
        "leaves that do not add up"
    );
    (leaves(&engine).await, hours(&engine).await)
}

#[tokio::test]
async fn an_hour_by_state_and_a_correction_of_it() {
    let samples = vec![
        reading("10:00", 0.5),
        reading("10:20", 0.01),
        with(reading("10:40", None), json!({"owner": " ", "gpu_util": 90.0})),
    ];
    let charges = vec![
        charge("c", "10:00", "11:00", "12"),
        charge("d", "10:00", "11:00", "-1"),
    ];
    let (leaves, hours) = split(1, 1200, samples, charges).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_allocated_idle - 4.000000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 4.000000000000000000",
            "c 14T10:00 14T11:00 gpu_unallocated - 4.000000000000000000",
            "d 14T10:00 14T11:00 gpu_allocated_idle - -0.333333333333333334",
            "d 14T10:00 14T11:00 gpu_serving_untraced - -0.333333333333333333",
            "d 14T10:00 14T11:00 gpu_unallocated - -0.333333333333333333",
        ]
    );
    // Two charges, but one hour of one device; 0.5, 0.01 and 90 % of twenty minutes each.
    assert_eq!(hours, ["14T10:00 3600.0 1200.0 1200.0 1200.0 0.0 1692.0"]);
}

#[tokio::test]
async fn a_reading_stands_for_two_steps_at_most_and_the_last_for_one() {
    let samples = vec![
        reading("09:55", 0.5),
        reading("10:10", 0.5),
        reading("10:55", 0.5),
    ];
    let (leaves, hours) = split(1, 600, samples, vec![charge("c", "10:00", "11:00", "60")]).await;
    // 10:00 to 10:30 and 10:55 to 11:00.
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_dark - 25.000000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 35.000000000000000000",
        ]
    );
    assert_eq!(hours, ["14T10:00 3600.0 2100.0 0.0 0.0 1500.0 1050.0"]);
}

#[tokio::test]
async fn a_reading_without_activity_ends_the_one_before() {
    let samples = vec![
        reading("10:00", 0.5),
        with(reading("10:06", None), json!({"power_w": 90.0})),
    ];
    let (leaves, _) = split(1, 600, samples, vec![charge("c", "10:00", "11:00", "60")]).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_dark - 54.000000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 6.000000000000000000",
        ]
    );
}

#[tokio::test]
async fn spans_name_their_owner_and_their_activity() {
    let samples = vec![
        with(
            reading("10:00", None),
            json!({"gr_engine_active": 0.3, "gpu_util": 99.0}),
        ),
        with(reading("10:10", None), json!({"gpu_util": 4.0})),
        with(reading("10:20", 0.05), json!({"owner": "next"})),
        reading("10:30", None),
    ];
    let engine = Facts::new()
        .add("gpu_samples", samples)
        .engine(&node(1, 600))
        .await;
    let sql =
        "SELECT owner, activity_from, activity, state, span_us, parts FROM gpu_spans ORDER BY sampled_at";
    assert_eq!(
        rows(&engine.query(sql, &[]).await.unwrap()),
        [
            "pod gr_engine_active 0.3 serving 600000000 28",
            "pod gpu_util 0.04 gpu_allocated_idle 600000000 28",
            "next sm_active 0.05 serving 600000000 28",
            "pod    600000000 28",
        ]
    );
}

#[tokio::test]
async fn mig_instances_take_their_slices() {
    let instance = |time: &str, id: &str, profile: &str, activity: f64| {
        with(
            reading(time, activity),
            json!({"mig_instance": id, "mig_profile": profile}),
        )
    };
    let mut samples = Vec::new();
    for time in ["10:00", "10:30"] {
        samples.push(instance(time, "1", "3g.40gb", 0.5));
        samples.push(instance(time, "2", "1g.10gb", 0.0));
        // The device's own series beside its instances would count it twice.
        samples.push(with(reading(time, None), json!({"gpu_util": 100.0})));
    }
    let (leaves, _) = split(1, 1800, samples, vec![charge("c", "10:00", "11:00", "70")]).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_allocated_idle - 10.000000000000000000",
            "c 14T10:00 14T11:00 gpu_dark - 30.000000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 30.000000000000000000",
        ]
    );

    let a30 = |id: &str, profile: &str, activity: f64| {
        with(
            instance("10:00", id, profile, activity),
            json!({"gpu_model": "NVIDIA A30"}),
        )
    };
    let samples = vec![a30("1", "2g.12gb", 0.5), a30("2", "1g.6gb", 0.0)];
    let (leaves, hours) = split(1, 3600, samples, vec![charge("c", "10:00", "11:00", "40")]).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_allocated_idle - 10.000000000000000000",
            "c 14T10:00 14T11:00 gpu_dark - 10.000000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 20.000000000000000000",
        ]
    );
    assert_eq!(hours, ["14T10:00 3600.0 1800.0 900.0 0.0 900.0 900.0"]);
}

#[tokio::test]
async fn hours_consumed_cut_what_is_provisioned() {
    let consumed = |row, quantity: &str| {
        with(
            row,
            json!({"consumed_quantity": quantity, "consumed_unit": "Hours"}),
        )
    };
    let busy = vec![reading("10:00", 0.5), reading("10:30", 0.5)];

    // Two GPUs for three quarters of an hour; one was busy for an hour.
    let charges = vec![consumed(charge("c", "10:00", "11:00", "3"), "0.75")];
    let (leaves, hours) = split(2, 1800, busy.clone(), charges).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_dark - 1.000000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 2.000000000000000000",
        ]
    );
    assert_eq!(hours, ["14T10:00 5400.0 3600.0 0.0 0.0 1800.0 1800.0"]);

    // A quarter of an hour of two GPUs: nothing is dark, and busy and idle are cut alike.
    let both: Vec<Value> = busy
        .iter()
        .cloned()
        .chain(
            busy.iter()
                .map(|r| with(r.clone(), json!({"gpu_uuid": "G1", "sm_active": 0.0}))),
        )
        .collect();
    let charges = vec![consumed(charge("c", "10:00", "11:00", "3"), "0.25")];
    let (leaves, hours) = split(2, 1800, both, charges).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_allocated_idle - 1.500000000000000000",
            "c 14T10:00 14T11:00 gpu_serving_untraced - 1.500000000000000000",
        ]
    );
    assert_eq!(hours, ["14T10:00 1800.0 900.0 900.0 0.0 0.0 450.0"]);

    // Three hours, half of them consumed: the busy hour takes part whole, the rest is spread as dark.
    let charges = vec![consumed(charge("c", "10:00", "13:00", "3"), "-1.5")];
    let (leaves, hours) = split(1, 1800, busy, charges).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_serving_untraced - 2.000000000000000000",
            "c 14T11:00 14T12:00 gpu_dark - 0.500000000000000000",
            "c 14T12:00 14T13:00 gpu_dark - 0.500000000000000000",
        ]
    );
    assert_eq!(
        hours[1..],
        [
            "14T11:00 900.0 0.0 0.0 0.0 900.0 0.0",
            "14T12:00 900.0 0.0 0.0 0.0 900.0 0.0"
        ]
    );
}

#[tokio::test]
async fn more_devices_than_the_node_has_are_cut_hour_by_hour() {
    let other = |time| with(reading(time, 0.9), json!({"gpu_uuid": "G1", "owner": null}));
    let samples = vec![
        reading("10:00", 0.5),
        reading("10:30", 0.5),
        other("10:00"),
        other("10:30"),
    ];
    let (leaves, hours) = split(1, 1800, samples, vec![charge("c", "10:00", "12:00", "4")]).await;
    assert_eq!(
        leaves,
        [
            "c 14T10:00 14T11:00 gpu_serving_untraced - 1.000000000000000000",
            "c 14T10:00 14T11:00 gpu_unallocated - 1.000000000000000000",
            "c 14T11:00 14T12:00 gpu_dark - 2.000000000000000000",
        ]
    );
    assert_eq!(hours[0], "14T10:00 3600.0 1800.0 0.0 1800.0 0.0 2520.0");
}

#[tokio::test]
async fn charges_that_start_within_an_hour_share_it() {
    let samples = ["10:00", "10:15", "10:30"]
        .map(|time| reading(time, 0.5))
        .to_vec();
    let charges = vec![
        charge("a", "10:00", "10:30", "1"),
        charge("b", "10:30", "11:00", "3"),
        charge("x", "10:00", "11:00", "0"),
    ];
    let (leaves, hours) = split(1, 900, samples, charges).await;
    assert_eq!(
        leaves,
        [
            "a 14T10:00 14T10:30 gpu_serving_untraced - 1.000000000000000000",
            "b 14T10:30 14T11:00 gpu_dark - 1.500000000000000000",
            "b 14T10:30 14T11:00 gpu_serving_untraced - 1.500000000000000000",
            "x 14T10:00 14T11:00 gpu_dark - 0.000000000000000000",
            "x 14T10:00 14T11:00 gpu_serving_untraced - 0.000000000000000000",
        ]
    );
    assert_eq!(hours, ["14T10:00 3600.0 2700.0 0.0 0.0 900.0 1350.0"]);
}

#[tokio::test]
async fn without_telemetry_all_is_dark() {
    let charges = vec![
        charge("day", "14T00:00", "15T00:00", "-1.000000000000000001"),
        charge("moment", "14T00:00", "14T00:00", "5"),
    ];
    let (leaves, hours) = split(4, 60, vec![], charges).await;
    assert_eq!((leaves.len(), hours.len()), (25, 24));
    assert!(
        leaves.iter().all(|leaf| leaf.contains(" gpu_dark ")),
        "{leaves:?}"
    );
    assert_eq!(
        leaves[24],
        "moment 14T00:00 14T00:00 gpu_dark - 5.000000000000000000"
    );
    assert!(
        hours
            .iter()
            .all(|hour| hour.ends_with(" 14400.0 0.0 0.0 0.0 14400.0 0.0")),
        "{hours:?}"
    );
}

#[tokio::test]
async fn an_amount_that_is_missing_makes_no_leaf() {
    let charges = vec![with(
        charge("c", "10:00", "11:00", "0"),
        json!({"effective_cost": null}),
    )];
    let (leaves, hours) = split(1, 60, vec![], charges).await;
    assert_eq!((leaves.len(), hours.len()), (0, 1));
}

#[tokio::test]
async fn serving_time_goes_to_the_attempts_of_its_hour() {
    let requests = vec![
        attempt("a", "10:59:59.999999", [100, 0, 0]),
        attempt("b", "10:10", [0, 50, 20]),
        attempt("empty", "10:20", [0, 0, 0]),
        with(
            attempt("hit", "10:20", [7, 7, 7]),
            json!({"gateway_cache_hit": true}),
        ),
        with(
            attempt("elsewhere", "10:20", [7, 7, 7]),
            json!({"provider": "openai"}),
        ),
        attempt("late", "12:00", [5, 0, 0]),
    ];
    let engine = Facts::new()
        .add(
            "gpu_samples",
            ["10:00", "10:30", "11:00"]
                .map(|time| reading(time, 0.5))
                .to_vec(),
        )
        .add(
            "charges",
            vec![
                charge("c", "10:00", "12:00", "30"),
                charge("d", "10:00", "11:00", "-1"),
            ],
        )
        .add("requests", requests)
        .engine(&node(1, 1800))
        .await;
    // 2 × 100 = 2 × 50 + 5 × 20. Nobody asked in the second hour.
    assert_eq!(
        leaves(&engine).await,
        [
            "c 14T10:00 14T11:00 request a 7.500000000000000000",
            "c 14T10:00 14T11:00 request b 7.500000000000000000",
            "c 14T11:00 14T12:00 gpu_dark - 7.500000000000000000",
            "c 14T11:00 14T12:00 gpu_serving_untraced - 7.500000000000000000",
            "d 14T10:00 14T11:00 request a -0.500000000000000000",
            "d 14T10:00 14T11:00 request b -0.500000000000000000",
        ]
    );
    let sql =
        "SELECT DISTINCT leaf, modelled, evidence, kind, model, host, currency FROM gpu_leaves ORDER BY leaf";
    assert_eq!(
        rows(&engine.query(sql, &[]).await.unwrap()),
        [
            "gpu_dark false billed gpu m a USD",
            "gpu_serving_untraced false billed gpu m a USD",
            "request true billed gpu m a USD",
        ]
    );
}

#[tokio::test]
async fn energy_by_counter_by_power_and_not_at_all() {
    let device = |id: &str, time: &str, mj: Option<f64>, watts: Option<f64>| {
        with(
            reading(time, None),
            json!({"gpu_uuid": id, "energy_mj": mj, "power_w": watts}),
        )
    };
    let samples = vec![
        // Across a hole, a reset (100 W for 600 s), and an hour before midnight with an hour after it.
        device("counter", "10:00", Some(5e6), Some(1.0)),
        device("counter", "10:10", None, Some(9e9)),
        device("counter", "12:00", Some(9e6), Some(100.0)),
        device("counter", "12:10", Some(1e6), None),
        device("counter", "23:00", Some(2e6), None),
        device("counter", "15T01:00", Some(4e6), None),
        // 10 minutes, two steps at most, one step at the end.
        device("power", "10:00", None, Some(100.0)),
        device("power", "10:10", None, Some(10.0)),
        device("power", "15:00", None, Some(1.0)),
        device("blind", "10:00", None, None),
        // Instances repeat what the whole device takes.
        with(
            device("mig", "10:00", Some(0.0), None),
            json!({"mig_instance": "1"}),
        ),
        with(
            device("mig", "10:00", Some(0.0), None),
            json!({"mig_instance": "2"}),
        ),
        with(
            device("mig", "10:10", Some(3e6), None),
            json!({"mig_instance": "1"}),
        ),
        with(
            device("mig", "10:10", Some(3e6), None),
            json!({"mig_instance": "2"}),
        ),
    ];
    let engine = Facts::new()
        .add("gpu_samples", samples)
        .add("charges", vec![charge("c", "10:00", "11:00", "1")])
        .engine(&node(6, 600))
        .await;
    // The last reading of a counter has an hour of its own, that nothing measured.
    let sql = "SELECT host, coalesce(gpu_uuid, '-') AS g, day, round(sum(joules), 6) AS j, min(method) AS m,
                      max(devices) AS devices
               FROM gpu_energy GROUP BY host, g, day ORDER BY g, day";
    assert_eq!(
        rows(&engine.query(sql, &[]).await.unwrap()),
        [
            "a - 2026-09-14  none 2",
            "a blind 2026-09-14  none 1",
            "a counter 2026-09-14 66000.0 counter 1",
            "a counter 2026-09-15 1000.0 counter 1",
            "a mig 2026-09-14 3000.0 counter 1",
            "a power 2026-09-14 72600.0 power 1",
        ]
    );
}

#[tokio::test]
async fn whatever_the_telemetry_every_charge_adds_up() {
    let mut chance = generator(14, "gpu telemetry");
    let mut below = |n: u64| chance.random_range(0..n);
    let minute = |m: u64| format!("{}T{:02}:{:02}", 14 + m / 1440, m % 1440 / 60, m % 60);
    let mut samples = BTreeMap::new();
    for _ in 0..3000 {
        let (device, time) = (below(6), below(2 * 1440));
        let instance = if device < 2 { below(3) } else { 0 };
        let row = json!({
            "gpu_uuid": format!("G{device}"),
            "mig_instance": if instance > 0 { instance.to_string() } else { String::new() },
            "mig_profile": if instance == 1 { json!("4g.40gb") } else { json!(null) },
            "owner": if below(4) == 0 { json!(null) } else { json!("pod") },
            "sm_active": if below(9) == 0 { json!(null) } else { json!(below(21) as f64 / 20.0) },
        });
        samples.insert((device, instance, time), with(reading(&minute(time), None), row));
    }
    let charges = (0..150).map(|id| {
        let from = below(2 * 1440);
        let to = from + below(7) * below(200);
        let amount = format!(
            "{}.{:018}",
            below(2000) as i64 - 1000,
            below(1_000_000_000_000_000_000)
        );
        let consumed = json!({
            "consumed_quantity": format!("{}.{:018}", below(5), below(1_000_000_000_000_000_000)),
            "consumed_unit": if below(2) == 0 { "Hours" } else { "Units" },
        });
        with(
            charge(&format!("c{id}"), &minute(from), &minute(to), &amount),
            consumed,
        )
    });
    let charges = charges.collect();
    let (leaves, hours) = split(4, 300, samples.into_values().collect(), charges).await;
    assert!(leaves.len() > 500);
    for hour in hours {
        let seconds: Vec<f64> = hour.split(' ').skip(1).map(|s| s.parse().unwrap()).collect();
        assert!(seconds.iter().all(|s| (0.0..=4.0 * 3600.0).contains(s)), "{hour}");
        assert!(
            (seconds[0] - seconds[1..5].iter().sum::<f64>()).abs() < 0.01,
            "{hour}"
        );
    }
}
