//! Portfolios as positions: terms that end, marks to an index, files that include others.

use super::*;
use crate::base::{Error, Result};

const POSITIONS: &str = r#"
[[positions]]
kind = "reserved"
gpus = 2
price = "2"
term_days = 6
[[positions]]
kind = "owned"
gpus = 1
purchase_price = "26400"
residual = "2400"
life_days = 1000
age_days = 900
running = "0.50"
"#;

#[test]
fn positions_of_the_file_stand_for_todays_purchases() {
    let outcome = run(&scenario(BUDGET, POSITIONS), &even(), None).unwrap();
    // Tokens 100 a day; 72 hours wanted; 24 owned at $1 + $0.50. For six days 48 reserved at $2,
    // then 48 at $4 on demand.
    assert_eq!(
        outcome.forecast,
        usd("1000") + usd("360") + usd("576") + usd("768")
    );
    assert_eq!(outcome.totals.p50, outcome.forecast);
    assert!(
        outcome
            .notes
            .iter()
            .any(|n| n.contains("positions of the drill file"))
    );
    let book = |who: &str, column| cell(&outcome.book, column, "position", who);
    // 2 · 24 · 6 hours at 4 − 2; 24 · 100 hours at 4 − 1.50.
    assert_eq!(book("reserved", "hours_left"), usd("288"));
    assert_eq!(book("reserved", "mark_to_index"), usd("576"));
    assert_eq!(book("owned", "mark_to_index"), usd("6000"));
    assert_eq!(book("owned", "book_value"), usd("2400"));
    assert_eq!(book("owned", "term_days"), usd("100"));
    // Nothing of the reserved term is left at the end; of the owned one 90 days are.
    assert_eq!(book("reserved", "mark_at_end_p90"), 0);
    assert_eq!(book("owned", "mark_at_end_p90"), usd("5400"));
    // All 72 hours are held at first, 24 later: 48 for four days are bought.
    assert_eq!(book("on-demand", "hours_left"), usd("192"));
}

#[test]
fn marks_follow_the_index_and_its_path() {
    let rest = format!(
        "{POSITIONS}\n{PRICE}\n[[indices]]\nname = 'H100 index'\npool = 'H100'\nvalues = '''\nday,price\n2026-08-01,3.00\n2026-08-30,3.20\n2026-09-02,9.00\n'''\n"
    );
    let outcome = run(&scenario(BUDGET, &rest), &even(), None).unwrap();
    let book = |who: &str, column| cell(&outcome.book, column, "position", who);
    // The last value before the first day, 31 August: 3.20. It rises by half within the horizon.
    assert_eq!(book("owned", "index"), usd("3.20"));
    assert_eq!(book("owned", "mark_to_index"), usd("4080"));
    assert_eq!(book("owned", "mark_at_end_p10"), usd("7128"));
    let marked = outcome.book.text("marked_to", 0).unwrap().unwrap();
    assert_eq!(marked, "H100 index of 2026-08-30");
}

#[test]
fn decisions_may_be_positions_and_terms_are_owed() {
    let rest = r#"
[[decisions]]
name = "ladder"
positions = [
    { kind = "reserved", gpus = 1, price = "2.00", term_days = 5 },
    { kind = "reserved", gpus = 2, price = "1.50", from_day = 6, term_days = 100 },
    { kind = "on_demand", price = "5" },
]
"#;
    let outcome = run(&scenario(BUDGET, rest), &even(), None).unwrap();
    let of = |column| cell(&outcome.decisions, column, "decision", "ladder");
    // 100 of tokens; five days 24 · $2 + 48 · $5, then 48 · $1.50 + 24 · $5.
    assert_eq!(of("p50"), usd("1000") + 5 * usd("288") + 5 * usd("192"));
    // 95 of the 100 days lie behind the horizon.
    assert_eq!(of("owed_after"), usd("6840"));
    assert_eq!(of("reserved"), usd("1"));
}

fn library<'a>(files: &'a [(&'a str, &'a str)]) -> impl Fn(&str, &str) -> Result<Text> + 'a {
    |_, name| {
        let found = files.iter().find(|(known, _)| *known == name);
        let (origin, text) = found.ok_or_else(|| Error::config(format!("no {name}")))?;
        Ok(Text {
            origin: (*origin).to_owned(),
            text: (*text).to_owned(),
        })
    }
}

#[test]
fn a_drill_of_several_files_is_the_drill_of_one() {
    let head = "title = 't'\nhorizon_days = 10\npaths = 60\nseed = 5\nbudget = { amount = '3000' }\n[criterion]\nmax_breach_probability = 0.2\n";
    let index = "day,price\n2026-07-01,3\n2026-10-30,4\n";
    let path = "[[shocks]]\nkind = 'gpu_price'\nname = 'path'\nindex = 'i'\nmodel = 'path'\n";
    let whole =
        format!("{head}{SURGE}{path}[[indices]]\nname = 'i'\nsource = 'i.csv'\nvalues = '''{index}'''\n");
    let parts = format!("include = ['surge', 'price']\n{head}");
    let price = format!("{path}[[indices]]\nname = 'i'\nfile = 'i.csv'\n");
    let files = [("surge", SURGE), ("price", &price), ("i.csv", index)];
    let composed = Scenario::parse_with("top", &parts, &library(&files)).unwrap();
    let of = |scenario: &Scenario| format!("{:?}", run(scenario, &lively(), None).unwrap());
    assert_eq!(of(&composed), of(&Scenario::parse("one", &whole).unwrap()));
    // Alone, it says what it lacks; two shocks of one name are refused wherever they are from.
    let error = Scenario::parse("top", &parts).unwrap_err();
    assert!(error.to_string().contains("include 'surge'"), "{error}");
    let twice = format!("{parts}{SURGE}");
    let error = Scenario::parse_with("top", &twice, &library(&files)).unwrap_err();
    assert!(error.to_string().contains("'surge' is taken"), "{error}");
    // A wrong key names itself, wherever it stands.
    let wrong = format!("{parts}colour = 1\n");
    let error = Scenario::parse_with("top", &wrong, &library(&files)).unwrap_err();
    assert!(error.to_string().contains("colour"), "{error}");
}

#[test]
fn purchases_that_cannot_be_are_refused() {
    for (rest, wanted) in [
        ("[[positions]]\nkind = 'reserved'\n", "positions[0].gpus"),
        (
            "[[decisions]]\nname = 'd'\nreserved = 1\npositions = [{ kind = 'spot', gpus = 1 }]\n",
            "decisions[0].positions",
        ),
        (
            "[[decisions]]\nname = 'd'\npositions = [{ kind = 'spot' }]\n",
            "decisions[0].positions[0].gpus",
        ),
        ("[[indices]]\nname = 'i'\n", "indices[0].file"),
        ("[[indices]]\nname = 'i'\nvalues = 'x'\n", "index 'i'"),
    ] {
        let text = format!(
            "title = 't'\nhorizon_days = 9\nbudget = {{ amount = '1' }}\n[criterion]\nmax_breach_probability = 0.2\n{rest}"
        );
        let error = Scenario::parse("test", &text).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
    }
    let error = run(
        &scenario(
            BUDGET,
            "[[positions]]\npool = 'B200'\nkind = 'reserved'\ngpus = 1\nprice = '1'\n",
        ),
        &even(),
        None,
    )
    .unwrap_err();
    assert!(error.to_string().contains("no GPU pool 'B200'"), "{error}");
}
