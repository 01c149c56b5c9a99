//! Every question of the catalogue, asked here and of two executors.

use super::nodes::Nodes;
use super::{NOW, sample_lake};
use crate::alike::{Row, alike, rows};
use crate::support::{assets, project, run};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use spendscope::base::time::Window;
use spendscope::check;
use spendscope::config::{Config, Overrides};
use spendscope::engine::cluster::ClusterSettings;
use spendscope::engine::{Engine, Settings};
use spendscope::frame::Frame;
use spendscope::metric::{self, Catalog, Params};
use spendscope::store::Lake;
use std::time::{Duration, Instant};

/// What only functions of ours and whole plans show: shares to the last digit, percentiles, rates of the session,
/// windows, maps, joins that keep both sides, NOT IN, and tables that only this process has.
const QUESTIONS: [&str; 11] = [
    "SELECT charge_id, apportion(effective_cost, upto - 1, upto, n) AS share FROM (
        SELECT charge_id, effective_cost, row_number() OVER (ORDER BY source, charge_id) AS upto,
               count(*) OVER () AS n FROM charges) ORDER BY charge_id, share LIMIT 2000",
    "SELECT use_case, nearest_rank(latency_ms, 95) AS p95, nearest_rank(output, 50) AS median, count(*) AS n
     FROM requests GROUP BY use_case ORDER BY use_case",
    "SELECT charge_id, fx_rate('EUR', 'USD', CAST(charge_period_start AS DATE)) AS rate,
            money_mul(effective_cost, 1.000000000000000001) AS amount, local_day(charge_period_start) AS day
     FROM charges ORDER BY source, charge_id LIMIT 2000",
    "SELECT charge_id, fx(effective_cost, billing_currency, 'EUR', CAST(charge_period_start AS DATE)) AS euros
     FROM charges WHERE fx(effective_cost, 'USD', 'EUR', CAST(charge_period_start AS DATE)) > 0.5
     ORDER BY source, charge_id LIMIT 2000",
    "SELECT provider, billing_currency, sum(billed_cost) AS billed, avg(billed_cost) AS mean FROM charges
     GROUP BY provider, billing_currency ORDER BY provider, billing_currency",
    "SELECT count(*) AS n FROM requests WHERE model NOT IN (SELECT service_name FROM charges WHERE service_name IS NOT NULL)",
    "SELECT a.provider, b.model, count(*) AS n FROM (SELECT DISTINCT provider FROM charges) AS a
     FULL JOIN (SELECT DISTINCT provider, model FROM requests) AS b ON a.provider = b.provider AND length(b.model) > 5
     GROUP BY a.provider, b.model ORDER BY a.provider, b.model",
    "SELECT t.table_name, count(c.provider) AS n FROM information_schema.tables AS t
     LEFT JOIN charges AS c ON c.provider > t.table_name GROUP BY t.table_name ORDER BY t.table_name",
    "SELECT day, provider, amount, sum(amount) OVER (PARTITION BY provider ORDER BY day) AS running FROM (
        SELECT local_day(charge_period_start) AS day, provider, sum(effective_cost) AS amount FROM charges
        GROUP BY local_day(charge_period_start), provider) ORDER BY provider, day",
    "SELECT request_id, lag(CASE WHEN latency_ms > 2000 THEN latency_ms END) IGNORE NULLS OVER calls AS slow,
            lead(CASE WHEN latency_ms > 2000 THEN latency_ms END, 2) IGNORE NULLS OVER calls AS later
     FROM requests WINDOW calls AS (PARTITION BY use_case ORDER BY started_at, request_id) ORDER BY request_id LIMIT 5000",
    "SELECT use_case, (SELECT max(effective_cost) FROM charges) AS largest FROM use_cases ORDER BY use_case",
];

fn config() -> Config {
    Config::resolve(&Overrides {
        lake: Some(sample_lake().to_str().unwrap().to_owned()),
        config: Some(project("sample-data/spendscope.toml")),
        now: Some(NOW.to_owned()),
        currency: Some("EUR".to_owned()),
        tz: Some("Europe/Berlin".to_owned()),
        ..Overrides::default()
    })
    .unwrap()
}

async fn engine(config: &Config, settings: &Settings) -> Engine {
    let lake = Lake::open(&config.lake_url, config.clock.clone()).await.unwrap();
    let engine = Engine::over_lake(&lake, None, &assets(), &config.registry, settings).await;
    engine.unwrap()
}

/// What was asked, and what came out or went wrong.
type Answer = (String, Result<Vec<Row>, String>);

/// A query that never ends is to be named, not waited for.
const PATIENCE: Duration = Duration::from_secs(90);

async fn asked<T>(
    what: String,
    answer: impl Future<Output = spendscope::base::Result<T>>,
    shown: impl Fn(T) -> Vec<Row>,
) -> Answer {
    let started = Instant::now();
    let said = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(said) => said.map(shown).map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer after {PATIENCE:?}")),
    };
    println!(
        "{:>10.2?} {} {what}",
        started.elapsed(),
        if said.is_ok() { "  " } else { "!!" }
    );
    (what, said)
}

/// Questions asked at once: most of a small query on a cluster is waiting for the next of its stages.
const AT_ONCE: usize = 4;

