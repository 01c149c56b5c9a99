//! The outcome of a drill as a document: the verdict, the fan of paths against the budget, who makes
//! the increase, and which purchases would have helped.

use crate::base::{Result, money, time};
use crate::drill::Outcome;
use crate::frame::{ChartSpec, Frame};
use crate::render::document::{Body, Document, Finding, Good, Headline, Mood, Rows, Section, Stamp, Value};
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
            figure(
                "Worst twentieth",
                amount(outcome.totals.cvar95),
                Some(format!(
                    "P10 {}",
                    number::money(outcome.totals.p10, &outcome.currency)
                )),
            ),
            figure(
                "Paths over budget",
                Some(Value::Ratio(outcome.totals.breach_probability)),
                outcome
                    .breach_date
                    .map(|day| format!("around {}", day.format("%-d %b"))),
            ),
        ],
        findings: findings(outcome),
        sections: sections(outcome)?,
        annexes: annexes(outcome),
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

fn sections(outcome: &Outcome) -> Result<Vec<Section>> {
    let mut all = vec![fan(outcome), tornado(outcome), drivers(outcome)?];
    if outcome.book.rows() == 0 {
        return Ok(all);
    }
    all.push(ways(outcome));
    all.push(table(
        "decisions",
        "GPU purchases compared",
        "GPUs of each kind, and spend over the horizon on the same paths; savings are against today",
        &outcome.decisions,
        &[
            ("decision", "purchases"),
            ("pool", "pool"),
            ("reserved", "reserved"),
            ("owned", "owned"),
            ("spot", "spot"),
            ("mean", "mean"),
            ("p90", "P90"),
            ("breach_probability", "over budget"),
            ("mean_saving", "saves"),
            ("p90_saving", "saves P90"),
            ("owed_after", "owed after"),
        ],
    ));
    all.push(table(
        "hedges",
        "Hedged and unhedged tails",
        "Against nothing reserved: what a way to pay gives up on average, and what it takes off bad cases",
        &outcome.hedges,
        &[
            ("purchases", "purchases"),
            ("pool", "pool"),
            ("hedge_ratio", "committed"),
            ("committed_utilization", "in use"),
            ("mean", "mean"),
            ("p95", "P95"),
            ("cvar95", "worst 5 %"),
            ("mean_given_up", "mean given up"),
            ("p95_gained", "P95 gained"),
            ("cvar95_gained", "worst 5 % gained"),
        ],
    ));
    all.push(table(
        "book",
        "Position book",
        "Mark: (index − price) × hours left to the end of the term, or of the horizon where no term is stated",
        &outcome.book,
        &[
            ("pool", "pool"),
            ("position", "position"),
            ("gpus", "GPUs"),
            ("price", "price"),
            ("index", "index"),
            ("marked_to", "marked to"),
            ("term_days", "days left"),
            ("mark_to_index", "mark"),
            ("mark_at_end_p10", "then, P10"),
            ("mark_at_end_p90", "then, P90"),
            ("book_value", "book value"),
        ],
    ));
    all.push(table(
        "pools",
        "What a reserved GPU must do to pay",
        "Break-even: reserved over on-demand price; best: the newsvendor's number of reserved GPUs on these paths",
        &outcome.pools,
        &[
            ("pool", "pool"),
            ("on_demand_price", "on demand"),
            ("reserved_price", "reserved"),
            ("break_even_utilization", "break-even"),
            ("committed_utilization", "wanted"),
            ("serving_share", "serving"),
            ("demand_p10", "P10"),
            ("demand_p50", "P50"),
            ("demand_p90", "P90 GPUs"),
            ("reserved_today", "today"),
            ("reserved_optimum", "best"),
            ("optimum_mean_saving", "saves"),
        ],
    ));
    Ok(all)
}

/// The tables behind the figures that a picture has no room for.
fn annexes(outcome: &Outcome) -> Vec<Section> {
    let plain = |id: &str, title: &str, subtitle: &str, frame: &Frame| table(id, title, subtitle, frame, &[]);
    let mut all = vec![plain(
        "contributors",
        "Contributors",
        "Mean increase by driver of spend and by shock; together: what only shocks together cause",
        &outcome.contributors,
    )];
    if outcome.processes.rows() > 0 {
        all.push(plain(
            "processes",
            "Price processes",
            "Parameters a year, with one standard error where they were fitted",
            &outcome.processes,
        ));
    }
    all
}

/// A table of which people are shown some columns; none are named: all of them.
fn table(id: &str, title: &str, subtitle: &str, frame: &Frame, shown: &[(&str, &str)]) -> Section {
    let shown = shown
        .iter()
        .map(|(column, name)| ((*column).to_owned(), (*name).to_owned()));
    Section {
        id: id.to_owned(),
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        wide: true,
        height: 0,
        body: Body::Table(frame.clone()),
        rows: Some(Rows {
            shown: shown.collect(),
            on_picture: 16,
            ..Rows::plain(frame.clone())
        }),
        notices: Vec::new(),
    }
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

/// What each shock, and the forecast's error, does alone.
fn tornado(outcome: &Outcome) -> Section {
    let spec = ChartSpec {
        kind: "tornado".to_owned(),
        x: "contributor".to_owned(),
        y: ["p10", "p90"].map(str::to_owned).to_vec(),
        labels: ["in nine of ten paths", "from P10 to P90", "mean"]
            .map(str::to_owned)
            .to_vec(),
        target: Some("mean".to_owned()),
        ..ChartSpec::default()
    };
    let rows = outcome.tornado.rows();
    Section {
        id: "tornado".to_owned(),
        title: "What each could do alone".to_owned(),
        subtitle: "Spend over the horizon against the forecast, when only this happens".to_owned(),
        wide: true,
        height: if rows == 0 {
            0
        } else {
            60 + 64 * rows.min(12) as u32
        },
        body: match rows {
            0 => Body::Empty("Nothing happens, and nothing is left to chance".to_owned()),
            _ => Body::Chart(spec, outcome.tornado.clone()),
        },
        rows: None,
        notices: Vec::new(),
    }
}

/// Where the increase lands, the largest first.
fn drivers(outcome: &Outcome) -> Result<Section> {
    let all = &outcome.contributors;
    let mut keep = Vec::with_capacity(all.rows());
    for row in 0..all.rows() {
        let cents = money::ONE / 100;
        let visible = all
            .decimal("increase", row)?
            .is_some_and(|amount| amount.abs() >= cents);
        keep.push(visible && all.text("by", row)?.as_deref() == Some("driver"));
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
        id: "by-driver".to_owned(),
        title: "Where it lands".to_owned(),
        subtitle: "Mean increase by driver of spend".to_owned(),
        wide: outcome.book.rows() == 0,
        height: 440,
        body,
        rows: None,
        notices: Vec::new(),
    })
}

/// Mean and tail of every way to pay.
fn ways(outcome: &Outcome) -> Section {
    let spec = ChartSpec {
        kind: "dots".to_owned(),
        x: "purchases".to_owned(),
        y: ["mean", "p95", "cvar95"].map(str::to_owned).to_vec(),
        labels: ["mean", "P95", "mean of the worst 5 %"]
            .map(str::to_owned)
            .to_vec(),
        ..ChartSpec::default()
    };
    Section {
        id: "ways".to_owned(),
        title: "Ways to pay for the same days".to_owned(),
        subtitle: "Spend over the horizon: mean and bad cases".to_owned(),
        wide: false,
        height: 440,
        body: Body::Chart(spec, outcome.hedges.clone()),
        rows: None,
        notices: Vec::new(),
    }
}
