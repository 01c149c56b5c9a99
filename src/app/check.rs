//! `check`: the data-quality and conservation checks.

use super::{Console, Status, open, show};
use crate::base::{Error, Result};
use crate::check::{self, Finding, Severity, Tier, Verdict};
use crate::config::Config;
use crate::frame::Frame;
use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// These alone; none: all up to a tier.
    pub names: Vec<String>,
    pub tier: String,
    /// `error`, `warning` or `info`: from which severity on a finding says no.
    pub fail_on: String,
}

pub async fn check(config: &Config, request: &CheckRequest, console: &mut dyn Console) -> Result<Status> {
    let tier = match request.tier.as_str() {
        "always" => Tier::Always,
        "strict" => Tier::Strict,
        "on-request" => Tier::OnRequest,
        tier => {
            return Err(Error::usage(format!("there is no tier '{tier}'"))
                .advise("always, strict or on-request; a later one includes the earlier ones"));
        }
    };
    let least = match request.fail_on.as_str() {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "info" => Severity::Info,
        other => {
            return Err(Error::usage(format!("there is no severity '{other}'"))
                .advise("error, warning or info; a lesser one includes the graver ones"));
        }
    };
    let catalog = check::catalog(&config.assets)?;
    let checks = if request.names.is_empty() {
        check::up_to(catalog, tier)
    } else {
        check::named(catalog, &request.names)?
    };
    let engine = open::engine(config).await?;
    let findings = check::run(&engine, &checks).await?;
    show(console, &table(&findings)?)?;
    for finding in findings.iter().filter(|f| !f.passed()) {
        let advice = match &finding.verdict {
            Verdict::NothingToCheck { table } => {
                format!("there is nothing in {table}, so nothing can be vouched for")
            }
            _ => finding.advice.trim().to_owned(),
        };
        console.say(&format!("{}: {advice}", finding.check));
        if let Some(sample) = &finding.sample {
            console.say(&String::from_utf8_lossy(&crate::render::frame("table", sample)?));
        }
    }
    let failed = findings.iter().filter(|f| f.fails_at(least)).count();
    if failed > 0 {
        console.say(&format!("{failed} of {} checks say no", findings.len()));
        return Ok(Status::SaysNo);
    }
    console.say(&format!("{} checks, none says no", findings.len()));
    Ok(Status::Done)
}

/// pass, found, or that there was nothing to look at.
pub(super) fn verdict(finding: &Finding) -> String {
    match &finding.verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::NothingToCheck { table } => format!("nothing in {table}"),
        Verdict::Found { .. } => "found".to_owned(),
    }
}

pub(super) fn table(findings: &[Finding]) -> Result<Frame> {
    let text = |value: &dyn Fn(&Finding) -> String| -> Arc<StringArray> {
        Arc::new(findings.iter().map(|f| Some(value(f))).collect())
    };
    let fields = vec![
        Field::new("check", DataType::Utf8, false),
        Field::new("verdict", DataType::Utf8, false),
        Field::new("severity", DataType::Utf8, false),
        Field::new("rows", DataType::Int64, false),
        Field::new("title", DataType::Utf8, false),
    ];
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![
            text(&|f| f.check.clone()),
            text(&verdict),
            text(&|f| format!("{:?}", f.severity).to_lowercase()),
            Arc::new(findings.iter().map(|f| f.rows() as i64).collect::<Int64Array>()),
            text(&|f| f.title.clone()),
        ],
    )?;
    Ok(Frame::guess(batch))
}
