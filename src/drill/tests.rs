//! A drill as a whole, on portfolios small enough to work out by hand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::inputs::{Portfolio, add_days};
use super::*;
use crate::asset::Assets;
use crate::base::money;
use crate::frame::Frame;
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use std::sync::Arc;

mod closed_forms;
mod markets;
mod purchases;

const FIRST: &str = "2026-08-03";

/// On the exact forecast, whose answers can be worked out by hand.
fn run(scenario: &Scenario, inputs: &Inputs, seed: Option<u64>) -> Result<Outcome> {
    super::run(scenario, inputs, &Weekdays, seed)
}

struct Cell(
    usize,
    i64,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    i128,
    i128,
);

fn first() -> NaiveDate {
    FIRST.parse().unwrap()
}

fn usd(text: &str) -> i128 {
    money::parse(text).unwrap()
}

fn decimals(values: impl Iterator<Item = i128>) -> ArrayRef {
    let array: Decimal128Array = values.map(Some).collect();
    Arc::new(array.with_precision_and_scale(38, 18).unwrap())
}

/// (day, days, kind, driver, part, currency, amount, quantity), the last two in whole units.
fn spend(cells: &[Cell]) -> Frame {
    let text = |pick: fn(&Cell) -> &'static str| -> ArrayRef {
        Arc::new(cells.iter().map(|c| Some(pick(c))).collect::<StringArray>())
    };
    let day = |c: &Cell| add_days(first(), c.0).num_days_from_ce() - 719_163;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "day",
            Arc::new(cells.iter().map(|c| Some(day(c))).collect::<Date32Array>()),
        ),
        (
            "days",
            Arc::new(cells.iter().map(|c| Some(c.1)).collect::<Int64Array>()),
        ),
        ("driver_kind", text(|c| c.2)),
        ("driver", text(|c| c.3)),
        ("part", text(|c| c.4)),
        ("scope", text(|_| "AI")),
        ("currency", text(|c| c.5)),
        ("native_currency", text(|c| c.5)),
        ("amount", decimals(cells.iter().map(|c| c.6 * money::ONE))),
        ("quantity", decimals(cells.iter().map(|c| c.7 * money::ONE))),
        ("used", decimals(cells.iter().map(|c| c.7 * money::ONE / 2))),
    ];
    Frame::guess(RecordBatch::try_from_iter(columns).unwrap())
}

fn requests() -> Frame {
    let day = add_days(first(), 27).num_days_from_ce() - 719_163;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("day", Arc::new(Date32Array::from(vec![day]))),
        ("requests", Arc::new(Int64Array::from(vec![1_000]))),
        ("gateway_cache_hits", Arc::new(Int64Array::from(vec![200]))),
    ];
    Frame::guess(RecordBatch::try_from_iter(columns).unwrap())
}

fn inputs_of(cells: &[Cell], days: usize) -> Inputs {
    Inputs {
        spend: spend(cells),
        requests: requests(),
        currency: "USD".to_owned(),
        until: add_days(first(), days),
        budgets: vec![NamedBudget {
            name: "ai-month".to_owned(),
            scope: Some("AI".to_owned()),
            amount: usd("9000"),
            currency: "USD".to_owned(),
            period: Period::Month,
        }],
    }
}

/// 28 even days: $100 of tokens, two reserved H100 at $2 and one on demand at $4 an hour.
fn even() -> Inputs {
    let cells: Vec<Cell> = (0..28)
        .flat_map(|day| {
            [
                Cell(day, 1, "model_api", "openai/big", "uncached_input", "USD", 80, 80),
                Cell(day, 1, "model_api", "openai/big", "cache_read", "USD", 2, 20),
                Cell(day, 1, "model_api", "openai/big", "output", "USD", 18, 6),
                Cell(day, 1, "gpu", "H100", "reserved", "USD", 96, 48),
                Cell(day, 1, "gpu", "H100", "on_demand", "USD", 96, 24),
            ]
        })
        .collect();
    inputs_of(&cells, 28)
}

