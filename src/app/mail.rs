//! Reports by mail: what goes into one, and `report NAME --email`, which is a run in the journal like any
//! other, so that the same report does not go twice.

use super::journal::LakeJournal;
use super::report::{FORMATS, Rendering, document, formats_or_all, renderings, write_document};
use super::{Console, Status, open};
use crate::base::time::{Window, local_midnight};
use crate::base::{Context, Error, ErrorKind, Result, seed};
use crate::config::Config;
use crate::deliver::{self, Courier, Folder, Outcome, Parcel, Smtp};
use crate::render::document::Document;
use crate::render::mail;
use crate::schedule::{Claimed, Entry, Job, Journal, Ready, Runner, State};
use async_trait::async_trait;
use chrono::Duration;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct MailRequest {
    pub report: String,
    /// Where the files go as well.
    pub out: PathBuf,
    /// Formats of the files, which are attached too. Empty: all are written, and the workbook is attached.
    pub formats: Vec<String>,
    /// Empty: those of `[smtp]`.
    pub to: Vec<String>,
    /// Send although the journal says that it has been, or may have been.
    pub resend: bool,
}

/// A mail server with receivers. Looks its secrets up, so that what is missing is told before any work.
pub(super) fn smtp(config: &Config, to: &[String]) -> Result<Smtp> {
    let section = config.smtp.as_ref().ok_or_else(|| {
        Error::config("no mail server is named")
            .advise("write [smtp] with url = { env = \"SMTP_URL\" } and from = \"finops@example.com\"")
    })?;
    let url = config.secret(&section.url).map_err(|e| e.context("[smtp] url"))?;
    let roots = match &section.ca_file {
        None => None,
        Some(path) => {
            let path = config.beside(path);
            Some(std::fs::read(&path).with_context(|| format!("[smtp] ca_file {}", path.display()))?)
        }
    };
    Smtp::new(section, &url, roots.as_deref(), to)
}

/// The formats that come with a mail when nobody has said which: a spreadsheet where there is one.
pub(super) fn attached_by_default() -> Vec<String> {
    let preferred = ["xlsx", "html"].into_iter().find(|f| FORMATS.contains(f));
    preferred.map(str::to_owned).into_iter().collect()
}

/// A report as a parcel: text, page and picture say the same, since they are one document's.
pub(super) fn parcel(
    config: &Config,
    document: &Document,
    run_id: &str,
    attach: &[String],
) -> Result<Parcel> {
    let attach: Vec<&str> = attach
        .iter()
        .map(String::as_str)
        .filter(|f| *f != "png")
        .collect();
    let file = |r: Rendering| deliver::File {
        name: r.file_name,
        media_type: r.media_type,
        bytes: r.bytes,
    };
    let attachments: Vec<deliver::File> = renderings(document, &attach)?.into_iter().map(file).collect();
    let picture = renderings(document, &["png"])?.into_iter().map(file).next();
    let short: String = run_id.chars().take(16).collect();
    let content_id = format!("{}.{short}@spendscope", document.name);
    let names: Vec<String> = attachments.iter().map(|f| f.name.clone()).collect();
    Ok(Parcel {
        run_id: run_id.to_owned(),
        subject: mail::subject(document),
        text: mail::text(document, &names),
        html: mail::html(document, picture.as_ref().map(|_| content_id.as_str()), &names)?,
        picture: picture.map(|picture| (content_id, picture)),
        attachments,
        date: config.settings.now,
    })
}

/// A report that is ready to go: first into its folder, where a second time does no harm, then by mail.
pub(super) struct Package {
    pub(super) parcel: Parcel,
    pub(super) folder: Option<Folder>,
    pub(super) smtp: Option<Smtp>,
}

#[async_trait(?Send)]
impl Ready for Package {
    fn message_id(&self) -> Option<String> {
        let smtp = self.smtp.as_ref()?;
        Some(deliver::message::message_id(&self.parcel.run_id, smtp.from()))
    }

    async fn hand_over(self: Box<Self>) -> Outcome {
        let put = match &self.folder {
            None => None,
            Some(folder) => match folder.deliver(&self.parcel).await {
                Outcome::Sent(what) => Some(what),
                other => return other,
            },
        };
        let sent = match &self.smtp {
            None => Outcome::Sent(put.clone().unwrap_or_default()),
            Some(smtp) => smtp.deliver(&self.parcel).await,
        };
        match (sent, put) {
            (Outcome::Sent(what), Some(put)) if self.smtp.is_some() => {
                Outcome::Sent(format!("{what}; {put}"))
            }
            (sent, _) => sent,
        }
    }
}

/// The one report that is mailed by hand.
struct ByHand<'a> {
    config: &'a Config,
    request: &'a MailRequest,
    document: Document,
    to: Vec<String>,
}

#[async_trait(?Send)]
impl Job for ByHand<'_> {
    /// Whoever asks by hand does not want to wait; the stamps say what is missing.
    async fn late(&self, _: &Entry) -> Result<Option<String>> {
        Ok(None)
    }

    async fn prepare(&self, entry: &Entry) -> Result<Box<dyn Ready>> {
        let attach = match self.request.formats.is_empty() {
            true => attached_by_default(),
            false => self.request.formats.clone(),
        };
        Ok(Box::new(Package {
            parcel: parcel(self.config, &self.document, &entry.run_id, &attach)?,
            folder: None,
            smtp: Some(smtp(self.config, &self.to)?),
        }))
    }
}

