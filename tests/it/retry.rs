//! `ingest --retry-rejects` after a mapping fix, and `--strict`: what becomes readable is added, what was kept stays
//! once, and a refused file changes nothing.

use crate::ingest::contents_without;
use crate::support::{assets, run};
use spendscope::base::clock::FixedClock;
use spendscope::base::{Error, Result};
use spendscope::ingest::{IngestReport, Options, Progress, State, Step, ingest, retry};
use spendscope::schema::TABLES;
use spendscope::source::Catalog;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NOW: &str = "2026-11-20T00:00:00Z";

/// A bill, a log, telemetry and a price list of our own, each with a column that a later mapping file reads better.
/// `FIX` is where they differ.
const BILL: &str = r#"
title = "Seats"
table = "charges"
[recognise]
all = ["Vendor", "Month", "Kind"]
[reader.csv]
[let]
first = { from = "Month", parse = "instant" }
[columns]
provider = { from = "Vendor" }
billing_account_id = { const = "1" }
billing_period_start = { from = "Month" }
billing_period_end = { expr = "first + INTERVAL '1 month'" }
charge_period_start = { from = "Month" }
charge_period_end = { expr = "first + INTERVAL '1 month'" }
charge_category = { from = "Kind", parse = "enum", values = ["Usage", "Purchase"], spellings = { Seat = "Usage"FIX } }
billed_cost = { from = "Amount", required = true }
effective_cost = { from = "Amount" }
billing_currency = { const = "EUR" }
service_name = { from = "Vendor" }
"#;
const LOG: &str = r#"
title = "Calls"
table = "requests"
[recognise]
all = ["call", "at", "in_tokens"]
[reader.csv]
[let]
tokens = { from = "in_tokens" }
[columns]
request_id = { from = "call" }
task_id = { from = "call" }
started_at = { from = "at", parse = "timestamp" }
provider = { const = "own" }
model = { const = "m" }
uncached_input = FIX
cache_read = { const = "0" }
cache_write = { const = "0" }
output = { const = "1" }
reasoning = { const = "0" }
overlap = { const = "false" }
gateway_cache_hit = { const = "false" }
status = { const = "success" }
"#;
const GPU: &str = r#"
title = "Readings"
table = "gpu_samples"
[recognise]
all = ["device", "when", "busy"]
[reader.csv]
[let]
used = { from = "busy" }
[columns]
sampled_at = { from = "when", parse = "timestamp" }
host = { const = "h" }
gpu_uuid = { from = "device" }
mig_instance = { const = "" }
gpu_util = FIX
"#;

const BOOK: &str = r#"
title = "Price book"
table = "prices"
[recognise]
all = ["vendor", "model", "per_token"]
[reader.csv]
[let]
price = { from = "per_token" }
[columns]
provider = { from = "vendor" }
model = { from = "model" }
valid_from = { const = "2026-01-01" }
currency = { const = "USD" }
input_cost_per_token = FIX
"#;

fn catalog(fixed: bool) -> Catalog {
    let choose = |before: &'static str, after: &'static str| if fixed { after } else { before };
    let texts = [
        ("seats", BILL, choose("", ", Abo = \"Usage\"")),
        (
            "calls",
            LOG,
            choose(
                "{ from = \"in_tokens\" }",
                "{ expr = \"replace(tokens, '.', '')\", parse = \"int\" }",
            ),
        ),
        (
            "readings",
            GPU,
            choose(
                "{ from = \"busy\", parse = \"float\" }",
                "{ expr = \"trim(replace(used, '%', ''))\", parse = \"float\" }",
            ),
        ),
        (
            "book",
            BOOK,
            choose(
                "{ from = \"per_token\" }",
                "{ expr = \"replace(price, '$', '')\", parse = \"money\" }",
            ),
        ),
    ];
    let texts = texts.map(|(id, text, fix)| (id.to_owned(), text.replace("FIX", fix)));
    let assets = assets();
    let scrape = assets
        .under("sources/")
        .find(|a| a.name() == "dcgm_text")
        .unwrap();
    let scrape = ("dcgm_text".to_owned(), scrape.text.to_string());
    Catalog::new(texts.into_iter().chain([scrape])).unwrap()
}

struct Place {
    dir: tempfile::TempDir,
    lake: Lake,
}

