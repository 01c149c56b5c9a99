//! The lake as files: what is damaged is named, and what was written when is listed.

use crate::support::run;
use std::path::{Path, PathBuf};

const NOW: &[&str] = &["--now", "2026-11-20T00:00:00Z"];
const OUTCOMES: &str =
    "task_id,success,recorded_at\nt1,true,2026-10-01T00:00:00Z\nt2,false,2026-10-01T00:00:00Z\n";
const RATES: &str = "day,from,to,rate\n2026-08-01,EUR,USD,1.10\n";

fn says(folder: &Path, status: i32, args: &[&str]) -> (String, String) {
    let (got, out, talk) = run(folder, &[NOW, args].concat());
    assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
    (out.replace("\r\n", "\n"), talk)
}

fn ingested() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("labels.csv"), OUTCOMES).unwrap();
    std::fs::write(dir.path().join("rates.csv"), RATES).unwrap();
    says(dir.path(), 0, &["ingest", "labels.csv", "rates.csv"]);
    dir
}

/// The one data file of a table.
fn data_file(folder: &Path, table: &str) -> PathBuf {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("_delta_log") {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&folder.join("lake").join(table), &mut found);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_whole_lake_is_whole() {
    let dir = ingested();
    let (out, talk) = says(dir.path(), 0, &["lake", "verify"]);
    assert_eq!(out, "");
    assert!(talk.contains("4 data files with 5 rows"), "{talk}");
}

#[test]
fn a_missing_lake_is_no_whole_lake() {
    let dir = tempfile::tempdir().unwrap();
    for command in ["verify", "history"] {
        let (_, talk) = says(dir.path(), 1, &["lake", command]);
        assert!(talk.contains("there is no lake in"), "{talk}");
    }
}

/// A flipped bit can decode to another amount without anyone noticing.
#[test]
fn every_flipped_byte_is_found_wherever_it_stands() {
    let dir = ingested();
    let file = data_file(dir.path(), "fx_rates");
    let whole = std::fs::read(&file).unwrap();
    for at in [
        0,
        5,
        whole.len() / 3,
        whole.len() / 2,
        whole.len() - 12,
        whole.len() - 1,
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let (out, talk) = says(dir.path(), 1, &["-o", "csv", "lake", "verify"]);
        let name = file.file_name().unwrap().to_str().unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[0], "table,version,path,reason");
        assert_eq!(lines.len(), 2, "byte {at}: {out}");
        assert!(
            lines[1].starts_with(&format!("fx_rates,0,fx_rates/{name},")),
            "{out}"
        );
        assert!(lines[1].contains("not those that were written"), "{out}");
        assert!(
            talk.contains("1 files are damaged") && talk.contains("try: put the files back"),
            "{talk}"
        );
    }
    std::fs::write(&file, whole).unwrap();
    says(dir.path(), 0, &["lake", "verify"]);
}

#[test]
fn a_truncated_and_a_missing_file_are_named_and_the_others_still_read() {
    let dir = ingested();
    let (rates, outcomes) = (
        data_file(dir.path(), "fx_rates"),
        data_file(dir.path(), "outcomes"),
    );
    let whole = std::fs::read(&rates).unwrap();
    std::fs::write(&rates, &whole[..whole.len() / 2]).unwrap();
    std::fs::remove_file(&outcomes).unwrap();
    let (out, talk) = says(dir.path(), 1, &["-o", "csv", "lake", "verify"]);
    let lines: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(
        lines[0].starts_with("outcomes,0,outcomes/") && lines[0].ends_with("it is missing"),
        "{out}"
    );
    let size = format!(
        "it has {} bytes, and {} were written",
        whole.len() / 2,
        whole.len()
    );
    assert!(
        lines[1].starts_with("fx_rates,0,fx_rates/") && lines[1].contains(&size),
        "{out}"
    );
    assert!(talk.contains("2 data files with 2 rows"), "{talk}");
}

