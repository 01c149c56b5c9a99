//! `forecast`: how a metric, or a file of days and amounts, goes on; with its band and the evidence.

use super::forecast_input::{Input, Line};
use super::report::{FORMATS, write_document};
use super::{Console, Status, forecast_input, show};
use crate::base::{Context, Error, Result, time};
use crate::config::Config;
use crate::forecast::{self, Ask, Calendar, Forecast, Point, Series};
use crate::frame::build::{days, decimals, texts};
use crate::frame::{Frame, Role};
use crate::report;
use arrow::array::{ArrayRef, Int64Array};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Clone, Default)]
pub struct ForecastRequest {
    /// Name of a metric that has days.
    pub metric: Option<String>,
    /// Instead of a metric: CSV with `day`, `amount`, perhaps `currency`, and columns to group by.
    pub file: Option<PathBuf>,
    /// `90d`, `12w`.
    pub horizon: String,
    pub by: Option<Vec<String>>,
    pub set: Vec<String>,
    /// Which column of the metric; default: the one its chart shows.
    pub column: Option<String>,
    /// A file with a date per line.
    pub holidays: Option<PathBuf>,
    /// What one row of the output is of, one of `GRAINS`.
    pub grain: String,
    /// Where the picture, the page and the workbook go.
    pub out: Option<PathBuf>,
}

/// Parts of a sum that are forecast on their own; the smaller ones are forecast together.
const MOST_PARTS: usize = 24;
const OTHERS: &str = "(others)";
/// What a total is of.
const ALL: &str = "(all)";

/// A day, a calendar month as far as it lies ahead, the whole horizon.
pub const GRAINS: [&str; 3] = ["day", "month", "total"];

/// A forecast and what it is of.
struct Told {
    total: bool,
    key: Vec<String>,
    currency: Option<String>,
    history: Series,
    forecast: Forecast,
}

pub async fn forecast(
    config: &Config,
    request: &ForecastRequest,
    console: &mut dyn Console,
) -> Result<Status> {
    let ask = Ask {
        horizon: horizon(&request.horizon)?,
        calendar: calendar(request.holidays.as_deref())?,
    };
    let input = match (&request.metric, &request.file) {
        (Some(metric), None) => forecast_input::of_metric(config, metric, request).await?,
        (None, Some(file)) => forecast_input::of_file(config, file, request)?,
        _ => {
            return Err(Error::usage("a forecast needs a metric or a file")
                .advise("spendscope forecast spend/daily, or --file days.csv"));
        }
    };
    for note in &input.notes {
        console.say(note);
    }
    let told = all(&input, &ask)?;
    for one in &told {
        say(one, &input, console);
    }
    let rows = match request.grain.as_str() {
        "month" => stretches(&told, &input, months)?,
        "total" => stretches(&told, &input, whole)?,
        _ => by_day(&told, &input)?,
    };
    show(console, &rows)?;
    if let Some(out) = &request.out {
        let pictures = told
            .iter()
            .filter(|one| one.total)
            .map(|one| report::ForecastPart {
                currency: one.currency.clone(),
                unit: input.unit.clone(),
                history: one.history.clone(),
                forecast: one.forecast.clone(),
            })
            .collect::<Vec<_>>();
        let document = report::forecast(&input.title, &pictures, &stretches(&told, &input, months)?)?;
        write_document(&document, &FORMATS, out, console)?;
    }
    Ok(Status::Done)
}

/// Every currency with its parts.
fn all(input: &Input, ask: &Ask) -> Result<Vec<Told>> {
    let (first, last) = input
        .span
        .ok_or_else(|| Error::internal("a history without days"))?;
    let mut families: BTreeMap<Option<&str>, BTreeMap<&[String], Vec<&Line>>> = BTreeMap::new();
    for line in input.lines.iter().filter(|l| (first..=last).contains(&l.day)) {
        families
            .entry(line.currency.as_deref())
            .or_default()
            .entry(&line.key)
            .or_default()
            .push(line);
    }
    // On a day that has lines, who has none has nothing.
    let seen: BTreeSet<NaiveDate> = input.lines.iter().map(|l| l.day).collect();
    let known = forecast::known_days(&seen, first, last);
    let series = |lines: &[&Line]| -> Result<Series> {
        let mut values: Vec<Option<i128>> = known.iter().map(|known| known.then_some(0)).collect();
        for line in lines {
            let at = usize::try_from((line.day - first).num_days()).unwrap_or_default();
            if let Some(value) = values.get_mut(at) {
                *value = match (*value, line.value) {
                    (Some(sum), Some(more)) => Some(
                        sum.checked_add(more)
                            .ok_or_else(|| Error::data("a day is out of the range of amounts"))?,
                    ),
                    _ => None,
                };
            }
        }
        Ok(Series { first, values })
    };
    let mut told = Vec::new();
    for (currency, parts) in families {
        let mut parts = parts
            .into_iter()
            .map(|(key, lines)| Ok((key.to_vec(), series(&lines)?)))
            .collect::<Result<Vec<_>>>()?;
        pool(&mut parts)?;
        let context = || match currency {
            Some(code) => format!("{} in {code}", input.title),
            None => input.title.clone(),
        };
        let currency = currency.map(str::to_owned);
        if let [(key, only)] = parts.as_slice() {
            let one = forecast::forecast(only, ask).with_context(context)?;
            told.push(Told {
                total: true,
                key: key.clone(),
                currency,
                history: only.clone(),
                forecast: one,
            });
            continue;
        }
        let series: Vec<Series> = parts.iter().map(|part| part.1.clone()).collect();
        let sum = forecast::forecast_sum(&series, ask).with_context(context)?;
        let whole = Series::sum(&series)?;
        told.push(Told {
            total: true,
            key: Vec::new(),
            currency: currency.clone(),
            history: whole,
            forecast: sum.total,
        });
        for ((key, history), forecast) in parts.into_iter().zip(sum.parts) {
            told.push(Told {
                total: false,
                key,
                currency: currency.clone(),
                history,
                forecast,
            });
        }
    }
    Ok(told)
}

