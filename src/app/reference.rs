//! `prices list`, `fx list`: what the price book and the rate list know.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::frame::Frame;

/// `also`: what else a row has prices for, beside its four standard ones.
const PRICES: &str = "WITH said AS ( \
        SELECT source, provider, model, valid_from, unnest(price_entries(NULL, NULL, NULL, NULL, extra)) AS entry \
        FROM prices), \
    named AS ( \
        SELECT DISTINCT source, provider, model, valid_from, concat_ws(' ', \
            CASE WHEN entry['tier'] <> 'standard' THEN entry['tier'] END, \
            CASE WHEN entry['above'] > 0 THEN concat('above ', entry['above'] / 1000, 'k') END, \
            CASE WHEN entry['tier'] = 'standard' AND entry['above'] = 0 THEN entry['rate'] END) AS name \
        FROM said), \
    listed AS ( \
        SELECT source, provider, model, valid_from, string_agg(name, ', ' ORDER BY name) AS also \
        FROM named GROUP BY source, provider, model, valid_from) \
    SELECT coalesce(p.layer, 'list') AS layer, p.provider, p.model, p.valid_from, p.valid_to, \
        CASE WHEN p.currency <> 'XXX' THEN p.currency END AS currency, p.discount, \
        p.input_cost_per_token, p.output_cost_per_token, \
        p.cache_read_input_token_cost, p.cache_creation_input_token_cost, l.also, p.source \
    FROM prices AS p \
    LEFT JOIN listed AS l ON l.source = p.source AND l.provider = p.provider AND l.model = p.model \
        AND l.valid_from = p.valid_from \
    ORDER BY layer DESC, p.provider, p.model, p.valid_from, p.source";

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
