//! The stores of facts, from rows as decoding gives them. Whole files are ingested in `tests/it`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::delivery::{Delivery, FileFacts};
use super::intake::Intake;
use super::testing::{outcome, outcomes, request, requests, sample, samples, table};
use super::*;
use crate::base::clock::FixedClock;
use arrow::array::RecordBatch;
use serde_json::{Value, json};
use std::sync::Arc;

async fn lake() -> Lake {
    Lake::open(
        "memory:///lake",
        Arc::new(FixedClock("2026-11-01T00:00:00Z".parse().unwrap())),
    )
    .await
    .unwrap()
}

fn delivery(name: &str, files: Vec<(&str, RecordBatch)>) -> Given {
    Given {
        table: table(name),
        source: "gw".into(),
        files: files
            .into_iter()
            .map(|(hash, rows)| (hash.to_owned(), rows))
            .collect(),
    }
}

/// Rows of files as if they had just been read.
struct Given {
    table: &'static crate::schema::TableSchema,
    source: String,
    files: Vec<(String, RecordBatch)>,
}

async fn put(lake: &Lake, given: &Given) -> Stored {
    let mut intake = Intake::new(lake, given.table, "id", &Options::default()).unwrap();
    let facts = |(hash, rows): &(String, RecordBatch)| {
        intake.take(rows.clone()).unwrap();
        FileFacts {
            delivery_id: hash.clone(),
            path: hash.clone(),
            bytes: 1,
            hash: hash.clone(),
            format: "test".into(),
            export: None,
            rows_out: rows.num_rows() as u64,
            bill: bill::Measured::default(),
            rows_in: rows.num_rows() as u64,
            rejects: Vec::new(),
            totals: Vec::new(),
            cut_off: false,
            notes: Vec::new(),
        }
    };
    let files = given.files.iter().map(facts).collect();
    let delivery = Delivery {
        id: "id".into(),
        table: given.table,
        source: given.source.clone(),
        files,
        rows: intake.finish().await.unwrap(),
        again: None,
    };
    store(lake, &delivery, &Options::default(), &mut ())
        .await
        .unwrap()
}

/// What a table says, without provenance, in no particular order.
async fn contents(lake: &Lake, name: &str) -> Vec<String> {
    let Some(snapshot) = lake.snapshot(table(name), None).await.unwrap() else {
        return Vec::new();
    };
    let mut all: Vec<String> = Vec::new();
    for batch in snapshot.read(&[], &[]).await.unwrap() {
        all.extend((0..batch.num_rows()).map(|row| row::canonical(&batch, row)));
    }
    all.sort();
    all
}

