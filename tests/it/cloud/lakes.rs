//! A lake on an object store is the lake that a directory would be: the same answers, whole after a kill, and with every
//! row of two that write at once.

use super::double::{Act, Double};
use super::server::{Kind, Server};
use super::{Environment, NOW, head, program, run, sample, says, store};
use crate::ingest::contents_without;
use crate::support::project;
use futures::TryStreamExt;
use object_store::ObjectStore;
use rand::Rng as _;
use spendscope::base::clock::FixedClock;
use spendscope::base::seed;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

type Contents = BTreeMap<&'static str, Vec<String>>;

/// A folder with bills, a log, telemetry, labels, prices and rates of one month, and a bill that was restated.
fn month() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("in/openai.csv", sample("billing/openai/openai-2026-07.csv.gz"));
    write(
        "in/log.jsonl",
        head("gateway/litellm/spend-2026-07.jsonl.gz", 400) + "{\"request_id\":\"broken\n",
    );
    write("in/gpu.prom", sample("gpu/gpu-prod/dcgm-2026-09-30T235907Z.prom"));
    write("in/labels.csv", head("outcomes/back-office.csv", 200));
    write("in/fx.csv", sample("reference/fx.csv"));
    write("in/prices.json", sample("reference/prices.json"));
    let restated = sample("billing/openai/openai-2026-07.csv.gz").replacen(
        ",18.53,18.53,18.53,18.53,",
        ",18.75,18.75,18.75,18.75,",
        1,
    );
    write("restated/openai.csv", restated);
    std::fs::copy(
        project("sample-data/spendscope.toml"),
        dir.path().join("spendscope.toml"),
    )
    .unwrap();
    dir
}

/// Everything that is asked of a lake here. What names the place itself is left out.
fn answers(folder: &Path, environment: &Environment, lake: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut ask = |expected: &[i32], args: &[&str]| {
        let args = [&["--lake", lake, "-o", "csv"], args].concat();
        let (status, out, talk) = run(folder, environment, &args);
        assert!(expected.contains(&status), "{status} {args:?}\n{out}\n{talk}");
        all.push(format!("{status} {args:?}\n{out}").replace(lake, "LAKE"));
        talk
    };
    // The broken line of the log is the one reject.
    let first = ask(&[4], &["--now", "2026-11-18T00:00:00Z", "ingest", "in"]);
    assert!(first.contains("400 kept") || first.contains("rows"), "{first}");
    ask(&[0], &["--now", "2026-11-19T00:00:00Z", "ingest", "restated"]);
    // Once more, and nothing is left to do.
    let again = ask(
        &[0],
        &["ingest", "in/log.jsonl", "restated/openai.csv", "in/gpu.prom"],
    );
    assert_eq!(again.matches("already ingested").count(), 3, "{again}");
    let count = "SELECT 'charges' AS t, count(*) AS n, sum(billed_cost) AS billed FROM charges \
        UNION ALL SELECT 'requests', count(*), sum(gateway_cost) FROM requests \
        UNION ALL SELECT 'samples', count(*), NULL FROM gpu_samples \
        UNION ALL SELECT 'rejects', count(*), NULL FROM rejects ORDER BY t";
    ask(&[0], &["sql", "-c", count]);
    ask(&[0], &["--as-of", "2026-11-18T12:00:00Z", "sql", "-c", count]);
    ask(&[0], &["--as-of", "2026-11-17T00:00:00Z", "sql", "-c", count]);
    ask(&[0, 3], &["--period", "2026-07", "reconcile"]);
    ask(&[0], &["lake", "verify"]);
    ask(&[0], &["lake", "history"]);
    ask(
        &[0],
        &[
            "sql",
            "-c",
            "SELECT table_name, path, file_hash, rows_kept FROM ingest_files ORDER BY path, file_hash",
        ],
    );
    // Maintenance: the facts stay; what only the first day knew goes on demand, and is then not asked for in vain.
    ask(&[0], &["lake", "compact"]);
    ask(&[0], &["lake", "stats"]);
    let vacuum = ["lake", "vacuum", "--older-than", "12h", "--shorten-history"];
    let talk = ask(&[0], &[&["--now", NOW], &vacuum[..]].concat());
    assert!(!talk.contains("0 data files with 0 bytes that only"), "{talk}");
    ask(&[0], &["sql", "-c", count]);
    let gone = ask(&[1], &["--as-of", "2026-11-18T12:00:00Z", "sql", "-c", count]);
    assert!(gone.contains("can no longer be read as of"), "{gone}");
    ask(&[0], &["lake", "verify"]);
    all
}

