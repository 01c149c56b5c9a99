//! Schedules over days and months in a moment: a clock that jumps to where the runner wants to be woken.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::schedule::Section;
use chrono_tz::Tz;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use std::collections::VecDeque;
use std::sync::Mutex;

/// Time, as far as the test has let it pass.
#[derive(Debug)]
struct Hands(Mutex<DateTime<Utc>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

impl Hands {
    fn set(&self, to: DateTime<Utc>) {
        *self.0.lock().unwrap() = to;
    }
}

#[derive(Default)]
struct Memory(Mutex<Vec<Entry>>);

impl Journal for Memory {
    fn entries(&self) -> BoxFuture<'_, Result<Vec<Entry>>> {
        ready(Ok(self.0.lock().unwrap().clone())).boxed()
    }

    fn put<'a>(&'a self, before: Option<&'a Entry>, after: &'a Entry) -> BoxFuture<'a, Result<bool>> {
        let mut all = self.0.lock().unwrap();
        let at = all.iter().position(|e| e.run_id == after.run_id);
        let put = match (at, before) {
            (None, None) => {
                all.push(after.clone());
                true
            }
            (Some(at), Some(before)) if all[at] == *before => {
                all[at] = after.clone();
                true
            }
            _ => false,
        };
        ready(Ok(put)).boxed()
    }
}

/// A job that says what the test told it to, and remembers what it was asked for.
#[derive(Default)]
struct Worker {
    late: Mutex<VecDeque<String>>,
    outcomes: Mutex<VecDeque<Outcome>>,
    made: Mutex<Vec<String>>,
    sent: Arc<Mutex<Vec<String>>>,
    broken: Mutex<usize>,
}

struct Sheet(Outcome, String, Arc<Mutex<Vec<String>>>);

#[async_trait(?Send)]
impl Ready for Sheet {
    fn message_id(&self) -> Option<String> {
        Some(format!("<{}@example.com>", self.1))
    }
    async fn hand_over(self: Box<Self>) -> Outcome {
        self.2.lock().unwrap().push(self.1.clone());
        self.0
    }
}

#[async_trait(?Send)]
impl Job for Worker {
    async fn late(&self, _: &Entry) -> Result<Option<String>> {
        Ok(self.late.lock().unwrap().pop_front())
    }

    async fn prepare(&self, entry: &Entry) -> Result<Box<dyn Ready>> {
        let window = entry.window.unwrap();
        let name = format!("{} {}", entry.due.format("%d %H:%M"), window.from.format("%F"));
        self.made.lock().unwrap().push(name.clone());
        let mut broken = self.broken.lock().unwrap();
        if *broken > 0 {
            *broken -= 1;
            return Err(Error::query("the view is broken"));
        }
        let outcome = self.outcomes.lock().unwrap().pop_front();
        let outcome = outcome.unwrap_or(Outcome::Sent("taken".into()));
        Ok(Box::new(Sheet(outcome, name, Arc::clone(&self.sent))))
    }
}

/// Lets time pass to where the runner wants to be, until the end of the test.
struct Passing<'a> {
    hands: &'a Hands,
    end: DateTime<Utc>,
}

#[async_trait]
impl Alarm for Passing<'_> {
    async fn until(&self, moment: Option<DateTime<Utc>>) -> Wake {
        match moment.filter(|m| *m < self.end) {
            Some(moment) => {
                self.hands
                    .set(moment.max(self.hands.now() + Duration::seconds(1)));
                Wake::Due
            }
            None => {
                self.hands.set(self.end);
                Wake::Stop
            }
        }
    }
    fn stopping(&self) -> bool {
        self.hands.now() >= self.end
    }
}

struct Stage {
    hands: Arc<Hands>,
    journal: Memory,
    worker: Worker,
    plans: Vec<Plan>,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Stage {
    /// One schedule, daily at 07:00 Berlin unless `lines` says otherwise, first seen at noon of 1 October.
    fn new(lines: &str) -> Stage {
        let mut text = format!("name = 'd'\nreport = 'board'\nwindow = 'yesterday'\nto = ['a@b.c']\n{lines}");
        if !lines.contains("cron") {
            text.push_str("\ncron = '0 7 * * *'\ntime_zone = 'Europe/Berlin'");
        }
        let section: Section = toml::from_str(&text).unwrap();
        Stage {
            hands: Arc::new(Hands(Mutex::new(at("2026-10-01T12:00:00Z")))),
            journal: Memory::default(),
            worker: Worker::default(),
            plans: Plan::all(vec![section], Tz::UTC, &["png"]).unwrap(),
        }
    }

    fn runner(&self, holder: &str) -> Runner<'_> {
        Runner {
            plans: &self.plans,
            journal: &self.journal,
            job: &self.worker,
            clock: self.hands.clone(),
            holder: holder.to_owned(),
        }
    }

