//! The one configuration file. Unknown keys are errors; the registry's sections belong to `engine`.

use super::Privacy;
use crate::base::{Context, Error, Result};
use crate::deliver::smtp;
use crate::engine::Registry;
use crate::pull::Connectors;
use crate::schedule;
use crate::serve;
use serde::Deserialize;
use std::path::Path;

/// What `init` writes: every section, explained.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Sections that are not the registry's.
const OWN: [&str; 8] = [
    "lake",
    "reporting",
    "limits",
    "privacy",
    "pull",
    "smtp",
    "schedule",
    "serve",
];

#[derive(Debug, Clone, Default)]
pub struct ConfigFile {
    pub lake: Lake,
    pub reporting: Reporting,
    pub limits: SqlLimits,
    pub privacy: Privacy,
    pub registry: Registry,
    pub pull: Connectors,
    pub smtp: Option<smtp::Section>,
    pub schedules: Vec<schedule::Section>,
    pub serve: serve::Section,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lake {
    pub url: String,
    /// How long `--as-of` reaches back whatever `lake vacuum` removes.
    pub keep_history: String,
}

impl Default for Lake {
    fn default() -> Self {
        Lake {
            url: "./lake".to_owned(),
            keep_history: "400d".to_owned(),
        }
    }
}

/// How far queries may go; the options of the same names go before.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlLimits {
    pub timeout: Option<String>,
    pub max_rows: Option<u64>,
    pub memory: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reporting {
    pub currency: String,
    pub time_zone: String,
    pub basis: String,
}

impl Default for Reporting {
    fn default() -> Self {
        Reporting {
            currency: "USD".to_owned(),
            time_zone: "UTC".to_owned(),
            basis: "effective".to_owned(),
        }
    }
}

impl ConfigFile {
    pub fn read(path: &Path) -> Result<ConfigFile> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("configuration {}", path.display()))?;
        ConfigFile::parse(&text).map_err(|e| e.context(format!("configuration {}", path.display())))
    }

    pub fn parse(text: &str) -> Result<ConfigFile> {
        let config: toml::Table = toml::from_str(text).map_err(|e| unreadable(text, &e))?;
        let known = |key: &str| OWN.contains(&key) || Registry::SECTIONS.contains(&key);
        if let Some(key) = config.keys().find(|key| !known(key)) {
            let sections = OWN
                .iter()
                .chain(&Registry::SECTIONS)
                .copied()
                .collect::<Vec<_>>()
                .join(", ");
            return Err(
                Error::config(format!("there is no section '{key}'")).advise(format!("sections: {sections}"))
            );
        }
        Ok(ConfigFile {
            lake: section(&config, "lake")?,
            reporting: section(&config, "reporting")?,
            limits: section(&config, "limits")?,
            privacy: section(&config, "privacy")?,
            registry: Registry::from_config(&config)?,
            pull: match config.get("pull") {
                Some(section) => Connectors::parse(section)?,
                None => Connectors::default(),
            },
            smtp: mail(&config)?,
            schedules: section(&config, "schedule")?,
            serve: section(&config, "serve")?,
        })
    }
}

fn mail(config: &toml::Table) -> Result<Option<smtp::Section>> {
    let mail: Option<smtp::Section> = section(config, "smtp")?;
    if let Some(section) = &mail {
        section.validate().map_err(|e| e.context("[smtp]"))?;
    }
    Ok(mail)
}

/// Where the file stops being TOML. The line itself is not shown: a secret may stand in it.
fn unreadable(text: &str, error: &toml::de::Error) -> Error {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map_or(1, |before| before.matches('\n').count() + 1);
    Error::config(format!("line {line}: {}", error.message()))
}

fn section<T: Default + for<'de> Deserialize<'de>>(config: &toml::Table, name: &str) -> Result<T> {
    match config.get(name) {
        None => Ok(T::default()),
        Some(value) => value
            .clone()
            .try_into()
            .map_err(|e: toml::de::Error| Error::config(e.message().to_owned()).context(format!("[{name}]"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_valid_and_unknown_keys_are_not() {
        let file = ConfigFile::parse(EXAMPLE).unwrap();
        assert_eq!(file.reporting.currency, "USD");
        assert_eq!(file.registry.steps.get("gpu-prod"), Some(&60));
        assert!(file.pull.names().count() > 1);
        assert!(file.smtp.is_some());
        assert_eq!(file.schedules.len(), 1);
        for wrong in [
            "[lake]\nurll = 'x'",
            "[reporting]\ncurrencies = 'x'",
            "[limits]\nrows = 5",
            "[unheard_of]\na = 1",
            "[privacy]\nuser_key = 'in clear'",
            "[privacy]\nuser_key = { vault = 'x' }",
            "[[pull.pigeon]]\nname = 'x'",
            "[smtp]\nurl = 'smtp://127.0.0.1'\nfrom = 'nobody'",
            "[smtp]\nurl = 'smtps://u:hush@h'\nfrom = 'a@b.c'",
            "[smtp]\nurl = 'smtp://127.0.0.1'\nfrom = 'a@b.c'\ntoo = ['a@b.c']",
            "[[schedule]]\nname = 'x'",
            "[[pull.prometheus]]\nname = 'x'\nurl = 'http://h'\nstep = 60",
        ] {
            assert!(ConfigFile::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_shows_no_secret() {
        let wrong = "[lake]\nurl = 'x'\n[[pull.openai_costs]]\nname = 'o'\napi_key = \"sk-hush";
        let error = ConfigFile::parse(wrong).unwrap_err().to_string();
        assert!(error.starts_with("line 5") && !error.contains("hush"), "{error}");
        let wrong = "[[pull.openai_costs]]\nname = 'o'\napi_key = { envv = 'hush' }";
        let error = ConfigFile::parse(wrong).unwrap_err().to_string();
        assert!(
            error.contains("openai_costs") && !error.contains("hush"),
            "{error}"
        );
    }
}
