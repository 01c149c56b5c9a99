//! `schedule`: when reports are due, and making and sending those that are.

use super::journal::LakeJournal;
use super::mail::{Package, attached_by_default, folder, holder, parcel, smtp};
use super::report::document;
use super::{Console, Status, open, show, signals};
use crate::base::clock::Clock;
use crate::base::time::Window;
use crate::base::{Error, Result};
use crate::config::Config;
use crate::engine::Settings;
use crate::frame::build::texts;
use crate::frame::{Frame, Role};
use crate::report;
use crate::schedule::{Alarm, Claimed, Entry, Job, Journal, Plan, Ready, Runner, State, Summary, Wake};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// When each schedule runs next, by its own clock and by UTC, and how its latest run ended.
pub async fn schedule_list(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let lake = open::lake(config).await?;
    // Before the first ingest there is no journal either.
    let entries = match lake.exists().await? {
        true => LakeJournal::new(&lake)?.entries().await?,
        false => Vec::new(),
    };
    let now = config.clock.now();
    let mut rows: Vec<[Option<String>; 9]> = Vec::new();
    for plan in &config.schedules {
        let section = &plan.section;
        let next = plan.calendar.next_after(now);
        let utc = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let latest = entries
            .iter()
            .filter(|e| e.schedule == section.name && e.state != State::Begun)
            .max_by_key(|e| e.due);
        rows.push([
            Some(section.name.clone()),
            Some(section.report.clone()),
            Some(section.window.name().to_owned()),
            Some(section.cron.clone()),
            next.map(|at| {
                at.with_timezone(&plan.calendar.zone)
                    .format("%a %F %H:%M %Z")
                    .to_string()
            }),
            next.map(utc),
            latest.map(|e| utc(e.due)),
            latest.map(|e| e.state.name().to_owned()),
            latest.and_then(|e| e.message.clone()),
        ]);
    }
    if rows.is_empty() {
        console.say("no schedule is configured; write [[schedule]] in the configuration");
    }
    let names = [
        "name",
        "report",
        "window",
        "cron",
        "next_local",
        "next_utc",
        "latest_due",
        "latest_state",
        "message",
    ];
    let column = |i: usize| texts(rows.iter().map(|row| row[i].as_deref()));
    let columns = names
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, Role::Dimension, "", column(i)))
        .collect();
    show(console, &Frame::of(columns)?)?;
    Ok(Status::Done)
}

/// What is due now, once: for cron or a timer.
pub async fn schedule_once(
    config: &Config,
    name: Option<&str>,
    resend: bool,
    console: &mut dyn Console,
) -> Result<Status> {
    let plans = selected(config, name)?;
    if plans.is_empty() {
        return Err(no_schedule());
    }
    let lake = open::existing(config).await?;
    let journal = LakeJournal::new(&lake)?;
    let job = Scheduled {
        config,
        plans: &plans,
    };
    let runner = runner(config, &plans, &journal, &job);
    let stop = Stop::on_signals(config.clock.clone())?;
    let summary = if resend {
        again(&runner, &journal, &plans).await?
    } else {
        runner.once(&stop, &mut |_| {}).await
    };
    for entry in &summary.entries {
        console.say(&line(entry));
    }
    if summary.entries.is_empty() && summary.troubles.is_empty() {
        console.say("nothing is due");
    }
    match summary.bad() {
        0 => Ok(Status::Done),
        bad => Err(failure(bad, &summary)),
    }
}

