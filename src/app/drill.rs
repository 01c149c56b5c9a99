//! `drill list`, `drill run`: what if, and would the budget hold?

use super::report::{FORMATS, write_document};
use super::{Console, Status, open, show};
use crate::asset::{Asset, Assets};
use crate::base::{Context, Error, Result};
use crate::config::Config;
use crate::drill::{self, BackTested, Inputs, NamedBudget, Period, Scenario, Text};
use crate::engine::Engine;
use crate::engine::registry::BudgetPeriod;
use crate::frame::Frame;
use crate::report;
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

const FOLDER: &str = "drills/";
/// What drills include and nobody runs alone.
const PARTS: &str = "drills/parts/";
/// History of money by driver, and of requests, as `drill::Inputs` documents them.
const SPEND: &str = "SELECT day, days, driver_kind, driver, part, scope, currency, native_currency, amount, quantity, \
    used FROM drill_portfolio";
const REQUESTS: &str = "SELECT day, requests, gateway_cache_hits FROM drill_requests";

pub fn drill_list(config: &Config, console: &mut dyn Console) -> Result<Status> {
    let mut rows = Vec::new();
    for asset in runnable(&config.assets) {
        let (_, scenario) = scenario(&config.assets, asset.name())?;
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
    table: Option<&str>,
    out: &Path,
    console: &mut dyn Console,
) -> Result<Status> {
    let table = table.unwrap_or(drill::TABLES[0]);
    if !drill::TABLES.contains(&table) {
        return Err(Error::usage(format!("a drill has no table '{table}'"))
            .advise(format!("one of {}", drill::TABLES.join(", "))));
    }
    let (name, scenario) = scenario(&config.assets, name)?;
    let engine = open::engine(config).await?;
    let inputs = inputs(config, &engine).await?;
    let outcome = drill::run(&scenario, &inputs, &BackTested, seed)?;
    for line in outcome.summary.lines() {
        console.say(line);
    }
    for note in &outcome.notes {
        console.say(&format!("note: {note}"));
    }
    show(console, outcome.table(table).unwrap_or(&outcome.decisions))?;
    write_document(&report::drill(&name, &outcome)?, &FORMATS, out, console)?;
    Ok(if outcome.passed {
        Status::Done
    } else {
        Status::SaysNo
    })
}

/// The drills that stand alone, of the built-in ones and the user's.
fn runnable(assets: &Assets) -> impl Iterator<Item = &Asset> {
    let drills = assets.under(FOLDER).filter(|a| a.path.ends_with(".toml"));
    drills.filter(|a| !a.path.starts_with(PARTS))
}

/// A built-in drill by name, or a file of the user's.
fn scenario(assets: &Assets, name: &str) -> Result<(String, Scenario)> {
    let library = |from: &str, name: &str| beside(assets, from, name);
    if let Some(asset) = assets.get(&format!("{FOLDER}{name}.toml")) {
        return Ok((
            name.to_owned(),
            Scenario::parse_with(&asset.path, &asset.text, &library)?,
        ));
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|e| e != "toml") {
        let known: Vec<&str> = runnable(assets).map(Asset::name).collect();
        return Err(Error::usage(format!("there is no drill '{name}'"))
            .advise(format!("built in: {}; or name a .toml file", known.join(", "))));
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let stem = path
        .file_stem()
        .map_or_else(|| name.to_owned(), |s| s.to_string_lossy().into_owned());
    Ok((stem, Scenario::parse_with(name, &text, &library)?))
}

/// What a drill file speaks of: a file beside it, or a built-in one by its name (`parts/launch`).
fn beside(assets: &Assets, from: &str, name: &str) -> Result<Text> {
    let of_asset = |asset: &Asset| Text {
        origin: asset.path.clone(),
        text: asset.text.to_string(),
    };
    // A built-in file has its folder among the assets, whatever the folder that the program runs in.
    let built_in = assets.get(from).is_some();
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = folder.join(name);
    if !built_in && path.is_file() {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        return Ok(Text {
            origin: path.to_string_lossy().into_owned(),
            text,
        });
    }
    [
        format!("{FOLDER}{name}.toml"),
        format!("{FOLDER}{name}"),
        path.to_string_lossy().into_owned(),
    ]
    .iter()
    .find_map(|path| assets.get(path))
    .map(of_asset)
    .ok_or_else(|| {
        let near = if built_in {
            format!("{FOLDER}{name}")
        } else {
            path.display().to_string()
        };
        Error::config(format!("there is no file {near}"))
            .advise("name a file beside the one that speaks of it, or a built-in drill without its ending")
    })
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
