//! `reconcile`: from the bill to the leaves, why the bill is not what the gateway metered, what is
//! still to come, and the checks. Says no when something does not add up, and when there is nothing
//! to add.
//!
//! A person gets one table per question; a program gets one table with all of it, a line each.

use super::{Console, Status, open, show};
use crate::base::{Result, money, time};
use crate::check::{self, Finding, Tier};
use crate::config::Config;
use crate::engine::Engine;
use crate::frame::{Frame, Role, build};
use crate::metric::{self, Catalog, Params};
use arrow::array::Int64Array;
use std::sync::Arc;

/// Every charge of the lake against its leaves, per currency.
const BALANCE: &str = "SELECT currency, charges, null_amounts, bill, leaves, difference, unbalanced \
    FROM reconciliation ORDER BY currency";

/// The parts of the variance, in the order in which it is split.
const PARTS: [&str; 7] = [
    "price",
    "token_class",
    "coverage",
    "timing",
    "discount",
    "credit_and_tax",
    "unexplained",
];

pub async fn reconcile(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let engine = open::engine(config).await?;
    let balance = Frame::guess(engine.query(BALANCE, &[]).await?);
    if balance.rows() == 0 {
        console.say("nothing to reconcile: the lake holds no charges");
        return Ok(Status::SaysNo);
    }
    let window = match config.window {
        Some(window) => window,
        None => charged_window(&engine).await?,
    };
    let catalog = open::metrics(config)?;
    let params = Params::window(window.from, window.to);
    let said = Said::ask(&engine, &catalog, &params, config).await?;
    if said.waterfall.rows() == 0 {
        console.say("nothing to reconcile: no charge starts in this window");
        return Ok(Status::SaysNo);
    }
    match console.format() {
        "table" | "markdown" => said.tables(console)?,
        _ => show(console, &said.lines()?)?,
    }
    let balanced = balanced(&balance, console)?;
    super::unmatched::say(&engine, &catalog, &params, console).await?;
    let refused: Vec<&Finding> = said.findings.iter().filter(|f| f.fails()).collect();
    for finding in &refused {
        console.say(&format!("{}: {}", finding.check, finding.advice.trim()));
    }
    if balanced && refused.is_empty() {
        console.say("balanced: every billed amount is the sum of its leaves, to the last digit");
        return Ok(Status::Done);
    }
    console.say(if balanced {
        "balanced, and a check says no"
    } else {
        "NOT balanced"
    });
    Ok(Status::SaysNo)
}

/// Says for each currency what the bill is and what its leaves are, over the whole lake.
fn balanced(balance: &Frame, console: &mut dyn Console) -> Result<bool> {
    let mut balanced = true;
    for row in 0..balance.rows() {
        let currency = balance.text("currency", row)?.unwrap_or_default();
        let amount = |column| balance.decimal(column, row).map(Option::unwrap_or_default);
        let count = |column| balance.int(column, row).map(Option::unwrap_or_default);
        let (bill, leaves, difference) = (amount("bill")?, amount("leaves")?, amount("difference")?);
        let (charges, nulls, unbalanced) = (count("charges")?, count("null_amounts")?, count("unbalanced")?);
        balanced &= difference == 0 && unbalanced == 0;
        console.say(&format!(
            "{currency}: {charges} charges, bill {} = leaves {}{}{}",
            money::format_short(bill),
            money::format_short(leaves),
            if difference == 0 && unbalanced == 0 {
                String::new()
            } else {
                format!(
                    " + {} MISSING in {unbalanced} charges",
                    money::format_short(difference)
                )
            },
            if nulls == 0 {
                String::new()
            } else {
                format!(" ({nulls} charges without an amount)")
            },
        ));
    }
    Ok(balanced)
}

/// All that there is to say, as the metrics say it.
struct Said {
    waterfall: Frame,
    variance: Frame,
    coverage: Frame,
    accrued: Frame,
    findings: Vec<Finding>,
}

impl Said {
    async fn ask(engine: &Engine, catalog: &Catalog, params: &Params, config: &Config) -> Result<Said> {
        let run = async |name: &str, by: &[&str]| {
            let mut params = params.clone();
            if !by.is_empty() {
                params.by = Some(by.iter().map(|name| (*name).to_owned()).collect());
            }
            metric::run(engine, catalog.get(name)?, &params).await
        };
        Ok(Said {
            waterfall: run("ledger/waterfall", &[]).await?,
            variance: run("ledger/variance", &["provider"]).await?,
            coverage: run("ledger/coverage", &["provider"]).await?,
            accrued: run("ledger/accrued", &["provider", "model"]).await?,
            findings: check::run(
                engine,
                &check::up_to(check::catalog(&config.assets)?, Tier::Always),
            )
            .await?,
        })
    }

    /// A heading and a table for each question.
    fn tables(&self, console: &mut dyn Console) -> Result<()> {
        let mut table = |title: &str, frame: &Frame| -> Result<()> {
            if frame.rows() == 0 {
                return Ok(());
            }
            let heading = match console.format() {
                "markdown" => format!("## {title}\n\n"),
                _ => format!("{title}\n"),
            };
            console.data(heading.as_bytes())?;
            show(console, frame)?;
            console.data(b"\n")
        };
        table("From the bill to the leaves", &self.waterfall)?;
        let mut columns = vec!["provider", "currency", "metered", "billed", "difference"];
        columns.extend(PARTS);
        // Attempts without a price in our book show as a difference in price; their number tells.
        columns.extend(["token_coverage", "unpriced_attempts"]);
        table(
            "Metered at list price against billed, and why they differ",
            &self.variance.pick(&columns)?,
        )?;
        table("How much of the model bill the gateway saw", &self.coverage)?;
        table("Metered and not billed yet (no part of the bill)", &self.accrued)?;
        table("Checks", &super::check::table(&self.findings)?)
    }

