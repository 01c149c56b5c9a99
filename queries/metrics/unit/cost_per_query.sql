/*
title = "Cost per query"
description = """
What one request costs, its failed, retried and fallen-back attempts included. A task and all its requests
belong to the window in which its first attempt started; charges tagged with the use case count where they
start. A use case that cost something in a second currency
without a rate has a second row; the requests stand in both. Where every attempt's cost is unknown, so is the
sum: NULL, not 0."""
formula = "Σ request and direct leaves × rate ÷ number of requests (not attempts)"
owner = "engineering"
grain = "one group and currency"
dimensions = ["use_case", "team", "key_alias", "region"]
by = ["use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests, however many attempts they took." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts at a provider." },
    { name = "cost", type = "decimal", role = "money", description = "Request leaves of these attempts and direct leaves, accrued ones included (not under the basis billed)." },
    { name = "accrued_cost", type = "decimal", role = "money", description = "The part of cost that no bill covers yet." },
    { name = "cost_per_query", type = "decimal", role = "money", unit = "per request", description = "cost ÷ requests; NULL without a request." },
    { name = "uncosted_attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that no price and no bill speaks of; they are in no amount." },
]
[chart]
kind = "bar"
y = "cost_per_query"
[explain]
from = "parts"
[explain.columns]
requests = { sum = "request", where = "request = 1", any_currency = true }
attempts = { sum = "attempt", where = "attempt = 1", any_currency = true }
cost = { sum = "amount" }
accrued_cost = { sum = "amount", where = "evidence = 'accrued'" }
cost_per_query = { over = ["cost", "requests"] }
uncosted_attempts = { sum = "uncosted", any_currency = true }
*/
WITH placed AS (
    SELECT
        source, request_id, use_case, team, key_alias, region,
        price_status = 'unpriced'
        OR (price_status = 'self_hosted' AND uncached_input + cache_write + output > 0) AS priceless,
        CASE WHEN attempt = 1 THEN 1 ELSE 0 END AS request,
        true AS called,
        min(started_at) OVER (PARTITION BY task_id) AS task_started_at
    FROM calls
),
leaves AS (
    SELECT
        request_source, request_id, use_case, team, amount, evidence, leaf, kind, modelled, charge_id, currency,
        fx_rate,
        leaf = 'direct' AND charge_moment(period_start, period_end) >= $from AND charge_moment(period_start, period_end) < $to AS direct,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE leaf IN ('request', 'direct') AND (evidence = 'billed' OR setting('basis') <> 'billed')
),
joined AS (
    SELECT
        CASE WHEN p.called THEN p.use_case ELSE l.use_case END AS use_case,
        CASE WHEN p.called THEN p.team ELSE l.team END AS team,
        coalesce(p.source, l.request_source) AS request_source, coalesce(p.request_id, l.request_id) AS request_id,
        l.leaf, l.kind, l.modelled, l.charge_id, l.currency, l.fx_rate,
        p.key_alias, p.region, p.request, p.called, p.priceless, l.amount, l.evidence, l.shown, l.rate,
        row_number() OVER (PARTITION BY p.source, p.request_id) AS place
    FROM placed AS p
    FULL JOIN leaves AS l ON l.request_source = p.source AND l.request_id = p.request_id
    WHERE (p.task_started_at >= $from AND p.task_started_at < $to) OR l.direct
),
-- Every attempt once without money, in the reporting currency: there it is counted, whatever it cost and
-- in whichever currency.
parts AS (
    SELECT
        j.use_case, j.team, j.key_alias, j.region, j.evidence,
        j.request_source, j.request_id, j.leaf, j.kind, j.modelled, j.charge_id, j.currency, j.fx_rate,
        CASE WHEN k.anchor THEN j.request ELSE 0 END AS request,
        CASE WHEN k.anchor THEN 1 ELSE 0 END AS attempt,
        CASE WHEN k.anchor AND j.priceless AND j.amount IS NULL THEN 1 ELSE 0 END AS uncosted,
        CASE
            WHEN NOT k.anchor THEN j.shown
            WHEN setting('currency') <> 'native' THEN setting('currency')
        END AS shown,
        CASE WHEN NOT k.anchor THEN j.amount END AS amount,
        j.rate
    FROM joined AS j
    CROSS JOIN (VALUES (false), (true)) AS k (anchor)
    WHERE (k.anchor AND j.called AND j.place = 1) OR (NOT k.anchor AND j.amount IS NOT NULL)
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(request) AS requests,
        sum(attempt) AS attempts,
        sum(uncosted) AS uncosted,
        count(amount) AS known,
        COALESCE(sum_product(amount, rate), 0) AS cost,
        COALESCE(sum_product(CASE WHEN evidence = 'accrued' THEN amount END, rate), 0) AS accrued_cost
    FROM parts
    GROUP BY {{by}}, shown
),
spread AS (
    SELECT
        {{by}},
        shown,
        sum(requests) OVER (PARTITION BY {{by}}, 1) AS requests,
        sum(attempts) OVER (PARTITION BY {{by}}, 1) AS attempts,
        sum(uncosted) OVER (PARTITION BY {{by}}, 1) AS uncosted,
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        known,
        cost,
        accrued_cost
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    requests,
    attempts,
    CASE WHEN known > 0 OR uncosted = 0 THEN cost END AS cost,
    CASE WHEN known > 0 OR uncosted = 0 THEN accrued_cost END AS accrued_cost,
    ratio(CASE WHEN known > 0 OR uncosted = 0 THEN cost END, requests) AS cost_per_query,
    uncosted AS uncosted_attempts
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
