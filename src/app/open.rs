//! The lake and the engine over it, opened the same way by every command.

use crate::base::{Error, Result};
use crate::config::{Config, object_store_environment};
use crate::engine::{Engine, NATIVE};
use crate::frame::Frame;
use crate::metric::{self, Catalog};
use crate::source;
use crate::store::{Lake, Traces};
use chrono::{DateTime, Utc};

pub(super) async fn lake(config: &Config) -> Result<Lake> {
    let environment = object_store_environment();
    let lake = Lake::open_with(&config.lake_url, &environment, config.clock.clone()).await?;
    Ok(lake.run_by(&config.command))
}

/// The lake, which has to be there: one that is not is an error with advice, not an empty answer.
pub(super) async fn existing(config: &Config) -> Result<Lake> {
    let lake = lake(config).await?;
    if !lake.exists().await? {
        return Err(
            Error::lake(format!("there is no lake in {}", lake.place())).advise(
                "run `spendscope ingest FILES` or `spendscope init` first, or name the lake with --lake",
            ),
        );
    }
    Ok(lake)
}

/// What the lake looks like now, by which a change is noticed later.
pub(crate) async fn traces(config: &Config) -> Result<Traces> {
    Ok(lake(config).await?.traces())
}

/// The engine over an existing lake.
pub(crate) async fn engine(config: &Config) -> Result<Engine> {
    existing(config).await?;
    let engine = engine_at(config, config.as_of).await?;
    if config.settings.currency != config.settings.reporting_currency {
        asked_currency(&config.settings.currency, &engine).await?;
    }
    if let Some(book) = &config.settings.price_book {
        asked_book(book, &engine).await?;
    }
    Ok(engine)
}

/// The engine over the lake as it was at a moment, under the settings as they are.
pub(super) async fn engine_at(config: &Config, as_of: Option<DateTime<Utc>>) -> Result<Engine> {
    let engine = Engine::over_lake(
        &lake(config).await?,
        as_of,
        &config.assets,
        &config.registry,
        &config.settings,
    )
    .await?;
    let window = config.window_or_month()?;
    metric::table_function(&engine, &config.assets, window, config.settings.zone);
    Ok(engine)
}

/// A currency that was asked for and that nothing is billed in or converts into is a slip of the pen.
async fn asked_currency(currency: &str, engine: &Engine) -> Result<()> {
    let known = Frame::guess(engine.query(CURRENCIES, &[]).await?);
    let codes = (0..known.rows())
        .map(|row| Ok(known.text("code", row)?.unwrap_or_default()))
        .collect::<Result<Vec<_>>>()?;
    if currency == NATIVE || codes.is_empty() || codes.iter().any(|code| code == currency) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "nothing is billed in {currency}, and no rate converts into it"
    ))
    .advise(format!(
        "known: {}, native; `spendscope fx import FILE` brings rates",
        codes.join(", ")
    )))
}

/// A book that nobody imported would leave every attempt without a price.
async fn asked_book(book: &str, engine: &Engine) -> Result<()> {
    let known = Frame::guess(engine.query(BOOKS, &[]).await?);
    let names = (0..known.rows())
        .map(|row| Ok(known.text("source", row)?.unwrap_or_default()))
        .collect::<Result<Vec<_>>>()?;
    if names.iter().any(|name| name == book) {
        return Ok(());
    }
    Err(
        Error::usage(format!("there is no price book '{book}'")).advise(if names.is_empty() {
            "there is none yet; `spendscope prices import FILE --source NAME` brings one".to_owned()
        } else {
            format!(
                "known: {}; `spendscope prices import FILE --source NAME` brings another",
                names.join(", ")
            )
        }),
    )
}

const BOOKS: &str = "SELECT source FROM prices WHERE layer IS DISTINCT FROM 'contract' \
    GROUP BY source ORDER BY source";

const CURRENCIES: &str = "SELECT billing_currency AS code FROM charges GROUP BY billing_currency \
    UNION SELECT \"to\" AS code FROM fx_rates GROUP BY \"to\" ORDER BY code";

pub(crate) fn metrics(config: &Config) -> Result<Catalog> {
    Catalog::new(&config.assets)
}

/// The mapping files of the assets, by id.
pub(super) fn source_files(config: &Config) -> impl Iterator<Item = (String, String)> + '_ {
    config
        .assets
        .under("sources/")
        .map(|asset| (asset.name().to_owned(), asset.text.to_string()))
}

pub(super) fn sources(config: &Config) -> Result<source::Catalog> {
    source::Catalog::new(source_files(config))
}
