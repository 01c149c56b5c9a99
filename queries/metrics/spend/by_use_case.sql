/*
title = "Spend by use case"
description = """
What each use case was charged: its requests, its own charges and its share of the shared ones. Money that no
use case carries (idle devices, unmetered and unallocated charges) is the row `(no use case)`, so that the
column adds up to the bill. A leaf stands with its charge, so a charge that reaches over the end of the window
stays whole, as in spend/by_scope; an accrual stands where its attempt started. NULL is unregistered traffic."""
formula = "Σ leaves × rate; amount is what bills say, accrued what no bill covers yet"
owner = "finance"
grain = "one group and currency"
dimensions = ["use_case", "team", "scope", "model", "provider", "service", "leaf", "task_id"]
by = ["use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "amount", type = "decimal", role = "money", description = "Leaves of charges." },
    { name = "accrued", type = "decimal", role = "money", description = "List cost of attempts that no charge covers yet; no part of the bill. None under the basis billed." },
    { name = "modelled", type = "decimal", role = "money", description = "The part of amount in which a share was estimated rather than measured." },
]
rows = { each = "spend_leaves", sums = "spend_leaf_days", each_only = ["task_id"] }
[chart]
kind = "bar"
y = "amount"
[explain]
from = "leaves"
[explain.columns]
amount = { sum = "amount", where = "evidence = 'billed'" }
accrued = { sum = "amount", where = "evidence = 'accrued'" }
modelled = { sum = "amount", where = "evidence = 'billed' AND modelled" }
*/
WITH leaves AS (
    SELECT
        CASE WHEN l.leaf IN ('request', 'direct', 'shared') THEN l.use_case ELSE '(no use case)' END AS use_case,
        l.team, l.scope, l.model, l.provider, l.service, l.leaf, l.sub_account, l.region,
        l.kind, l.evidence, l.modelled, l.charge_id, l.request_source, l.request_id, l.task_id, l.host, l.period_start,
        l.currency, l.fx_rate, l.amount, l.shown, l.rate
    FROM {{rows}} AS l
    WHERE l.placed_at >= $from AND l.placed_at < $to
)
SELECT
    {{by}},
    shown AS currency,
    COALESCE(sum_product(amount, rate) FILTER (WHERE evidence = 'billed'), 0) AS amount,
    COALESCE(sum_product(amount, rate) FILTER (WHERE evidence = 'accrued'), 0) AS accrued,
    COALESCE(sum_product(amount, rate) FILTER (WHERE evidence = 'billed' AND modelled), 0) AS modelled
FROM leaves
GROUP BY {{by}}, shown
ORDER BY {{by}}, shown
