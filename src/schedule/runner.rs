//! Follows schedules: what is due is claimed, done, marked; one run that fails stops no other.

use super::journal::{Entry, Journal, State};
use super::section::{Missed, Plan};
use crate::base::clock::Clock;
use crate::base::{Error, Result};
use crate::deliver::Outcome;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A claim holds this long. Longer than any report takes; a process that lives past it notices, and does
/// not send.
const CLAIM: Duration = Duration::minutes(30);
/// A run that is late by less is on time: cron, a timer or a boot may take their while.
const ON_TIME: Duration = Duration::hours(1);
/// How often a run is tried before it stays failed, and what lies between.
const TRIES: u32 = 3;
const PAUSES: [Duration; 2] = [Duration::minutes(10), Duration::hours(1)];
/// How often late data is looked for.
const LOOK: Duration = Duration::minutes(30);
/// With `missed = "run"`, this many are made up for; what lies before is marked as skipped.
const MOST_MISSED: usize = 100;
/// How long to wait for a lake that cannot be read.
const LAKE_AWAY: Duration = Duration::minutes(1);

/// What a run does. The runner knows when, the job knows what.
#[async_trait(?Send)]
pub trait Job: Send + Sync {
    /// What is missing of the window's data; nothing when it is all there.
    async fn late(&self, entry: &Entry) -> Result<Option<String>>;
    /// Makes the report, up to the point where it could be sent.
    async fn prepare(&self, entry: &Entry) -> Result<Box<dyn Ready>>;
}

/// A report that could be sent.
#[async_trait(?Send)]
pub trait Ready {
    fn message_id(&self) -> Option<String>;
    async fn hand_over(self: Box<Self>) -> Outcome;
}

/// Wakes the runner, and stops it.
#[async_trait]
pub trait Alarm: Send + Sync {
    /// Returns when the moment has come (`None`: never), or when it is time to stop.
    async fn until(&self, moment: Option<DateTime<Utc>>) -> Wake;
    /// Has the stop been asked for: no new run is begun.
    fn stopping(&self) -> bool;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    Due,
    Stop,
}

/// What came of one run, or why it was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It was run; this is its entry now.
    Ran(Box<Entry>),
    /// Somebody else has it, or took it over.
    Taken,
}

/// What came of all that was due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub entries: Vec<Entry>,
    /// What kept a schedule from being looked at, or its result from being marked.
    pub troubles: Vec<String>,
    /// When there is something to do again.
    pub next: Option<DateTime<Utc>>,
}

impl Summary {
    /// Runs that somebody has to look at.
    pub fn bad(&self) -> usize {
        let bad = [State::Failed, State::Unknown, State::Partly];
        self.entries.iter().filter(|e| bad.contains(&e.state)).count() + self.troubles.len()
    }
}

pub struct Runner<'a> {
    pub plans: &'a [Plan],
    pub journal: &'a dyn Journal,
    pub job: &'a dyn Job,
    pub clock: Arc<dyn Clock>,
    /// Names this process among all that ever follow this journal.
    pub holder: String,
}

/// Hears of every run as it ends.
pub type Tell<'t> = &'t mut (dyn FnMut(&Entry) + Send);

