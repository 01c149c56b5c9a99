//! Literal frames and documents for tests of renderers: a plausible month, and awkward ones.
#![allow(clippy::unwrap_used, clippy::type_complexity)]

use super::document::{
    Body, Change, Document, Finding, Formula, Good, Headline, Mood, Rows, Section, Stamp, Total, Value,
};
use crate::base::money::{self, ONE};
use crate::frame::build::{Values, decimals};
use crate::frame::{ChartSpec, Frame, Role};
use arrow::array::{ArrayRef, Date32Array, Float64Array, StringArray};
use std::sync::Arc;

pub(crate) fn frame(columns: Vec<Values<'_>>) -> Frame {
    Frame::of(columns).unwrap()
}

pub(crate) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Days since 2026-10-01.
pub(crate) fn days(values: impl IntoIterator<Item = i32>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(
        values.into_iter().map(|d| 20_727 + d),
    ))
}

fn usd(rows: usize) -> ArrayRef {
    texts(std::iter::repeat_n("USD", rows))
}

fn amount(text: &str) -> i128 {
    money::parse(text).unwrap()
}

/// Text, currency, money and ratio, with what renderers get wrong.
pub(crate) fn small() -> Frame {
    frame(vec![
        ("use_case", Role::Dimension, "", texts(["a, \"b\"", "=cmd()", ""])),
        ("currency", Role::Currency, "", usd(3)),
        (
            "cost",
            Role::Money,
            "",
            decimals([Some(amount("1234.5")), None, Some(amount("0.001234567890123457"))]),
        ),
        (
            "rate",
            Role::Ratio,
            "",
            decimals([Some(amount("0.342")), None, Some(ONE)]),
        ),
    ])
}

/// Noise without chance: the same numbers every time.
fn wave(day: i32, salt: i32) -> i128 {
    let mut hash = (day as u32).wrapping_mul(0x9E37_79B9) ^ (salt as u32).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    i128::from((hash ^ (hash >> 13)) % 997) * ONE / 997
}

fn weekday(day: i32) -> i128 {
    // 2026-10-01 is a Thursday.
    if matches!((day + 3).rem_euclid(7), 5 | 6) {
        62
    } else {
        100
    }
}

pub(crate) fn chart(kind: &str, x: &str, y: &[&str]) -> ChartSpec {
    ChartSpec {
        kind: kind.into(),
        x: x.into(),
        y: y.iter().map(|s| (*s).to_owned()).collect(),
        ..ChartSpec::default()
    }
}

pub(crate) fn spend_by_scope(length: i32) -> (ChartSpec, Frame) {
    let scopes = [
        ("AI", 2_700),
        ("Cloud", 1_900),
        ("SaaS", 620),
        ("Data Centre", 480),
        ("Licensing", 210),
    ];
    let mut rows = Vec::new();
    for day in 0..length {
        for (i, (scope, base)) in scopes.iter().enumerate() {
            let growth = if i == 0 { 100 + i128::from(day) } else { 100 };
            let value = i128::from(*base) * ONE * weekday(day) * growth / 10_000
                + wave(day, i as i32) * i128::from(*base) / 8;
            rows.push((day, *scope, value));
        }
    }
    let frame = frame(vec![
        ("day", Role::Time, "", days(rows.iter().map(|r| r.0))),
        ("scope", Role::Dimension, "", texts(rows.iter().map(|r| r.1))),
        ("currency", Role::Currency, "", usd(rows.len())),
        (
            "amount",
            Role::Money,
            "",
            decimals(rows.iter().map(|r| Some(r.2))),
        ),
    ]);
    (
        ChartSpec {
            series: Some("scope".into()),
            ..chart("stacked_bar", "day", &["amount"])
        },
        frame,
    )
}

