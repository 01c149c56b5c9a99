//! An ingest that is killed at any moment and run again, and two that run at once, leave the lake that one
//! undisturbed run leaves. The program runs as a process of its own, so that a kill is a kill.

use crate::ingest::contents_without;
use crate::support::{project, run, spendscope};
use rand::Rng as _;
use spendscope::base::clock::FixedClock;
use spendscope::base::seed;
use spendscope::store::Lake;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: &str = "2026-11-20T00:00:00Z";
/// Kills that count: those that met a running process.
const KILLS: usize = 25;
/// Some kills come too late; this many may.
const ROUNDS: usize = 2 * KILLS;

type Contents = BTreeMap<&'static str, Vec<String>>;

/// A folder with every kind of file, and the lakes beside it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            dir: tempfile::tempdir().unwrap(),
        };
        for fixture in [
            "anthropic_costs/cents_and_pages.in.json",
            "assets/three_assets.in.csv",
            "focus/refused_rows.in.csv",
            "fx/rates.in.csv",
            "grid/three_units.in.csv",
            "litellm/quirks.in.jsonl",
            "openai_costs/numbers_and_texts.in.json",
            "prices/dated.in.json",
            "prices/table.in.csv",
            "prometheus/owners_and_two_jobs.in.json",
        ] {
            let from = project("tests/fixtures").join(fixture);
            place.file(
                &fixture.replace('/', "-"),
                &std::fs::read_to_string(from).unwrap(),
            );
        }
        for part in 0..3 {
            place.file(&format!("logs/part-{part}.jsonl"), &calls(part));
            place.file(&format!("outcomes/part-{part}.csv"), &outcomes(part));
            place.file(&format!("gpu/part-{part}.json"), &samples(part));
        }
        place
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn lake(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the program; nobody waits for it.
    fn start(&self, lake: &str, paths: &[&str]) -> Child {
        spendscope(self.dir.path())
            .args(["--now", NOW, "--lake", lake, "-q", "ingest"])
            .args(paths)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Runs it to its end, which is a good one: 0, or 4 for the rows that are meant to be bad.
    fn complete(&self, lake: &str, paths: &[&str]) {
        let args = [&["--now", NOW, "--lake", lake, "ingest"], paths].concat();
        let (status, _, talk) = run(self.dir.path(), &args);
        assert!(status == 0 || status == 4, "{status}: {talk}");
    }

    async fn contents(&self, lake: &str) -> Contents {
        self.contents_without(lake, &[]).await
    }

    async fn contents_without(&self, lake: &str, columns: &[&str]) -> Contents {
        let clock = Arc::new(FixedClock(NOW.parse().unwrap()));
        let lake = self.lake(lake).display().to_string();
        contents_without(&Lake::open(&lake, clock).await.unwrap(), columns).await
    }
}

/// A gateway's log over five days. Neighbouring parts overlap: two requests stand in both, one of them with
/// more tokens in the later part.
fn calls(part: u32) -> String {
    let mut text = String::new();
    for n in part * 40..part * 40 + 42 {
        let day = 1 + n % 5;
        let output = if n % 40 == 1 { 10 + part } else { 10 };
        writeln!(
            text,
            r#"{{"request_id":"r{n}","call_type":"acompletion","spend":0.25,"startTime":"2026-09-0{day}T10:00:00Z","endTime":"2026-09-0{day}T10:00:02Z","prompt_tokens":{n},"completion_tokens":{output},"custom_llm_provider":"openai","model":"small","session_id":"t{n}","status":"success"}}"#
        )
        .unwrap();
    }
    text + "{\"request_id\":\"broken\n"
}

fn outcomes(part: u32) -> String {
    let mut text = "task_id,success,recorded_at\n".to_owned();
    for n in part * 40..part * 40 + 41 {
        writeln!(text, "t{n},{},2026-09-06T00:00:00Z", n % 3 != 0).unwrap();
    }
    text + "t-bad,perhaps,2026-09-06T00:00:00Z\n"
}

/// Readings of one device over two days; the parts meet at their ends.
fn samples(part: u32) -> String {
    let start = 1_788_220_800 + part * 60 * 60 * 12;
    let values: Vec<String> = (0..=60)
        .map(|n| format!("[{},\"{}\"]", start + n * 12 * 60, n % 7 * 10))
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"DCGM_FI_DEV_GPU_UTIL","gpu":"0","UUID":"GPU-1","Hostname":"n1","modelName":"NVIDIA H100"}},"values":[{}]}}]}}}}"#,
        values.join(",")
    )
}

