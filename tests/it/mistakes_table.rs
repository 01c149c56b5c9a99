//! `tests/README.md` lists the mistakes that others have shipped and the test that keeps each from
//! us. A row that names no test that exists, and a case that no row names, fail here.

use crate::support::project;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found
}

/// What the last cells of the tables name: `.slt` files below `tests`, or functions with their module in
/// front. A cell with a dash names nothing.
fn named() -> Vec<String> {
    let readme = fs::read_to_string(project("tests/README.md")).unwrap();
    readme
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| seen in "))
        .filter_map(|line| line.trim_matches('|').split('|').nth(2))
        .flat_map(|cell| cell.trim().split("; "))
        .filter(|name| *name != "-")
        .map(|name| name.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn every_mistake_names_a_test_that_exists() {
    let code: String = [project("tests/it"), project("src")]
        .iter()
        .flat_map(|folder| below(folder, "rs"))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let rows = named();
    assert!(rows.len() > 50, "the table of tests/README.md is gone");
    let missing: Vec<&String> = rows
        .iter()
        .filter(|name| match name.as_str() {
            path if path.ends_with(".slt") => !project("tests").join(path).exists(),
            function => !code.contains(&format!("fn {}(", function.rsplit("::").next().unwrap())),
        })
        .collect();
    assert!(
        missing.is_empty(),
        "tests/README.md names what does not exist: {missing:?}"
    );
}

#[test]
fn every_case_of_a_mistake_is_in_the_table() {
    let rows: BTreeSet<String> = named().into_iter().collect();
    let root = project("tests");
    let unnamed: Vec<String> = below(&root.join("slt/mistakes"), "slt")
        .iter()
        .map(|path| {
            path.strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/")
        })
        .filter(|path| !rows.contains(path))
        .collect();
    assert!(
        unnamed.is_empty(),
        "not in the table of tests/README.md: {unnamed:?}"
    );
}