/// The smallest parts as one, so that there are not more than can be read.
fn pool(parts: &mut Vec<(Vec<String>, Series)>) -> Result<()> {
    if parts.len() <= MOST_PARTS {
        return Ok(());
    }
    let size = |part: &Series| -> i128 {
        part.values
            .iter()
            .flatten()
            .fold(0_i128, |sum, v| sum.saturating_add(v.saturating_abs()))
    };
    parts.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let small = parts.split_off(MOST_PARTS - 1);
    let key = vec![OTHERS.to_owned(); small.first().map_or(0, |part| part.0.len())];
    let series: Vec<Series> = small.into_iter().map(|part| part.1).collect();
    parts.push((key, Series::sum(&series)?));
    Ok(())
}

/// What a person has to know of one forecast.
fn say(told: &Told, input: &Input, console: &mut dyn Console) {
    let Some(total) = told.forecast.total() else {
        return;
    };
    let amount = |value: i128| input.words(value, told.currency.as_deref());
    let evidence = &told.forecast.evidence;
    let name = match (told.total, told.key.as_slice()) {
        (true, []) => "total".to_owned(),
        (_, key) => key.join(", "),
    };
    console.say(&format!(
        "{name}: {} expected in {} days; 80 %: {} to {}; 95 %: {} to {}",
        amount(total.expected),
        told.forecast.days.len(),
        amount(total.low_80),
        amount(total.high_80),
        amount(total.low_95),
        amount(total.high_95),
    ));
    console.say(&format!("  {}", evidence.words()));
    for monthly in &evidence.monthly {
        console.say(&format!(
            "  {} on {} of each month, as in {} months",
            amount(monthly.amount),
            monthly.due.words(),
            monthly.months
        ));
    }
    for note in &evidence.notes {
        console.say(&format!("  {note}"));
    }
}

/// The columns that every row of a series begins with.
fn heads(told: &[Told], input: &Input, rows: impl Fn(&Told) -> usize) -> Vec<(String, Role, ArrayRef)> {
    let repeat = |value: &dyn Fn(&Told) -> Option<String>| -> ArrayRef {
        texts(told.iter().flat_map(|one| {
            let value = value(one);
            std::iter::repeat_n(value, rows(one))
        }))
    };
    let mut columns = vec![(
        "level".to_owned(),
        Role::Dimension,
        repeat(&|one| Some(if one.total { "total" } else { "part" }.to_owned())),
    )];
    for (at, name) in input.by.iter().enumerate() {
        columns.push((
            name.clone(),
            Role::Dimension,
            repeat(&|one| one.key.get(at).cloned().or_else(|| Some(ALL.to_owned()))),
        ));
    }
    if input.money {
        columns.push((
            "currency".to_owned(),
            Role::Currency,
            repeat(&|one| one.currency.clone()),
        ));
    }
    columns
}

/// The columns that every row of a series ends with: what the forecast rests on.
fn tails(told: &[Told], rows: impl Fn(&Told) -> usize) -> Vec<(String, Role, ArrayRef)> {
    let ratio = |value: &dyn Fn(&Told) -> Option<i128>| -> ArrayRef {
        decimals(
            told.iter()
                .flat_map(|one| std::iter::repeat_n(value(one), rows(one))),
        )
    };
    vec![
        (
            "method".to_owned(),
            Role::Dimension,
            texts(
                told.iter()
                    .flat_map(|one| std::iter::repeat_n(Some(&one.forecast.evidence.method), rows(one))),
            ),
        ),
        (
            "wape".to_owned(),
            Role::Ratio,
            ratio(&|one| one.forecast.evidence.wape),
        ),
        (
            "mase".to_owned(),
            Role::Number,
            ratio(&|one| one.forecast.evidence.mase),
        ),
        (
            "coverage_80".to_owned(),
            Role::Ratio,
            ratio(&|one| one.forecast.evidence.coverage_80),
        ),
        (
            "coverage_95".to_owned(),
            Role::Ratio,
            ratio(&|one| one.forecast.evidence.coverage_95),
        ),
    ]
}

