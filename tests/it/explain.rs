//! `explain`: every figure ties to the rows it sums, and the rows to the lines of files.

use crate::golden::{engine, place, present};
use crate::support::assets;
use spendscope::base::{money, time};
use spendscope::engine::{Basis, Engine};
use spendscope::metric::{Catalog, Explain, Params, Question, explain, run};

fn params() -> Params {
    let bound = |text| time::parse_bound(text, chrono_tz::UTC).unwrap();
    Params::window(bound("2026-09-01"), bound("2026-10-01"))
}

fn question(at: &[(&str, &str)], column: Option<&str>) -> Question {
    Question {
        params: params(),
        at: at
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        column: column.map(str::to_owned),
    }
}

#[test]
fn every_metric_says_what_it_is_made_of() {
    let catalog = Catalog::new(&assets()).unwrap();
    let silent: Vec<&str> = catalog
        .iter()
        .filter(|metric| metric.header.explain.is_none())
        .map(|metric| metric.name.as_str())
        .collect();
    assert!(
        silent.is_empty(),
        "without [explain] (or explain = \"none: why\"): {silent:?}; src/README.md shows how"
    );
}

/// Every explained column of every row of every metric, as the case has them.
#[tokio::test]
async fn every_figure_of_the_golden_case_ties_to_its_rows() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    let catalog = Catalog::new(&assets()).unwrap();
    let mut wrong = Vec::new();
    let mut tied = 0;
    for metric in catalog.iter() {
        let Some(Explain::From(source)) = &metric.header.explain else {
            continue;
        };
        let frame = run(&engine, metric, &params()).await.unwrap();
        let picking: Vec<&str> = metric
            .header
            .by
            .iter()
            .chain(&metric.header.key)
            .map(String::as_str)
            .collect();
        for row in 0..frame.rows().min(1) {
            let at: Vec<(&str, String)> = picking
                .iter()
                .map(|name| (*name, frame.text(name, row).unwrap().unwrap_or_default()))
                .collect();
            let at: Vec<(&str, &str)> = at.iter().map(|(k, v)| (*k, v.as_str())).collect();
            for column in &metric.header.columns {
                if !source.columns.contains_key(&column.name) {
                    continue;
                }
                let what = format!("{} {} {at:?}", metric.name, column.name);
                match explain(&engine, &assets(), metric, &question(&at, Some(&column.name))).await {
                    Err(e) => wrong.push(format!("{what}: {e}")),
                    Ok(figures) => {
                        for figure in figures {
                            tied += 1;
                            if !figure.ties() {
                                wrong.push(format!("{what}: {:?}", figure.ties));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tied > 60, "{tied}");
}

/// Σ amount × rate of the single rows, in the order of the file, added up here and not by a query.
async fn added_up(engine: &Engine, name: &str, at: &[(&str, &str)]) -> (i128, i128, usize) {
    let catalog = Catalog::new(&assets()).unwrap();
    let figures = explain(engine, &assets(), catalog.get(name).unwrap(), &question(at, None))
        .await
        .unwrap();
    let [figure] = figures.as_slice() else {
        panic!("{} figures", figures.len())
    };
    assert!(figure.ties());
    let value = match figure.ties[0].value {
        spendscope::metric::Value::Exact(value) => value,
        other => panic!("{other:?}"),
    };
    let mut batches = figure.rows().await.unwrap();
    let (mut sum, mut rows) = (0, 0);
    while let Some(batch) = batches.next().await.unwrap() {
        let frame = spendscope::frame::Frame::guess(batch);
        for row in 0..frame.rows() {
            let amount = frame.decimal("amount", row).unwrap().unwrap();
            let rate = frame.decimal("rate", row).unwrap().unwrap();
            assert_eq!(rate, money::ONE, "the figure is in dollars, and so are its rows");
            sum += amount;
            rows += 1;
            let charge = frame.text("charge_file", row).unwrap();
            let request = frame.text("request_file", row).unwrap();
            assert!(charge.is_some() || request.is_some(), "a row without a file");
        }
    }
    (value, sum, rows)
}

#[tokio::test]
async fn the_rows_of_a_figure_add_up_to_it_outside_of_sql() {
    if !present() {
        return;
    }
    let place = place().await;
    let engine = engine(&place, Basis::Effective).await;
    for (name, at) in [
        ("spend/by_scope", vec![("scope", "Cloud"), ("currency", "USD")]),
        ("ledger/unmetered", vec![("currency", "USD")]),
    ] {
        let (value, sum, rows) = added_up(&engine, name, &at).await;
        assert!(rows > 0 && value != 0, "{name}");
        assert_eq!(value, sum, "{name}");
    }
}
