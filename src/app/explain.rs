//! `explain`: where a number comes from, from the metric down to the line of the file.

use super::{Console, Status, open};
use crate::base::time::{Window, from_micros};
use crate::base::{Error, Result};
use crate::config::Config;
use crate::frame::{Frame, Role, build};
use crate::metric::{self, Figure, Params, Question, Section, Tie, Value};
use crate::render;
use crate::schema::TableSchema;
use crate::store::{Lake, Version};
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Debug, Default)]
pub struct ExplainRequest {
    pub metric: String,
    /// `column=value`, each picking rows of the result.
    pub at: Vec<String>,
    pub column: Option<String>,
    pub by: Option<Vec<String>>,
    pub set: Vec<String>,
    /// Every single row instead of the page.
    pub rows: bool,
}

/// Groups that a page for people lists; machines get them all.
const LISTED: usize = 25;

pub async fn explain(config: &Config, request: &ExplainRequest, console: &mut dyn Console) -> Result<Status> {
    let format = console.format().to_owned();
    if !request.rows && !PAGES.contains(&format.as_str()) {
        return Err(
            Error::usage(format!("a page of several tables has no {format} form"))
                .advise("add --rows for the single rows, or use -o table, markdown or json"),
        );
    }
    let catalog = open::metrics(config)?;
    let metric = catalog.get(&request.metric)?;
    let window = config.window_or_month()?;
    let pairs = |texts: &[String], option: &str| {
        texts
            .iter()
            .map(|pair| {
                pair.split_once('=')
                    .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
                    .ok_or_else(|| Error::usage(format!("{option} {pair}: write it as column=value")))
            })
            .collect::<Result<Vec<_>>>()
    };
    let question = Question {
        params: Params {
            from: window.from,
            to: window.to,
            by: request.by.clone(),
            set: pairs(&request.set, "--set")?.into_iter().collect(),
        },
        at: pairs(&request.at, "--where")?,
        column: request.column.clone(),
    };
    let engine = open::engine(config).await?;
    let figures = metric::explain(&engine, &config.assets, metric, &question).await?;
    let title = Title {
        metric: metric.name.clone(),
        title: metric.header.title.clone(),
        formula: metric.header.formula.clone(),
        settings: format!(
            "[{}, {}), basis {}, currency {}, zone {}",
            window.from.format("%Y-%m-%d %H:%M"),
            window.to.format("%Y-%m-%d %H:%M"),
            config.settings.basis,
            config.settings.currency,
            config.settings.zone,
        ),
    };
    if request.rows {
        rows(&figures, &format, console).await?;
        for figure in &figures {
            console.say(&format!("{} {}", metric.name, picked(figure)));
            for tie in &figure.ties {
                console.say(&format!("  {}", sentence(tie)));
            }
        }
    } else {
        let commits = Commits::of(&open::lake(config).await?).await?;
        let mut pages = Vec::new();
        for figure in &figures {
            let sections = figure.page().await?;
            let sections = sections
                .into_iter()
                .map(|(section, frame)| Ok((section, commits.beside(frame)?)))
                .collect::<Result<Vec<_>>>()?;
            pages.push((figure, sections));
        }
        let text = match format.as_str() {
            "json" => as_json(&title, &pages)?,
            _ => as_text(&title, &pages, &format, &next_steps(request, config))?,
        };
        console.data(text.as_bytes())?;
    }
    match figures.iter().find(|figure| !figure.ties()) {
        None => Ok(Status::Done),
        Some(figure) => Err(untied(&metric.name, figure)),
    }
}

/// Formats that hold a page.
const PAGES: [&str; 3] = ["table", "markdown", "json"];

fn untied(metric: &str, figure: &Figure<'_>) -> Error {
    let broken: Vec<String> = figure
        .ties
        .iter()
        .filter(|tie| !tie.holds())
        .map(|tie| {
            format!(
                "{}: explained {}, the metric says {}, difference {}",
                tie.name,
                tie.explained.text(),
                tie.value.text(),
                tie.difference()
            )
        })
        .collect();
    Error::internal(format!("{metric} does not tie: {}", broken.join("; ")))
        .advise("its [explain] block and its query disagree; `spendscope metric show` has both")
}

