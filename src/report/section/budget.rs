//! One budget over its period: spent so far, expected to its end, against the limit. The first budget for
//! all AI is drawn, else the first there is; the others are named with their state.

use super::super::burn::{LOOK_BACK, burn, risk};
use super::super::{reckon, run::Run};
use super::{Part, chart};
use crate::base::Result;
use crate::base::time::{Window, local_midnight};
use crate::frame::build::{days, decimals, texts};
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::number;
use chrono::NaiveDate;
use std::collections::BTreeMap;

pub(super) async fn build(run: &Run<'_>) -> Result<Part> {
    let burnt = run.metric("budget/burn", None, run.window).await?;
    let Some(row) = choose(&burnt)? else {
        return Ok(Part::empty("Spend against the limit", "No budget is configured."));
    };
    let name = burnt.text("name", row)?.unwrap_or_default();
    let currency = burnt.text("currency", row)?.unwrap_or_default();
    let limit = burnt.decimal("budget", row)?.unwrap_or(0);
    let period = burnt.text("period", row)?.unwrap_or_default();
    let subtitle = format!("{currency} of the {period}, cumulative: {name}");
    let (Some(first), Some(next)) = (
        reckon::day(&burnt, "period_start", row)?,
        reckon::day(&burnt, "period_end", row)?,
    ) else {
        return Ok(Part::empty(subtitle, "The budget has no period."));
    };
    let others = others(&burnt, row)?;
    if currency != run.currency() || burnt.text("use_case", row)?.is_some() {
        // Only the total is known then, not its course by day.
        let spent = burnt.decimal("spent", row)?.unwrap_or(0);
        let words = format!(
            "{} of {} spent.",
            number::money(spent, &currency),
            number::money(limit, &currency)
        );
        return Ok(Part::empty(subtitle, words).noting(others));
    }
    let zone = run.settings.zone;
    let until = run.window.to.min(run.settings.now);
    let look_back = first - chrono::Days::new(LOOK_BACK);
    let window = Window::new(local_midnight(look_back, zone), until)?;
    let daily = daily(run, burnt.text("scope", row)?, window).await?;
    let last = next.pred_opt().unwrap_or(next);
    let known = daily.keys().next_back().copied().filter(|d| *d >= first);
    let Some(known) = known.map(|d| d.min(last)) else {
        return Ok(Part::empty(subtitle, "Nothing is spent in the budget's period so far.").noting(others));
    };
    let course = burn(&daily, first, last, known)?;
    let (course, words) = (course.days, course.words);
    let frame = Frame::of(vec![
        ("day", Role::Time, "", days(course.iter().map(|d| d.day))),
        (
            "currency",
            Role::Currency,
            "",
            texts(course.iter().map(|_| Some(&currency))),
        ),
        (
            "spent",
            Role::Money,
            "",
            decimals(course.iter().map(|d| d.actual)),
        ),
        ("p10", Role::Money, "", decimals(course.iter().map(|d| d.p10))),
        ("p50", Role::Money, "", decimals(course.iter().map(|d| d.p50))),
        ("p90", Role::Money, "", decimals(course.iter().map(|d| d.p90))),
        (
            "budget",
            Role::Money,
            "",
            decimals(course.iter().map(|_| Some(limit))),
        ),
    ])?;
    let chart = ChartSpec {
        labels: ["spent", "low (P10)", "expected", "high (P90)"]
            .map(str::to_owned)
            .to_vec(),
        target: Some("budget".to_owned()),
        ..chart("fan", "day", &["spent", "p10", "p50", "p90"])
    };
    Ok(Part::chart(subtitle, chart, frame)
        .noting(risk(&course, limit))
        .noting(words)
        .noting(others))
}

fn choose(burnt: &Frame) -> Result<Option<usize>> {
    for row in 0..burnt.rows() {
        if burnt.text("scope", row)?.as_deref() == Some("AI") && burnt.text("use_case", row)?.is_none() {
            return Ok(Some(row));
        }
    }
    Ok((burnt.rows() > 0).then_some(0))
}

fn others(burnt: &Frame, drawn: usize) -> Result<Option<String>> {
    let mut states = Vec::new();
    for row in (0..burnt.rows()).filter(|r| *r != drawn) {
        let name = burnt.text("name", row)?.unwrap_or_default();
        let share = burnt
            .decimal("spent_share", row)?
            .map_or(number::MISSING.to_owned(), number::percent);
        states.push(format!("{name} {share}"));
    }
    Ok((!states.is_empty()).then(|| format!("Spent of the other budgets: {}.", states.join(", "))))
}

async fn daily(run: &Run<'_>, scope: Option<String>, window: Window) -> Result<BTreeMap<NaiveDate, i128>> {
    let frame = run.metric("spend/daily", Some(&["scope"]), window).await?;
    let filter = scope
        .into_iter()
        .map(|scope| ("scope".to_owned(), scope))
        .collect();
    let rows = reckon::rows_where(&frame, &filter)?;
    let (rows, _) = reckon::split_currency(&frame, rows, run.currency(), "amount")?;
    let mut daily = BTreeMap::new();
    for row in rows {
        if let (Some(day), Some(amount)) = (reckon::day(&frame, "day", row)?, frame.decimal("amount", row)?) {
            reckon::add(daily.entry(day).or_insert(0), amount)?;
        }
    }
    Ok(daily)
}
