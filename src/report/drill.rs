//! The outcome of a drill as a document: the verdict, the fan of paths against the budget, who makes
//! the increase, and which purchases would have helped.

use crate::base::{Result, money, time};
use crate::drill::Outcome;
use crate::frame::build::decimals;
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::document::{Body, Document, Finding, Good, Headline, Mood, Rows, Section, Stamp, Value};
use crate::render::number;
use arrow::array::{Array, RecordBatch};

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
            figure(
                "Bad case (P90)",
                amount(outcome.totals.p90),
                Some(format!(
                    "budget {}",
                    number::money(outcome.budget, &outcome.currency)
                )),
            ),
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
    std::iter::once(verdict)
        .chain(outcome.findings.iter().map(|text| Finding {
            text: text.clone(),
            mood: Mood::Plain,
        }))
        .collect()
}

fn sections(outcome: &Outcome) -> Result<Vec<Section>> {
    let mut all = vec![fan(outcome), tornado(outcome), drivers(outcome)?];
    if outcome.book.rows() > 0 {
        all.push(ways(outcome));
        for (id, title, subtitle, frame, shown) in purchases(outcome) {
            all.push(compact(id, title, subtitle, frame, shown)?);
        }
    }
    Ok(all)
}

/// A table of the picture: id, title, subtitle, rows, and its columns with the names that people read.
type Tabled<'a> = (
    &'static str,
    &'static str,
    &'static str,
    &'a Frame,
    &'static [(&'static str, &'static str)],
);

fn purchases(outcome: &Outcome) -> [Tabled<'_>; 4] {
    [
        (
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
                ("owed_after", "owed after"),
            ],
        ),
        (
            "hedges",
            "Hedged and unhedged tails",
            "Against nothing reserved: the mean that is given up, and what it takes off the P95 and the worst twentieth",
            &outcome.hedges,
            &[
                ("purchases", "purchases"),
                ("pool", "pool"),
                ("hedge_ratio", "committed"),
                ("committed_utilization", "in use"),
                ("mean", "mean"),
                ("p95", "P95"),
                ("mean_given_up", "given up"),
                ("p95_gained", "P95 gained"),
                ("cvar95_gained", "worst gained"),
            ],
        ),
        (
            "book",
            "Position book",
            "Per GPU-hour; the mark is (index − price) × hours left to the end of the term, or of the horizon",
            &outcome.book,
            &[
                ("pool", "pool"),
                ("position", "position"),
                ("gpus", "GPUs"),
                ("price", "price"),
                ("index", "index"),
                ("term_days", "days left"),
                ("mark_to_index", "mark"),
                ("mark_at_end_p10", "at end, P10"),
                ("mark_at_end_p90", "P90"),
                ("book_value", "book value"),
            ],
        ),
        (
            "pools",
            "What a reserved GPU must do to pay",
            "Break-even: reserved over on-demand price; best: the newsvendor's number of reserved GPUs on these paths",
            &outcome.pools,
            &[
                ("pool", "pool"),
                ("on_demand_price", "on demand"),
                ("reserved_price", "reserved"),
                ("break_even_utilization", "break-even"),
                ("serving_share", "serving"),
                ("demand_p10", "GPUs P10"),
                ("demand_p50", "P50"),
                ("demand_p90", "P90"),
                ("reserved_today", "today"),
                ("reserved_optimum", "best"),
                ("optimum_mean_saving", "saves"),
            ],
        ),
    ]
}

/// The tables whole, for workbooks and pages: every column, every digit.
fn annexes(outcome: &Outcome) -> Vec<Section> {
    let plain = |id: &str, title: &str, subtitle: &str, frame: &Frame| {
        let rows = Rows {
            on_picture: 16,
            ..Rows::plain(frame.clone())
        };
        table(id, title, subtitle, rows)
    };
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
    if outcome.book.rows() > 0 {
        for (id, title, _, frame, _) in purchases(outcome) {
            all.push(plain(&format!("{id}-exact"), title, "Every column, exact", frame));
        }
    }
    all
}

fn table(id: &str, title: &str, subtitle: &str, rows: Rows) -> Section {
    Section {
        id: id.to_owned(),
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        wide: true,
        height: 0,
        body: Body::Table(rows.frame.clone()),
        rows: Some(rows),
        notices: Vec::new(),
    }
}

/// A table as a picture has room for it: columns without a value are left out, large amounts are whole, GPUs
/// have a decimal. The annexes have every digit.
fn compact(id: &str, title: &str, subtitle: &str, frame: &Frame, wanted: &[(&str, &str)]) -> Result<Section> {
    let (mut specs, mut arrays, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for (column, name) in wanted {
        let at = frame.index(column)?;
        let (mut spec, mut array) = (frame.columns[at].clone(), frame.batch.column(at).clone());
        if array.null_count() == array.len() {
            continue;
        }
        if matches!(spec.role, Role::Money | Role::Measure) {
            let values = (0..frame.rows())
                .map(|row| frame.decimal(column, row))
                .collect::<Result<Vec<_>>>()?;
            let large = values.iter().flatten().any(|v| v.abs() >= 10_000 * money::ONE);
            let places = match spec.role {
                Role::Measure => Some(1),
                _ if large => Some(0),
                _ => None,
            };
            if let Some(places) = places {
                array = decimals(values.into_iter().map(|v| v.map(|v| rounded(v, places))));
                spec.role = Role::Measure;
            }
        }
        specs.push(spec);
        arrays.push(array);
        shown.push(((*column).to_owned(), (*name).to_owned()));
    }
    // What amounts are in.
    if let Ok(at) = frame.index("currency") {
        specs.push(frame.columns[at].clone());
        arrays.push(frame.batch.column(at).clone());
    }
    let columns = specs
        .iter()
        .zip(arrays)
        .map(|(spec, array)| (spec.name.clone(), array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let rows = Rows {
        shown,
        on_picture: 16,
        ..Rows::plain(Frame::new(specs, batch)?)
    };
    Ok(table(id, title, subtitle, rows))
}

/// To so many places, halves to even.
fn rounded(value: i128, places: u32) -> i128 {
    let unit = money::ONE / 10_i128.pow(places);
    let wide = arrow::datatypes::i256::from_i128;
    money::div_half_even(wide(value), wide(unit)).map_or(value, |whole| whole * unit)
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
    let height = 44 * frame.rows().min(9) as u32;
    let body = match frame.rows() {
        0 => Body::Empty("No part of the spend grows".to_owned()),
        _ => Body::Chart(spec, frame),
    };
    Ok(Section {
        id: "by-driver".to_owned(),
        title: "Where it lands".to_owned(),
        subtitle: "Mean increase by driver of spend".to_owned(),
        wide: true,
        height,
        body,
        rows: None,
        notices: Vec::new(),
    })
}

/// Mean and tail of every way to pay.
fn ways(outcome: &Outcome) -> Section {
    let spec = ChartSpec {
        kind: "bar".to_owned(),
        x: "purchases".to_owned(),
        y: ["mean", "cvar95"].map(str::to_owned).to_vec(),
        labels: ["mean", "mean of the worst twentieth"]
            .map(str::to_owned)
            .to_vec(),
        note: Some("pool".to_owned()),
        ..ChartSpec::default()
    };
    Section {
        id: "ways".to_owned(),
        title: "Ways to pay for the same days".to_owned(),
        subtitle: "Spend over the horizon: mean, and bad cases".to_owned(),
        wide: true,
        height: 50 + 56 * outcome.hedges.rows().min(8) as u32,
        body: Body::Chart(spec, outcome.hedges.clone()),
        rows: None,
        notices: Vec::new(),
    }
}
