//! Settings: arguments before environment before file before defaults, each with its origin.
//!
//! The only module that reads the environment. Nothing below `app` knows it.

mod file;
mod privacy;

pub use file::{ConfigFile, EXAMPLE};
pub use privacy::Privacy;

use crate::asset::Assets;
use crate::base::clock::{Clock, FixedClock, SystemClock};
use crate::base::secret::{Secret, SecretString};
use crate::base::time::{Window, from_micros, parse_bound, parse_instant};
use crate::base::user_key::UserKey;
use crate::base::{Context, Error, Result, hash, quantity};
use crate::deliver::smtp;
use crate::engine::cluster::ClusterSettings;
use crate::engine::{Basis, KeptFolder, Limits, Registry, Settings, Values};
use crate::pull::Connectors;
use crate::render::{Draw, RENDERERS};
use crate::schedule::Plan;
use crate::serve;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What the command line (or its environment variables) said; everything optional.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub lake: Option<String>,
    pub config: Option<PathBuf>,
    pub as_of: Option<String>,
    pub now: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub period: Option<String>,
    pub currency: Option<String>,
    pub basis: Option<String>,
    pub tz: Option<String>,
    pub queries: Option<PathBuf>,
    pub book: Option<String>,
    pub book_at: Option<String>,
    pub memory_limit: Option<String>,
    pub timeout: Option<String>,
    pub max_rows: Option<u64>,
    pub allow_files: bool,
    pub values: Vec<String>,
    /// What was called, in words: `lake compact`. Empty where it was no command line.
    pub command: String,
    pub cluster: Option<String>,
    pub cluster_partitions: Option<usize>,
}

/// Everything a command needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    pub lake_url: String,
    /// How far back `--as-of` is promised to reach.
    pub keep_history: TimeDelta,
    /// What was called; the lake's history says so.
    pub command: String,
    /// The configuration file that was read, if any.
    pub file: Option<PathBuf>,
    pub registry: Registry,
    pub privacy: Privacy,
    pub pull: Connectors,
    pub smtp: Option<smtp::Section>,
    pub schedules: Vec<Plan>,
    pub serve: serve::Section,
    pub settings: Settings,
    /// How far somebody's own SQL may go.
    pub limits: Limits,
    /// What its parameters are.
    pub values: Values,
    pub clock: Arc<dyn Clock>,
    /// Somebody set the clock, and it does not go.
    pub clock_stands: bool,
    pub as_of: Option<DateTime<Utc>>,
    /// The window that was asked for; commands have their own default.
    pub window: Option<Window>,
    pub assets: Assets,
}

/// Memory that queries may use before they spill to disk.
const QUERY_MEMORY: usize = 2 << 30;
/// Less is not enough to sort two batches.
const LEAST_MEMORY: usize = 16 << 20;

/// Rows of a view that take less than this are quicker worked out than written and found again.
const WORTH_KEEPING: Duration = Duration::from_millis(150);
/// Fewer facts are quicker worked out as one than month by month.
const WORTH_CUTTING: u64 = 2_000_000;

