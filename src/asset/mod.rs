//! The `queries/` tree: embedded in the binary, and overridable file by file from a folder.

mod builtin;
pub mod header;
pub mod index;

use crate::base::{Context, Error, Result};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where an asset came from. Shown by `metric list` and in errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Builtin,
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Builtin => f.write_str("built in"),
            Origin::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Asset {
    /// Path below `queries/`, such as `metrics/spend/daily.sql`.
    pub path: String,
    pub text: Cow<'static, str>,
    pub origin: Origin,
}

impl Asset {
    /// The name people use: the path without its folder of kind and its ending (`spend/daily`).
    pub fn name(&self) -> &str {
        let path = self
            .path
            .rsplit_once('.')
            .map_or(self.path.as_str(), |(stem, _)| stem);
        path.split_once('/').map_or(path, |(_, name)| name)
    }
}

/// All assets by path.
#[derive(Debug, Clone)]
pub struct Assets(BTreeMap<String, Asset>);

impl Assets {
    pub fn builtin() -> Assets {
        Assets(
            builtin::ASSETS
                .iter()
                .map(|(path, text)| {
                    let asset = Asset {
                        path: (*path).to_owned(),
                        text: Cow::Borrowed(text),
                        origin: Origin::Builtin,
                    };
                    ((*path).to_owned(), asset)
                })
                .collect(),
        )
    }

    /// The built-in tree with a folder of the user's laid over it: the same relative path replaces,
    /// a new one adds. A file that cannot be read is an error, never skipped.
    pub fn overlay(dir: &Path) -> Result<Assets> {
        let mut assets = Assets::builtin();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries =
                std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let known = path
                    .extension()
                    .is_some_and(|e| e == "sql" || e == "toml" || e == "csv");
                if !known {
                    continue;
                }
                let text =
                    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
                let relative = path
                    .strip_prefix(dir)
                    .map_err(|_| Error::internal("a folder listed a file outside itself"))?
                    .components()
                    .map(|c| c.as_os_str().to_string_lossy())
                    .collect::<Vec<_>>()
                    .join("/");
                let asset = Asset {
                    path: relative.clone(),
                    text: Cow::Owned(text),
                    origin: Origin::File(path),
                };
                assets.0.insert(relative, asset);
            }
        }
        Ok(assets)
    }

    pub fn get(&self, path: &str) -> Option<&Asset> {
        self.0.get(path)
    }

    /// All assets of a folder such as `metrics/`, in order of path.
    pub fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Asset> {
        self.0.values().filter(move |a| a.path.starts_with(folder))
    }
}
