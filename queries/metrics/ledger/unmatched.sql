/*
title = "Unmatched"
description = """
Models without a price, SKUs, token classes and providers that the registry does not know, requests without a
use case, charges without an amount, amounts without a rate, hosts without a node, rows that could not be read:
how many facts of the window, what they cost, and the command or the line of the configuration that mends it.
All of it is in the totals it belongs to, but for what has no amount. A fact can lack several things, so rows
are not to be added up. Rows that could not be read have no time and stand in every window."""
formula = "number of facts; Σ amount × rate where an amount is known"
owner = "finance"
grain = "one thing and currency"
dimensions = ["what", "name"]
by = ["what", "name"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none; NULL without an amount." },
    { name = "count", type = "int", role = "measure", unit = "facts", description = "Charges, attempts, readings or rows." },
    { name = "amount", type = "decimal", role = "money", description = "What they cost under the basis of the run; NULL where nobody knows." },
    { name = "first_seen", type = "instant", role = "time", description = "The first of them in the window." },
    { name = "last_seen", type = "instant", role = "time", description = "The last of them in the window." },
    { name = "fix", type = "text", role = "dimension", description = "What mends it." },
]
[chart]
kind = "bar"
x = "what"
y = "count"
[explain]
from = "facts"
keys = { first_seen = "", last_seen = "", fix = "" }
column = "count"
[explain.columns]
count = { count = "*" }
amount = { sum = "amount" }
*/
WITH facts AS (
    SELECT
        what, name, fix, at, amount, charge_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM unmatched_facts
    WHERE at IS NULL OR (at >= $from AND at < $to)
)
SELECT
    {{by}},
    shown AS currency,
    count(*) AS count,
    sum_product(amount, rate) AS amount,
    min(at) AS first_seen,
    max(at) AS last_seen,
    min(fix) AS fix
FROM facts
GROUP BY {{by}}, shown
ORDER BY amount DESC NULLS LAST, count DESC, {{by}}, shown
