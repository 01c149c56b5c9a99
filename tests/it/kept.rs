//! Rows of kept views that stay from one session to the next say what a session without them works out:
//! under every setting, and after the facts or the configuration have changed.

use crate::alike::{Row, sorted_rows};
use crate::history::Restated;
use crate::support::{assets, run as spendscope};
use arrow::util::display::array_value_to_string;
use spendscope::asset::Assets;
use spendscope::base::clock::SystemClock;
use spendscope::base::time;
use spendscope::config::{Config, Overrides};
use spendscope::engine::{Basis, Engine, KeptFolder, Registry, Settings};
use spendscope::store::Lake;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const QUESTIONS: [&str; 4] = [
    "SELECT * FROM ledger",
    "SELECT * FROM calls",
    "SELECT * FROM tasks",
    "SELECT * FROM variance_lanes",
];

fn config(folder: &Path, now: &str) -> Config {
    Config::resolve(&Overrides {
        config: Some(folder.join("spendscope.toml")),
        now: Some(now.to_owned()),
        ..Overrides::default()
    })
    .unwrap()
}

async fn engine(config: &Config, settings: &Settings) -> Engine {
    let lake = Lake::open(&config.lake_url, config.clock.clone()).await.unwrap();
    Engine::over_lake(&lake, config.as_of, &assets(), &config.registry, settings)
        .await
        .unwrap()
}

/// All rows of all questions, in order.
async fn answers(config: &Config, settings: &Settings) -> Vec<Vec<Row>> {
    let engine = engine(config, settings).await;
    let mut said = Vec::new();
    for question in QUESTIONS {
        let rows = engine.query(question, &[]).await.unwrap();
        assert!(rows.num_rows() > 0, "{question}");
        said.push(sorted_rows(&rows));
    }
    said
}

