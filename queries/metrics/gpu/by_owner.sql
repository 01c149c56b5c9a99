/*
title = "GPU money and time by owner"
description = """
Who held the devices that are paid for: workloads by namespace and name, and what nobody held. A device that
several hold at once is counted once and split between them, evenly or by the fractions they were granted. Rows
without an owner are unallocated and dark time, and what was granted to nobody. All rows together are the whole
charge and all provisioned time. Hours are taken whole, each in the window in which it starts; of two charges
for one hour of a node the time counts once, the money twice."""
formula = "Σ amount × rate and Σ device-seconds, by owner and state"
owner = "platform"
grain = "one group and currency"
dimensions = ["namespace", "owner", "state", "host", "model", "purchase", "gpu_model", "provider", "region", "day"]
by = ["namespace", "owner", "state"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "device_s", type = "float", role = "measure", unit = "device-seconds", description = "Device time held, in this state." },
    { name = "cost", type = "decimal", role = "money", description = "Its part of the charges." },
]
[chart]
kind = "bar"
y = "cost"
[explain]
from = "held"
[explain.columns]
device_s = { sum = "device_s" }
cost = { sum = "amount" }
*/
WITH held AS (
    SELECT
        namespace, owner, state, host, model, purchase, gpu_model, provider, region,
        charge_day(period_start, period_end) AS day, device_s, amount,
        charge_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM gpu_owners
    WHERE period_start >= $from AND period_start < $to
)
SELECT
    {{by}},
    shown AS currency,
    sum(device_s) AS device_s,
    COALESCE(sum_product(amount, rate), 0) AS cost
FROM held
GROUP BY {{by}}, shown
ORDER BY {{by}}, shown
