//! Front matter: the TOML in the leading `/* … */` comment of a SQL file. Unknown keys are errors,
//! so that a mistyped one is not silently without effect.

use super::Asset;
use crate::base::{Error, Result};
use serde::de::DeserializeOwned;

/// The front matter and the SQL after it.
pub fn split(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix("/*")?.split_once("*/")
}

/// Reads the front matter of a SQL file. The SQL is what follows it, and is not empty.
pub fn parse<T: DeserializeOwned>(asset: &Asset) -> Result<(T, &str)> {
    let (header, sql) = split(&asset.text).ok_or_else(|| {
        Error::config(format!("{} ({}) has no header", asset.path, asset.origin))
            .advise("a file starts with a comment /* … */ that holds its description as TOML")
    })?;
    let header = toml::from_str(header).map_err(|e| {
        Error::config(format!(
            "{} ({}): {}",
            asset.path,
            asset.origin,
            e.to_string().trim()
        ))
    })?;
    if sql.trim().is_empty() {
        return Err(Error::config(format!(
            "{} ({}) has no query",
            asset.path, asset.origin
        )));
    }
    Ok((header, sql.trim().trim_end_matches(';').trim_end()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::asset::Origin;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Title {
        title: String,
    }

    fn asset(text: &'static str) -> Asset {
        Asset {
            path: "metrics/a/b.sql".to_owned(),
            text: text.into(),
            origin: Origin::Builtin,
        }
    }

    #[test]
    fn header_and_query_are_told_apart() {
        let asset = asset("/*\ntitle = \"A\"\n*/\nSELECT 1;\n");
        let (header, sql) = parse::<Title>(&asset).unwrap();
        assert_eq!((header.title.as_str(), sql), ("A", "SELECT 1"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("SELECT 1", "no header"),
            ("/* title = 'A'\ntitel = 'B' */ SELECT 1", "titel"),
            ("/* title = 'A' */ ", "no query"),
        ] {
            let error = parse::<Title>(&asset(text)).unwrap_err().to_string();
            assert!(
                error.contains(word) && error.contains("metrics/a/b.sql"),
                "{error}"
            );
        }
    }
}