fn entries(store: &Path) -> BTreeSet<String> {
    let all = std::fs::read_dir(store).unwrap();
    all.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Settings that change what the views say, one at a time.
fn variations(plain: &Settings) -> Vec<Settings> {
    let changed = |change: fn(&mut Settings)| {
        let mut settings = plain.clone();
        change(&mut settings);
        settings
    };
    vec![
        plain.clone(),
        changed(|s| s.basis = Basis::List),
        changed(|s| s.currency = "EUR".to_owned()),
        changed(|s| s.currency = "native".to_owned()),
        changed(|s| s.zone = chrono_tz::Pacific::Auckland),
        changed(|s| s.zone = chrono_tz::America::Los_Angeles),
        changed(|s| s.now -= chrono::Duration::days(40)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_rows_say_what_is_worked_out_anew() {
    let month = Restated::new(1);
    let store = month.dir.path().join("store");
    let keeping = |settings: &Settings| Settings {
        kept: Some(KeptFolder {
            path: store.clone(),
            program: "this one".to_owned(),
            worth: Duration::ZERO,
            months_from: u64::MAX,
        }),
        ..settings.clone()
    };
    let anew = |settings: &Settings| Settings {
        kept: None,
        ..settings.clone()
    };
    let config_then = config(month.dir.path(), "2026-11-05T00:00:00Z");
    let mut distinct: Vec<Vec<Vec<Row>>> = Vec::new();
    for settings in variations(&config_then.settings) {
        let expected = answers(&config_then, &anew(&settings)).await;
        assert_eq!(answers(&config_then, &keeping(&settings)).await, expected);
        let written = entries(&store);
        assert!(
            written.iter().any(|name| name.starts_with("calls-")),
            "{written:?}"
        );
        // Asked again, everything is found.
        assert_eq!(answers(&config_then, &keeping(&settings)).await, expected);
        assert_eq!(entries(&store), written);
        if !distinct.contains(&expected) {
            distinct.push(expected);
        }
    }
    assert!(distinct.len() >= 4, "the variations vary: {}", distinct.len());

    // More facts.
    let before = answers(&config_then, &keeping(&config_then.settings)).await;
    month.says(0, &["--now", "2026-11-02T06:00:00Z", "-q", "ingest", "second"]);
    let after = answers(&config_then, &keeping(&config_then.settings)).await;
    assert_ne!(after, before);
    assert_eq!(after, answers(&config_then, &anew(&config_then.settings)).await);

    // Another configuration.
    let file = month.dir.path().join("spendscope.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let renamed = text.replacen("[use_cases.", "[use_cases.other-", 1);
    assert_ne!(text, renamed);
    std::fs::write(&file, renamed).unwrap();
    let config_now = config(month.dir.path(), "2026-11-05T00:00:00Z");
    let changed = answers(&config_now, &keeping(&config_now.settings)).await;
    assert_eq!(changed, answers(&config_now, &anew(&config_now.settings)).await);
    assert_ne!(changed, after);
}

#[test]
fn rows_that_took_long_stay_beside_the_lake_and_may_be_removed() {
    let month = Restated::new(2);
    let ask = [
        "--now",
        "2026-11-05T00:00:00Z",
        "-o",
        "csv",
        "metric",
        "run",
        "unit/cost_per_successful_task",
    ];
    let (first, _) = month.says(0, &ask);
    let (again, _) = month.says(0, &ask);
    assert_eq!(first, again);
    let kept = month.dir.path().join("lake/.kept");
    if kept.exists() {
        std::fs::remove_dir_all(&kept).unwrap();
    }
    assert_eq!(month.says(0, &ask).0, first);
}

/// A view over the clock, and one over that view: both are worked out anew at another time, while what
/// does not ask for the time is recalled.
#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_the_time_is_not_recalled() {
    let dir = tempfile::tempdir().unwrap();
    let views = dir.path().join("queries/views");
    std::fs::create_dir_all(&views).unwrap();
    for (name, sql) in [
        ("moment", "SELECT now_utc() AS moment"),
        ("moments", "SELECT moment FROM moment"),
        ("always", "SELECT 1 AS one, CAST(2.5 AS DECIMAL(38, 18)) AS two"),
    ] {
        let text = format!("/* kept: to be recalled */\n{sql}");
        std::fs::write(views.join(format!("{name}.sql")), text).unwrap();
    }
    let assets = Assets::overlay(&dir.path().join("queries")).unwrap();
    let store = dir.path().join("store");
    let lake = dir.path().join("lake");
    let lake = Lake::open(lake.to_str().unwrap(), Arc::new(SystemClock))
        .await
        .unwrap();
    let mut seen = BTreeSet::new();
    for day in ["2026-09-01", "2026-09-02", "2026-09-02"] {
        let settings = Settings {
            kept: Some(KeptFolder {
                path: store.clone(),
                program: "this one".to_owned(),
                worth: Duration::ZERO,
                months_from: u64::MAX,
            }),
            ..Settings::new(time::parse_bound(day, chrono_tz::UTC).unwrap())
        };
        let engine = Engine::over_lake(&lake, None, &assets, &Registry::default(), &settings)
            .await
            .unwrap();
        let sql = "SELECT concat(CAST(moment AS VARCHAR), ' ', CAST(one AS VARCHAR), ' ', CAST(two AS VARCHAR)) FROM moments CROSS JOIN always";
        let rows = engine.query(sql, &[]).await.unwrap();
        let said = array_value_to_string(rows.column(0), 0).unwrap();
        assert!(said.contains(day), "{said}");
        seen.insert(said);
    }
    assert_eq!(seen.len(), 2);
    let recalled = entries(&store);
    assert_eq!(
        recalled.iter().filter(|name| name.starts_with("always@")).count(),
        1,
        "{recalled:?}"
    );
    assert!(
        !recalled
            .iter()
            .any(|name| name.starts_with("moment") && name.contains('@'))
    );
}

/// Every row of every view that is worked out month by month, and of some that read them.
async fn monthly_answers(config: &Config, settings: &Settings) -> Vec<(String, Vec<Row>)> {
    let assets = assets();
    let engine = engine(config, settings).await;
    let monthly = assets
        .under("views/")
        .filter(|view| view.text.contains("\nmonths: "))
        .map(|view| view.name().to_owned());
    let others = [
        "tasks",
        "spend_leaves",
        "spend_leaf_days",
        "spend_days",
        "variance_lanes",
    ]
    .map(str::to_owned);
    let mut said = Vec::new();
    for view in monthly.chain(others) {
        let rows = engine.query(&format!("SELECT * FROM {view}"), &[]).await.unwrap();
        assert!(rows.num_rows() > 0, "{view}");
        said.push((view, sorted_rows(&rows)));
    }
    said
}

/// Months and files that cannot have a row are not read: these ask for few rows, by columns that say so and by others.
const NARROW: [&str; 7] = [
    "unit_cost_days WHERE drawn IS NOT NULL",
    "unit_cost_days WHERE placed_at IS NULL AND task_started_at >= TIMESTAMP '2026-09-02T00:00:00Z'",
    "unit_cost_days WHERE task_started_at < TIMESTAMP '2026-07-09T00:00:00Z' OR model IS NOT NULL",
    "leaf_class_days WHERE day >= DATE '2026-08-28' AND day < DATE '2026-09-03'",
    "charge_item_days WHERE day = DATE '2026-08-31' AND pool IS NULL",
    "unit_leaf_days WHERE placed_at >= TIMESTAMP '2026-09-20T00:00:00Z' OR task_started_at >= TIMESTAMP '2026-09-20T00:00:00Z'",
    "ledger WHERE charge_moment(period_start, period_end) >= TIMESTAMP '2026-09-01T00:00:00Z'",
];

async fn narrow_answers(config: &Config, settings: &Settings) -> Vec<String> {
    let engine = engine(config, settings).await;
    let mut said = Vec::new();
    for question in NARROW {
        let rows = engine
            .query(&format!("SELECT count(*) FROM {question}"), &[])
            .await
            .unwrap();
        let count = array_value_to_string(rows.column(0), 0).unwrap();
        assert_ne!(count, "0", "{question}");
        said.push(format!("{count} {question}"));
    }
    said
}

/// The first rows that differ, so that a failure can be read.
fn assert_same(cut: &[(String, Vec<Row>)], whole: &[(String, Vec<Row>)], what: &str) {
    assert_eq!(cut.len(), whole.len(), "{what}");
    assert_eq!(cut.len(), whole.len(), "{what}: views");
    for ((view, cut), (_, whole)) in cut.iter().zip(whole) {
        let differ = cut.iter().zip(whole).find(|(a, b)| a != b);
        assert!(
            differ.is_none(),
            "{what}, {view}: by months, and as a whole:\n{differ:#?}"
        );
        assert_eq!(cut.len(), whole.len(), "{what}, {view}");
    }
}

/// Gives tasks that begin in one month attempts in the next: at each turn of a month, and once over thirty days.
/// The last lines are put aside, to arrive later. Names a task of the first month, and one of these lines.
fn tie_months_together(logs: &Path, later: &Path) -> (String, String) {
    let mut files: Vec<_> = std::fs::read_dir(logs)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort_unstable();
    assert_eq!(files.len(), 3, "{files:?}");
    let mut months: Vec<Vec<String>> = Vec::new();
    for file in &files {
        let mut text = String::new();
        let mut packed = flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap());
        std::io::Read::read_to_string(&mut packed, &mut text).unwrap();
        months.push(text.lines().map(str::to_owned).collect());
    }
    let session = |line: &str| {
        let from = line.find("\"session_id\":\"").unwrap();
        line[from..].split('"').nth(3).unwrap().to_owned()
    };
    let tie = |months: &mut Vec<Vec<String>>, (month, at): (usize, usize), (next, then): (usize, usize)| {
        let name = session(&months[month][at]);
        let old = session(&months[next][then]);
        months[next][then] = months[next][then].replace(&old, &name);
    };
    for month in 0..2 {
        let last = months[month].len() - 1;
        tie(&mut months, (month, last), (month + 1, 0));
    }
    let (july, august) = (months[0].len() / 2, months[1].len() / 2);
    tie(&mut months, (0, july), (1, august));
    let keep = months[2].len() - 9;
    let late = months[2].split_off(keep);
    let named = (session(&months[0][0]), session(&late[0]));
    for (file, lines) in files.iter().zip(months) {
        std::fs::write(file.with_extension(""), lines.join("\n") + "\n").unwrap();
        std::fs::remove_file(file).unwrap();
    }
    std::fs::create_dir_all(later).unwrap();
    std::fs::write(later.join("spend-2026-09-late.jsonl"), late.join("\n") + "\n").unwrap();
    named
}

fn label(folder: &Path, task: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let label =
        format!("task_id,success,value,variant,recorded_at\n{task},true,1234.5,late,2026-10-02T00:00:00Z\n");
    std::fs::write(folder.join("late.csv"), label).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn months_say_what_the_whole_says_and_a_new_day_costs_its_month() {
    let dir = tempfile::tempdir().unwrap();
    let says = |args: &[&str]| {
        let (code, _, talk) = spendscope(dir.path(), args);
        assert_eq!(code, 0, "{talk}");
    };
    says(&["synth", "--out", ".", "--requests", "1200", "--seed", "3"]);
    let more = dir.path().join("more");
    let logs = dir.path().join("gateway/litellm");
    let (old_task, late_task) = tie_months_together(&logs, &more.join("gateway/litellm"));
    label(&more.join("outcomes"), &late_task);
    let (all, late) = (dir.path().join("all"), "more");
    std::fs::create_dir(&all).unwrap();
    for folder in ["billing", "gateway", "gpu", "outcomes", "reference"] {
        std::fs::rename(dir.path().join(folder), all.join(folder)).unwrap();
    }
    says(&["--now", "2026-10-03T06:00:00Z", "-q", "ingest", "all"]);
    let store = dir.path().join("store");
    let config = config(dir.path(), "2026-10-05T00:00:00Z");
    let with = |settings: &Settings, months_from: u64, program: &str| Settings {
        kept: Some(KeptFolder {
            path: store.clone(),
            program: program.to_owned(),
            worth: Duration::ZERO,
            months_from,
        }),
        ..settings.clone()
    };
    let anew = |settings: &Settings| Settings {
        kept: None,
        ..settings.clone()
    };
    // As it is, in the currency of each bill, and in zones whose months begin earlier and later.
    for settings in [0, 3, 4, 5].map(|at| variations(&config.settings).swap_remove(at)) {
        let whole = monthly_answers(&config, &anew(&settings)).await;
        let cut = monthly_answers(&config, &with(&settings, 0, "one")).await;
        assert_same(&cut, &whole, "at first");
        let found = monthly_answers(&config, &with(&settings, 0, "one")).await;
        assert_same(&found, &whole, "found");
        assert_eq!(
            narrow_answers(&config, &with(&settings, 0, "one")).await,
            narrow_answers(&config, &anew(&settings)).await
        );
    }
    let before = entries(&store);
    let of = |entries: &BTreeSet<String>, view: &str| -> BTreeSet<String> {
        let these = entries
            .iter()
            .filter(|name| name.starts_with(view) && !name.contains('@'));
        these.cloned().collect()
    };
    for month in ["2026-07", "2026-08", "2026-09"] {
        for view in [
            "calls",
            "leaf_model_api",
            "gpu_leaves",
            "unit_cost_days",
            "task_costs",
            "task_facts",
            "unit_task_days",
        ] {
            assert!(
                !of(&before, &format!("{view}.{month}-")).is_empty(),
                "{view} {month}: {before:?}"
            );
        }
    }
    says(&["--now", "2026-10-04T06:00:00Z", "-q", "ingest", late]);
    let whole = monthly_answers(&config, &anew(&config.settings)).await;
    let cut = monthly_answers(&config, &with(&config.settings, 0, "one")).await;
    assert_same(&cut, &whole, "after a day");
    let after = entries(&store);
    for view in [
        "calls",
        "leaf_model_api",
        "unit_cost_days",
        "task_costs",
        "task_facts",
        "unit_task_days",
    ] {
        let (old, new) = (format!("{view}.2026-07-"), format!("{view}.2026-09-"));
        assert_eq!(of(&before, &old), of(&after, &old), "{view}");
        assert_ne!(of(&before, &new), of(&after, &new), "{view}");
    }
    // Tasks that go on in September cost more now, those of the last days; nothing else of August has changed.
    for view in [
        "calls",
        "leaf_model_api",
        "unit_cost_days",
        "query_part_days",
        "leaf_sums",
    ] {
        let old = format!("{view}.2026-08-");
        assert_eq!(of(&before, &old), of(&after, &old), "{view}");
    }
    for view in ["task_costs", "task_facts", "unit_task_days"] {
        let (days, last) = (format!("{view}.2026-08-before-"), format!("{view}.2026-08-from-"));
        assert!(!of(&before, &days).is_empty(), "{view}: {before:?}");
        assert_eq!(of(&before, &days), of(&after, &days), "{view}");
        assert_ne!(of(&before, &last), of(&after, &last), "{view}");
    }
    // A label costs the month of its task, however late it comes.
    label(&dir.path().join("labels/outcomes"), &old_task);
    says(&["--now", "2026-10-04T07:00:00Z", "-q", "ingest", "labels"]);
    let unlabelled = whole;
    let whole = monthly_answers(&config, &anew(&config.settings)).await;
    let cut = monthly_answers(&config, &with(&config.settings, 0, "one")).await;
    assert_same(&cut, &whole, "after a label");
    assert!(whole.iter().zip(&unlabelled).any(|(now, then)| now != then));
    let labelled = entries(&store);
    for view in ["task_facts", "unit_task_days"] {
        let (old, new) = (format!("{view}.2026-07-"), format!("{view}.2026-09-"));
        assert_ne!(of(&labelled, &old), of(&after, &old), "{view}");
        assert_eq!(of(&labelled, &new), of(&after, &new), "{view}");
    }
    for view in ["calls", "task_costs"] {
        assert_eq!(of(&labelled, view), of(&after, view), "{view}");
    }
    let after = labelled;
    // A month that is not there is planned when somebody reads it, and not before.
    let august = |entry: &String| entry.contains(".2026-08-") || entry.contains(".2026-08@");
    for entry in after.iter().filter(|entry| august(entry)) {
        let place = store.join(entry);
        match place.is_dir() {
            true => std::fs::remove_dir_all(place).unwrap(),
            false => std::fs::remove_file(place).unwrap(),
        }
    }
    let lake = Lake::open(&config.lake_url, config.clock.clone()).await.unwrap();
    let settings = with(&config.settings, 0, "one");
    let engine = Engine::over_lake(&lake, None, &assets(), &config.registry, &settings)
        .await
        .unwrap();
    let count = async |condition: &str| {
        let sql = format!("SELECT count(*) FROM leaf_sums WHERE period_start {condition}");
        let rows = engine.query(&sql, &[]).await.unwrap();
        array_value_to_string(rows.column(0), 0)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert!(count(">= TIMESTAMP '2026-09-10'").await > 0);
    assert!(!entries(&store).iter().any(august), "{:?}", entries(&store));
    assert!(count("< TIMESTAMP '2026-08-20'").await > 0);
    assert!(entries(&store).iter().any(august));
    let again = monthly_answers(&config, &settings).await;
    assert_same(&again, &whole, "after a month was removed");
}
