//! The shapes of the charts, read back from their SVG: as long, as dark and as wide as the values say, and
//! nothing where there is no value.

use super::drawn;
use crate::base::money::{self, ONE};
use crate::frame::build::decimals;
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::chart::theme;
use crate::render::sample::{chart, days, frame, texts};
use plotters::style::RGBColor;
use std::collections::BTreeMap;

/// An element's attributes.
type Shape = BTreeMap<String, String>;

fn shapes(svg: &str, tag: &str) -> Vec<Shape> {
    let open = format!("<{tag} ");
    svg.split(&open)
        .skip(1)
        .map(|rest| {
            let inside = rest.split('>').next().unwrap();
            let mut shape = Shape::new();
            for part in inside.split("\" ") {
                if let Some((name, value)) = part.split_once("=\"") {
                    shape.insert(name.trim().into(), value.trim_end_matches(['"', '/']).into());
                }
            }
            shape
        })
        .collect()
}

fn number(shape: &Shape, name: &str) -> f64 {
    shape[name].parse().unwrap()
}

fn filled(shapes: &[Shape], color: RGBColor) -> Vec<Shape> {
    let hex = format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2);
    shapes.iter().filter(|s| s["fill"] == hex).cloned().collect()
}

fn points(shape: &Shape) -> Vec<(f64, f64)> {
    let pair = |p: &str| {
        let (x, y) = p.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    shape["points"].split_whitespace().map(pair).collect()
}

fn usd<'a>(rows: usize) -> impl Iterator<Item = &'a str> {
    std::iter::repeat_n("USD", rows)
}

/// Two weekdays over five hours; Tuesday has no second hour, and nobody has the third one.
pub(crate) fn hours() -> (ChartSpec, Frame) {
    let rows = [
        ("Mon", "0", 0),
        ("Mon", "1", 25),
        ("Mon", "2", 50),
        ("Mon", "4", 80),
        ("Tue", "0", 40),
        ("Tue", "2", 100),
        ("Tue", "4", 10),
    ];
    let frame = frame(vec![
        ("weekday", Role::Dimension, "", texts(rows.map(|r| r.0))),
        ("hour", Role::Dimension, "", texts(rows.map(|r| r.1))),
        (
            "requests",
            Role::Measure,
            "",
            decimals(rows.map(|r| Some(r.2 * ONE))),
        ),
    ]);
    let spec = ChartSpec {
        series: Some("weekday".into()),
        ..chart("heatmap", "hour", &["requests"])
    };
    (spec, frame)
}

/// Two scopes over six days; the upper one has no fourth day, and a credit on the last.
pub(crate) fn areas() -> (ChartSpec, Frame) {
    let mut rows = Vec::new();
    for day in 0..6 {
        rows.push((day, "AI", Some(100)));
        rows.push((
            day,
            "Cloud",
            (day != 3).then_some(if day == 5 { -20 } else { 50 }),
        ));
    }
    let frame = frame(vec![
        ("day", Role::Time, "", days(rows.iter().map(|r| r.0))),
        ("scope", Role::Dimension, "", texts(rows.iter().map(|r| r.1))),
        ("currency", Role::Currency, "", texts(usd(rows.len()))),
        (
            "amount",
            Role::Money,
            "",
            decimals(rows.iter().map(|r| r.2.map(|v: i128| v * ONE))),
        ),
    ]);
    let spec = ChartSpec {
        series: Some("scope".into()),
        ..chart("area", "day", &["amount"])
    };
    (spec, frame)
}

/// Three use cases over five weeks, one with a gap; `largest` is the peak of the first.
pub(crate) fn panels(largest: i128) -> (ChartSpec, Frame) {
    let mut rows = Vec::new();
    for week in 0..5_i32 {
        let i = i128::from(week);
        rows.push((week * 7, "support", Some(largest * (i + 1) / 5)));
        rows.push((week * 7, "search", (week != 2).then_some(20 + i)));
        rows.push((week * 7, "review", Some(10)));
    }
    let frame = frame(vec![
        ("day", Role::Time, "", days(rows.iter().map(|r| r.0))),
        ("use_case", Role::Dimension, "", texts(rows.iter().map(|r| r.1))),
        ("currency", Role::Currency, "", texts(usd(rows.len()))),
        (
            "cost",
            Role::Money,
            "",
            decimals(rows.iter().map(|r| r.2.map(|v| v * ONE))),
        ),
    ]);
    let spec = ChartSpec {
        series: Some("use_case".into()),
        ..chart("multiples", "day", &["cost"])
    };
    (spec, frame)
}

/// Two bills and three leaves, with a credit.
pub(crate) fn flows() -> (ChartSpec, Frame) {
    let rows = [
        ("cloud", "requests", "300"),
        ("cloud", "idle_gpus", "100"),
        ("models", "requests", "500"),
        ("models", "shared", "100"),
        ("models", "unmetered", "-40"),
    ];
    let frame = frame(vec![
        ("provider", Role::Dimension, "", texts(rows.map(|r| r.0))),
        ("leaf", Role::Dimension, "", texts(rows.map(|r| r.1))),
        ("currency", Role::Currency, "", texts(usd(rows.len()))),
        (
            "amount",
            Role::Money,
            "",
            decimals(rows.map(|r| Some(money::parse(r.2).unwrap()))),
        ),
    ]);
    let spec = ChartSpec {
        series: Some("leaf".into()),
        labels: vec!["who billed".into(), "what it became".into()],
        ..chart("flow", "provider", &["amount"])
    };
    (spec, frame)
}

#[test]
fn a_cell_is_as_dark_as_its_value_and_missing_ones_are_empty() {
    let svg = drawn(hours());
    // The key paints its ticks in a row above; the cells are as wide as a fifth of the plot.
    let all = shapes(&svg, "rect");
    let cells: Vec<Shape> = filled(&all, theme::CARD)
        .into_iter()
        .filter(|s| number(s, "y") > 4.0 * 50.0)
        .collect();
    assert_eq!(cells.len(), 7, "seven values");
    let shades: Vec<(f64, f64, f64)> = filled(&all, theme::ACCENT)
        .iter()
        .filter(|s| number(s, "y") > 4.0 * 50.0)
        .map(|s| (number(s, "y"), number(s, "x"), number(s, "opacity")))
        .collect();
    // Zero is the paper of a cell and no shade at all.
    let opacities: Vec<f64> = shades.iter().map(|s| s.2).collect();
    assert_eq!(opacities, [0.25, 0.5, 0.8, 0.4, 1.0, 0.1]);
    let left = |i: usize| shades[i].1;
    // Hours 1, 2 and 4 of Monday: the third hour is a place without cells.
    let one = left(1) - left(0);
    assert!((left(2) - left(1) - 2.0 * one).abs() < 4.0, "{shades:?}");
    for text in ["Mon", "Tue", "3", "no value", "highest", "Tue, 2: 100"] {
        assert!(svg.contains(&format!("\n{text}")), "{text}");
    }
}

#[test]
fn days_without_a_row_are_empty_columns() {
    let (spec, frame) = areas();
    let spec = ChartSpec {
        kind: "heatmap".into(),
        ..spec
    };
    // Rows of the days 0, 1 and 5.
    let at = arrow::array::UInt32Array::from(vec![0, 2, 10]);
    let frame = Frame {
        batch: arrow::compute::take_record_batch(&frame.batch, &at).unwrap(),
        ..frame
    };
    let svg = drawn((spec, frame));
    let cells: Vec<Shape> = filled(&shapes(&svg, "rect"), theme::ACCENT)
        .into_iter()
        .filter(|s| number(s, "y") > 4.0 * 50.0)
        .collect();
    let x: Vec<f64> = cells.iter().map(|c| number(c, "x")).collect();
    assert!(((x[2] - x[1]) - 4.0 * (x[1] - x[0])).abs() < 8.0, "{x:?}");
}

#[test]
fn areas_are_as_high_as_their_values_and_end_at_a_gap() {
    let svg = drawn(areas());
    let polygons = shapes(&svg, "polygon");
    let (ai, cloud) = (
        filled(&polygons, theme::series(0)),
        filled(&polygons, theme::series(1)),
    );
    assert_eq!(ai.len(), 1);
    // Three days before the gap; the day after it and the credit stand alone, as columns.
    assert_eq!(cloud.len(), 1);
    let columns = filled(&shapes(&svg, "rect"), theme::series(1));
    let tall: Vec<f64> = columns
        .iter()
        .filter(|c| number(c, "width") != 4.0 * 18.0)
        .map(|c| number(c, "height"))
        .collect();
    let height = |shape: &Shape| {
        let points = points(shape);
        let end = points.len();
        (points[0].1 - points[end - 1].1).abs()
    };
    let (a, b) = (height(&ai[0]), height(&cloud[0]));
    assert!((a - 2.0 * b).abs() <= 2.0, "{a} is not twice {b}");
    assert_eq!(tall.len(), 2);
    assert!(
        (tall[0] - b).abs() <= 2.0 && (tall[1] - b * 0.4).abs() <= 2.0,
        "{tall:?} {b}"
    );
    let x = |shape: &Shape| points(shape).iter().map(|p| p.0).fold(0.0, f64::max);
    assert!(x(&cloud[0]) < x(&ai[0]) * 0.7, "nothing across the gap");
}

#[test]
fn panels_have_one_scale_unless_one_would_flatten_the_others() {
    let height = |svg: &str| -> Vec<f64> {
        filled(&shapes(svg, "polygon"), theme::ACCENT)
            .iter()
            .map(|p| {
                let points = points(p);
                let zero = points[points.len() - 1].1;
                points.iter().map(|p| zero - p.1).fold(0.0, f64::max)
            })
            .collect()
    };
    let one = drawn(panels(40));
    assert!(one.contains("All on one scale"));
    let heights = height(&one);
    // Four runs: the second use case has a gap.
    assert_eq!(heights.len(), 4);
    assert!(
        (heights[0] - 4.0 * heights[3]).abs() <= 4.0,
        "40 against 10: {heights:?}"
    );
    let own = drawn(panels(4_000));
    assert!(own.contains("own scale, from zero") && own.contains("$4k"));
    let heights = height(&own);
    assert!(heights[3] > heights[0] * 0.4, "{heights:?}");
}

#[test]
fn bands_are_as_wide_as_their_amounts_all_the_way() {
    let svg = drawn(flows());
    let bands = shapes(&svg, "polygon");
    assert_eq!(bands.len(), 4, "a credit has no width");
    let mut widths = Vec::new();
    for band in &bands {
        let points = points(band);
        let n = points.len();
        let at: Vec<f64> = (0..n / 2).map(|i| points[n - 1 - i].1 - points[i].1).collect();
        assert!(at.iter().all(|w| (w - at[0]).abs() <= 2.0), "{at:?}");
        widths.push(at[0]);
    }
    widths.sort_by(f64::total_cmp);
    // 100, 100, 300 and 500 of 1,000.
    for (width, share) in widths.iter().zip([1.0, 1.0, 3.0, 5.0]) {
        assert!((width - widths[0] * share).abs() <= 3.0 * share, "{widths:?}");
    }
    for text in [
        "cloud",
        "$400.00",
        "requests",
        "$800.00",
        "idle gpus",
        "who billed",
        "$1k",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    // On a narrow picture the words go on in the next line.
    assert!(svg.contains("Not drawn, being below zero: −$40.00 in 1 flow; together"));
    assert!(svg.contains("$960.00"));
}

#[test]
fn what_happened_stands_at_its_time() {
    let (spec, with) = crate::render::sample::rates();
    let mut columns = with.columns.clone();
    columns.push(crate::frame::ColumnSpec {
        name: "what".into(),
        role: Role::Dimension,
        unit: String::new(),
    });
    let words = (0..with.rows()).map(|row| (row == 20).then_some("price of small −20 %"));
    let mut arrays = with.batch.columns().to_vec();
    arrays.push(crate::frame::build::texts(words));
    let names = columns
        .iter()
        .map(|c| c.name.clone())
        .zip(arrays)
        .map(|(n, a)| (n, a, true));
    let batch = arrow::array::RecordBatch::try_from_iter_with_nullable(names).unwrap();
    let spec = ChartSpec {
        note: Some("what".into()),
        ..spec
    };
    let svg = drawn((spec, Frame::new(columns, batch).unwrap()));
    assert!(svg.contains("price of small −20 %"));
    // The line stands at two thirds of the way between the first and the last date.
    let dashes: Vec<f64> = shapes(&svg, "polyline")
        .iter()
        .map(points)
        .filter(|p| p.len() == 2 && p[0].0 == p[1].0 && p[1].1 - p[0].1 > 20.0)
        .map(|p| p[0].0)
        .collect();
    let often = |x: &f64| dashes.iter().filter(|other| *other == x).count();
    let line = *dashes.iter().find(|x| often(x) > 3).unwrap();
    let path = shapes(&svg, "polyline")
        .iter()
        .map(points)
        .filter(|p| p.len() > 5)
        .flatten()
        .map(|p| p.0)
        .fold((f64::MAX, 0.0_f64), |(a, b), x| (a.min(x), b.max(x)));
    let share = (line - path.0) / (path.1 - path.0);
    assert!((share - 20.0 / 30.0).abs() < 0.01, "{share}");
}

#[test]
fn rows_that_are_put_together_stand_by_their_sums() {
    // Three parts of 40 make more than one of 100.
    let rows = [("b", "x", 100), ("a", "x", 40), ("a", "y", 40), ("a", "z", 40)];
    let frame = frame(vec![
        ("owner", Role::Dimension, "", texts(rows.map(|r| r.0))),
        ("state", Role::Dimension, "", texts(rows.map(|r| r.1))),
        (
            "hours",
            Role::Measure,
            "",
            decimals(rows.map(|r| Some(r.2 * ONE))),
        ),
    ]);
    let spec = ChartSpec {
        series: Some("state".into()),
        ..chart("parts", "owner", &["hours"])
    };
    let svg = drawn((spec, frame));
    assert!(svg.find("\n120\n").unwrap() < svg.find("\n100\n").unwrap());
}

/// One contributor that only costs, one that may go either way, one that only saves.
fn contributors() -> (ChartSpec, Frame) {
    let rows = [("surge", 100, 300), ("price", -100, 200), ("cache", -80, -40)];
    let column = |value: fn(&(&str, i128, i128)) -> i128| decimals(rows.iter().map(|r| Some(value(r) * ONE)));
    let frame = frame(vec![
        ("contributor", Role::Dimension, "", texts(rows.map(|r| r.0))),
        ("currency", Role::Currency, "", texts(usd(rows.len()))),
        ("good", Role::Money, "", column(|r| r.1)),
        ("bad", Role::Money, "", column(|r| r.2)),
    ]);
    (chart("tornado", "contributor", &["good", "bad"]), frame)
}

#[test]
fn a_tornado_is_as_wide_as_its_cases_and_dark_where_they_agree() {
    let svg = drawn(contributors());
    let rects = shapes(&svg, "rect");
    let bars = |color: RGBColor| -> Vec<(f64, f64)> {
        let mut bars: Vec<_> = filled(&rects, color)
            .iter()
            .map(|s| (number(s, "x"), number(s, "width")))
            .collect();
        // The first of each colour explains it.
        bars.remove(0);
        bars
    };
    let (open, certain) = (bars(theme::ACCENT_SOFT), bars(theme::ACCENT));
    let dollar = open[0].1 / 300.0;
    let near = |a: f64, b: f64| assert!((a - b).abs() < 2.0, "{a} is not {b} in {open:?} {certain:?}");
    let zero = open[0].0;
    // From zero to the bad case, from the good to the bad one, from the good case to zero.
    near(open[1].0, zero - 100.0 * dollar);
    near(open[1].1, 300.0 * dollar);
    near(open[2].0, zero - 80.0 * dollar);
    near(open[2].1, 80.0 * dollar);
    // Certain is what both cases agree on: 100 of the surge, 40 of the cache, nothing of the price.
    let dark: Vec<_> = certain.iter().filter(|(_, width)| *width > 0.5).collect();
    assert_eq!(dark.len(), 2, "{dark:?}");
    near(dark[0].0, zero);
    near(dark[0].1, 100.0 * dollar);
    near(dark[1].0 + dark[1].1, zero);
    near(dark[1].1, 40.0 * dollar);
    for text in ["surge", "+$300", "−$100"] {
        assert!(svg.contains(text), "{text}");
    }
}
