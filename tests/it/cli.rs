//! The program as a newcomer meets it: help, errors with advice, exit statuses.

use crate::support::run;

#[test]
fn help_teaches_and_names_the_exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    let (status, help, _) = run(folder.path(), &["--help"]);
    assert_eq!(status, 0);
    for word in [
        "First steps",
        "demo",
        "ingest",
        "reconcile",
        "metric",
        "report",
        "drill",
        "sql",
        "Exit status: 0 done",
    ] {
        assert!(help.contains(word), "--help does not say {word}");
    }
}

#[test]
fn wrong_usage_is_status_2_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["metric", "run", "spend/daily", "--period", "2026-13"][..],
        &["metric", "run", "spend/daily", "--from", "2026-10-01"],
        &["sql", "-c", "SELECT 1", "--tz", "Mars/Olympus"],
        &["sql", "-c", "SELECT 1", "--currency", "dollars"],
        &["unheard-of"],
    ] {
        let (status, out, talk) = run(folder.path(), args);
        assert_eq!(status, 2, "{args:?}: {talk}");
        assert!(out.is_empty(), "{args:?} wrote to stdout");
        assert!(talk.contains("error:"), "{args:?}: {talk}");
    }
}

#[test]
fn a_missing_lake_is_an_error_with_advice_not_an_empty_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, talk) = run(folder.path(), &["sql", "-c", "SELECT count(*) FROM charges"]);
    assert_eq!(status, 1);
    assert!(
        talk.contains("there is no lake") && talk.contains("try:"),
        "{talk}"
    );
}
