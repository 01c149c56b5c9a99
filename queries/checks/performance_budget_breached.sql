/*
title = "Performance budgets that do not hold"
description = """
Months of the reporting time zone in which a use case's 95th percentile of latency, or its cost per request in
the reporting currency, was above its budget. Requests belong to the month in which they were asked; cost is
that of their attempts."""
tier = "strict"
severity = "warning"
advice = "`spendscope metric run governance/performance_budgets` has the figures; `unit/waste` says what retries cost."
needs_rows = "requests"
*/
WITH called AS (
    SELECT
        c.source, c.request_id, c.use_case, c.attempt, c.latency_ms, c.gateway_cache_hit,
        u.p95_latency_ms, u.max_cost_per_request,
        local_month(c.started_at) AS month,
        local_month(c.asked_at) AS asked_month
    FROM calls AS c
    INNER JOIN use_cases AS u ON u.use_case = c.use_case
    WHERE u.p95_latency_ms IS NOT NULL OR u.max_cost_per_request IS NOT NULL
),
latencies AS (
    SELECT use_case, month, p95_latency_ms AS budget, nearest_rank(latency_ms, 95) AS p95
    FROM called
    WHERE NOT gateway_cache_hit AND p95_latency_ms IS NOT NULL
    GROUP BY use_case, month, p95_latency_ms
),
asked AS (
    SELECT use_case, asked_month AS month, max_cost_per_request AS budget, sum(CASE WHEN attempt = 1 THEN 1 ELSE 0 END) AS requests
    FROM called
    GROUP BY use_case, asked_month, max_cost_per_request
),
costed AS (
    SELECT c.use_case, c.asked_month AS month, sum_product(l.amount, l.reporting_rate) AS cost
    FROM called AS c
    INNER JOIN request_leaves AS l ON l.request_source = c.source AND l.request_id = c.request_id
    WHERE l.evidence = 'billed' OR setting('basis') <> 'billed'
    GROUP BY c.use_case, c.asked_month
),
breaches AS (
    SELECT
        use_case, month, 'latency_ms_p95' AS budget_for, CAST(p95 AS VARCHAR) AS found, CAST(budget AS VARCHAR) AS budget
    FROM latencies
    WHERE p95 > budget
    UNION ALL
    SELECT
        a.use_case, a.month, 'cost_per_request', CAST(ratio(c.cost, a.requests) AS VARCHAR), CAST(a.budget AS VARCHAR)
    FROM asked AS a
    INNER JOIN costed AS c ON c.use_case = a.use_case AND c.month = a.month
    WHERE ratio(c.cost, a.requests) > a.budget
)
SELECT use_case, month, budget_for, found, budget
FROM breaches
ORDER BY use_case, month, budget_for
