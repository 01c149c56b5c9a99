//! Maintenance of a lake: compacting and vacuuming change no answer, get in nobody's way, and may be killed at any moment.

use crate::history::Restated;
use crate::ingest::contents_without;
use crate::support::{run, spendscope};
use spendscope::base::clock::FixedClock;
use spendscope::schema::TableSchema;
use spendscope::store::{Change, Lake, Replace};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const BETWEEN: &str = "2026-10-15T00:00:00Z";
const LATER: &str = "2026-11-05T00:00:00Z";
/// When the many small files came.
const SINCE: &str = "2026-11-03T00:00:00Z";
const SMALL: usize = 6;

type Contents = BTreeMap<&'static str, Vec<String>>;

fn calls(part: usize) -> String {
    let mut text = String::new();
    for n in 0..30 {
        let day = 1 + n % 5;
        writeln!(
            text,
            r#"{{"request_id":"x{part}-{n}","call_type":"acompletion","spend":0.25,"startTime":"2026-09-0{day}T1{}:00:00Z","endTime":"2026-09-0{day}T1{}:00:02Z","prompt_tokens":{n},"completion_tokens":10,"custom_llm_provider":"openai","model":"small","session_id":"t{n}","status":"success"}}"#,
            n % 9, n % 9
        )
        .unwrap();
    }
    text
}

fn rates(part: usize) -> String {
    format!("day,from,to,rate\n2026-07-{:02},EUR,USD,1.{part}5\n", part + 1)
}

