/*
title = "Break-even utilisation of committed GPUs"
description = """
A committed device (reserved, owned, spot) is paid for whether it works or not; one on demand only while it
works. Committing pays when the device serves more of the time than the committed hour costs of an hour on
demand: u* = p_committed ÷ p_on_demand. Both prices are this company's own, from the bill, per GPU-hour of the same
device; where either is missing u* is NULL. Hours of a commitment that no device used are in no node's time: the part
of them is in spend/commitments."""
formula = "(committed cost ÷ committed device-hours) ÷ (on-demand cost ÷ on-demand device-hours)"
owner = "platform"
grain = "one group, way of purchase and currency"
dimensions = ["gpu_model", "provider", "region"]
by = ["gpu_model"]
key = ["purchase", "currency"]
columns = [
    { name = "purchase", type = "text", role = "dimension", description = "How the devices are committed: reserved, owned or spot." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "device_hours", type = "float", role = "measure", unit = "device-hours", description = "Committed device time." },
    { name = "committed_per_gpu_hour", type = "decimal", role = "money", description = "What an hour of it costs." },
    { name = "on_demand_per_gpu_hour", type = "decimal", role = "money", description = "What an hour on demand costs; NULL when none was bought." },
    { name = "break_even_utilization", type = "decimal", role = "ratio", description = "u*: the committed price over the one on demand." },
    { name = "serving_share", type = "decimal", role = "ratio", description = "Part of the device time that served: an owner, and work. gpu/utilization is lower, since it asks how hard." },
    { name = "pays", type = "bool", role = "dimension", description = "serving_share is at or above u*; NULL when u* is." },
]
[chart]
kind = "bar"
y = "break_even_utilization"
[explain]
from = "states"
keys = { pays = "" }
column = "committed_per_gpu_hour"
[explain.columns]
device_hours = { sum = "device_s / 3600" }
serving_hours = { sum = "device_s / 3600", where = "state = 'serving'" }
cost = { sum = "amount" }
committed_per_gpu_hour = { over = ["cost", "device_hours"] }
serving_share = { over = ["serving_hours", "device_hours"] }
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
        purchase,
        shown,
        sum(device_s) AS device_s,
        CAST(CAST(round(sum(device_s)) AS BIGINT) AS DECIMAL(38, 18)) AS seconds,
        CAST(CAST(round(sum(CASE WHEN state = 'serving' THEN device_s ELSE measured(0) END)) AS BIGINT) AS DECIMAL(38, 18)) AS serving,
        money_mul(COALESCE(sum_product(amount, rate), 0), CAST(3600 AS DECIMAL(38, 18))) AS cost_3600
    FROM states
    GROUP BY {{by}}, purchase, shown
),
priced AS (
    SELECT
        {{by}},
        purchase,
        shown,
        device_s,
        ratio(cost_3600, seconds) AS price,
        ratio(serving, seconds) AS serving_share,
        -- The hour on demand of the same group, set beside every way of purchase.
        max(CASE WHEN purchase = 'on_demand' THEN ratio(cost_3600, seconds) END)
            OVER (PARTITION BY {{by}}, shown) AS on_demand
    FROM grouped
)
SELECT
    {{by}},
    purchase,
    shown AS currency,
    device_s / 3600 AS device_hours,
    price AS committed_per_gpu_hour,
    on_demand AS on_demand_per_gpu_hour,
    ratio(price, on_demand) AS break_even_utilization,
    serving_share,
    serving_share >= ratio(price, on_demand) AS pays
FROM priced
WHERE purchase <> 'on_demand'
ORDER BY {{by}}, purchase, shown
