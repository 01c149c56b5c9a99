//! The one list of embedded files. `tests/it/tidy.rs` compares it with the folder, both ways.

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $path)))),*]
    };
}

pub(super) static ASSETS: &[(&str, &str)] = assets![
    "scopes/licensing.csv",
    "scopes/saas.csv",
    "views/calls.sql",
    "views/control_totals.sql",
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
    "views/imbalances.sql",
    "views/leaf_model_api.sql",
    "views/leaf_plain.sql",
    "views/ledger.sql",
    "views/price_periods.sql",
    "views/reconciliation.sql",
    "views/request_leaves.sql",
    "views/shared_weights.sql",
    "views/tasks.sql",
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