    fn alarm(&self, end: &str) -> Passing<'_> {
        Passing {
            hands: &self.hands,
            end: at(end),
        }
    }

    /// One look at the clock at `moment`, as cron would do it.
    async fn once(&self, moment: &str) -> Summary {
        self.hands.set(at(moment));
        let alarm = self.alarm("2999-01-01T00:00:00Z");
        self.runner("one").once(&alarm, &mut |_| {}).await
    }

    async fn follow(&self, end: &str) {
        let alarm = self.alarm(end);
        self.runner("one").follow(&alarm, &mut |_| {}, &mut |_| {}).await;
    }

    fn sent(&self) -> Vec<String> {
        self.worker.sent.lock().unwrap().clone()
    }

    fn states(&self) -> Vec<String> {
        let mut all = self.journal.0.lock().unwrap().clone();
        all.sort_by_key(|e| e.due);
        all.iter()
            .map(|e| format!("{} {} {}", e.due.format("%d %H:%M"), e.state.name(), e.attempts))
            .collect()
    }
}

#[tokio::test]
async fn a_long_life_does_each_run_once_across_the_change_of_the_clock() {
    let stage = Stage::new("cron = '30 2 * * *'\ntime_zone = 'Europe/Berlin'");
    stage.hands.set(at("2026-10-23T12:00:00Z"));
    stage.follow("2026-10-27T12:00:00Z").await;
    assert_eq!(
        stage.sent(),
        [
            "24 00:30 2026-10-23",
            "25 00:30 2026-10-24",
            "26 01:30 2026-10-25",
            "27 01:30 2026-10-26"
        ]
    );
    // A second process, and a second look, find nothing to do.
    stage.follow("2026-10-27T13:00:00Z").await;
    assert_eq!(stage.once("2026-10-27T14:00:00Z").await.entries, []);
    assert_eq!(stage.sent().len(), 4);
}

#[tokio::test]
async fn the_first_look_runs_what_is_due_just_now_and_nothing_older() {
    let stage = Stage::new("");
    assert!(stage.once("2026-10-01T12:00:00Z").await.entries.is_empty());
    let stage = Stage::new("");
    // The very cron line that is to run it.
    let summary = stage.once("2026-10-01T05:00:04Z").await;
    assert_eq!(summary.entries[0].state, State::Sent);
    assert_eq!(summary.next, Some(at("2026-10-02T05:00:00Z")));
    assert_eq!(stage.sent(), ["01 05:00 2026-09-30"]);
}

#[tokio::test]
async fn missed_runs_are_made_up_for_or_skipped_as_the_policy_says() {
    for (policy, sent, states) in [
        (
            "missed = 'run'",
            vec![
                "02 05:00 2026-10-01",
                "03 05:00 2026-10-02",
                "04 05:00 2026-10-03",
            ],
            0,
        ),
        ("missed = 'latest'", vec!["04 05:00 2026-10-03"], 1),
        ("missed = 'skip'", vec![], 1),
    ] {
        let stage = Stage::new(policy);
        stage.once("2026-10-01T12:00:00Z").await;
        stage.once("2026-10-04T09:00:00Z").await;
        assert_eq!(stage.sent(), sent, "{policy}");
        let skipped = stage.states().iter().filter(|s| s.contains("skipped")).count();
        assert_eq!(skipped, states, "{policy}");
        // What was skipped stays skipped.
        assert!(stage.once("2026-10-04T10:00:00Z").await.entries.is_empty());
    }
    // With skip, a run that is only a little late is on time.
    let stage = Stage::new("missed = 'skip'");
    stage.once("2026-10-01T12:00:00Z").await;
    stage.once("2026-10-04T05:20:00Z").await;
    assert_eq!(stage.sent(), ["04 05:00 2026-10-03"]);
}

