//! `check`: the data-quality and conservation checks.

use super::{Console, Status, open, show};
use crate::base::{Error, Result};
use crate::check::{self, Finding, Tier, Verdict};
use crate::config::Config;
use crate::frame::Frame;
use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

pub async fn check(config: &Config, tier: &str, console: &mut dyn Console) -> Result<Status> {
    let tier = match tier {
        "always" => Tier::Always,
        "strict" => Tier::Strict,
        "on-request" => Tier::OnRequest,
        _ => {
            return Err(Error::usage(format!("there is no tier '{tier}'"))
                .advise("always, strict or on-request; a later one includes the earlier ones"));
        }
    };
    let engine = open::engine(config).await?;
    let findings = check::run(&engine, &check::catalog(&config.assets)?, tier).await?;
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
    let failed = findings.iter().filter(|f| f.fails()).count();
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
