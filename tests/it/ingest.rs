//! Whole files into a lake: once, in any order, killed half-way, restated, refused.

use crate::support::assets;
use crate::support::shared;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use spendscope::base::clock::FixedClock;
use spendscope::base::{Error, Result, money};
use spendscope::ingest::{IngestReport, Options, Progress, State, Step, ingest};
use spendscope::schema::{TABLES, TableSchema};
use spendscope::source::Catalog;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn catalog() -> Catalog {
    let assets = assets();
    let texts = assets
        .under("sources/")
        .map(|a| (a.name().to_owned(), a.text.to_string()));
    Catalog::new(texts).unwrap()
}

/// A lake and a folder of inputs, gone afterwards.
struct Place {
    dir: tempfile::TempDir,
    lake: Lake,
}

impl Place {
    async fn new() -> Place {
        Place::at("2026-11-01T00:00:00Z").await
    }

    async fn at(moment: &str) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let lake = lake(dir.path(), moment).await;
        Place { dir, lake }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn ingest(&self, files: &[&Path], options: &Options) -> Result<IngestReport> {
        run(&self.lake, files, options, &mut ()).await
    }

    async fn put(&self, files: &[&Path]) -> IngestReport {
        self.ingest(files, &Options::default()).await.unwrap()
    }
}

async fn lake(dir: &Path, moment: &str) -> Lake {
    let clock = Arc::new(FixedClock(moment.parse().unwrap()));
    Lake::open(dir.join("lake").to_str().unwrap(), clock)
        .await
        .unwrap()
}

async fn run(
    lake: &Lake,
    files: &[&Path],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<IngestReport> {
    let inputs: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    ingest(lake, &catalog(), &inputs, options, progress).await
}

async fn rows(lake: &Lake, table: &str) -> Vec<RecordBatch> {
    match lake
        .snapshot(TableSchema::named(table).unwrap(), None)
        .await
        .unwrap()
    {
        Some(snapshot) => snapshot.read(&[], &[]).await.unwrap(),
        None => Vec::new(),
    }
}

/// Every row of every table as text, in order: what a lake says.
async fn contents(lake: &Lake) -> BTreeMap<&'static str, Vec<String>> {
    contents_without(lake, &[]).await
}

