/*
title = "Idle GPU money"
description = """
What the GPU nodes cost while nobody got an answer out of them, by the reason: an owner doing nothing, no
owner, no telemetry, or serving that no request explains. The hours of a charge are taken whole, each in the
window in which it starts, so a charge for a day can stand in two windows. Unused commitments are charges of their own and
stand in spend/by_scope under kind = commitment_unused."""
formula = "Σ gpu leaves × rate, by leaf; idle_share = idle ÷ (idle + serving)"
owner = "platform"
grain = "one group and currency"
dimensions = ["model", "host", "scope", "provider", "region", "day"]
by = ["model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "serving_cost", type = "decimal", role = "money", description = "Time that went to requests." },
    { name = "allocated_idle_cost", type = "decimal", role = "money", description = "A device with an owner, doing nothing." },
    { name = "unallocated_cost", type = "decimal", role = "money", description = "A device with telemetry and no owner." },
    { name = "dark_cost", type = "decimal", role = "money", description = "Time without telemetry." },
    { name = "untraced_cost", type = "decimal", role = "money", description = "Serving in an hour without a request." },
    { name = "idle_cost", type = "decimal", role = "money", description = "The four together." },
    { name = "idle_share", type = "decimal", role = "ratio", description = "idle_cost ÷ all of it." },
]
rows = { each = "gpu_leaves", sums = "gpu_leaf_hours", whole_days = false }
[chart]
kind = "bar"
y = "idle_cost"
[explain]
from = "leaves"
[explain.columns]
serving_cost = { sum = "amount", where = "leaf = 'request'" }
allocated_idle_cost = { sum = "amount", where = "leaf = 'gpu_allocated_idle'" }
unallocated_cost = { sum = "amount", where = "leaf = 'gpu_unallocated'" }
dark_cost = { sum = "amount", where = "leaf = 'gpu_dark'" }
untraced_cost = { sum = "amount", where = "leaf = 'gpu_serving_untraced'" }
idle_cost = { sum = "amount", where = "leaf <> 'request'" }
all_cost = { sum = "amount" }
idle_share = { over = ["idle_cost", "all_cost"] }
*/
WITH leaves AS (
    SELECT
        model, host, scope, provider, region, charge_day(period_start, period_end) AS day, leaf, amount,
        kind, evidence, modelled, charge_id, request_source, request_id, period_start, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM {{rows}}
    WHERE period_start >= $from AND period_start < $to
),
grouped AS (
    SELECT
        {{by}},
        shown,
        COALESCE(sum_product(CASE WHEN leaf = 'request' THEN amount END, rate), 0) AS serving_cost,
        COALESCE(sum_product(CASE WHEN leaf = 'gpu_allocated_idle' THEN amount END, rate), 0) AS allocated_idle_cost,
        COALESCE(sum_product(CASE WHEN leaf = 'gpu_unallocated' THEN amount END, rate), 0) AS unallocated_cost,
        COALESCE(sum_product(CASE WHEN leaf = 'gpu_dark' THEN amount END, rate), 0) AS dark_cost,
        COALESCE(sum_product(CASE WHEN leaf = 'gpu_serving_untraced' THEN amount END, rate), 0) AS untraced_cost,
        COALESCE(sum_product(CASE WHEN leaf <> 'request' THEN amount END, rate), 0) AS idle_cost,
        sum_product(amount, rate) AS all_cost
    FROM leaves
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    shown AS currency,
    serving_cost,
    allocated_idle_cost,
    unallocated_cost,
    dark_cost,
    untraced_cost,
    idle_cost,
    ratio(idle_cost, all_cost) AS idle_share
FROM grouped
ORDER BY {{by}}, shown
