//! The lake and the engine over it, opened the same way by every command.

use crate::base::{Error, Result};
use crate::config::{Config, object_store_environment};
use crate::engine::Engine;
use crate::metric::Catalog;
use crate::source;
use crate::store::Lake;

pub(super) async fn lake(config: &Config) -> Result<Lake> {
    Lake::open_with(
        &config.lake_url,
        &object_store_environment(),
        config.clock.clone(),
    )
    .await
}

/// The engine over an existing lake. A lake that is not there is an error with advice, not an empty answer.
pub(super) async fn engine(config: &Config) -> Result<Engine> {
    let lake = lake(config).await?;
    if !lake.exists().await? {
        return Err(
            Error::lake(format!("there is no lake in {}", config.lake_url)).advise(
                "run `spendscope ingest FILES` or `spendscope init` first, or name the lake with --lake",
            ),
        );
    }
    Engine::over_lake(
        &lake,
        config.as_of,
        &config.assets,
        &config.registry,
        &config.settings,
    )
    .await
}

pub(super) fn metrics(config: &Config) -> Result<Catalog> {
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