/// The restated month, and a lake of many small files beside it.
fn month() -> Restated {
    let month = Restated::new(2);
    for part in 0..SMALL {
        let folder = month.dir.path().join(format!("small-{part}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("log.jsonl"), calls(part)).unwrap();
        std::fs::write(folder.join("rates.csv"), rates(part)).unwrap();
        let folder = format!("small-{part}");
        month.says(0, &["--now", SINCE, "-q", "ingest", &folder]);
    }
    month
}

/// What the lake says, at a moment.
fn answers(month: &Restated, at: [&str; 2]) -> Vec<String> {
    let ledger = "SELECT leaf, use_case, currency, evidence, count(*) AS n, sum(amount) AS amount FROM ledger \
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    let asked: [&[&str]; 5] = [
        &["reconcile"],
        &["metric", "run", "spend/by_provider", "--period", "2026-09"],
        &[
            "metric",
            "run",
            "unit/cost_per_successful_task",
            "--period",
            "2026-09",
        ],
        &["sql", "-c", ledger],
        &["sql", "-c", "SELECT * FROM requests ORDER BY source, request_id"],
    ];
    let ask = |args: &&[&str]| {
        let (status, out, talk) = run(month.dir.path(), &[&at[..], &["-o", "csv"], args].concat());
        // A reconciliation may say no; then it says so every time.
        assert!(
            [0, 3].contains(&status) && out.len() + talk.len() > 20,
            "{args:?}: {talk}"
        );
        format!("{status} {out}{talk}")
    };
    asked.iter().map(ask).collect()
}

const NOW: [&str; 2] = ["--now", LATER];
const THEN: [&str; 2] = ["--as-of", BETWEEN];

/// Not by `assert_eq`, which would print all of them.
fn same(before: &[String], after: &[String]) {
    for (before, after) in before.iter().zip(after) {
        assert!(before == after, "{}", &before[..before.len().min(300)]);
    }
}

async fn contents(lake: &Path) -> Contents {
    let clock = Arc::new(FixedClock(LATER.parse().unwrap()));
    contents_without(&Lake::open(lake.to_str().unwrap(), clock).await.unwrap(), &[]).await
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

fn stats(month: &Restated) -> BTreeMap<String, Vec<String>> {
    let (out, _) = month.says(0, &["--now", LATER, "-o", "csv", "lake", "stats"]);
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    assert!(out.starts_with(
        "table,versions,rows,files,bytes,small_files,partitions,first,last,days_or_months,to_compact,into_about,to_vacuum,vacuum_bytes\n"
    ), "{out}");
    out.lines()
        .skip(1)
        .map(|line| (cells(line)[0].clone(), cells(line)))
        .collect()
}

#[tokio::test]
async fn compacting_changes_no_answer() {
    let month = month();
    let lake = month.dir.path().join("lake");
    let (now, then) = (answers(&month, NOW), answers(&month, THEN));
    let facts = contents(&lake).await;
    let requests = &stats(&month)["requests"];
    // Five days with the first delivery's files and six more each; every file is small.
    assert_eq!(
        (requests[3].as_str(), requests[3].as_str()),
        (requests[5].as_str(), requests[10].as_str())
    );
    assert_eq!((requests[7].as_str(), requests[9].as_str()), ("2026-09-01", "5"));
    let (_, plan) = month.says(0, &["--now", LATER, "lake", "compact", "--dry-run"]);
    assert!(
        plan.contains("requests: ") && plan.contains("would become about 5"),
        "{plan}"
    );
    assert_eq!(contents(&lake).await, facts);

    let (out, talk) = month.says(0, &["--now", LATER, "lake", "compact"]);
    assert!(out.is_empty() && talk.contains(" now stand in 5 with "), "{talk}");
    assert_eq!(contents(&lake).await, facts, "every fact is there once");
    same(&now, &answers(&month, NOW));
    same(&then, &answers(&month, THEN));
    month.says(0, &["lake", "verify"]);
    let requests = &stats(&month)["requests"];
    assert_eq!((requests[3].as_str(), requests[10].as_str()), ("5", "0"));
    let (_, again) = month.says(0, &["--now", LATER, "lake", "compact"]);
    assert!(again.contains("there is nothing to put together"), "{again}");

    // The log says that no data changed, by whom, and the new files are in order as a whole.
    let (history, _) = month.says(0, &["--now", LATER, "-o", "csv", "lake", "history", "requests"]);
    let last = history.lines().last().unwrap();
    assert!(last.contains(",compact,lake compact,0,5,"), "{last}");
    let logs = files(&lake.join("requests/_delta_log"));
    let log = logs
        .iter()
        .rfind(|path| path.extension().is_some_and(|e| e == "json"))
        .unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("\"OPTIMIZE\"") && !log.contains("\"dataChange\":true"),
        "{log}"
    );
    let added: Vec<&str> = log.lines().filter(|line| line.starts_with("{\"add\"")).collect();
    assert!(
        added.len() == 5 && added.iter().all(|add| add.contains("/sorted-")),
        "{log}"
    );
    // Deliveries that came before are known, and the next one finds its place.
    let (_, talk) = month.says(0, &["--now", LATER, "ingest", "small-3", "first/gateway"]);
    assert!(!talk.contains(" new"), "{talk}");
    assert_eq!(contents(&lake).await["requests"], facts["requests"]);
    std::fs::write(month.dir.path().join("more.jsonl"), calls(SMALL)).unwrap();
    month.says(0, &["--now", LATER, "-q", "ingest", "more.jsonl"]);
    assert_eq!(
        contents(&lake).await["requests"].len(),
        facts["requests"].len() + 30
    );
}

#[test]
fn vacuum_keeps_what_as_of_promises_and_says_what_it_takes() {
    let month = month();
    let lake = month.dir.path().join("lake");
    let before = answers(&month, NOW);
    let all = files(&lake).len();
    month.says(0, &["--now", LATER, "lake", "vacuum"]);
    assert_eq!(files(&lake).len(), all, "400 days of history are kept");

    // Shorter than promised: only on demand, and it says what is lost.
    let (_, talk) = month.says(2, &["--now", LATER, "lake", "vacuum", "--older-than", "12h"]);
    assert!(
        talk.contains("no instant before 2026-11-04T12:00:00Z") && talk.contains("--shorten-history"),
        "{talk}"
    );
    month.says(2, &["--now", LATER, "lake", "vacuum", "--older-than", "soon"]);
    month.says(2, &["--as-of", BETWEEN, "lake", "vacuum"]);
    let shorten = [
        "--now",
        LATER,
        "lake",
        "vacuum",
        "--older-than",
        "12h",
        "--shorten-history",
    ];
    let (_, plan) = month.says(0, &[&shorten[..], &["--dry-run"]].concat());
    assert!(plan.contains("would be removed"), "{plan}");
    assert_eq!(files(&lake).len(), all);
    let (_, talk) = month.says(0, &shorten);
    assert!(
        talk.contains("--as-of now reaches no instant before 2026-11-04T12:00:00Z"),
        "{talk}"
    );
    assert!(files(&lake).len() < all);

    // Now, and at every instant since, it says what it said; before, it says that it cannot.
    same(&before, &answers(&month, NOW));
    same(
        &before[3..],
        &answers(&month, ["--as-of", "2026-11-04T12:00:00Z"])[3..],
    );
    month.says(0, &["lake", "verify"]);
    let (_, talk) = month.says(1, &["--as-of", BETWEEN, "reconcile"]);
    assert!(
        talk.contains("can no longer be read as of 2026-10-15T00:00:00Z")
            && talk.contains("ask --as-of 2026-11-04T12:00:00Z or later"),
        "{talk}"
    );
    // Before the lake began nothing was known, which is as true as ever.
    month.says(
        0,
        &[
            "--as-of",
            "2026-01-01",
            "sql",
            "-c",
            "SELECT count(*) FROM charges",
        ],
    );
    let (_, talk) = month.says(0, &["lake", "stats"]);
    assert!(
        talk.contains("--as-of reaches back to 2026-11-04T12:00:00Z"),
        "{talk}"
    );
}

#[test]
fn what_killed_runs_left_goes_when_it_is_old() {
    let month = month();
    let lake = month.dir.path().join("lake");
    let rates = lake.join("fx_rates");
    let one = files(&rates)
        .into_iter()
        .find(|path| {
            path.extension().is_some_and(|e| e == "parquet")
                && !path.parent().unwrap().ends_with("_delta_log")
        })
        .unwrap();
    let age = |path: &Path, days: u64| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(86_400 * days))
            .unwrap();
    };
    let (old, young, torn) = (
        rates.join("sorted-00000000000000000007-aaaaaaaaaaaaaaaaaaaaaaaa.parquet"),
        rates.join("sorted-00000000000000000008-aaaaaaaaaaaaaaaaaaaaaaaa.parquet"),
        rates.join("sorted-00000000000000000009-aaaaaaaaaaaaaaaaaaaaaaaa.parquet#1"),
    );
    for path in [&old, &young, &torn] {
        std::fs::copy(&one, path).unwrap();
    }
    age(&old, 3);
    age(&torn, 3);
    // A file that the table names is as old, and stays.
    age(&one, 900);
    // Kept rows that nobody has read for months.
    let kept = lake.join(".kept/calls-0123456789abcdef01234567");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("0.parquet"), "1234").unwrap();
    std::fs::write(kept.join("contents"), "4 0.parquet\n").unwrap();
    age(&kept.join("contents"), 90);

    let (_, talk) = month.says(0, &["--now", LATER, "lake", "vacuum"]);
    assert!(
        talk.contains("2 data files with ") && talk.contains("that killed runs left behind: removed"),
        "{talk}"
    );
    assert!(
        talk.contains("1 data files that no version names are younger"),
        "{talk}"
    );
    assert!(!old.exists() && !torn.exists() && young.exists() && one.exists());
    assert!(!kept.exists());
    month.says(0, &["lake", "verify"]);
    // No history was shortened by it.
    month.says(0, &["--as-of", BETWEEN, "reconcile"]);
}

