//! Drills whose answer is known without a simulation: no shock and certain shocks stand in the parent.

use super::*;

/// 28 days of one H100 on demand at $10 an hour, and nothing else.
fn bought() -> Inputs {
    let cells: Vec<Cell> = (0..28)
        .map(|day| Cell(day, 1, "gpu", "H100", "on_demand", "USD", 240, 24))
        .collect();
    inputs_of(&cells, 28)
}

fn drill(head: &str, rest: &str) -> Scenario {
    let text = format!(
        "title = 't'\nseed = 11\nnoise = 'none'\nbudget = {{ amount = '300' }}\n{head}\n\
         [criterion]\nmax_breach_probability = 1.0\n{rest}"
    );
    Scenario::parse("test", &text).unwrap()
}

fn dollars(amount: i128) -> f64 {
    amount as f64 / money::ONE as f64
}

fn near(got: i128, known: f64, share: f64) {
    let got = dollars(got);
    assert!((got / known - 1.0).abs() < share, "{got} is not {known}");
}

/// On its first day a walk is lognormal: its quantiles, tail and chance of breach are in every textbook.
#[test]
fn a_lognormal_price_has_its_known_quantiles() {
    let s: f64 = 0.3;
    let volatility = s * 365.0_f64.sqrt();
    let shock = format!("[[shocks]]\nkind = 'gpu_price'\nvolatility = {volatility:.9}\n");
    let outcome = run(&drill("horizon_days = 1\npaths = 60000", &shock), &bought(), None).unwrap();
    let quantile = |z: f64| 240.0 * (s * z - s * s / 2.0).exp();
    let totals = outcome.totals;
    near(totals.p10, quantile(-1.281_551_565_545), 0.01);
    near(totals.p50, quantile(0.0), 0.01);
    near(totals.p90, quantile(1.281_551_565_545), 0.01);
    near(totals.p95, quantile(1.644_853_626_951), 0.01);
    // Volatility spreads the price and does not raise its mean.
    near(totals.mean, 240.0, 0.01);
    // E[X | X > q] = mean · Φ(s − z) / (1 − Φ(z)), with Φ(0.3 − 1.644854) = 0.0893381.
    near(totals.cvar95, 240.0 * 0.089_338_1 / 0.05, 0.01);
    // P(X > 300) = Φ(−(ln(300/240) + s²/2) / s) = Φ(−0.893812) = 0.185709.
    let breach = dollars(totals.breach_probability);
    assert!((breach - 0.185_709).abs() < 0.006, "{breach}");
}

/// Two lognormal factors that go together: the mean of their product is e^(ρ s t) times that of each.
#[test]
fn correlated_draws_have_the_known_mean() {
    let (s, t): (f64, f64) = (0.3, 0.4);
    let rest = |rho: f64| {
        format!(
            "[correlation]\nbetween = ['price', 'surge']\nmatrix = [[1, {rho}], [{rho}, 1]]\n\
             [[shocks]]\nkind = 'gpu_price'\nname = 'price'\nvolatility = {:.9}\n\
             [[shocks]]\nkind = 'traffic_surge'\nname = 'surge'\nfactor = 2\nuncertainty = {t}\n",
            s * 365.0_f64.sqrt()
        )
    };
    let totals = |rho: f64| {
        let scenario = drill("horizon_days = 1\npaths = 60000", &rest(rho));
        run(&scenario, &bought(), None).unwrap().totals
    };
    // Demand is 1 + size: spend is 240 · (E[price] + E[price · size]).
    let (with, without, against) = (totals(0.8), totals(0.0), totals(-0.8));
    near(with.mean, 240.0 * (1.0 + (0.8 * s * t).exp()), 0.01);
    near(without.mean, 480.0, 0.01);
    near(against.mean, 240.0 * (1.0 + (-0.8 * s * t).exp()), 0.01);
    assert!(with.p95 > without.p95 && without.p95 > against.p95);
}

/// 60 % of all paths want one GPU, 40 % want three.
const CONTRACT: &str = "[[shocks]]\nkind = 'either_or'\nname = 'contract'\n\
    outcomes = [{ probability = 0.6, factor = 1 }, { probability = 0.4, factor = 3 }]\n";

#[test]
fn two_point_demand_has_the_newsvendors_answer_and_its_value() {
    let at = |reserved: &str| {
        let rest = format!("[gpu.prices]\nreserved = '{reserved}'\n{CONTRACT}");
        run(&drill("horizon_days = 5\npaths = 5000", &rest), &bought(), None).unwrap()
    };
    for (reserved, gpus, quantile) in [("3.50", 3, "0.65"), ("4.50", 1, "0.55"), ("10.50", 0, "0")] {
        let outcome = at(reserved);
        let pool = |column| cell(&outcome.pools, column, "pool", "H100");
        assert_eq!(pool("newsvendor_quantile"), usd(quantile), "{reserved}");
        assert_eq!(pool("reserved_optimum"), usd(&gpus.to_string()), "{reserved}");
        // What share of the paths won the contract is told by the mean: 1200 · (1 + 2 · share).
        let share = (dollars(outcome.totals.mean) / 1200.0 - 1.0) / 2.0;
        assert!((share - 0.4).abs() < 0.025, "{share}");
        // Over five days: reserved around the clock, what is above it at $10.
        let price: f64 = reserved.parse().unwrap();
        let (held, missing) = (f64::from(gpus), f64::from(3 - gpus));
        let low = (1.0 - held).max(0.0);
        let cost = 120.0 * (held * price + 10.0 * ((1.0 - share) * low + share * missing));
        let value = dollars(outcome.totals.mean) - cost;
        let stated = dollars(pool("optimum_mean_saving"));
        assert!((stated - value).abs() < 0.01, "{stated} is not {value}");
        assert!(stated >= -0.01);
    }
}

