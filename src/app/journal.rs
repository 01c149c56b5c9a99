//! The journal of schedules in the lake: the table `schedule_runs`, one row a run.
//!
//! A change replaces the rows of its month in one commit on top of the version it was worked out from. When
//! another commit came first, it is worked out anew; when that one was about the same run, it is given up.

use crate::base::time::{Window, from_micros};
use crate::base::{Error, Result};
use crate::frame::Frame;
use crate::ingest::rows_of;
use crate::schedule::{Entry, Journal, State};
use crate::schema::TableSchema;
use crate::store::{ATTEMPTS, Change, Lake, Replace, Snapshot, busy};
use arrow::compute::concat_batches;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

pub(super) struct LakeJournal<'a> {
    lake: &'a Lake,
    table: &'static TableSchema,
}

impl<'a> LakeJournal<'a> {
    pub(super) fn new(lake: &'a Lake) -> Result<LakeJournal<'a>> {
        let table = TableSchema::named("schedule_runs")
            .ok_or_else(|| Error::internal("there is no table schedule_runs"))?;
        Ok(LakeJournal { lake, table })
    }

    async fn of(&self, snapshot: Option<&Snapshot>) -> Result<Vec<Entry>> {
        let Some(snapshot) = snapshot else {
            return Ok(Vec::new());
        };
        let batches = snapshot.read(&[], &[]).await?;
        let Some(first) = batches.first() else {
            return Ok(Vec::new());
        };
        let frame = Frame::guess(concat_batches(&first.schema(), &batches)?);
        (0..frame.rows()).map(|row| entry(&frame, row)).collect()
    }
}

fn entry(frame: &Frame, row: usize) -> Result<Entry> {
    let text = |column: &str| frame.text(column, row);
    let required =
        |column: &str| text(column)?.ok_or_else(|| Error::lake(format!("schedule_runs.{column} is empty")));
    let instant =
        |column: &str| -> Result<Option<DateTime<Utc>>> { Ok(frame.micros(column, row)?.map(from_micros)) };
    Ok(Entry {
        run_id: required("run_id")?,
        schedule: required("schedule")?,
        report: required("report")?,
        due: instant("due")?.ok_or_else(|| Error::lake("schedule_runs.due is empty"))?,
        window: match (instant("window_from")?, instant("window_to")?) {
            (Some(from), Some(to)) => Some(Window { from, to }),
            _ => None,
        },
        state: State::named(&required("state")?)?,
        attempts: u32::try_from(frame.int("attempts", row)?.unwrap_or(0)).unwrap_or(0),
        message: text("message")?,
        message_id: text("message_id")?,
        holder: text("holder")?,
        claimed_until: instant("claimed_until")?,
        again_at: instant("again_at")?,
        started: instant("started")?,
        finished: instant("finished")?,
    })
}

fn row(entry: &Entry) -> serde_json::Value {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    serde_json::json!({
        "run_id": entry.run_id,
        "schedule": entry.schedule,
        "report": entry.report,
        "due": instant(entry.due),
        "month": month(entry),
        "window_from": entry.window.map(|w| instant(w.from)),
        "window_to": entry.window.map(|w| instant(w.to)),
        "state": entry.state.name(),
        "attempts": entry.attempts,
        "message": entry.message,
        "message_id": entry.message_id,
        "holder": entry.holder,
        "claimed_until": entry.claimed_until.map(instant),
        "again_at": entry.again_at.map(instant),
        "started": entry.started.map(instant),
        "finished": entry.finished.map(instant),
    })
}

fn month(entry: &Entry) -> String {
    entry.due.format("%Y-%m").to_string()
}

/// As the lake gives it back: moments have microseconds there.
fn kept(entry: &Entry) -> Entry {
    let cut = |at: DateTime<Utc>| from_micros(at.timestamp_micros());
    Entry {
        due: cut(entry.due),
        window: entry.window.map(|w| Window {
            from: cut(w.from),
            to: cut(w.to),
        }),
        claimed_until: entry.claimed_until.map(cut),
        again_at: entry.again_at.map(cut),
        started: entry.started.map(cut),
        finished: entry.finished.map(cut),
        ..entry.clone()
    }
}

impl Journal for LakeJournal<'_> {
    fn entries(&self) -> BoxFuture<'_, Result<Vec<Entry>>> {
        async {
            let snapshot = self.lake.snapshot(self.table, None).await?;
            self.of(snapshot.as_ref()).await
        }
        .boxed()
    }

    fn put<'a>(&'a self, before: Option<&'a Entry>, after: &'a Entry) -> BoxFuture<'a, Result<bool>> {
        async move {
            for _ in 0..ATTEMPTS {
                let base = self.lake.snapshot(self.table, None).await?;
                let mut entries = self.of(base.as_ref()).await?;
                let held = entries.iter().find(|e| e.run_id == after.run_id);
                if held != before.map(kept).as_ref() {
                    return Ok(false);
                }
                let month = month(after);
                entries.retain(|e| e.run_id != after.run_id && self::month(e) == month);
                entries.push(after.clone());
                let rows: Vec<_> = entries.iter().map(row).collect();
                let change = Change {
                    add: vec![rows_of(self.table, &rows)?],
                    replace: Replace::Partitions(vec![vec![month]]),
                    txn: format!("{}:{}:{}", after.run_id, after.state.name(), after.attempts),
                };
                if self
                    .lake
                    .try_commit(self.table, base.as_ref(), &change)
                    .await?
                    .is_some()
                {
                    return Ok(true);
                }
            }
            Err(busy(self.table))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::clock::FixedClock;
    use std::sync::Arc;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn sample(due: &str) -> Entry {
        let mut entry = Entry::of_schedule("monday", "board", at(due));
        entry.window = Window::new(at("2026-09-01T00:00:00Z"), at("2026-10-01T00:00:00Z")).ok();
        entry.state = State::Running;
        entry.attempts = 1;
        entry.holder = Some("one".into());
        // A clock has nanoseconds.
        entry.claimed_until = Some(at("2026-10-05T07:30:00.123456789Z"));
        entry
    }

    #[tokio::test]
    async fn a_run_comes_back_as_it_was_put_and_changes_only_from_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock(at("2026-10-05T07:00:00Z")));
        let lake = Lake::open(dir.path().to_str().unwrap(), clock).await.unwrap();
        let journal = LakeJournal::new(&lake).unwrap();
        let first = sample("2026-10-05T07:00:00Z");
        assert!(journal.put(None, &first).await.unwrap());
        // It is there already.
        assert!(!journal.put(None, &first).await.unwrap());
        let sending = Entry {
            state: State::Sending,
            message_id: Some("<a@b>".into()),
            ..first.clone()
        };
        assert!(journal.put(Some(&first), &sending).await.unwrap());
        assert!(!journal.put(Some(&first), &sending).await.unwrap());
        let other = sample("2026-11-02T07:00:00Z");
        assert!(journal.put(None, &other).await.unwrap());
        let mut entries = journal.entries().await.unwrap();
        entries.sort_by_key(|e| e.due);
        assert_eq!(entries, [kept(&sending), kept(&other)]);
    }

    #[tokio::test]
    async fn of_many_that_claim_a_run_at_once_one_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock(at("2026-10-05T07:00:00Z")));
        let lake = Lake::open(dir.path().to_str().unwrap(), clock).await.unwrap();
        let claims = (0..6).map(|n| {
            let lake = &lake;
            async move {
                let entry = Entry {
                    holder: Some(format!("process {n}")),
                    ..sample("2026-10-05T07:00:00Z")
                };
                LakeJournal::new(lake).unwrap().put(None, &entry).await.unwrap()
            }
        });
        let won = futures::future::join_all(claims).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
    }
}
