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
rows = { each = "attempt_leaves", sums = "attempt_costs", whole_days = false }
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
    SELECT attempt, charge_id, currency, amount, fx_rate, evidence = 'billed' AS billed, first
    FROM {{rows}}
    WHERE kind = 'model_api' AND started_at >= $from AND started_at < $to
),
called AS (
    SELECT
        model, provider, use_case, team, key_alias, region, local_day(started_at) AS day,
        source AS request_source, request_id, task_id, CAST(started_at AS DATE) AS utc_day,
        gateway_cost, coalesce(gateway_currency, list_currency) AS gateway_currency,
        list_cost, list_currency, price_status, fingerprint(source, request_id) AS attempt
    FROM calls
    WHERE started_at >= $from AND started_at < $to
),
-- What is said of an attempt: a claim, a list cost, that there is one, and each time what was billed for it.
each AS (
    SELECT
        c.model, c.provider, c.use_case, c.team, c.key_alias, c.region, c.day, c.request_source, c.request_id, c.task_id, c.utc_day,
        CASE WHEN w.what <> 'covered' OR p.billed THEN w.what ELSE 'unbilled' END AS what,
        CASE w.what
            WHEN 'gateway' THEN c.gateway_currency
            WHEN 'list' THEN c.list_currency
            WHEN 'billed' THEN p.currency
            ELSE coalesce(c.list_currency, c.gateway_currency, setting('reporting_currency'))
        END AS currency,
        CASE w.what WHEN 'gateway' THEN c.gateway_cost WHEN 'list' THEN c.list_cost WHEN 'billed' THEN p.amount ELSE 1 END AS amount,
        CASE WHEN w.what = 'billed' THEN p.fx_rate END AS billed_rate,
        CASE WHEN w.what = 'billed' THEN p.charge_id END AS charge_id
    FROM paid AS p
    INNER JOIN called AS c ON p.attempt = c.attempt
    CROSS JOIN (VALUES ('gateway'), ('list'), ('covered'), ('billed')) AS w (what)
    WHERE (w.what = 'covered' AND p.first)
        OR (w.what = 'gateway' AND p.first AND p.billed AND c.gateway_cost IS NOT NULL)
        OR (w.what = 'list' AND p.first AND p.billed AND c.price_status = 'priced')
        OR (w.what = 'billed' AND p.billed)
),
converted AS (
    SELECT
        model, provider, use_case, team, key_alias, region, day, request_source, request_id, task_id, what, currency, amount, charge_id,
        CASE WHEN what = 'billed' THEN billed_rate ELSE fx_rate(currency, setting('currency'), utc_day) END AS fx_rate
    FROM each
),
prices_of AS (
    SELECT
        model, provider, use_case, team, key_alias, region, day, request_source, request_id, task_id, what, currency,
        amount, fx_rate, charge_id,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM converted
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