/// Starts the program; nobody waits for it.
fn start(folder: &Path, args: &[&str]) -> std::process::Child {
    spendscope(folder)
        .args(["--now", LATER, "-q"])
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn who_ingests_compacts_vacuums_and_reads_at_once_is_not_in_the_others_way() {
    let (calm, busy) = (month(), month());
    for part in SMALL..2 * SMALL {
        for month in [&calm, &busy] {
            let path = month.dir.path().join(format!("more-{part}.jsonl"));
            std::fs::write(path, calls(part)).unwrap();
        }
        let file = format!("more-{part}.jsonl");
        calm.says(0, &["--now", LATER, "-q", "ingest", &file]);
    }
    let expected = contents(&calm.dir.path().join("lake")).await;
    let folder = busy.dir.path();
    let count = "SELECT count(*) FROM requests WHERE source = 'log'";
    let vacuum = ["lake", "vacuum", "--older-than", "47h", "--shorten-history"];
    let (mut rounds, mut read) = (0, 0);
    for part in SMALL..2 * SMALL {
        let file = format!("more-{part}.jsonl");
        let running = [
            start(folder, &["ingest", &file]),
            start(folder, &["lake", "compact"]),
            start(folder, &vacuum),
            start(folder, &["lake", "compact", "requests"]),
            start(folder, &["sql", "-c", count]),
        ];
        for (at, process) in running.into_iter().enumerate() {
            let out = process.wait_with_output().unwrap();
            let talk = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "round {rounds}, process {at}: {talk}");
            read += usize::from(at == 4);
        }
        rounds += 1;
    }
    busy.says(0, &["--now", LATER, "-q", "lake", "compact"]);
    let got = contents(&folder.join("lake")).await;
    // The record of the calm lake names the same deliveries; who was first among equals is not in question here.
    for (table, rows) in &expected {
        assert_eq!(&got[table], rows, "{table}");
    }
    busy.says(0, &["lake", "verify"]);
    println!(
        "{rounds} rounds of an ingest, two compactions, a vacuum and {read} readers at once: every fact once"
    );
}

