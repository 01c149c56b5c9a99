/*
title = "Accrued model spend"
description = """
List cost of attempts whose charge has not arrived. An accrual disappears when the bill comes, and is no part
of it. Under the basis billed there are none."""
formula = "Σ accrued request leaves × rate"
owner = "finance"
grain = "one group, day and currency"
dimensions = ["provider", "model", "use_case", "team"]
by = ["provider", "model"]
key = ["day", "currency"]
columns = [
    { name = "day", type = "date", role = "time", description = "Day of the reporting zone on which the attempts started." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that no charge covers yet." },
    { name = "amount", type = "decimal", role = "money", description = "Their list cost." },
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
        provider, model, use_case, team, local_day(started_at) AS day, amount,
        leaf, kind, evidence, modelled, request_source, request_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE evidence = 'accrued' AND setting('basis') <> 'billed' AND started_at >= $from AND started_at < $to
)
SELECT
    {{by}},
    day,
    shown AS currency,
    count(*) AS attempts,
    sum_product(amount, rate) AS amount
FROM leaves
GROUP BY {{by}}, day, shown
ORDER BY {{by}}, day, shown
