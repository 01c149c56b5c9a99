//! Prices that move: currencies, routes, processes from an index, and what is correlated with what.

use super::*;
use std::fmt::Write as _;

/// `even()`, with a service of $10 a day that is billed in euro, and an on-demand GPU that is so by half.
fn abroad() -> Inputs {
    let mut cells = Vec::new();
    for day in 0..28 {
        cells.push(Cell(day, 1, "other", "Colo", "", "USD", 10, 0));
        cells.push(Cell(day, 1, "gpu", "H100", "on_demand", "USD", 48, 12));
        cells.push(Cell(day, 1, "gpu", "H100", "on_demand", "USD", 48, 12));
        cells.push(Cell(day, 1, "gpu", "H100", "reserved", "USD", 48, 24));
    }
    let mut inputs = inputs_of(&cells, 28);
    let natives: StringArray = cells
        .iter()
        .enumerate()
        .map(|(at, c)| {
            Some(if c.3 == "Colo" || at % 4 == 1 {
                "EUR"
            } else {
                "USD"
            })
        })
        .collect();
    let at = inputs.spend.index("native_currency").unwrap();
    let mut columns = inputs.spend.batch.columns().to_vec();
    columns[at] = Arc::new(natives);
    let batch = RecordBatch::try_new(inputs.spend.batch.schema(), columns).unwrap();
    inputs.spend = Frame::guess(batch);
    inputs
}

#[test]
fn a_dearer_currency_reaches_what_is_billed_in_it() {
    let shock = "[[shocks]]\nkind = 'fx'\ncurrency = 'EUR'\njump = 0.1\njump_day = 6\n";
    let outcome = run(&scenario(BUDGET, shock), &abroad(), None).unwrap();
    assert_eq!(outcome.forecast, usd("1540"));
    // Five days of a tenth of $10 and of half of $96.
    assert_eq!(outcome.totals.p50 - outcome.forecast, usd("29"));
    for (currency, wanted) in [("CHF", "it is billed in EUR, USD"), ("USD", "name one")] {
        let shock = format!("[[shocks]]\nkind = 'fx'\ncurrency = '{currency}'\njump = 0.1\n");
        let error = run(&scenario(BUDGET, &shock), &abroad(), None).unwrap_err();
        assert!(
            error.advice().unwrap().contains(wanted),
            "{error}: {:?}",
            error.advice()
        );
    }
}

#[test]
fn routes_pay_the_other_models_price_and_lose_the_cache() {
    let shock = |more: &str| {
        total(&format!(
            "[[shocks]]\nkind = 'routing_change'\nfrom = 'openai/big'\nto = [{{ model = 'own/new', share = 0.5, price_ratio = 0.1 }}]\n{more}"
        )) - usd("2920")
    };
    // Half of $100 a day costs a tenth.
    assert_eq!(shock("cache_kept = 1"), usd("-450"));
    // Half of the reads, $1 a day, were ten tokens: uncached they cost ten times as much, at a tenth of the price.
    assert_eq!(shock(""), usd("-441"));
    let two = "[[shocks]]\nkind = 'routing_change'\nfrom = 'openai/big'\ncache_kept = 1\n\
        to = [{ model = 'a/a', share = 0.25, price_ratio = 2 }, { model = 'b/b', share = 0.5, price_ratio = 0.5 }]\n";
    // 25 becomes 50, 50 becomes 25, 25 stays.
    assert_eq!(total(two), usd("2920"));
    for (to, wanted) in [
        (
            "[{ model = 'a/a', share = 0.7 }, { model = 'b/b', share = 0.7 }]",
            "to: the shares",
        ),
        ("[{ model = 'openai/big', share = 0.7 }]", "to.model"),
        ("[]", "to: the shares"),
    ] {
        let text = format!(
            "title = 't'\nhorizon_days = 9\nbudget = {{ amount = '1' }}\n[criterion]\nmax_breach_probability = 0.2\n[[shocks]]\nkind = 'routing_change'\nfrom = 'openai/big'\nto = {to}\n"
        );
        let error = Scenario::parse("test", &text).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
    }
}

/// A year of an index that rises by 1 ‰ a day, up and down by 2 % in between.
fn year() -> String {
    let mut text = "day,price\n".to_owned();
    for day in 0..365 {
        let on = add_days(first(), day) - chrono::Days::new(360);
        let price = 2.0 * (0.001 * day as f64 + 0.01 * (day % 2) as f64).exp();
        writeln!(text, "{on},{price:.6}").unwrap();
    }
    text
}

