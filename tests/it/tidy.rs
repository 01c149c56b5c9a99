//! House rules that a machine can hold: who may use whom, lists against folders, words that must not
//! appear. Each failure says what to do.

use crate::support::project;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn files(folder: &Path, endings: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found)
            } else {
                found.push(path)
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    let mut names: Vec<String> = found
        .iter()
        .filter(|p| p.extension().is_some_and(|e| endings.iter().any(|x| e == *x)))
        .map(|p| {
            p.strip_prefix(folder)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/")
        })
        .collect();
    names.sort();
    names
}

/// The table of `src/README.md`: module → modules it may use.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let readme = fs::read_to_string(project("src/README.md")).unwrap();
    let mut table = BTreeMap::new();
    for line in readme.lines().filter(|l| l.starts_with("| ") && l.contains('`')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [level, modules, uses] = cells[..] else {
            continue;
        };
        if level.parse::<u32>().is_err() {
            continue;
        }
        let uses: BTreeSet<String> = uses.split(", ").map(|u| u.trim().to_owned()).collect();
        for module in modules.split(", ") {
            table.insert(module.trim_matches('`').to_owned(), uses.clone());
        }
    }
    table
}

#[test]
fn modules_use_only_what_the_table_lets_them() {
    let table = allowed();
    assert!(
        table.len() >= 12,
        "src/README.md has no dependency table any more"
    );
    let mut broken = Vec::new();
    for file in files(&project("src"), &["rs"]) {
        let Some((module, _)) = file.split_once('/') else {
            continue;
        };
        let rules = table
            .get(module)
            .unwrap_or_else(|| panic!("src/README.md: no row for `{module}`"));
        // `config` and `app` stand above all others.
        if rules
            .iter()
            .any(|r| r.contains("all of the above") || r.contains("every module"))
        {
            continue;
        }
        let text = fs::read_to_string(project("src").join(&file)).unwrap();
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let used: Vec<String> = match rest.strip_prefix('{') {
                Some(list) => list[..list.find('}').unwrap_or(0)]
                    .split(',')
                    .map(|p| p.trim().split("::").next().unwrap_or("").to_owned())
                    .collect(),
                None => vec![
                    rest.chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect(),
                ],
            };
            for name in used.into_iter().filter(|n| table.contains_key(n) && n != module) {
                if !rules.contains(&name) {
                    broken.push(format!("{file} uses crate::{name}"));
                }
            }
        }
    }
    broken.dedup();
    assert!(
        broken.is_empty(),
        "against the dependency table of src/README.md:\n{}",
        broken.join("\n")
    );
}

#[test]
fn every_query_is_embedded_and_every_embedded_query_exists() {
    let listed: BTreeSet<String> = fs::read_to_string(project("src/asset/builtin.rs"))
        .unwrap()
        .lines()
        .filter_map(|l| l.trim().strip_prefix('"')?.strip_suffix("\",").map(str::to_owned))
        .collect();
    let present: BTreeSet<String> = files(&project("queries"), &["sql", "toml", "csv"])
        .into_iter()
        .collect();
    assert!(!present.is_empty());
    let missing: Vec<_> = present.symmetric_difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "src/asset/builtin.rs and queries/ differ: {missing:?}"
    );
}

#[test]
fn every_test_file_is_in_the_one_binary() {
    let main = fs::read_to_string(project("tests/it/main.rs")).unwrap();
    for file in files(&project("tests/it"), &["rs"]) {
        let name = file.trim_end_matches(".rs").split('/').next().unwrap().to_owned();
        assert!(
            name == "main" || main.contains(&format!("mod {name};")),
            "tests/it/{file} is not listed in tests/it/main.rs: it would never run"
        );
    }
}

#[test]
fn the_top_level_is_as_the_owner_fixed_it() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "benches",
        "queries",
        "sample-data",
        "src",
        "tests",
        // what runs leave behind, ignored by git
        "target",
        "lake",
        "demo",
    ];
    for entry in fs::read_dir(project(".")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            name.starts_with('.') || allowed.contains(&name.as_str()),
            "'{name}' does not belong at the top"
        );
    }
}

#[test]
fn only_the_named_places_read_the_clock_the_environment_and_print() {
    let rules: [(&str, &[&str]); 4] = [
        ("Utc::now", &["base/clock.rs"]),
        ("std::env::var", &["config/mod.rs"]),
        ("stdout()", &["cli/console.rs"]),
        ("stderr()", &["cli/console.rs"]),
    ];
    for file in files(&project("src"), &["rs"]) {
        let text = fs::read_to_string(project("src").join(&file)).unwrap();
        for (word, places) in rules {
            assert!(
                !text.contains(word) || places.contains(&file.as_str()),
                "src/{file} says {word}"
            );
        }
    }
}

#[test]
fn amounts_are_never_floats() {
    for file in files(&project("src"), &["rs"]) {
        let text = fs::read_to_string(project("src").join(&file)).unwrap();
        for (number, line) in text.lines().enumerate() {
            let field = line
                .trim_start()
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            let Some((name, ty)) = field.split_once(": ") else {
                continue;
            };
            let money = ["cost", "amount", "price", "spend", "billed"]
                .iter()
                .any(|w| name.ends_with(w));
            let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(
                !(money && plain && (ty.starts_with("f64") || ty.starts_with("Option<f64>"))),
                "src/{file}:{}: `{}` holds money in a float",
                number + 1,
                field
            );
        }
    }
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let own = "tests/it/tidy.rs";
    for folder in ["src", "tests", "queries", "benches", "sample-data", ".ci"] {
        for file in files(
            &project(folder),
            &[
                "rs", "sql", "toml", "md", "slt", "run", "html", "css", "json", "csv",
            ],
        ) {
            let path = format!("{folder}/{file}");
            if path == own {
                continue;
            }
            let text = fs::read_to_string(project(&path)).unwrap();
            for word in ["/work/", "/root/", "/home/"] {
                assert!(!text.contains(word), "{path} names {word}");
            }
        }
    }
}
