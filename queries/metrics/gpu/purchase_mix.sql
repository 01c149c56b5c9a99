/*
title = "GPU purchase mix"
description = """
How the device time was bought: on demand, reserved, spot, owned; what each way costs an hour, and how much of
its time served. Hours are taken whole, each in the window in which it starts; time that two charges pay for
counts once. Shares are of all rows in the same currency."""
formula = "Σ device-hours and Σ amount × rate by way of purchase, ÷ the same of all"
owner = "platform"
grain = "one group and currency"
dimensions = ["purchase", "gpu_model", "host", "model", "provider", "region", "day"]
by = ["purchase"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "device_hours", type = "float", role = "measure", unit = "device-hours", description = "Device time that the charges pay for." },
    { name = "hours_share", type = "float", role = "ratio", description = "Of the device-hours in this currency." },
    { name = "cost", type = "decimal", role = "money", description = "What they cost." },
    { name = "cost_share", type = "decimal", role = "ratio", description = "Of the money in this currency." },
    { name = "cost_per_gpu_hour", type = "decimal", role = "money", description = "cost ÷ device_hours; NULL without any." },
    { name = "serving_share", type = "float", role = "ratio", description = "Part of the device time that served." },
]
[chart]
kind = "bar"
y = "cost"
[explain]
from = "states"
[explain.columns]
device_hours = { sum = "device_s / 3600" }
cost = { sum = "amount" }
cost_per_gpu_hour = { over = ["cost", "device_hours"] }
*/
WITH states AS (
    SELECT
        host, model, purchase, gpu_model, provider, region_id AS region, state, device_s, amount,
        charge_id, currency, fx_rate,
        local_day(instant(from_us)) AS day,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM gpu_states
    WHERE instant(from_us) >= $from
        AND instant(from_us) < $to
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(device_s) AS device_s,
        sum(CASE WHEN state = 'serving' THEN device_s ELSE measured(0) END) AS serving_s,
        COALESCE(sum_product(amount, rate), 0) AS cost
    FROM states
    GROUP BY {{by}}, shown
),
totals AS (
    SELECT shown AS total_shown, sum(device_s) AS all_s, sum(cost) AS all_cost
    FROM grouped
    GROUP BY shown
)
SELECT
    {{by}},
    shown AS currency,
    device_s / 3600 AS device_hours,
    device_s / NULLIF(all_s, 0) AS hours_share,
    cost,
    ratio(cost, CAST(all_cost AS DECIMAL(38, 18))) AS cost_share,
    ratio(money_mul(cost, CAST(3600 AS DECIMAL(38, 18))), CAST(CAST(round(device_s) AS BIGINT) AS DECIMAL(38, 18))) AS cost_per_gpu_hour,
    serving_s / NULLIF(device_s, 0) AS serving_share
FROM grouped
INNER JOIN totals ON total_shown = shown
ORDER BY {{by}}, shown