#[tokio::test]
async fn a_run_waits_for_late_data_and_goes_when_it_is_there_or_time_is_up() {
    let stage = Stage::new("late = 'wait'\nwait_hours = 6");
    stage
        .worker
        .late
        .lock()
        .unwrap()
        .extend(["two days".to_owned(), "one day".to_owned()]);
    stage.hands.set(at("2026-10-02T04:59:00Z"));
    stage.follow("2026-10-02T12:00:00Z").await;
    assert_eq!(stage.states()[1], "02 05:00 sent 1");
    // It was looked at twice in vain, half an hour apart.
    let entry = stage.journal.0.lock().unwrap()[1].clone();
    assert_eq!(entry.finished, Some(at("2026-10-02T06:00:00Z")));

    let stage = Stage::new("late = 'wait'\nwait_hours = 1");
    let always = std::iter::repeat_n("two days".to_owned(), 50);
    stage.worker.late.lock().unwrap().extend(always);
    stage.hands.set(at("2026-10-02T04:59:00Z"));
    stage.follow("2026-10-02T12:00:00Z").await;
    let entry = stage.journal.0.lock().unwrap()[1].clone();
    assert_eq!(
        (entry.state, entry.finished),
        (State::Sent, Some(at("2026-10-02T06:00:00Z")))
    );

    // Without the policy it is not even asked.
    let stage = Stage::new("");
    stage.worker.late.lock().unwrap().push_back("two days".to_owned());
    stage.once("2026-10-02T05:00:00Z").await;
    assert_eq!(stage.states()[1], "02 05:00 sent 1");
}

#[tokio::test]
async fn a_failed_run_is_tried_again_and_one_failing_schedule_stops_no_other() {
    let mut stage = Stage::new("");
    let other: Section = toml::from_str(
        "name = 'e'\nreport = 'board'\nwindow = 'last_week'\nfolder = 'x'\ncron = '0 7 * * *'\ntime_zone = 'Europe/Berlin'",
    )
    .unwrap();
    stage.plans.extend(Plan::all(vec![other], Tz::UTC, &[]).unwrap());
    *stage.worker.broken.lock().unwrap() = 1;
    let summary = stage.once("2026-10-02T05:00:00Z").await;
    assert_eq!(summary.bad(), 1);
    assert_eq!(stage.sent(), ["02 05:00 2026-09-21"]);
    assert_eq!(summary.next, Some(at("2026-10-02T05:10:00Z")));
    assert_eq!(stage.once("2026-10-02T05:10:00Z").await.bad(), 0);
    assert_eq!(stage.sent().len(), 2);

    // Three times, then it stays failed. A permanent refusal is not tried again at all.
    for (again, tries) in [(true, 3), (false, 1)] {
        let stage = Stage::new("");
        let refused = Outcome::Failed {
            why: "550".into(),
            again,
        };
        stage
            .worker
            .outcomes
            .lock()
            .unwrap()
            .extend(std::iter::repeat_n(refused, 9));
        stage.hands.set(at("2026-10-02T04:59:00Z"));
        stage.follow("2026-10-02T23:00:00Z").await;
        assert_eq!(stage.states()[1], format!("02 05:00 failed {tries}"));
    }
}

#[tokio::test]
async fn of_two_processes_one_runs_it() {
    let stage = Stage::new("");
    stage.once("2026-10-01T12:00:00Z").await;
    stage.hands.set(at("2026-10-02T05:00:00Z"));
    let alarm = stage.alarm("2999-01-01T00:00:00Z");
    let (one, two) = (stage.runner("one"), stage.runner("two"));
    let (mut hear_one, mut hear_two) = (|_: &Entry| {}, |_: &Entry| {});
    let (a, b) = tokio::join!(one.once(&alarm, &mut hear_one), two.once(&alarm, &mut hear_two));
    assert_eq!(a.entries.len() + b.entries.len(), 1);
    assert_eq!(stage.sent().len(), 1);
}

/// What a process leaves behind that died in this state.
fn dead(stage: &Stage, state: State) {
    let plan = &stage.plans[0];
    let due = at("2026-10-02T05:00:00Z");
    let mut entry = Entry::of_schedule("d", "board", due);
    entry.window = Some(
        plan.section
            .window
            .window(due, plan.calendar.zone, Tz::UTC)
            .unwrap(),
    );
    entry.state = state;
    entry.attempts = 1;
    entry.holder = Some("dead".into());
    entry.claimed_until = Some(due + CLAIM);
    stage.journal.0.lock().unwrap().push(entry);
}