pub(crate) fn per_success() -> (ChartSpec, Frame) {
    let rows = [
        ("support-answers", Some("0.412"), Some("0.583"), None),
        ("code-review", Some("0.287"), Some("0.301"), None),
        ("claims-triage-international", Some("1.92"), Some("2.75"), None),
        ("search-summaries", Some("0.0184"), Some("0.0411"), None),
        ("invoice-matching", Some("0.334"), Some("0.352"), None),
        ("meeting-notes", Some("0.0921"), Some("0.094"), None),
        ("sales-outreach", None, None, Some("no success yet for $212.40")),
        ("unregistered", None, None, Some("no success yet for $1.32k")),
    ];
    let money = |f: fn(
        &(
            &str,
            Option<&'static str>,
            Option<&'static str>,
            Option<&'static str>,
        ),
    ) -> Option<&'static str>| {
        decimals(rows.iter().map(|r| f(r).map(amount)).collect::<Vec<_>>())
    };
    let frame = frame(vec![
        ("use_case", Role::Dimension, "", texts(rows.iter().map(|r| r.0))),
        ("currency", Role::Currency, "", usd(rows.len())),
        ("cost_per_successful_task", Role::Money, "", money(|r| r.1)),
        ("loaded_cost_per_successful_task", Role::Money, "", money(|r| r.2)),
        (
            "note",
            Role::Dimension,
            "",
            Arc::new(StringArray::from_iter(rows.iter().map(|r| r.3))),
        ),
    ]);
    let spec = ChartSpec {
        labels: vec!["direct".into(), "loaded with shared and idle".into()],
        note: Some("note".into()),
        ..chart(
            "bar",
            "use_case",
            &["cost_per_successful_task", "loaded_cost_per_successful_task"],
        )
    };
    (spec, frame)
}

pub(crate) fn utilisation() -> (ChartSpec, Frame) {
    let frame = frame(vec![
        (
            "pool",
            Role::Dimension,
            "",
            texts(["reserved", "on demand", "spot"]),
        ),
        (
            "utilization",
            Role::Ratio,
            "",
            decimals([Some(amount("0.54")), Some(amount("0.71")), None]),
        ),
        (
            "min_utilization",
            Role::Ratio,
            "",
            decimals([Some(amount("0.6")), Some(amount("0.5")), None]),
        ),
        (
            "note",
            Role::Dimension,
            "",
            texts(["16 H100", "8 H100", "4 A100, no telemetry"]),
        ),
    ]);
    let spec = ChartSpec {
        target: Some("min_utilization".into()),
        note: Some("note".into()),
        ..chart("bullet", "pool", &["utilization"])
    };
    (spec, frame)
}

fn idle() -> (ChartSpec, Frame) {
    let frame = frame(vec![
        (
            "kind",
            Role::Dimension,
            "",
            texts(["allocated, idle", "not allocated", "dark", "serving, untraced"]),
        ),
        ("currency", Role::Currency, "", usd(4)),
        (
            "amount",
            Role::Money,
            "",
            decimals(["8412.20", "5210.75", "1902.11", "640"].map(|t| Some(amount(t)))),
        ),
    ]);
    (chart("bar", "kind", &["amount"]), frame)
}

pub(crate) fn rates() -> (ChartSpec, Frame) {
    let value = |day: i32, base: i128, salt| {
        // Three days without a reading.
        (!(11..14).contains(&day)).then(|| base * ONE / 1_000 + wave(day, salt) / 25)
    };
    let frame = frame(vec![
        ("day", Role::Time, "", days(0..31)),
        (
            "token_cache_hit_rate",
            Role::Ratio,
            "",
            decimals((0..31).map(|d| value(d, 330 + i128::from(d) * 3, 1))),
        ),
        (
            "request_cache_hit_rate",
            Role::Ratio,
            "",
            decimals((0..31).map(|d| value(d, 110, 2))),
        ),
        (
            "fallback_rate",
            Role::Ratio,
            "",
            decimals((0..31).map(|d| value(d, 21, 3))),
        ),
    ]);
    let spec = ChartSpec {
        labels: vec!["token cache".into(), "gateway cache".into(), "fallback".into()],
        ..chart(
            "line",
            "day",
            &["token_cache_hit_rate", "request_cache_hit_rate", "fallback_rate"],
        )
    };
    (spec, frame)
}

fn energy() -> (ChartSpec, Frame) {
    let frame = frame(vec![
        ("day", Role::Time, "", days(0..31)),
        (
            "wh_per_1k_requests_facility",
            Role::Measure,
            "Wh",
            Arc::new(Float64Array::from_iter_values(
                (0..31).map(|d| 420.0 - f64::from(d) * 2.1 + f64::from((d * 37) % 40)),
            )),
        ),
    ]);
    let spec = ChartSpec {
        labels: vec!["facility".into()],
        ..chart("line", "day", &["wh_per_1k_requests_facility"])
    };
    (spec, frame)
}

