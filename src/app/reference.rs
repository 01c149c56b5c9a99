//! `prices list`, `fx list`: what the price book and the rate list know.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::frame::Frame;

const PRICES: &str = "SELECT provider, model, valid_from, currency, input_cost_per_token, output_cost_per_token, \
    cache_read_input_token_cost, cache_creation_input_token_cost, source \
    FROM prices ORDER BY provider, model, valid_from, source";

const RATES: &str = "SELECT day, \"from\", \"to\", rate, derived, source FROM fx_rates ORDER BY day, \"from\", \"to\", source";

pub async fn prices_list(config: &Config, console: &mut dyn Console) -> Result<Status> {
    list(config, PRICES, console).await
}

pub async fn fx_list(config: &Config, console: &mut dyn Console) -> Result<Status> {
    list(config, RATES, console).await
}

async fn list(config: &Config, sql: &str, console: &mut dyn Console) -> Result<Status> {
    let engine = open::engine(config).await?;
    let batch = engine.query(sql, &[]).await?;
    show(console, &Frame::guess(batch))?;
    Ok(Status::Done)
}