#[tokio::test]
async fn a_process_that_died_is_replaced_unless_the_mail_may_have_gone() {
    let stage = Stage::new("");
    dead(&stage, State::Running);
    // Its claim holds for a while.
    let summary = stage.once("2026-10-02T05:10:00Z").await;
    assert_eq!(summary.next, Some(at("2026-10-02T05:30:00Z")));
    assert!(stage.sent().is_empty());
    stage.once("2026-10-02T05:30:00Z").await;
    assert_eq!(stage.sent().len(), 1);

    let stage = Stage::new("");
    dead(&stage, State::Sending);
    let summary = stage.once("2026-10-02T05:30:00Z").await;
    assert_eq!(summary.entries[0].state, State::Unknown);
    assert_eq!(summary.bad(), 1);
    assert!(stage.sent().is_empty());
    // It is told once, and never sent again by itself.
    assert!(stage.once("2026-10-02T06:30:00Z").await.entries.is_empty());
}

#[tokio::test]
async fn sending_again_in_vain_changes_nothing_of_what_is_known() {
    let stage = Stage::new("");
    stage.once("2026-10-02T05:00:00Z").await;
    let sent = stage.journal.0.lock().unwrap()[1].clone();
    assert_eq!(sent.state, State::Sent);
    for broken in [true, false] {
        *stage.worker.broken.lock().unwrap() = usize::from(broken);
        stage.worker.outcomes.lock().unwrap().clear();
        stage.worker.outcomes.lock().unwrap().push_back(Outcome::Failed {
            why: "451".into(),
            again: true,
        });
        let held = stage.journal.0.lock().unwrap()[1].clone();
        let fresh = Entry {
            state: State::Begun,
            ..held.clone()
        };
        let error = stage
            .runner("one")
            .carry_out(Some(&held), fresh, Duration::zero())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("stays sent"), "{error}");
        let kept = stage.journal.0.lock().unwrap()[1].clone();
        assert_eq!(
            (kept.state, kept.again_at, kept.message),
            (State::Sent, None, sent.message.clone())
        );
    }
    assert!(stage.once("2026-10-02T08:00:00Z").await.entries.is_empty());
}

#[tokio::test]
async fn a_process_that_lost_its_claim_does_not_send() {
    /// Loses the claim while the report is being made.
    struct Slow<'a>(&'a Stage);
    #[async_trait(?Send)]
    impl Job for Slow<'_> {
        async fn late(&self, _: &Entry) -> Result<Option<String>> {
            Ok(None)
        }
        async fn prepare(&self, entry: &Entry) -> Result<Box<dyn Ready>> {
            self.0.hands.set(self.0.hands.now() + CLAIM);
            let (alarm, other) = (self.0.alarm("2999-01-01T00:00:00Z"), self.0.runner("two"));
            assert_eq!(other.once(&alarm, &mut |_| {}).await.entries.len(), 1);
            self.0.worker.prepare(entry).await
        }
    }
    let stage = Stage::new("");
    stage.once("2026-10-01T12:00:00Z").await;
    stage.hands.set(at("2026-10-02T05:00:00Z"));
    let slow = Slow(&stage);
    let runner = Runner {
        job: &slow,
        ..stage.runner("one")
    };
    let alarm = stage.alarm("2999-01-01T00:00:00Z");
    let summary = runner.once(&alarm, &mut |_| {}).await;
    assert!(summary.entries.is_empty());
    assert_eq!(stage.sent().len(), 1);
}

#[tokio::test]
async fn a_stop_ends_the_run_that_is_being_done_and_begins_no_other() {
    struct Stopped(Mutex<usize>);
    #[async_trait]
    impl Alarm for Stopped {
        async fn until(&self, _: Option<DateTime<Utc>>) -> Wake {
            Wake::Stop
        }
        /// The stop comes after the first run has begun.
        fn stopping(&self) -> bool {
            let mut asked = self.0.lock().unwrap();
            *asked += 1;
            *asked > 2
        }
    }
    let stage = Stage::new("missed = 'run'");
    stage.once("2026-10-01T12:00:00Z").await;
    stage.hands.set(at("2026-10-04T09:00:00Z"));
    let alarm = Stopped(Mutex::new(0));
    stage.runner("one").follow(&alarm, &mut |_| {}, &mut |_| {}).await;
    assert_eq!(stage.sent(), ["02 05:00 2026-10-01"]);
    // The rest is still due.
    stage.once("2026-10-04T10:00:00Z").await;
    assert_eq!(stage.sent().len(), 3);
}
