//! `reconcile`: the waterfall from the bill to the leaves. Says no when they do not add up, and
//! when there is nothing to add.

use super::{Console, Status, open, show};
use crate::base::{Result, money};
use crate::config::Config;
use crate::frame::Frame;
use crate::metric::{self, Params};

/// Every charge of the window against its leaves, per currency.
const BALANCE: &str = "SELECT currency, charges, null_amounts, bill, leaves, difference \
    FROM reconciliation ORDER BY currency";

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
    let waterfall = metric::run(&engine, catalog.get("ledger/waterfall")?, &params).await?;
    show(console, &waterfall)?;
    let mut balanced = true;
    for row in 0..balance.rows() {
        let currency = balance.text("currency", row)?.unwrap_or_default();
        let amount = |column| balance.decimal(column, row).map(Option::unwrap_or_default);
        let (bill, leaves, difference) = (amount("bill")?, amount("leaves")?, amount("difference")?);
        let charges = balance.int("charges", row)?.unwrap_or_default();
        let nulls = balance.int("null_amounts", row)?.unwrap_or_default();
        balanced &= difference == 0;
        console.say(&format!(
            "{currency}: {charges} charges, bill {} = leaves {}{}{}",
            money::format_short(bill),
            money::format_short(leaves),
            if difference == 0 {
                String::new()
            } else {
                format!(" + {} MISSING", money::format_short(difference))
            },
            if nulls == 0 {
                String::new()
            } else {
                format!(" ({nulls} charges without an amount)")
            },
        ));
    }
    super::unmatched::say(&engine, &catalog, &params, console).await?;
    if balanced {
        console.say("balanced: every billed amount is the sum of its leaves, to the last digit");
        Ok(Status::Done)
    } else {
        console.say("NOT balanced");
        Ok(Status::SaysNo)
    }
}

/// The latest moment belongs to the window, too.
const SPAN: &str = "SELECT min(charge_moment(charge_period_start, charge_period_end)) AS first, \
    max(GREATEST(charge_period_end, charge_moment(charge_period_start, charge_period_end) + INTERVAL '1 second')) AS last \
    FROM charges";

/// From the first charge to the last.
async fn charged_window(engine: &crate::engine::Engine) -> Result<crate::base::time::Window> {
    let span = Frame::guess(engine.query(SPAN, &[]).await?);
    let at = |column| {
        span.micros(column, 0)
            .map(|m| crate::base::time::from_micros(m.unwrap_or_default()))
    };
    crate::base::time::Window::new(at("first")?, at("last")?)
}