/// The same, growing, with weekends and chance in it.
fn lively() -> Inputs {
    let mut cells = Vec::new();
    for day in 0..70_usize {
        let weekday = if day % 7 >= 5 { 40 } else { 100 };
        let wobble = (day * 37 % 23) as i128;
        cells.push(Cell(
            day,
            1,
            "model_api",
            "openai/big",
            "output",
            "USD",
            weekday + wobble + day as i128,
            10,
        ));
        cells.push(Cell(
            day,
            1,
            "model_api",
            "anthropic/small",
            "all",
            "USD",
            20 + wobble / 2,
            10,
        ));
        cells.push(Cell(day, 1, "gpu", "H100", "reserved", "USD", 96, 48));
        cells.push(Cell(
            day,
            1,
            "gpu",
            "H100",
            "on_demand",
            "USD",
            96 + 4 * (wobble / 3),
            24 + wobble / 3,
        ));
        cells.push(Cell(day, 1, "gpu", "H100", "spot", "USD", 48, 24));
        cells.push(Cell(day, 1, "other", "Vector DB", "", "USD", 10, 0));
    }
    inputs_of(&cells, 70)
}

fn scenario(head: &str, rest: &str) -> Scenario {
    let text = format!(
        "title = \"t\"\nhorizon_days = 10\npaths = 20\nseed = 5\n{head}\n[criterion]\nmax_breach_probability = 0.2\n{rest}"
    );
    Scenario::parse("test", &text).unwrap()
}

const BUDGET: &str = "noise = \"none\"\nbudget = { amount = \"3000\" }";
const PRICE: &str = "[[shocks]]\nkind = \"gpu_price\"\nname = \"price\"\njump = 0.5\njump_day = 6\n";
const SURGE: &str = "[[shocks]]\nkind = \"traffic_surge\"\nname = \"surge\"\nfactor = 2\nfrom_day = 6\n";

fn total(rest: &str) -> i128 {
    run(&scenario(BUDGET, rest), &even(), None).unwrap().totals.p50
}

fn cell(frame: &Frame, column: &str, key: &str, wanted: &str) -> i128 {
    let row = (0..frame.rows())
        .find(|r| frame.text(key, *r).unwrap().as_deref() == Some(wanted))
        .unwrap();
    frame.decimal(column, row).unwrap().unwrap()
}

#[test]
fn a_certain_price_shock_and_surge_come_out_as_by_hand() {
    let outcome = run(&scenario(BUDGET, &format!("{PRICE}{SURGE}")), &even(), None).unwrap();
    // Days 1 to 5: 100 + 96 + 96. Days 6 to 10: 200 tokens, 96 reserved, 96 hours on demand at $6.
    assert_eq!(outcome.forecast, usd("2920"));
    assert_eq!(outcome.totals.p10, usd("5820"));
    assert_eq!(outcome.totals.p90, usd("5820"));
    assert_eq!(outcome.totals.mean, usd("5820"));
    assert_eq!(outcome.totals.breach_probability, money::ONE);
    // 1460 after five days, then 872 a day: above 3000 on the seventh.
    assert_eq!(outcome.breach_date, Some(add_days(outcome.start, 6)));
    assert_eq!(outcome.start, add_days(first(), 28));
    assert!(
        !outcome.passed && outcome.verdict.starts_with("FAIL"),
        "{}",
        outcome.verdict
    );
    let increase = |name| cell(&outcome.contributors, "increase", "name", name);
    assert_eq!(increase("openai/big"), usd("500"));
    assert_eq!(increase("H100 GPUs, on demand"), usd("2400"));
    assert_eq!(
        (increase("surge"), increase("price"), increase("together")),
        (usd("2660"), usd("960"), usd("-720"))
    );
    // Mean on-demand price $5, so break-even at 40 %, and the 60 % quantile of 3 or 6 GPUs is 6.
    let pool = |column| cell(&outcome.pools, column, "pool", "H100");
    assert_eq!(pool("break_even_utilization"), usd("0.4"));
    assert_eq!(pool("newsvendor_quantile"), usd("0.6"));
    assert_eq!(pool("reserved_optimum"), usd("6"));
    assert_eq!(pool("committed_utilization"), usd("1"));
    assert_eq!(
        cell(
            &outcome.decisions,
            "mean_saving",
            "decision",
            "newsvendor optimum"
        ),
        usd("1440")
    );
    assert_eq!(outcome.fan.decimal("p50", 9).unwrap(), Some(usd("5820")));
    assert_eq!(outcome.fan.decimal("base", 9).unwrap(), Some(usd("2920")));
    assert_eq!(outcome.fan.decimal("budget", 0).unwrap(), Some(usd("3000")));
    assert!(outcome.summary.contains("5,820 USD"), "{}", outcome.summary);
}

