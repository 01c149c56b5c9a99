#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::base::clock::FixedClock;
use arrow::array::{AsArray, Int64Array};
use arrow::json::ReaderBuilder;
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use serde_json::{Value, json};

fn table(name: &str) -> &'static TableSchema {
    TableSchema::named(name).unwrap()
}

fn rows(table: &TableSchema, rows: &[Value]) -> RecordBatch {
    let mut decoder = ReaderBuilder::new(table.arrow()).build_decoder().unwrap();
    decoder.serialize(rows).unwrap();
    decoder.flush().unwrap().unwrap()
}

fn reject(delivery: &str, line: i64, month: &str) -> Value {
    json!({
        "delivery_id": delivery, "file_hash": "f", "path": "p", "source": "s", "format": "focus",
        "table_name": "charges", "line": line, "column_name": "c", "reason": "r",
        "rejected_at": "2026-10-05T12:00:00.123456Z", "month": month,
    })
}

fn rejects(delivery: &str, lines: std::ops::Range<i64>, month: &str) -> RecordBatch {
    rows(
        table("rejects"),
        &lines
            .map(|line| reject(delivery, line, month))
            .collect::<Vec<_>>(),
    )
}

fn clock(text: &str) -> Arc<dyn Clock> {
    Arc::new(FixedClock(text.parse().unwrap()))
}

fn add(batch: RecordBatch, replace: Replace) -> Change {
    Change {
        add: vec![batch],
        replace,
        txn: "test".into(),
    }
}

async fn at(dir: &std::path::Path, moment: &str) -> Lake {
    Lake::open(dir.to_str().unwrap(), clock(moment)).await.unwrap()
}

