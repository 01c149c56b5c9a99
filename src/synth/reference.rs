//! Reference files: the dated price book, exchange rates, and the configuration that registers everything.

use super::chance::between;
use super::files::Folder;
use super::meter::rates;
use super::portfolio::Portfolio;
use super::sample::{SCOPES, SHARING};
use crate::base::Result;
use crate::base::error::Context as _;
use crate::base::money::{ONE, format_short};
use crate::base::seed;
use chrono::{Datelike, NaiveDate, Weekday};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

pub(super) fn prices(portfolio: &Portfolio, folder: &mut Folder) -> Result<()> {
    let mut rows = Vec::new();
    for model in &portfolio.models {
        for price in &model.prices {
            let [input, read, write, output] =
                rates(price)?.map(|rate| rate.map_or_else(|| "null".to_owned(), format_short));
            rows.push(format!(
                r#" {{"provider": "{}", "model": "{}", "valid_from": "{}T00:00:00Z", "currency": "USD", "input_cost_per_token": {input}, "cache_read_input_token_cost": {read}, "cache_creation_input_token_cost": {write}, "output_cost_per_token": {output}}}"#,
                portfolio.providers[model.provider].id,
                model.id,
                price.valid_from,
            ));
        }
    }
    let mut file = folder.text("reference/prices.json")?;
    file.rows = rows.len() as u64;
    write!(file.to, "[\n{}\n]\n", rows.join(",\n")).context("writing the price book")?;
    folder.close(file)
}

/// A rate for every working day, as a central bank publishes them, from the day before the window on.
pub(super) fn fx(folder: &mut Folder, seed: u64, from: NaiveDate, to: NaiveDate) -> Result<()> {
    let mut rng = seed::generator(seed, "fx");
    let mut file = folder.text("reference/fx.csv")?;
    writeln!(file.to, "day,from,to,rate").context("writing exchange rates")?;
    let mut rate = 11_420.0;
    for day in (from - chrono::Days::new(4))
        .iter_days()
        .take_while(|day| *day < to)
    {
        if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            continue;
        }
        rate += between(&mut rng, -60.0, 62.0);
        let rate = rate as i128 * (ONE / 10_000);
        writeln!(file.to, "{day},EUR,USD,{}", format_short(rate)).context("writing exchange rates")?;
        file.rows += 1;
    }
    folder.close(file)
}

/// `spendscope.toml`: who is who in these files.
pub(super) fn configuration(portfolio: &Portfolio, folder: &mut Folder, step: i64) -> Result<()> {
    let mut text = String::from(
        "# Registry and rules of this data. Written by `spendscope synth`.\n\n\
         [lake]\nurl = \"./lake\"\n\n\
         [reporting]\ncurrency = \"USD\"\ntime_zone = \"UTC\"\nbasis = \"effective\"\n",
    );
    // Writing into a string cannot fail.
    for case in portfolio.use_cases.iter().filter(|case| case.registered) {
        let _ = write!(
            text,
            "\n[use_cases.{}]\nowner = \"{}\"\nrisk_tier = \"{}\"\nstage = \"{}\"\n",
            case.id, case.owner, case.risk_tier, case.stage
        );
        if let Some(value) = case.value {
            let _ = writeln!(text, "value_per_success = \"{value}\"");
        }
        let _ = writeln!(
            text,
            "maturity_days = {}\naliases = {{ keys = [\"{}\"] }}",
            case.maturity_days, case.key
        );
    }
    for provider in &portfolio.providers {
        let _ = write!(text, "\n[providers.{}]\n", provider.id);
        if provider.charge_match.is_empty() {
            let _ = writeln!(text, "self_hosted = true");
        } else {
            let _ = writeln!(text, "charge_match = \"{}\"", provider.charge_match);
        }
        if provider.gateway_name != provider.id {
            let _ = writeln!(text, "gateway_names = [\"{}\"]", provider.gateway_name);
        }
    }
    for model in &portfolio.models {
        let Some(tier) = model.tier else { continue };
        let provider = portfolio.providers[model.provider].id;
        let _ = write!(
            text,
            "\n[models.\"{}\"]\nprovider = \"{provider}\"\ntier = \"{tier}\"\n",
            model.id
        );
        if model.charge_match != model.id {
            let _ = writeln!(text, "charge_match = '{}'", model.charge_match);
        }
    }
    for node in &portfolio.nodes {
        let _ = write!(
            text,
            "\n[[gpu_nodes]]\nhost = \"{}\"\nresource_id = \"{}\"\ngpus = {}\ngpu_model = \"{}\"\npurchase = \"{}\"\nmodel = \"{}\"\n",
            node.host,
            node.resource_id,
            node.gpus,
            node.gpu_model,
            node.purchase.name(),
            portfolio.models[node.model].id
        );
    }
    text.push_str(
        "\n[[gpu_slo]]\npool = \"purchase = 'reserved'\"\nmin_utilization = 0.50\nwindow_days = 28\n",
    );
    text.push_str("\n[[gpu_slo]]\npool = \"purchase = 'owned'\"\nmin_utilization = 0.35\nwindow_days = 28\n");
    for (scope, predicate) in SCOPES {
        let _ = write!(
            text,
            "\n[[scopes]]\nscope = \"{scope}\"\nmatch = \"{predicate}\"\n"
        );
    }
    for (predicate, method, shares) in SHARING {
        let _ = write!(
            text,
            "\n[[sharing]]\nmatch = \"{predicate}\"\nmethod = \"{method}\"\n"
        );
        let shares: Vec<String> = shares
            .iter()
            .map(|(name, share)| format!("{name} = \"{share}\""))
            .collect();
        if !shares.is_empty() {
            let _ = writeln!(text, "shares = {{ {} }}", shares.join(", "));
        }
    }
    for (name, scope, amount) in &portfolio.budgets {
        let _ = write!(text, "\n[[budgets]]\nname = \"{name}\"\n");
        if let Some(scope) = scope {
            let _ = writeln!(text, "scope = \"{scope}\"");
        }
        let _ = write!(
            text,
            "amount = \"{amount}\"\ncurrency = \"USD\"\nperiod = \"month\"\n"
        );
    }
    let regions: BTreeMap<&str, u32> = portfolio
        .bills
        .iter()
        .map(|bill| (bill.region, if bill.region.starts_with("us") { 380 } else { 290 }))
        .collect();
    let grid: Vec<String> = regions
        .iter()
        .map(|(region, grams)| format!("\"{region}\" = {grams}"))
        .collect();
    let _ = write!(
        text,
        "\n[energy]\nhost_factor = 1.4\npue = 1.2\ngrid_gco2_per_kwh = {{ {} }}\n\n\
         [[pull.prometheus]]\nname = \"gpu-prod\"\nurl = \"http://127.0.0.1:9090\"\nstep_seconds = {step}\n",
        grid.join(", ")
    );
    let mut file = folder.text("spendscope.toml")?;
    file.rows = text.lines().count() as u64;
    file.to
        .write_all(text.as_bytes())
        .context("writing the configuration")?;
    folder.close(file)
}
