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
rows = { each = "query_parts", sums = "query_part_days" }
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
WITH parts AS (
    SELECT
        use_case, team, key_alias, region, request, attempt, uncosted,
        leaf, kind, evidence, modelled, charge_id, request_source, request_id, currency, fx_rate, amount, shown, rate
    FROM {{rows}}
    WHERE (task_started_at >= $from AND task_started_at < $to) OR (placed_at >= $from AND placed_at < $to)
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
