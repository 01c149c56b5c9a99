#![allow(clippy::unwrap_used)]
use super::*;
use crate::render::sample;

pub(crate) mod shapes;

fn drawn(chart: (ChartSpec, Frame)) -> String {
    let svg = svg(&chart.0, &chart.1, 720, 380, "a chart").unwrap();
    assert_eq!(
        svg,
        super::svg(&chart.0, &chart.1, 720, 380, "a chart").unwrap(),
        "the same input, other bytes"
    );
    for wrong in ["NaN", "inf", "-0\""] {
        assert!(!svg.contains(wrong), "{wrong} in {svg}");
    }
    svg
}

#[test]
fn every_kind_draws_its_texts() {
    for (chart, texts) in [
        (
            sample::spend_by_scope(31),
            &["AI", "Licensing", "1 Oct", "$5k"][..],
        ),
        (
            sample::per_success(),
            &[
                "support-answers",
                "no success yet for $212.40",
                "$0.412",
                "$0.583",
                "direct",
            ],
        ),
        (sample::utilisation(), &["reserved", "54", "60", "no telemetry"]),
        (sample::rates(), &["token cache", "1 Oct", "%"]),
        (sample::burn("92000"), &["budget $92k", "over budget", "expected"]),
        (sample::waterfall(), &["List price", "−$12.4k", "Sum"]),
        (
            sample::latencies(),
            &["median", "P95", "850", "12", "never measured", "large"],
        ),
        (
            sample::states(),
            &["registered", "not known", "openai", "$450.00", "$82.69"],
        ),
    ] {
        let svg = drawn(chart);
        for text in texts {
            assert!(svg.contains(text), "{text} is not in the picture");
        }
    }
}

#[test]
fn gaps_are_gaps() {
    // Three lines, three days without a reading in the middle: six pieces.
    assert_eq!(drawn(sample::rates()).matches("stroke-width=\"14\"").count(), 6);
}

#[test]
fn awkward_frames_are_drawn_too() {
    for rows in 0..2 {
        for (spec, frame) in [
            sample::spend_by_scope(31),
            sample::per_success(),
            sample::utilisation(),
            sample::rates(),
            sample::burn("1"),
            sample::waterfall(),
            sample::latencies(),
            sample::states(),
            shapes::hours(),
            shapes::areas(),
            shapes::panels(40),
            shapes::flows(),
        ] {
            drawn((
                spec,
                Frame {
                    batch: frame.batch.slice(0, rows),
                    ..frame
                },
            ));
        }
    }
    // Only missing values.
    let (spec, frame) = sample::per_success();
    drawn((
        spec,
        Frame {
            batch: frame.batch.slice(6, 2),
            ..frame
        },
    ));
    let (spec, frame) = sample::rates();
    assert!(
        drawn((
            spec,
            Frame {
                batch: frame.batch.slice(11, 3),
                ..frame
            }
        ))
        .contains("No measured values")
    );
    assert!(!drawn(sample::burn("900000")).contains("over budget"));
}

#[test]
fn a_waterfall_of_parts_ends_in_the_whole() {
    let (spec, frame) = sample::waterfall();
    let svg = drawn((
        ChartSpec {
            labels: vec!["the bill".into()],
            ..spec
        },
        frame,
    ));
    assert!(svg.contains("the bill") && svg.contains("+$98k") && !svg.contains("Sum"));
}

#[test]
fn a_wrong_spec_is_an_error() {
    let (spec, frame) = sample::rates();
    assert!(
        svg(
            &ChartSpec {
                kind: "pie".into(),
                ..spec.clone()
            },
            &frame,
            10,
            10,
            ""
        )
        .is_err()
    );
    assert!(
        svg(
            &ChartSpec {
                x: "nope".into(),
                ..spec.clone()
            },
            &frame,
            10,
            10,
            ""
        )
        .is_err()
    );
    assert!(
        svg(
            &ChartSpec {
                y: Vec::new(),
                ..spec
            },
            &frame,
            10,
            10,
            ""
        )
        .is_err()
    );
}