/// What a killed run left behind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Left {
    commits: usize,
    /// Data files that no commit names.
    orphans: usize,
    /// Half-written files that were not renamed yet.
    staged: usize,
}

fn left(lake: &Path) -> Left {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(lake, &mut files);
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let ends = |path: &PathBuf, ending: &str| name(path).ends_with(ending);
    let in_log = |path: &PathBuf| path.parent().unwrap().ends_with("_delta_log");
    let is_commit =
        |p: &&PathBuf| in_log(p) && ends(p, ".json") && name(p).trim_end_matches(".json").len() == 20;
    let log: String = files
        .iter()
        .filter(is_commit)
        .map(|p| std::fs::read_to_string(p).unwrap_or_default())
        .collect();
    let data: BTreeSet<String> = files
        .iter()
        .filter(|p| !in_log(p) && ends(p, ".parquet"))
        .map(name)
        .collect();
    Left {
        commits: files.iter().filter(is_commit).count(),
        orphans: data.iter().filter(|n| !log.contains(n.as_str())).count(),
        staged: files
            .iter()
            .filter(|p| name(p).contains('#') || ends(p, ".tmp"))
            .count(),
    }
}

fn same(got: &Contents, expected: &Contents, when: &str) {
    for (table, rows) in expected {
        let (got, expected): (BTreeSet<_>, BTreeSet<_>) =
            (got[table].iter().collect(), rows.iter().collect());
        let less: Vec<_> = expected.difference(&got).take(3).collect();
        let more: Vec<_> = got.difference(&expected).take(3).collect();
        assert!(
            less.is_empty() && more.is_empty(),
            "{when}, {table}:\nmissing {less:#?}\ntoo many {more:#?}"
        );
    }
    // Rows that stand twice are the same set.
    assert_eq!(got, expected, "{when}");
}

#[tokio::test]
async fn a_kill_at_any_moment_and_a_second_run_leave_the_undisturbed_lake() {
    let place = Place::new();
    let started = Instant::now();
    place.complete("calm", &["in"]);
    let whole = started.elapsed();
    let expected = place.contents("calm").await;
    let all = left(&place.lake("calm"));
    let filled = expected.iter().filter(|(_, rows)| !rows.is_empty()).count();
    assert_eq!(
        (filled, all.orphans, all.staged),
        (9, 0, 0),
        "every table has rows"
    );
    assert!(all.commits > 15, "{all:?}");

    let mut chance = seed::generator(6, "kills");
    let mut fell: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut kills, mut with_orphans, mut staged, mut round) = (0, 0, 0, 0);
    while kills < KILLS && round < ROUNDS {
        let lake = format!("lake-{round}");
        // Odd rounds wait for a commit, so that kills fall between commits however fast the machine is;
        // even ones for a moment of the run. Both are spread over the whole of it.
        let part = (round * 7 % KILLS) as u32;
        let mut process = place.start(&lake, &["in"]);
        if round % 2 == 1 {
            let commits = 1 + part as usize * (all.commits - 1) / KILLS;
            while left(&place.lake(&lake)).commits < commits && process.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(chance.random_range(0..12_000)));
        } else {
            let step = whole / KILLS as u32;
            std::thread::sleep(step * part + step.mul_f64(chance.random_range(0.0..1.0)));
        }
        process.kill().unwrap();
        // A process that ended by itself has a status; one that was killed has none, but on Windows.
        let status = process.wait().unwrap().code();
        let after = left(&place.lake(&lake));
        if status.is_none() || (cfg!(windows) && status == Some(1)) {
            kills += 1;
            *fell.entry(after.commits).or_default() += 1;
            with_orphans += usize::from(after.orphans > 0);
            staged += usize::from(after.staged > 0);
        }
        place.complete(&lake, &["in"]);
        same(
            &place.contents(&lake).await,
            &expected,
            &format!("round {round}: killed at {after:?}"),
        );
        std::fs::remove_dir_all(place.lake(&lake)).unwrap();
        round += 1;
    }
    println!(
        "{kills} kills over {} commits of one ingest ({whole:?}); by commits made: {fell:?}; {with_orphans} left data \
         files that no commit names, {staged} half-written ones; every lake equal to the undisturbed one: {} rows in {} tables",
        all.commits,
        expected.values().map(Vec::len).sum::<usize>(),
        expected.len()
    );
    assert!(kills >= KILLS, "only {kills} kills in {round} rounds");
    assert!(fell.len() >= 8, "the kills fell into few places: {fell:?}");
}

