//! A synthetic company, written as the files that would arrive from it: bills, gateway logs, GPU
//! telemetry, outcomes, reference data. What is billed follows from the requests that were made, what the
//! GPUs did follows from what they served, and the same seed gives the same bytes.
//!
//! Knows file formats from the outside only: it writes what vendors write and never uses `source`. It holds
//! one hour of requests at a time, so that a month of ten million of them needs no more memory than a small one
//! (sums by day and model, load by hour).

mod bench;
mod bill;
mod chance;
mod charge;
mod daily;
mod files;
mod fleet;
mod gateway;
mod labels;
mod meter;
mod plant;
mod portfolio;
mod readme;
mod reference;
mod restated;
mod sample;
mod telemetry;
mod traffic;

pub use daily::{Row, daily};
pub use files::Written;
pub use plant::Planted;
pub use restated::write_restated;

use crate::base::error::Context as _;
use crate::base::time::{day_start, next_day};
use crate::base::{Error, Result};
use bill::Billing;
use chrono::{Datelike, Months, NaiveDate};
use files::{Folder, Open};
use fleet::Running;
use gateway::LineWriter;
use labels::Labels;
use meter::{Book, Meter, buckets, cost};
use portfolio::Portfolio;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use telemetry::Telemetry;
use traffic::Traffic;

/// Which company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Twelve use cases and a story, small enough to live in a repository.
    Sample,
    /// Twelve models, 25 use cases, 64 GPUs, whole log lines and a long bill.
    Bench,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub profile: Profile,
    pub seed: u64,
    /// First day, and the day after the last one.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Attempts in the gateway's log, roughly.
    pub requests: u64,
    /// Seconds between two readings of a GPU.
    pub step_seconds: u32,
    /// Rows of ordinary cloud charges in the bills, roughly. Only the bench has a choice.
    pub bill_rows: u64,
    pub gzip: bool,
    /// So many anomalies are put in, and listed; then the company has no story of its own.
    pub planted: u32,
}

impl Options {
    /// What `sample-data/` was made with.
    pub fn sample() -> Options {
        Options {
            profile: Profile::Sample,
            seed: 20_260_701,
            from: sample::day(2026, 7, 1),
            to: sample::day(2026, 10, 1),
            requests: 32_000,
            step_seconds: 900,
            bill_rows: 0,
            gzip: true,
            planted: 0,
        }
    }

    /// A month to measure with.
    pub fn bench(requests: u64) -> Options {
        Options {
            profile: Profile::Bench,
            seed: 1,
            from: sample::day(2026, 9, 1),
            to: sample::day(2026, 10, 1),
            requests,
            step_seconds: 60,
            bill_rows: 1_500_000,
            gzip: false,
            planted: 0,
        }
    }

    /// The company, and what was planted in it.
    fn portfolio(&self) -> Result<(Portfolio, Vec<Planted>)> {
        self.check()?;
        let mut portfolio = match self.profile {
            Profile::Sample => sample::portfolio(),
            Profile::Bench => bench::portfolio(self),
        };
        let planted = match self.planted {
            0 => Vec::new(),
            count => plant::sow(&mut portfolio, self.seed, self.from..self.to, count)?,
        };
        Ok((portfolio, planted))
    }

    fn check(&self) -> Result<()> {
        let problem = if self.from >= self.to {
            "the first day is not before the last"
        } else if (self.to - self.from).num_days() > 3_660 {
            "more than ten years"
        } else if self.requests == 0 {
            "no requests"
        } else if self.step_seconds == 0 || 86_400 % self.step_seconds != 0 {
            "the telemetry step must divide a day"
        } else {
            return Ok(());
        };
        Err(Error::usage(format!("cannot make synthetic data: {problem}")))
    }
}

/// What one bill source asks for, per currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    pub rows: u64,
    /// Scale 18, as all amounts.
    pub billed: i128,
    pub effective: i128,
}

/// By (source, currency).
pub type Totals = BTreeMap<(String, String), Total>;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: Vec<Written>,
    pub totals: Totals,
    pub attempts: u64,
    pub requests: u64,
    pub tasks: u64,
    pub failed_attempts: u64,
    /// Attempts on another model than the one that was asked for.
    pub fallbacks: u64,
    pub gateway_hits: u64,
    pub labels: u64,
    pub successes: u64,
    /// List cost of all attempts that the price book knows, in USD at scale 18.
    pub list_cost: i128,
    /// What was put in to be found.
    pub planted: Vec<Planted>,
}