pub(crate) fn burn(budget: &str) -> (ChartSpec, Frame) {
    let mut total = 0;
    let mut rows = Vec::new();
    for day in 0..31 {
        total += 3_200 * ONE * weekday(day) / 100 + wave(day, 9) * 900;
        let spread = i128::from((day - 20).max(0)) * 700 * ONE;
        let (actual, p10, p50, p90) = match day {
            0..20 => (Some(total), None, None, None),
            20 => (Some(total), Some(total), Some(total), Some(total)),
            _ => (None, Some(total - spread), Some(total), Some(total + spread)),
        };
        rows.push((day, actual, p10, p50, p90));
    }
    let column = |f: fn(&(i32, Option<i128>, Option<i128>, Option<i128>, Option<i128>)) -> Option<i128>| {
        decimals(rows.iter().map(f).collect::<Vec<_>>())
    };
    let frame = frame(vec![
        ("day", Role::Time, "", days(0..31)),
        ("currency", Role::Currency, "", usd(31)),
        ("actual", Role::Money, "", column(|r| r.1)),
        ("p10", Role::Money, "", column(|r| r.2)),
        ("p50", Role::Money, "", column(|r| r.3)),
        ("p90", Role::Money, "", column(|r| r.4)),
        (
            "budget",
            Role::Money,
            "",
            decimals((0..31).map(|_| Some(amount(budget)))),
        ),
    ]);
    let spec = ChartSpec {
        labels: ["spent", "low (P10)", "expected", "high (P90)"]
            .map(str::to_owned)
            .to_vec(),
        target: Some("budget".into()),
        ..chart("fan", "day", &["actual", "p10", "p50", "p90"])
    };
    (spec, frame)
}

pub(crate) fn waterfall() -> (ChartSpec, Frame) {
    let frame = frame(vec![
        (
            "step",
            Role::Dimension,
            "",
            texts([
                "List price",
                "Negotiated discount",
                "Commitments",
                "Taxes",
                "Credits",
            ]),
        ),
        ("currency", Role::Currency, "", usd(5)),
        (
            "amount",
            Role::Money,
            "",
            decimals(["98000", "-12400", "-9100", "6200", "-1500"].map(|t| Some(amount(t)))),
        ),
    ]);
    (chart("waterfall", "step", &["amount"]), frame)
}

/// Percentiles of three models, of which one was never measured.
pub(crate) fn latencies() -> (ChartSpec, Frame) {
    let column = |values: [Option<f64>; 3]| -> ArrayRef { Arc::new(Float64Array::from_iter(values)) };
    let frame = frame(vec![
        ("model", Role::Dimension, "", texts(["small", "large", "new"])),
        (
            "p50",
            Role::Measure,
            "ms",
            column([Some(850.0), Some(4_200.0), None]),
        ),
        (
            "p95",
            Role::Measure,
            "ms",
            column([Some(2_400.0), Some(12_000.0), None]),
        ),
        ("note", Role::Dimension, "", texts(["", "", "never measured"])),
    ]);
    let spec = ChartSpec {
        labels: vec!["median".into(), "P95".into()],
        note: Some("note".into()),
        ..chart("dots", "model", &["p50", "p95"])
    };
    (spec, frame)
}

/// Money by provider and state, with a credit: long form, split by a series.
pub(crate) fn states() -> (ChartSpec, Frame) {
    let frame = frame(vec![
        (
            "name",
            Role::Dimension,
            "",
            texts(["openai", "openai", "cohere", "openai"]),
        ),
        (
            "state",
            Role::Dimension,
            "",
            texts(["registered", "not_known", "not_known", "credit"]),
        ),
        ("currency", Role::Currency, "", usd(4)),
        (
            "amount",
            Role::Money,
            "",
            decimals(["400", "100", "82.69", "-50"].map(|t| Some(amount(t)))),
        ),
    ]);
    let spec = ChartSpec {
        series: Some("state".into()),
        ..chart("parts", "name", &["amount"])
    };
    (spec, frame)
}

fn spark(salt: i32) -> Option<(ChartSpec, Frame)> {
    let frame = frame(vec![
        ("day", Role::Time, "", days(0..31)),
        (
            "value",
            Role::Ratio,
            "",
            decimals((0..31).map(|d| Some(ONE + wave(d, salt) / 4 + ONE * i128::from(d) / 60))),
        ),
    ]);
    Some((chart("sparkline", "day", &["value"]), frame))
}

fn headline(label: &str, value: Value, change: Option<i128>, good: Good, note: &str, salt: i32) -> Headline {
    let change = change.map(|c| {
        if matches!(value, Value::Ratio(_)) {
            Change::Points(c)
        } else {
            Change::Relative(c)
        }
    });
    Headline {
        label: label.into(),
        value: Some(value),
        change,
        good,
        note: (!note.is_empty()).then(|| note.into()),
        spark: spark(salt),
    }
}

