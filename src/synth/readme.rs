//! The README beside the data: seed, figures, story, how to make it again. Its figures come from the
//! summary of the same run, so they cannot grow stale.

use super::files::Folder;
use super::portfolio::Portfolio;
use super::{Options, Profile, Summary, Total};
use crate::base::Result;
use crate::base::error::Context as _;
use crate::base::money::format_short;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

pub(super) fn write(
    options: &Options,
    portfolio: &Portfolio,
    summary: &Summary,
    folder: &mut Folder,
) -> Result<()> {
    let mut file = folder.text("README.md")?;
    let text = text(options, portfolio, summary);
    file.rows = text.lines().count() as u64;
    file.to.write_all(text.as_bytes()).context("writing the README")?;
    folder.close(file)
}

fn text(options: &Options, portfolio: &Portfolio, summary: &Summary) -> String {
    let profile = match options.profile {
        Profile::Sample => "sample",
        Profile::Bench => "bench",
    };
    let mut text = format!(
        "# Synthetic data, {} to {}\n\n\
         A company that does not exist, as the files that would arrive from it. Nobody's prompts, keys or bills are in here; \
         vendors and models are named so that the formats look as they do in practice, their prices are invented. \
         What is billed follows from the requests in the log, what the GPUs did follows from what they served.\n\n\
         Written by `spendscope synth`, profile `{profile}`, seed **{}**, {} requests asked for, telemetry every {} s. \
         The same command gives the same bytes (a test holds this):\n\n\
         ```sh\nspendscope synth --seed {} --out sample-data\n```\n\n\
         ## What is in it\n\n",
        options.from, options.to, options.seed, options.requests, options.step_seconds, options.seed
    );
    // Writing into a string cannot fail.
    for line in &portfolio.story {
        let _ = writeln!(text, "- {line}");
    }
    let _ = write!(
        text,
        "\n| figure | |\n|---|---:|\n| attempts | {} |\n| requests | {} |\n| tasks | {} |\n| failed attempts | {} |\n\
         | attempts on a fallback model | {} |\n| answered by the gateway's own cache | {} |\n| labels | {} |\n\
         | list cost of the attempts, USD | {} |\n\n",
        summary.attempts,
        summary.requests,
        summary.tasks,
        summary.failed_attempts,
        summary.fallbacks,
        summary.gateway_hits,
        summary.labels,
        format_short(summary.list_cost)
    );
    text.push_str("## Bills\n\n| source | currency | charges | billed cost | effective cost |\n|---|---|---:|---:|---:|\n");
    let mut by_currency: BTreeMap<&str, Total> = BTreeMap::new();
    let row = |text: &mut String, name: &str, currency: &str, total: &Total| {
        let (billed, effective) = (format_short(total.billed), format_short(total.effective));
        let _ = writeln!(
            text,
            "| {name} | {currency} | {} | {billed} | {effective} |",
            total.rows
        );
    };
    for ((source, currency), total) in &summary.totals {
        row(&mut text, source, currency, total);
        let sum = by_currency.entry(currency).or_default();
        sum.rows += total.rows;
        sum.billed += total.billed;
        sum.effective += total.effective;
    }
    for (currency, total) in by_currency {
        row(&mut text, "**all**", currency, &total);
    }
    text.push_str("\n## Files\n\n| file | rows |\n|---|---:|\n");
    for file in &summary.files {
        let _ = writeln!(text, "| {} | {} |", file.path, file.rows);
    }
    text.push_str(
        "\nRows are charges, log lines, labels, prices, rates or telemetry values. The configuration that goes with the files \
         is `spendscope.toml`. In folders whose name stands for a source (`billing/aws`, `gateway/litellm`, `gpu/gpu-prod`), \
         the folder is the name under which to ingest.\n",
    );
    text
}
