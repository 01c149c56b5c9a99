/*
title = "Cost per GPU-hour"
description = """
What an hour of a device costs: over all hours that are paid for, and over those in which it served (an
owner, and activity of 5 % or more). The second is the first divided by how much of the time is used: a cheap
hour that nobody uses is dear. Hours are taken whole, each in the window in which it starts; time that two charges
pay for counts once. Hours of a commitment that no device used are in no node's time and not in this cost: they are
in spend/commitments."""
formula = "Σ amount × rate ÷ Σ device-hours; useful: ÷ Σ serving device-hours"
owner = "platform"
grain = "one group and currency"
dimensions = ["gpu_model", "purchase", "host", "model", "provider", "region", "day"]
by = ["gpu_model", "purchase"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "device_hours", type = "float", role = "measure", unit = "device-hours", description = "Device time that the charges pay for." },
    { name = "useful_hours", type = "float", role = "measure", unit = "device-hours", description = "Device time that served." },
    { name = "cost", type = "decimal", role = "money", description = "All of the charges, idle time and all." },
    { name = "cost_per_gpu_hour", type = "decimal", role = "money", description = "cost ÷ device_hours; NULL without any." },
    { name = "cost_per_useful_gpu_hour", type = "decimal", role = "money", description = "cost ÷ useful_hours; NULL without any." },
]
[chart]
kind = "bar"
y = "cost_per_useful_gpu_hour"
[explain]
from = "states"
[explain.columns]
device_hours = { sum = "device_s / 3600" }
useful_hours = { sum = "device_s / 3600", where = "state = 'serving'" }
cost = { sum = "amount" }
cost_per_gpu_hour = { over = ["cost", "device_hours"] }
cost_per_useful_gpu_hour = { over = ["cost", "useful_hours"] }
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
        sum(CASE WHEN state = 'serving' THEN device_s ELSE measured(0) END) AS useful_s,
        COALESCE(sum_product(amount, rate), 0) AS cost
    FROM states
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    shown AS currency,
    device_s / 3600 AS device_hours,
    useful_s / 3600 AS useful_hours,
    cost,
    ratio(money_mul(cost, CAST(3600 AS DECIMAL(38, 18))), CAST(CAST(round(device_s) AS BIGINT) AS DECIMAL(38, 18))) AS cost_per_gpu_hour,
    ratio(money_mul(cost, CAST(3600 AS DECIMAL(38, 18))), CAST(CAST(round(useful_s) AS BIGINT) AS DECIMAL(38, 18))) AS cost_per_useful_gpu_hour
FROM grouped
ORDER BY {{by}}, shown
