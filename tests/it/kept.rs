//! Rows of kept views that stay from one session to the next say what a session without them works out:
//! under every setting, and after the facts or the configuration have changed.

use crate::history::Restated;
use crate::support::assets;
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

/// All rows of all questions, in words and in order.
async fn answers(config: &Config, settings: &Settings) -> Vec<String> {
    let lake = Lake::open(&config.lake_url, config.clock.clone()).await.unwrap();
    let engine = Engine::over_lake(&lake, config.as_of, &assets(), &config.registry, settings)
        .await
        .unwrap();
    let mut lines = Vec::new();
    for question in QUESTIONS {
        let rows = engine.query(question, &[]).await.unwrap();
        assert!(rows.num_rows() > 0, "{question}");
        for row in 0..rows.num_rows() {
            let cells = rows
                .columns()
                .iter()
                .map(|c| array_value_to_string(c, row).unwrap());
            lines.push(format!("{question}: {}", cells.collect::<Vec<_>>().join(" | ")));
        }
    }
    lines.sort_unstable();
    lines
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
        }),
        ..settings.clone()
    };
    let anew = |settings: &Settings| Settings {
        kept: None,
        ..settings.clone()
    };
    let config_then = config(month.dir.path(), "2026-11-05T00:00:00Z");
    let mut distinct = BTreeSet::new();
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
        distinct.insert(expected);
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
