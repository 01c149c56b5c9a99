//! The one list of embedded files. `tests/it/tidy.rs` compares it with the folder, both ways.

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $path)))),*]
    };
}

pub(super) static ASSETS: &[(&str, &str)] = assets![
    "scopes/licensing.csv",
    "scopes/saas.csv",
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
    "views/calls.sql",
    "views/costs.sql",
    "views/fx_days.sql",
    "views/fx_latest.sql",
    "views/gpu_charge_hours.sql",
    "views/gpu_charge_slots.sql",
    "views/gpu_energy.sql",
    "views/gpu_hours.sql",
    "views/gpu_leaves.sql",
    "views/gpu_slots.sql",
    "views/gpu_spans.sql",
    "views/leaf_model_api.sql",
    "views/price_periods.sql",
];
