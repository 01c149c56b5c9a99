//! Every file of the folder of real files beside the project: read as its format, or refused with a reason.
//! `shared_files.txt` says what becomes of each; `SPENDSCOPE_BLESS=1` writes it anew.

use crate::sources::{Decoded, catalog, decode_in};
use crate::support::{project, shared};
use spendscope::base::Error;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files of one folder and kind that all end alike are one line from here on.
const MANY: usize = 10;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn content(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|e| e != "gz") {
        return bytes;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

/// What became of a file, in a few words that do not change with every further format.
fn outcome(result: Result<Decoded, Error>) -> String {
    match result {
        Ok(decoded) => {
            let mut text = format!("{}: {} rows", decoded.format, decoded.report.rows_out);
            if !decoded.report.rejects.is_empty() {
                let first = &decoded.report.rejects[0];
                let column = if first.column.is_empty() {
                    "line"
                } else {
                    &first.column
                };
                text.push_str(&format!(
                    ", {} rejects ({column}: {})",
                    decoded.report.rows_in - decoded.report.rows_out,
                    first.reason
                ));
            }
            for total in &decoded.report.totals {
                if ["billed_cost", "effective_cost"].contains(&total.column) && total.nulls < total.rows {
                    text.push_str(&format!(
                        ", {} {} {}",
                        total.column, total.source_total, total.currency
                    ));
                }
            }
            text
        }
        Err(error) => {
            let words = error.to_string();
            assert!(words.len() > 20, "a reason is given: {words}");
            match words.split_once("is not recognised; ") {
                Some((_, why)) => {
                    assert!(error.advice().is_some_and(|a| a.contains("--mapping")), "{words}");
                    match why.split_once("nearest: ") {
                        Some((_, near)) => assert!(near.contains(" lacks "), "{words}"),
                        None => assert!(!why.is_empty(), "{words}"),
                    }
                    "refused: unknown".to_owned()
                }
                None => match words.split_once("is not taken: ") {
                    Some((_, why)) => format!("refused: {why}"),
                    None => format!("refused: {words}"),
                },
            }
        }
    }
}

#[test]
fn every_file_of_the_folder_is_read_or_refused_with_a_reason() {
    let Some(root) = shared("data") else { return };
    let catalog = catalog();
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths.sort();
    let mut found: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    for path in &paths {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let bytes = content(path);
        let started = Instant::now();
        let outcome = outcome(decode_in(&catalog, None, &name, &bytes));
        let took = started.elapsed();
        // A debug build on a busy machine reads the largest one, 3 MB, in seconds.
        assert!(took < Duration::from_secs(60), "{name} took {took:?}");
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind).to_owned();
        found.entry((folder, kind)).or_default().push((name, outcome));
    }
    let mut lines = Vec::new();
    for ((folder, kind), files) in found {
        let same = files.iter().all(|(_, outcome)| *outcome == files[0].1);
        if same && files.len() >= MANY {
            lines.push(format!("{folder}/*.{kind} ({}) | {}", files.len(), files[0].1));
        } else {
            lines.extend(files.iter().map(|(name, outcome)| format!("{name} | {outcome}")));
        }
    }
    lines.sort();
    let actual = lines.join("\n") + "\n";
    println!("{actual}");
    let expected = project("tests/it/shared_files.txt");
    if std::env::var_os("SPENDSCOPE_BLESS").is_some() {
        std::fs::write(&expected, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&expected).unwrap();
    for (actual, expected) in actual.lines().zip(expected.lines()) {
        assert_eq!(actual, expected);
    }
    assert_eq!(actual.lines().count(), expected.lines().count());
    assert!(paths.len() > 100 && actual.contains("focus/official-1.0/focus_sample.csv | focus: 1000 rows"));
}