/// Reserving all three GPUs: the mean it gives up and the tail it takes off, by hand.
#[test]
fn a_hedge_gives_up_mean_and_takes_off_the_tail() {
    let rest =
        format!("[gpu.prices]\nreserved = '6'\n{CONTRACT}[[decisions]]\nname = 'all three'\nreserved = 3\n");
    let outcome = run(&drill("horizon_days = 5\npaths = 5000", &rest), &bought(), None).unwrap();
    let of = |who: &str, column| cell(&outcome.hedges, column, "purchases", who);
    // Nothing is reserved today: today is the unhedged way.
    for column in ["mean_given_up", "p95_gained", "cvar95_gained"] {
        assert_eq!(of("today", column), 0);
        assert_eq!(of("nothing reserved", column), 0);
    }
    // 3 · 24 · 5 · $6 = $2160 whatever happens; with the contract, three at $10 cost $3600.
    assert_eq!(of("all three", "mean"), usd("2160"));
    assert_eq!(
        of("all three", "mean_given_up"),
        usd("2160") - outcome.totals.mean
    );
    assert_eq!(of("all three", "p95_gained"), usd("1440"));
    assert_eq!(of("all three", "cvar95_gained"), usd("1440"));
    // 360 hours are paid for; 120 or 360 are wanted.
    let share = (dollars(outcome.totals.mean) / 1200.0 - 1.0) / 2.0;
    let used = dollars(of("all three", "committed_utilization"));
    assert!((used - (1.0 + 2.0 * share) / 3.0).abs() < 1e-9);
}

/// Each shock alone against the forecast, and what its absence would spare.
#[test]
fn the_tornado_of_certain_shocks_by_hand() {
    let outcome = run(&scenario(BUDGET, &format!("{PRICE}{SURGE}")), &even(), None).unwrap();
    let of = |who: &str, column| cell(&outcome.tornado, column, "contributor", who);
    // Alone: five days of 24 hours at $2 more; five days of $100 in tokens and 72 hours at $4 more.
    for column in ["p10", "p50", "p90", "mean"] {
        assert_eq!(of("price", column), usd("240"));
        assert_eq!(of("surge", column), usd("1940"));
    }
    assert_eq!(
        (of("price", "spared"), of("surge", "spared")),
        (usd("960"), usd("2660"))
    );
    assert_eq!(outcome.tornado.rows(), 2);
    // With noise, the forecast's own error is a bar too, and the widest come first.
    let noisy = run(&scenario("budget = { amount = '3000' }", PRICE), &lively(), None).unwrap();
    let names: Vec<_> = (0..2)
        .map(|r| noisy.tornado.text("contributor", r).unwrap().unwrap())
        .collect();
    assert!(names.contains(&"error of the forecast".to_owned()), "{names:?}");
    let reach = |row| {
        let at = |column| noisy.tornado.decimal(column, row).unwrap().unwrap();
        at("p90").max(0) - at("p10").min(0)
    };
    assert!(reach(0) >= reach(1));
}

/// A forecast from elsewhere: twice of what was, and always wrong by a fifth.
struct Double;

impl Forecaster for Double {
    fn learn(&self, history: &[i128], _first: NaiveDate, horizon_days: usize) -> Result<Box<dyn Learned>> {
        assert_eq!(history.len(), 28);
        Ok(Box::new(Doubled {
            test: BackTest {
                method: "twice".to_owned(),
                folds: 1,
                horizon_days,
                wape: Some(money::ONE / 5),
                levels: vec![Factor::ratio(6, 5).unwrap()],
            },
            horizon_days,
        }))
    }
}

struct Doubled {
    test: BackTest,
    horizon_days: usize,
}

impl Learned for Doubled {
    fn back_test(&self) -> &BackTest {
        &self.test
    }
    fn ahead(&self, series: &[i128]) -> Option<Vec<i128>> {
        Some(vec![series.last()? * 2; self.horizon_days])
    }
    fn deviations(&self, _series: &[i128]) -> Option<Vec<Factor>> {
        Some(vec![Factor::ONE; 7])
    }
    fn weeks(&self) -> usize {
        1
    }
}

#[test]
fn a_forecast_is_handed_in_with_its_error() {
    let text = "title = 't'\nhorizon_days = 10\npaths = 400\nbudget = { headroom = 0.1 }\n[criterion]\nmax_breach_probability = 1\n";
    let scenario = Scenario::parse("test", text).unwrap();
    let outcome = super::super::run(&scenario, &bought(), &Double, None).unwrap();
    assert_eq!(outcome.forecast, usd("4800"));
    assert!(
        outcome.summary.contains("(twice) missed by 20.0 %"),
        "{}",
        outcome.summary
    );
    // The level is off by 6/5 or 5/6, as often: above a tenth of headroom in half of all paths.
    near(outcome.totals.p90, 4800.0 * 1.2, 1e-6);
    near(outcome.totals.p10, 4800.0 / 1.2, 1e-6);
    let breach = dollars(outcome.totals.breach_probability);
    assert!((breach - 0.5).abs() < 0.08, "{breach}");
}