fn section(
    id: &str,
    title: &str,
    subtitle: &str,
    wide: bool,
    height: u32,
    chart: (ChartSpec, Frame),
) -> Section {
    Section {
        id: id.into(),
        title: title.into(),
        subtitle: subtitle.into(),
        wide,
        height,
        body: Body::Chart(chart.0, chart.1),
        rows: None,
        notices: Vec::new(),
    }
}

pub(crate) fn moment() -> chrono::DateTime<chrono::Utc> {
    "2026-11-02T06:00:00Z".parse().unwrap()
}

/// A document of tables as finance gets it: two currencies, more digits than a double holds, names that
/// spreadsheets would take for formulas, something missing.
pub(crate) fn close() -> Document {
    let bills = [
        ("=HYPERLINK(1)", "USD", 7_i64, Some("1234.50")),
        ("+aws", "USD", 5, Some("100.000000000000000001")),
        ("@anthropic", "USD", 2, Some("0.012345678901234567")),
        ("-licences", "EUR", 1, Some("-99.9")),
        ("\tdata-centre", "EUR", 3, None),
    ];
    let amounts = || decimals(bills.map(|b| b.3.map(amount)));
    let lines: ArrayRef = Arc::new(arrow::array::Int64Array::from_iter_values(bills.map(|b| b.2)));
    let zero = decimals(bills.map(|b| b.3.map(|_| 0)));
    let ratios = decimals(bills.map(|b| b.3.map(|_| amount("0.125"))));
    let measured = Arc::new(Float64Array::from_iter(bills.map(|b| b.3.map(|_| 850.5))));
    let frame = frame(vec![
        ("source", Role::Dimension, "", texts(bills.map(|b| b.0))),
        ("currency", Role::Currency, "", texts(bills.map(|b| b.1))),
        ("since", Role::Time, "", days(0..5)),
        ("charges", Role::Measure, "charges", lines),
        ("bill", Role::Money, "", amounts()),
        ("leaves", Role::Money, "", amounts()),
        ("difference", Role::Money, "", zero),
        ("share", Role::Ratio, "", ratios),
        ("latency", Role::Measure, "ms", measured),
    ]);
    let total = |currency: &str, column: &str, value: &str| Total {
        currency: Some(currency.into()),
        column: column.into(),
        amount: amount(value),
    };
    let rows = Rows {
        frame,
        shown: [
            ("source", "Source"),
            ("currency", "Currency"),
            ("charges", "Lines"),
            ("bill", "Bill"),
            ("leaves", "Leaves"),
            ("difference", "Difference"),
        ]
        .map(|(column, name)| (column.to_owned(), name.to_owned()))
        .to_vec(),
        totals: vec![
            total("USD", "charges", "14"),
            total("USD", "bill", "1334.512345678901234568"),
            total("USD", "leaves", "1334.512345678901234568"),
            total("USD", "difference", "0"),
            total("EUR", "charges", "4"),
            total("EUR", "bill", "-99.9"),
            total("EUR", "leaves", "-99.9"),
            total("EUR", "difference", "0"),
        ],
        formulas: vec![Formula {
            column: "difference".into(),
            terms: vec![(false, "bill".into()), (true, "leaves".into())],
        }],
        on_picture: 10,
    };
    let table = |id: &str, title: &str| Section {
        id: id.into(),
        title: title.into(),
        subtitle: "each in the currency of its bill".into(),
        wide: true,
        height: 0,
        body: Body::Table(rows.frame.clone()),
        rows: Some(rows.clone()),
        notices: vec!["One amount is missing: +cmd|' /C calc'!A0".into()],
    };
    let mut drawn = section(
        "waterfall",
        "From the bill to the leaves",
        "USD",
        true,
        400,
        waterfall(),
    );
    drawn.rows = Some(Rows::plain(waterfall().1));
    Document {
        name: "month-close".into(),
        title: "Month close".into(),
        sections: vec![table("bills", "Bills by source"), drawn],
        annexes: vec![table("reconciliation", "Reconciliation")],
        ..board()
    }
}

