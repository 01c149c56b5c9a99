//! A drill made of several files: what one includes comes first, what it says itself comes on top.
//!
//! Lists (shocks, decisions, positions, indices) are put one after the other; everything else that the
//! including file says replaces what the included one says. Opens nothing: a [`Library`] hands out texts.

use super::scenario::impossible;
use crate::base::{Error, Result};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// A text and the name that errors, and what it includes in turn, know it by.
#[derive(Debug, Clone)]
pub struct Text {
    pub origin: String,
    pub text: String,
}

/// Finds the file `name` that the file `from` speaks of.
pub type Library<'a> = &'a dyn Fn(&str, &str) -> Result<Text>;

/// No drill is made of more files; a chain of includes ends somewhere.
const MOST_FILES: usize = 32;
const LISTS: [&str; 4] = ["shocks", "decisions", "positions", "indices"];

/// For a text that stands alone.
pub(super) fn alone(from: &str, name: &str) -> Result<Text> {
    Err(
        Error::config(format!("{from} stands alone and cannot speak of {name}"))
            .advise("run it from its file, so that others are found beside it"),
    )
}

/// The drill of a file and everything it includes.
pub(super) fn compose(file: Text, library: Library<'_>) -> Result<Table> {
    let mut seen = BTreeSet::from([file.origin.clone()]);
    let mut above = vec![file.origin.clone()];
    read(file, library, &mut seen, &mut above)
}

fn read(
    file: Text,
    library: Library<'_>,
    seen: &mut BTreeSet<String>,
    above: &mut Vec<String>,
) -> Result<Table> {
    let mut own: Table =
        toml::from_str(&file.text).map_err(|e| Error::config(e.to_string().trim_end().to_owned()))?;
    for (at, index) in own
        .get_mut("indices")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .enumerate()
    {
        load_index(at, index, &file.origin, library)?;
    }
    let includes = match own.remove("include") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) if list.iter().all(Value::is_str) => list
            .into_iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect(),
        Some(_) => {
            return Err(impossible(
                "include",
                "it is no list of names",
                "include = [\"launch.toml\"]",
            ));
        }
    };
    let mut whole = Table::new();
    for name in includes {
        let other = library(&file.origin, &name).map_err(|e| e.context(format!("include '{name}'")))?;
        if above.contains(&other.origin) {
            return Err(impossible(
                "include",
                format!("{} includes itself, by way of {}", other.origin, above.join(", ")),
                "take the circle apart",
            ));
        }
        if !seen.insert(other.origin.clone()) {
            continue; // what two files include happens once
        }
        if seen.len() > MOST_FILES {
            return Err(impossible(
                "include",
                format!("the drill is made of more than {MOST_FILES} files"),
                "put them together",
            ));
        }
        let origin = other.origin.clone();
        above.push(origin.clone());
        let part = read(other, library, seen, above).map_err(|e| e.context(origin))?;
        above.pop();
        lay(&mut whole, part);
    }
    lay(&mut whole, own);
    Ok(whole)
}

fn load_index(at: usize, index: &mut Value, from: &str, library: Library<'_>) -> Result<()> {
    let Some(index) = index.as_table_mut() else {
        return Ok(()); // the reader of indices says what is wrong
    };
    match index.remove("file") {
        None => Ok(()),
        Some(Value::String(name)) if !index.contains_key("values") => {
            let text = library(from, &name).map_err(|e| e.context(format!("indices[{at}].file")))?;
            index.entry("source").or_insert_with(|| Value::String(name));
            index.insert("values".to_owned(), Value::String(text.text));
            Ok(())
        }
        Some(_) => Err(impossible(
            &format!("indices[{at}].file"),
            "it is no name, or values stand beside it",
            "file = \"index.csv\"",
        )),
    }
}

/// Puts a table over another.
fn lay(whole: &mut Table, over: Table) {
    for (key, value) in over {
        match (whole.get_mut(&key), value) {
            (Some(Value::Array(first)), Value::Array(more)) if LISTS.contains(&key.as_str()) => {
                first.extend(more)
            }
            // Prices are stated one by one.
            (Some(Value::Table(first)), Value::Table(more)) if key == "gpu" || key == "prices" => {
                lay(first, more)
            }
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(origin: &str, text: &str) -> Text {
        Text {
            origin: origin.to_owned(),
            text: text.to_owned(),
        }
    }

    fn composed(files: &[(&str, &str)]) -> Result<Table> {
        let library = |from: &str, name: &str| -> Result<Text> {
            files
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(n, t)| text(n, t))
                .ok_or_else(|| Error::config(format!("{from} speaks of {name}, which is not there")))
        };
        compose(text(files[0].0, files[0].1), &library)
    }

    #[test]
    fn lists_add_up_and_what_the_includer_says_holds() {
        let whole = composed(&[
            ("top", "include = ['a', 'b']\ntitle = 'mine'\nshocks = [{ kind = 'own' }]\n[gpu.prices]\nspot = '1'"),
            ("a", "include = 'c'\ntitle = 'a'\npaths = 7\nshocks = [{ kind = 'a' }]\n[gpu.prices]\nspot = '2'\nreserved = '3'"),
            ("b", "include = ['c']\nindices = [{ name = 'i', file = 'x.csv' }]"),
            ("c", "shocks = [{ kind = 'c' }]"),
            ("x.csv", "day,price\n"),
        ])
        .unwrap();
        let kinds: Vec<&str> = whole["shocks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["kind"].as_str().unwrap())
            .collect();
        // What two files include happens once, before what includes it.
        assert_eq!(kinds, ["c", "a", "own"]);
        assert_eq!(
            (whole["title"].as_str(), whole["paths"].as_integer()),
            (Some("mine"), Some(7))
        );
        let prices = &whole["gpu"]["prices"];
        assert_eq!(
            (prices["spot"].as_str(), prices["reserved"].as_str()),
            (Some("1"), Some("3"))
        );
        let index = &whole["indices"][0];
        assert_eq!(index["source"].as_str(), Some("x.csv"));
        assert!(index["values"].as_str().unwrap().starts_with("day") && index.get("file").is_none());
    }

    #[test]
    fn circles_and_missing_files_are_refused() {
        for (files, wanted) in [
            (
                &[("a", "include = ['b']"), ("b", "include = ['a']")][..],
                "includes itself",
            ),
            (&[("a", "include = ['b']")][..], "include 'b'"),
            (&[("a", "include = 3")][..], "no list of names"),
            (&[("a", "include = ['b']"), ("b", "shocks = [")][..], "b:"),
            (
                &[("a", "indices = [{ name = 'i', file = 'x.csv' }]")][..],
                "indices[0].file",
            ),
        ] {
            let error = composed(files).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error} should say {wanted}");
        }
    }
}