fn fates(stored: &Stored) -> Vec<(u64, u64)> {
    match stored {
        Stored::Committed(fates) | Stored::Present(fates) => {
            fates.iter().map(|f| (f.kept, f.known)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn unequal_copies_of_a_request_have_one_winner_in_any_order() {
    let files = [
        (
            "f1",
            requests(&[
                request("a", "2026-10-01T23:59:59Z", 5, "success", "f1"),
                request("b", "2026-10-01T10:00:00Z", 1, "success", "f1"),
            ]),
        ),
        // More tokens, and on the next day: the copy of the day before goes.
        (
            "f2",
            requests(&[
                request("a", "2026-10-02T00:00:00Z", 7, "failure", "f2"),
                request("c", "2026-10-02T10:00:00Z", 1, "success", "f2"),
            ]),
        ),
        // As many tokens, and a text that sorts later.
        (
            "f3",
            requests(&[
                request("a", "2026-10-02T00:00:00Z", 7, "success", "f3"),
                request("b", "2026-10-01T10:00:00Z", 1, "success", "f3"),
            ]),
        ),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let lake = lake().await;
        for at in order {
            put(&lake, &delivery("requests", vec![files[at].clone()])).await;
        }
        seen.push(contents(&lake, "requests").await);
        let again = put(&lake, &delivery("requests", files.to_vec())).await;
        assert!(matches!(again, Stored::Present(_)));
        assert_eq!(contents(&lake, "requests").await, seen[0]);
    }
    let together = lake().await;
    let stored = put(&together, &delivery("requests", files.to_vec())).await;
    assert_eq!(fates(&stored), [(1, 1), (1, 1), (1, 1)]);
    seen.push(contents(&together, "requests").await);
    assert_eq!(seen[0].len(), 3);
    assert!(
        seen[0][2].contains(r#""output":7"#) && seen[0].iter().all(|r| !r.contains("failure")),
        "{:?}",
        seen[0]
    );
    assert!(seen.iter().all(|s| s == &seen[0]));
}

#[tokio::test]
async fn rows_of_an_interrupted_run_are_still_this_files() {
    let lake = lake().await;
    let one = delivery(
        "requests",
        vec![(
            "f1",
            requests(&[request("a", "2026-10-01T00:00:00Z", 5, "success", "f1")]),
        )],
    );
    assert_eq!(fates(&put(&lake, &one).await), [(1, 0)]);
    assert_eq!(fates(&put(&lake, &one).await), [(1, 0)]);
    let copy = delivery(
        "requests",
        vec![(
            "f2",
            requests(&[request("a", "2026-10-01T00:00:00Z", 5, "success", "f2")]),
        )],
    );
    assert_eq!(fates(&put(&lake, &copy).await), [(0, 1)]);
}

#[tokio::test]
async fn labels_are_kept_once_and_corrections_beside_them() {
    let lake = lake().await;
    let first = outcomes(&[
        outcome("t", false, "2026-10-01T00:00:00Z", "f1"),
        outcome("u", true, "2026-10-01T00:00:00Z", "f1"),
    ]);
    let second = outcomes(&[
        outcome("t", true, "2026-10-02T00:00:00Z", "f2"),
        outcome("u", true, "2026-10-01T00:00:00Z", "f2"),
    ]);
    put(&lake, &delivery("outcomes", vec![("f1", first.clone())])).await;
    assert_eq!(
        fates(&put(&lake, &delivery("outcomes", vec![("f2", second.clone())])).await),
        [(1, 1)]
    );
    // The same label with another verdict: true sorts after false, whichever comes first.
    let contradiction = outcomes(&[outcome("t", true, "2026-10-01T00:00:00Z", "f3")]);
    put(&lake, &delivery("outcomes", vec![("f3", contradiction.clone())])).await;
    let forward = contents(&lake, "outcomes").await;
    assert_eq!(forward.len(), 3);
    assert!(forward.iter().all(|r| r.contains(r#""success":true"#)));
    let other = self::lake().await;
    for (hash, rows) in [("f3", contradiction), ("f2", second), ("f1", first)] {
        put(&other, &delivery("outcomes", vec![(hash, rows)])).await;
    }
    assert_eq!(contents(&other, "outcomes").await, forward);
}

#[tokio::test]
async fn metrics_of_one_moment_that_arrive_apart_are_one_row() {
    let at = "2026-10-01T00:00:00Z";
    let files = [
        (
            "f1",
            samples(&[
                sample(
                    "g",
                    at,
                    &[
                        ("sm_active", json!(0.25)),
                        ("owner", json!("pod-a")),
                        ("namespace", json!("z")),
                    ],
                    "f1",
                ),
                sample("h", "2026-10-02T00:00:00Z", &[], "f1"),
            ]),
        ),
        (
            "f2",
            samples(&[sample(
                "g",
                at,
                &[("power_w", json!(300.0)), ("sm_active", json!(0.5))],
                "f2",
            )]),
        ),
        (
            "f3",
            samples(&[sample(
                "g",
                at,
                &[("owner", json!("pod-b")), ("namespace", json!("a"))],
                "f3",
            )]),
        ),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let lake = lake().await;
        for at in order {
            put(&lake, &delivery("gpu_samples", vec![files[at].clone()])).await;
        }
        seen.push(contents(&lake, "gpu_samples").await);
    }
    let together = lake().await;
    put(&together, &delivery("gpu_samples", files.to_vec())).await;
    assert!(matches!(
        put(&together, &delivery("gpu_samples", vec![files[1].clone()])).await,
        Stored::Present(_)
    ));
    seen.push(contents(&together, "gpu_samples").await);
    assert_eq!(seen[0].len(), 2);
    let row = &seen[0][0];
    assert!(
        row.contains(r#""namespace":"a""#) && row.contains(r#""owner":"pod-b""#),
        "{row}"
    );
    assert!(
        row.contains(r#""sm_active":0.5"#) && row.contains(r#""power_w":300.0"#),
        "{row}"
    );
    // Who shares a device is remembered, whichever file named them.
    assert!(row.contains(r#""owners":{"a/pod-b":"","z/pod-a":""}"#), "{row}");
    assert!(seen.iter().all(|s| s == &seen[0]));
}

#[tokio::test]
async fn owners_of_one_moment_meet_in_any_order() {
    let at = "2026-10-01T00:00:00Z";
    let file = |hash: &'static str, extra: &[(&str, Value)]| (hash, samples(&[sample("g", at, extra, hash)]));
    let files = [
        file("f1", &[("owner", json!("a")), ("namespace", json!("n"))]),
        file(
            "f2",
            &[
                ("owner", json!("b")),
                ("owners", json!({"n/a": "0.25", "/b": ""})),
            ],
        ),
        file(
            "f3",
            &[
                ("owner", json!("a")),
                ("namespace", json!("n")),
                ("owners", json!({"n/a": "0.5"})),
            ],
        ),
        file("f4", &[("power_w", json!(1.0))]),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let lake = lake().await;
        for at in order {
            put(&lake, &delivery("gpu_samples", vec![files[at].clone()])).await;
        }
        assert!(matches!(
            put(&lake, &delivery("gpu_samples", vec![files[order[1]].clone()])).await,
            Stored::Present(_)
        ));
        seen.push(contents(&lake, "gpu_samples").await);
    }
    assert_eq!(seen[0].len(), 1);
    assert!(
        seen[0][0].contains(r#""owners":{"/b":"","n/a":"0.5"}"#),
        "{}",
        seen[0][0]
    );
    assert!(seen[0][0].contains(r#""owner":"b""#), "{}", seen[0][0]);
    assert!(seen.iter().all(|s| s == &seen[0]));
}

#[tokio::test]
async fn a_list_replaces_its_source_and_no_other() {
    let lake = lake().await;
    let rates = |source: &str, rate: &str, file: &str| {
        rows_of(
            table("fx_rates"),
            &[json!({"source": source, "day": "2026-10-01", "from": "EUR", "to": "USD", "rate": rate, "derived": false, "file_hash": file})],
        )
        .unwrap()
    };
    let list = |source: &str, rate: &str, file: &'static str| {
        let mut all = delivery("fx_rates", vec![(file, rates(source, rate, file))]);
        all.source = source.to_owned();
        all
    };
    for (source, rate, file, held) in [
        ("ecb", "1.1", "f1", 1),
        ("own", "1.2", "f2", 2),
        ("ecb", "1.3", "f3", 2),
        ("ecb", "1.1", "f1", 2),
    ] {
        assert!(matches!(
            put(&lake, &list(source, rate, file)).await,
            Stored::Committed(_)
        ));
        assert_eq!(contents(&lake, "fx_rates").await.len(), held);
    }
    assert!(matches!(
        put(&lake, &list("ecb", "1.1", "f1")).await,
        Stored::Present(_)
    ));
    assert!(contents(&lake, "fx_rates").await[0].contains("1.1"));
}
