//! The one list of embedded files. `tests/it/tidy.rs` compares it with the folder, both ways.

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $path)))),*]
    };
}

<<<<<<< HEAD
pub(super) static ASSETS: &[(&str, &str)] = assets![];
=======
pub(super) static ASSETS: &[(&str, &str)] = assets![
    "checks/conservation.sql",
    "checks/facts_once.sql",
    "checks/gateway_cost_differs.sql",
    "checks/gpu_host_unknown.sql",
    "checks/gpu_node_uncharged.sql",
    "checks/null_amounts.sql",
    "checks/one_scope_each.sql",
    "checks/prices_tied.sql",
    "checks/rejected_rows.sql",
    "checks/same_charge_in_two_sources.sql",
    "checks/same_request_in_two_sources.sql",
    "checks/scope_that_is_none.sql",
    "checks/stored_totals.sql",
    "checks/token_overlap.sql",
    "checks/unpriced_models.sql",
    "checks/use_case_not_registered.sql",
    "checks/without_rate.sql",
    "metrics/budget/burn.sql",
    "metrics/energy/wh_per_1k_requests.sql",
    "metrics/gateway/cache_hit_rate.sql",
    "metrics/gateway/fallback_rate.sql",
    "metrics/gateway/latency.sql",
    "metrics/gpu/idle_cost.sql",
    "metrics/gpu/utilization.sql",
    "metrics/ledger/accrued.sql",
    "metrics/ledger/unmetered.sql",
    "metrics/ledger/waterfall.sql",
    "metrics/spend/by_model.sql",
    "metrics/spend/by_scope.sql",
    "metrics/spend/by_use_case.sql",
    "metrics/spend/daily.sql",
    "metrics/unit/cost_per_query.sql",
    "metrics/unit/cost_per_successful_task.sql",
    "scopes/licensing.csv",
    "scopes/saas.csv",
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
>>>>>>> metric
