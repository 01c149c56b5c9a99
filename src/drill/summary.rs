//! The outcome in words: a verdict and a few sentences that stand on their own in a mail.

use super::commitment::{Advice, OPTIMUM};
use super::compare::{Compared, TODAY, UNHEDGED};
use super::contribution::{Contribution, Swing};
use super::outcome::{Outcome, Totals};
use super::scenario::Scenario;
use crate::base::money::{self, ONE};

/// Whether the criterion holds, and in which words.
pub(super) fn verdict(scenario: &Scenario, totals: &Totals, currency: &str) -> (bool, String) {
    let mut parts = Vec::new();
    let mut passed = true;
    if let Some(limit) = scenario.criterion.max_breach_probability {
        let holds = totals.breach_probability <= limit.0.decimal();
        passed &= holds;
        parts.push(format!(
            "the budget is broken in {} of all paths, {} {}",
            percent(totals.breach_probability),
            if holds {
                "within the allowed"
            } else {
                "more than the allowed"
            },
            percent(limit.0.decimal()),
        ));
    }
    if let Some(limit) = scenario.criterion.max_p90 {
        let holds = totals.p90 <= limit.0;
        passed &= holds;
        parts.push(format!(
            "the P90 of {} is {} {}",
            amount(totals.p90, currency),
            if holds { "within" } else { "above" },
            amount(limit.0, currency),
        ));
    }
    if let Some(limit) = scenario.criterion.max_cvar95 {
        let holds = totals.cvar95 <= limit.0;
        passed &= holds;
        parts.push(format!(
            "the mean of the dearest twentieth is {}, {} {}",
            amount(totals.cvar95, currency),
            if holds { "within" } else { "above" },
            amount(limit.0, currency),
        ));
    }
    (
        passed,
        format!("{}: {}", if passed { "PASS" } else { "FAIL" }, parts.join("; ")),
    )
}

/// The whole in sentences, and those of them that the figures of a page do not tell.
pub(super) fn write(
    outcome: &Outcome,
    parts: &[Contribution],
    swings: &[Swing],
    compared: &[Compared],
    advice: &[Advice],
) -> (String, Vec<String>) {
    let money = |value: i128| amount(value, &outcome.currency);
    let head = format!(
        "Over the {} days from {}, spend comes to {} in the middle case, {} in a good one (P10) and {} in a bad one (P90). \
         The forecast without shocks is {}; the budget allows {}.",
        outcome.horizon_days,
        outcome.start,
        money(outcome.totals.p50),
        money(outcome.totals.p10),
        money(outcome.totals.p90),
        money(outcome.forecast),
        money(outcome.budget),
    );
    let mut findings = Vec::new();
    findings.extend(increase(outcome, parts));
    if let Some(widest) = swings.first().filter(|s| s.high > s.low) {
        findings.push(format!(
            "The widest uncertainty is {}: alone it moves spend by {} to {}.",
            widest.name,
            signed(widest.low, &outcome.currency),
            signed(widest.high, &outcome.currency),
        ));
    }
    findings.extend(cheapest(outcome, compared));
    findings.extend(hedged(compared, &outcome.currency));
    findings.extend(
        advice
            .iter()
            .filter_map(|pool| committed(pool, compared, outcome)),
    );
    let tail = match outcome.back_test.wape {
        Some(wape) => format!(
            "The forecast underneath ({}) missed by {} (WAPE) in {} back-tests of {} days.",
            outcome.back_test.method,
            percent(wape),
            outcome.back_test.folds,
            outcome.back_test.horizon_days,
        ),
        None => "History is too short to measure the error of the forecast underneath.".to_owned(),
    };
    let first = [format!("{}.", outcome.verdict), head];
    let all: Vec<String> = first
        .into_iter()
        .chain(findings.iter().cloned())
        .chain([tail])
        .collect();
    (all.join("\n"), findings)
}

/// When the budget breaks, and what makes it.
fn increase(outcome: &Outcome, parts: &[Contribution]) -> Option<String> {
    let money = |value: i128| amount(value, &outcome.currency);
    let list: Vec<String> = parts
        .iter()
        .filter(|p| p.by == "driver" && p.increase > 0)
        .take(2)
        .map(|p| format!("{} ({})", p.name, money(p.increase)))
        .collect();
    let breach = outcome
        .breach_date
        .map(|day| format!("Where the budget breaks, it does so around {day}"));
    let lands = (!list.is_empty()).then(|| format!("he increase falls mostly on {}.", list.join(" and ")));
    match (breach, lands) {
        (Some(breach), Some(lands)) => Some(format!("{breach}; t{lands}")),
        (Some(breach), None) => Some(format!("{breach}.")),
        (None, lands) => lands.map(|lands| format!("T{lands}")),
    }
}

