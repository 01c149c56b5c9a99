//! Metrics that are answered from sums say what the single facts say, to the last digit (floating point but for its last
//! ones): under every setting, however they are grouped, over windows of whole days and others.

use crate::alike::rows;
use crate::support::{assets, run as spendscope};
use chrono::{DateTime, Duration, Utc};
use spendscope::base::time;
use spendscope::config::{Config, Overrides};
use spendscope::engine::{Basis, Engine, Settings};
use spendscope::metric::{Catalog, Metric, Params, run, run_over_rows};
use spendscope::store::Lake;

/// The header's own groups, all dimensions at once, and none.
fn groups(metric: &Metric) -> [Option<Vec<String>>; 3] {
    [None, Some(metric.header.dimensions.clone()), Some(Vec::new())]
}

/// A month, a week within it, and a stretch that begins and ends within days.
fn windows(zone: chrono_tz::Tz) -> [(DateTime<Utc>, DateTime<Utc>); 3] {
    let bound = |text: &str| time::parse_bound(text, zone).unwrap();
    let (from, to) = (bound("2026-09-01"), bound("2026-10-01"));
    [
        (from, to),
        (bound("2026-09-07"), bound("2026-09-14")),
        (from + Duration::minutes(605), to - Duration::minutes(1333)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_say_what_single_facts_say() {
    let month = tempfile::tempdir().unwrap();
    let window = ["--from", "2026-09-01", "--to", "2026-10-01"];
    let synth = [
        &["synth", "--out", ".", "--requests", "1500", "--seed", "5"],
        &window[..],
    ]
    .concat();
    for command in [
        &synth[..],
        &["--now", "2026-10-20T00:00:00Z", "-q", "ingest", "."],
    ] {
        let (status, _, talk) = spendscope(month.path(), command);
        assert_eq!(status, 0, "{talk}");
    }
    let config = Config::resolve(&Overrides {
        config: Some(month.path().join("spendscope.toml")),
        now: Some("2026-11-05T00:00:00Z".to_owned()),
        ..Overrides::default()
    })
    .unwrap();
    let plain = Settings {
        kept: None,
        ..config.settings.clone()
    };
    let variations = [
        plain.clone(),
        Settings {
            currency: "EUR".to_owned(),
            zone: chrono_tz::Pacific::Auckland,
            ..plain.clone()
        },
        Settings {
            currency: "native".to_owned(),
            basis: Basis::Billed,
            zone: chrono_tz::America::St_Johns,
            ..plain.clone()
        },
    ];
    let lake = Lake::open(&config.lake_url, config.clock.clone()).await.unwrap();
    let catalog = Catalog::new(&assets()).unwrap();
    let metrics: Vec<&Metric> = catalog.iter().filter(|m| m.header.rows.is_some()).collect();
    assert!(metrics.len() > 10, "{}", metrics.len());
    let (mut compared, mut found) = (0, 0);
    for settings in &variations {
        let engine = Engine::over_lake(&lake, None, &assets(), &config.registry, settings)
            .await
            .unwrap();
        let [month, week, odd] = windows(settings.zone);
        assert!(engine.whole_days(month.0, month.1) && engine.whole_days(week.0, week.1));
        assert!(!engine.whole_days(odd.0, odd.1));
        for metric in &metrics {
            for (from, to) in [month, week, odd] {
                for by in groups(metric) {
                    let what = format!("{} from {from} to {to} by {by:?} {settings:?}", metric.name);
                    let params = Params {
                        by,
                        ..Params::window(from, to)
                    };
                    let sums = run(&engine, metric, &params).await.unwrap();
                    let each = run_over_rows(&engine, metric, &params).await.unwrap();
                    let [sums, each] = [sums, each].map(|frame| rows(&frame.batch));
                    assert_eq!(sums, each, "{what}");
                    compared += 1;
                    found += sums.len();
                }
            }
        }
    }
    assert!(
        compared > 300 && found > 1000,
        "{compared} compared, {found} rows"
    );
}
