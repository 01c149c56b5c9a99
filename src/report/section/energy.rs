//! Energy per 1k requests of the self-hosted models, over parts of the window: a day of few requests alone
//! would say more about the day than about the models.

use super::super::run::Run;
use super::{Part, chart};
use crate::base::Result;
use crate::frame::build::{days, floats};
use crate::frame::{ChartSpec, Frame, Role};

const METRIC: &str = "energy/wh_per_1k_requests";
const COLUMNS: [&str; 2] = ["wh_per_1k_requests_facility", "wh_per_1k_requests_accelerator"];

pub(super) async fn build(run: &Run<'_>) -> Result<Part> {
    let slices = run.slices();
    let grain = match slices.as_slice() {
        [(first, _), (second, _), ..] if (*second - *first).num_days() > 1 => {
            format!("per {} days", (*second - *first).num_days())
        }
        _ => "per day".to_owned(),
    };
    let subtitle = format!("Self-hosted models, {grain}");
    let mut points = Vec::with_capacity(slices.len());
    let mut without = 0;
    for (day, window) in slices {
        let frame = run.metric(METRIC, Some(&[]), window).await?;
        let value = |column| {
            if frame.rows() > 0 {
                frame.float(column, 0)
            } else {
                Ok(None)
            }
        };
        points.push((day, value(COLUMNS[0])?, value(COLUMNS[1])?));
        if frame.rows() > 0 {
            without = without.max(frame.int("devices_without", 0)?.unwrap_or(0));
        }
    }
    if points.iter().all(|p| p.1.is_none()) {
        return Ok(Part::empty(
            subtitle,
            "No energy was measured in this window, or no request was self-hosted.",
        ));
    }
    let frame = Frame::of(vec![
        ("day", Role::Time, "", days(points.iter().map(|p| p.0))),
        (
            COLUMNS[0],
            Role::Measure,
            "Wh",
            floats(points.iter().map(|p| p.1)),
        ),
        (
            COLUMNS[1],
            Role::Measure,
            "Wh",
            floats(points.iter().map(|p| p.2)),
        ),
    ])?;
    let chart = ChartSpec {
        labels: vec!["facility".to_owned(), "accelerator".to_owned()],
        ..chart("line", "day", &COLUMNS)
    };
    let notice = (without > 0).then(|| format!("Devices without a reading, which are not in it: {without}."));
    Ok(Part::chart(subtitle, chart, frame).noting(notice))
}
