//! `[[schedule]]` of the configuration, and the plan it makes.

use super::{Calendar, Span};
use crate::base::{Error, Result};
use crate::deliver::message::mailbox;
use chrono::Duration;
use chrono_tz::Tz;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::PathBuf;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub name: String,
    /// Minute, hour, day, month, weekday.
    pub cron: String,
    /// Of the cron rule; by default the one of the reports.
    #[serde(default)]
    pub time_zone: Option<String>,
    pub report: String,
    pub window: Span,
    /// Who gets it by mail.
    #[serde(default)]
    pub to: Vec<String>,
    /// Where its files are put.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// What is attached to the mail and put into the folder; the picture always is.
    #[serde(default)]
    pub formats: Option<Vec<String>>,
    #[serde(default)]
    pub missed: Missed,
    #[serde(default)]
    pub late: Late,
    #[serde(default = "wait_hours")]
    pub wait_hours: u32,
}

fn wait_hours() -> u32 {
    24
}

/// What becomes of runs that were due while nothing was there to run them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Each is made up for.
    Run,
    /// None is; the next one comes when it is due.
    Skip,
    /// The newest is made up for.
    #[default]
    Latest,
}

/// What to do when the data of the window is not all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// Send with a stamp that says so.
    #[default]
    Send,
    /// Wait up to `wait_hours` for it, then send with the stamp.
    Wait,
}

/// A schedule that can be followed.
#[derive(Debug, Clone)]
pub struct Plan {
    pub section: Section,
    pub calendar: Calendar,
    /// Whose midnights bound the windows.
    pub reporting: Tz,
}

impl Plan {
    /// All plans of a configuration. `formats`: those that a report can be rendered in.
    pub fn all(sections: Vec<Section>, reporting: Tz, formats: &[&str]) -> Result<Vec<Plan>> {
        let mut names = HashSet::new();
        let mut plans = Vec::with_capacity(sections.len());
        for section in sections {
            let name = section.name.clone();
            if !names.insert(name.clone()) {
                return Err(Error::config(format!("two schedules are named '{name}'")));
            }
            let plan = Plan::new(section, reporting, formats)
                .map_err(|e| e.context(format!("[[schedule]] {name}")))?;
            plans.push(plan);
        }
        Ok(plans)
    }

    fn new(section: Section, reporting: Tz, formats: &[&str]) -> Result<Plan> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if section.name.is_empty() || !section.name.chars().all(plain) {
            return Err(Error::config(format!(
                "'{}' is not a name: letters, digits, '-', '_' and '.'",
                section.name
            )));
        }
        if section.to.is_empty() && section.folder.is_none() {
            return Err(Error::config("it goes nowhere")
                .advise("write to = [\"ann@example.com\"], or folder = \"reports\""));
        }
        section.to.iter().try_for_each(|to| mailbox(to).map(drop))?;
        if let Some(unknown) = section
            .formats
            .iter()
            .flatten()
            .find(|format| !formats.contains(&format.as_str()))
        {
            return Err(Error::config(format!("'{unknown}' is not a format of a report"))
                .advise(format!("one of {}", formats.join(", "))));
        }
        let zone = match &section.time_zone {
            None => reporting,
            Some(name) => name.parse().map_err(|_| {
                Error::config(format!("'{name}' is not a time zone"))
                    .advise("use an IANA name such as Europe/Berlin or UTC")
            })?,
        };
        Ok(Plan {
            calendar: Calendar::new(&section.cron, zone)?,
            section,
            reporting,
        })
    }

    pub fn name(&self) -> &str {
        &self.section.name
    }

    /// How long after its due moment a run waits for data.
    pub fn patience(&self) -> Duration {
        match self.section.late {
            Late::Send => Duration::zero(),
            Late::Wait => Duration::hours(i64::from(self.section.wait_hours)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan(lines: &str) -> Result<Plan> {
        let text = format!("name = 'm'\nreport = 'board'\nwindow = 'last_month'\n{lines}");
        let section: Section = toml::from_str(&text).map_err(|e| Error::config(e.message().to_owned()))?;
        Ok(Plan::all(vec![section], Tz::UTC, &["png", "html"])?.remove(0))
    }

    #[test]
    fn a_schedule_says_when_what_and_to_whom() {
        let plan =
            plan("cron = '0 7 * * MON'\ntime_zone = 'Europe/Berlin'\nto = ['a@b.c']\nlate = 'wait'").unwrap();
        assert_eq!(plan.calendar.zone, chrono_tz::Europe::Berlin);
        assert_eq!(plan.patience(), Duration::hours(24));
        assert_eq!(plan.section.missed, Missed::Latest);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name() {
        for wrong in [
            "cron = '0 7 * * MON'",
            "cron = '0 7 * * MOON'\nto = ['a@b.c']",
            "cron = '0 7 * * MON'\nto = ['a@b.c']\ntime_zone = 'Mars/Olympus'",
            "cron = '0 7 * * MON'\nto = ['a@b.c']\nmissed = 'sometimes'",
            "cron = '0 7 * * MON'\nto = ['a@b.c']\nformats = ['docx']",
            "cron = '0 7 * * MON'\nto = ['a@b.c']\nretries = 3",
        ] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
        let error = plan("cron = '0 7 * * MON'").unwrap_err();
        assert!(error.to_string().starts_with("[[schedule]] m: "), "{error}");
    }
}