impl Place {
    async fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let lake = lake(dir.path(), NOW).await;
        let place = Place { dir, lake };
        // Two files are one bill; its bad row is in the second one.
        place.file(
            "bill-1.csv",
            "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Seat,10\nAcme,2026-09-01,Usage,20\n",
        );
        place.file(
            "bill-2.csv",
            "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Seat,40\nAcme,2026-09-01,Abo,80.5\n",
        );
        place.file("calls.csv", "call,at,in_tokens\nr1,2026-09-01T10:00:00Z,100\nr2,2026-09-01T11:00:00Z,1.200\nr3,2026-09-01T12:00:00Z,many\n");
        place.file(
            "readings.csv",
            "device,when,busy\nGPU-1,2026-09-01T10:00:00Z,50\nGPU-1,2026-09-01T10:01:00Z,60 %\n",
        );
        place
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join("in").join(name).display().to_string()
    }

    async fn ingest(&self, fixed: bool) -> IngestReport {
        ingest(
            &self.lake,
            &catalog(fixed),
            &[self.path("")],
            &Options::default(),
            &mut (),
        )
        .await
        .unwrap()
    }

    async fn retry(&self, paths: &[&str], progress: &mut dyn Progress) -> Result<IngestReport> {
        let paths: Vec<String> = paths.iter().map(|p| self.path(p)).collect();
        retry(&self.lake, &catalog(true), &paths, &Options::default(), progress).await
    }

    /// Every row of every table but for where it was read.
    async fn contents(&self) -> BTreeMap<&'static str, Vec<String>> {
        let root = self.dir.path().join("in").display().to_string();
        let mut all = contents_without(&self.lake, &[]).await;
        for rows in all.values_mut() {
            for row in rows.iter_mut() {
                *row = row.replace(&root, "in");
            }
            rows.sort();
        }
        all
    }

    /// The newest version of every table: nothing was done where none has moved.
    async fn versions(&self) -> Vec<Option<u64>> {
        let mut all = Vec::new();
        for table in TABLES {
            let history = self.lake.history(table).await.unwrap();
            all.push(history.last().map(|v| u64::try_from(v.version).unwrap()));
        }
        all
    }
}

async fn lake(dir: &Path, moment: &str) -> Lake {
    let clock = Arc::new(FixedClock(moment.parse().unwrap()));
    Lake::open(dir.join("lake").to_str().unwrap(), clock)
        .await
        .unwrap()
}

/// Dies after so many commits.
struct KilledAfter(usize);

impl Progress for KilledAfter {
    fn on(&mut self, step: Step<'_>) -> Result<()> {
        if let Step::Committed { .. } = step {
            if self.0 == 0 {
                return Err(Error::io("killed"));
            }
            self.0 -= 1;
        }
        Ok(())
    }
}

fn counts(contents: &BTreeMap<&str, Vec<String>>) -> [usize; 5] {
    ["charges", "requests", "gpu_samples", "ingest_files", "rejects"].map(|t| contents[t].len())
}

#[tokio::test]
async fn after_a_mapping_fix_the_lake_is_as_if_it_had_always_been_there() {
    let fixed = Place::new().await;
    fixed.ingest(true).await;
    let expected = fixed.contents().await;
    assert_eq!(counts(&expected), [4, 2, 2, 4, 1]);

    let place = Place::new().await;
    let report = place.ingest(false).await;
    assert!(report.has_rejects());
    assert_eq!(counts(&place.contents().await), [3, 1, 1, 4, 4]);
    let report = place.retry(&[], &mut ()).await.unwrap();
    assert!(report.refused.is_empty(), "{report:?}");
    assert!(report.files.iter().all(|f| f.state == State::Ingested));
    let note = |name: &str| {
        let file = report.files.iter().find(|f| f.path.ends_with(name)).unwrap();
        file.notes.last().unwrap().clone()
    };
    assert_eq!(note("bill-1.csv"), "0 rows were rejected before, 0 are now");
    assert_eq!(note("bill-2.csv"), "1 rows were rejected before, 0 are now");
    assert_eq!(note("calls.csv"), "2 rows were rejected before, 1 are now");
    assert_eq!(place.contents().await, expected);
    // What is left cannot be read by this mapping either, and trying again writes nothing.
    let before = place.versions().await;
    let report = place.retry(&[], &mut ()).await.unwrap();
    assert_eq!(report.files.len(), 1);
    assert!(report.has_rejects());
    assert_eq!(place.versions().await, before);
    // An ordinary ingest still knows all of it.
    let report = place.ingest(true).await;
    assert!(report.files.iter().all(|f| f.state == State::AlreadyIngested));
    assert_eq!(place.versions().await, before);
}