struct Title {
    metric: String,
    title: String,
    formula: String,
    settings: String,
}

type Page<'a> = (&'a Figure<'a>, Vec<(Section, Frame)>);

fn picked(figure: &Figure<'_>) -> String {
    let at: Vec<String> = figure
        .at
        .iter()
        .map(|(name, value)| format!("{name} = {}", value.as_deref().unwrap_or("NULL")))
        .collect();
    match at.is_empty() {
        true => figure.column.clone(),
        false => format!("{} where {}", figure.column, at.join(", ")),
    }
}

fn with_unit(value: Value, unit: &str) -> String {
    match (value, unit) {
        (Value::Missing, _) | (_, "") => value.text(),
        _ => format!("{} {unit}", value.text()),
    }
}

/// `explained 12.5 USD = cost 12.5 USD, 3 rows (Σ amount)`.
fn sentence(tie: &Tie) -> String {
    let unit = tie.unit.as_str();
    let sign = if tie.holds() { "=" } else { "IS NOT" };
    let rest = if tie.holds() {
        String::new()
    } else {
        format!(", difference {}", tie.difference())
    };
    format!(
        "explained {} {sign} {} {}{rest}; {} rows, {}",
        with_unit(tie.explained, unit),
        tie.name,
        with_unit(tie.value, unit),
        tie.rows,
        tie.how,
    )
}

/// The lines that tie a figure: label, value, what it is.
fn tie_lines(figure: &Figure<'_>) -> Vec<(String, String, String)> {
    let mut lines = Vec::new();
    for tie in &figure.ties {
        let unit = tie.unit.as_str();
        lines.push((
            tie.name.clone(),
            with_unit(tie.value, unit),
            "the metric".to_owned(),
        ));
        let verdict = if tie.holds() {
            format!("= {}", tie.how)
        } else {
            format!("DOES NOT TIE, difference {}", tie.difference())
        };
        let rows = if tie.rows == 1 { "row" } else { "rows" };
        lines.push((
            "explained".to_owned(),
            with_unit(tie.explained, unit),
            format!("{verdict}; {} {rows}", tie.rows),
        ));
    }
    lines
}