impl Runner<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Everything that is due now, once.
    pub async fn once(&self, alarm: &dyn Alarm, tell: Tell<'_>) -> Summary {
        let mut summary = Summary::default();
        for plan in self.plans {
            let named = |e: Error| format!("{}: {e}", plan.name());
            let due = match self.due(plan).await {
                Ok(due) => due,
                Err(error) => {
                    summary.troubles.push(named(error));
                    continue;
                }
            };
            for (before, entry) in due {
                if alarm.stopping() {
                    return summary;
                }
                match self.carry_out(before.as_ref(), entry, plan.patience()).await {
                    Ok(Claimed::Ran(entry)) => {
                        tell(&entry);
                        summary.entries.push(*entry);
                    }
                    Ok(Claimed::Taken) => {}
                    Err(error) => summary.troubles.push(named(error)),
                }
            }
        }
        match self.next().await {
            Ok(next) => summary.next = next,
            Err(error) => summary.troubles.push(error.to_string()),
        }
        // A lake that is away comes back without being announced.
        if !summary.troubles.is_empty() {
            let soon = self.now() + LAKE_AWAY;
            summary.next = Some(summary.next.map_or(soon, |next| next.min(soon)));
        }
        summary
    }

    /// Until it is told to stop. The run that is being done then is finished, and no other is begun.
    pub async fn follow(&self, alarm: &dyn Alarm, hear: &mut (dyn FnMut(&Summary) + Send), tell: Tell<'_>) {
        while !alarm.stopping() {
            let summary = self.once(alarm, tell).await;
            hear(&summary);
            if alarm.until(summary.next).await == Wake::Stop {
                break;
            }
        }
    }

    /// What there is to do for a schedule now: unfinished runs first, then the new ones, oldest first.
    async fn due(&self, plan: &Plan) -> Result<Vec<(Option<Entry>, Entry)>> {
        let now = self.now();
        let mut entries: Vec<Entry> = self.of_plan(plan).await?;
        entries.sort_by_key(|e| e.due);
        let Some(last) = entries.last().map(|e| e.due) else {
            return self.begin(plan).await;
        };
        let mut due = Vec::new();
        for entry in entries {
            let again = entry.again_at.is_some_and(|at| at <= now);
            if entry.is_abandoned(now) || again {
                due.push((Some(entry.clone()), entry));
            }
        }
        due.extend(self.fresh(plan, last).await?);
        Ok(due)
    }

    async fn of_plan(&self, plan: &Plan) -> Result<Vec<Entry>> {
        let mut entries = self.journal.entries().await?;
        entries.retain(|e| e.schedule == plan.name());
        Ok(entries)
    }

    /// The first sight of a schedule: it counts from here on. What is due just now is run, since the first
    /// sight may be the very cron line that is to run it.
    async fn begin(&self, plan: &Plan) -> Result<Vec<(Option<Entry>, Entry)>> {
        let since = self.now() - ON_TIME;
        let mut entry = Entry::new(plan.name(), &plan.section.report, since, &["begun"]);
        entry.message = Some("followed from here on".to_owned());
        entry.finished = Some(self.now());
        self.journal.put(None, &entry).await?;
        self.fresh(plan, since).await
    }

    /// Runs that became due after `last`, by the policy for missed ones.
    async fn fresh(&self, plan: &Plan, last: DateTime<Utc>) -> Result<Vec<(Option<Entry>, Entry)>> {
        let now = self.now();
        let (mut dues, count) = plan.calendar.between(last, now, MOST_MISSED);
        let keep = match (plan.section.missed, dues.last()) {
            (_, None) => return Ok(Vec::new()),
            (Missed::Run, _) => dues.len(),
            (Missed::Latest, _) => 1,
            (Missed::Skip, Some(newest)) => usize::from(now - *newest < ON_TIME),
        };
        let kept = dues.split_off(dues.len() - keep);
        let skipped = count - keep;
        if skipped > 0 {
            // Where none of them is listed any more, they lie before the first that is.
            let newest = dues.last().or(kept.first()).copied().unwrap_or(last);
            let newest = if dues.is_empty() {
                newest - Duration::microseconds(1)
            } else {
                newest
            };
            let mut entry = Entry::of_schedule(plan.name(), &plan.section.report, newest);
            entry.state = State::Skipped;
            entry.finished = Some(now);
            entry.message = Some(match skipped {
                1 => "missed while nothing ran".to_owned(),
                n => format!("{n} runs missed while nothing ran, this one and those before it"),
            });
            self.journal.put(None, &entry).await?;
        }
        kept.into_iter()
            .map(|due| {
                let mut entry = Entry::of_schedule(plan.name(), &plan.section.report, due);
                entry.window = Some(
                    plan.section
                        .window
                        .window(due, plan.calendar.zone, plan.reporting)?,
                );
                Ok((None, entry))
            })
            .collect()
    }

    /// One run from its claim to its mark. `before` is what the journal holds of it. `patience`: how long after
    /// its due moment it waits for late data.
    pub async fn carry_out(
        &self,
        before: Option<&Entry>,
        entry: Entry,
        patience: Duration,
    ) -> Result<Claimed> {
        let now = self.now();
        if entry.state == State::Sending && before == Some(&entry) {
            return self.lost(&entry).await;
        }
        if entry.state == State::Running && before == Some(&entry) && entry.attempts >= TRIES {
            let why = format!("its process ended {TRIES} times while it was being made");
            let failed = self.failed(&entry, why, false);
            return self.mark(&entry, failed).await;
        }
        let mut claimed = Entry {
            state: State::Running,
            attempts: entry.attempts + 1,
            message: None,
            holder: Some(self.holder.clone()),
            claimed_until: Some(now + CLAIM),
            again_at: None,
            started: Some(now),
            finished: None,
            ..entry
        };
        if !self.journal.put(before, &claimed).await? {
            return Ok(Claimed::Taken);
        }
        let until = claimed.due + patience;
        let ready = match self.ready(&claimed, now < until).await {
            Ok(Made::Ready(ready)) => ready,
            Ok(Made::Late(why)) => {
                // Waiting is no attempt.
                let waiting = Entry {
                    state: State::Waiting,
                    attempts: claimed.attempts - 1,
                    message: Some(format!("waits for data: {why}")),
                    again_at: Some((now + LOOK).min(until)),
                    ..claimed.clone()
                };
                return self.mark(&claimed, waiting).await;
            }
            Err(error) => return self.failure(&claimed, before, error.to_string(), true).await,
        };
        // From here on, whoever finds this entry knows that the mail may have gone.
        let sending = Entry {
            state: State::Sending,
            message_id: ready.message_id(),
            claimed_until: Some(self.now() + CLAIM),
            ..claimed.clone()
        };
        if !self.journal.put(Some(&claimed), &sending).await? {
            return Ok(Claimed::Taken);
        }
        claimed = sending;
        let ended = match ready.hand_over().await {
            Outcome::Sent(what) => self.ended(&claimed, State::Sent, what),
            Outcome::Partly(what) => self.ended(&claimed, State::Partly, what),
            Outcome::Unknown(what) => self.ended(&claimed, State::Unknown, what),
            Outcome::Failed { why, again } => return self.failure(&claimed, before, why, again).await,
        };
        self.mark(&claimed, ended).await
    }

    /// An attempt that reached nobody. Where an earlier one had, or may have, that stays the truth about the
    /// run: this one was asked for with --resend, and it must not make a later look send it a third time.
    async fn failure(
        &self,
        claimed: &Entry,
        before: Option<&Entry>,
        why: String,
        again: bool,
    ) -> Result<Claimed> {
        let reached = [State::Sent, State::Partly, State::Unknown];
        let Some(earlier) = before.filter(|b| reached.contains(&b.state)) else {
            return self.mark(claimed, self.failed(claimed, why, again)).await;
        };
        let kept = Entry {
            attempts: claimed.attempts,
            ..earlier.clone()
        };
        self.mark(claimed, kept).await?;
        Err(Error::io(format!(
            "{} could not be sent again, and stays {}: {why}",
            claimed.schedule,
            earlier.state.name()
        )))
    }

    async fn ready(&self, entry: &Entry, may_wait: bool) -> Result<Made> {
        if may_wait && let Some(why) = self.job.late(entry).await? {
            return Ok(Made::Late(why));
        }
        self.job.prepare(entry).await.map(Made::Ready)
    }

    /// A mail that was being sent when its process died.
    async fn lost(&self, entry: &Entry) -> Result<Claimed> {
        let unknown = entry.lost(self.now());
        match self.journal.put(Some(entry), &unknown).await? {
            true => Ok(Claimed::Ran(Box::new(unknown))),
            false => Ok(Claimed::Taken),
        }
    }

    async fn mark(&self, before: &Entry, mut after: Entry) -> Result<Claimed> {
        after.holder = None;
        after.claimed_until = None;
        match self.journal.put(Some(before), &after).await? {
            true => Ok(Claimed::Ran(Box::new(after))),
            // Somebody with --resend, or after the claim had ended: the outcome is still ours to tell.
            false => Err(Error::lake(format!(
                "the run of {} was taken over by another process; here it ended as {}",
                after.schedule,
                after.state.name()
            ))),
        }
    }

    fn ended(&self, entry: &Entry, state: State, message: String) -> Entry {
        Entry {
            state,
            message: Some(message),
            again_at: None,
            finished: Some(self.now()),
            holder: None,
            claimed_until: None,
            ..entry.clone()
        }
    }

    fn failed(&self, entry: &Entry, why: String, again: bool) -> Entry {
        let pause = PAUSES.get(entry.attempts.max(1) as usize - 1);
        let again_at = pause
            .filter(|_| again && entry.attempts < TRIES)
            .map(|pause| self.now() + *pause);
        Entry {
            again_at,
            ..self.ended(entry, State::Failed, why)
        }
    }

    /// When anything is due again.
    async fn next(&self) -> Result<Option<DateTime<Utc>>> {
        let now = self.now();
        let names: BTreeSet<&str> = self.plans.iter().map(Plan::name).collect();
        let entries = self.journal.entries().await?;
        let unfinished = entries
            .iter()
            .filter(|e| names.contains(e.schedule.as_str()))
            .filter_map(|e| e.again_at.or(e.claimed_until.filter(|_| e.state.is_claimed())));
        let fresh = self.plans.iter().filter_map(|p| p.calendar.next_after(now));
        Ok(unfinished.chain(fresh).min())
    }
}

enum Made {
    Ready(Box<dyn Ready>),
    Late(String),
}

#[cfg(test)]
mod tests;
