//! Checks: queries that return offending rows. No rows is a pass — unless there was nothing to look
//! at, which a check that says `needs_rows` does not take for a pass.

mod finding;

pub use finding::{Finding, Verdict};

use crate::asset::{Asset, Assets, Origin};
use crate::base::{Context, Error, Result};
use crate::engine::Engine;
use crate::frame::Frame;
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use serde::Deserialize;

/// When a check runs. A later tier includes the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// With every reconcile: the promises of the ledger.
    Always,
    /// Before a month is closed.
    Strict,
    /// Slow or chatty ones, when asked for.
    OnRequest,
}

/// What a finding means for the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Somebody should look.
    Warning,
    /// The numbers cannot be trusted: exit status 3.
    Error,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub title: String,
    pub description: String,
    pub tier: Tier,
    pub severity: Severity,
    /// What to do about a finding.
    pub advice: String,
    /// Tables or views of which one must have rows for the check to mean anything: one name or a list.
    #[serde(default, deserialize_with = "names")]
    pub needs_rows: Vec<String>,
}

fn names<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Names::deserialize(d)? {
        Names::One(name) => vec![name],
        Names::Several(names) => names,
    })
}

/// One file of `queries/checks/`.
#[derive(Debug, Clone)]
pub struct Check {
    pub name: String,
    pub header: Header,
    pub sql: String,
    pub origin: Origin,
}

/// Rows of a finding that are shown.
const SAMPLE_ROWS: usize = 20;

impl Check {
    fn parse(asset: &Asset) -> Result<Check> {
        let (header, sql) = crate::asset::header::parse::<Header>(asset)?;
        for name in &header.needs_rows {
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if !plain || name.is_empty() {
                return Err(Error::config(format!(
                    "{}: needs_rows names a table, not '{name}'",
                    asset.path
                )));
            }
        }
        Ok(Check {
            name: asset.name().to_owned(),
            header,
            sql: sql.to_owned(),
            origin: asset.origin.clone(),
        })
    }

    /// Runs the check over the whole lake.
    pub async fn run(&self, engine: &Engine) -> Result<Finding> {
        let what = || format!("check {} ({})", self.name, self.origin);
        let mut found = self.header.needs_rows.is_empty();
        for table in &self.header.needs_rows {
            let count = engine
                .query(&format!("SELECT count(*) AS n FROM {table}"), &[])
                .await
                .with_context(what)?;
            let rows = count
                .column(0)
                .as_primitive_opt::<Int64Type>()
                .map_or(0, |n| n.value(0));
            found |= rows > 0;
        }
        if !found {
            let table = self.header.needs_rows.join(", ");
            return Ok(self.finding(Verdict::NothingToCheck { table }, None));
        }
        let batch = engine.query(&self.sql, &[]).await.with_context(what)?;
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(self.finding(Verdict::Pass, None));
        }
        let sample = Frame::guess(batch.slice(0, rows.min(SAMPLE_ROWS)));
        Ok(self.finding(Verdict::Found { rows }, Some(sample)))
    }

    fn finding(&self, verdict: Verdict, sample: Option<Frame>) -> Finding {
        Finding {
            check: self.name.clone(),
            title: self.header.title.clone(),
            tier: self.header.tier,
            severity: self.header.severity,
            verdict,
            sample,
            advice: self.header.advice.clone(),
        }
    }
}

/// Every check of the assets, in order of name.
pub fn catalog(assets: &Assets) -> Result<Vec<Check>> {
    assets.under("checks/").map(Check::parse).collect()
}

/// The checks up to a tier.
pub fn up_to(checks: Vec<Check>, tier: Tier) -> Vec<Check> {
    checks
        .into_iter()
        .filter(|check| check.header.tier <= tier)
        .collect()
}

/// The checks of these names, whatever their tier.
pub fn named(mut checks: Vec<Check>, names: &[String]) -> Result<Vec<Check>> {
    if let Some(unknown) = names.iter().find(|name| checks.iter().all(|c| c.name != **name)) {
        let near = checks
            .iter()
            .min_by_key(|check| strsim::damerau_levenshtein(unknown, &check.name))
            .map_or_else(String::new, |check| format!("did you mean {}? ", check.name));
        return Err(
            Error::usage(format!("there is no check '{unknown}'")).advise(format!(
                "{near}`spendscope check --tier on-request` runs and names all"
            )),
        );
    }
    checks.retain(|check| names.contains(&check.name));
    Ok(checks)
}

/// Runs checks; the gravest findings first.
pub async fn run(engine: &Engine, checks: &[Check]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks {
        findings.push(check.run(engine).await?);
    }
    findings.sort_by(|a, b| {
        (a.passed(), std::cmp::Reverse(a.severity), &a.check).cmp(&(
            b.passed(),
            std::cmp::Reverse(b.severity),
            &b.check,
        ))
    });
    Ok(findings)
}