fn estimates<'a>(
    points: impl Iterator<Item = &'a Point> + Clone,
    role: Role,
) -> Vec<(String, Role, ArrayRef)> {
    let column = |name: &str, pick: fn(&Point) -> i128| {
        (
            name.to_owned(),
            role,
            decimals(points.clone().map(|p| Some(pick(p)))),
        )
    };
    vec![
        column("expected", |p| p.expected),
        column("low_80", |p| p.low_80),
        column("high_80", |p| p.high_80),
        column("low_95", |p| p.low_95),
        column("high_95", |p| p.high_95),
    ]
}

fn frame(columns: Vec<(String, Role, ArrayRef)>, input: &Input) -> Result<Frame> {
    Frame::of(
        columns
            .iter()
            .map(|(name, role, array)| {
                let unit = if *role == Role::Measure {
                    input.unit.as_str()
                } else {
                    ""
                };
                (name.as_str(), *role, unit, Arc::clone(array))
            })
            .collect(),
    )
}

fn by_day(told: &[Told], input: &Input) -> Result<Frame> {
    let rows = |one: &Told| one.forecast.days.len();
    let mut columns = heads(told, input, rows);
    columns.push((
        "day".to_owned(),
        Role::Time,
        days(
            told.iter()
                .flat_map(|one| one.forecast.first.iter_days().take(rows(one))),
        ),
    ));
    let role = if input.money { Role::Money } else { Role::Measure };
    columns.extend(estimates(told.iter().flat_map(|one| &one.forecast.days), role));
    columns.extend(tails(told, rows));
    frame(columns, input)
}

/// A stretch of days: its first, how many, and what is expected of their sum.
type Stretch = (NaiveDate, usize, Point);

fn months(forecast: &Forecast) -> Vec<Stretch> {
    forecast.months.clone()
}

fn whole(forecast: &Forecast) -> Vec<Stretch> {
    let days = forecast.days.len();
    forecast
        .total()
        .map(|total| (forecast.first, days, total))
        .into_iter()
        .collect()
}

fn stretches(told: &[Told], input: &Input, of: fn(&Forecast) -> Vec<Stretch>) -> Result<Frame> {
    let rows = |one: &Told| of(&one.forecast).len();
    let all: Vec<Stretch> = told.iter().flat_map(|one| of(&one.forecast)).collect();
    let mut columns = heads(told, input, rows);
    columns.push(("first_day".to_owned(), Role::Time, days(all.iter().map(|s| s.0))));
    let counts: Int64Array = all.iter().map(|s| i64::try_from(s.1).ok()).collect();
    columns.push(("days".to_owned(), Role::Number, Arc::new(counts)));
    let role = if input.money { Role::Money } else { Role::Measure };
    columns.extend(estimates(all.iter().map(|s| &s.2), role));
    columns.extend(tails(told, rows));
    frame(columns, input)
}

/// `90d`, `12w`, or days alone.
fn horizon(text: &str) -> Result<usize> {
    let (number, days) = match text.strip_suffix('w') {
        Some(weeks) => (weeks, 7),
        None => (text.strip_suffix('d').unwrap_or(text), 1),
    };
    number
        .parse::<usize>()
        .ok()
        .and_then(|n| n.checked_mul(days))
        .ok_or_else(|| {
            Error::usage(format!("--horizon {text} is not a number of days")).advise("write 90d or 12w")
        })
}

fn calendar(file: Option<&Path>) -> Result<Calendar> {
    let Some(path) = file else {
        return Ok(Calendar::default());
    };
    let what = || format!("--holidays {}", path.display());
    let text = std::fs::read_to_string(path).with_context(what)?;
    let mut holidays = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        // What follows the date is the holiday's name.
        let word = line.split([',', ' ', '#', ';']).next().unwrap_or_default().trim();
        if word.is_empty() {
            continue;
        }
        let day = time::parse_date(word).ok_or_else(|| {
            Error::data(format!("line {}: '{word}' is not a date", at + 1))
                .advise("write one date a line, as 2026-12-25")
                .context(what())
        })?;
        holidays.insert(day);
    }
    Ok(Calendar { holidays })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn horizons_are_days_or_weeks() {
        assert_eq!(horizon("90d").unwrap(), 90);
        assert_eq!(horizon("12w").unwrap(), 84);
        assert_eq!(horizon("7").unwrap(), 7);
        assert!(horizon("3 months").is_err());
    }
}