    /// One line for each figure.
    fn lines(&self) -> Result<Frame> {
        let mut lines = Lines::default();
        for row in 0..self.waterfall.rows() {
            let leaf = self.waterfall.text("leaf", row)?.unwrap_or_default();
            lines.add(Line {
                amount: self.waterfall.decimal("amount", row)?,
                share: self.waterfall.decimal("share", row)?,
                entries: self.waterfall.int("entries", row)?,
                currency: self.waterfall.text("currency", row)?,
                ..Line::of("waterfall", &leaf)
            });
        }
        for row in 0..self.variance.rows() {
            let metered = self.variance.decimal("metered", row)?;
            for part in ["metered", "billed", "difference"].iter().chain(&PARTS) {
                let amount = self.variance.decimal(part, row)?;
                lines.add(Line {
                    amount,
                    share: amount.zip(metered).and_then(|(a, b)| money::ratio(a, b)),
                    currency: self.variance.text("currency", row)?,
                    provider: self.variance.text("provider", row)?,
                    ..Line::of("variance", part)
                });
            }
            lines.add(Line {
                share: self.variance.decimal("token_coverage", row)?,
                currency: self.variance.text("currency", row)?,
                provider: self.variance.text("provider", row)?,
                ..Line::of("variance", "token_coverage")
            });
            lines.add(Line {
                entries: self.variance.int("unpriced_attempts", row)?,
                currency: self.variance.text("currency", row)?,
                provider: self.variance.text("provider", row)?,
                ..Line::of("variance", "unpriced_attempts")
            });
        }
        for row in 0..self.coverage.rows() {
            lines.add(Line {
                amount: self.coverage.decimal("metered", row)?,
                share: self.coverage.decimal("coverage", row)?,
                entries: self.coverage.int("charges", row)?,
                currency: self.coverage.text("currency", row)?,
                provider: self.coverage.text("provider", row)?,
                ..Line::of("coverage", "metered")
            });
            lines.add(Line {
                amount: self.coverage.decimal("unmetered", row)?,
                entries: self.coverage.int("unmetered_charges", row)?,
                currency: self.coverage.text("currency", row)?,
                provider: self.coverage.text("provider", row)?,
                ..Line::of("coverage", "unmetered")
            });
        }
        for row in 0..self.accrued.rows() {
            lines.add(Line {
                amount: self.accrued.decimal("amount", row)?,
                entries: self.accrued.int("attempts", row)?,
                currency: self.accrued.text("currency", row)?,
                provider: self.accrued.text("provider", row)?,
                ..Line::of("accrued", &self.accrued.text("model", row)?.unwrap_or_default())
            });
        }
        for finding in &self.findings {
            lines.add(Line {
                entries: i64::try_from(finding.rows()).ok(),
                verdict: Some(super::check::verdict(finding)),
                ..Line::of("check", &finding.check)
            });
        }
        lines.frame()
    }
}

#[derive(Default)]
struct Line {
    section: &'static str,
    line: String,
    provider: Option<String>,
    currency: Option<String>,
    amount: Option<i128>,
    share: Option<i128>,
    entries: Option<i64>,
    verdict: Option<String>,
}

impl Line {
    fn of(section: &'static str, line: &str) -> Line {
        Line {
            section,
            line: line.to_owned(),
            ..Line::default()
        }
    }
}

#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn add(&mut self, line: Line) {
        self.0.push(line);
    }

    fn frame(&self) -> Result<Frame> {
        let lines = &self.0;
        let entries: Int64Array = lines.iter().map(|l| l.entries).collect();
        Frame::of(vec![
            (
                "section",
                Role::Dimension,
                "",
                build::texts(lines.iter().map(|l| Some(l.section))),
            ),
            (
                "line",
                Role::Dimension,
                "",
                build::texts(lines.iter().map(|l| Some(&l.line))),
            ),
            (
                "provider",
                Role::Dimension,
                "",
                build::texts(lines.iter().map(|l| l.provider.as_ref())),
            ),
            (
                "currency",
                Role::Currency,
                "",
                build::texts(lines.iter().map(|l| l.currency.as_ref())),
            ),
            (
                "amount",
                Role::Money,
                "",
                build::decimals(lines.iter().map(|l| l.amount)),
            ),
            (
                "share",
                Role::Ratio,
                "",
                build::decimals(lines.iter().map(|l| l.share)),
            ),
            ("entries", Role::Measure, "rows", Arc::new(entries)),
            (
                "verdict",
                Role::Dimension,
                "",
                build::texts(lines.iter().map(|l| l.verdict.as_ref())),
            ),
        ])
    }
}

/// The latest moment belongs to the window, too.
const SPAN: &str = "SELECT min(charge_moment(charge_period_start, charge_period_end)) AS first, \
    max(GREATEST(charge_period_end, charge_moment(charge_period_start, charge_period_end) + INTERVAL '1 second')) AS last \
    FROM charges";

/// From the first charge to the last.
async fn charged_window(engine: &Engine) -> Result<time::Window> {
    let span = Frame::guess(engine.query(SPAN, &[]).await?);
    let at = |column| {
        span.micros(column, 0)
            .map(|m| time::from_micros(m.unwrap_or_default()))
    };
    time::Window::new(at("first")?, at("last")?)
}
