//! Commands that begin with a backslash: what was typed, and nothing of how it is done. Pure.

use super::options::Setting;
use crate::base::{Error, Result, quantity};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// All relations, or one with its columns.
    Describe(Option<String>),
    Tables,
    Views,
    /// Functions whose name or explanation has the word.
    Functions(Option<String>),
    /// Metrics in whose name, title or description the words stand.
    Metrics(Option<String>),
    /// What a metric means.
    Metric(String),
    MetricRun(MetricRun),
    /// Where answers go; none: to the screen again.
    Output(Option<PathBuf>),
    Include(PathBuf),
    /// The last statement, again and again.
    Watch(Duration),
    Set(Setting),
    /// All settings as they are.
    Settings,
    Refresh,
    Help,
    Quit,
}

/// A metric and what it is run with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MetricRun {
    pub(super) name: String,
    pub(super) by: Option<Vec<String>>,
    pub(super) set: Vec<(String, String)>,
    pub(super) period: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// What `\?` says: command, arguments, meaning.
pub(super) const HELP: [(&str, &str, &str); 20] = [
    (
        "\\d",
        "[NAME]",
        "tables and views, or the columns of one with unit and meaning",
    ),
    ("\\dt", "", "tables: the facts of the lake and the registry"),
    ("\\dv", "", "views"),
    ("\\df", "[WORD]", "functions"),
    ("\\m", "[WORD]", "metrics; with the name of one: what it means"),
    (
        "\\m NAME run",
        "[--by COL,…] [--set K=V] [--period 2026-10 | --from D --to D]",
        "its figures",
    ),
    (
        "\\x",
        "[on|off|auto]",
        "each row as lines of name and value; auto: where it does not fit",
    ),
    ("\\o", "[FILE]", "answers go to a file, or to the screen again"),
    (
        "\\format",
        "NAME",
        "table, csv, json, ndjson, markdown or parquet",
    ),
    (
        "\\pset",
        "[format|null|pager|expanded|timing VALUE]",
        "how answers are shown; alone: as it is now",
    ),
    ("\\limit", "[ROWS|off]", "an answer with more rows is an error"),
    (
        "\\timeout",
        "[30s|off]",
        "a statement that takes longer is stopped",
    ),
    ("\\timing", "[on|off]", "how long each statement takes"),
    (
        "\\watch",
        "[SECONDS]",
        "the last statement again every 2 seconds, until Ctrl-C",
    ),
    ("\\i", "FILE", "run a script"),
    ("\\refresh", "", "look for new facts in the lake now"),
    ("\\?", "", "this help"),
    ("\\q", "", "leave; so does Ctrl-D"),
    (
        "Tab",
        "",
        "completes tables, columns, metrics, functions and keywords",
    ),
    (
        "Ctrl-C",
        "",
        "stops the running statement, or drops what is typed",
    ),
];

/// Every command by the word it begins with.
pub(super) const NAMES: [&str; 18] = [
    "\\d",
    "\\dt",
    "\\dv",
    "\\df",
    "\\m",
    "\\x",
    "\\o",
    "\\format",
    "\\pset",
    "\\limit",
    "\\timeout",
    "\\timing",
    "\\watch",
    "\\i",
    "\\refresh",
    "\\?",
    "\\h",
    "\\q",
];

const WATCH_EVERY: Duration = Duration::from_secs(2);

/// The command of a line. A `;` at its end is a habit and no mistake.
pub(super) fn parse(line: &str) -> Result<Command> {
    let words = words(line.trim().trim_end_matches(';'))?;
    let (name, arguments) = words
        .split_first()
        .ok_or_else(|| Error::usage("there is no command here").advise("\\? lists the commands"))?;
    let one = || -> Result<Option<String>> {
        match arguments {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            [_, more, ..] => Err(wrong(name, format!("'{more}' is one word too many"))),
        }
    };
    let need = |what: &str| one()?.ok_or_else(|| wrong(name, format!("{what} is missing")));
    Ok(match name.as_str() {
        "\\d" | "\\d+" => Command::Describe(one()?),
        "\\dt" => Command::Tables,
        "\\dv" => Command::Views,
        "\\df" => Command::Functions(one()?),
        "\\m" => metric(arguments)?,
        "\\x" => Command::Set(Setting::Expanded(one()?)),
        "\\o" => Command::Output(one()?.map(PathBuf::from)),
        "\\i" => Command::Include(PathBuf::from(need("the file")?)),
        "\\format" => Command::Set(Setting::Format(need("the format")?)),
        "\\limit" => Command::Set(Setting::Rows(one()?)),
        "\\timeout" => Command::Set(Setting::Timeout(one()?)),
        "\\timing" => Command::Set(Setting::Timing(one()?)),
        "\\pset" => match arguments {
            [] => Command::Settings,
            [what, value @ ..] => Command::Set(Setting::named(what, &value.join(" "))?),
        },
        "\\watch" => Command::Watch(match one()? {
            None => WATCH_EVERY,
            Some(text) => quantity::duration(&text)
                .ok_or_else(|| wrong(name, format!("'{text}' is no length of time")))?,
        }),
        "\\refresh" => Command::Refresh,
        "\\?" | "\\h" | "\\help" => Command::Help,
        "\\q" | "\\quit" => Command::Quit,
        other => {
            let near = NAMES
                .iter()
                .map(|known| (strsim::damerau_levenshtein(other, known), *known))
                .min()
                .filter(|(slips, _)| *slips <= 2);
            let error = Error::usage(format!("there is no command {other}"));
            return Err(match near {
                Some((_, known)) => error.advise(format!("did you mean {known}? \\? lists the commands")),
                None => error.advise("\\? lists the commands"),
            });
        }
    })
}

