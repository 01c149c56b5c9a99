/*
title = "Error rate"
description = """
Attempts that failed, of all that reached a provider, and requests that no attempt answered. An attempt that fails
and is retried is an error of the provider and none of the request. Answers of the gateway's cache are left out:
they would make a failing provider look sound. An attempt belongs to the window in which it started. wasted is what
failed attempts cost, as far as bills and list prices tell: providers bill many failures."""
formula = "failed attempts ÷ attempts; requests whose last attempt failed ÷ requests with such an attempt"
owner = "engineering"
grain = "one group and currency of what failed attempts cost"
dimensions = ["model", "provider", "use_case", "team", "key_alias", "region", "error_class", "day"]
by = ["model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that reached a provider." },
    { name = "failed_attempts", type = "int", role = "measure", unit = "attempts", description = "Those that failed." },
    { name = "error_rate", type = "decimal", role = "ratio", description = "failed_attempts ÷ attempts." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with such an attempt." },
    { name = "failed_requests", type = "int", role = "measure", unit = "requests", description = "Requests whose last attempt failed; by model, those whose last attempt was on it." },
    { name = "request_error_rate", type = "decimal", role = "ratio", description = "failed_requests ÷ requests." },
    { name = "wasted", type = "decimal", role = "money", description = "What the failed attempts cost, accruals included." },
]
[chart]
kind = "bar"
y = "error_rate"
[explain]
from = "attempted"
[explain.columns]
attempts = { count = "*", any_currency = true }
failed_attempts = { count = "*", where = "failed", any_currency = true }
error_rate = { over = ["failed_attempts", "attempts"] }
*/
WITH paid AS (
    SELECT request_source, request_id, shown, sum_product(amount, rate) AS cost
    FROM spend_leaves
    WHERE leaf = 'request'
    GROUP BY request_source, request_id, shown
),
attempted AS (
    SELECT
        c.model, c.provider, c.use_case, c.team, c.key_alias, c.region, c.error_class, local_day(c.started_at) AS day,
        c.source AS request_source, c.request_id, c.task_id,
        fingerprint(c.task_id, c.request) AS request,
        c.status = 'failure' AS failed,
        c.status = 'failure' AND NOT c.superseded AS given_up,
        coalesce(
            p.shown,
            CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        ) AS shown,
        1 AS rate,
        p.cost
    FROM calls AS c
    LEFT JOIN paid AS p ON p.request_source = c.source AND p.request_id = c.request_id
    WHERE NOT c.gateway_cache_hit AND c.started_at >= $from AND c.started_at < $to
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        count(DISTINCT fingerprint(request_source, request_id)) AS attempts,
        count(DISTINCT CASE WHEN failed THEN fingerprint(request_source, request_id) END) AS failed_attempts,
        count(DISTINCT request) AS requests,
        count(DISTINCT CASE WHEN given_up THEN request END) AS failed_requests,
        COALESCE(sum(cost) FILTER (WHERE failed), 0) AS wasted
    FROM attempted
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    attempts,
    failed_attempts,
    ratio(failed_attempts, attempts) AS error_rate,
    requests,
    failed_requests,
    ratio(failed_requests, requests) AS request_error_rate,
    wasted
FROM summed
ORDER BY {{by}}, currency
