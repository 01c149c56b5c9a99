/*
title = "What the gateway claims, the price book says and the bill asks"
description = """
Three prices of the same attempts: those that a charge covers. The gateway's own claim is kept to be compared and is
never a billed amount. Where it differs from the list cost, the gateway prices with another list; where the list
cost differs from the bill, ledger/variance says why. Attempts that no charge covers are counted in unbilled and are
in none of the amounts, so that a late bill is no variance; attempts without a claim, or without a price, are
counted too."""
formula = "Σ gateway_cost, Σ list_cost and Σ billed leaves of covered attempts; factors are billed ÷ each"
owner = "engineering"
grain = "one group and currency"
dimensions = ["model", "provider", "use_case", "team", "key_alias", "region", "day"]
by = ["provider", "model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that a charge covers." },
    { name = "unbilled", type = "int", role = "measure", unit = "attempts", description = "Attempts that none covers yet." },
    { name = "gateway_cost", type = "decimal", role = "money", description = "What the gateway claimed; NULL where it claimed nothing." },
    { name = "list_cost", type = "decimal", role = "money", description = "By the price book; NULL where no attempt has a price." },
    { name = "billed", type = "decimal", role = "money", description = "By the bills, under the basis of the run." },
    { name = "gateway_less_list", type = "decimal", role = "money", description = "gateway_cost − list_cost." },
    { name = "gateway_less_billed", type = "decimal", role = "money", description = "gateway_cost − billed." },
    { name = "gateway_factor", type = "decimal", role = "measure", unit = "×", description = "billed ÷ gateway_cost." },
    { name = "list_factor", type = "decimal", role = "measure", unit = "×", description = "billed ÷ list_cost." },
    { name = "without_claim", type = "int", role = "measure", unit = "attempts", description = "Covered attempts without a gateway cost." },
    { name = "without_price", type = "int", role = "measure", unit = "attempts", description = "Covered attempts without a list price." },
]
[chart]
kind = "bar"
y = "gateway_less_billed"
[explain]
from = "prices_of"
[explain.columns]
gateway_cost = { sum = "amount", where = "what = 'gateway'" }
list_cost = { sum = "amount", where = "what = 'list'" }
billed = { sum = "amount", where = "what = 'billed'" }
*/
WITH paid AS (
    SELECT request_source, request_id, charge_id, currency, amount, fx_rate, evidence
    FROM leaf_model_api
    WHERE leaf = 'request'
),
covered AS (
    SELECT request_source, request_id, max(CASE WHEN evidence = 'billed' THEN 1 ELSE 0 END) = 1 AS billed
    FROM paid
    GROUP BY request_source, request_id
),
attempted AS (
    SELECT
        c.model, c.provider, c.use_case, c.team, c.key_alias, c.region, local_day(c.started_at) AS day,
        c.source AS request_source, c.request_id, c.task_id, CAST(c.started_at AS DATE) AS utc_day,
        c.gateway_cost, coalesce(c.gateway_currency, c.list_currency) AS gateway_currency,
        c.list_cost, c.list_currency, c.price_status, v.billed
    FROM calls AS c
    INNER JOIN covered AS v ON v.request_source = c.source AND v.request_id = c.request_id
    WHERE c.started_at >= $from AND c.started_at < $to
),
each AS (
    SELECT
        model, provider, use_case, team, key_alias, region, day, request_source, request_id, task_id,
        'gateway' AS what, gateway_currency AS currency, gateway_cost AS amount,
        fx_rate(gateway_currency, setting('currency'), utc_day) AS fx_rate, CAST(NULL AS VARCHAR) AS charge_id
    FROM attempted
    WHERE billed AND gateway_cost IS NOT NULL
    UNION ALL
    SELECT
        model, provider, use_case, team, key_alias, region, day, request_source, request_id, task_id,
        'list' AS what, list_currency AS currency, list_cost AS amount,
        fx_rate(list_currency, setting('currency'), utc_day) AS fx_rate, CAST(NULL AS VARCHAR) AS charge_id
    FROM attempted
    WHERE billed AND price_status = 'priced'
    UNION ALL
    SELECT
        a.model, a.provider, a.use_case, a.team, a.key_alias, a.region, a.day, a.request_source, a.request_id,
        a.task_id, 'billed' AS what, p.currency, p.amount, p.fx_rate, p.charge_id
    FROM attempted AS a
    INNER JOIN paid AS p ON p.request_source = a.request_source AND p.request_id = a.request_id
    WHERE p.evidence = 'billed'
    UNION ALL
    SELECT
        model, provider, use_case, team, key_alias, region, day, request_source, request_id, task_id,
        CASE WHEN billed THEN 'covered' ELSE 'unbilled' END AS what,
        coalesce(list_currency, gateway_currency, setting('reporting_currency')) AS currency, 1 AS amount,
        fx_rate(coalesce(list_currency, gateway_currency, setting('reporting_currency')), setting('currency'), utc_day)
            AS fx_rate,
        CAST(NULL AS VARCHAR) AS charge_id
    FROM attempted
),
prices_of AS (
    SELECT
        model, provider, use_case, team, key_alias, region, day, request_source, request_id, task_id, what, currency,
        amount, fx_rate, charge_id,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM each
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        count(*) FILTER (WHERE what = 'covered') AS attempts,
        count(*) FILTER (WHERE what = 'unbilled') AS unbilled,
        sum_product(amount, rate) FILTER (WHERE what = 'gateway') AS gateway_cost,
        sum_product(amount, rate) FILTER (WHERE what = 'list') AS list_cost,
        COALESCE(sum_product(amount, rate) FILTER (WHERE what = 'billed'), 0) AS billed,
        count(*) FILTER (WHERE what = 'gateway') AS claims,
        count(*) FILTER (WHERE what = 'list') AS priced
    FROM prices_of
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    attempts,
    unbilled,
    gateway_cost,
    list_cost,
    billed,
    gateway_cost - list_cost AS gateway_less_list,
    gateway_cost - billed AS gateway_less_billed,
    ratio(billed, gateway_cost) AS gateway_factor,
    ratio(billed, list_cost) AS list_factor,
    attempts - claims AS without_claim,
    attempts - priced AS without_price
FROM summed
ORDER BY {{by}}, currency