impl Config {
    pub fn resolve(overrides: &Overrides) -> Result<Config> {
        let path = match &overrides.config {
            Some(path) => Some(path.clone()),
            None => Some(PathBuf::from("spendscope.toml")).filter(|p| p.exists()),
        };
        let file = match &path {
            Some(path) => ConfigFile::read(path)?,
            None => ConfigFile::default(),
        };
        let zone = zone(overrides.tz.as_deref().unwrap_or(&file.reporting.time_zone))?;
        let as_of = overrides
            .as_of
            .as_deref()
            .map(|t| instant("--as-of", t))
            .transpose()?;
        let now = overrides
            .now
            .as_deref()
            .map(|t| instant("--now", t))
            .transpose()?;
        let clock: Arc<dyn Clock> = match as_of.or(now) {
            Some(moment) => Arc::new(FixedClock(moment)),
            None => Arc::new(SystemClock),
        };
        let reporting_currency = currency(&file.reporting.currency)?;
        let lake_url = overrides
            .lake
            .clone()
            .unwrap_or_else(|| lake_url(&file, path.as_deref()));
        let limits = limits(overrides, &file)?;
        let values = values(&overrides.values)?;
        let settings = Settings {
            currency: match &overrides.currency {
                Some(code) => currency(code)?,
                None => reporting_currency.clone(),
            },
            reporting_currency,
            basis: overrides
                .basis
                .as_deref()
                .unwrap_or(&file.reporting.basis)
                .parse::<Basis>()?,
            zone,
            now: clock.now(),
            price_book: overrides.book.clone(),
            price_moment: overrides
                .book_at
                .as_deref()
                .map(|t| instant("--book-at", t))
                .transpose()?,
            memory_limit: memory_limit(overrides, &file)?,
            kept: kept_folder(&lake_url),
            cluster: cluster(overrides)?,
        };
        Ok(Config {
            lake_url,
            keep_history: span("[lake] keep_history", &file.lake.keep_history)?,
            command: overrides.command.clone(),
            registry: file.registry,
            privacy: file.privacy,
            pull: file.pull,
            smtp: file.smtp,
            serve: file.serve,
            schedules: Plan::all(file.schedules, zone, &report_formats())?,
            settings,
            limits,
            values,
            clock_stands: as_of.or(now).is_some(),
            clock,
            as_of,
            window: window(overrides, zone)?,
            assets: match &overrides.queries {
                Some(dir) => Assets::overlay(dir)?,
                None => Assets::builtin(),
            },
            file: path,
        })
    }

    /// Where what a user typed stays from one session to the next.
    pub fn history_file() -> Option<PathBuf> {
        let data = match environment("XDG_DATA_HOME").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(environment("HOME")?).join(".local/share"),
        };
        Some(data.join("spendscope").join("sql_history"))
    }

    /// What shows an answer that is taller than the terminal: a command line.
    pub fn pager() -> String {
        environment("PAGER")
            .filter(|pager| !pager.trim().is_empty())
            .unwrap_or_else(|| "less -FRSX".to_owned())
    }

    /// A path of the configuration: like the lake, it lies beside the file that names it.
    pub fn beside(&self, path: &Path) -> PathBuf {
        let folder = self.file.as_deref().and_then(Path::parent);
        folder.unwrap_or(Path::new("")).join(path)
    }

    /// What users are hashed with, if the configuration says so.
    pub fn user_key(&self) -> Result<Option<UserKey>> {
        let secret = self.privacy.user_key.as_ref();
        let key = secret.map(|secret| UserKey::new(self.secret(secret)?));
        key.transpose().context("[privacy] user_key")
    }

    /// The value of a secret, from where the configuration says it is.
    pub fn secret(&self, secret: &Secret) -> Result<SecretString> {
        let (value, place) = match secret {
            Secret::Literal(value) => return Ok(value.clone()),
            Secret::Env(name) => {
                let place = format!("the environment variable {name}");
                let value = environment(name).ok_or_else(|| {
                    Error::config(format!("{place} is not set")).advise("set it for this command")
                })?;
                (value, place)
            }
            Secret::File(path) => {
                let place = format!("the file {}", path.display());
                let value = std::fs::read_to_string(self.beside(path)).with_context(|| place.clone())?;
                (value, place)
            }
        };
        // Editors end a file with a line end that belongs to nobody's password.
        let value = value.trim_end_matches(['\r', '\n']).to_owned();
        match value.is_empty() {
            true => Err(Error::config(format!("{place} is empty"))),
            false => Ok(SecretString::new(value)),
        }
    }

    /// The window that was asked for, else the month the clock is in.
    pub fn window_or_month(&self) -> Result<Window> {
        match self.window {
            Some(window) => Ok(window),
            None => {
                let month = self
                    .settings
                    .now
                    .with_timezone(&self.settings.zone)
                    .format("%Y-%m")
                    .to_string();
                Window::month(&month, self.settings.zone)
            }
        }
    }
}

/// What a report can be rendered as.
fn report_formats() -> Vec<&'static str> {
    let whole = |r: &&crate::render::Renderer| matches!(r.draw, Draw::Document(_));
    RENDERERS.iter().filter(whole).map(|r| r.name).collect()
}

