/*
title = "Unmetered model spend"
description = """
Money that model providers billed and no request of any gateway explains: shadow AI, or a log that did not
arrive. The sub account and the region say whom to ask."""
formula = "Σ unmetered leaves × rate"
owner = "finance"
grain = "one group and currency"
dimensions = ["provider", "model", "sub_account", "region", "scope", "service"]
by = ["provider", "model", "sub_account", "region"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills." },
    { name = "amount", type = "decimal", role = "money", description = "Amount under the basis of the run." },
]
[chart]
kind = "bar"
y = "amount"
[explain]
from = "leaves"
[explain.columns]
charges = { count = "charge_id" }
amount = { sum = "amount" }
*/
WITH leaves AS (
    SELECT
        provider, model, sub_account, region, scope, service, charge_id, amount,
        leaf, kind, evidence, modelled, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE leaf = 'unmetered' AND charge_moment(period_start, period_end) >= $from AND charge_moment(period_start, period_end) < $to
)
SELECT
    {{by}},
    shown AS currency,
    count(DISTINCT charge_id) AS charges,
    sum_product(amount, rate) AS amount
FROM leaves
GROUP BY {{by}}, shown
ORDER BY {{by}}, shown
