//! GPU money without work to show for it, by kind.

use super::super::{reckon, run::Run, words};
use super::{Part, chart};
use crate::base::Result;
use crate::frame::build::{decimals, texts};
use crate::frame::{Frame, Role};
use crate::render::number;

/// Column of `gpu/idle_cost`, and what it is in a reader's words.
const KINDS: [(&str, &str); 4] = [
    ("allocated_idle_cost", "owner, no work"),
    ("unallocated_cost", "no owner"),
    ("dark_cost", "no telemetry"),
    ("untraced_cost", "work, no request"),
];

pub(super) async fn build(run: &Run<'_>) -> Result<Part> {
    let subtitle = format!("{} of GPU time, {} cost", run.currency(), run.settings.basis);
    let frame = run.metric("gpu/idle_cost", Some(&[]), run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, others) = reckon::split_currency(&frame, all, run.currency(), "idle_cost")?;
    let mut amounts = Vec::new();
    for (column, words) in KINDS {
        amounts.push((words, reckon::sum(&frame, column, &rows)?));
    }
    let idle = reckon::sum(&frame, "idle_cost", &rows)?;
    let serving = reckon::sum(&frame, "serving_cost", &rows)?;
    let all = idle.unwrap_or(0).saturating_add(serving.unwrap_or(0));
    if rows.is_empty() || all == 0 {
        return Ok(Part::empty(subtitle, "No GPU charges in this window.").noting(words::left_out(&others)));
    }
    let total = idle
        .zip(crate::base::money::ratio(idle.unwrap_or(0), all))
        .map(|(idle, share)| {
            format!(
                "Together {}: {} of the GPU bill.",
                number::money(idle, run.currency()),
                number::percent(share)
            )
        });
    amounts.sort_by_key(|a| -a.1.unwrap_or(0));
    let frame = Frame::of(vec![
        (
            "kind",
            Role::Dimension,
            "",
            texts(amounts.iter().map(|a| Some(a.0))),
        ),
        (
            "currency",
            Role::Currency,
            "",
            texts(amounts.iter().map(|_| Some(run.currency()))),
        ),
        ("amount", Role::Money, "", decimals(amounts.iter().map(|a| a.1))),
    ])?;
    Ok(Part::chart(subtitle, chart("bar", "kind", &["amount"]), frame)
        .noting(total)
        .noting(words::left_out(&others)))
}
