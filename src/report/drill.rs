//! The outcome of a drill as a document: the verdict, the fan of paths against the budget, who makes
//! the increase, and which purchases would have helped.

use crate::base::{Result, money};
use crate::drill::Outcome;
use crate::frame::{ChartSpec, Frame};
use crate::render::document::{Body, Document, Finding, Good, Headline, Mood, Section, Stamp, Value};
use crate::render::number;

pub fn drill(name: &str, outcome: &Outcome) -> Result<Document> {
    let amount = |value: i128| {
        Some(Value::Money {
            amount: value,
            currency: outcome.currency.clone(),
        })
    };
    let figure = |label: &str, value: Option<Value>, note: Option<String>| Headline {
        label: label.to_owned(),
        value,
        change: None,
        good: Good::Neither,
        note,
        spark: None,
    };
    let forecast = format!(
        "{} without shocks",
        number::money(outcome.forecast, &outcome.currency)
    );
    let stamp = |label: &str, value: String| Stamp {
        label: label.to_owned(),
        value,
        warns: false,
    };
    let mut stamps = vec![
        stamp("currency", outcome.currency.clone()),
        stamp("paths", number::count(outcome.paths as i64)),
        stamp("seed", outcome.seed.to_string()),
    ];
    if let Some(error) = outcome.back_test.wape {
        stamps.push(stamp("back-test error of the forecast", number::percent(error)));
    }
    Ok(Document {
        name: name.to_owned(),
        title: format!("Budget drill: {}", outcome.title),
        period: format!(
            "{} days from {}",
            outcome.horizon_days,
            outcome.start.format("%-d %b %Y")
        ),
        stamps,
        headlines: vec![
            figure(
                "Spend, middle case (P50)",
                amount(outcome.totals.p50),
                Some(forecast),
            ),
            figure("Bad case (P90)", amount(outcome.totals.p90), None),
            figure("Good case (P10)", amount(outcome.totals.p10), None),
            figure(
                "Budget is broken in",
                Some(Value::Ratio(outcome.totals.breach_probability)),
                outcome
                    .breach_date
                    .map(|day| format!("of all paths, around {}", day.format("%-d %b"))),
            ),
        ],
        findings: findings(outcome),
        sections: vec![
            fan(outcome),
            contributors(
                outcome,
                "shock",
                "What the shocks add",
                "Mean increase over the horizon; 'together' is what no shock does alone",
            )?,
            contributors(
                outcome,
                "driver",
                "Where it lands",
                "Mean increase over the horizon by driver of spend",
            )?,
            Section {
                id: "decisions".to_owned(),
                title: "GPU purchases compared".to_owned(),
                subtitle: "The same paths under today's purchases and others".to_owned(),
                wide: true,
                height: 320,
                body: Body::Table(decisions(&outcome.decisions)?),
                notices: Vec::new(),
            },
        ],
        footer: outcome
            .notes
            .iter()
            .cloned()
            .chain([outcome.description.trim().replace('\n', " ")])
            .collect(),
    })
}

fn findings(outcome: &Outcome) -> Vec<Finding> {
    let verdict = Finding {
        text: outcome.verdict.clone(),
        mood: if outcome.passed { Mood::Good } else { Mood::Bad },
    };
    let rest = outcome
        .summary
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty());
    std::iter::once(verdict)
        .chain(rest.map(|line| Finding {
            text: line.trim().to_owned(),
            mood: Mood::Plain,
        }))
        .collect()
}

fn fan(outcome: &Outcome) -> Section {
    let spec = ChartSpec {
        kind: "fan".to_owned(),
        x: "day".to_owned(),
        y: ["base", "p10", "p50", "p90"].map(str::to_owned).to_vec(),
        labels: [
            "forecast without shocks",
            "good case (P10)",
            "middle (P50)",
            "bad case (P90)",
        ]
        .map(str::to_owned)
        .to_vec(),
        target: Some("budget".to_owned()),
        ..ChartSpec::default()
    };
    Section {
        id: "fan".to_owned(),
        title: "Cumulative spend against the budget".to_owned(),
        subtitle: format!(
            "{}; solid: forecast without shocks, dashed: middle path, band: P10 to P90",
            outcome.currency
        ),
        wide: true,
        height: 640,
        body: Body::Chart(spec, outcome.fan.clone()),
        notices: Vec::new(),
    }
}

/// The parts of the increase of one kind, the largest first.
fn contributors(outcome: &Outcome, by: &str, title: &str, subtitle: &str) -> Result<Section> {
    let all = &outcome.contributors;
    let mut keep = Vec::with_capacity(all.rows());
    for row in 0..all.rows() {
        let cents = money::ONE / 100;
        let visible = all
            .decimal("increase", row)?
            .is_some_and(|amount| amount.abs() >= cents);
        keep.push(visible && all.text("by", row)?.as_deref() == Some(by));
    }
    let batch = arrow::compute::filter_record_batch(&all.batch, &keep.into())?;
    let frame = Frame::new(all.columns.clone(), batch)?;
    let spec = ChartSpec {
        kind: "bar".to_owned(),
        x: "name".to_owned(),
        y: vec!["increase".to_owned()],
        ..ChartSpec::default()
    };
    let body = match frame.rows() {
        0 => Body::Empty("No part of the spend grows".to_owned()),
        _ => Body::Chart(spec, frame),
    };
    Ok(Section {
        id: format!("by-{by}"),
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        wide: false,
        height: 440,
        body,
        notices: Vec::new(),
    })
}

/// The columns that decide, in the order in which they are read.
fn decisions(all: &Frame) -> Result<Frame> {
    let names = [
        "decision",
        "pool",
        "reserved",
        "owned",
        "spot",
        "currency",
        "p50",
        "p90",
        "breach_probability",
        "mean_saving",
    ];
    let at = names
        .iter()
        .map(|name| all.index(name))
        .collect::<Result<Vec<_>>>()?;
    let columns = at.iter().map(|i| all.columns[*i].clone()).collect();
    Frame::new(columns, all.batch.project(&at)?)
}
