/*
title = "Spend by model"
description = """
What each model costs: charges of model providers, requests seen or not, and the GPU nodes that serve a model,
idle time included. A leaf stands with its charge, so a charge that reaches over the end of the window stays
whole, as in spend/by_scope; an accrual stands where its attempt started. NULL is money whose charge does not
say the model."""
formula = "Σ leaves × rate; amount is what bills say, accrued what no bill covers yet"
owner = "finance"
grain = "one group and currency"
dimensions = ["model", "provider", "use_case", "team", "scope", "leaf"]
by = ["model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "amount", type = "decimal", role = "money", description = "Leaves of charges." },
    { name = "accrued", type = "decimal", role = "money", description = "List cost of attempts that no charge covers yet; no part of the bill. None under the basis billed." },
    { name = "modelled", type = "decimal", role = "money", description = "The part of amount in which a share was estimated rather than measured." },
]
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
WITH charged AS (
    SELECT charge_id FROM costs WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
),
split AS (
    SELECT
        l.use_case, l.team, l.scope, l.model, l.provider, l.service, l.leaf, l.evidence,
        l.modelled, l.amount, l.currency, l.fx_rate, l.kind, l.charge_id, l.request_source, l.request_id, l.host,
        l.period_start
    FROM ledger AS l
    LEFT SEMI JOIN charged AS c ON c.charge_id = l.charge_id
    WHERE l.evidence = 'billed'
    UNION ALL
    SELECT
        use_case, team, scope, model, provider, service, leaf, evidence, modelled, amount, currency, fx_rate, kind,
        charge_id, request_source, request_id, host, period_start
    FROM ledger
    WHERE evidence = 'accrued' AND setting('basis') <> 'billed' AND started_at >= $from AND started_at < $to
),
leaves AS (
    SELECT
        use_case,
        team, scope, model, provider, service, leaf, evidence, modelled, amount,
        kind, charge_id, request_source, request_id, host, period_start, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM split
    WHERE kind IN ('model_api', 'gpu')
)
SELECT
    {{by}},
    shown AS currency,
    COALESCE(sum_product(CASE WHEN evidence = 'billed' THEN amount END, rate), 0) AS amount,
    COALESCE(sum_product(CASE WHEN evidence = 'accrued' THEN amount END, rate), 0) AS accrued,
    COALESCE(sum_product(CASE WHEN evidence = 'billed' AND modelled THEN amount END, rate), 0) AS modelled
FROM leaves
GROUP BY {{by}}, shown
ORDER BY {{by}}, shown