/// Whole and readable, and yet not what the log promises: a file of another program, without a hash in its name.
#[test]
fn a_file_that_differs_from_the_logs_statistics_is_named() {
    let dir = ingested();
    let file = data_file(dir.path(), "outcomes");
    let log = dir
        .path()
        .join("lake/outcomes/_delta_log/00000000000000000000.json");
    let name = file.file_name().unwrap().to_str().unwrap();
    std::fs::rename(&file, file.with_file_name("theirs.parquet")).unwrap();
    let text = std::fs::read_to_string(&log)
        .unwrap()
        .replace(name, "theirs.parquet");
    std::fs::write(&log, &text).unwrap();
    says(dir.path(), 0, &["lake", "verify"]);
    for (from, to, reason) in [
        (
            r#"\"numRecords\":2"#,
            r#"\"numRecords\":3"#,
            "it has 2 rows, and the log says 3",
        ),
        (
            r#"\"task_id\":0"#,
            r#"\"task_id\":1"#,
            "task_id is missing in 0 rows, and the log says in 1",
        ),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&log, text.replace(from, to)).unwrap();
        let (out, _) = says(dir.path(), 1, &["-o", "csv", "lake", "verify"]);
        assert!(out.contains(reason), "{out}");
    }
    let mut bytes = std::fs::read(file.with_file_name("theirs.parquet")).unwrap();
    let end = bytes.len() - 20;
    bytes[..end].fill(0);
    std::fs::write(&log, &text).unwrap();
    std::fs::write(file.with_file_name("theirs.parquet"), bytes).unwrap();
    let (out, _) = says(dir.path(), 1, &["-o", "csv", "lake", "verify"]);
    assert!(out.contains("it is no readable Parquet file"), "{out}");
}

#[test]
fn a_damaged_log_is_named() {
    let dir = ingested();
    let log = dir
        .path()
        .join("lake/fx_rates/_delta_log/00000000000000000000.json");
    std::fs::write(&log, "{\"commitInfo\":").unwrap();
    let (out, talk) = says(dir.path(), 1, &["-o", "csv", "lake", "verify"]);
    assert!(
        out.contains("fx_rates,,fx_rates/_delta_log,its log cannot be read"),
        "{out}"
    );
    assert!(talk.contains("1 files are damaged"), "{talk}");
}

#[test]
fn history_lists_every_change_and_stops_at_as_of() {
    let dir = ingested();
    std::fs::write(dir.path().join("rates.csv"), RATES.replace("1.10", "1.20")).unwrap();
    let later = ["--now", "2026-11-21T00:00:00Z", "ingest", "rates.csv"];
    assert_eq!(run(dir.path(), &later).0, 0);
    let lines = |args: &[&str]| -> Vec<String> {
        let (out, _) = says(dir.path(), 0, &[&["-o", "csv"], args].concat());
        // Without the hash that names the delivery.
        let cut = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
        out.lines().skip(1).map(cut).collect()
    };
    assert_eq!(
        lines(&["lake", "history", "fx_rates"]),
        [
            "fx_rates,0,2026-11-20T00:00:00Z,append,ingest,1,1,0,fx",
            "fx_rates,1,2026-11-21T00:00:00Z,replace,ingest,1,1,1,fx",
        ]
    );
    assert_eq!(
        lines(&["--as-of", "2026-11-20T12:00:00Z", "lake", "history"]),
        [
            "outcomes,0,2026-11-20T00:00:00Z,append,ingest,2,1,0,outcomes",
            "fx_rates,0,2026-11-20T00:00:00Z,append,ingest,1,1,0,fx",
            "ingest_files,0,2026-11-20T00:00:00Z,append,ingest,1,1,0,fx",
            "ingest_files,1,2026-11-20T00:00:00Z,append,ingest,1,1,0,outcomes",
        ]
    );
    let (_, talk) = says(dir.path(), 2, &["lake", "history", "nothing"]);
    assert!(talk.contains("there is no table 'nothing'"), "{talk}");
}