/// Follows the schedules until SIGTERM or SIGINT; the run that is being done then is finished.
pub async fn schedule_run(config: &Config, console: &mut dyn Console) -> Result<Status> {
    if config.clock_stands {
        return Err(
            Error::usage("--now stops the clock, and nothing would ever be due")
                .advise("leave it out; `schedule once` runs what is due at a moment of your choice"),
        );
    }
    if config.schedules.is_empty() {
        return Err(no_schedule());
    }
    // What would fail on Monday at seven is told now.
    for plan in &config.schedules {
        can_run(config, plan).map_err(|e| e.context(format!("[[schedule]] {}", plan.name())))?;
    }
    let lake = open::existing(config).await?;
    let journal = LakeJournal::new(&lake)?;
    let plans = &config.schedules;
    let job = Scheduled { config, plans };
    let runner = runner(config, plans, &journal, &job);
    let stop = Stop::on_signals(config.clock.clone())?;
    console.say(&format!(
        "following {} schedules; stop with SIGTERM or Ctrl-C",
        plans.len()
    ));
    let mut told = Telling { console, next: None };
    runner
        .follow(&stop, &mut |summary| told.hear(summary), &mut |_| {})
        .await;
    told.console
        .say("stopped; what is due from now on is done when it runs again");
    Ok(Status::Done)
}

/// The report is there, and so is what is needed to send it.
fn can_run(config: &Config, plan: &Plan) -> Result<()> {
    report::Spec::get(&config.assets, &plan.section.report)?;
    match plan.section.to.is_empty() {
        true => Ok(()),
        false => smtp(config, &plan.section.to).map(drop),
    }
}

fn no_schedule() -> Error {
    Error::usage("no schedule is configured")
        .advise("write [[schedule]] in the configuration; `init` shows how")
}

fn selected(config: &Config, name: Option<&str>) -> Result<Vec<Plan>> {
    let Some(name) = name else {
        return Ok(config.schedules.clone());
    };
    let found: Vec<Plan> = config
        .schedules
        .iter()
        .filter(|p| p.name() == name)
        .cloned()
        .collect();
    if found.is_empty() {
        let names: Vec<&str> = config.schedules.iter().map(Plan::name).collect();
        return Err(Error::usage(format!("there is no schedule '{name}'"))
            .advise(format!("configured: {}", names.join(", "))));
    }
    Ok(found)
}

fn runner<'a>(
    config: &Config,
    plans: &'a [Plan],
    journal: &'a LakeJournal<'a>,
    job: &'a Scheduled<'a>,
) -> Runner<'a> {
    Runner {
        plans,
        journal,
        job,
        clock: config.clock.clone(),
        holder: holder(),
    }
}

/// The latest run of each schedule once more, whatever became of it.
async fn again(runner: &Runner<'_>, journal: &LakeJournal<'_>, plans: &[Plan]) -> Result<Summary> {
    let entries = journal.entries().await?;
    let mut summary = Summary::default();
    for plan in plans {
        let latest = entries
            .iter()
            .filter(|e| e.schedule == plan.name() && e.window.is_some())
            .max_by_key(|e| e.due);
        let Some(latest) = latest else { continue };
        let fresh = Entry {
            state: State::Begun,
            ..latest.clone()
        };
        let claimed = runner
            .carry_out(Some(latest), fresh, chrono::Duration::zero())
            .await;
        match claimed {
            Ok(Claimed::Ran(entry)) => summary.entries.push(*entry),
            Ok(Claimed::Taken) => {}
            Err(error) => summary.troubles.push(format!("{}: {error}", plan.name())),
        }
    }
    Ok(summary)
}

fn line(entry: &Entry) -> String {
    let due = entry.due.to_rfc3339_opts(SecondsFormat::Secs, true);
    let said = entry.message.as_deref().unwrap_or("");
    let again = entry
        .again_at
        .map(|at| format!("; again at {}", at.to_rfc3339_opts(SecondsFormat::Secs, true)))
        .unwrap_or_default();
    format!(
        "{} of {due}: {} ({said}){again}",
        entry.schedule,
        entry.state.name()
    )
}

/// One error for all that went wrong: it is all that is heard with --quiet.
fn failure(bad: usize, summary: &Summary) -> Error {
    let mut text = format!("{bad} scheduled runs need a look");
    let wrong = [State::Failed, State::Unknown, State::Partly];
    for entry in summary.entries.iter().filter(|e| wrong.contains(&e.state)) {
        text.push_str(&format!("\n  {}", line(entry)));
    }
    for trouble in &summary.troubles {
        text.push_str(&format!("\n  {trouble}"));
    }
    Error::io(text).advise(
        "a failed run is tried again by itself where that can help; `schedule once --name NAME --resend` sends the \
         latest one again",
    )
}