fn as_text(title: &Title, pages: &[Page<'_>], format: &str, next: &[String]) -> Result<String> {
    let markdown = format == "markdown";
    let mut text = String::new();
    let heading = |text: &mut String, level: usize, words: &str| {
        let _ = match markdown {
            true => writeln!(text, "{} {words}\n", "#".repeat(level)),
            false if level == 1 => writeln!(text, "{words}\n{}", "=".repeat(words.chars().count())),
            false => writeln!(text, "{words}\n{}", "-".repeat(words.chars().count())),
        };
    };
    for (figure, sections) in pages {
        heading(&mut text, 1, &format!("{}: {}", title.metric, title.title));
        let end = if markdown { "  " } else { "" };
        let _ = writeln!(
            text,
            "{}{end}\n{}{end}\n{}\n",
            picked(figure),
            title.settings,
            title.formula
        );
        let lines = tie_lines(figure);
        let width = |part: fn(&(String, String, String)) -> &String| {
            lines
                .iter()
                .map(|line| part(line).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (names, values) = (width(|l| &l.0), width(|l| &l.1));
        for (name, value, words) in &lines {
            let line = format!("{name:<names$}  {value:>values$}  {words}");
            let _ = match markdown {
                true => writeln!(text, "    {line}"),
                false => writeln!(text, "{line}"),
            };
        }
        text.push('\n');
        for (section, frame) in sections {
            heading(&mut text, 2, &section.title);
            let _ = writeln!(
                text,
                "{}{}",
                section.description,
                if markdown { "\n" } else { "" }
            );
            let shown = for_people(frame)?;
            text.push_str(&String::from_utf8_lossy(&render::frame(format, &shown)?));
            if frame.rows() > LISTED {
                let _ = writeln!(text, "… and {} more; -o json lists all", frame.rows() - LISTED);
            }
            text.push('\n');
        }
    }
    heading(&mut text, 2, "Next");
    for line in next {
        let _ = match markdown {
            true => writeln!(text, "    {line}"),
            false => writeln!(text, "  {line}"),
        };
    }
    Ok(text)
}

/// The first rows, for a page.
fn for_people(frame: &Frame) -> Result<Frame> {
    let mut shown = telling(&Frame::new(
        frame.columns.clone(),
        frame.batch.slice(0, frame.rows().min(LISTED)),
    )?)?;
    // Twelve digits name a delivery well enough; that of a file is wanted whole.
    if shown.index("delivery").is_ok() {
        let mut columns = Vec::new();
        for (spec, array) in shown.columns.iter().zip(shown.batch.columns()) {
            let array = match spec.name.as_str() {
                "delivery" => {
                    let texts = (0..shown.rows()).map(|row| shown.text("delivery", row));
                    let texts = texts.collect::<Result<Vec<_>>>()?;
                    build::texts(
                        texts
                            .into_iter()
                            .map(|t| t.map(|t| t.chars().take(12).collect::<String>())),
                    )
                }
                _ => array.clone(),
            };
            columns.push((spec.name.as_str(), spec.role, spec.unit.as_str(), array));
        }
        shown = Frame::of(columns)?;
    }
    Ok(shown)
}

/// Without the columns that are NULL in every row.
fn telling(frame: &Frame) -> Result<Frame> {
    let batch = &frame.batch;
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|at| batch.column(*at).logical_null_count() < batch.num_rows())
        .collect();
    let columns = kept.iter().map(|at| frame.columns[*at].clone()).collect();
    Frame::new(columns, batch.project(&kept)?)
}

fn as_json(title: &Title, pages: &[Page<'_>]) -> Result<String> {
    let mut figures = Vec::new();
    for (figure, sections) in pages {
        let mut listed = serde_json::Map::new();
        for (section, frame) in sections {
            let rows: serde_json::Value = serde_json::from_slice(&render::frame("json", frame)?)
                .map_err(|e| Error::internal(e.to_string()))?;
            listed.insert(section.name.clone(), rows);
        }
        let at: BTreeMap<&str, Option<&str>> = figure
            .at
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        let ties: Vec<serde_json::Value> = figure
            .ties
            .iter()
            .map(|tie| {
                serde_json::json!({
                    "name": tie.name,
                    "value": json_value(tie.value),
                    "explained": json_value(tie.explained),
                    "ties": tie.holds(),
                    "rows": tie.rows,
                    "how": tie.how,
                })
            })
            .collect();
        figures.push(serde_json::json!({
            "metric": title.metric,
            "column": figure.column,
            "where": at,
            "unit": figure.unit,
            "settings": title.settings,
            "ties": ties,
            "sections": listed,
        }));
    }
    let mut text = serde_json::to_string_pretty(&figures).map_err(|e| Error::internal(e.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Amounts are texts: a float would not keep them.
fn json_value(value: Value) -> serde_json::Value {
    match value {
        Value::Missing => serde_json::Value::Null,
        Value::Exact(_) => value.text().into(),
        Value::Measured(v) => v.into(),
    }
}

/// The single rows, written as they come where the format has no frame around them.
async fn rows(figures: &[Figure<'_>], format: &str, console: &mut dyn Console) -> Result<()> {
    let streams = matches!(format, "csv" | "ndjson");
    let mut first = true;
    for figure in figures {
        let mut batches = figure.rows().await?;
        let mut kept = Vec::new();
        while let Some(batch) = batches.next().await? {
            if !streams {
                kept.push(batch);
                continue;
            }
            let bytes = render::frame(format, &Frame::guess(batch))?;
            // One head for all batches.
            let from = if first || format != "csv" {
                0
            } else {
                end_of_line(&bytes)
            };
            console.data(&bytes[from..])?;
            first = false;
        }
        if !streams {
            let whole = Frame::guess(arrow::compute::concat_batches(&batches.schema(), &kept)?);
            let whole = if PAGES.contains(&format) && format != "json" {
                telling(&whole)?
            } else {
                whole
            };
            console.data(&render::frame(format, &whole)?)?;
        }
    }
    Ok(())
}

fn end_of_line(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |at| at + 1)
}

/// What a reader will want to run next.
fn next_steps(request: &ExplainRequest, config: &Config) -> Vec<String> {
    let mut same = format!("spendscope explain {}", request.metric);
    for at in &request.at {
        let _ = write!(same, " --where {}", shell(at));
    }
    let mut reconcile = "spendscope reconcile".to_owned();
    if let Some(window) = &config.window {
        let month = window
            .from
            .with_timezone(&config.settings.zone)
            .format("%Y-%m")
            .to_string();
        let when = match Window::month(&month, config.settings.zone) {
            Ok(whole) if whole == *window => format!(" --period {month}"),
            _ => format!(
                " --from {} --to {}",
                window.from.format("%Y-%m-%dT%H:%M:%SZ"),
                window.to.format("%Y-%m-%dT%H:%M:%SZ")
            ),
        };
        same.push_str(&when);
        reconcile.push_str(&when);
    }
    if let Some(column) = &request.column {
        let _ = write!(same, " --column {column}");
    }
    vec![
        format!("{same} --rows -o csv    every line of every file"),
        format!(
            "spendscope metric show {}    formula, columns, SQL",
            request.metric
        ),
        format!("{reconcile}    does the whole bill add up"),
    ]
}

fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=_-./:".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Which commit of a table brought a delivery.
struct Commits(BTreeMap<&'static str, Vec<Version>>);

impl Commits {
    async fn of(lake: &Lake) -> Result<Commits> {
        let mut commits = BTreeMap::new();
        for name in [
            "charges",
            "requests",
            "gpu_samples",
            "outcomes",
            "prices",
            "fx_rates",
        ] {
            if let Some(table) = TableSchema::named(name) {
                commits.insert(name, lake.history(table).await?);
            }
        }
        Ok(Commits(commits))
    }

    /// The commit that names the delivery; else, where several files came in one, the newest one that was
    /// there when the file was written down as ingested.
    fn version(&self, table: &str, delivery: &str, ingested_at: Option<i64>) -> Option<i64> {
        let versions = self.0.get(table)?;
        let named = versions
            .iter()
            .rev()
            .find(|v| v.change.as_deref() == Some(delivery));
        let before = || {
            let at = from_micros(ingested_at?);
            versions.iter().rev().find(|v| v.files_added > 0 && v.at <= at)
        };
        named.or_else(before).map(|v| v.version)
    }

    /// A frame of deliveries, with the commit of each.
    fn beside(&self, frame: Frame) -> Result<Frame> {
        let (Ok(at), Ok(_), Ok(_)) = (
            frame.index("delivery"),
            frame.index("table_name"),
            frame.index("ingested_at"),
        ) else {
            return Ok(frame);
        };
        let mut versions = Vec::new();
        for row in 0..frame.rows() {
            let table = frame.text("table_name", row)?.unwrap_or_default();
            let delivery = frame.text("delivery", row)?.unwrap_or_default();
            let version = self.version(&table, &delivery, frame.micros("ingested_at", row)?);
            versions.push(version.map(|v| v.to_string()));
        }
        let mut columns = Vec::new();
        for (place, (spec, array)) in frame.columns.iter().zip(frame.batch.columns()).enumerate() {
            columns.push((spec.name.as_str(), spec.role, spec.unit.as_str(), array.clone()));
            if place == at {
                columns.push((
                    "commit",
                    Role::Dimension,
                    "",
                    build::texts(versions.iter().cloned()),
                ));
            }
        }
        Frame::of(columns)
    }
}