impl Summary {
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// How far it is: done of total days.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Writes everything below `out`. Files that exist are written over, others are left alone.
pub fn write(options: &Options, out: &Path, progress: Progress<'_>) -> Result<Summary> {
    let (portfolio, planted) = options.portfolio()?;
    let mut folder = Folder::new(out, options.gzip);
    let mut summary = Summary {
        planted,
        ..Summary::default()
    };
    let books = portfolio
        .models
        .iter()
        .map(Book::new)
        .collect::<Result<Vec<_>>>()?;
    let days = (options.to - options.from).num_days();
    let total = 3 * days.unsigned_abs();

    // Requests first: everything else follows from them.
    let mut meter = Meter::default();
    let mut traffic = Traffic::new(
        &portfolio,
        options.seed,
        options.from,
        options.to,
        options.requests,
    );
    let mut labels = Labels::open(&portfolio, &folder, options.seed, options.to)?;
    let mut lines = LineWriter::new(&portfolio);
    let mut log: Option<(NaiveDate, Open)> = None;
    for hour in 0..days * 24 {
        let day = options.from + chrono::Days::new((hour / 24).unsigned_abs());
        let Some(brought) = traffic.next_hour() else { break };
        let month = day.with_day(1).unwrap_or(day);
        if log.as_ref().is_none_or(|(open, _)| *open != month) {
            if let Some((_, file)) = log.take() {
                folder.close(file)?;
            }
            log = Some((
                month,
                folder.data(&format!("gateway/litellm/spend-{}.jsonl", month.format("%Y-%m")))?,
            ));
        }
        let Some((_, file)) = &mut log else { continue };
        for attempt in &brought.attempts {
            meter.add(&portfolio, attempt, day, hour);
            let spend = books[attempt.model]
                .listed(day)
                .map(|rates| cost(&buckets(attempt), rates));
            file.to
                .write_all(lines.line(attempt, spend, day).as_bytes())
                .context("writing the gateway's log")?;
            file.rows += 1;
            summary.attempts += 1;
            summary.requests += u64::from(attempt.number == 1);
            summary.failed_attempts += u64::from(attempt.failed);
            summary.fallbacks += u64::from(attempt.model != attempt.asked);
            summary.gateway_hits += u64::from(attempt.gateway_hit);
            summary.list_cost += spend.filter(|_| !attempt.gateway_hit).unwrap_or(0);
        }
        for task in &brought.tasks {
            labels.add(task)?;
            summary.tasks += 1;
        }
        if hour % 24 == 23 {
            progress((hour / 24 + 1).unsigned_abs(), total);
        }
    }
    if let Some((_, file)) = log {
        folder.close(file)?;
    }
    summary.successes = labels.successes;
    summary.labels = labels.close(&mut folder)?;

    let running = Running::new(&portfolio, &meter, options.seed, options.from, days * 24);
    let mut telemetry = Telemetry::new(
        &portfolio,
        &running,
        options.seed,
        options.from,
        i64::from(options.step_seconds),
    );
    // Prometheus answers with what fits into memory: a month of quarters of an hour, or a day of minutes.
    let daily = options.step_seconds < 300;
    let mut first = options.from;
    while first < options.to {
        let next = if daily {
            next_day(first)
        } else {
            first.with_day(1).unwrap_or(first) + Months::new(1)
        };
        let last = next.min(options.to);
        let name = if daily {
            first.format("%Y-%m-%d")
        } else {
            first.format("%Y-%m")
        };
        telemetry.query_range(
            &mut folder,
            &format!("gpu/gpu-prod/query_range-{name}.json"),
            first,
            last,
        )?;
        progress((days + (last - options.from).num_days()).unsigned_abs(), total);
        first = last;
    }
    let scraped = day_start(options.to) - chrono::Duration::seconds(53);
    let name = scraped.format("%Y-%m-%dT%H%M%SZ");
    telemetry.scrape(
        &mut folder,
        &format!("gpu/gpu-prod/dcgm-{name}.prom"),
        scraped.timestamp(),
    )?;

    let billing = Billing {
        portfolio: &portfolio,
        meter: &meter,
        books: &books,
        running: &running,
        from: options.from,
        to: options.to,
        seed: options.seed,
    };
    let mut month = options.from.with_day(1).unwrap_or(options.from);
    while month < options.to {
        billing.month(&mut folder, month, &mut summary.totals)?;
        month = month + Months::new(1);
        progress(
            (2 * days + (month.min(options.to) - options.from).num_days()).unsigned_abs(),
            total,
        );
    }

    reference::prices(&portfolio, &mut folder)?;
    reference::fx(&mut folder, options.seed, options.from, options.to)?;
    reference::configuration(&portfolio, &mut folder, i64::from(options.step_seconds))?;
    if options.planted > 0 {
        let mut file = folder.text("planted.csv")?;
        file.to
            .write_all(plant::list(&summary.planted).as_bytes())
            .context("writing the list of what is planted")?;
        file.rows = summary.planted.len() as u64;
        folder.close(file)?;
    }
    folder.written.sort_by(|a, b| a.path.cmp(&b.path));
    summary.files.clone_from(&folder.written);
    readme::write(options, &portfolio, &summary, &mut folder)?;
    summary.files = folder.written;
    summary.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(summary)
}

#[cfg(test)]
mod tests;