/// The same without some columns.
pub(crate) async fn contents_without(lake: &Lake, columns: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        let mut lines = Vec::new();
        for batch in rows(lake, table.name).await {
            for row in 0..batch.num_rows() {
                let schema = batch.schema();
                let cells = schema
                    .fields()
                    .iter()
                    .zip(batch.columns())
                    .filter(|(field, _)| !columns.contains(&field.name().as_str()))
                    .map(|(_, c)| arrow::util::display::array_value_to_string(c, row).unwrap());
                lines.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
        lines.sort();
        all.insert(table.name, lines);
    }
    all
}

/// Σ billed cost, per currency and in words.
async fn billed(lake: &Lake) -> String {
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for batch in rows(lake, "charges").await {
        let costs = batch
            .column_by_name("billed_cost")
            .unwrap()
            .as_primitive::<Decimal128Type>();
        let currencies = batch
            .column_by_name("billing_currency")
            .unwrap()
            .as_string::<i32>();
        for row in (0..batch.num_rows()).filter(|r| costs.is_valid(*r)) {
            *sums.entry(currencies.value(row).to_owned()).or_default() += costs.value(row);
        }
    }
    sums.into_iter()
        .map(|(c, s)| format!("{} {c}", money::format_short(s)))
        .collect::<Vec<_>>()
        .join(", ")
}

const HEADER: &str = "BilledCost,EffectiveCost,BillingCurrency,BillingAccountId,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName\n";

/// A bill: one line per (month, account, cost).
fn bill(lines: &[(&str, &str, &str)]) -> String {
    let mut text = HEADER.to_owned();
    for (month, account, cost) in lines {
        let (start, end) = (format!("{month}-01T00:00:00Z"), format!("{month}-28T00:00:00Z"));
        writeln!(
            text,
            "{cost},{cost},USD,{account},AWS,{start},{month}-02T00:00:00Z,{start},{end},Usage,Compute"
        )
        .unwrap();
    }
    text
}

const OUTCOMES: &str =
    "task_id,success,recorded_at\nt1,true,2026-10-01T00:00:00Z\nt2,false,2026-10-01T00:00:00Z\n";
const MORE_OUTCOMES: &str =
    "task_id,success,recorded_at\nt2,false,2026-10-01T00:00:00Z\nt3,true,2026-10-02T00:00:00Z\n";
const BAD_OUTCOMES: &str =
    "task_id,success,recorded_at\nt4,perhaps,2026-10-01T00:00:00Z\nt5,true,2026-10-02T00:00:00Z\n";

#[tokio::test]
async fn ingesting_twice_is_ingesting_once() {
    let place = Place::new().await;
    let bill = place.file(
        "a.csv",
        &bill(&[
            ("2026-10", "1", "0.1"),
            ("2026-10", "1", "0.2"),
            ("2026-09", "1", "7"),
        ]),
    );
    let labels = place.file("labels.csv", OUTCOMES);
    let bad = place.file("bad.csv", BAD_OUTCOMES);
    let first = place.put(&[&bill, &labels, &bad]).await;
    assert_eq!(billed(&place.lake).await, "7.3 USD");
    assert!(first.has_rejects());
    let total = &first.totals()[0];
    assert_eq!(
        (total.column, total.stored_total.to_string()),
        ("billed_cost", "7.3".to_owned())
    );
    let before = contents(&place.lake).await;
    assert_eq!(
        before
            .iter()
            .map(|(table, rows)| (*table, rows.len()))
            .collect::<Vec<_>>(),
        [
            ("charges", 3),
            ("fx_rates", 0),
            ("gpu_samples", 0),
            ("grid_intensity", 0),
            ("ingest_files", 3),
            ("outcomes", 3),
            ("prices", 0),
            ("rejects", 1),
            ("requests", 0),
            ("schedule_runs", 0),
        ]
    );
    let second = place.put(&[&bill, &labels, &bad]).await;
    assert!(
        second.files.iter().all(|f| f.state == State::AlreadyIngested),
        "{second:?}"
    );
    assert_eq!(contents(&place.lake).await, before);
    let charges = place.lake.snapshot(TABLES[0], None).await.unwrap().unwrap();
    assert_eq!(charges.version(), 0, "nothing was committed the second time");
}

#[tokio::test]
async fn the_order_of_files_does_not_matter() {
    let names = [
        ("a.csv", OUTCOMES),
        ("b.csv", MORE_OUTCOMES),
        ("c.csv", BAD_OUTCOMES),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let place = Place::new().await;
        for at in order {
            let file = place.file(names[at].0, names[at].1);
            place.put(&[&file]).await;
        }
        let all = contents(&place.lake).await;
        // Where an equal row came from may be either file; what it says may not.
        let said: Vec<String> = all["outcomes"]
            .iter()
            .map(|r| r.split('|').take(7).collect::<Vec<_>>().join("|"))
            .collect();
        seen.push(said);
    }
    assert_eq!(seen[0].len(), 4);
    assert!(seen.iter().all(|s| s == &seen[0]), "{seen:?}");
}

/// Stops the run after the n-th commit.
struct KilledAfter(usize);

impl Progress for KilledAfter {
    fn on(&mut self, step: Step<'_>) -> Result<()> {
        if let Step::Committed { .. } = step {
            self.0 -= 1;
            if self.0 == 0 {
                return Err(Error::io("killed"));
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_killed_run_is_completed_by_the_next() {
    let bill_text = format!(
        "{}oops,1,USD,1,AWS,2026-10-01,2026-10-02,2026-10-01,2026-11-01,Usage,C\n",
        bill(&[("2026-10", "1", "5")])
    );
    let whole = Place::new().await;
    let files = |place: &Place| {
        [
            place.file("a.csv", &bill_text),
            place.file("labels.csv", OUTCOMES),
            place.file("bad.csv", BAD_OUTCOMES),
        ]
    };
    let [a, b, c] = files(&whole);
    whole.put(&[&a, &b, &c]).await;
    let strip = |all: BTreeMap<&'static str, Vec<String>>, place: &Place| {
        let root = place.dir.path().display().to_string();
        all.into_values()
            .flatten()
            .map(|r| r.replace(&root, ""))
            .collect::<Vec<_>>()
    };
    let expected = strip(contents(&whole.lake).await, &whole);
    for commits in 1..=6 {
        let place = Place::new().await;
        let [a, b, c] = files(&place);
        let killed = run(
            &place.lake,
            &[&a, &b, &c],
            &Options::default(),
            &mut KilledAfter(commits),
        )
        .await;
        assert!(killed.is_err());
        place.put(&[&a, &b, &c]).await;
        assert_eq!(
            strip(contents(&place.lake).await, &place),
            expected,
            "killed after {commits}"
        );
    }
}

#[tokio::test]
async fn a_restated_month_replaces_the_old_one_which_stays_known() {
    let place = Place::at("2026-11-01T00:00:00Z").await;
    let first = place.file(
        "first.csv",
        &bill(&[
            ("2026-09", "1", "9"),
            ("2026-10", "1", "1.5"),
            ("2026-10", "1", "2"),
        ]),
    );
    place.put(&[&first]).await;
    let later = lake(place.dir.path(), "2026-12-01T00:00:00Z").await;
    let second = place.file(
        "second.csv",
        &bill(&[("2026-10", "1", "1.75"), ("2026-10", "1", "2")]),
    );
    let report = run(&later, &[&second], &Options::default(), &mut ())
        .await
        .unwrap();
    assert!(report.refused.is_empty());
    assert_eq!(billed(&later).await, "12.75 USD");
    let table = TABLES[0];
    let then = later
        .snapshot(table, Some("2026-11-15T00:00:00Z".parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(then.rows(), 3);
    // A, B, A: the first bill is in force again, though its bytes were seen before.
    let report = run(&later, &[&first], &Options::default(), &mut ())
        .await
        .unwrap();
    assert_eq!(report.files[0].state, State::Ingested);
    assert_eq!(billed(&later).await, "12.5 USD");
    let again = run(&later, &[&first], &Options::default(), &mut ())
        .await
        .unwrap();
    assert_eq!(again.files[0].state, State::AlreadyIngested);
    assert_eq!(
        rows(&later, "ingest_files")
            .await
            .iter()
            .map(RecordBatch::num_rows)
            .sum::<usize>(),
        2
    );
}

#[tokio::test]
async fn parts_of_one_export_are_one_delivery() {
    let place = Place::new().await;
    let one = place.file(
        "part-1.csv",
        &bill(&[("2026-10", "1", "1"), ("2026-10", "1", "2")]),
    );
    let two = place.file("part-2.csv", &bill(&[("2026-10", "1", "4")]));
    place.put(&[&one, &two]).await;
    assert_eq!(billed(&place.lake).await, "7 USD");
    let swapped = place.put(&[&two, &one]).await;
    assert!(swapped.files.iter().all(|f| f.state == State::AlreadyIngested));
    // One part alone would lose the other.
    let alone = place.put(&[&two]).await;
    assert_eq!(alone.refused.len(), 1, "{alone:?}");
    assert_eq!(alone.files[0].state, State::Refused);
    assert!(
        alone.refused[0].reason.contains("has 3 rows, the delivery 1"),
        "{}",
        alone.refused[0].reason
    );
    assert_eq!(billed(&place.lake).await, "7 USD");
    // A copy under another name is not a second part.
    let copy = place.file("copy.csv", &bill(&[("2026-10", "1", "4")]));
    place.put(&[&one, &two, &copy]).await;
    assert_eq!(billed(&place.lake).await, "7 USD");
}

#[tokio::test]
async fn a_delivery_that_loses_data_is_refused_unless_told_otherwise() {
    let place = Place::new().await;
    let full = place.file(
        "full.csv",
        &bill(&[("2026-10", "1", "-60"), ("2026-10", "1", "40")]),
    );
    place.put(&[&full]).await;
    let less = place.file(
        "less.csv",
        &bill(&[("2026-10", "1", "-39"), ("2026-10", "1", "40")]),
    );
    let report = place.put(&[&less]).await;
    assert!(
        report.refused[0].reason.contains("has 100 USD") && report.refused[0].reason.contains("79"),
        "{report:?}"
    );
    assert_eq!(billed(&place.lake).await, "-20 USD");
    let enough = place.file(
        "enough.csv",
        &bill(&[("2026-10", "1", "-40"), ("2026-10", "1", "40")]),
    );
    assert!(place.put(&[&enough]).await.refused.is_empty());
    assert_eq!(billed(&place.lake).await, "0 USD");
    let accept = Options {
        accept_shrink: true,
        ..Options::default()
    };
    let report = place.ingest(&[&less], &accept).await.unwrap();
    assert!(report.refused.is_empty());
    assert_eq!(billed(&place.lake).await, "1 USD");

    // Another account's bill under the same name would push this one out.
    let other = place.file(
        "other.csv",
        &bill(&[("2026-10", "2", "500"), ("2026-10", "2", "1")]),
    );
    let report = place.put(&[&other]).await;
    assert!(report.refused[0].reason.contains("AWS account 1"), "{report:?}");
    assert!(report.refused[0].advice.contains("--source"));
    let named = Options {
        source: Some("second-bill".into()),
        ..Options::default()
    };
    assert!(place.ingest(&[&other], &named).await.unwrap().refused.is_empty());
    assert_eq!(billed(&place.lake).await, "502 USD");
}

#[tokio::test]
async fn a_header_alone_replaces_nothing() {
    let place = Place::new().await;
    let full = place.file("full.csv", &bill(&[("2026-10", "1", "5")]));
    let empty = place.file("empty.csv", HEADER);
    place.put(&[&full]).await;
    let report = place.put(&[&empty]).await;
    assert_eq!(report.files[0].state, State::Empty);
    assert!(report.refused.is_empty());
    assert_eq!(billed(&place.lake).await, "5 USD");
}

#[tokio::test]
async fn strict_changes_nothing_where_a_row_is_bad() {
    let place = Place::new().await;
    let good = place.file("good.csv", OUTCOMES);
    let bad = place.file("bad.csv", BAD_OUTCOMES);
    let strict = Options {
        strict: true,
        ..Options::default()
    };
    let report = place.ingest(&[&good, &bad], &strict).await.unwrap();
    assert_eq!(
        report.files.iter().map(|f| f.state).collect::<Vec<_>>(),
        [State::Refused, State::Ingested]
    );
    assert!(
        report.refused[0].reason.contains("line 2"),
        "{}",
        report.refused[0].reason
    );
    let all = contents(&place.lake).await;
    assert_eq!((all["outcomes"].len(), all["rejects"].len()), (2, 0));
}

#[tokio::test]
async fn folders_may_hold_other_things_but_names_must_be_right() {
    let place = Place::new().await;
    place.file("month/labels.csv", OUTCOMES);
    let readme = place.file("month/README.md", "# Not data\n");
    let report = place.put(&[&place.dir.path().join("in")]).await;
    assert_eq!(
        report.files.iter().map(|f| f.state).collect::<Vec<_>>(),
        [State::Unknown, State::Ingested]
    );
    assert!(place.ingest(&[&readme], &Options::default()).await.is_err());
    assert!(
        place
            .ingest(&[&place.dir.path().join("nowhere.csv")], &Options::default())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_lose_nothing() {
    let place = Place::new().await;
    let a = place.file("a.csv", OUTCOMES);
    let b = place.file("b.csv", MORE_OUTCOMES);
    let c = place.file("c.csv", &bill(&[("2026-10", "1", "5")]));
    let (x, y) = (
        lake(place.dir.path(), "2026-11-01T00:00:00Z").await,
        lake(place.dir.path(), "2026-11-01T00:00:00Z").await,
    );
    let (first, second) = tokio::join!(
        tokio::spawn(async move {
            run(&x, &[&a, &c], &Options::default(), &mut ())
                .await
                .map(|r| r.files.len())
        }),
        tokio::spawn(async move {
            run(&y, &[&b], &Options::default(), &mut ())
                .await
                .map(|r| r.files.len())
        }),
    );
    assert_eq!((first.unwrap().unwrap(), second.unwrap().unwrap()), (2, 1));
    let all = contents(&place.lake).await;
    assert_eq!(
        (
            all["outcomes"].len(),
            all["charges"].len(),
            all["ingest_files"].len()
        ),
        (3, 1, 3)
    );
}

/// The published totals of real files, through a lake.
#[tokio::test]
async fn real_and_golden_files_arrive_whole() {
    let (Some(sample), Some(golden)) = (
        shared("data/focus/official-1.0/focus_sample.csv"),
        shared("golden/case-a/input"),
    ) else {
        return;
    };
    let place = Place::new().await;
    let names = [
        "charges.csv",
        "requests.jsonl",
        "gpu.json",
        "outcomes.jsonl",
        "prices.json",
        "fx.csv",
    ];
    let files: Vec<PathBuf> = names.iter().map(|n| golden.join(n)).collect();
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let report = place.put(&files).await;
    assert!(report.refused.is_empty());
    for file in &report.files {
        assert_eq!(file.rows_rejected, 0, "{file:?}");
        assert_eq!(file.state, State::Ingested, "{file:?}");
        assert_eq!(file.rows_in, file.rows_kept + file.rows_known, "{file:?}");
    }
    let before = contents(&place.lake).await;
    for file in files.iter().rev() {
        // Charges alone are the same delivery; everything else is known by its content.
        place.put(&[file]).await;
    }
    assert_eq!(contents(&place.lake).await, before);

    let real = Place::new().await;
    let report = real.put(&[&sample]).await;
    let file = &report.files[0];
    assert_eq!(file.rows_in, file.rows_kept + file.rows_rejected);
    let stored = report
        .totals()
        .into_iter()
        .find(|t| t.column == "billed_cost")
        .unwrap();
    assert_eq!(
        billed(&real.lake).await,
        format!("{} {}", stored.stored_total, stored.currency)
    );
}