#[test]
fn every_kind_of_shock_by_hand() {
    let shock = |text: &str| total(&format!("[[shocks]]\n{text}")) - usd("2920");
    assert_eq!(
        shock("kind = \"price_change\"\nmodels = [\"openai/*\"]\nfactor = 0.5"),
        usd("-500")
    );
    let output =
        "kind = \"price_change\"\nmodels = [\"openai/big\"]\nparts = [\"output\"]\nfactor = 2\ndays = 1";
    assert_eq!(shock(output), usd("18"));
    let swap =
        "kind = \"model_swap\"\nfrom = \"openai/big\"\nto = \"own/new\"\nshare = 0.5\nprice_ratio = 0.1";
    assert_eq!(shock(swap), usd("-450"));
    // 100 input tokens a day, 20 of them cached at a tenth; 60 cached leave 40 plain ones and $4 more of reads.
    assert_eq!(
        shock("kind = \"cache_hit_change\"\ncache = \"prompt\"\nto = 0.6"),
        usd("-360")
    );
    assert_eq!(
        shock("kind = \"cache_hit_change\"\ncache = \"prompt\"\nto = 0"),
        usd("180")
    );
    // From 20 % to 60 % halves what reaches the models: tokens by half, demand from 72 to 36 hours.
    assert_eq!(
        shock("kind = \"cache_hit_change\"\ncache = \"gateway\"\nto = 0.6"),
        usd("-1460")
    );
    assert_eq!(
        shock("kind = \"runaway_key\"\namount_per_day = \"7.5\"\nfrom_day = 9\ndays = 9"),
        usd("15")
    );
    // 24 of 48 reserved hours at $2 become 24 at $4.
    assert_eq!(
        shock("kind = \"lost_commitment\"\nshare = 0.5\nfrom_day = 10"),
        usd("48")
    );
    let ramp = "kind = \"traffic_surge\"\nfactor = 2\nfrom_day = 7\nramp_days = 4\ngpu_share = 0";
    assert_eq!(shock(ramp), usd("250"));
}

#[test]
fn reclaims_cost_as_often_as_expected() {
    // 0.5 reclaims an hour with 0.2 hours each make spot a tenth dearer: 48 a day over ten days.
    let shock =
        "[[shocks]]\nkind = \"spot_reclaim\"\nreclaims_per_gpu_hour = 0.5\nlost_hours_per_reclaim = 0.2\n";
    let mut scenario = scenario(BUDGET, shock);
    scenario.paths = 400;
    let outcome = run(&scenario, &lively(), None).unwrap();
    let increase = cell(&outcome.contributors, "increase", "name", "H100 GPUs, spot");
    assert!(
        (increase - usd("48")).abs() < usd("2"),
        "{}",
        money::format(increase)
    );
}

#[test]
fn without_shocks_and_noise_a_drill_is_its_forecast() {
    let outcome = run(&scenario(BUDGET, ""), &lively(), None).unwrap();
    assert_eq!(outcome.totals.p10, outcome.forecast);
    assert_eq!(outcome.totals.p90, outcome.forecast);
    assert_eq!(outcome.contributors.rows(), 0);
    for row in 0..outcome.fan.rows() {
        assert_eq!(
            outcome.fan.decimal("p50", row).unwrap(),
            outcome.fan.decimal("base", row).unwrap()
        );
    }
}

#[test]
fn a_seed_repeats_and_another_differs() {
    let scenario = builtin(40);
    let inputs = lively();
    let all = |seed| {
        let outcome = run(&scenario, &inputs, seed).unwrap();
        format!("{outcome:?}")
    };
    assert_eq!(all(None), all(None));
    assert_ne!(all(Some(1)), all(Some(2)));
}

fn builtin(paths: u32) -> Scenario {
    let assets = Assets::builtin();
    let asset = assets.get("drills/gpu-shock-and-surge.toml").unwrap();
    let mut scenario = Scenario::parse_with(&asset.path, &asset.text, &built_in).unwrap();
    scenario.paths = paths;
    scenario
}

/// What built-in drills include.
fn built_in(_from: &str, name: &str) -> Result<Text> {
    let assets = Assets::builtin();
    let asset = assets.get(&format!("drills/{name}.toml")).unwrap();
    Ok(Text {
        origin: asset.path.clone(),
        text: asset.text.to_string(),
    })
}

