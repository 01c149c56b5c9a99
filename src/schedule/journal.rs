//! What is remembered of every run, and the promise that a run is done once.
//!
//! A run is claimed before it starts (`running`) and marked before its mail leaves (`sending`). Each step
//! replaces the entry that it was worked out from, or fails because somebody else did: so of two processes one
//! goes on. A process that dies while `running` leaves a claim that ends, and the run is taken over. One that dies
//! while `sending` leaves a mail of which nobody knows whether it went: the run becomes `unknown` and is not
//! done again by itself.

use crate::base::time::Window;
use crate::base::{Error, Result, hash};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::BoxFuture;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// From here on the schedule is followed; what was due before is nobody's business.
    Begun,
    /// Claimed, and being worked on.
    Running,
    /// For data that is late.
    Waiting,
    /// Handed to the mail server, which has not answered yet.
    Sending,
    Sent,
    /// Some receivers have it, others were refused.
    Partly,
    Failed,
    /// Perhaps sent: the process or the connection ended before the answer.
    Unknown,
    /// Missed, and not made up for.
    Skipped,
}

impl State {
    pub const ALL: [State; 9] = [
        State::Begun,
        State::Running,
        State::Waiting,
        State::Sending,
        State::Sent,
        State::Partly,
        State::Failed,
        State::Unknown,
        State::Skipped,
    ];

    pub fn name(self) -> &'static str {
        match self {
            State::Begun => "begun",
            State::Running => "running",
            State::Waiting => "waiting",
            State::Sending => "sending",
            State::Sent => "sent",
            State::Partly => "partly",
            State::Failed => "failed",
            State::Unknown => "unknown",
            State::Skipped => "skipped",
        }
    }

    pub fn named(name: &str) -> Result<State> {
        State::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| {
            Error::lake(format!("schedule_runs: '{name}' is not a state"))
                .advise("a newer version of spendscope wrote it; use that one")
        })
    }

    /// A process has it, or had it when it died.
    pub fn is_claimed(self) -> bool {
        matches!(self, State::Running | State::Sending)
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub run_id: String,
    pub schedule: String,
    pub report: String,
    pub due: DateTime<Utc>,
    pub window: Option<Window>,
    pub state: State,
    pub attempts: u32,
    pub message: Option<String>,
    pub message_id: Option<String>,
    pub holder: Option<String>,
    pub claimed_until: Option<DateTime<Utc>>,
    pub again_at: Option<DateTime<Utc>>,
    pub started: Option<DateTime<Utc>>,
    pub finished: Option<DateTime<Utc>>,
}

impl Entry {
    /// A run that nobody has begun. `identity`: what makes it this run and no other.
    pub fn new(schedule: &str, report: &str, due: DateTime<Utc>, identity: &[&str]) -> Entry {
        let mut text = schedule.to_owned();
        for part in identity {
            text.push('\n');
            text.push_str(part);
        }
        Entry {
            run_id: hash::content_hash(text.as_bytes()),
            schedule: schedule.to_owned(),
            report: report.to_owned(),
            due,
            window: None,
            state: State::Begun,
            attempts: 0,
            message: None,
            message_id: None,
            holder: None,
            claimed_until: None,
            again_at: None,
            started: None,
            finished: None,
        }
    }

    /// A run of a schedule: what it is due at makes it the one that it is.
    pub fn of_schedule(schedule: &str, report: &str, due: DateTime<Utc>) -> Entry {
        let moment = due.to_rfc3339_opts(SecondsFormat::Micros, true);
        Entry::new(schedule, report, due, &[&moment])
    }

    /// What a mail that was being sent when its process died becomes.
    #[must_use]
    pub fn lost(&self, now: DateTime<Utc>) -> Entry {
        let what = "its process ended while the mail was being sent, and whether it went is unknown";
        Entry {
            state: State::Unknown,
            message: Some(what.to_owned()),
            again_at: None,
            finished: Some(now),
            holder: None,
            claimed_until: None,
            ..self.clone()
        }
    }

    /// Whether the claim on it has ended without a result.
    pub fn is_abandoned(&self, now: DateTime<Utc>) -> bool {
        self.state.is_claimed() && self.claimed_until.is_none_or(|until| until <= now)
    }
}

/// Where entries are kept.
pub trait Journal: Send + Sync {
    fn entries(&self) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Puts `after` in the place of `before`, in one step that happens whole or not at all; without `before`, where
    /// there is no such run yet. False: the journal holds something else by now, and nothing was changed.
    fn put<'a>(&'a self, before: Option<&'a Entry>, after: &'a Entry) -> BoxFuture<'a, Result<bool>>;
}