/// A relative lake in a configuration file lies beside that file, wherever the command is run from.
fn lake_url(file: &ConfigFile, path: Option<&Path>) -> String {
    let url = &file.lake.url;
    let relative = !url.contains("://") && Path::new(url).is_relative();
    match path
        .and_then(Path::parent)
        .filter(|p| relative && !p.as_os_str().is_empty())
    {
        Some(folder) => folder.join(url).to_string_lossy().into_owned(),
        None => url.clone(),
    }
}

/// Rows of kept views stay in a lake that is a folder; for one on a server, in the user's cache.
fn kept_folder(lake_url: &str) -> Option<KeptFolder> {
    let local = lake_url.strip_prefix("file://").unwrap_or(lake_url);
    let path = if local.contains("://") {
        let cache = match environment("XDG_CACHE_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(environment("HOME")?).join(".cache"),
        };
        cache
            .join("spendscope")
            .join(&hash::content_hash(lake_url.as_bytes())[..24])
    } else {
        Path::new(local).join(".kept")
    };
    let program = std::env::current_exe().and_then(|path| {
        let about = std::fs::metadata(path)?;
        Ok(format!("{} {:?}", about.len(), about.modified()?))
    });
    Some(KeptFolder {
        path,
        program: program.ok()?,
        worth: WORTH_KEEPING,
        months_from: WORTH_CUTTING,
    })
}

fn memory_limit(overrides: &Overrides, file: &ConfigFile) -> Result<usize> {
    let text = overrides.memory_limit.as_ref().or(file.limits.memory.as_ref());
    let Some(text) = text else {
        return Ok(QUERY_MEMORY);
    };
    quantity::bytes(text)
        .filter(|bytes| *bytes >= LEAST_MEMORY)
        .ok_or_else(|| {
            Error::usage(format!(
                "'{text}' is not an amount of memory that queries can work with"
            ))
            .advise("write 512MB or 4GB; 16MB is the least")
        })
}

fn values(pairs: &[String]) -> Result<Values> {
    let pair = |pair: &String| match pair.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().trim_start_matches('$').to_owned(), value.to_owned()))
        }
        _ => Err(Error::usage(format!("--param {pair} names no value")).advise("write --param NAME=VALUE")),
    };
    pairs.iter().map(pair).collect()
}

fn limits(overrides: &Overrides, file: &ConfigFile) -> Result<Limits> {
    let timeout = overrides.timeout.as_ref().or(file.limits.timeout.as_ref());
    let timeout = timeout.map(|text| {
        quantity::duration(text).ok_or_else(|| {
            Error::usage(format!("'{text}' is not a length of time")).advise("write 30s, 500ms or 5min")
        })
    });
    Ok(Limits {
        timeout: timeout.transpose()?,
        rows: overrides.max_rows.or(file.limits.max_rows),
        files: overrides.allow_files,
    })
}

/// Rows of a scan on a cluster are cut into so many parts, unless `--cluster-partitions` says otherwise.
const CLUSTER_PARTITIONS: usize = 8;

fn cluster(overrides: &Overrides) -> Result<Option<ClusterSettings>> {
    let partitions = overrides.cluster_partitions.unwrap_or(CLUSTER_PARTITIONS);
    let url = overrides.cluster.as_deref();
    url.map(|url| ClusterSettings::new(url, partitions)).transpose()
}

fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::usage(format!("'{name}' is not a time zone"))
            .advise("use an IANA name such as Europe/Berlin or UTC")
    })
}

/// A moment that an option names.
pub fn instant(option: &str, text: &str) -> Result<DateTime<Utc>> {
    parse_instant(text).map(from_micros).ok_or_else(|| {
        Error::usage(format!("{option}: '{text}' is not a moment"))
            .advise("write 2026-10-01T12:00:00Z or 2026-10-01")
    })
}

