//! Exports that come in parts, and two exports of one account: what is one delivery, what is missing, what would
//! count twice. The program itself, on trees as the exporters lay them out.

use crate::support::{project, run};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const NOW: &str = "2026-11-20T00:00:00Z";

/// A copy of one of the trees of `tests/fixtures/exports`, and a lake beside it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn of(tree: &str) -> Place {
        let place = Place {
            dir: tempfile::tempdir().unwrap(),
        };
        if !tree.is_empty() {
            let from = project("tests/fixtures/exports").join(tree);
            copy(&from, &place.path("in"));
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Ingests, and gives what was said.
    fn ingest(&self, status: i32, args: &[&str]) -> String {
        let all = [&["--now", NOW, "ingest"], args].concat();
        let (got, out, talk) = run(self.dir.path(), &all);
        assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
        talk
    }

    fn asked(&self, sql: &str) -> String {
        if !self.path("lake").exists() {
            return "no lake".to_owned();
        }
        let (status, out, talk) = run(self.dir.path(), &["--now", NOW, "-o", "csv", "sql", "-c", sql]);
        assert_eq!(status, 0, "{talk}");
        let lines: Vec<&str> = out.lines().skip(1).collect();
        lines.join(";")
    }

    fn billed(&self) -> String {
        self.asked(
            "SELECT count(*) AS n, sum(billed_cost) AS total, count(DISTINCT delivery_id) AS d FROM charges",
        )
    }

    /// Every file of the lake with its bytes: nothing was done when nothing of it differs.
    fn state(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        below(&self.path("lake"), &mut files);
        files
            .into_iter()
            .map(|p| (p.clone(), std::fs::read(p).unwrap()))
            .collect()
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut all: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    all.sort();
    for path in all {
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let mut files = Vec::new();
    below(from, &mut files);
    for file in files {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

fn says(talk: &str, words: &[&str]) {
    for words in words {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
}

const REPORT: &str = "in/daily/20260901-20261001";

#[test]
fn the_current_run_of_an_aws_report_counts_and_older_ones_are_left_alone() {
    let place = Place::of("aws_report");
    let talk = place.ingest(0, &["in"]);
    // 1.5 + 2.25 + 4 of the run that the manifest above the runs lists; 1.5 of the older one is in it.
    assert_eq!(place.billed(), "3,7.75,1");
    says(
        &talk,
        &[
            "daily-Manifest.json: a manifest",
            "AWS report 0001 r-1, 2026-09-01 to 2026-09-30, in 2 parts",
            "a-1/daily-00001.csv: left alone",
            "it says the same as in/daily/20260901-20261001/daily-Manifest.json",
        ],
    );
    let before = place.state();
    says(
        &place.ingest(0, &["in"]),
        &["b-2/daily-00001.csv: already ingested"],
    );
    assert_eq!(place.state(), before);
    // The same when the manifest of the run is named by itself, or lies flat beside its parts.
    for (name, files) in [("named", true), ("flat", false)] {
        let place = Place::of("aws_report");
        let manifest = if files {
            format!("{REPORT}/b-2/daily-Manifest.json")
        } else {
            std::fs::create_dir(place.path("flat")).unwrap();
            for file in ["daily-Manifest.json", "daily-00001.csv", "daily-00002.csv"] {
                std::fs::copy(
                    place.path(&format!("{REPORT}/b-2/{file}")),
                    place.path(&format!("flat/{file}")),
                )
                .unwrap();
            }
            "flat".to_owned()
        };
        place.ingest(0, &[&manifest]);
        assert_eq!(place.billed(), "3,7.75,1", "{name}");
    }
}

#[test]
fn a_part_that_is_missing_refuses_the_delivery_with_the_figures() {
    let place = Place::of("aws_report");
    place.ingest(0, &["in"]);
    let before = place.state();
    std::fs::remove_file(place.path(&format!("{REPORT}/b-2/daily-00002.csv"))).unwrap();
    for args in [
        &["in"][..],
        &["in/daily/20260901-20261001/daily-Manifest.json"],
        &["--accept-shrink", "in"],
    ] {
        let talk = place.ingest(1, args);
        says(
            &talk,
            &[
                "refused: the manifest in/daily/20260901-20261001/daily-Manifest.json",
                "lists 2 parts, 1 of them missing: exports/daily/20260901-20261001/b-2/daily-00002.csv",
                "name the folder that holds the manifest and all its parts",
            ],
        );
    }
    assert_eq!(place.state(), before, "nothing was changed");
    // --explain says the same and writes nothing.
    let talk = place.ingest(1, &["--explain", "in"]);
    says(&talk, &["1 of them missing", "left alone", "nothing was written"]);
    // Other data of the same call arrives all the same.
    place.file(
        "in/outcomes.csv",
        "task_id,success,recorded_at\nt1,true,2026-10-01T00:00:00Z\n",
    );
    place.ingest(1, &["in"]);
    assert_eq!(place.asked("SELECT count(*) AS n FROM outcomes"), "1");
}

#[test]
fn data_exports_of_two_months_are_two_deliveries_packed_or_not() {
    let place = Place::of("aws_export");
    // As AWS delivers them: each part packed, and its key says so.
    let mut files = Vec::new();
    below(&place.path("in"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        if file.extension().is_some_and(|e| e == "csv") {
            let packed = std::fs::File::create(file.with_extension("csv.gz")).unwrap();
            let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            packed.finish().unwrap();
            std::fs::remove_file(file).unwrap();
        } else {
            std::fs::write(file, text.replace(".csv\"", ".csv.gz\"")).unwrap();
        }
    }
    let october = place.path("in/cur2/metadata/BILLING_PERIOD=2026-10");
    let later = place.path("later");
    std::fs::rename(&october, &later).unwrap();
    let data = place.path("in/cur2/data/BILLING_PERIOD=2026-10");
    std::fs::rename(&data, place.path("later-data")).unwrap();
    let talk = place.ingest(0, &["in"]);
    assert_eq!(place.billed(), "2,30,1");
    says(
        &talk,
        &["20261001T050000Z-e1/cur2-00001.csv.gz: left alone", "is newer"],
    );
    // The next month arrives: September stays the delivery that it is.
    std::fs::rename(later, october).unwrap();
    std::fs::rename(place.path("later-data"), data).unwrap();
    let talk = place.ingest(0, &["in"]);
    assert_eq!(place.billed(), "3,70,2");
    says(
        &talk,
        &["20261002T050000Z-e2/cur2-00001.csv.gz: already ingested"],
    );
    assert_eq!(place.asked("SELECT count(*) AS n FROM ingest_files"), "3");
}

#[test]
fn parts_of_an_azure_export_have_the_bytes_and_rows_that_their_manifest_says() {
    const RUN: &str = "in/costs/daily/20260901-20260930/run-2";
    let place = Place::of("azure_export");
    let talk = place.ingest(0, &["in"]);
    assert_eq!(place.billed(), "3,12.5,1");
    says(
        &talk,
        &[
            "run-1/part_0_0001.csv: left alone",
            "2026-09-01 to 2026-09-30, in 2 parts",
        ],
    );
    // Half a file: fewer bytes.
    let before = place.state();
    let part = place.path(&format!("{RUN}/part_0_0001.csv"));
    let whole = std::fs::read_to_string(&part).unwrap();
    let cut = &whole[..whole.trim_end().rfind('\n').unwrap() + 1];
    std::fs::write(&part, cut).unwrap();
    let talk = place.ingest(1, &["in"]);
    says(
        &talk,
        &[&format!(
            "part_0_0001.csv has {} bytes of {}",
            cut.len(),
            whole.len()
        )],
    );
    // The manifest's own sum of parts, and a row less than it says.
    let manifest = place.path(&format!("{RUN}/manifest.json"));
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(
        &manifest,
        text.replace(&whole.len().to_string(), &cut.len().to_string()),
    )
    .unwrap();
    let talk = place.ingest(1, &["in"]);
    says(&talk, &["part_0_0001.csv has 1 rows, its manifest says 2"]);
    std::fs::write(&manifest, text.replace("\"blobCount\": 2", "\"blobCount\": 3")).unwrap();
    let talk = place.ingest(1, &[&format!("{RUN}/manifest.json")]);
    says(&talk, &["it says that there are 3 parts and lists 2"]);
    std::fs::write(&manifest, &text).unwrap();
    std::fs::remove_file(&part).unwrap();
    let talk = place.ingest(1, &["in"]);
    says(&talk, &["1 of them missing", "2 of 3 rows are missing"]);
    assert_eq!(place.state(), before, "nothing of all that changed anything");
}

#[test]
fn a_bill_beside_the_parts_is_left_alone_unless_it_is_named() {
    let place = Place::of("azure_export");
    const RUN: &str = "in/costs/daily/20260901-20260930/run-2";
    let part = std::fs::read_to_string(place.path(&format!("{RUN}/part_0_0002.csv"))).unwrap();
    place.file(
        &format!("{RUN}/by-hand.csv"),
        &part.replace("s-1", "s-9").replace("5.5", "7"),
    );
    let talk = place.ingest(0, &["in"]);
    says(&talk, &["by-hand.csv: left alone", "no part of Azure export"]);
    assert_eq!(place.billed(), "3,12.5,1");
    // Named, it is meant: with the parts it is one delivery of their month.
    let by_hand = format!("{RUN}/by-hand.csv");
    place.ingest(0, &["in", &by_hand]);
    assert_eq!(place.billed(), "4,19.5,1");
    let before = place.state();
    place.ingest(0, &[&by_hand, "in"]);
    assert_eq!(place.state(), before);
    // From anywhere else, too.
    std::fs::rename(place.path(&by_hand), place.path("by-hand.csv")).unwrap();
    place.ingest(0, &["in", "by-hand.csv"]);
    assert_eq!(place.state(), before);
}

#[test]
fn a_manifest_leads_nowhere_but_to_its_folder() {
    let place = Place::of("aws_report");
    let bill = std::fs::read_to_string(place.path(&format!("{REPORT}/a-1/daily-00001.csv"))).unwrap();
    place.file("outside/daily-00001.csv", &bill);
    let manifest = |key: &str| {
        format!(
            r#"{{"assemblyId":"x","reportName":"daily","billingPeriod":{{"start":"20260901T000000.000Z","end":"20261001T000000.000Z"}},"reportKeys":["{key}"]}}"#
        )
    };
    for key in [
        "../outside/daily-00001.csv",
        "x/../../outside/daily-00001.csv",
        "C:/outside/daily-00001.csv",
    ] {
        place.file("tricks/m.json", &manifest(key));
        let talk = place.ingest(1, &["tricks/m.json"]);
        says(&talk, &["leads out of the folder"]);
    }
    // An absolute key is one below the bucket's root.
    let absolute = place
        .path("outside/daily-00001.csv")
        .display()
        .to_string()
        .replace('\\', "/");
    place.file("tricks/m.json", &manifest(absolute.trim_start_matches("C:")));
    says(&place.ingest(1, &["tricks/m.json"]), &["1 of them missing"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("outside"), place.path("tricks/link")).unwrap();
        place.file("tricks/m.json", &manifest("link/daily-00001.csv"));
        says(&place.ingest(1, &["tricks/m.json"]), &["1 of them missing"]);
    }
    assert_eq!(place.billed(), "no lake");
}

#[test]
fn two_runs_that_cannot_be_told_apart_are_refused() {
    let place = Place::of("aws_report");
    std::fs::remove_file(place.path(&format!("{REPORT}/daily-Manifest.json"))).unwrap();
    let moment = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_790_000_000);
    let file = |run: &str| {
        std::fs::File::options()
            .write(true)
            .open(place.path(&format!("{REPORT}/{run}/daily-Manifest.json")))
            .unwrap()
    };
    for run in ["a-1", "b-2"] {
        file(run).set_modified(moment).unwrap();
    }
    let talk = place.ingest(1, &["in"]);
    says(
        &talk,
        &[
            "nothing says which one is newer",
            "name the folder of the newer run alone",
        ],
    );
    // The one that was written later.
    file("b-2")
        .set_modified(moment + std::time::Duration::from_secs(60))
        .unwrap();
    place.ingest(0, &["in"]);
    assert_eq!(place.billed(), "3,7.75,1");
}

#[test]
fn reports_of_two_accounts_under_one_name_are_one_delivery_of_their_month() {
    let place = Place::of("aws_report");
    let mut files = Vec::new();
    below(&place.path("in"), &mut files);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let other = place
            .path("other")
            .join(file.strip_prefix(place.path("in")).unwrap());
        std::fs::create_dir_all(other.parent().unwrap()).unwrap();
        let text = text
            .replace("0001,2026", "0007,2026")
            .replace("\"0001\"", "\"0007\"")
            .replace("r-1", "r-7");
        std::fs::write(other, text).unwrap();
    }
    place.ingest(0, &["in", "other"]);
    assert_eq!(place.billed(), "6,15.5,1");
    let before = place.state();
    place.ingest(0, &["other", "in"]);
    assert_eq!(place.state(), before);
    // Alone, the one would push the other out.
    let talk = place.ingest(1, &["in"]);
    says(
        &talk,
        &["the period holds charges of AWS account 0007, the delivery has none"],
    );
}

/// Parts without a manifest: a folder of Parquet and packed files is one delivery, and one of them alone is not.
#[test]
fn a_folder_of_parquet_and_packed_parts_is_one_delivery() {
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    let place = Place::of("");
    let lines = [focus("AWS", "1", "a", 1, "1.5"), focus("AWS", "1", "a", 2, "2.5")];
    std::fs::create_dir(place.path("parts")).unwrap();
    for (n, line) in lines.iter().enumerate() {
        let columns = FOCUS.trim().split(',').zip(line.trim().split(','));
        let columns = columns.map(|(name, value)| {
            let cells: ArrayRef = std::sync::Arc::new(StringArray::from(vec![value]));
            (name, cells)
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(place.path(&format!("parts/part-{n}.snappy.parquet"))).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    let file = std::fs::File::create(place.path("parts/part-2.csv.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed
        .write_all((FOCUS.to_owned() + &focus("AWS", "1", "a", 3, "4")).as_bytes())
        .unwrap();
    packed.finish().unwrap();
    place.ingest(0, &["parts"]);
    assert_eq!(place.billed(), "3,8,1");
    let talk = place.ingest(1, &["parts/part-2.csv.gz"]);
    says(
        &talk,
        &[
            "focus 2026-09: the period has 3 rows, the delivery 1",
            "deliver the whole period: all parts of an export in one call",
        ],
    );
    assert_eq!(place.billed(), "3,8,1");
}

/// A summary of many files is a line a format and fate, with the notes that they share, and the totals.
#[test]
fn many_files_are_told_in_few_lines() {
    let place = Place::of("");
    for n in 0..60 {
        let bad = if n % 20 == 0 {
            "tx,perhaps,2026-10-01T00:00:00Z\n"
        } else {
            ""
        };
        place.file(
            &format!("in/labels-{n:02}.csv"),
            &format!("task_id,success,recorded_at\nt{n},true,2026-10-01T00:00:00Z\n{bad}"),
        );
    }
    for n in 0..30 {
        let line = focus("AWS", &n.to_string(), "a", 1, "0.5");
        place.file(&format!("in/bill-{n:02}.csv"), &(FOCUS.to_owned() + &line));
    }
    place.file("in/notes.txt", "nothing to see\n");
    let talk = place.ingest(4, &["in"]);
    says(
        &talk,
        &[
            "30 files of focus → charges (focus): 30 rows, 30 kept",
            "60 files of outcomes → outcomes (outcomes): 63 rows, 60 kept, 3 REJECTED",
            "in/notes.txt: left alone",
            "91 files, ",
            "93 rows, 90 kept, 3 REJECTED",
            "USD billed_cost: source 15 = stored 15 over 30 rows",
        ],
    );
    assert!(talk.lines().count() < 20, "{talk}");
    let talk = place.ingest(0, &["in"]);
    says(
        &talk,
        &[
            "30 files of focus already ingested",
            "60 files of outcomes already ingested",
        ],
    );
    assert_eq!(place.ingest(0, &["-q", "in"]), "");
}

// ── two exports of one account ───────────────────────────────────────────────────────────

const FOCUS: &str = "BilledCost,EffectiveCost,BillingCurrency,BillingAccountId,SubAccountId,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName\n";

/// A line of a FOCUS export of September 2026.
fn focus(provider: &str, account: &str, sub: &str, day: u32, cost: &str) -> String {
    format!(
        "{cost},{cost},USD,{account},{sub},{provider},2026-09-{day:02}T00:00:00Z,2026-09-{:02}T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Compute\n",
        day + 1
    )
}

#[test]
fn a_report_and_a_focus_export_of_one_account_are_not_added() {
    let place = Place::of("aws_report");
    let name = "Amazon Web Services";
    let lines = focus(name, "0001", "0002", 1, "1.5")
        + &focus(name, "0001", "0002", 2, "2.25")
        + &focus(name, "0001", "0002", 3, "4");
    place.file("focus.csv", &(FOCUS.to_owned() + &lines));
    place.ingest(0, &["in"]);
    let before = place.state();
    let talk = place.ingest(1, &["focus.csv"]);
    says(
        &talk,
        &[
            "charges from 'focus' refused: 2026-09, aws account 0001 (sub-accounts 0002)",
            "the source 'aws_cur' has 3 rows of 7.75 USD, this delivery of 'focus' 3 rows of 7.75 USD on the same days",
            "`--source aws_cur` replaces the month of the other",
            "--accept-overlap",
        ],
    );
    assert_eq!(place.state(), before, "nothing was changed");
    // Under the name of the other it takes its place, as one bill of the same account.
    place.ingest(0, &["--source", "aws_cur", "focus.csv"]);
    assert_eq!(place.billed(), "3,7.75,1");
    place.ingest(0, &["--source", "aws_cur", "in"]);
    // The other way round, too.
    let place = Place::of("aws_report");
    place.file("focus.csv", &(FOCUS.to_owned() + &lines));
    place.ingest(0, &["focus.csv"]);
    let talk = place.ingest(1, &["in"]);
    says(&talk, &["the source 'focus' has 3 rows of 7.75 USD"]);
    // Both at once, under two names and under one.
    for args in [&["in", "focus.csv"][..], &["--source", "aws", "in", "focus.csv"]] {
        let place = Place::of("aws_report");
        place.file("focus.csv", &(FOCUS.to_owned() + &lines));
        let talk = place.ingest(1, args);
        says(&talk, &["and both would count"]);
        let left = if args.len() == 2 { "3,7.75,1" } else { "no lake" };
        assert_eq!(place.billed(), left, "{talk}");
    }
    // Told otherwise, it is taken, and what was taken once is not asked again.
    place.ingest(0, &["--accept-overlap", "in"]);
    assert_eq!(place.billed(), "6,15.5,2");
    place.file("focus.csv", &(FOCUS.to_owned() + &lines.replace("4,4,", "5,5,")));
    place.ingest(0, &["focus.csv"]);
    assert_eq!(place.billed(), "6,16.5,2");
}

#[test]
fn what_is_no_second_export_is_not_refused() {
    let place = Place::of("");
    let bill = |name: &str, lines: &str| place.file(name, &(FOCUS.to_owned() + lines));
    bill(
        "one.csv",
        &(focus("AWS", "1", "a", 1, "1") + &focus("AWS", "1", "a", 2, "1")),
    );
    place.ingest(0, &["one.csv"]);
    for (source, lines) in [
        ("other-account", focus("AWS", "2", "a", 1, "10")),
        ("other-subscription", focus("AWS", "1", "b", 1, "100")),
        ("other-vendor", focus("Snowflake", "1", "a", 1, "1000")),
        ("other-days", focus("AWS", "1", "a", 3, "10000")),
        ("no-account", focus("AWS", "", "", 1, "100000")),
    ] {
        let file = format!("{source}.csv");
        bill(&file, &lines);
        place.ingest(0, &["--source", source, &file]);
    }
    assert_eq!(place.billed(), "7,111112,6");
    // Without an account, the very same file is the same bill all the same.
    let talk = place.ingest(1, &["--source", "twice", "no-account.csv"]);
    says(&talk, &["the source 'no-account' has 1 rows of 100000 USD"]);
    assert_eq!(place.billed(), "7,111112,6");
    // Azure's account and subscription, as two formats write them.
    bill(
        "azure-focus.csv",
        &focus(
            "Microsoft",
            "/providers/Microsoft.Billing/billingAccounts/8600001",
            "/subscriptions/S-1",
            1,
            "3",
        ),
    );
    copy(
        &project("tests/fixtures/exports/azure_export"),
        &place.path("azure"),
    );
    place.ingest(0, &["azure-focus.csv", "--source", "azure-focus"]);
    let talk = place.ingest(1, &["azure"]);
    says(&talk, &["microsoft account 8600001 (sub-accounts s-1)"]);
}