/// What a long-lived process says.
struct Telling<'c> {
    console: &'c mut dyn Console,
    next: Option<DateTime<Utc>>,
}

impl Telling<'_> {
    fn hear(&mut self, summary: &Summary) {
        for entry in &summary.entries {
            self.console.say(&line(entry));
        }
        for trouble in &summary.troubles {
            self.console.say(&format!("trouble: {trouble}"));
        }
        if summary.next != self.next {
            self.next = summary.next;
            if let Some(next) = summary.next {
                let next = next.to_rfc3339_opts(SecondsFormat::Secs, true);
                self.console.say(&format!("next at {next}"));
            }
        }
    }
}

/// Makes and sends the report of a schedule.
struct Scheduled<'a> {
    config: &'a Config,
    plans: &'a [Plan],
}

impl Scheduled<'_> {
    /// The configuration with the clock as it is now: this process may have run for weeks.
    fn now(&self) -> Config {
        Config {
            settings: Settings {
                now: self.config.clock.now(),
                ..self.config.settings.clone()
            },
            ..self.config.clone()
        }
    }

    fn plan(&self, entry: &Entry) -> Result<&Plan> {
        self.plans
            .iter()
            .find(|p| p.name() == entry.schedule)
            .ok_or_else(|| Error::internal(format!("{} is not followed", entry.schedule)))
    }
}

fn window(entry: &Entry) -> Result<Window> {
    entry
        .window
        .ok_or_else(|| Error::internal(format!("a run of {} has no window", entry.schedule)))
}

#[async_trait(?Send)]
impl Job for Scheduled<'_> {
    async fn late(&self, entry: &Entry) -> Result<Option<String>> {
        let config = self.now();
        let engine = open::engine(&config).await?;
        report::late(&engine, &config.settings, window(entry)?).await
    }

    async fn prepare(&self, entry: &Entry) -> Result<Box<dyn Ready>> {
        let section = &self.plan(entry)?.section;
        let window = window(entry)?;
        let config = Config {
            window: Some(window),
            ..self.now()
        };
        // A mail server that is not set up is told before the work.
        let smtp = match section.to.is_empty() {
            true => None,
            false => Some(smtp(&config, &section.to)?),
        };
        let document = document(&config, &entry.report).await?;
        let attach = section.formats.clone().unwrap_or_else(attached_by_default);
        Ok(Box::new(Package {
            parcel: parcel(&config, &document, &entry.run_id, &attach)?,
            folder: section
                .folder
                .as_deref()
                .map(|path| folder(&config, path, &entry.report, window)),
            smtp,
        }))
    }
}

/// Waits by the clock of the machine, and hears SIGTERM and SIGINT.
struct Stop {
    asked: watch::Receiver<bool>,
    clock: Arc<dyn Clock>,
}

/// A machine that slept or whose clock was set notices within this time.
const SLICE: Duration = Duration::from_secs(30);

impl Stop {
    fn on_signals(clock: Arc<dyn Clock>) -> Result<Stop> {
        Ok(Stop {
            asked: signals::asked_to_stop()?,
            clock,
        })
    }
}

#[async_trait]
impl Alarm for Stop {
    async fn until(&self, moment: Option<DateTime<Utc>>) -> Wake {
        let mut asked = self.asked.clone();
        loop {
            let left = moment.map(|m| (m - self.clock.now()).to_std().unwrap_or_default());
            if left == Some(Duration::ZERO) {
                return Wake::Due;
            }
            let nap = left.map_or(SLICE, |left| left.min(SLICE));
            let stop = asked.wait_for(|asked| *asked);
            if tokio::time::timeout(nap, stop).await.is_ok() {
                return Wake::Stop;
            }
        }
    }

    fn stopping(&self) -> bool {
        *self.asked.borrow()
    }
}
