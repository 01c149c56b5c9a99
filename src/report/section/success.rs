//! Cost of a successful task per use case, direct and loaded. Where there is no success yet, the row says
//! what has been spent, never infinity and never 0.

use super::super::{reckon, run::Run, words};
use super::{Part, chart};
use crate::base::{Result, money};
use crate::frame::build::{decimals, texts};
use crate::frame::{ChartSpec, Frame, Role};
use crate::render::number;

const METRIC: &str = "unit/cost_per_successful_task";
const DIRECT: &str = "cost_per_successful_task";
const LOADED: &str = "loaded_cost_per_successful_task";
/// The metric's row for idle time of models that no use case used.
const NOBODY: &str = "(no use case)";
/// Below either of these a cost per success says little.
const LEAST_COVERAGE: i128 = money::ONE / 5;
const LEAST_SUCCESSES: i64 = 10;
const FEW_LABELS: &str = "few labels";

struct UseCase {
    name: String,
    direct: Option<i128>,
    loaded: Option<i128>,
    spent: i128,
    tasks: i64,
    few_labels: bool,
}

pub(super) async fn build(run: &Run<'_>) -> Result<Part> {
    let subtitle = format!("{} per success, failed attempts included", run.currency());
    let frame = run.metric(METRIC, Some(&["use_case"]), run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, others) = reckon::split_currency(&frame, all, run.currency(), "loaded_cost")?;
    let mut nobody = 0;
    let mut cases = Vec::new();
    for row in rows {
        let name = frame.name("use_case", row)?;
        let direct_cost = frame.decimal("direct_cost", row)?.unwrap_or(0);
        if name == NOBODY {
            reckon::add(&mut nobody, frame.decimal("loaded_cost", row)?.unwrap_or(0))?;
            continue;
        }
        let covered = frame.decimal("labelled_coverage", row)?.unwrap_or(0);
        let successes = frame.int("successes", row)?.unwrap_or(0);
        let case = UseCase {
            name,
            few_labels: covered < LEAST_COVERAGE || successes < LEAST_SUCCESSES,
            direct: frame.decimal(DIRECT, row)?,
            loaded: frame.decimal(LOADED, row)?,
            spent: direct_cost,
            tasks: frame.int("tasks", row)?.unwrap_or(0),
        };
        if case.direct.is_some() || case.spent != 0 || case.tasks != 0 {
            cases.push(case);
        }
    }
    let idle = (nobody != 0).then(|| {
        format!(
            "{} of idle GPU time belongs to models that no use case used.",
            number::money(nobody, run.currency())
        )
    });
    if cases.is_empty() {
        return Ok(Part::empty(subtitle, "No requests in this window.").noting(words::left_out(&others)));
    }
    // Those with a price first, the dearest at the top; then those without, by what they have spent.
    cases.sort_by_key(|c| (c.direct.is_none(), -c.direct.unwrap_or(c.spent)));
    let note = |c: &UseCase| {
        if c.direct.is_none() {
            let spent = number::money(c.spent, run.currency());
            return Some(format!("no success yet for {spent}"));
        }
        c.few_labels.then(|| FEW_LABELS.to_owned())
    };
    let thin = cases.iter().any(|c| c.direct.is_some() && c.few_labels).then(|| {
        format!(
            "{FEW_LABELS}: a rough figure, from fewer than {LEAST_SUCCESSES} successes or outcomes of less than {} of the tasks.",
            number::percent(LEAST_COVERAGE)
        )
    });
    let frame = Frame::of(vec![
        (
            "use_case",
            Role::Dimension,
            "",
            texts(cases.iter().map(|c| Some(&c.name))),
        ),
        (
            "currency",
            Role::Currency,
            "",
            texts(cases.iter().map(|_| Some(run.currency()))),
        ),
        (DIRECT, Role::Money, "", decimals(cases.iter().map(|c| c.direct))),
        (LOADED, Role::Money, "", decimals(cases.iter().map(|c| c.loaded))),
        ("note", Role::Dimension, "", texts(cases.iter().map(note))),
    ])?;
    let chart = ChartSpec {
        labels: vec!["direct".to_owned(), "loaded with shared and idle".to_owned()],
        note: Some("note".to_owned()),
        ..chart("bar", "use_case", &[DIRECT, LOADED])
    };
    Ok(Part::chart(subtitle, chart, frame)
        .noting(thin)
        .noting(idle)
        .noting(words::left_out(&others)))
}

/// How many use cases there are, and the spend of those that have tasks and no success.
pub(in super::super) async fn without_success(run: &Run<'_>) -> Result<(usize, Vec<(String, i128)>)> {
    let frame = run.metric(METRIC, Some(&["use_case"]), run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, _) = reckon::split_currency(&frame, all, run.currency(), "loaded_cost")?;
    let mut count = 0;
    let mut without = Vec::new();
    for row in rows {
        let Some(name) = frame.text("use_case", row)?.filter(|n| n != NOBODY) else {
            continue;
        };
        count += 1;
        let spent = frame.decimal("direct_cost", row)?.unwrap_or(0);
        let failed =
            frame.int("successes", row)? == Some(0) && frame.int("tasks", row)?.is_some_and(|t| t > 0);
        if failed && spent > 0 {
            without.push((name, spent));
        }
    }
    Ok((count, without))
}
