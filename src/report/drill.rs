//! The outcome of a drill as a document: the verdict, the fan of paths against the budget, who makes
//! the increase, and which purchases would have helped.

use crate::base::{Result, money, time};
use crate::drill::Outcome;
use crate::frame::{ChartSpec, ColumnSpec, Frame, Role};
use crate::render::document::{Body, Document, Finding, Good, Headline, Mood, Section, Stamp, Value};
use crate::render::number;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

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
        stamp("budget drill", name.to_owned()),
        stamp("currency", outcome.currency.clone()),
        stamp("paths", number::count(outcome.paths as i64)),
        stamp("seed", outcome.seed.to_string()),
    ];
    if let Some(error) = outcome.back_test.wape {
        stamps.push(stamp("back-test error of the forecast", number::percent(error)));
    }
    Ok(Document {
        name: name.to_owned(),
        title: outcome.title.clone(),
        period: format!(
            "{} days from {}",
            outcome.horizon_days,
            outcome.start.format("%-d %b %Y")
        ),
        stamps,
        headlines: vec![
            figure("Middle case (P50)", amount(outcome.totals.p50), Some(forecast)),
            figure("Bad case (P90)", amount(outcome.totals.p90), None),
            figure("Good case (P10)", amount(outcome.totals.p10), None),
            figure(
                "Paths over budget",
                Some(Value::Ratio(outcome.totals.breach_probability)),
                outcome
                    .breach_date
                    .map(|day| format!("around {}", day.format("%-d %b"))),
            ),
        ],
        findings: findings(outcome),
        sections: vec![
            fan(outcome),
            contributors(
                outcome,
                "shock",
                "What the shocks add",
                "Mean increase; together: their overlap",
            )?,
            contributors(
                outcome,
                "driver",
                "Where it lands",
                "Mean increase by driver of spend",
            )?,
            Section {
                id: "decisions".to_owned(),
                title: "GPU purchases compared".to_owned(),
                subtitle: "GPUs of each kind, and the same paths under today's purchases and others"
                    .to_owned(),
                wide: true,
                height: 200,
                body: Body::Table(decisions(outcome)?),
                rows: None,
                notices: Vec::new(),
            },
        ],
        annexes: Vec::new(),
        // A drill starts on a day and has no other moment.
        moment: time::day_start(outcome.start),
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
            "band from: good case (P10)",
            "middle (P50)",
            "band up to: bad case (P90)",
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
        rows: None,
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
        height: 480,
        body,
        rows: None,
        notices: Vec::new(),
    })
}

/// How a column is written for people.
type Write<'a> = &'a dyn Fn(i128) -> String;

/// The columns that decide, in words: shares of a GPU and amounts rounded as people read them.
fn decisions(outcome: &Outcome) -> Result<Frame> {
    let all = &outcome.decisions;
    let amount = |value| number::money(value, &outcome.currency);
    let gpus = |value| number::fixed(value, 1);
    let columns: [(&str, &str, Write<'_>); 7] = [
        ("reserved", "reserved", &gpus),
        ("owned", "owned", &gpus),
        ("spot", "spot", &gpus),
        ("p50", "P50", &amount),
        ("p90", "P90", &amount),
        ("breach_probability", "over budget", &number::percent),
        ("mean_saving", "saves", &amount),
    ];
    // A row of one pool counts that pool's GPUs; without a pool it counts all of them.
    let pool = |row| {
        let pool = all.text("pool", row)?;
        Ok(pool
            .filter(|name| !name.is_empty())
            .or_else(|| Some("all".to_owned())))
    };
    let mut fields = vec![
        Field::new("purchases", DataType::Utf8, false),
        Field::new("pool", DataType::Utf8, false),
    ];
    let mut arrays: Vec<Arc<StringArray>> = vec![
        Arc::new(
            (0..all.rows())
                .map(|row| all.text("decision", row))
                .collect::<Result<_>>()?,
        ),
        Arc::new((0..all.rows()).map(pool).collect::<Result<_>>()?),
    ];
    for (from, name, write) in columns {
        fields.push(Field::new(name, DataType::Utf8, true));
        arrays.push(Arc::new(
            (0..all.rows())
                .map(|row| Ok(all.decimal(from, row)?.map(write)))
                .collect::<Result<_>>()?,
        ));
    }
    let specs = fields
        .iter()
        .enumerate()
        .map(|(at, field)| ColumnSpec {
            name: field.name().clone(),
            role: if at < 2 { Role::Dimension } else { Role::Measure },
            unit: String::new(),
        })
        .collect();
    let arrays = arrays.into_iter().map(|array| array as ArrayRef).collect();
    Frame::new(
        specs,
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?,
    )
}