/// A length of time that an option or a key names.
pub fn span(option: &str, text: &str) -> Result<TimeDelta> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number = digits.parse::<u32>().ok().map(i64::from);
    let span = match (number, text[digits.len()..].trim()) {
        (Some(n), "d" | "day" | "days") => TimeDelta::try_days(n),
        (Some(n), "h" | "hour" | "hours") => TimeDelta::try_hours(n),
        (Some(n), "w" | "week" | "weeks") => TimeDelta::try_weeks(n),
        _ => None,
    };
    span.ok_or_else(|| {
        Error::usage(format!("{option}: '{text}' is no length of time")).advise("write 30d, 12h or 52w")
    })
}

/// When the program was put where it is: rows that were kept before are another program's.
pub fn program_since() -> Option<SystemTime> {
    let path = std::env::current_exe().ok()?;
    std::fs::metadata(path).ok()?.modified().ok()
}

fn currency(text: &str) -> Result<String> {
    if text.eq_ignore_ascii_case("native") {
        return Ok("native".to_owned());
    }
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err(Error::usage(format!("'{text}' is not a currency"))
        .advise("use an ISO 4217 code such as EUR, or 'native' for each amount in its own currency"))
}

/// The window that the command line names, if it does.
pub fn window(overrides: &Overrides, zone: Tz) -> Result<Option<Window>> {
    if let Some(month) = &overrides.period {
        return Window::month(month, zone).map(Some);
    }
    match (&overrides.from, &overrides.to) {
        (None, None) => Ok(None),
        (Some(from), Some(to)) => Window::new(parse_bound(from, zone)?, parse_bound(to, zone)?).map(Some),
        _ => Err(Error::usage("--from and --to belong together").advise("or use --period 2026-10")),
    }
}

/// One variable of the environment, which the configuration names.
fn environment(name: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods)] // this module is the one that reads the environment
    std::env::var(name).ok()
}

/// The environment that object stores take their credentials and endpoints from.
pub fn object_store_environment() -> HashMap<String, String> {
    const PREFIXES: [&str; 5] = ["AWS_", "AZURE_", "GOOGLE_", "GCS_", "SPENDSCOPE_ALLOW_"];
    const GOOGLE: [&str; 4] = [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
    ];
    // A variable that is no text belongs to somebody else.
    #[allow(clippy::disallowed_methods)] // this module is the one that reads the environment
    let all: HashMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    // Where `gcloud auth application-default login` leaves what it was given.
    let login = all
        .get("HOME")
        .map(|home| Path::new(home).join(".config/gcloud/application_default_credentials.json"))
        .filter(|path| path.exists());
    let mut options: HashMap<String, String> = all
        .into_iter()
        .filter(|(name, _)| PREFIXES.iter().any(|p| name.starts_with(p)))
        .collect();
    if let Some(path) = login.filter(|_| !GOOGLE.iter().any(|name| options.contains_key(*name))) {
        options.insert(GOOGLE[0].to_owned(), path.to_string_lossy().into_owned());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_needs_both_ends_and_a_month_follows_the_zone() {
        let mut said = Overrides {
            from: Some("2026-10-01".into()),
            ..Overrides::default()
        };
        assert!(window(&said, Tz::UTC).is_err());
        said.to = Some("2026-10-02T12:00:00Z".into());
        assert_eq!(window(&said, Tz::UTC).unwrap().unwrap().days(), 2);
        let month = Overrides {
            period: Some("2026-10".into()),
            ..Overrides::default()
        };
        let berlin = window(&month, chrono_tz::Europe::Berlin).unwrap().unwrap();
        assert_eq!(berlin.from.to_rfc3339(), "2026-09-30T22:00:00+00:00");
    }

    #[test]
    fn spans_have_a_unit() {
        for (text, hours) in [("30d", 720), ("12h", 12), ("2 weeks", 336), ("0d", 0)] {
            assert_eq!(span("--older-than", text).unwrap().num_hours(), hours, "{text}");
        }
        for text in ["", "30", "d", "-1d", "1.5d", "30m", "9999999999d"] {
            assert!(span("--older-than", text).is_err(), "{text}");
        }
    }

    #[test]
    fn currencies_are_codes_or_native() {
        assert_eq!(currency("usd").unwrap(), "USD");
        assert_eq!(currency("Native").unwrap(), "native");
        assert!(currency("dollars").is_err());
    }
}
