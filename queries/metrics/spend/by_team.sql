/*
title = "Spend by team"
description = """
What each team's requests cost. A leaf stands with its
charge, so a charge that reaches over the end of the window stays whole, as in spend/by_scope; an accrual stands
where its attempt started. NULL is requests whose
log names no team; '(no team)' is money that no request carries: shared and direct charges, idle GPUs, what passed
the gateway by, what is unallocated. With the leaf among the group columns it says which."""
formula = "Σ leaves × rate; amount is what bills say, accrued what no bill covers yet"
owner = "finance"
grain = "one group and currency"
dimensions = ["team", "use_case", "scope", "model", "provider", "service", "leaf"]
by = ["team"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "amount", type = "decimal", role = "money", description = "Leaves of charges." },
    { name = "accrued", type = "decimal", role = "money", description = "List cost of attempts that no charge covers yet; no part of the bill. None under the basis billed." },
    { name = "modelled", type = "decimal", role = "money", description = "The part of amount in which a share was estimated rather than measured." },
]
rows = { each = "spend_leaves", sums = "spend_leaf_days" }
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
        CASE WHEN l.leaf = 'request' THEN l.team ELSE '(no team)' END AS team,
        l.use_case, l.scope, l.model, l.provider, l.service, l.leaf, l.sub_account, l.region,
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