#[tokio::test]
async fn a_compaction_that_is_killed_leaves_every_fact_once() {
    let month = month();
    let lake = month.dir.path().join("lake");
    let expected = contents(&lake).await;
    let named = |lake: &Path| files(lake).len();
    let started = Instant::now();
    let whole = {
        let copy = month.dir.path().join("whole");
        copy_folder(&lake, &copy);
        month.says(0, &["--now", LATER, "--lake", "whole", "lake", "compact"]);
        started.elapsed()
    };
    let (mut kills, mut orphans, mut committed) = (0, 0, 0);
    for round in 0..12 {
        let copy = month.dir.path().join(format!("copy-{round}"));
        copy_folder(&lake, &copy);
        let before = named(&copy);
        let name = format!("copy-{round}");
        let mut process = start(month.dir.path(), &["--lake", &name, "lake", "compact"]);
        let log = copy.join("requests/_delta_log");
        let commits = files(&log).len();
        if round % 2 == 0 {
            std::thread::sleep(whole * round / 12);
        } else {
            // Right after a file was written or a commit made.
            let more = if round % 4 == 1 { 1 } else { 3 };
            while named(&copy) < before + more && process.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        process.kill().unwrap();
        if process.wait().unwrap().code().is_none() {
            kills += 1;
            let new_commits = files(&log).len() - commits;
            committed += usize::from(new_commits > 0);
            orphans += usize::from(named(&copy) > before + new_commits);
        }
        assert_eq!(contents(&copy).await, expected, "round {round}");
        month.says(0, &["--now", LATER, "--lake", &name, "lake", "verify"]);
        month.says(0, &["--now", LATER, "-q", "--lake", &name, "lake", "compact"]);
        assert_eq!(contents(&copy).await, expected, "round {round}, after");
        std::fs::remove_dir_all(copy).unwrap();
    }
    println!(
        "{kills} kills of a compaction ({whole:?}); {committed} after a commit, {orphans} with files that are named by none"
    );
    assert!(kills >= 6, "only {kills} kills met a running process");
}

fn copy_folder(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

/// Checkpoints are written with every tenth commit: what is read is the last of them and at most nine commits.
#[tokio::test]
async fn a_lake_of_many_versions_opens_as_quickly() {
    const VERSIONS: usize = 250;
    let dir = tempfile::tempdir().unwrap();
    let table = TableSchema::named("fx_rates").unwrap();
    let row = |n: usize| {
        let day = chrono::NaiveDate::from_num_days_from_ce_opt(739_000 + n as i32).unwrap();
        spendscope::ingest::rows_of(
            table,
            &[serde_json::json!({
                "day": day.to_string(), "from": "EUR", "to": "USD", "rate": "1.1", "derived": false,
                "source": "s", "file_hash": "h", "file_row": 1,
            })],
        )
        .unwrap()
    };
    let open = async |at: &str| {
        let clock = Arc::new(FixedClock(at.parse().unwrap()));
        Lake::open(dir.path().to_str().unwrap(), clock).await.unwrap()
    };
    let mut few = Duration::ZERO;
    for n in 0..VERSIONS {
        let at = format!("2026-01-01T{:02}:{:02}:00Z", n / 60, n % 60);
        let change = Change {
            add: vec![row(n)],
            replace: Replace::Nothing,
            txn: format!("delivery-{n}"),
        };
        open(&at).await.commit(table, change).await.unwrap();
        if n == 12 {
            few = opening(&open(LATER).await, table, 13).await;
        }
    }
    let lake = open(LATER).await;
    let many = opening(&lake, table, VERSIONS as u64).await;
    let started = Instant::now();
    let then = lake
        .snapshot(table, Some("2026-01-01T00:30:00Z".parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    let as_of = started.elapsed();
    assert_eq!(then.rows(), 31);
    lake.compact(table, &mut |_| {}).await.unwrap();
    let compacted = opening(&lake, table, VERSIONS as u64).await;
    println!(
        "opening: {few:?} at 13 versions, {many:?} at {VERSIONS} with as many files, {compacted:?} when they are one; \
         --as-of the 31st: {as_of:?}"
    );
    for n in [0, 100, VERSIONS - 1] {
        assert!(
            lake.has_change(table, &format!("delivery-{n}")).await.unwrap(),
            "{n} is forgotten"
        );
    }
    assert!(!lake.has_change(table, "delivery-x").await.unwrap());
    // A replay of all of them would take longer by their number.
    assert!(many < few * 12 + Duration::from_millis(200), "{few:?}, {many:?}");
    let newest = files(&dir.path().join("fx_rates/_delta_log"))
        .iter()
        .filter_map(|path| {
            path.file_name()?
                .to_str()?
                .strip_suffix(".checkpoint.parquet")?
                .parse()
                .ok()
        })
        .max();
    assert!(newest > Some(VERSIONS - 10), "{newest:?}");
}

/// The least time of a few: other tests run meanwhile.
async fn opening(lake: &Lake, table: &'static TableSchema, rows: u64) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let snapshot = lake.snapshot(table, None).await.unwrap().unwrap();
        least = least.min(started.elapsed());
        assert_eq!(snapshot.rows(), rows);
    }
    least
}