async fn lines(snapshot: &Snapshot) -> Vec<i64> {
    let mut all: Vec<i64> = snapshot
        .read(&["line"], &[])
        .await
        .unwrap()
        .iter()
        .flat_map(|b| {
            b.column(0)
                .as_primitive::<arrow::datatypes::Int64Type>()
                .values()
                .to_vec()
        })
        .collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_month_is_replaced_and_the_old_one_is_still_known() {
    let dir = tempfile::tempdir().unwrap();
    let rejects_table = table("rejects");
    let first = at(dir.path(), "2026-10-05T12:00:00Z").await;
    assert!(
        first.snapshot(rejects_table, None).await.unwrap().is_none(),
        "opening creates nothing"
    );
    let done = first
        .commit(
            rejects_table,
            add(rejects("a", 0..3, "2026-09"), Replace::Nothing),
        )
        .await
        .unwrap();
    assert_eq!(
        done,
        Committed {
            version: 0,
            rows_added: 3,
            files_added: 1,
            files_removed: 0
        }
    );
    first
        .commit(
            rejects_table,
            add(rejects("a", 10..12, "2026-10"), Replace::Nothing),
        )
        .await
        .unwrap();

    let later = at(dir.path(), "2026-11-05T12:00:00Z").await;
    let replace = Replace::Partitions(vec![vec!["2026-09".into()]]);
    let done = later
        .commit(rejects_table, add(rejects("b", 5..6, "2026-09"), replace))
        .await
        .unwrap();
    assert_eq!((done.version, done.files_removed), (2, 1));

    let now = later.snapshot(rejects_table, None).await.unwrap().unwrap();
    assert_eq!(lines(&now).await, [5, 10, 11]);
    assert_eq!((now.rows(), now.version()), (3, 2));
    let then = later
        .snapshot(rejects_table, Some("2026-10-31T00:00:00Z".parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lines(&then).await, [0, 1, 2, 10, 11]);
    let before = later
        .snapshot(rejects_table, Some("2026-10-01T00:00:00Z".parse().unwrap()))
        .await
        .unwrap();
    assert!(before.is_none());
    let history = later.history(rejects_table).await.unwrap();
    assert_eq!(
        history.iter().map(|v| v.rows_added).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert_eq!(
        history[2].at,
        "2026-11-05T12:00:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(history[2].change.as_deref(), Some("test"));
}

#[tokio::test]
async fn the_plan_is_plain_parquet_pruned_by_partition_and_statistics() {
    let dir = tempfile::tempdir().unwrap();
    let lake = at(dir.path(), "2026-10-05T12:00:00Z").await;
    let rejects_table = table("rejects");
    lake.commit(
        rejects_table,
        add(rejects("a", 0..3, "2026-09"), Replace::Nothing),
    )
    .await
    .unwrap();
    lake.commit(
        rejects_table,
        add(rejects("b", 100..103, "2026-10"), Replace::Nothing),
    )
    .await
    .unwrap();
    let snapshot = lake.snapshot(rejects_table, None).await.unwrap().unwrap();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    context
        .register_table("rejects", snapshot.table_provider())
        .unwrap();
    assert_eq!(
        context.table("rejects").await.unwrap().schema().as_arrow(),
        rejects_table.arrow().as_ref()
    );

    for (filter, files, expected) in [
        ("month = '2026-10'", 1, 3),
        ("line >= 101", 1, 2),
        ("line < 2 and month = '2026-10'", 0, 0),
        ("rejected_at < '2026-10-05T12:00:00.123457Z'", 2, 6),
        ("rejected_at < '2026-10-05T12:00:00Z'", 0, 0),
        ("source = 'other'", 0, 0),
    ] {
        let frame = context
            .sql(&format!("select month, line, path from rejects where {filter}"))
            .await
            .unwrap();
        let plan = frame.clone().create_physical_plan().await.unwrap();
        let text = datafusion::physical_plan::displayable(plan.as_ref())
            .indent(false)
            .to_string();
        assert_eq!(text.matches(".parquet").count(), files, "{filter}: {text}");
        assert_eq!(frame.count().await.unwrap(), expected, "{filter}");
    }
    let counted = context
        .sql("select count(*), max(line), min(month) from rejects")
        .await
        .unwrap();
    let batch = counted.collect().await.unwrap().remove(0);
    assert_eq!(batch.column(0).as_ref(), &Int64Array::from(vec![6]));
    assert_eq!(batch.column(1).as_ref(), &Int64Array::from(vec![102]));
    assert_eq!(batch.column(2).as_string::<i32>().value(0), "2026-09");
    let limited = context.sql("select * from rejects limit 2").await.unwrap();
    assert_eq!(limited.count().await.unwrap(), 2);
    let filtered = snapshot
        .read(&["line"], &[col("month").eq(lit("2026-09"))])
        .await
        .unwrap();
    assert_eq!(filtered.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let writers = (0..4).map(|n| {
        let path = dir.path().to_owned();
        tokio::spawn(async move {
            let lake = at(&path, "2026-10-05T12:00:00Z").await;
            for i in 0..3 {
                let from = n * 100 + i * 10;
                let batch = rejects("w", from..from + 2, "2026-10");
                lake.commit(table("rejects"), add(batch, Replace::Nothing))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let lake = at(dir.path(), "2026-10-05T12:00:00Z").await;
    let snapshot = lake.snapshot(table("rejects"), None).await.unwrap().unwrap();
    assert_eq!(snapshot.rows(), 24);
    assert_eq!(lines(&snapshot).await.len(), 24);
    assert_eq!(snapshot.version(), 11);
}

#[tokio::test]
async fn a_change_worked_out_from_an_old_look_is_not_applied() {
    let lake = Lake::open("memory:///lake", clock("2026-10-05T12:00:00Z"))
        .await
        .unwrap();
    let rejects_table = table("rejects");
    let change = add(rejects("a", 0..3, "2026-09"), Replace::Nothing);
    assert!(
        lake.try_commit(rejects_table, None, &change)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        lake.try_commit(rejects_table, None, &change)
            .await
            .unwrap()
            .is_none()
    );
    let base = lake.snapshot(rejects_table, None).await.unwrap();
    lake.commit(
        rejects_table,
        add(rejects("b", 3..4, "2026-09"), Replace::Nothing),
    )
    .await
    .unwrap();
    assert!(
        lake.try_commit(rejects_table, base.as_ref(), &change)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        lines(&lake.snapshot(rejects_table, None).await.unwrap().unwrap()).await,
        [0, 1, 2, 3]
    );
}

#[tokio::test]
async fn odd_names_and_exact_amounts_go_in_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let lake = at(&dir.path().join("my lake ü #1"), "2026-10-05T12:00:00Z").await;
    let charge = json!({
        "charge_id": "c", "source": "my bill/ü", "billing_month": "2026-10", "delivery_id": "d", "file_hash": "f",
        "file_row": 1, "provider": "P", "billing_period_start": "2026-10-01T00:00:00Z",
        "billing_period_end": "2026-11-01T00:00:00Z", "charge_period_start": "2026-10-01T00:00:00.000001Z",
        "charge_period_end": "2026-10-01T01:00:00Z", "charge_category": "Usage",
        "billed_cost": "12345678901234567890.123456789012345678", "billing_currency": "USD",
        "tags": {"team": "a", "empty": null},
    });
    let batch = rows(table("charges"), &[charge]);
    lake.commit(table("charges"), add(batch.clone(), Replace::Nothing))
        .await
        .unwrap();
    let back = lake.snapshot(table("charges"), None).await.unwrap().unwrap();
    assert_eq!(back.read(&[], &[]).await.unwrap(), [batch]);
    assert_eq!(back.partitions(), [["my bill/ü", "2026-10"]]);

    let file = json!({
        "delivery_id": "d", "file_hash": "f", "path": "p", "bytes": 1, "source": "s", "format": "focus",
        "table_name": "charges", "ingested_at": "2026-10-05T12:00:00Z", "month": "2026-10", "rows_in": 1,
        "rows_kept": 1, "rows_known": 0, "rows_rejected": 0,
        "totals": [{"currency": "USD", "column_name": "billed_cost", "rows": 1, "nulls": 0, "source_total": "1", "stored_total": "1", "rounding": "0"}],
    });
    let batch = rows(table("ingest_files"), &[file]);
    lake.commit(table("ingest_files"), add(batch.clone(), Replace::Nothing))
        .await
        .unwrap();
    let back = lake.snapshot(table("ingest_files"), None).await.unwrap().unwrap();
    assert_eq!(back.read(&[], &[]).await.unwrap(), [batch]);
}

#[tokio::test]
async fn columns_are_explained_in_the_table_itself() {
    let dir = tempfile::tempdir().unwrap();
    let lake = at(dir.path(), "2026-10-05T12:00:00Z").await;
    lake.commit(
        table("rejects"),
        add(rejects("a", 0..1, "2026-09"), Replace::Nothing),
    )
    .await
    .unwrap();
    let log =
        std::fs::read_to_string(dir.path().join("rejects/_delta_log/00000000000000000000.json")).unwrap();
    assert!(
        log.contains("Why it could not be read, and what was expected."),
        "{log}"
    );
    assert!(log.contains("spendscope.at") && log.contains("numRecords"));
}

#[tokio::test]
async fn what_cannot_be_a_lake_is_said() {
    let error = Lake::open("ftp://somewhere/lake", clock("2026-10-05T12:00:00Z"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), crate::base::ErrorKind::Usage);
    assert!(
        Lake::open("s3://bucket/prefix", clock("2026-10-05T12:00:00Z"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_long_history_stays_whole_when_it_is_summed_up() {
    let lake = Lake::open("memory:///lake", clock("2026-10-05T12:00:00Z"))
        .await
        .unwrap();
    for line in 0..23 {
        let month = if line % 2 == 0 { "2026-09" } else { "2026-10" };
        lake.commit(
            table("rejects"),
            add(rejects("a", line..line + 1, month), Replace::Nothing),
        )
        .await
        .unwrap();
    }
    let snapshot = lake.snapshot(table("rejects"), None).await.unwrap().unwrap();
    assert_eq!((snapshot.version(), snapshot.rows()), (22, 23));
    assert_eq!(
        snapshot
            .read(&["line"], &[col("line").eq(lit(7_i64))])
            .await
            .unwrap()
            .len(),
        1
    );
    let noon = "2026-10-05T12:00:00Z".parse().unwrap();
    assert_eq!(
        lake.snapshot(table("rejects"), Some(noon))
            .await
            .unwrap()
            .unwrap()
            .version(),
        22
    );
    assert_eq!(lake.history(table("rejects")).await.unwrap().len(), 23);
    let gone = Replace::Partitions(vec![vec!["2026-09".into()]]);
    let done = lake
        .commit(table("rejects"), add(rejects("b", 0..1, "2026-09"), gone))
        .await
        .unwrap();
    assert_eq!(done.files_removed, 12);
    assert_eq!(
        lake.snapshot(table("rejects"), None)
            .await
            .unwrap()
            .unwrap()
            .rows(),
        12
    );
}
