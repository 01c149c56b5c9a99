/*
title = "Accrued model spend"
description = """
List cost of attempts whose charge has not arrived. An accrual disappears when the bill comes, and is no part
of it. Its age says whether the bill is still due or was forgotten: days from the oldest attempt to the clock.
Under the basis billed there are none. Answers of the gateway's cache, self-hosted models and attempts without a
price never accrue."""
formula = "Σ accrued request leaves × rate"
owner = "finance"
grain = "one group and currency; by day, the day of the reporting zone on which the attempts started"
dimensions = ["provider", "model", "use_case", "team", "day"]
by = ["provider", "model", "day"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that no charge covers yet." },
    { name = "amount", type = "decimal", role = "money", description = "Their list cost." },
    { name = "age_days", type = "int", role = "measure", unit = "days", description = "Full days since the oldest of them started." },
]
[chart]
kind = "bar"
x = "day"
y = "amount"
[explain]
from = "leaves"
[explain.columns]
attempts = { count = "*" }
amount = { sum = "amount" }
*/
WITH leaves AS (
    SELECT
        provider, model, use_case, team, local_day(started_at) AS day, started_at, amount,
        leaf, kind, evidence, modelled, request_source, request_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE evidence = 'accrued' AND setting('basis') <> 'billed' AND started_at >= $from AND started_at < $to
)
SELECT
    {{by}},
    shown AS currency,
    count(*) AS attempts,
    sum_product(amount, rate) AS amount,
    (CAST(now_utc() AS BIGINT) - CAST(min(started_at) AS BIGINT)) / 86400000000 AS age_days
FROM leaves
GROUP BY {{by}}, shown
ORDER BY {{by}}, shown
