//! What can be set while the shell runs: how answers look, and how far a statement may go. Pure.

use crate::base::{Error, Result, quantity};
use crate::engine::Limits;
use crate::render::{self, rows::Expanded, rows::Layout};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) format: String,
    pub(super) null: String,
    pub(super) expanded: Expanded,
    pub(super) timing: bool,
    pub(super) pager: bool,
    pub(super) limits: Limits,
}

/// One setting and its new value as it was typed; a switch without one is turned over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Format(String),
    Null(String),
    Expanded(Option<String>),
    Timing(Option<String>),
    Pager(Option<String>),
    Rows(Option<String>),
    Timeout(Option<String>),
}

/// What `\pset` can set.
pub(super) const SETTINGS: [&str; 7] = [
    "expanded", "format", "limit", "null", "pager", "timeout", "timing",
];

impl Setting {
    pub(super) fn named(name: &str, value: &str) -> Result<Setting> {
        let maybe = || (!value.is_empty()).then(|| value.to_owned());
        Ok(match name {
            "expanded" | "x" => Setting::Expanded(maybe()),
            "format" => Setting::Format(value.to_owned()),
            "limit" => Setting::Rows(maybe()),
            "null" => Setting::Null(value.to_owned()),
            "pager" => Setting::Pager(maybe()),
            "timeout" => Setting::Timeout(maybe()),
            "timing" => Setting::Timing(maybe()),
            other => {
                return Err(Error::usage(format!("there is no setting '{other}'"))
                    .advise(format!("one of {}", SETTINGS.join(", "))));
            }
        })
    }
}

impl Options {
    pub(super) fn new(format: &str, limits: Limits) -> Options {
        Options {
            format: format.to_owned(),
            null: Layout::default().null,
            expanded: Expanded::WhenWide,
            timing: false,
            pager: true,
            limits,
        }
    }

    /// Takes a setting over, and says how it stands now.
    pub(super) fn set(&mut self, setting: Setting) -> Result<String> {
        Ok(match setting {
            Setting::Format(name) => {
                render::rows_in(&name, &Layout::default())?;
                self.format = name;
                self.say("format")
            }
            Setting::Null(text) => {
                self.null = text;
                self.say("null")
            }
            Setting::Expanded(value) => {
                self.expanded = match value.as_deref() {
                    None if self.expanded == Expanded::Always => Expanded::WhenWide,
                    None | Some("on") => Expanded::Always,
                    Some("off") => Expanded::Never,
                    Some("auto") => Expanded::WhenWide,
                    Some(other) => return Err(neither(other, "on, off or auto")),
                };
                self.say("expanded")
            }
            Setting::Timing(value) => {
                self.timing = switched(self.timing, value.as_deref())?;
                self.say("timing")
            }
            Setting::Pager(value) => {
                self.pager = switched(self.pager, value.as_deref())?;
                self.say("pager")
            }
            Setting::Rows(value) => {
                self.limits.rows = match value.as_deref() {
                    None | Some("off") => None,
                    Some(text) => Some(
                        text.replace(['_', ','], "")
                            .parse()
                            .map_err(|_| neither(text, "a number of rows, or off"))?,
                    ),
                };
                self.say("limit")
            }
            Setting::Timeout(value) => {
                self.limits.timeout = match value.as_deref() {
                    None | Some("off") => None,
                    Some(text) => {
                        Some(quantity::duration(text).ok_or_else(|| neither(text, "such as 30s, or off"))?)
                    }
                };
                self.say("timeout")
            }
        })
    }

    /// How a setting stands.
    pub(super) fn say(&self, name: &str) -> String {
        let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
        let value = match name {
            "format" => self.format.clone(),
            "null" => format!("'{}'", self.null),
            "expanded" => match self.expanded {
                Expanded::Always => "on".to_owned(),
                Expanded::Never => "off".to_owned(),
                Expanded::WhenWide => "auto".to_owned(),
            },
            "timing" => switch(self.timing),
            "pager" => switch(self.pager),
            "limit" => self
                .limits
                .rows
                .map_or("off".to_owned(), |rows| format!("{rows} rows")),
            _ => self
                .limits
                .timeout
                .map_or("off".to_owned(), |wait| format!("{wait:?}")),
        };
        format!("{name} is {value}")
    }
}

fn neither(text: &str, wanted: &str) -> Error {
    Error::usage(format!("'{text}' cannot be set")).advise(format!("write {wanted}"))
}

fn switched(now: bool, value: Option<&str>) -> Result<bool> {
    match value {
        None => Ok(!now),
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(neither(other, "on or off")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn switches_turn_over_and_values_are_held_to_what_they_may_be() {
        let mut options = Options::new("table", Limits::default());
        let mut set = |name: &str, value: &str| options.set(Setting::named(name, value)?);
        assert_eq!(set("timing", "").unwrap(), "timing is on");
        assert_eq!(set("timing", "").unwrap(), "timing is off");
        assert_eq!(set("x", "").unwrap(), "expanded is on");
        assert_eq!(set("x", "").unwrap(), "expanded is auto");
        assert_eq!(set("expanded", "off").unwrap(), "expanded is off");
        assert_eq!(set("format", "csv").unwrap(), "format is csv");
        assert_eq!(set("limit", "1_000").unwrap(), "limit is 1000 rows");
        assert_eq!(set("limit", "off").unwrap(), "limit is off");
        assert_eq!(set("timeout", "1.5s").unwrap(), "timeout is 1.5s");
        assert_eq!(set("null", "NULL").unwrap(), "null is 'NULL'");
        for (name, value) in [
            ("format", "pdf"),
            ("timing", "maybe"),
            ("limit", "few"),
            ("timeout", "soon"),
            ("x", "y"),
            ("a", "b"),
        ] {
            assert!(set(name, value).is_err(), "{name} {value}");
        }
        for name in SETTINGS {
            assert!(options.say(name).starts_with(name));
        }
    }
}