fn wrong(command: &str, why: String) -> Error {
    let usage = HELP
        .iter()
        .find(|(name, ..)| name.split(' ').next() == Some(command))
        .map_or_else(
            || command.to_owned(),
            |(name, arguments, _)| format!("{name} {arguments}"),
        );
    Error::usage(format!("{command}: {why}")).advise(usage.trim_end().to_owned())
}

fn metric(arguments: &[String]) -> Result<Command> {
    let Some((name, options)) = arguments.split_first() else {
        return Ok(Command::Metrics(None));
    };
    if options.is_empty() {
        // A metric's name has its area in front; a word without is looked for.
        return Ok(match name.contains('/') {
            true => Command::Metric(name.clone()),
            false => Command::Metrics(Some(name.clone())),
        });
    }
    let mut run = MetricRun {
        name: name.clone(),
        ..MetricRun::default()
    };
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        if option == "run" {
            continue;
        }
        let (key, value) = match option.split_once('=') {
            Some((key, value)) if key.starts_with("--") => (key, Some(value.to_owned())),
            _ => (option.as_str(), rest.next().cloned()),
        };
        let value = value.ok_or_else(|| wrong("\\m", format!("{key} needs a value")))?;
        match key {
            "--by" => {
                run.by = Some(
                    value
                        .split(',')
                        .filter(|c| !c.is_empty())
                        .map(str::to_owned)
                        .collect(),
                )
            }
            "--set" => {
                let (key, value) = value
                    .split_once('=')
                    .ok_or_else(|| wrong("\\m", format!("--set {value}: write it as key=value")))?;
                run.set.push((key.to_owned(), value.to_owned()));
            }
            "--period" => run.period = Some(value),
            "--from" => run.from = Some(value),
            "--to" => run.to = Some(value),
            other => return Err(wrong("\\m", format!("there is no option {other}"))),
        }
    }
    Ok(Command::MetricRun(run))
}

/// Words between blanks; quotes hold a word with blanks together.
fn words(line: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => found.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(Error::usage("a quote is left open").advise("close it in the same line"));
    }
    found.extend(word);
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_are_read_with_their_arguments() {
        let of = |line: &str| parse(line).unwrap();
        assert_eq!(of("\\d"), Command::Describe(None));
        assert_eq!(of(" \\d charges; "), Command::Describe(Some("charges".into())));
        assert_eq!(of("\\q"), Command::Quit);
        assert_eq!(of("\\m"), Command::Metrics(None));
        assert_eq!(of("\\m latency"), Command::Metrics(Some("latency".into())));
        assert_eq!(
            of("\\m unit/cost_per_query"),
            Command::Metric("unit/cost_per_query".into())
        );
        assert_eq!(
            of("\\o 'my answers.csv'"),
            Command::Output(Some("my answers.csv".into()))
        );
        assert_eq!(of("\\watch 0.5"), Command::Watch(Duration::from_millis(500)));
        assert_eq!(of("\\pset null ''"), Command::Set(Setting::Null(String::new())));
        assert_eq!(of("\\x"), Command::Set(Setting::Expanded(None)));
        let run = MetricRun {
            name: "spend/daily".into(),
            by: Some(vec!["team".into(), "scope".into()]),
            set: vec![("top".into(), "5".into())],
            period: Some("2026-10".into()),
            ..MetricRun::default()
        };
        for line in [
            "\\m spend/daily run --by team,scope --set top=5 --period 2026-10",
            "\\m spend/daily --by=team,scope --set top=5 --period=2026-10",
        ] {
            assert_eq!(of(line), Command::MetricRun(run.clone()), "{line}");
        }
        assert_eq!(
            of("\\m spend/daily run"),
            Command::MetricRun(MetricRun {
                name: "spend/daily".into(),
                ..MetricRun::default()
            })
        );
    }

    #[test]
    fn a_slip_is_met_with_the_command_that_was_meant() {
        for (line, told) in [
            ("\\timng", "did you mean \\timing?"),
            ("\\i", "\\i FILE"),
            ("\\d a b", "\\d [NAME]"),
            ("\\watch soon", "\\watch [SECONDS]"),
            ("\\m a/b --by", "\\m [WORD]"),
            ("\\o 'half", "close it"),
            ("\\pset colour red", "one of"),
            ("\\gibberish", "lists the commands"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(
                error.advice().unwrap().contains(told),
                "{line}: {error}, {:?}",
                error.advice()
            );
        }
    }

    #[test]
    fn help_and_completion_know_the_same_commands() {
        for name in NAMES {
            let helped = HELP
                .iter()
                .any(|(known, ..)| known.split(' ').next() == Some(name));
            assert!(helped || name == "\\h", "{name} is not explained");
        }
        for (name, ..) in HELP.iter().filter(|(name, ..)| name.starts_with('\\')) {
            assert!(
                NAMES.iter().any(|known| name.split(' ').next() == Some(known)),
                "{name} is not completed"
            );
        }
    }
}