/// A full month with everything on it.
pub(crate) fn board() -> Document {
    let usd = |text: &str| Value::Money {
        amount: amount(text),
        currency: "USD".into(),
    };
    let stamp = |label: &str, value: &str, warns| Stamp {
        label: label.into(),
        value: value.into(),
        warns,
    };
    let finding = |text: &str, mood| Finding {
        text: text.into(),
        mood,
    };
    let mut sections = vec![
        section(
            "spend",
            "Spend by scope",
            "USD per day, effective cost",
            true,
            440,
            spend_by_scope(31),
        ),
        section(
            "unit",
            "Cost of a successful task",
            "USD per success by use case, failed attempts included",
            false,
            480,
            per_success(),
        ),
        section(
            "gpu",
            "GPU utilisation against its SLO",
            "Share of provisioned GPU time that did work",
            false,
            480,
            utilisation(),
        ),
        section(
            "idle",
            "Idle GPU money",
            "USD in the window, by kind",
            false,
            390,
            idle(),
        ),
        section(
            "rates",
            "Cache and fallback",
            "Share per day",
            false,
            390,
            rates(),
        ),
        section(
            "energy",
            "Energy per 1k requests",
            "Wh, measured at the accelerator, facility boundary",
            false,
            390,
            energy(),
        ),
        section(
            "budget",
            "Budget ai-month",
            "USD, cumulative; dashed: expected, band: 80 %",
            false,
            390,
            burn("92000"),
        ),
    ];
    sections[0]
        .notices
        .push("Not drawn: EUR 1.2k without an exchange rate.".into());
    Document {
        name: "board".into(),
        title: "AI cost board".into(),
        period: "October 2026, compared with September".into(),
        stamps: vec![
            stamp("as of", "2 Nov 2026 06:00 UTC", false),
            stamp("bill complete to", "29 Oct (2 days missing)", true),
            stamp("labelled tasks", "78.4 %", false),
            stamp("basis", "effective", false),
            stamp("currency", "USD", false),
            stamp("time zone", "Europe/Berlin", false),
        ],
        headlines: vec![
            headline("Total AI spend", usd("101234.56"), Some(ONE / 8), Good::Neither, "$3.27k a day; $2.1k not on a bill yet", 1),
            headline("$ per successful task", usd("0.3871"), Some(-ONE / 20), Good::Down, "loaded: $0.52", 2),
            headline("$ per query", usd("0.01234"), Some(ONE / 300), Good::Down, "8.2 M queries", 3),
            headline("GPU utilisation", Value::Ratio(amount("0.583")), Some(-amount("0.031")), Good::Up, "SLO 60 %", 4),
            headline("Token cache hit rate", Value::Ratio(amount("0.412")), Some(amount("0.054")), Good::Up, "saved $6.4k", 5),
            headline("Fallback rate", Value::Ratio(amount("0.0213")), Some(amount("0.004")), Good::Down, "", 6),
            headline("Energy per 1k requests", Value::Measure { value: 392.0, unit: "Wh".into() }, None, Good::Down, "facility boundary", 7),
        ],
        findings: vec![
            finding("AI spend grew by $11.2k (+12 %) on the month before; claims-triage-international alone is $6.9k of it.", Mood::Plain),
            finding("The reserved GPU pool ran at 54 % of its time, below the 60 % it was bought for: $8.4k paid for devices that had an owner and did nothing.", Mood::Bad),
            finding("Two of eight use cases have spent $1.53k without one success so far.", Mood::Bad),
        ],
        sections,
        annexes: Vec::new(),
        moment: moment(),
        footer: vec![
            "Cost of a successful task: the cost of all attempts of a use case, failed, retried and fallen-back ones too, divided by its tasks with a successful outcome. Loaded adds its share of shared services and idle GPU time.".into(),
            "GPU utilisation: active device-seconds divided by provisioned device-seconds; time without telemetry counts as provisioned. Every billed amount is split into parts that add up to the bill.".into(),
        ],
    }
}

/// A lake that holds nearly nothing: no GPU data, no outcomes, one day, nothing to compare with.
pub(crate) fn sparse() -> Document {
    let mut document = board();
    document.period = "1 October 2026".into();
    document.findings.truncate(1);
    for card in &mut document.headlines[1..] {
        card.value = None;
        card.change = None;
        card.spark = None;
        card.note = Some("no outcomes recorded".into());
    }
    document.headlines[0].change = None;
    let empty = |section: &mut Section, why: &str| section.body = Body::Empty(why.into());
    let (spec, frame) = spend_by_scope(1);
    document.sections[0].body = Body::Chart(spec, frame);
    empty(
        &mut document.sections[2],
        "No GPU telemetry in this window, and no node is registered.",
    );
    empty(&mut document.sections[3], "No GPU charges in this window.");
    let (spec, frame) = rates();
    document.sections[4].body = Body::Chart(
        spec,
        Frame {
            batch: frame.batch.slice(0, 1),
            ..frame
        },
    );
    let (spec, frame) = energy();
    document.sections[5].body = Body::Chart(
        spec,
        Frame {
            batch: frame.batch.slice(0, 0),
            ..frame
        },
    );
    empty(
        &mut document.sections[6],
        "No budget is configured for this scope.",
    );
    document
}
