//! Drills from files, as they are run: what a file includes, the table that is asked for, and a seed that
//! gives the same bytes.

use crate::support::run;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "BilledCost,EffectiveCost,BillingCurrency,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ServiceCategory,ConsumedUnit,SkuMeter\n";
const CONFIG: &str = "[providers.openai]\ncharge_match = \"service_name = 'OpenAI API'\"\n[models.small]\nprovider = 'openai'\n";
const TOP: &str = r#"
include = ["parts/surge.toml"]
title = "More traffic, dearer euro"
horizon_days = 21
paths = 120
seed = 4
budget = { headroom = 0.05 }
[criterion]
max_breach_probability = 0.1
[[indices]]
name = "EUR"
file = "eur.csv"
[[shocks]]
kind = "fx"
currency = "EUR"
index = "EUR"
[correlation]
between = ["surge", "fx"]
matrix = [[1, 0.5], [0.5, 1]]
"#;
const SURGE: &str = "[[shocks]]\nkind = 'traffic_surge'\nname = 'surge'\nfactor = 1.5\nuncertainty = 0.3\n";

fn file(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Four weeks of tokens in dollars and of racks in euro, and a drill in three files.
fn company() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut bill = HEAD.to_owned();
    for day in 1..=28 {
        let day = format!(
            "2026-09-{day:02}T00:00:00Z,2026-09-{day:02}T01:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage"
        );
        writeln!(
            bill,
            "10,10,USD,OpenAI,{day},OpenAI API,AI and Machine Learning,Tokens,small input tokens"
        )
        .unwrap();
        writeln!(bill, "5,5,EUR,Colo,{day},Racks,Compute,Hours,").unwrap();
    }
    let mut rates = "day,price\n".to_owned();
    for day in 1..=60_u32 {
        let on = chrono::NaiveDate::from_ymd_opt(2026, 8, 1).unwrap() + chrono::Days::new(u64::from(day));
        writeln!(rates, "{on},1.1{}", day % 7).unwrap();
    }
    file(dir.path(), "spendscope.toml", CONFIG);
    file(dir.path(), "in/bill.csv", &bill);
    file(
        dir.path(),
        "in/fx.csv",
        "day,from,to,rate\n2026-08-01,EUR,USD,1.10\n",
    );
    file(dir.path(), "drills/top.toml", TOP);
    file(dir.path(), "drills/parts/surge.toml", SURGE);
    file(dir.path(), "drills/eur.csv", &rates);
    assert_eq!(run(dir.path(), &["--now", NOW, "ingest", "in"]).0, 0);
    dir
}

const NOW: &str = "2026-09-29T00:00:00Z";

#[test]
fn a_seed_gives_the_same_bytes_and_another_one_others() {
    let company = company();
    let drawn = |out: &str, seed: &[&str]| -> Vec<Vec<u8>> {
        let args = ["--now", NOW, "drill", "run", "drills/top.toml", "--out", out];
        let (status, _, talk) = run(company.path(), &[&args[..], seed].concat());
        assert_eq!(status, 3, "{talk}");
        assert!(
            talk.contains("fitted to 58 values of index EUR") && talk.contains("(eur.csv)"),
            "{talk}"
        );
        ["png", "html", "xlsx", "md", "json"]
            .iter()
            .map(|format| std::fs::read(company.path().join(out).join(format!("top.{format}"))).unwrap())
            .collect()
    };
    let (first, again, other) = (
        drawn("a", &[]),
        drawn("b", &["--seed", "4"]),
        drawn("c", &["--seed", "5"]),
    );
    assert!(first == again, "one seed, other bytes");
    for (one, two) in first.iter().zip(&other) {
        assert!(one != two, "two seeds, the same bytes");
    }
}

#[test]
fn every_table_of_a_drill_can_be_asked_for() {
    let company = company();
    let says = |table: &str| {
        let args = [
            "--now",
            NOW,
            "-o",
            "csv",
            "drill",
            "run",
            "drills/top.toml",
            "--out",
            "x",
            "--table",
            table,
        ];
        run(company.path(), &args)
    };
    for (table, head, row) in [
        ("decisions", "decision,pool,", "today"),
        ("hedges", "purchases,pool,", "nothing reserved"),
        ("tornado", "contributor,currency,p10,", "surge"),
        ("contributors", "by,name,", "openai/"),
        ("processes", "process,model,index,", "fx,geometric,EUR,eur.csv"),
        ("fan", "day,p10,p50,p90,", "2026-09-29"),
        ("book", "pool,position,", ""),
        ("pools", "pool,currency,", ""),
    ] {
        let (status, out, talk) = says(table);
        assert_eq!(status, 3, "{talk}");
        assert!(out.starts_with(head) && out.contains(row), "{table}: {out}");
    }
    let (status, _, talk) = says("profits");
    assert_eq!(status, 2);
    assert!(
        talk.contains("a drill has no table 'profits'") && talk.contains("hedges"),
        "{talk}"
    );
}

#[test]
fn what_a_drill_speaks_of_must_be_there() {
    let company = company();
    std::fs::remove_file(company.path().join("drills/eur.csv")).unwrap();
    let args = ["--now", NOW, "drill", "run", "drills/top.toml", "--out", "x"];
    let (status, _, talk) = run(company.path(), &args);
    assert_eq!(status, 2, "{talk}");
    assert!(
        talk.contains("indices[0].file") && talk.contains("eur.csv"),
        "{talk}"
    );
    // A built-in part is found by its name from anywhere.
    file(
        company.path(),
        "drills/top.toml",
        &TOP.replace("parts/surge.toml", "parts/launch")
            .replace("[[indices]]\nname = \"EUR\"\nfile = \"eur.csv\"\n", "")
            .replace("index = \"EUR\"", "volatility = 0.1")
            .replace("\"surge\"", "\"launch: traffic x 1.8\"")
            .replace("0.05", "0.001"),
    );
    let (status, _, talk) = run(company.path(), &args);
    assert_eq!(status, 3, "{talk}");
    assert!(talk.contains("launch: traffic x 1.8"), "{talk}");
}

#[test]
fn built_in_drills_are_listed_without_their_parts() {
    let company = company();
    let (status, out, talk) = run(company.path(), &["-o", "csv", "drill", "list"]);
    assert_eq!(status, 0, "{talk}");
    for name in [
        "dear-euro",
        "gpu-shock-and-surge",
        "hedge-or-float",
        "model-bill-shock",
    ] {
        assert!(out.contains(&format!("\n{name},")), "{out}");
    }
    assert!(!out.contains("launch"), "{out}");
}
