//! What was known when: restatements, `--as-of` and `diff`, on the month that `synth --restate` writes and
//! whose README says by hand what every number must be; and lakes of older programs.

use crate::support::{assets, project, run};
use arrow::util::display::array_value_to_string;
use spendscope::base::clock::FixedClock;
use spendscope::config::{Config, Overrides};
use spendscope::engine::Engine;
use spendscope::metric::{self, Catalog, Params};
use spendscope::schema::TABLES;
use spendscope::store::Lake;
use spendscope::synth::write_restated;
use std::path::Path;
use std::sync::Arc;

const FIRST: &str = "2026-10-02T06:00:00Z";
const SECOND: &str = "2026-11-02T06:00:00Z";
const BETWEEN: &str = "2026-10-15T00:00:00Z";
const LATER: &str = "2026-11-05T00:00:00Z";

/// A folder with the restated month, and a lake with as many of its deliveries as were asked for.
pub(crate) struct Restated {
    pub(crate) dir: tempfile::TempDir,
}

impl Restated {
    pub(crate) fn new(deliveries: usize) -> Restated {
        let dir = tempfile::tempdir().unwrap();
        let restated = Restated { dir };
        write_restated(restated.dir.path()).unwrap();
        for (folder, now) in [("first", FIRST), ("second", SECOND)]
            .into_iter()
            .take(deliveries)
        {
            restated.says(0, &["--now", now, "-q", "ingest", folder]);
        }
        restated
    }

    pub(crate) fn says(&self, status: i32, args: &[&str]) -> (String, String) {
        let (got, out, talk) = run(self.dir.path(), args);
        assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
        (out.replace("\r\n", "\n"), talk)
    }

    /// The lines of a CSV answer, without its header.
    fn rows(&self, args: &[&str]) -> Vec<String> {
        let (out, _) = self.says(0, &[&["--now", LATER, "-o", "csv"], args].concat());
        out.lines().skip(1).map(str::to_owned).collect()
    }

    fn readme(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("README.md")).unwrap()
    }

    async fn engine(&self, as_of: &str) -> Engine {
        engine(self.dir.path(), Some(as_of)).await
    }
}

/// An engine over the lake in a folder with a `spendscope.toml`, in November.
async fn engine(folder: &Path, as_of: Option<&str>) -> Engine {
    let config = Config::resolve(&Overrides {
        config: Some(folder.join("spendscope.toml")),
        as_of: as_of.map(str::to_owned),
        now: Some(LATER.to_owned()),
        ..Overrides::default()
    })
    .unwrap();
    let lake = Lake::open(folder.join("lake").to_str().unwrap(), config.clock.clone())
        .await
        .unwrap();
    Engine::over_lake(&lake, config.as_of, &assets(), &config.registry, &config.settings)
        .await
        .unwrap()
}