fn same_answers(kind: Kind) {
    let Some(server) = Server::start(kind) else { return };
    let place = month();
    static EXPECTED: OnceLock<Vec<String>> = OnceLock::new();
    let expected = EXPECTED.get_or_init(|| answers(month().path(), &Environment::new(), "directory"));
    let asked = Instant::now();
    let lake = format!("{}/deep er/lake", server.root());
    let got = answers(place.path(), &server.environment(), &lake);
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got, expected);
    }
    println!(
        "{kind:?}: {} answers equal to those of a directory, in {:?}",
        got.len(),
        asked.elapsed()
    );
}

#[test]
fn a_lake_on_s3_answers_like_one_in_a_directory() {
    same_answers(Kind::S3);
}

#[test]
fn a_lake_on_azure_answers_like_one_in_a_directory() {
    same_answers(Kind::Azure);
}

async fn contents(lake: &str, environment: &Environment, without: &[&str]) -> Contents {
    let clock = Arc::new(FixedClock(NOW.parse().unwrap()));
    let options = environment.iter().cloned().collect();
    contents_without(&Lake::open_with(lake, &options, clock).await.unwrap(), without).await
}

/// Names of all objects below a lake: commits, and data files.
async fn objects(server: &Server, prefix: &str) -> (usize, Vec<String>) {
    let store = store(server.root(), &server.environment());
    let all: Vec<_> = store
        .list(Some(&object_store::path::Path::from(prefix)))
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await
        .unwrap();
    let commits = all
        .iter()
        .filter(|n| n.contains("_delta_log/") && n.ends_with(".json"))
        .count();
    (commits, all)
}

fn start(folder: &Path, environment: &Environment, lake: &str, paths: &[&str]) -> Child {
    program(
        folder,
        environment,
        &[&["--lake", lake, "-q", "ingest"], paths].concat(),
    )
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap()
}

/// What the order of two deliveries may decide: which of equal rows was the first.
const WHO_WAS_FIRST: [&str; 4] = ["file_hash", "file_row", "rows_kept", "rows_known"];

#[tokio::test]
async fn two_that_write_at_once_to_s3_both_land_and_nothing_twice() {
    let Some(server) = Server::start(Kind::S3) else {
        return;
    };
    let place = month();
    let log = sample("gateway/litellm/spend-2026-07.jsonl.gz");
    let part = |from: usize| {
        log.lines()
            .skip(from)
            .take(120)
            .fold(String::new(), |all, line| all + line + "\n")
    };
    for n in 0..3 {
        // Neighbours share twenty requests.
        std::fs::write(place.path().join(format!("part-{n}.jsonl")), part(n * 100)).unwrap();
    }
    let calls: [&[&str]; 3] = [
        &["part-0.jsonl", "in/openai.csv", "in/labels.csv"],
        &["part-1.jsonl", "in/prices.json", "in/fx.csv"],
        &["part-1.jsonl", "part-2.jsonl", "in/openai.csv", "in/gpu.prom"],
    ];
    let environment = server.environment();
    for paths in calls {
        says(
            place.path(),
            &Environment::new(),
            0,
            &[&["--lake", "calm", "ingest"], paths].concat(),
        );
    }
    let calm = place.path().join("calm").display().to_string();
    let expected = contents(&calm, &Environment::new(), &WHO_WAS_FIRST).await;
    assert_eq!(expected["requests"].len(), 320, "of three parts");
    for round in 0..2 {
        let lake = format!("{}/round-{round}", server.root());
        for again in [false, true] {
            let commits = objects(&server, &format!("round-{round}")).await.0;
            let all: Vec<Child> = calls
                .iter()
                .map(|paths| start(place.path(), &environment, &lake, paths))
                .collect();
            for process in all {
                let out = process.wait_with_output().unwrap();
                assert_eq!(
                    out.status.code(),
                    Some(0),
                    "{}",
                    String::from_utf8_lossy(&out.stderr)
                );
            }
            let got = contents(&lake, &environment, &WHO_WAS_FIRST).await;
            assert_eq!(got, expected, "round {round}");
            if again {
                assert_eq!(
                    objects(&server, &format!("round-{round}")).await.0,
                    commits,
                    "nothing was left to do"
                );
            }
        }
    }
    println!("2 times three writers at once on S3: all landed, every lake equal to one written in turn");
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_lake_on_s3_that_a_second_run_completes() {
    const KILLS: usize = 8;
    let Some(server) = Server::start(Kind::S3) else {
        return;
    };
    let place = month();
    let environment = server.environment();
    let lake = |name: &str| format!("{}/{name}", server.root());
    let started = Instant::now();
    let complete = |name: &str| {
        let lake = lake(name);
        says(
            place.path(),
            &environment,
            4,
            &["--lake", &lake, "-q", "ingest", "in"],
        );
    };
    complete("calm");
    let whole = started.elapsed();
    let expected = contents(&lake("calm"), &environment, &[]).await;
    let commits = objects(&server, "calm").await.0;
    let mut chance = seed::generator(4, "kills");
    let (mut kills, mut fell) = (0, BTreeMap::new());
    for round in 0..2 * KILLS {
        if kills == KILLS {
            break;
        }
        let name = format!("killed-{round}");
        let mut process = start(place.path(), &environment, &lake(&name), &["in"]);
        if round % 2 == 0 {
            // Right after one commit or another.
            let wanted = 1 + round * (commits - 1) / (2 * KILLS);
            while objects(&server, &name).await.0 < wanted && process.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..20))).await;
        } else {
            tokio::time::sleep(whole.mul_f64(chance.random_range(0.3..1.0))).await;
        }
        process.kill().unwrap();
        if process.wait().unwrap().code().is_some() {
            continue;
        }
        kills += 1;
        let after = objects(&server, &name).await.0;
        *fell.entry(after).or_insert(0) += 1;
        complete(&name);
        assert_eq!(
            contents(&lake(&name), &environment, &[]).await,
            expected,
            "killed after {after} commits"
        );
    }
    println!(
        "{kills} kills of an ingest into S3 ({whole:?}); by commits made: {fell:?} of {commits}; every lake complete"
    );
    assert!(kills >= KILLS / 2 && fell.len() >= 3, "{kills} kills, {fell:?}");
}

