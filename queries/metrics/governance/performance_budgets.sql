/*
title = "Performance budgets"
description = """
Each use case of the registry with a budget, held against it: the 95th percentile of its attempts' latency, as
in gateway/latency, and its cost per request, as in unit/cost_per_query, in the currency that the budget is
written in. Nothing measured is no pass: the flag is NULL. Latency counts attempts that reached a provider and
started in the window; requests and cost those of tasks that began in it, and own charges that start in it.
Where a cost has no rate, or an attempt neither price nor bill, cost is only the known part, and a budget that
holds with it is not known to hold: NULL."""
formula = "latency_ms at rank ⌈0.95 × measured⌉ > budget; Σ request and direct leaves ÷ requests > budget"
owner = "engineering"
grain = "one use case with a budget"
key = ["use_case", "currency"]
columns = [
    { name = "use_case", type = "text", role = "dimension", description = "The use case." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency of the configuration." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that reached a provider." },
    { name = "measured", type = "int", role = "measure", unit = "attempts", description = "Those with a latency." },
    { name = "latency_ms_p95", type = "float", role = "measure", unit = "ms", description = "19 of 20 are no slower." },
    { name = "latency_ms_budget", type = "float", role = "measure", unit = "ms", description = "p95_latency_ms of the registry." },
    { name = "latency_breached", type = "bool", role = "dimension", description = "The percentile is above its budget." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests, however many attempts they took." },
    { name = "cost", type = "decimal", role = "money", description = "Request and direct leaves, accrued ones included (not under the basis billed)." },
    { name = "cost_per_request", type = "decimal", role = "money", unit = "per request", description = "cost ÷ requests." },
    { name = "max_cost_per_request", type = "decimal", role = "money", unit = "per request", description = "max_cost_per_request of the registry." },
    { name = "cost_breached", type = "bool", role = "dimension", description = "cost_per_request is above its budget." },
    { name = "unknown_costs", type = "int", role = "measure", unit = "attempts", description = "Attempts that no price and no bill speaks of, and leaves without a rate." },
]
[chart]
kind = "bar"
x = "use_case"
y = "latency_ms_p95"
[explain]
from = "costed"
keys = { currency = "" }
rate = "reporting_rate"
[explain.columns]
cost = { sum = "amount" }
unconverted = { count = "*", where = "amount IS NOT NULL AND reporting_rate IS NULL" }
uncosted = { count = "*", where = "uncosted" }
unknown_costs = { plus = ["unconverted", "uncosted"] }
*/
WITH latencies AS (
    SELECT use_case, count(*) AS attempts, count(latency_ms) AS measured, nearest_rank(latency_ms, 95) AS p95
    FROM calls
    WHERE started_at >= $from AND started_at < $to AND NOT gateway_cache_hit
    GROUP BY use_case
),
begun AS (
    SELECT
        source, request_id, use_case, attempt,
        price_status = 'unpriced'
        OR (price_status = 'self_hosted' AND uncached_input + cache_write + output > 0) AS priceless,
        min(started_at) OVER (PARTITION BY task_id) AS task_started_at
    FROM calls
),
placed AS (
    SELECT source, request_id, use_case, attempt, priceless
    FROM begun
    WHERE task_started_at >= $from AND task_started_at < $to
),
costed AS (
    SELECT
        p.use_case, l.amount, l.reporting_rate, p.source AS request_source, p.request_id, l.leaf, l.kind, l.evidence,
        l.modelled, l.charge_id, l.currency,
        p.priceless AND l.amount IS NULL AS uncosted
    FROM placed AS p
    LEFT JOIN request_leaves AS l
        ON l.request_source = p.source AND l.request_id = p.request_id
        AND (l.evidence = 'billed' OR setting('basis') <> 'billed')
    UNION ALL
    SELECT
        use_case, amount, reporting_rate, NULL, NULL, leaf, kind, evidence, modelled, charge_id, currency, false
    FROM leaf_plain
    WHERE leaf = 'direct' AND charge_moment(period_start, period_end) >= $from AND charge_moment(period_start, period_end) < $to
),
sums AS (
    SELECT
        use_case,
        COALESCE(sum_product(amount, reporting_rate), 0) AS cost,
        count(*) FILTER (WHERE uncosted) + count(*) FILTER (WHERE amount IS NOT NULL AND reporting_rate IS NULL)
            AS unknown_costs
    FROM costed
    GROUP BY use_case
),
asked AS (
    SELECT use_case, sum(CASE WHEN attempt = 1 THEN 1 ELSE 0 END) AS requests
    FROM placed
    GROUP BY use_case
),
figures AS (
    SELECT
        u.use_case,
        u.p95_latency_ms,
        u.max_cost_per_request,
        COALESCE(l.attempts, 0) AS attempts,
        COALESCE(l.measured, 0) AS measured,
        l.p95,
        COALESCE(a.requests, 0) AS requests,
        s.cost,
        COALESCE(s.unknown_costs, 0) AS unknown_costs,
        ratio(s.cost, a.requests) AS cost_per_request
    FROM use_cases AS u
    LEFT JOIN latencies AS l ON l.use_case = u.use_case
    LEFT JOIN asked AS a ON a.use_case = u.use_case
    LEFT JOIN sums AS s ON s.use_case = u.use_case
    WHERE u.p95_latency_ms IS NOT NULL OR u.max_cost_per_request IS NOT NULL
)
SELECT
    use_case,
    setting('reporting_currency') AS currency,
    attempts,
    measured,
    p95 AS latency_ms_p95,
    p95_latency_ms AS latency_ms_budget,
    p95 > p95_latency_ms AS latency_breached,
    requests,
    cost,
    cost_per_request,
    max_cost_per_request,
    CASE
        WHEN cost_per_request > max_cost_per_request THEN true
        WHEN unknown_costs = 0 THEN cost_per_request > max_cost_per_request
    END AS cost_breached,
    unknown_costs
FROM figures
ORDER BY use_case
