//! Spend stacked by a dimension, per day, or per week when days would be too many.

use super::super::{reckon, run::Run, words};
use super::{Part, chart};
use crate::base::Result;
use crate::frame::build::{days, decimals, texts};
use crate::frame::{ChartSpec, Frame, Role};
use std::collections::BTreeMap;

/// More columns than this cannot be told apart on a phone.
const MOST_DAYS: u64 = 45;
/// More parts than the palette has colours are put together.
const MOST_PARTS: usize = 6;
const REST: &str = "other";

pub(super) async fn build(run: &Run<'_>, by: &str) -> Result<Part> {
    let frame = run.metric("spend/daily", Some(&[by]), run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, others) = reckon::split_currency(&frame, all, run.currency(), "amount")?;
    let weekly = run.window.days() > MOST_DAYS;
    let grain = if weekly {
        "week, named by its Monday"
    } else {
        "day"
    };
    let subtitle = format!("{} per {grain}, {} cost", run.currency(), run.settings.basis);

    let mut totals: BTreeMap<String, i128> = BTreeMap::new();
    let mut cells = BTreeMap::new();
    for row in rows {
        let (Some(day), Some(amount)) = (
            reckon::day(&frame, "day", row)?,
            reckon::amount(&frame, "amount", row)?,
        ) else {
            continue;
        };
        let name = frame.text(by, row)?.unwrap_or_else(|| "none".to_owned());
        let time = if weekly { reckon::week(day) } else { day };
        reckon::add(totals.entry(name.clone()).or_insert(0), amount)?;
        reckon::add(cells.entry((time, name)).or_insert(0_i128), amount)?;
    }
    totals.retain(|_, total| *total != 0);
    if totals.is_empty() {
        return Ok(Part::empty(subtitle, "No spend in this window.").noting(words::left_out(&others)));
    }
    let order = order(&totals);
    let mut drawn: BTreeMap<_, i128> = BTreeMap::new();
    for ((time, name), amount) in cells {
        let at = order.iter().position(|n| *n == name).unwrap_or(order.len());
        reckon::add(drawn.entry((time, at)).or_insert(0), amount)?;
    }
    // Names first appear in the order of the stack, whatever the first day holds.
    let name = |at: usize| order.get(at).map_or(REST, String::as_str);
    let mut lines: Vec<_> = drawn.into_iter().collect();
    let first = lines.first().map(|((time, _), _)| *time);
    if let Some(first) = first {
        for at in 0..order.len() {
            if !lines.iter().any(|((time, i), _)| *time == first && *i == at) {
                lines.push(((first, at), 0));
            }
        }
    }
    lines.sort_by_key(|(key, _)| *key);
    let frame = Frame::of(vec![
        ("day", Role::Time, "", days(lines.iter().map(|l| l.0.0))),
        (
            by,
            Role::Dimension,
            "",
            texts(lines.iter().map(|l| Some(name(l.0.1)))),
        ),
        (
            "currency",
            Role::Currency,
            "",
            texts(lines.iter().map(|_| Some(run.currency()))),
        ),
        (
            "amount",
            Role::Money,
            "",
            decimals(lines.iter().map(|l| Some(l.1))),
        ),
    ])?;
    let chart = ChartSpec {
        series: Some(by.to_owned()),
        ..chart("stacked_bar", "day", &["amount"])
    };
    Ok(Part::chart(subtitle, chart, frame).noting(words::left_out(&others)))
}

/// AI at the bottom, on the zero line, where its course can be read; then by size.
fn order(totals: &BTreeMap<String, i128>) -> Vec<String> {
    let mut names: Vec<(&String, i128)> = totals.iter().map(|(n, t)| (n, *t)).collect();
    names.sort_by_key(|(name, total)| (*name != "AI", -*total));
    names.truncate(MOST_PARTS);
    names.into_iter().map(|(name, _)| name.clone()).collect()
}