#[tokio::test]
async fn a_retry_that_is_killed_between_its_commits_is_completed_by_the_next() {
    let fixed = Place::new().await;
    fixed.ingest(true).await;
    let expected = fixed.contents().await;
    // Three groups of three commits each.
    for commits in 0..9 {
        let place = Place::new().await;
        place.ingest(false).await;
        let killed = place.retry(&[], &mut KilledAfter(commits)).await;
        assert!(killed.is_err(), "{commits}");
        place.retry(&[], &mut ()).await.unwrap();
        assert_eq!(place.contents().await, expected, "killed after {commits} commits");
    }
}

#[tokio::test]
async fn only_what_is_named_is_read_anew() {
    let place = Place::new().await;
    place.ingest(false).await;
    let report = place.retry(&["calls.csv"], &mut ()).await.unwrap();
    assert_eq!(report.files.len(), 1);
    assert_eq!(counts(&place.contents().await), [3, 2, 1, 4, 3]);
    // A good part of a bill is no name for it; its bad one is, and brings the whole bill.
    assert!(place.retry(&["bill-1.csv"], &mut ()).await.is_err());
    let report = place.retry(&["bill-2.csv"], &mut ()).await.unwrap();
    assert_eq!(report.files.len(), 2);
    assert_eq!(counts(&place.contents().await), [4, 2, 1, 4, 2]);
}