#[test]
fn the_built_in_drill_runs_and_its_numbers_hang_together() {
    let outcome = run(&builtin(100), &lively(), None).unwrap();
    let totals = outcome.totals;
    assert!(totals.p10 < totals.p50 && totals.p50 < totals.p90);
    assert!(totals.p50 > outcome.forecast);
    assert!(outcome.back_test.wape.is_some() && outcome.back_test.folds == 3);
    let sum = |by: &str| -> i128 {
        let frame = &outcome.contributors;
        let rows = (0..frame.rows()).filter(|r| frame.text("by", *r).unwrap().as_deref() == Some(by));
        rows.map(|r| frame.decimal("increase", r).unwrap().unwrap()).sum()
    };
    // Means are rounded one by one, at the eighteenth place.
    assert!((sum("driver") - sum("shock")).abs() < 100);
    for row in 1..outcome.fan.rows() {
        let at = |column, row| outcome.fan.decimal(column, row).unwrap().unwrap();
        assert!(at("p10", row) <= at("p50", row) && at("p50", row) <= at("p90", row));
        assert!(at("p50", row) >= at("p50", row - 1));
    }
    let last = outcome.fan.rows() - 1;
    assert_eq!(outcome.fan.decimal("p90", last).unwrap(), Some(totals.p90));
}

#[test]
fn drivers_add_up_to_the_total_and_a_path_is_what_it_is_among_others() {
    let scenario = builtin(80);
    let inputs = lively();
    let portfolio = Portfolio::read(&inputs, &Selection::default()).unwrap();
    let mut world = World::new(&portfolio, &scenario, &Weekdays).unwrap();
    let shocks = bind(&scenario, &mut world).unwrap();
    let of = |paths: usize| {
        let simulation = Simulation {
            world: &world,
            shocks: &shocks,
            budget: None,
            correlation: None,
            seed: 9,
            paths,
        };
        let plan = Plan {
            active: Active::All,
            noise: Noise::Bootstrap,
            mixes: vec![compare::today(&world)],
            detail: true,
        };
        simulation.run(&[plan]).unwrap().pop().unwrap()
    };
    let (many, one) = (of(80), of(1));
    let total: i128 = many.runs[0].totals.iter().sum();
    assert_eq!(many.drivers.iter().sum::<i128>(), total);
    // Eighty paths are shared by threads, one is not.
    assert_eq!(many.runs[0].totals.len(), 80);
    assert_eq!(one.runs[0].totals[0], many.runs[0].totals[0]);
    assert_eq!(one.drivers.iter().sum::<i128>(), one.runs[0].totals[0]);
}

#[test]
fn decisions_are_priced_around_the_clock() {
    let rest =
        "[[decisions]]\nname = \"three reserved\"\nreserved = 3\nterm_days = 40\nreserved_price = \"1.50\"\n";
    let outcome = run(&scenario(BUDGET, rest), &even(), None).unwrap();
    let of = |column| cell(&outcome.decisions, column, "decision", "three reserved");
    // 72 hours at $1.50 instead of $192 a day; thirty days are still owed after the ten.
    assert_eq!(of("p50"), usd("2080"));
    assert_eq!(of("mean_saving"), usd("840"));
    assert_eq!(of("owed_after"), usd("3240"));
    assert_eq!(
        cell(&outcome.decisions, "reserved", "decision", "today"),
        usd("2")
    );
}

#[test]
fn seats_are_spread_and_foreign_money_is_left_out() {
    let mut cells: Vec<Cell> = (0..28)
        .map(|d| Cell(d, 1, "model_api", "a/b", "all", "USD", 1, 1))
        .collect();
    cells.push(Cell(0, 31, "other", "seats", "", "USD", 310, 0));
    cells.push(Cell(3, 1, "other", "abroad", "", "EUR", 5, 0));
    let inputs = inputs_of(&cells, 28);
    let portfolio = Portfolio::read(&inputs, &Selection::default()).unwrap();
    assert_eq!(portfolio.days, 28);
    assert!(portfolio.totals().iter().all(|t| *t == usd("11")));
    assert_eq!(
        portfolio.notes,
        ["1 rows in EUR have no rate to USD and are left out"]
    );
}

#[test]
fn a_named_monthly_budget_counts_what_the_month_has_seen() {
    // The history ends on 30 August; the month has cost 28 × 292 = 8176, and two days of 292 are left.
    let outcome = run(
        &scenario("noise = \"none\"\nbudget = { name = \"ai-month\" }", ""),
        &even(),
        None,
    )
    .unwrap();
    assert_eq!(outcome.budget, usd("9000"));
    assert_eq!(outcome.start.to_string(), "2026-08-31");
    assert_eq!(outcome.fan.decimal("budget", 0).unwrap(), Some(usd("824")));
    assert_eq!(outcome.fan.decimal("budget", 1).unwrap(), Some(usd("9824")));
    assert!(outcome.passed);
}

