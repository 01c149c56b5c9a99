//! What `forecast` learns from: the days of a metric, or of a file. Late days are left out here.

use super::forecast::ForecastRequest;
use super::open;
use crate::base::time::{Window, local_midnight, parse_date};
use crate::base::{Context, Error, Result, money};
use crate::config::Config;
use crate::engine::Engine;
use crate::forecast::measured;
use crate::frame::{Frame, Role};
use crate::metric::{self, Column, ColumnType, Metric, Params};
use crate::render::number;
use chrono::{Datelike, Days, NaiveDate};
use datafusion::common::ScalarValue;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One value of a day; `None` is known to be unknown.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) key: Vec<String>,
    pub(super) currency: Option<String>,
    pub(super) day: NaiveDate,
    pub(super) value: Option<i128>,
}

#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) title: String,
    pub(super) by: Vec<String>,
    pub(super) money: bool,
    pub(super) unit: String,
    pub(super) lines: Vec<Line>,
    /// First and last day of the history, both in it.
    pub(super) span: Option<(NaiveDate, NaiveDate)>,
    pub(super) notes: Vec<String>,
}

impl Input {
    pub(super) fn words(&self, value: i128, currency: Option<&str>) -> String {
        match currency {
            Some(code) if self.money => number::money(value, code),
            _ => format!("{} {}", number::fixed(value, 2), self.unit)
                .trim()
                .to_owned(),
        }
    }
}

/// History that is asked for unless a window is: what came before says nothing any more.
const YEARS: i32 = 3;

pub(super) async fn of_metric(config: &Config, name: &str, request: &ForecastRequest) -> Result<Input> {
    let catalog = open::metrics(config)?;
    let metric = catalog.get(name)?;
    let column = column(metric, request.column.as_deref())?;
    let by = by(metric, request.by.as_deref())?;
    let set = request
        .set
        .iter()
        .map(|pair| {
            pair.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .ok_or_else(|| Error::usage(format!("--set {pair}: write it as key=value")))
        })
        .collect::<Result<BTreeMap<_, _>>>()?;
    let zone = config.settings.zone;
    let today = config.settings.now.with_timezone(&zone).date_naive();
    // Today is not over.
    let over = local_midnight(today, zone);
    let window = match config.window {
        Some(window) => Window::new(window.from, window.to.min(over))?,
        None => Window::new(
            local_midnight(today.with_year(today.year() - YEARS).unwrap_or(today), zone),
            over,
        )?,
    };
    let engine = open::engine(config).await?;
    let mut asked = by.clone();
    if metric.header.dimensions.iter().any(|d| d == DAY) {
        asked.push(DAY.to_owned());
    }
    let params = Params {
        from: window.from,
        to: window.to,
        by: Some(asked),
        set,
    };
    let frame = metric::run(&engine, metric, &params).await?;
    let mut input = Input {
        title: metric.header.title.clone(),
        by,
        money: column.role == Role::Money,
        unit: column.unit.clone(),
        ..Input::default()
    };
    input.lines = lines(&frame, &input.by, column)?;
    let days: BTreeSet<NaiveDate> = input.lines.iter().map(|l| l.day).collect();
    let (Some(first), Some(mut last)) = (days.first().copied(), days.last().copied()) else {
        return Err(
            Error::data(format!("{name} has no rows to forecast from")).advise(
                "spendscope lake history shows what the lake holds; --from and --to choose the history",
            ),
        );
    };
    if input.money
        && let Some(late) = late(&engine, window).await?
        && late.upto < last
    {
        let days = (last - late.upto).num_days();
        input.notes.push(format!(
            "{days} late {} left out: the bill of {} reaches {} and no further",
            if days == 1 { "day is" } else { "days are" },
            late.source,
            late.upto
        ));
        last = late.upto;
    }
    input.span = Some((first, last));
    Ok(input)
}

const DAY: &str = "day";

