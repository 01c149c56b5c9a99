//! `drill list`, `drill run`: what if, and would the budget hold?

use super::report::{FORMATS, write_document};
use super::{Console, Status, open, show};
use crate::asset::Assets;
use crate::base::{Context, Error, Result};
use crate::config::Config;
use crate::drill::{self, Inputs, NamedBudget, Period, Scenario};
use crate::engine::Engine;
use crate::engine::registry::BudgetPeriod;
use crate::frame::Frame;
use crate::report;
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

const FOLDER: &str = "drills/";
/// History of money by driver, and of requests, as `drill::Inputs` documents them.
const SPEND: &str = "SELECT day, days, driver_kind, driver, part, scope, currency, amount, quantity, used \
    FROM drill_portfolio";
const REQUESTS: &str = "SELECT day, requests, gateway_cache_hits FROM drill_requests";

pub fn drill_list(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let mut rows = Vec::new();
    for asset in config.assets.under(FOLDER) {
        let scenario = Scenario::parse(&asset.path, &asset.text).context(asset.path.clone())?;
        rows.push([asset.name().to_owned(), scenario.title, asset.origin.to_string()]);
    }
    let column =
        |at: usize| -> Arc<StringArray> { Arc::new(rows.iter().map(|row| Some(row[at].as_str())).collect()) };
    let fields = ["name", "title", "origin"].map(|name| Field::new(name, DataType::Utf8, false));
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields.to_vec())),
        vec![column(0), column(1), column(2)],
    )?;
    show(console, &Frame::guess(batch))?;
    Ok(Status::Done)
}

pub async fn drill_run(
    config: &Config,
    name: &str,
    seed: Option<u64>,
    out: &Path,
    console: &mut dyn Console,
) -> Result<Status> {
    let (name, scenario) = scenario(&config.assets, name)?;
    let engine = open::engine(config).await?;
    let inputs = inputs(config, &engine).await?;
    let outcome = drill::run(&scenario, &inputs, seed)?;
    for line in outcome.summary.lines() {
        console.say(line);
    }
    for note in &outcome.notes {
        console.say(&format!("note: {note}"));
    }
    show(console, &outcome.decisions)?;
    write_document(&report::drill(&name, &outcome)?, &FORMATS, out, console)?;
    Ok(if outcome.passed {
        Status::Done
    } else {
        Status::SaysNo
    })
}

/// A built-in drill by name, or a file of the user's.
fn scenario(assets: &Assets, name: &str) -> Result<(String, Scenario)> {
    if let Some(asset) = assets.get(&format!("{FOLDER}{name}.toml")) {
        return Ok((
            name.to_owned(),
            Scenario::parse(&asset.path, &asset.text).context(asset.path.clone())?,
        ));
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|e| e != "toml") {
        let known: Vec<&str> = assets.under(FOLDER).map(|a| a.name()).collect();
        return Err(Error::usage(format!("there is no drill '{name}'"))
            .advise(format!("built in: {}; or name a .toml file", known.join(", "))));
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let stem = path
        .file_stem()
        .map_or_else(|| name.to_owned(), |s| s.to_string_lossy().into_owned());
    Ok((stem, Scenario::parse(name, &text).context(name)?))
}

async fn inputs(config: &Config, engine: &Engine) -> Result<Inputs> {
    let settings = &config.settings;
    if settings.currency == crate::engine::NATIVE {
        return Err(
            Error::usage("a drill adds spend up, so it needs one currency").advise("say --currency USD")
        );
    }
    Ok(Inputs {
        spend: Frame::guess(engine.query(SPEND, &[]).await?),
        requests: Frame::guess(engine.query(REQUESTS, &[]).await?),
        currency: settings.currency.clone(),
        until: settings.now.with_timezone(&settings.zone).date_naive(),
        budgets: config
            .registry
            .budgets
            .iter()
            .map(|budget| NamedBudget {
                name: budget.name.clone(),
                scope: budget.scope.clone(),
                amount: budget.amount.0,
                currency: budget.currency.clone(),
                period: match budget.period {
                    BudgetPeriod::Month => Period::Month,
                    BudgetPeriod::Quarter => Period::Quarter,
                    BudgetPeriod::Year => Period::Year,
                },
            })
            .collect(),
    })
}