/// Answers to everything, in a fixed order.
async fn all(engine: &Engine) -> Vec<Answer> {
    let assets = assets();
    let window = Window::month("2026-09", chrono_tz::Europe::Berlin).unwrap();
    let params = Params::window(window.from, window.to);
    let metrics = Catalog::new(&assets).unwrap();
    let checks = check::catalog(&assets).unwrap();
    let views = assets
        .under("views/")
        .map(|view| format!("SELECT * FROM {}", view.name()));
    let questions: Vec<String> = views.chain(QUESTIONS.map(str::to_owned)).collect();
    let mut asking: Vec<BoxFuture<'_, Answer>> = Vec::new();
    for metric in metrics.iter() {
        let run = metric::run(engine, metric, &params);
        let shown = |frame: Frame| rows(&frame.batch);
        asking.push(asked(format!("metric {}", metric.name), run, shown).boxed());
    }
    for check in &checks {
        let run = check.run(engine);
        asking.push(
            asked(format!("check {}", check.name), run, |found| {
                let mut said = vec![Row::said(format!("{:?} {:?}", found.severity, found.verdict))];
                said.extend(found.sample.iter().flat_map(|sample| rows(&sample.batch)));
                said
            })
            .boxed(),
        );
    }
    for question in &questions {
        let run = engine.query(question, &[]);
        asking.push(asked(question.clone(), run, |batch| rows(&batch)).boxed());
    }
    futures::stream::iter(asking).buffered(AT_ONCE).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_says_the_same_on_two_executors() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::apart(folder.path());
    let config = config();
    // Neither reads what the other has kept.
    let here = Settings {
        kept: None,
        ..config.settings.clone()
    };
    let there = Settings {
        cluster: Some(ClusterSettings::new(&nodes.url, 4).unwrap()),
        ..config.settings.clone()
    };
    let begun = Instant::now();
    let here = all(&engine(&config, &here).await).await;
    println!("{} answers here after {:?}", here.len(), begun.elapsed());
    let begun = Instant::now();
    let there = all(&engine(&config, &there).await).await;
    println!("{} answers there after {:?}", there.len(), begun.elapsed());
    assert_eq!(here.len(), there.len());
    let mut wrong = Vec::new();
    let mut compared = 0;
    for ((what, expected), (_, got)) in here.into_iter().zip(there) {
        let mut expected = expected.unwrap_or_else(|e| panic!("{what}: {e}"));
        let mut got = match got {
            Ok(got) => got,
            Err(error) => {
                wrong.push(format!("{what}: {error}"));
                continue;
            }
        };
        compared += got.len();
        // Rows of a query without an order may come in any.
        if !what.contains("ORDER BY") {
            expected.sort_by(Row::by_content);
            got.sort_by(Row::by_content);
        }
        if expected != got {
            let differ = expected.iter().zip(&got).find(|(a, b)| a != b);
            wrong.push(format!(
                "{what}: {} rows and {}; {differ:?}",
                expected.len(),
                got.len()
            ));
        }
    }
    assert!(compared > 10_000, "only {compared} rows were compared");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where two documents differ: anywhere but in the last digits of floating point.
fn differ(here: &Value, there: &Value) -> bool {
    match (here, there) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() != b.len()
                || a.iter()
                    .any(|(key, value)| b.get(key).is_none_or(|other| differ(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() != b.len() || a.iter().zip(b).any(|(value, other)| differ(value, other))
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => !alike(a, b),
            _ => a != b,
        },
        _ => here != there,
    }
}

#[test]
fn numbers_differ_beyond_their_last_digits() {
    let differ = |a: &str, b: &str| {
        let [a, b] = [a, b].map(|text| serde_json::from_str(text).unwrap());
        differ(&a, &b)
    };
    assert!(!differ(
        "{\"a\": [1.0, \"x\"]}",
        "{\"a\": [1.00000000000001, \"x\"]}"
    ));
    assert!(differ("{\"a\": [1.0]}", "{\"a\": [1.00000001]}"));
    assert!(
        differ("{\"a\": \"1.0\"}", "{\"a\": \"1.00\"}")
            && differ("[1]", "[1, 1]")
            && differ("{\"a\": 1}", "{}")
    );
}

#[test]
fn a_report_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::start(folder.path(), &[], &[]);
    let lake = sample_lake().to_str().unwrap().to_owned();
    let config = project("sample-data/spendscope.toml");
    let report = |out: &str, more: &[&str]| {
        let mut args = vec![
            "--lake",
            &lake,
            "--config",
            config.to_str().unwrap(),
            "--now",
            NOW,
            "--period",
            "2026-09",
        ];
        args.extend(["report", "board", "--format", "md,json,png", "--out", out]);
        args.extend(more);
        let (status, _, talk) = run(folder.path(), &args);
        assert_eq!(status, 0, "{talk}");
    };
    report("here", &[]);
    report("there", &["--cluster", &nodes.url]);
    let mut files = 0;
    for file in std::fs::read_dir(folder.path().join("here")).unwrap() {
        let name = file.unwrap().file_name();
        let [here, there] =
            ["here", "there"].map(|out| std::fs::read(folder.path().join(out).join(&name)).unwrap());
        let same = match name.to_string_lossy().ends_with(".json") {
            true => {
                let [here, there] = [&here, &there].map(|bytes| serde_json::from_slice(bytes).unwrap());
                !differ(&here, &there)
            }
            false => here == there,
        };
        assert!(same, "{name:?} differs");
        files += 1;
    }
    assert_eq!(files, 3);
}