fn cheapest(outcome: &Outcome, compared: &[Compared]) -> Option<String> {
    let today = outcome.totals;
    let others = || {
        compared
            .iter()
            .filter(|c| ![TODAY, UNHEDGED, OPTIMUM].contains(&c.name.as_str()))
    };
    let best = others().min_by_key(|c| c.totals.mean)?;
    if best.totals.mean >= today.mean {
        return Some("None of the decisions is cheaper on average than today's GPU purchases.".to_owned());
    }
    Some(format!(
        "Cheapest of the decisions is '{}': {} less on average, {} in the bad case (P90), breach probability {}.",
        best.name,
        amount(today.mean - best.totals.mean, &outcome.currency),
        money_change(today.p90 - best.totals.p90, &outcome.currency),
        percent(best.totals.breach_probability),
    ))
}

/// The newsvendor's answer for a pool, with its value against today's.
fn committed(pool: &Advice, compared: &[Compared], outcome: &Outcome) -> Option<String> {
    let (break_even, q) = (pool.break_even?, pool.quantile?);
    let (gpus, _) = pool.optimum.as_ref()?;
    let saved = compared
        .iter()
        .find(|c| c.name == OPTIMUM && c.pool == pool.pool)
        .map(|c| outcome.totals.mean - c.totals.mean);
    let worth = match saved {
        Some(saved) if saved > 0 => format!(": {} less on average", amount(saved, &outcome.currency)),
        // Today's are not reserved around the clock, which no whole number of GPUs can do.
        Some(saved) if saved < 0 => ": no whole number around the clock is cheaper than today's".to_owned(),
        _ => String::new(),
    };
    Some(format!(
        "{}: a reserved GPU pays above {} use (the {} quantile of demand); cheapest on average are {gpus} reserved, today {}{worth}.",
        pool.pool,
        percent(break_even),
        percent(q),
        tenths(pool.reserved_today),
    ))
}

/// Whole units with thousands apart; small amounts with cents.
fn amount(value: i128, currency: &str) -> String {
    let cents = rounded(value, ONE / 100);
    let sign = if cents < 0 { "-" } else { "" };
    if cents.unsigned_abs() < 10_000 {
        let size = cents.unsigned_abs();
        return format!("{sign}{}.{:02} {currency}", size / 100, size % 100);
    }
    let whole = rounded(value, ONE);
    let digits = whole.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text} {currency}")
}

/// What today's commitments give up on average and gain in the tail.
fn hedged(compared: &[Compared], currency: &str) -> Option<String> {
    let of = |name: &str| compared.iter().find(|c| c.name == name);
    let (today, bare) = (of(TODAY)?, of(UNHEDGED)?);
    let given_up = today.totals.mean - bare.totals.mean;
    let gained = bare.totals.cvar95 - today.totals.cvar95;
    if (given_up, gained) == (0, 0) {
        return None;
    }
    let side = |value: i128, up: &str, down: &str| {
        format!(
            "{} {}",
            amount(value.abs(), currency),
            if value < 0 { down } else { up }
        )
    };
    Some(format!(
        "Against nothing reserved, today's commitments cost {} on average and the dearest twentieth of all paths comes out {}.",
        side(given_up, "more", "less"),
        side(gained, "cheaper", "dearer"),
    ))
}

fn signed(value: i128, currency: &str) -> String {
    format!("{}{}", if value < 0 { "" } else { "+" }, amount(value, currency))
}

fn money_change(saved: i128, currency: &str) -> String {
    let word = if saved < 0 { "more" } else { "less" };
    format!("{} {word}", amount(saved.abs(), currency))
}

fn percent(share: i128) -> String {
    let tenths = rounded(share, ONE / 1000);
    format!("{}.{} %", tenths / 10, (tenths % 10).abs())
}

fn tenths(value: i128) -> String {
    let tenths = rounded(value, ONE / 10);
    format!("{}.{}", tenths / 10, (tenths % 10).abs())
}

fn rounded(value: i128, unit: i128) -> i128 {
    let wide = arrow::datatypes::i256::from_i128;
    money::div_half_even(wide(value), wide(unit)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_for_people() {
        let shown = |text: &str| amount(money::parse(text).unwrap_or(0), "USD");
        assert_eq!(shown("1234567.5"), "1,234,568 USD");
        assert_eq!(shown("-1234.4"), "-1,234 USD");
        assert_eq!(shown("99.994"), "99.99 USD");
        assert_eq!(shown("-0.126"), "-0.13 USD");
        assert_eq!(percent(ONE / 3), "33.3 %");
    }
}