#[tokio::test]
async fn a_store_without_conditional_put_is_refused_before_anything_is_written() {
    let Some(server) = Server::start(Kind::OldS3) else {
        return;
    };
    let place = month();
    let lake = format!("{}/lake", server.root());
    for args in [&["ingest", "in/fx.csv"][..], &["init"]] {
        std::fs::remove_file(place.path().join("spendscope.toml")).ok();
        let (_, talk) = says(
            place.path(),
            &server.environment(),
            1,
            &[&["--lake", &lake], args].concat(),
        );
        assert!(
            talk.contains("has no conditional put") && talk.contains("try: keep the lake in a store"),
            "{talk}"
        );
    }
    let (commits, all) = objects(&server, "lake").await;
    assert_eq!((commits, all.len()), (0, 1), "only the probe: {all:?}");
    // Who turns it off is told so, whatever the store.
    let mut off = server.environment();
    off.push(("AWS_CONDITIONAL_PUT".to_owned(), "disabled".to_owned()));
    let (_, talk) = says(place.path(), &off, 2, &["--lake", &lake, "ingest", "in/fx.csv"]);
    assert!(
        talk.contains("AWS_CONDITIONAL_PUT turns conditional put off"),
        "{talk}"
    );
    // Its files can be read all the same.
    let files = store(server.root(), &server.environment());
    super::put(
        files.as_ref(),
        "rates/fx.csv",
        sample("reference/fx.csv").into_bytes(),
    )
    .await;
    says(
        place.path(),
        &server.environment(),
        0,
        &["--lake", "here", "ingest", "s3://lake/rates/"],
    );
}

/// The store has done it, and the answer does not arrive: asked again, it says that the name is taken.
#[tokio::test]
async fn a_commit_whose_answer_got_lost_is_made_once() {
    let Some(server) = Server::start(Kind::S3) else {
        return;
    };
    let place = month();
    let lost = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lost);
    let double = Double::start(Some(&server.url), move |seen, _| {
        let commit =
            seen.method == "PUT" && seen.path.contains("/_delta_log/") && seen.path.ends_with(".json");
        // Every answer to a first commit of a version is lost; the second try gets one.
        match commit && counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            true => Act::Lose,
            false => Act::Pass,
        }
    });
    let lake = format!("{}/lake", server.root());
    let through = server.environment_at(&double.url);
    let (_, talk) = says(
        place.path(),
        &through,
        4,
        &["--lake", &lake, "ingest", "in/log.jsonl", "in/openai.csv"],
    );
    assert!(!talk.contains("already ingested"), "{talk}");
    assert!(
        lost.load(Ordering::Relaxed) >= 8,
        "requests, charges, rejects, files: {lost:?}"
    );
    says(
        place.path(),
        &Environment::new(),
        4,
        &["--lake", "calm", "ingest", "in/log.jsonl", "in/openai.csv"],
    );
    let calm = place.path().join("calm").display().to_string();
    assert_eq!(
        contents(&lake, &server.environment(), &[]).await,
        contents(&calm, &Environment::new(), &[]).await
    );
}
