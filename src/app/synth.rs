//! `synth`: a coherent company in real formats, from a seed.

use super::{Console, Status};
use crate::base::time::Window;
use crate::base::{Error, Result, money};
use crate::synth::{self, Options, Profile};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::path::Path;

#[derive(Debug, Default)]
pub struct SynthRequest {
    pub out: std::path::PathBuf,
    pub seed: Option<u64>,
    pub requests: Option<u64>,
    /// The company to measure with, instead of the sample's.
    pub bench: bool,
    /// So many anomalies are put in.
    pub planted: Option<u32>,
    /// Other days than the company's own.
    pub window: Option<Window>,
    /// The month that is restated, worked out by hand, instead of a company from a seed.
    pub restate: bool,
}

pub fn synth(request: &SynthRequest, console: &mut dyn Console) -> Result<Status> {
    if request.restate {
        if request.window.is_some() {
            return Err(Error::usage(
                "the month that --restate writes was worked out by hand for its own days",
            )
            .advise("leave out --from, --to and --period"));
        }
        let files = synth::write_restated(&request.out)?;
        console.say(&format!(
            "a month and its restatement: {} files; {} says what every number must be",
            files.len(),
            request.out.join("README.md").display()
        ));
        return Ok(Status::Done);
    }
    let mut options = match request.bench {
        true => Options::bench(request.requests.unwrap_or(10_000_000)),
        false => Options::sample(),
    };
    if let Some(requests) = request.requests {
        options.requests = requests;
    }
    if let Some(window) = request.window {
        (options.from, options.to) = (whole_day(window.from)?, whole_day(window.to)?);
    }
    options.planted = request.planted.unwrap_or(0);
    if let Some(seed) = request.seed {
        options.seed = seed;
    }
    let what = match options.profile {
        Profile::Sample => "the sample company",
        Profile::Bench => "the company to measure with",
    };
    let summary = synth::write(&options, Path::new(&request.out), &mut |done, total| {
        console.progress("days", done, total);
    })?;
    console.progress_end();
    console.say(&format!(
        "{what}, [{}, {}), seed {}: {} attempts of {} requests in {} tasks, {} labels, {} files, {} bytes",
        options.from,
        options.to,
        options.seed,
        summary.attempts,
        summary.requests,
        summary.tasks,
        summary.labels,
        summary.files.len(),
        summary.bytes(),
    ));
    for planted in &summary.planted {
        console.say(&format!(
            "  planted: {} of the {} {}, [{}, {})",
            planted.kind, planted.grain, planted.name, planted.from, planted.to
        ));
    }
    for ((source, currency), total) in &summary.totals {
        console.say(&format!(
            "  {source} {currency}: {} rows, billed {}, effective {}",
            total.rows,
            money::format_short(total.billed),
            money::format_short(total.effective),
        ));
    }
    Ok(Status::Done)
}

fn whole_day(at: DateTime<Utc>) -> Result<NaiveDate> {
    match at.time() == NaiveTime::MIN {
        true => Ok(at.date_naive()),
        false => Err(Error::usage(format!("{at} is not the beginning of a day of UTC"))
            .advise("name whole days, such as --from 2026-01-01 --to 2027-01-01")),
    }
}
