//! The lists behind the built-in scope rules: `queries/scopes/<list>.csv`, each line a column of a
//! charge and a pattern that is looked for in it without regard to case.

use super::udf;
use crate::asset::{Asset, Assets};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use datafusion::logical_expr::{Expr, col, lit};
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;

/// In this order: licences that a software house sells are licences.
const LISTS: [(&str, &str); 2] = [("scopes/licensing.csv", "Licensing"), ("scopes/saas.csv", "SaaS")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    column: String,
    pattern: String,
    #[serde(rename = "note")]
    _note: String,
}

/// `WHEN the list matches THEN its scope`, for each list.
pub(super) fn arms(assets: &Assets) -> Result<Vec<(Expr, Expr)>> {
    let mut arms = Vec::new();
    for (path, scope) in LISTS {
        let Some(asset) = assets.get(path) else { continue };
        let matches = read(asset)
            .map_err(|e| e.context(format!("queries/{path} ({})", asset.origin)))?
            .into_iter()
            .map(|(column, pattern)| {
                udf::match_length()
                    .call(vec![col(column), lit(pattern)])
                    .is_not_null()
            })
            .reduce(Expr::or);
        if let Some(matches) = matches {
            arms.push((matches, lit(scope)));
        }
    }
    Ok(arms)
}

/// One pattern per column, which holds where any of the list's does.
fn read(asset: &Asset) -> Result<BTreeMap<&'static str, String>> {
    let charges =
        TableSchema::named("charges").ok_or_else(|| Error::internal("there is no table charges"))?;
    let mut patterns: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for line in csv::Reader::from_reader(asset.text.as_bytes()).deserialize() {
        let line: Line = line.map_err(|e| Error::config(e.to_string()))?;
        let column = charges
            .column(&line.column)
            .ok_or_else(|| Error::config(format!("charges have no column '{}'", line.column)))?;
        Regex::new(&line.pattern)
            .map_err(|e| Error::config(format!("'{}' is not a regular expression: {e}", line.pattern)))?;
        patterns
            .entry(column.name)
            .or_default()
            .push(format!("(?:{})", line.pattern));
    }
    Ok(patterns
        .into_iter()
        .map(|(column, p)| (column, format!("(?i){}", p.join("|"))))
        .collect())
}