/// What is forecast: something that adds up over days.
fn column<'a>(metric: &'a Metric, asked: Option<&str>) -> Result<&'a Column> {
    let header = &metric.header;
    let adds_up = |c: &&Column| {
        matches!(c.role, Role::Money | Role::Measure)
            && matches!(c.ty, ColumnType::Decimal | ColumnType::Float | ColumnType::Int)
    };
    let can: Vec<&str> = header
        .columns
        .iter()
        .filter(adds_up)
        .map(|c| c.name.as_str())
        .collect();
    let daily = header.dimensions.iter().any(|d| d == DAY) || header.columns.iter().any(|c| c.name == DAY);
    if !daily {
        return Err(Error::usage(format!("{} has no days", metric.name))
            .advise("forecast a metric with a row for each day, such as spend/daily"));
    }
    let found = match asked {
        Some(name) => header.columns.iter().filter(adds_up).find(|c| c.name == name),
        None => header
            .chart
            .as_ref()
            .and_then(|chart| header.columns.iter().filter(adds_up).find(|c| c.name == chart.y)),
    };
    found.ok_or_else(|| {
        Error::usage(match asked {
            Some(name) => format!("'{name}' of {} does not add up over days", metric.name),
            None => format!("what {} shows does not add up over days", metric.name),
        })
        .advise(match can.as_slice() {
            [] => "a ratio is not forecast: forecast what it is a ratio of".to_owned(),
            can => format!("--column {}", can.join(", ")),
        })
    })
}

/// The group columns, of which the day is none.
fn by(metric: &Metric, asked: Option<&[String]>) -> Result<Vec<String>> {
    let by = asked.unwrap_or(&metric.header.by);
    if asked.is_some() && by.iter().any(|name| name == DAY) {
        return Err(Error::usage("every forecast is by day").advise("leave day out of --by"));
    }
    Ok(by
        .iter()
        .filter(|name| *name != DAY && !name.is_empty())
        .cloned()
        .collect())
}

fn lines(frame: &Frame, by: &[String], column: &Column) -> Result<Vec<Line>> {
    let currency = frame.columns.iter().find(|c| c.role == Role::Currency);
    let mut lines = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        // A row of no day (all of them together, or unknown) is not part of a course.
        let Some(day) = frame.text(DAY, row)?.as_deref().and_then(parse_date) else {
            continue;
        };
        let value = match column.ty {
            ColumnType::Float => frame.float(&column.name, row)?.and_then(measured),
            _ => frame.decimal_or_int(&column.name, row)?,
        };
        lines.push(Line {
            key: by
                .iter()
                .map(|name| Ok(frame.text(name, row)?.unwrap_or_else(|| "(none)".to_owned())))
                .collect::<Result<_>>()?,
            currency: match currency {
                Some(column) => frame.text(&column.name, row)?,
                None => None,
            },
            day,
            value,
        });
    }
    Ok(lines)
}

/// The source of bills that is known the least far.
struct Late {
    source: String,
    upto: NaiveDate,
}

/// Days of charges of a day and less, source by source, in the last weeks before the end.
const DAYS_OF_SOURCES: &str = "SELECT source, charge_day(charge_period_start, charge_period_end) AS day \
    FROM charges \
    WHERE charge_moment(charge_period_start, charge_period_end) >= $from \
        AND charge_moment(charge_period_start, charge_period_end) < $to \
        AND charge_period_end <= charge_period_start + INTERVAL '1 day' \
    GROUP BY source, charge_day(charge_period_start, charge_period_end) \
    ORDER BY source, day";
/// A source bills daily when it has that many days of the four weeks up to its last one.
const DAILY: usize = 20;
const WEEKS: i64 = 28;
/// One that has been silent for longer has ended.
const SILENT: i64 = 28;

/// Where the first of the sources that bill daily ends, while others go on.
async fn late(engine: &Engine, window: Window) -> Result<Option<Late>> {
    let from = window
        .from
        .max(window.to - Days::new((WEEKS + SILENT + WEEKS) as u64));
    let instant = |at: chrono::DateTime<chrono::Utc>| {
        ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into()))
    };
    let params = [("from", instant(from)), ("to", instant(window.to))];
    let frame = Frame::guess(engine.query(DAYS_OF_SOURCES, &params).await?);
    let mut sources: BTreeMap<String, BTreeSet<NaiveDate>> = BTreeMap::new();
    for row in 0..frame.rows() {
        if let (Some(source), Some(day)) = (
            frame.text("source", row)?,
            frame.text("day", row)?.as_deref().and_then(parse_date),
        ) {
            sources.entry(source).or_default().insert(day);
        }
    }
    Ok(first_to_end(&sources))
}

