/*
title = "Cost per query"
description = """
What one request costs, its failed, retried and fallen-back attempts included. A task and all its requests
belong to the window in which its first attempt started. A use case that cost something in a second currency
without a rate has a second row; the requests stand in both."""
formula = "Σ request leaves of the tasks × rate ÷ number of requests (not attempts)"
owner = "engineering"
grain = "one group and currency"
dimensions = ["use_case", "team", "key_alias", "region"]
by = ["use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests, however many attempts they took." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts at a provider." },
    { name = "cost", type = "decimal", role = "money", description = "Request leaves of these attempts, accrued ones included (not under the basis billed)." },
    { name = "accrued_cost", type = "decimal", role = "money", description = "The part of cost that no bill covers yet." },
    { name = "cost_per_query", type = "decimal", role = "money", unit = "per request", description = "cost ÷ requests; NULL without a request." },
]
[chart]
kind = "bar"
y = "cost_per_query"
*/
WITH attempted AS (
    SELECT
        c.source, c.request_id, c.use_case, c.team, c.key_alias, c.region,
        CASE WHEN c.attempt = 1 THEN 1 ELSE 0 END AS request
    FROM calls AS c
    INNER JOIN tasks AS t ON t.task_id = c.task_id
    WHERE t.first_started_at >= $from AND t.first_started_at < $to
),
leaves AS (
    SELECT
        request_source, request_id, amount, evidence,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE leaf = 'request' AND (evidence = 'billed' OR setting('basis') <> 'billed')
),
parts AS (
    SELECT
        use_case, team, key_alias, region, request, 1 AS attempt,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END AS shown,
        CAST(NULL AS DECIMAL(38, 18)) AS amount, CAST(1 AS DECIMAL(38, 18)) AS rate, NULL AS evidence
    FROM attempted
    UNION ALL
    SELECT
        a.use_case, a.team, a.key_alias, a.region, 0 AS request, 0 AS attempt,
        l.shown, l.amount, l.rate, l.evidence
    FROM attempted AS a
    INNER JOIN leaves AS l ON l.request_source = a.source AND l.request_id = a.request_id
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(request) AS requests,
        sum(attempt) AS attempts,
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
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        cost,
        accrued_cost
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    requests,
    attempts,
    cost,
    accrued_cost,
    ratio(cost, requests) AS cost_per_query
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