/// The run that `report NAME --email` is: one for each report, window, receivers and day, so that a second
/// time is noticed and the next morning is another.
fn by_hand(config: &Config, report: &str, window: Window, to: &[String]) -> Entry {
    let mut receivers: Vec<String> = to.iter().map(|to| to.trim().to_lowercase()).collect();
    receivers.sort();
    let settings = &config.settings;
    let day = settings.now.with_timezone(&settings.zone).date_naive();
    let due = local_midnight(day, settings.zone);
    let identity = [
        window.from.to_rfc3339(),
        window.to.to_rfc3339(),
        due.to_rfc3339(),
        settings.currency.clone(),
        settings.basis.name().to_owned(),
        receivers.join(","),
    ];
    let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
    Entry {
        window: Some(window),
        ..Entry::new(&format!("report {report}"), report, due, &identity)
    }
}

/// Makes the report, writes its files, and mails it unless it has been.
pub async fn mail_report(
    config: &Config,
    request: &MailRequest,
    console: &mut dyn Console,
) -> Result<Status> {
    let section = config.smtp.as_ref();
    let to = match (request.to.is_empty(), section) {
        (true, Some(section)) => section.to.clone(),
        _ => request.to.clone(),
    };
    // What is wrong with the mail set-up is told before the report is made.
    let formats = formats_or_all(&request.formats)?;
    smtp(config, &to)?;
    let window = config.window_or_month()?;
    let lake = open::existing(config).await?;
    let journal = LakeJournal::new(&lake)?;
    let entry = by_hand(config, &request.report, window, &to);
    let entries = journal.entries().await?;
    let mut held = entries.into_iter().find(|e| e.run_id == entry.run_id);
    let now = config.clock.now();
    if let Some(dead) = held.take_if(|held| held.state == State::Sending && held.is_abandoned(now)) {
        let lost = dead.lost(now);
        journal.put(Some(&dead), &lost).await?;
        held = Some(lost);
    }
    if let Some(held) = held
        .as_ref()
        .filter(|held| !request.resend && !may_go(held, config))
    {
        return already(held, config, console);
    }
    let document = document(config, &request.report).await?;
    write_document(&document, &formats, &request.out, console)?;
    let job = ByHand {
        config,
        request,
        document,
        to,
    };
    let runner = Runner {
        plans: &[],
        journal: &journal,
        job: &job,
        clock: config.clock.clone(),
        holder: holder(),
    };
    let entry = Entry {
        attempts: held.as_ref().map_or(0, |held| held.attempts),
        ..entry
    };
    match runner.carry_out(held.as_ref(), entry, Duration::zero()).await? {
        Claimed::Ran(entry) => ended(&entry, &job.request.report, console),
        Claimed::Taken => Err(Error::lake("another process is mailing this report")
            .advise("look at it with: spendscope sql -c \"SELECT * FROM schedule_runs\"")),
    }
}

/// A run of which it is certain that nobody has its mail.
fn may_go(held: &Entry, config: &Config) -> bool {
    match held.state {
        State::Failed => true,
        State::Running => held.is_abandoned(config.clock.now()),
        _ => false,
    }
}

fn already(held: &Entry, config: &Config, console: &mut dyn Console) -> Result<Status> {
    let said = held.message.as_deref().unwrap_or("");
    let again = "--resend sends it again, under the same Message-ID";
    match held.state {
        State::Sent => {
            console.say(&format!("this report has been mailed today: {said}; {again}"));
            Ok(Status::Done)
        }
        State::Running | State::Sending if !held.is_abandoned(config.clock.now()) => Err(Error::lake(
            "another process is mailing this report, or has died while it did",
        )
        .advise(format!("wait for it; {again}"))),
        state => Err(unknown(&format!(
            "this report was mailed today, and ended as {}: {said}",
            state.name()
        ))
        .advise(again)),
    }
}

fn unknown(text: &str) -> Error {
    Error::new(ErrorKind::Io, text)
}

fn ended(entry: &Entry, report: &str, console: &mut dyn Console) -> Result<Status> {
    let said = entry.message.as_deref().unwrap_or("");
    match entry.state {
        State::Sent => {
            console.say(&format!("mailed {report}: {said}"));
            Ok(Status::Done)
        }
        State::Partly => Err(unknown(&format!("{report} was mailed in part: {said}"))),
        State::Unknown => Err(unknown(&format!("mailing {report}: {said}"))
            .advise("ask the receivers; --resend sends it again, under the same Message-ID")),
        _ => Err(unknown(&format!("{report} was not mailed: {said}"))),
    }
}

/// A name that no other process has.
pub(super) fn holder() -> String {
    format!("{}-{:016x}", std::process::id(), seed::nonce())
}

/// Where a file of a window goes: `board-2026-10-01.png`.
pub(super) fn stem(config: &Config, report: &str, window: Window) -> String {
    let first = window.from.with_timezone(&config.settings.zone);
    format!("{report}-{}", first.format("%F"))
}

pub(super) fn folder(config: &Config, path: &Path, report: &str, window: Window) -> Folder {
    Folder {
        path: config.beside(path),
        stem: stem(config, report, window),
    }
}