#[tokio::test]
async fn what_is_gone_changed_or_replaced_is_named_and_skipped() {
    let skipped = |report: &IngestReport, words: &str| {
        let some = report
            .files
            .iter()
            .find(|f| f.notes.iter().any(|n| n.contains(words)));
        let some = some.unwrap_or_else(|| panic!("{words}: {report:?}"));
        assert_eq!(some.state, State::Skipped);
    };
    let place = Place::new().await;
    place.ingest(false).await;
    // The good half of the bill is gone, and the log has another line.
    std::fs::remove_file(place.path("bill-1.csv")).unwrap();
    place.file("calls.csv", "call,at,in_tokens\nr9,2026-09-01T10:00:00Z,1\n");
    let before = place.contents().await;
    let report = place.retry(&["bill-2.csv", "calls.csv"], &mut ()).await.unwrap();
    skipped(&report, "it is gone");
    skipped(&report, "bill-1.csv, which cannot be read anew");
    skipped(&report, "it has changed since");
    assert_eq!(place.contents().await, before);

    // A newer delivery of the month is in force.
    let place = Place::new().await;
    place.ingest(false).await;
    let newer = "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Seat,70\nAcme,2026-09-01,Usage,20\nAcme,2026-09-01,Seat,3\n";
    std::fs::create_dir(place.dir.path().join("newer")).unwrap();
    let path = place.dir.path().join("newer/bill.csv");
    std::fs::write(&path, newer).unwrap();
    let report = ingest(
        &place.lake,
        &catalog(false),
        &[path.display().to_string()],
        &Options::default(),
        &mut (),
    )
    .await
    .unwrap();
    assert!(report.refused.is_empty(), "{report:?}");
    let before = place.contents().await;
    let report = place.retry(&["bill-2.csv"], &mut ()).await.unwrap();
    skipped(&report, "a newer delivery has replaced it");
    assert_eq!(place.contents().await, before);

    // A bill that was rejected whole, and whose month somebody else has filled since.
    let place = Place::new().await;
    for name in ["bill-1.csv", "calls.csv", "readings.csv"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    place.file(
        "bill-2.csv",
        "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Abo,80.5\n",
    );
    place.ingest(false).await;
    std::fs::create_dir(place.dir.path().join("newer")).unwrap();
    let path = place.dir.path().join("newer/bill.csv");
    std::fs::write(&path, newer).unwrap();
    ingest(
        &place.lake,
        &catalog(false),
        &[path.display().to_string()],
        &Options::default(),
        &mut (),
    )
    .await
    .unwrap();
    let before = place.contents().await;
    let report = place.retry(&[], &mut ()).await.unwrap();
    skipped(&report, "another delivery of 2026-09 is in force, with 3 rows");
    assert_eq!(place.contents().await, before);
}

/// An import replaces the list of its source: both files of one are read anew, not the bad one alone. And a scrape
/// without time stamps stays at the moment it was taken for, not at that of its file.
#[tokio::test]
async fn lists_are_read_anew_whole_and_undated_texts_keep_their_moment() {
    let place = Place::new().await;
    for name in ["bill-1.csv", "bill-2.csv", "calls.csv", "readings.csv"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    place.file("book-1.csv", "vendor,model,per_token\na,one,0.5\na,two,$0.25\n");
    place.file("book-2.csv", "vendor,model,per_token\na,three,0.125\n");
    place.ingest(false).await;
    assert_eq!(place.contents().await["prices"].len(), 2);
    place.retry(&[], &mut ()).await.unwrap();
    let contents = place.contents().await;
    assert_eq!((contents["prices"].len(), contents["rejects"].len()), (3, 0));
    // A list that is gone by now: nothing of it is in force.
    place.file("book-1.csv", "vendor,model,per_token\na,four,4\na,five,$5\n");
    std::fs::remove_file(place.path("book-2.csv")).unwrap();
    place.ingest(false).await;
    place.file("book-1.csv", "vendor,model,per_token\na,six,6\n");
    place.ingest(false).await;
    let before = place.contents().await;
    let report = place.retry(&[], &mut ()).await.unwrap();
    assert!(
        report.files[0].notes[0].contains("nothing of it is in force"),
        "{report:?}"
    );
    assert_eq!(place.contents().await, before);

    let place = Place::new().await;
    for name in ["bill-1.csv", "bill-2.csv", "calls.csv", "readings.csv"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    place.file(
        "scrape.prom",
        "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\",Hostname=\"h\"} 42\nDCGM_FI_DEV_GPU_UTIL{gpu=\"1\",UUID=\"GPU-2\",Hostname=\"h\"} x\n",
    );
    let at = Options {
        observed_at: Some(1_790_000_000_000_000),
        ..Options::default()
    };
    ingest(&place.lake, &catalog(true), &[place.path("")], &at, &mut ())
        .await
        .unwrap();
    let before = (place.versions().await, place.contents().await);
    assert_eq!((before.1["gpu_samples"].len(), before.1["rejects"].len()), (1, 1));
    place.retry(&[], &mut ()).await.unwrap();
    assert_eq!((place.versions().await, place.contents().await), before);
}

#[test]
fn the_program_says_what_it_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let says = |status: i32, args: &[&str]| {
        let (got, out, talk) = run(dir.path(), &[&["--now", NOW, "ingest"], args].concat());
        assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
        talk
    };
    write("seats.toml", &BILL.replace("FIX", ""));
    write(
        "bill.csv",
        "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Seat,10\nAcme,2026-09-01,Abo,5\n",
    );
    let talk = says(4, &["--mapping", "seats.toml", "bill.csv"]);
    assert!(
        talk.contains("after a fix of the mapping: spendscope ingest --retry-rejects"),
        "{talk}"
    );
    // Without its mapping file nobody can read it.
    let talk = says(4, &["--retry-rejects"]);
    for words in [
        "bill.csv: not read anew, 1 rows stay rejected",
        "pass it with --mapping",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    write("seats.toml", &BILL.replace("FIX", ", Abo = \"Usage\""));
    let talk = says(0, &["--retry-rejects", "--mapping", "seats.toml"]);
    for words in [
        "bill.csv: seats → charges (seats): 2 rows, 2 kept",
        "1 rows were rejected before, 0 are now",
        "EUR billed_cost: source 15 = stored 15 over 2 rows",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert!(says(0, &["--retry-rejects"]).contains("no rejected rows to retry"));
    let talk = says(2, &["--retry-rejects", "bill.csv"]);
    assert!(
        talk.contains("nothing that was read from bill.csv has rejected rows"),
        "{talk}"
    );
    assert!(says(2, &[]).contains("PATH"), "paths are needed without it");
}

// ── --strict ─────────────────────────────────────────────────────────────────────────────

/// Several files of several tables: a bad row refuses its file, and of a bill the whole delivery.
#[tokio::test]
async fn strict_refuses_the_file_or_the_whole_bill_and_changes_nothing_of_it() {
    let place = Place::new().await;
    place.file("more-calls.csv", "call,at,in_tokens\nr7,2026-09-02T10:00:00Z,7\n");
    let strict = Options {
        strict: true,
        ..Options::default()
    };
    let paths = [place.path("")];
    let report = ingest(&place.lake, &catalog(false), &paths, &strict, &mut ())
        .await
        .unwrap();
    let states: Vec<(String, State)> = report
        .files
        .iter()
        .map(|f| (f.path.rsplit(['/', '\\']).next().unwrap().to_owned(), f.state))
        .collect();
    let expected = [
        ("bill-1.csv", State::Refused),
        ("bill-2.csv", State::Refused),
        ("calls.csv", State::Refused),
        ("more-calls.csv", State::Ingested),
        ("readings.csv", State::Refused),
    ];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)));
    let contents = place.contents().await;
    assert_eq!(
        counts(&contents),
        [0, 1, 0, 1, 0],
        "the good log alone, and no rejects"
    );
    assert!(
        report.refused[0]
            .reason
            .contains("bill-2.csv: 1 rows cannot be read; the first: line 3, Kind: "),
        "{:?}",
        report.refused[0]
    );
    // A lake that holds something keeps every version of every table.
    place.ingest(true).await;
    let before = (place.versions().await, place.contents().await);
    place.file(
        "bill-1.csv",
        "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Seat,11\nAcme,2026-09-01,Usage,20\n",
    );
    place.file("bill-2.csv", "Vendor,Month,Kind,Amount\nAcme,2026-09-01,Seat,41\nAcme,2026-09-01,Foo,80.5\nAcme,2026-09-01,Seat,80\n");
    place.file(
        "calls.csv",
        "call,at,in_tokens\nr20,2026-09-01T10:00:00Z,100\nr21,2026-09-01T11:00:00Z,x\n",
    );
    let report = ingest(&place.lake, &catalog(true), &paths, &strict, &mut ())
        .await
        .unwrap();
    assert_eq!(report.refused.len(), 2);
    assert_eq!((place.versions().await, place.contents().await), before);
    // Trying rejects again is as strict.
    let place = Place::new().await;
    place.ingest(false).await;
    let before = (place.versions().await, place.contents().await);
    let calls = [place.path("calls.csv")];
    let report = retry(&place.lake, &catalog(true), &calls, &strict, &mut ())
        .await
        .unwrap();
    assert_eq!(report.refused.len(), 1);
    assert_eq!((place.versions().await, place.contents().await), before);
}

#[test]
fn strict_fails_and_says_what_to_mend() {
    let dir = tempfile::tempdir().unwrap();
    let good = "task_id,success,recorded_at\nt1,true,2026-10-01T00:00:00Z\n";
    std::fs::write(dir.path().join("good.csv"), good).unwrap();
    std::fs::write(
        dir.path().join("bad.csv"),
        format!("{good}t2,perhaps,2026-10-01T00:00:00Z\n"),
    )
    .unwrap();
    let tables = |dir: &Path| {
        let lake: PathBuf = dir.join("lake");
        std::fs::read_dir(lake).map_or(0, Iterator::count)
    };
    let (status, _, talk) = run(dir.path(), &["--now", NOW, "ingest", "--strict", "bad.csv"]);
    assert_eq!(status, 1, "{talk}");
    for words in [
        "outcomes from 'outcomes' refused: bad.csv: 1 rows cannot be read; the first: line 3, success",
        "mend the file, or leave --strict out to keep its good rows",
        "bad.csv: outcomes, refused with its delivery",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert_eq!(tables(dir.path()), 0, "no table was made");
    let (status, _, talk) = run(
        dir.path(),
        &["--now", NOW, "ingest", "--strict", "bad.csv", "good.csv"],
    );
    assert_eq!(status, 1, "{talk}");
    let (_, out, _) = run(
        dir.path(),
        &[
            "--now",
            NOW,
            "-o",
            "csv",
            "sql",
            "-c",
            "SELECT count(*) AS n FROM outcomes",
        ],
    );
    assert_eq!(out.lines().nth(1), Some("1"));
}
