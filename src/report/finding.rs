//! What stands out, in sentences, in this order: a budget that is exceeded; the dearest change that the weeks
//! before do not explain, or where there is none the share that moved furthest the wrong way; by their money, the
//! next change and a GPU pool below its SLO; the course of AI spend; then what costs money without result, the
//! dearest first.

use super::run::Run;
use super::{change, reckon, section};
use crate::base::{Result, money};
use crate::render::document::{Change, Finding, Headline, Mood, Value};
use crate::render::number;
use std::collections::{BTreeMap, BTreeSet};

/// A share that moves by less is no news.
const STRONG_MOVE: i128 = 5 * money::ONE / 100;

pub(super) async fn build(run: &Run<'_>, headlines: &[Headline], most: usize) -> Result<Vec<Finding>> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let bad = |text: String| Finding {
        text,
        mood: Mood::Bad,
    };
    let mut findings = Vec::new();
    findings.extend(over_budget(run).await?.map(bad));
    let mut changes = change::sentences(run).await?.into_iter();
    match changes.next() {
        Some((_, finding)) => findings.push(finding),
        None => findings.extend(adverse(headlines, &run.before).map(bad)),
    }
    let mut next: Vec<(i128, Finding)> = changes.take(1).collect();
    next.extend(slack_pool(run).await?.map(|(idle, text)| (idle, bad(text))));
    next.sort_by_key(|(amount, _)| -*amount);
    findings.extend(next.into_iter().map(|(_, finding)| finding));
    findings.extend(course(run).await?);
    let mut wasted = Vec::new();
    wasted.extend(no_success(run).await?);
    wasted.extend(unmetered(run).await?);
    wasted.sort_by_key(|(amount, _)| -*amount);
    findings.extend(wasted.into_iter().map(|(_, text)| bad(text)));
    findings.truncate(most);
    Ok(findings)
}

/// The figure that is a share and moved furthest the wrong way, if it moved far enough to matter.
fn adverse(headlines: &[Headline], before: &str) -> Option<String> {
    let moves = headlines
        .iter()
        .filter_map(|headline| match (&headline.value, headline.change?) {
            (Some(Value::Ratio(now)), change @ Change::Points(by)) => {
                let far = by.abs() >= STRONG_MOVE && change.mood(headline.good) == Mood::Bad;
                far.then_some((headline, *now, by))
            }
            _ => None,
        });
    let (headline, now, by) = moves.max_by_key(|(_, _, by)| by.abs())?;
    let tenths = number::fixed(by.saturating_abs().saturating_mul(100), 1);
    Some(format!(
        "{} {} by {tenths} points against {before}, to {}.",
        headline.label,
        if by < 0 { "fell" } else { "rose" },
        number::percent(now),
    ))
}

/// How AI spend moved, and whose part of it moved most with it.
async fn course(run: &Run<'_>) -> Result<Option<Finding>> {
    let total = async |window| -> Result<Option<i128>> {
        let frame = run.metric("spend/daily", Some(&["scope"]), window).await?;
        let rows = reckon::rows_where(&frame, &ai())?;
        let (rows, _) = reckon::split_currency(&frame, rows, run.currency(), "amount")?;
        reckon::sum(&frame, "amount", &rows)
    };
    let Some(now) = total(run.window).await? else {
        return Ok(None);
    };
    let before = total(run.previous).await?.unwrap_or(0);
    let money = |amount: i128| number::money(amount, run.currency());
    let previous = &run.before;
    let Some(change) = money::ratio(now - before, before).filter(|_| before > 0) else {
        let text = format!(
            "AI spend came to {}; there is nothing before it to compare with.",
            money(now)
        );
        return Ok(Some(Finding {
            text,
            mood: Mood::Plain,
        }));
    };
    let (verb, by) = if now < before {
        ("fell", before - now)
    } else {
        ("grew", now - before)
    };
    let mut text = format!(
        "AI spend {verb} by {} ({}) against {previous}",
        money(by),
        number::change(change)
    );
    match mover(run, now >= before).await? {
        Some((name, amount)) if amount.abs() * 5 > by => {
            let sign = if amount < 0 { "less" } else { "more" };
            text.push_str(&format!("; {name} is {} {sign}", money(amount.abs())));
            // Where one part moved by more than the whole, the others made up for it.
            let others = now - before - amount;
            if amount.abs() > by {
                let sign = if others < 0 { "less" } else { "more" };
                text.push_str(&format!(", all others together {} {sign}", money(others.abs())));
            }
            text.push('.');
        }
        _ => text.push('.'),
    }
    Ok(Some(Finding {
        text,
        mood: Mood::Plain,
    }))
}

/// The provider whose part of AI spend moved most in that direction: the same charges as the total.
async fn mover(run: &Run<'_>, up: bool) -> Result<Option<(String, i128)>> {
    let parts = async |window| -> Result<BTreeMap<String, i128>> {
        let frame = run
            .metric("spend/daily", Some(&["scope", "provider"]), window)
            .await?;
        let rows = reckon::rows_where(&frame, &ai())?;
        let (rows, _) = reckon::split_currency(&frame, rows, run.currency(), "amount")?;
        let mut parts = BTreeMap::new();
        for row in rows {
            if let (Some(name), Some(amount)) = (frame.text("provider", row)?, frame.decimal("amount", row)?)
            {
                reckon::add(parts.entry(name).or_insert(0), amount)?;
            }
        }
        Ok(parts)
    };
    let (now, before) = (parts(run.window).await?, parts(run.previous).await?);
    let names: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let change = |name: &str| now.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
    let most = names
        .into_iter()
        .map(|n| (n.clone(), change(n)))
        .max_by_key(|m| if up { m.1 } else { -m.1 });
    Ok(most.filter(|m| if up { m.1 > 0 } else { m.1 < 0 }))
}

