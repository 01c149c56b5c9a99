//! The one list of embedded files. `tests/it/tidy.rs` compares it with the folder, both ways.

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $path)))),*]
    };
}

pub(super) static ASSETS: &[(&str, &str)] = assets![
    "sources/dcgm_text.toml",
    "sources/focus.toml",
    "sources/fx.toml",
    "sources/fx_ecb.toml",
    "sources/litellm.toml",
    "sources/litellm_payload.toml",
    "sources/litellm_prices.toml",
    "sources/outcomes.toml",
    "sources/prices.toml",
    "sources/prometheus.toml",
];
