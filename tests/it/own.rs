//! A user's own format, as the README walks through it: a bill of SaaS seats and a list of data-centre assets;
//! and `ingest --explain`, which never writes.

use crate::support::{project, run};
use std::path::{Path, PathBuf};

const NOW: &[&str] = &["--now", "2026-11-20T00:00:00Z"];

/// A scratch folder with the files of the walk-through.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(project("tests/fixtures/own")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn says(folder: &Path, status: i32, args: &[&str]) -> (String, String) {
    let (got, out, talk) = run(folder, &[NOW, args].concat());
    assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
    (out.replace("\r\n", "\n"), talk)
}

fn csv(folder: &Path, sql: &str) -> Vec<String> {
    let (out, _) = says(folder, 0, &["-o", "csv", "sql", "-c", sql]);
    out.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn an_unknown_file_is_told_with_the_nearest_formats_and_what_each_lacks() {
    let dir = place();
    let (out, talk) = says(dir.path(), 1, &["ingest", "--explain", "inventory.csv"]);
    assert_eq!(out, "");
    assert!(talk.contains("inventory.csv: not recognised"), "{talk}");
    for words in ["nearest: ", " (csv) lacks ", "pass it with --mapping"] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert!(!dir.path().join("lake").exists());
}

#[test]
fn a_named_format_that_is_refused_says_why_and_what_instead() {
    let dir = place();
    for explain in [&[][..], &["--explain"]] {
        let args = [&["ingest", "--format", "openai_usage", "seats.csv"], explain].concat();
        let (_, talk) = says(dir.path(), 2, &args);
        for words in [
            "the format 'openai_usage' (",
            "is known and not taken: it counts the tokens",
            "  try: ",
        ] {
            assert!(talk.contains(words), "{words}\n{talk}");
        }
    }
    let (_, talk) = says(dir.path(), 2, &["ingest", "--format", "openai", "seats.csv"]);
    for words in [
        "there is no format 'openai'",
        "leave --format out",
        "openai_costs",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
}

#[test]
fn the_seat_bill_of_the_walk_through() {
    let dir = place();
    let explain = [
        "-o",
        "csv",
        "ingest",
        "--explain",
        "--mapping",
        "seats.toml",
        "seats.csv",
    ];
    let (out, talk) = says(dir.path(), 4, &explain);
    assert!(!dir.path().join("lake").exists(), "it wrote");
    for words in [
        "seats.csv: seats (SaaS seats, as purchasing lists them) → charges, delivered as 'seats'",
        "named, and its [recognise] fits: it is csv and has Vendor, Plan, Seats, Amount",
        "not read: Price per seat\n",
        "3 rows: 2 would be stored, 1 rejected; the first 2:",
        "EUR billed_cost: source 700 = stored 700 over 2 rows",
        "nothing was written",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    for line in [
        "column,from,parse,default,required",
        "let last,To,instant,,",
        "billing_currency,Currency,currency,EUR,yes",
        "charge_period_end,expr: last + INTERVAL '1 day',instant,,yes",
        "billing_month,UTC month of billing_period_start,by itself,,yes",
        "column,row 1,row 2",
        "billed_cost,500,200",
        "billing_currency,EUR,EUR",
        "charge_period_end,2026-10-01T00:00:00Z,2026-10-01T00:00:00Z",
        "sub_account_name,Support,Sales",
        "line,column,value,reason",
    ] {
        assert!(out.lines().any(|l| l == line), "{line}\n{out}");
    }
    assert!(out.lines().any(|l| l.starts_with("4,Seats,four,")), "{out}");
    // What was shown is what is stored.
    says(dir.path(), 4, &["ingest", "--mapping", "seats.toml", "seats.csv"]);
    assert_eq!(
        csv(
            dir.path(),
            "SELECT sub_account_name, billed_cost, billing_currency, extra['PO'] AS po FROM charges ORDER BY 1 DESC"
        ),
        ["Support,500,EUR,4711", "Sales,200,EUR,4711"]
    );
    assert_eq!(
        csv(dir.path(), "SELECT line, column_name, value FROM rejects"),
        ["4,Seats,four"]
    );
}

#[test]
fn the_asset_list_of_the_walk_through() {
    let dir = place();
    let explain = [
        "-o",
        "csv",
        "ingest",
        "--explain",
        "--mapping",
        "inventory.toml",
        "inventory.csv",
    ];
    let (out, talk) = says(dir.path(), 4, &explain);
    assert!(!dir.path().join("lake").exists(), "it wrote");
    assert!(
        talk.contains("61 rows: 60 would be stored, 1 rejected; the first 3:"),
        "{talk}"
    );
    assert!(!talk.contains("not read:"), "{talk}");
    // 240000 over 48 months, 1200 over 12.
    assert!(
        talk.contains("EUR effective_cost: source 241200 = stored 241200 over 60 rows"),
        "{talk}"
    );
    assert!(out.lines().any(|l| l == "effective_cost,5000,5000,5000"), "{out}");
    says(
        dir.path(),
        4,
        &["ingest", "--mapping", "inventory.toml", "inventory.csv"],
    );
    assert_eq!(
        csv(
            dir.path(),
            "SELECT resource_id, effective_cost FROM charges WHERE billing_month = '2026-09' ORDER BY 1"
        ),
        ["A-17,5000", "A-18,100"]
    );
}

#[test]
fn a_mapping_in_a_folder_of_queries_is_recognised_by_itself() {
    let dir = place();
    std::fs::create_dir_all(dir.path().join("queries/sources")).unwrap();
    std::fs::copy(
        dir.path().join("seats.toml"),
        dir.path().join("queries/sources/seats.toml"),
    )
    .unwrap();
    let (_, talk) = says(
        dir.path(),
        4,
        &["--queries", "queries", "ingest", "--explain", "seats.csv"],
    );
    assert!(
        talk.contains("recognised: it is csv and has Vendor, Plan, Seats, Amount"),
        "{talk}"
    );
    says(dir.path(), 4, &["--queries", "queries", "ingest", "seats.csv"]);
    assert_eq!(csv(dir.path(), "SELECT count(*) FROM charges"), ["2"]);
}

#[test]
fn a_mapping_whose_recognition_does_not_fit_is_said() {
    let dir = place();
    let text = std::fs::read_to_string(dir.path().join("seats.toml")).unwrap();
    std::fs::write(
        dir.path().join("mine.toml"),
        text.replace("\"Plan\", ", "\"Tariff\", "),
    )
    .unwrap();
    let (_, talk) = says(
        dir.path(),
        4,
        &["ingest", "--explain", "--mapping", "mine.toml", "seats.csv"],
    );
    assert!(
        talk.contains("named; its [recognise] would not have found it: it lacks Tariff"),
        "{talk}"
    );
}

/// Every format of our own can be explained, and a lake that is there stays as it is, to the byte.
#[test]
fn explaining_every_fixture_writes_nothing() {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        all.sort();
        for path in all {
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let dir = place();
    says(dir.path(), 4, &["ingest", "--mapping", "seats.toml", "seats.csv"]);
    let state = || -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        walk(&dir.path().join("lake"), &mut files);
        files
            .into_iter()
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    };
    let before = state();
    let mut fixtures = Vec::new();
    walk(&project("tests/fixtures"), &mut fixtures);
    // What is known and refused has its reason written beside it.
    let refused = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let why = name.split(".in.").next().unwrap_or_default();
        path.with_file_name(format!("{why}.expected.txt")).exists()
    };
    let fixtures: Vec<String> = fixtures
        .iter()
        .filter(|p| p.to_string_lossy().contains(".in.") && !refused(p))
        .map(|p| p.display().to_string())
        .collect();
    assert!(fixtures.len() > 40);
    let mut args = vec!["ingest", "--explain"];
    args.extend(fixtures.iter().map(String::as_str));
    let (_, talk) = says(dir.path(), 4, &args);
    assert_eq!(
        talk.matches("  recognised: it is ").count(),
        fixtures.len(),
        "{talk}"
    );
    assert!(!talk.contains("would be refused"), "{talk}");
    assert_eq!(state(), before);
}

/// What stands in a folder and is nothing of ours is said, and is no failure.
#[test]
fn a_folder_may_hold_other_files() {
    let dir = place();
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("notes.txt"), "nothing to see\n").unwrap();
    std::fs::write(
        folder.join("fx.csv"),
        "day,from,to,rate\n2026-08-01,EUR,USD,1.10\n",
    )
    .unwrap();
    let (_, talk) = says(dir.path(), 0, &["ingest", "--explain", "in"]);
    assert!(talk.contains("notes.txt: not recognised"), "{talk}");
}

#[test]
fn the_readme_shows_these_very_files() {
    let readme = std::fs::read_to_string(project("README.md")).unwrap();
    for name in ["seats.csv", "seats.toml", "inventory.csv", "inventory.toml"] {
        let text = std::fs::read_to_string(project("tests/fixtures/own").join(name)).unwrap();
        assert!(readme.contains(&text), "README.md shows another {name}");
    }
}