#[test]
fn impossible_drills_are_refused_by_key() {
    let criterion = "[criterion]\nmax_breach_probability = 0.2\n";
    let base = "title = \"t\"\nhorizon_days = 10\nbudget = { amount = \"1\" }\n";
    for (text, wanted) in [
        (format!("colour = 1\n{base}{criterion}"), "colour"),
        (
            format!("title = \"t\"\nhorizon_days = 0\nbudget = {{ amount = \"1\" }}\n{criterion}"),
            "horizon_days",
        ),
        (
            format!(
                "paths = 100000\ntitle = \"t\"\nhorizon_days = 1000\nbudget = {{ amount = \"1\" }}\n{criterion}"
            ),
            "path-days",
        ),
        (
            format!("title = \"t\"\nhorizon_days = 9\nbudget = {{ }}\n{criterion}"),
            "budget",
        ),
        (
            format!("title = \"t\"\nhorizon_days = 9\nbudget = {{ amount = 1.5 }}\n{criterion}"),
            "in quotes",
        ),
        (format!("{base}[criterion]\n"), "criterion"),
        (
            format!("{base}[criterion]\nmax_breach_probability = 1.2\n"),
            "criterion.max_breach_probability",
        ),
        (
            format!("{base}{criterion}[[shocks]]\nkind = \"flood\"\n"),
            "no shock 'flood'",
        ),
        (
            format!("{base}{criterion}[[shocks]]\nfactor = 2\n"),
            "shocks[0].kind",
        ),
        (format!("{base}{criterion}{SURGE}{SURGE}"), "shocks[1].name"),
        (format!("{base}{criterion}{SURGE}colour = 1\n"), "colour"),
        (
            format!("{base}{criterion}[[shocks]]\nkind = \"traffic_surge\"\nfactor = -1\n"),
            "factor",
        ),
        (
            format!("{base}{criterion}[[shocks]]\nkind = \"traffic_surge\"\nfactor = 2\nfrom_day = 11\n"),
            "from_day",
        ),
        (
            format!("{base}{criterion}[[shocks]]\nkind = \"gpu_price\"\nvolatility = -1\n"),
            "volatility",
        ),
        (
            format!("{base}{criterion}[[shocks]]\nkind = \"model_swap\"\nfrom = \"a\"\nto = \"a\"\n"),
            "to:",
        ),
        (
            format!("{base}{criterion}[[decisions]]\nname = \"today\"\n"),
            "decisions[0].name",
        ),
    ] {
        let error = Scenario::parse("test", &text).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
    }
    for (head, rest, wanted) in [
        ("budget = { name = \"none\" }", "", "budget.name"),
        (
            "budget = { amount = \"1\", currency = \"EUR\" }",
            "",
            "budget.currency",
        ),
        ("budget = { amount = \"1\", scopes = [\"Moon\"] }", "", "no spend"),
        (
            "budget = { amount = \"1\" }",
            "[[shocks]]\nkind = \"price_change\"\nmodels = [\"x/*\"]\nfactor = 2\n",
            "x/*",
        ),
        (
            "budget = { amount = \"1\" }",
            "[[decisions]]\nname = \"d\"\nspot = 1\n",
            "spot_price",
        ),
        (
            "budget = { amount = \"1\" }",
            "[[decisions]]\nname = \"d\"\npool = \"B200\"\n",
            "B200",
        ),
    ] {
        let error = run(&scenario(head, rest), &even(), None).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
        assert!(error.advice().is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn more_traffic_never_costs_less(seed in 0_u64..1000, low in 0_u32..300, more in 0_u32..300) {
        let with = |percent: u32| {
            let surge = format!(
                "[[shocks]]\nkind = \"traffic_surge\"\nfactor = {}.{:02}\nramp_days = 3\nuncertainty = 0.2\n",
                percent / 100, percent % 100
            );
            let mut scenario = scenario("budget = { amount = \"3000\" }", &surge);
            scenario.paths = 5;
            run(&scenario, &lively(), Some(seed)).unwrap().totals
        };
        let (small, large) = (with(low), with(low + more));
        prop_assert!(small.p10 <= large.p10 && small.p50 <= large.p50 && small.p90 <= large.p90);
        prop_assert!(small.breach_probability <= large.breach_probability);
    }
}
