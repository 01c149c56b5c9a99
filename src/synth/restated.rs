//! A month that is restated: two deliveries a month apart, few enough facts to work out on paper. Its README
//! says what every number must be, before and after. Written by hand, so it knows no seed.

use super::Written;
use super::files::Folder;
use crate::base::Result;
use crate::base::error::Context as _;
use std::io::Write as _;
use std::path::Path;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("restated/", $path)))),*]
    };
}

static FILES: &[(&str, &str)] = files![
    "README.md",
    "first/bill/september.csv",
    "first/gateway/spend.jsonl",
    "first/outcomes/labels.csv",
    "first/reference/fx.csv",
    "first/reference/prices.json",
    "second/bill/october.csv",
    "second/bill/september.csv",
    "second/gateway/late.jsonl",
    "second/gpu/late.json",
    "second/outcomes/late.csv",
    "second/reference/prices.json",
    "spendscope.toml",
];

/// Writes both deliveries, the configuration and the README below `out`.
pub fn write_restated(out: &Path) -> Result<Vec<Written>> {
    let mut folder = Folder::new(out, false);
    for (path, text) in FILES {
        let mut file = folder.text(path)?;
        file.rows = text.lines().count() as u64;
        file.to
            .write_all(text.as_bytes())
            .with_context(|| format!("writing {path}"))?;
        folder.close(file)?;
    }
    Ok(folder.written)
}