/// What the order of two deliveries may decide: which of equal rows was the first.
const WHO_WAS_FIRST: [&str; 4] = ["file_hash", "file_row", "rows_kept", "rows_known"];

/// Starts all of them at once and waits for all of them.
fn at_once(place: &Place, lake: &str, calls: &[&[&str]]) {
    let processes: Vec<Child> = calls.iter().map(|paths| place.start(lake, paths)).collect();
    for (process, paths) in processes.into_iter().zip(calls) {
        let status = process.wait_with_output().unwrap().status.code();
        assert!(matches!(status, Some(0 | 4)), "{paths:?}: {status:?}");
    }
}

#[tokio::test]
async fn two_that_ingest_the_same_files_at_once_store_them_once() {
    let place = Place::new();
    place.complete("calm", &["in"]);
    let expected = place.contents("calm").await;
    for round in 0..3 {
        let lake = format!("lake-{round}");
        at_once(&place, &lake, &[&["in"], &["in"]]);
        same(&place.contents(&lake).await, &expected, &format!("round {round}"));
    }
    println!("3 pairs of equal ingests at once: every lake equal to the one of a single ingest");
}

#[tokio::test]
async fn several_that_ingest_into_the_same_tables_at_once_all_land() {
    // The parts of the logs, outcomes and samples share rows; the bill, a price list and a part are named twice.
    const CALLS: [&[&str]; 3] = [
        &[
            "in/logs/part-0.jsonl",
            "in/outcomes/part-0.csv",
            "in/gpu/part-0.json",
            "in/fx-rates.in.csv",
        ],
        &[
            "in/logs/part-1.jsonl",
            "in/outcomes/part-1.csv",
            "in/gpu/part-1.json",
            "in/focus-refused_rows.in.csv",
            "in/prices-dated.in.json",
        ],
        &[
            "in/logs/part-1.jsonl",
            "in/logs/part-2.jsonl",
            "in/outcomes/part-2.csv",
            "in/gpu/part-2.json",
            "in/focus-refused_rows.in.csv",
            "in/prices-dated.in.json",
            "in/assets-three_assets.in.csv",
        ],
    ];
    let place = Place::new();
    for paths in CALLS {
        place.complete("calm", paths);
    }
    let expected = place.contents_without("calm", &WHO_WAS_FIRST).await;
    assert_eq!(
        expected["requests"].len(),
        122,
        "42 + 40 + 40 requests of three parts"
    );
    let mut lost = 0;
    for round in 0..3 {
        let lake = format!("lake-{round}");
        at_once(&place, &lake, &CALLS);
        let when = format!("round {round}");
        same(
            &place.contents_without(&lake, &WHO_WAS_FIRST).await,
            &expected,
            &when,
        );
        lost += left(&place.lake(&lake)).orphans;
        // Nothing is left to do, and nothing is done.
        let commits = left(&place.lake(&lake)).commits;
        at_once(&place, &lake, &CALLS);
        same(
            &place.contents_without(&lake, &WHO_WAS_FIRST).await,
            &expected,
            &when,
        );
        assert_eq!(left(&place.lake(&lake)).commits, commits, "{when}");
    }
    println!("3 times three ingests at once: {lost} data files were written by one that had to try again");
}