fn ai() -> BTreeMap<String, String> {
    BTreeMap::from([("scope".to_owned(), "AI".to_owned())])
}

/// The pool that is furthest below its SLO, and all idle money: what there is to win.
async fn slack_pool(run: &Run<'_>) -> Result<Option<(i128, String)>> {
    let pools = section::pools(run).await?;
    let below = pools.iter().filter_map(|p| {
        let (is, target) = (p.utilization?, p.target?);
        (is < target).then_some((target - is, p, is, target))
    });
    let Some((_, pool, is, target)) = below.max_by_key(|b| b.0) else {
        return Ok(None);
    };
    let frame = run.metric("gpu/idle_cost", Some(&[]), run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, _) = reckon::split_currency(&frame, all, run.currency(), "idle_cost")?;
    let idle = reckon::sum(&frame, "idle_cost", &rows)?.unwrap_or(0);
    let text = format!(
        "The {} GPU pool worked {} of its time, below the {} of its SLO; idle GPU time of all pools cost {}.",
        pool.name,
        number::percent(is),
        number::percent(target),
        number::money(idle, run.currency()),
    );
    Ok(Some((idle, text)))
}

async fn no_success(run: &Run<'_>) -> Result<Option<(i128, String)>> {
    let (count, mut without) = section::without_success(run).await?;
    without.sort_by_key(|w| -w.1);
    let Some((name, _)) = without.first() else {
        return Ok(None);
    };
    let mut spent = 0;
    for (_, amount) in &without {
        reckon::add(&mut spent, *amount)?;
    }
    let money = number::money(spent, run.currency());
    let text = match without.len() {
        1 => format!("{name} has spent {money} without one success so far."),
        n if n == count => {
            format!("No use case has a recorded success so far; together they have spent {money}.")
        }
        n => format!(
            "{n} of {count} use cases have spent {money} without one success so far, {name} the most."
        ),
    };
    Ok(Some((spent, text)))
}

/// Model spend that no gateway request explains.
async fn unmetered(run: &Run<'_>) -> Result<Option<(i128, String)>> {
    let frame = run.metric("ledger/unmetered", None, run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, _) = reckon::split_currency(&frame, all, run.currency(), "amount")?;
    let Some(amount) = reckon::sum(&frame, "amount", &rows)?.filter(|a| *a > 0) else {
        return Ok(None);
    };
    let text = format!(
        "{} of model spend went past the gateway: nobody knows for what.",
        number::money(amount, run.currency())
    );
    Ok(Some((amount, text)))
}

/// The budget that is, or at this pace will be, exceeded by most.
async fn over_budget(run: &Run<'_>) -> Result<Option<String>> {
    let frame = run.metric("budget/burn", None, run.window).await?;
    let mut worst: Option<(i128, String)> = None;
    for row in 0..frame.rows() {
        let (Some(limit), Some(spent)) = (frame.decimal("budget", row)?, frame.decimal("spent", row)?) else {
            continue;
        };
        let (name, currency) = (
            frame.text("name", row)?.unwrap_or_default(),
            frame.text("currency", row)?.unwrap_or_default(),
        );
        let expected = frame.decimal("forecast", row)?.unwrap_or(spent).max(spent);
        // Amounts of several currencies are not ranked against each other.
        if currency != run.currency() || expected <= limit {
            continue;
        }
        let money = |amount| number::money(amount, &currency);
        let text = if spent > limit {
            format!(
                "The budget {name} of {} is exceeded: {} is spent.",
                money(limit),
                money(spent)
            )
        } else {
            format!(
                "At the pace so far the budget {name} of {} ends at {}.",
                money(limit),
                money(expected)
            )
        };
        if worst.as_ref().is_none_or(|w| expected - limit > w.0) {
            worst = Some((expected - limit, text));
        }
    }
    Ok(worst.map(|(_, text)| text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::ONE;
    use crate::render::document::Good;

    #[test]
    fn the_share_that_moved_furthest_the_wrong_way_is_told() {
        let figure = |label: &str, now: i128, by: i128, good| Headline {
            label: label.to_owned(),
            value: Some(Value::Ratio(now * ONE / 1000)),
            change: Some(Change::Points(by * ONE / 1000)),
            good,
            note: None,
            spark: None,
        };
        let fallback = figure("Fallback rate", 17, 6, Good::Down);
        let cache = figure("Token cache hit rate", 229, -237, Good::Up);
        let gpu = figure("GPU utilisation", 646, 416, Good::Up);
        assert_eq!(
            adverse(&[fallback.clone(), cache, gpu.clone()], "August").as_deref(),
            Some("Token cache hit rate fell by 23.7 points against August, to 22.9\u{a0}%.")
        );
        assert_eq!(adverse(&[fallback, gpu], "August"), None);
    }
}
