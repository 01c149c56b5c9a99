//! A forecast as a document: where it comes from, where it goes, and why it may be believed.

use crate::base::{Result, time};
use crate::forecast::{Forecast, Series};
use crate::frame::build::{days, decimals, texts};
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::document::{Body, Document, Finding, Good, Headline, Mood, Section, Stamp, Value};
use crate::render::number;
use chrono::NaiveDate;

/// One series of the document: a currency, or a measure.
#[derive(Debug, Clone)]
pub struct ForecastPart {
    pub currency: Option<String>,
    pub unit: String,
    pub history: Series,
    pub forecast: Forecast,
}

/// Days of history that a picture shows, at least as many as lie ahead.
const SHOWN: usize = 56;

/// `months` has rows for each series and its parts.
pub fn forecast(title: &str, parts: &[ForecastPart], months: &Frame) -> Result<Document> {
    let ahead = parts.first().map_or(0, |p| p.forecast.days.len());
    let start = parts.first().map_or(NaiveDate::MIN, |p| p.forecast.first);
    let mut sections = Vec::new();
    let mut headlines = Vec::new();
    for part in parts {
        headlines.extend(figures(part));
        sections.push(fan(part)?);
    }
    sections.push(Section {
        id: "months".to_owned(),
        title: "By month".to_owned(),
        subtitle: "As far as it lies ahead; the parts add up to their total".to_owned(),
        wide: true,
        height: 420,
        body: Body::Table(shown(months, parts.len() > 1)?),
        rows: None,
        notices: Vec::new(),
    });
    let findings = parts
        .iter()
        .map(|part| Finding {
            text: part.forecast.evidence.words(),
            mood: Mood::Plain,
        })
        .collect();
    Ok(Document {
        name: "forecast".to_owned(),
        title: format!("Forecast: {title}"),
        period: format!("{ahead} days from {}", start.format("%-d %b %Y")),
        stamps: parts
            .iter()
            .map(|part| Stamp {
                label: match &part.currency {
                    Some(currency) => format!("history in {currency}"),
                    None => "history".to_owned(),
                },
                value: format!(
                    "{} days to {}",
                    part.history.values.len(),
                    before(start).format("%-d %b %Y")
                ),
                warns: false,
            })
            .collect(),
        headlines,
        findings,
        sections,
        annexes: Vec::new(),
        moment: time::day_start(start),
        footer: notes(parts),
    })
}

fn before(day: NaiveDate) -> NaiveDate {
    day.pred_opt().unwrap_or(day)
}

fn notes(parts: &[ForecastPart]) -> Vec<String> {
    let mut notes = vec![
        "A forecast is an estimate: bands hold what the back-test missed on days that the method had not seen."
            .to_owned(),
    ];
    for note in parts.iter().flat_map(|part| &part.forecast.evidence.notes) {
        let mut note = note.clone();
        if let Some(head) = note.get_mut(..1) {
            head.make_ascii_uppercase();
        }
        note.push('.');
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn value(amount: i128, part: &ForecastPart) -> Value {
    match &part.currency {
        Some(currency) => Value::Money {
            amount,
            currency: currency.clone(),
        },
        None => Value::Measure {
            value: crate::render::chart::scale::height(amount),
            unit: part.unit.clone(),
        },
    }
}

fn figures(part: &ForecastPart) -> Vec<Headline> {
    let Some(total) = part.forecast.total() else {
        return Vec::new();
    };
    let figure = |label: &str, value: Option<Value>, note: Option<String>| Headline {
        label: label.to_owned(),
        value,
        change: None,
        good: Good::Neither,
        note,
        spark: None,
    };
    let evidence = &part.forecast.evidence;
    let held = |share: Option<i128>| share.map(|s| format!("held {} of tests", number::percent(s)));
    vec![
        figure(
            "Expected",
            Some(value(total.expected, part)),
            Some(evidence.method.clone()),
        ),
        figure(
            "At least (80 % band)",
            Some(value(total.low_80, part)),
            held(evidence.coverage_80),
        ),
        figure(
            "At most (80 % band)",
            Some(value(total.high_80, part)),
            Some(format!("95 %: {}", value(total.high_95, part).text())),
        ),
        figure(
            "Missed in back-tests",
            evidence.total_wape.map(Value::Ratio),
            Some(format!("of totals of {} days", evidence.tested)),
        ),
    ]
}

/// What adds up from some weeks ago on, and the band of what will. Added up, since a fee of the 1st would leave
/// nothing to be seen of the other days.
fn fan(part: &ForecastPart) -> Result<Section> {
    let (history, ahead) = (&part.history, &part.forecast.totals);
    let from = history.values.len().saturating_sub(SHOWN.max(ahead.len()));
    let known = history.values.len() - from;
    let rows = known + ahead.len();
    let mut so_far = 0_i128;
    let actual: Vec<Option<i128>> = history.values[from..]
        .iter()
        .map(|value| {
            so_far = so_far.saturating_add(value.unwrap_or_default());
            value.map(|_| so_far)
        })
        .collect();
    let band = |pick: fn(&crate::forecast::Point) -> i128| {
        decimals((0..rows).map(|at| match at.checked_sub(known) {
            Some(at) => ahead.get(at).map(|point| pick(point).saturating_add(so_far)),
            // The expectation begins where the actual line ends.
            None => (at + 1 == known).then_some(so_far),
        }))
    };
    let role = if part.currency.is_some() {
        Role::Money
    } else {
        Role::Measure
    };
    let frame = Frame::of(vec![
        (
            "day",
            Role::Time,
            "",
            days((0..rows).map(|at| history.day(from + at))),
        ),
        (
            "currency",
            Role::Currency,
            "",
            texts((0..rows).map(|_| part.currency.as_ref())),
        ),
        (
            "actual",
            role,
            &part.unit,
            decimals((0..rows).map(|at| actual.get(at).copied().flatten())),
        ),
        ("low_80", role, &part.unit, band(|p| p.low_80)),
        ("expected", role, &part.unit, band(|p| p.expected)),
        ("high_80", role, &part.unit, band(|p| p.high_80)),
    ])?;
    let spec = ChartSpec {
        kind: "fan".to_owned(),
        x: "day".to_owned(),
        y: ["actual", "low_80", "expected", "high_80"]
            .map(str::to_owned)
            .to_vec(),
        labels: ["actual", "80 % from", "expected", "80 % up to"]
            .map(str::to_owned)
            .to_vec(),
        ..ChartSpec::default()
    };
    Ok(Section {
        id: match &part.currency {
            Some(currency) => format!("fan-{}", currency.to_lowercase()),
            None => "fan".to_owned(),
        },
        title: "Added up".to_owned(),
        subtitle: format!(
            "{} since {}; solid: what was, dashed: what is expected, band: 80 % of cases",
            part.currency.as_deref().unwrap_or(&part.unit),
            history.day(from).format("%-d %b")
        ),
        wide: true,
        height: 560,
        body: Body::Chart(spec, frame),
        rows: None,
        notices: Vec::new(),
    })
}

/// The columns that people read.
fn shown(months: &Frame, currencies: bool) -> Result<Frame> {
    const HIDDEN: [&str; 6] = ["days", "low_95", "high_95", "mase", "coverage_80", "coverage_95"];
    let names: Vec<&str> = months
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .filter(|name| !HIDDEN.contains(name) && (currencies || *name != "currency"))
        .collect();
    months.pick(&names)
}