fn first_to_end(sources: &BTreeMap<String, BTreeSet<NaiveDate>>) -> Option<Late> {
    let daily: Vec<(&String, NaiveDate)> = sources
        .iter()
        .filter_map(|(source, days)| {
            let last = *days.last()?;
            let recent = days.iter().filter(|d| (last - **d).num_days() < WEEKS).count();
            (recent >= DAILY).then_some((source, last))
        })
        .collect();
    let newest = daily.iter().map(|d| d.1).max()?;
    daily
        .into_iter()
        .filter(|(_, last)| (newest - *last).num_days() <= SILENT)
        .min_by_key(|(_, last)| *last)
        .filter(|(_, last)| *last < newest)
        .map(|(source, upto)| Late {
            source: source.clone(),
            upto,
        })
}

/// A file of days: every line is a day, what it is of, and an amount.
pub(super) fn of_file(config: &Config, path: &Path, request: &ForecastRequest) -> Result<Input> {
    let what = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(what)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let wrong = |e: csv::Error| Error::data(e.to_string()).context(what());
    let headers: Vec<String> = reader
        .headers()
        .map_err(wrong)?
        .iter()
        .map(str::to_owned)
        .collect();
    let amount = request.column.as_deref().unwrap_or("amount");
    let place = |name: &str| headers.iter().position(|h| h == name);
    let missing = |name: &str| {
        Error::data(format!("there is no column '{name}'"))
            .advise(format!(
                "it has {}; --column names the amounts",
                headers.join(", ")
            ))
            .context(what())
    };
    let (day_at, amount_at) = (
        place(DAY).ok_or_else(|| missing(DAY))?,
        place(amount).ok_or_else(|| missing(amount))?,
    );
    let currency_at = place("currency");
    let by: Vec<String> = match &request.by {
        Some(by) => by.iter().filter(|name| !name.is_empty()).cloned().collect(),
        None => (0..headers.len())
            .filter(|at| *at != day_at && *at != amount_at && Some(*at) != currency_at)
            .map(|at| headers[at].clone())
            .collect(),
    };
    let places = by
        .iter()
        .map(|name| place(name).ok_or_else(|| missing(name)))
        .collect::<Result<Vec<_>>>()?;
    let mut lines = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(wrong)?;
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let told = |reason: String| Error::data(format!("line {}: {reason}", at + 2)).context(what());
        let day =
            parse_date(cell(day_at)).ok_or_else(|| told(format!("'{}' is not a date", cell(day_at))))?;
        let value = match cell(amount_at) {
            "" => None,
            text => Some(money::parse(text).map_err(|reason| told(format!("'{text}': {reason}")))?),
        };
        lines.push(Line {
            key: places.iter().map(|place| cell(*place).to_owned()).collect(),
            currency: currency_at.map(|place| cell(place).to_owned()),
            day,
            value,
        });
    }
    if let Some(window) = config.window {
        let zone = config.settings.zone;
        lines.retain(|line| (window.from..window.to).contains(&local_midnight(line.day, zone)));
    }
    let (first, last) = (
        lines.iter().map(|l| l.day).min(),
        lines.iter().map(|l| l.day).max(),
    );
    if first.is_none() {
        return Err(Error::data("there is no day to forecast from").context(what()));
    }
    Ok(Input {
        title: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        by,
        money: currency_at.is_some(),
        unit: String::new(),
        lines,
        span: first.zip(last),
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(from: u32, count: u64) -> BTreeSet<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(2026, 9, from).unwrap_or_default();
        (0..count).map(|d| first + Days::new(d)).collect()
    }

    #[test]
    fn the_daily_bill_that_ends_first_ends_the_history() {
        let sources = |late: BTreeSet<NaiveDate>| {
            BTreeMap::from([("prompt".to_owned(), days(1, 30)), ("other".to_owned(), late)])
        };
        let told = |late| first_to_end(&sources(late)).map(|l| (l.source, l.upto.to_string()));
        assert_eq!(
            told(days(1, 26)),
            Some(("other".to_owned(), "2026-09-26".to_owned()))
        );
        assert_eq!(told(days(1, 30)), None);
        // A bill of a few days a month is not late between them.
        assert_eq!(told(days(1, 5)), None);
    }
}