/// Runs the script in a place of its own with a small disk, `$1` being a folder on it. Gives what it printed, or
/// says why not.
#[cfg(target_os = "linux")]
fn on_a_small_disk(place: &Place, script: &str) -> Option<String> {
    let disk = place.lake("disk");
    std::fs::create_dir(&disk).unwrap();
    // The mount is seen by nobody else and gone with the process.
    let mount = format!(
        "mount -t tmpfs -o size=1m none {} && {{ {script}\n}}",
        disk.display()
    );
    let shell = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg(mount)
        .current_dir(place.dir.path())
        .env("PROGRAM", env!("CARGO_BIN_EXE_spendscope"))
        .env("DISK", &disk)
        .output();
    match shell {
        Ok(out) if out.stdout.starts_with(b"mounted") => {
            Some(String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
        }
        Ok(out) => {
            println!(
                "skipped: no small disk here: {}",
                String::from_utf8_lossy(&out.stderr).trim()
            );
            None
        }
        Err(e) => {
            println!("skipped: no unshare: {e}");
            None
        }
    }
}

/// Leaves less and less room, so that the disk is full before a data file, before a commit, and before the record.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_said_and_costs_nothing_that_was_there() {
    let place = Place::new();
    place.complete("calm", &["in"]);
    let expected = place.contents("calm").await;
    let script = r#"
        echo mounted
        call="$PROGRAM --now 2026-11-20T00:00:00Z --lake $DISK/lake"
        $call -q ingest in/fx-rates.in.csv; [ $? = 4 ] || echo "BROKEN: first"
        for room in 0 4 12 24 40 64 96; do
            rm -f $DISK/filler $DISK/room
            [ $room = 0 ] || head -c ${room}k /dev/zero > $DISK/room
            head -c 2M /dev/zero > $DISK/filler 2>/dev/null
            rm -f $DISK/room
            $call ingest in > talk.txt 2>&1
            status=$?
            [ $status = 1 ] && grep -q "^error: .*no space left" talk.txt && grep -q "try: make room" talk.txt \
                && echo "full at $room KiB" || { echo "BROKEN: $room KiB, status $status"; cat talk.txt; }
            $call lake verify > verify.txt 2>&1 || { echo "BROKEN: verify at $room KiB"; cat verify.txt; }
        done
        rm -f $DISK/filler $DISK/room
        $call -q ingest in; [ $? = 4 ] || echo "BROKEN: last $?"
        cp -r $DISK/lake lake-after"#;
    let Some(said) = on_a_small_disk(&place, script) else {
        return;
    };
    println!("{said}");
    assert!(!said.contains("BROKEN"), "{said}");
    assert_eq!(said.matches("full at").count(), 7, "{said}");
    same(
        &place.contents("lake-after").await,
        &expected,
        "after the disk had room again",
    );
}

/// As another user, since nothing is forbidden to root.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lake_that_may_not_be_written_is_said_and_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let place = Place::new();
    place.complete("lake", &["in/fx-rates.in.csv"]);
    let before = place.contents("lake").await;
    let mode =
        |path: &Path, mode: u32| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    mode(place.dir.path(), 0o755);
    let probe = place.lake("probe");
    std::fs::create_dir(&probe).unwrap();
    mode(&probe, 0o555);
    let is_root = std::fs::write(probe.join("file"), "").is_ok();
    let mut folders = vec![place.lake("lake")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                mode(&path, 0o444);
            }
        }
        mode(&folder, 0o555);
    }
    let mut command = spendscope(place.dir.path());
    command.args(["--now", NOW, "--lake", "lake", "ingest", "in"]);
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let out = match command.output() {
        Ok(out) => out,
        Err(e) => {
            println!("skipped: root may write everywhere, and the program cannot be started as nobody: {e}");
            return;
        }
    };
    let talk = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{talk}");
    assert!(
        talk.contains("not allowed") && talk.contains("try: give the user"),
        "{talk}"
    );
    assert_eq!(place.contents("lake").await, before);
    let (status, _, talk) = run(place.dir.path(), &["--lake", "lake", "lake", "verify"]);
    assert_eq!(status, 0, "{talk}");
    // Scratch folders want to be deleted.
    let mut folders = vec![place.lake("lake")];
    while let Some(folder) = folders.pop() {
        mode(&folder, 0o755);
        folders.extend(
            std::fs::read_dir(&folder)
                .unwrap()
                .map(|e| e.unwrap().path())
                .filter(|p| p.is_dir()),
        );
    }
}