/// The rows of a table of the README: its cells, in the words of CSV.
fn table(readme: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = readme.split_once(heading).unwrap();
    rest.lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// Paths of a cell such as `a.csv (0123456789ab, 2026-11-02T06:00); b.csv (…)`.
fn paths(cell: &str) -> String {
    cell.trim_matches('"')
        .split("; ")
        .map(|file| file.split(" (").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn a_restated_month_ties_out_by_hand() {
    let month = Restated::new(0);
    let (_, talk) = month.says(0, &["synth", "--restate", "--out", "."]);
    assert!(
        talk.contains("README.md says what every number must be"),
        "{talk}"
    );
    month.says(0, &["--now", FIRST, "-q", "ingest", "first"]);
    let (_, talk) = month.says(0, &["--now", FIRST, "reconcile"]);
    for line in [
        "EUR: 1 charges, bill 7 = leaves 7",
        "USD: 6 charges, bill 72 = leaves 72",
    ] {
        assert!(talk.contains(line), "{line}\n{talk}");
    }
    month.says(0, &["--now", SECOND, "-q", "ingest", "second"]);
    let (_, talk) = month.says(0, &["--now", SECOND, "reconcile"]);
    for line in [
        "EUR: 1 charges, bill 7.5 = leaves 7.5",
        "USD: 10 charges, bill 75.3 = leaves 75.3",
    ] {
        assert!(talk.contains(line), "{line}\n{talk}");
    }

    let readme = month.readme();
    let september = ["diff", "--as-of", BETWEEN, "--period", "2026-09"];
    let said: Vec<String> = month
        .rows(&september)
        .iter()
        .map(|line| {
            // No cell before the last one has a comma in it.
            let cells: Vec<&str> = line.splitn(9, ',').collect();
            let brought = paths(cells[8]);
            [&cells[..8], &[brought.as_str()]].concat().join("|")
        })
        .collect();
    let expected: Vec<String> = table(&readme, "## What diff says of September")
        .iter()
        .map(|row| row.join("|"))
        .collect();
    assert_eq!(said, expected);
    let (_, talk) = month.says(0, &[&["--now", LATER], &september[..]].concat());
    for line in [
        "EUR bill: 7 → 7.5, difference 0.5",
        "USD bill: 72 → 70.3, difference -1.7",
        "USD accruals: 0.75 → 0.5, difference -0.25",
        "second/outcomes/late.csv",
    ] {
        assert!(talk.contains(line), "{line}\n{talk}");
    }
    let (_, talk) = month.says(0, &["--now", LATER, "diff", "--as-of", BETWEEN]);
    assert!(talk.contains("USD bill: 72 → 75.3, difference 3.3"), "{talk}");

    // What one of these figures is made of.
    let openai = [
        "explain",
        "spend/by_provider",
        "--where",
        "provider=OpenAI",
        "--period",
        "2026-09",
    ];
    let (page, _) = month.says(0, &[&["--now", LATER], &openai[..]].concat());
    for row in table(&readme, "## What explain says") {
        let line = page
            .lines()
            .find(|l| l.trim_start().starts_with(&format!("{} ", row[0])));
        let cells: Vec<&str> = line.unwrap_or(&page).split_whitespace().collect();
        let amount: f64 = cells.last().and_then(|c| c.parse().ok()).unwrap();
        assert_eq!(amount.to_string(), row[1], "{page}");
    }
    for part in [
        "explained  12.3 USD",
        "second/bill/september.csv",
        "second/gateway/late.jsonl",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }

    // What a success costs, as of then and now: the numbers in bold, by use case.
    let unit = [
        "metric",
        "run",
        "unit/cost_per_successful_task",
        "--period",
        "2026-09",
    ];
    for (column, as_of) in [(1, BETWEEN), (2, LATER)] {
        let rows = month.rows(&[&["--as-of", as_of], &unit[..]].concat());
        for case in table(&readme, "## What a success costs") {
            let bold = case[column].rsplit("**").nth(1).unwrap();
            let row = rows
                .iter()
                .find(|row| row.starts_with(&format!("{},", case[0])))
                .unwrap();
            let cost: f64 = row.split(',').nth(11).unwrap().parse().unwrap();
            assert_eq!(format!("{cost:.2}"), bold, "{row}");
        }
    }
}

#[test]
fn diff_is_told_apart_and_shown_as_asked() {
    let month = Restated::new(2);
    let september = ["diff", "--as-of", BETWEEN, "--period", "2026-09"];
    let with = |more: &[&str]| month.rows(&[&september[..], more].concat());

    // The late request is of `answers`, and of the second day.
    let by_day = with(&["--by", "use_case,day"]);
    assert!(
        by_day
            .iter()
            .any(|row| row.starts_with("2026-09-05,drafts,OpenAI,OpenAI API,request,billed,USD,0,0.8,0.8,")),
        "{by_day:?}"
    );
    assert!(
        by_day.iter().any(|row| row.starts_with(
            "2026-09-02,answers,OpenAI,OpenAI API,request,billed,USD,0,5,5,second/gateway/late.jsonl"
        ) || row.starts_with(
            "2026-09-02,answers,OpenAI,OpenAI API,request,billed,USD,0,5,5,\"second/gateway/late.jsonl"
        )),
        "{by_day:?}"
    );
    // Where an old request keeps its price, a list that says it again brought nothing.
    let fifth = by_day
        .iter()
        .find(|row| row.starts_with("2026-09-05,drafts,openai"))
        .unwrap();
    assert!(
        fifth.contains("-0.75,second/bill/september.csv")
            || fifth.contains("-0.75,\"second/bill/september.csv")
    );
    assert!(!fifth.contains("prices.json"), "{fifth}");

    // In dollars, at the rate of the day: 0.50 EUR are 0.55 USD.
    let dollars = with(&["--currency", "USD"]);
    assert!(
        dollars
            .iter()
            .any(|row| row.starts_with("OVHcloud,Compute,unallocated,billed,USD,7.7,8.25,0.55,")),
        "{dollars:?}"
    );
    // The billed basis has no accruals.
    let billed = with(&["--basis", "billed"]);
    assert!(billed.iter().all(|row| !row.contains("accrued")), "{billed:?}");
    assert_eq!(billed.len(), 8);

    let (json, _) = month.says(0, &[&["--now", LATER, "-o", "json"], &september[..]].concat());
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&rows[0]["old_amount"], &rows[0]["difference"]),
        (&"0".into(), &"2".into())
    );

    // Nothing changed: it says so, and writes nothing.
    let quiet = ["diff", "--as-of", BETWEEN, "--to-as-of", "2026-11-01"];
    let (out, talk) = month.says(0, &quiet);
    assert_eq!(out, "");
    assert!(talk.contains("no amount changed between"), "{talk}");
    assert!(talk.contains("USD bill: 72 → 72, difference 0"), "{talk}");
    // Time alone changes nothing either, whatever the clock says.
    let (out, _) = month.says(0, &["--now", "2031-01-01", "diff", "--as-of", "2026-11-03"]);
    assert_eq!(out, "");

    // Before the lake began nothing was known, so all is new.
    let (_, talk) = month.says(0, &["diff", "--as-of", "2026-01-01", "--to-as-of", BETWEEN]);
    assert!(
        talk.contains("nothing was known at 2026-01-01T00:00:00Z: everything is new"),
        "{talk}"
    );
    assert!(talk.contains("USD bill: 0 → 72, difference 72"), "{talk}");

    for (args, words) in [
        (&["diff"][..], "diff needs a moment to compare with"),
        (
            &["diff", "--as-of", LATER, "--to-as-of", BETWEEN],
            "is not before",
        ),
        (&["diff", "--as-of", BETWEEN, "--by", "moon"], "--by day, month"),
        (&["diff", "--as-of", "yesterday"], "is not a moment"),
    ] {
        let (_, talk) = month.says(2, args);
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    let empty = tempfile::tempdir().unwrap();
    let (status, _, talk) = run(empty.path(), &["diff", "--as-of", BETWEEN]);
    assert_eq!(status, 1);
    assert!(talk.contains("there is no lake"), "{talk}");
}

/// Every command that reads: asked as of a moment between two deliveries, the lake with both says what
/// the lake with the first alone says.
#[test]
fn as_of_every_command_answers_as_was_known_then() {
    let (both, only) = (Restated::new(2), Restated::new(1));
    let commands: &[&[&str]] = &[
        &[
            "sql",
            "-c",
            "SELECT * FROM control_totals ORDER BY path, currency, column_name",
        ],
        &[
            "metric",
            "run",
            "unit/cost_per_successful_task",
            "--period",
            "2026-09",
        ],
        &["reconcile"],
        &[
            "explain",
            "spend/by_provider",
            "--where",
            "provider=OpenAI",
            "--period",
            "2026-09",
            "--rows",
        ],
        &["lake", "history"],
        &["check", "--tier", "on-request"],
        &["prices", "list"],
        &["fx", "list"],
        &["diff", "--as-of", "2026-09-01", "--to-as-of", BETWEEN],
        &["report", "board", "--period", "2026-09", "--out", "out"],
        &["drill", "run", "gpu-shock-and-surge", "--out", "out"],
    ];
    for command in commands {
        let args = match command[0] {
            "diff" => command.to_vec(),
            _ => [&["--as-of", BETWEEN, "-o", "csv"], *command].concat(),
        };
        let (then, alone) = (run(both.dir.path(), &args), run(only.dir.path(), &args));
        assert_eq!(then, alone, "{command:?}");
        // The drill refuses so short a history, then as now; what it is fed are views, which the next test asks.
        assert!(
            !then.1.is_empty() || ["report", "drill"].contains(&command[0]),
            "{command:?} says nothing"
        );
    }
    for file in ["board.png", "board.html"] {
        let bytes = |month: &Restated| std::fs::read(month.dir.path().join("out").join(file)).unwrap();
        assert!(bytes(&both) == bytes(&only), "{file}");
    }
}

/// The same of every table, view and metric, in one session each.
#[tokio::test]
async fn as_of_every_table_view_and_metric_is_what_it_was() {
    let (both, only) = (Restated::new(2), Restated::new(1));
    let (then, alone) = (both.engine(BETWEEN).await, only.engine(BETWEEN).await);
    let now = both.engine(LATER).await;
    let assets = assets();
    let views: Vec<String> = assets
        .under("views/")
        .map(|asset| asset.name().to_owned())
        .chain(TABLES.iter().map(|table| table.name.to_owned()))
        .collect();
    let mut moved = 0;
    for name in &views {
        let sql = format!("SELECT * FROM {name}");
        let said = async |engine: &Engine| sorted(&engine.query(&sql, &[]).await.unwrap());
        let before = said(&then).await;
        assert_eq!(before, said(&alone).await, "{name}");
        moved += usize::from(before != said(&now).await);
    }
    assert!(
        moved > views.len() / 2,
        "the second delivery hardly changes anything"
    );
    let window = Params::window(
        "2026-09-01T00:00:00Z".parse().unwrap(),
        "2026-10-01T00:00:00Z".parse().unwrap(),
    );
    for metric in Catalog::new(&assets).unwrap().search("") {
        let said = async |engine: &Engine| sorted(&metric::run(engine, metric, &window).await.unwrap().batch);
        assert_eq!(said(&then).await, said(&alone).await, "{}", metric.name);
    }
}

/// The same without the names of files: the old program knew them by another hash, and names charges after them.
fn told(batch: &arrow::array::RecordBatch) -> Vec<String> {
    let hashes = regex::Regex::new("[0-9a-f]{64}|[0-9a-f]{12}:").unwrap();
    let mut lines: Vec<String> = sorted(batch)
        .iter()
        .map(|line| hashes.replace_all(line, "file:").into_owned())
        .collect();
    lines.sort();
    lines
}

pub(crate) fn sorted(batch: &arrow::array::RecordBatch) -> Vec<String> {
    let mut lines: Vec<String> = (0..batch.num_rows())
        .map(|row| {
            let cells = batch
                .columns()
                .iter()
                .map(|column| array_value_to_string(column, row).unwrap());
            cells.collect::<Vec<_>>().join("|")
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn commands_that_write_do_not_take_as_of() {
    let month = Restated::new(1);
    let before = month.rows(&["sql", "-c", "SELECT count(*) FROM ingest_files"]);
    for command in [
        &["ingest", "second"][..],
        &["prices", "import", "second/reference/prices.json"],
        &["fx", "import", "first/reference/fx.csv"],
        &["init"],
        &["demo"],
        &["synth", "--restate", "--out", "elsewhere"],
    ] {
        let (out, talk) = month.says(2, &[&["--as-of", BETWEEN], command].concat());
        assert_eq!(out, "", "{command:?}");
        assert!(
            talk.contains("--as-of asks how things were") && talk.contains("--now"),
            "{command:?}: {talk}"
        );
    }
    assert_eq!(
        month.rows(&["sql", "-c", "SELECT count(*) FROM ingest_files"]),
        before
    );
    assert!(!month.dir.path().join("elsewhere").exists());
}

/// The lake that the program of November 2026 wrote, before there were further columns and a further table.
fn old_lake() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => copy(&entry.path(), &target),
                false => {
                    std::fs::copy(entry.path(), target).unwrap();
                }
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&project("tests/fixtures/lake-2026-11"), dir.path());
    dir
}

#[tokio::test]
async fn an_old_lake_answers_as_a_new_one() {
    let (old, new) = (old_lake(), Restated::new(1));
    let (then, fresh) = (engine(old.path(), None).await, new.engine(LATER).await);
    // The columns that it did not have are there, and nothing is made up for them.
    let sql = "SELECT count(*) AS requests, count(cache_write_1h) AS told, count(service_tier) AS tiers FROM requests";
    assert_eq!(sorted(&then.query(sql, &[]).await.unwrap()), ["5|0|0"]);
    let sql = "SELECT count(*) FROM grid_intensity";
    assert_eq!(sorted(&then.query(sql, &[]).await.unwrap()), ["0"]);
    for name in [
        "ledger",
        "calls",
        "tasks",
        "costs",
        "reconciliation",
        "price_periods",
        "control_totals",
    ] {
        let sql = format!("SELECT * FROM {name}");
        let said = async |engine: &Engine| told(&engine.query(&sql, &[]).await.unwrap());
        assert_eq!(said(&then).await, said(&fresh).await, "{name}");
    }
}

#[tokio::test]
async fn an_old_lake_takes_new_files_and_keeps_its_history() {
    let (old, new) = (old_lake(), Restated::new(2));
    let from = new.dir.path().join("second");
    let target = old.path().join("second");
    std::fs::rename(&from, &target).unwrap();
    let (status, _, talk) = run(old.path(), &["--now", SECOND, "-q", "ingest", "second"]);
    assert_eq!(status, 0, "{talk}");
    let (widened, fresh) = (engine(old.path(), None).await, new.engine(LATER).await);
    for name in ["ledger", "calls", "tasks", "reconciliation"] {
        let sql = format!("SELECT * FROM {name}");
        let said = async |engine: &Engine| told(&engine.query(&sql, &[]).await.unwrap());
        assert_eq!(said(&widened).await, said(&fresh).await, "{name}");
    }
    // And as of then it is still the old lake, whose tables were narrower.
    let (then, alone) = (engine(old.path(), Some(BETWEEN)).await, new.engine(BETWEEN).await);
    let sql = "SELECT * FROM ledger";
    assert_eq!(
        told(&then.query(sql, &[]).await.unwrap()),
        told(&alone.query(sql, &[]).await.unwrap())
    );
    // A delivery that the old program took is known to the new one.
    std::fs::rename(new.dir.path().join("first"), old.path().join("first")).unwrap();
    let (status, _, talk) = run(old.path(), &["--now", LATER, "ingest", "first/gateway"]);
    assert!(status == 0 && talk.contains("already ingested"), "{talk}");
}

/// Lakes are opened with a clock; this one stands.
#[tokio::test]
async fn a_moment_before_the_first_delivery_knows_nothing() {
    let month = Restated::new(1);
    let clock = Arc::new(FixedClock(LATER.parse().unwrap()));
    let lake = Lake::open(month.dir.path().join("lake").to_str().unwrap(), clock)
        .await
        .unwrap();
    for table in TABLES {
        let then = lake
            .snapshot(table, Some("2026-10-02T05:59:59Z".parse().unwrap()))
            .await;
        assert!(then.unwrap().is_none(), "{}", table.name);
    }
}