#[test]
fn a_process_is_fitted_to_what_was_known_and_says_so() {
    let rest = format!(
        "[[shocks]]\nkind = 'gpu_price'\nname = 'market'\nindex = 'H100'\n[[indices]]\nname = 'H100'\nsource = 'made up'\nvalues = '''{}'''\n",
        year()
    );
    let outcome = run(&scenario(BUDGET, &rest), &even(), None).unwrap();
    let row = |column| cell(&outcome.processes, column, "process", "market");
    // 365 values begin 360 days before the history, whose 28 days end before the last of them.
    assert_eq!(row("observations"), usd("365"));
    assert_eq!(
        outcome.processes.text("source", 0).unwrap().as_deref(),
        Some("made up")
    );
    let (drift, volatility) = (row("drift"), row("volatility"));
    assert!(
        (drift - usd("0.45")).abs() < usd("0.03"),
        "{}",
        money::format(drift)
    );
    // Changes of +1.1 % and −0.9 %: a deviation of 1 % a day.
    assert!(
        (volatility - usd("0.191")).abs() < usd("0.001"),
        "{}",
        money::format(volatility)
    );
    assert!(row("drift_error") > 0 && row("volatility_error") > 0);
    let note = outcome
        .notes
        .iter()
        .find(|n| n.starts_with("market: drift"))
        .unwrap();
    assert!(
        note.contains("fitted to 365 values of index H100") && note.contains('±'),
        "{note}"
    );
    // What is stated beside an index holds, and has no error.
    let stated = rest.replace("index = 'H100'\n[[", "index = 'H100'\ndrift = 0\n[[");
    let outcome = run(&scenario(BUDGET, &stated), &even(), None).unwrap();
    assert_eq!(cell(&outcome.processes, "drift", "process", "market"), 0);
    assert_eq!(outcome.processes.decimal("drift_error", 0).unwrap(), None);
}

#[test]
fn a_path_is_replayed() {
    let rest = "[[shocks]]\nkind = 'gpu_price'\nindex = 'i'\nmodel = 'path'\nreplay_from = '2026-01-11'\n\
        [[indices]]\nname = 'i'\nvalues = '''\nday,price\n2026-01-01,2\n2026-01-16,3\n2026-02-01,3\n'''\n";
    // From the sixth day on the 24 hours at $4 cost half more.
    assert_eq!(total(rest), usd("3160"));
    let outcome = run(&scenario(BUDGET, rest), &even(), None).unwrap();
    assert!(
        outcome.notes.iter().any(|n| n.contains("the path of index i")),
        "{:?}",
        outcome.notes
    );
}

#[test]
fn processes_and_correlations_that_cannot_be_are_refused() {
    let price = "[[shocks]]\nkind = 'gpu_price'\nname = 'p'\n";
    let surge = "[[shocks]]\nkind = 'traffic_surge'\nname = 's'\nfactor = 2\n";
    let correlation =
        |names: &str| format!("[correlation]\nbetween = [{names}]\nmatrix = [[1, 0.5], [0.5, 1]]\n");
    for (rest, wanted) in [
        (format!("{price}model = 'path'\n"), "index: a path"),
        (format!("{price}model = 'mean_reverting'\n"), "half_life_days"),
        (
            format!("{price}half_life_days = 3\n"),
            "half_life_days: a price whose model is geometric",
        ),
        (
            format!("{price}model = 'mean_reverting'\nhalf_life_days = 0\n"),
            "half_life_days: it is not above zero",
        ),
        (
            format!("{price}replay_from = 'May'\nmodel = 'path'\nindex = 'i'\n"),
            "replay_from",
        ),
        (format!("{price}colour = 3\n"), "colour"),
        (correlation("'p', 'demand'"), "is called 'p'"),
        // A certain surge draws nothing.
        (
            format!("{}{price}volatility = 0.3\n{surge}", correlation("'p', 's'")),
            "is called 's'",
        ),
        (
            "[[shocks]]\nkind = 'either_or'\noutcomes = [{ probability = 0.5, factor = 1 }]\n".to_owned(),
            "outcomes.probability",
        ),
    ] {
        let text = format!(
            "title = 't'\nhorizon_days = 9\nbudget = {{ amount = '1' }}\n[criterion]\nmax_breach_probability = 0.2\n{rest}"
        );
        let error = Scenario::parse("test", &text).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
    }
    for (rest, wanted) in [
        (format!("{price}index = 'i'\n"), "there is no index 'i'"),
        (
            format!(
                "{price}index = 'i'\n[[indices]]\nname = 'i'\nvalues = '''\nday,price\n2026-08-01,2\n'''\n"
            ),
            "too short to fit to: 1 values",
        ),
        (format!("{price}pools = ['B200']\n"), "no GPU pool is 'B200'"),
    ] {
        let error = run(&scenario(BUDGET, &rest), &even(), None).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
    }
}

#[test]
fn the_forecasts_error_can_go_with_a_price() {
    let rest = |rho: &str| {
        format!(
            "[[shocks]]\nkind = 'gpu_price'\nname = 'p'\nvolatility = 0.9\n[correlation]\nbetween = ['p', 'demand']\nmatrix = [[1, {rho}], [{rho}, 1]]\n"
        )
    };
    let tail = |rho: &str| {
        let mut scenario = scenario("budget = { amount = '3000' }", &rest(rho));
        scenario.paths = 400;
        scenario.horizon_days = 60;
        run(&scenario, &lively(), None).unwrap().totals.cvar95
    };
    // The same draws of the price: only demand goes with it, or against it.
    assert!(tail("0.95") > tail("0") && tail("0") > tail("-0.95"));
}
