/*
title = "From the bill to the leaves"
description = """
The bill of the window, and the leaves it was split into: they add up to it exactly, in every currency. A leaf
stands with its charge, so a charge that reaches over the end of the window stays whole. Accruals are no part
of a bill and are not here."""
formula = "Σ charges × rate; Σ leaves of these charges × rate; share = leaf ÷ bill"
owner = "finance"
grain = "one leaf and currency; step 0 is the bill"
key = ["step", "currency"]
columns = [
    { name = "step", type = "int", role = "dimension", description = "Order of the waterfall; 0 is the bill." },
    { name = "leaf", type = "text", role = "dimension", description = "bill, or the name of the leaf." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "amount", type = "decimal", role = "money", description = "Amount under the basis of the run." },
    { name = "share", type = "decimal", role = "ratio", description = "amount ÷ bill of the currency." },
    { name = "entries", type = "int", role = "measure", unit = "rows", description = "Charges of the bill, or rows of the leaf." },
]
[chart]
kind = "waterfall"
x = "leaf"
y = "amount"
series = "currency"
[explain]
from = "entries"
keys = { step = "" }
[explain.columns]
amount = { sum = "amount" }
entries = { count = "*" }
bill = { sum = "amount", from = "charged", rate = "rate" }
*/
WITH charged AS (
    SELECT source, charge_id, amount, kind, currency, fx_rate, CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM costs
    WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to AND amount IS NOT NULL
),
split AS (
    SELECT charge_id, leaf, amount, kind, evidence, modelled, request_source, request_id, currency, fx_rate, CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE evidence = 'billed'
),
entries AS (
    SELECT
        'bill' AS leaf, shown, amount, rate, charge_id, kind, 'billed' AS evidence, false AS modelled,
        CAST(NULL AS VARCHAR) AS request_source, CAST(NULL AS VARCHAR) AS request_id, currency, fx_rate
    FROM charged
    UNION ALL
    SELECT
        s.leaf, s.shown, s.amount, s.rate, s.charge_id, s.kind, s.evidence, s.modelled, s.request_source, s.request_id,
        s.currency, s.fx_rate
    FROM split AS s
    LEFT SEMI JOIN charged AS c ON c.charge_id = s.charge_id
),
summed AS (
    SELECT leaf, shown, sum_product(amount, rate) AS amount, count(*) AS entries
    FROM entries
    GROUP BY leaf, shown
)
SELECT
    CASE leaf
        WHEN 'bill' THEN 0
        WHEN 'request' THEN 1
        WHEN 'direct' THEN 2
        WHEN 'shared' THEN 3
        WHEN 'unmetered' THEN 4
        WHEN 'gpu_serving_untraced' THEN 5
        WHEN 'gpu_allocated_idle' THEN 6
        WHEN 'gpu_unallocated' THEN 7
        WHEN 'gpu_dark' THEN 8
        WHEN 'commitment_unused' THEN 9
        WHEN 'unallocated' THEN 10
    END AS step,
    leaf,
    shown AS currency,
    amount,
    ratio(amount, max(CASE WHEN leaf = 'bill' THEN amount END) OVER (PARTITION BY shown)) AS share,
    entries
FROM summed
ORDER BY shown, step
