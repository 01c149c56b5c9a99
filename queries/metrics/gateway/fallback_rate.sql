/*
title = "Fallback rate"
description = """
How often one model was not enough. A request that tried more than one model fell back; one that tried the
same model again was retried. By model, requests are those with an attempt on it, and the rate says how many
of them tried another one too. A request belongs to the window in which it was asked."""
formula = "requests with more than one model tried ÷ requests"
owner = "engineering"
grain = "one group"
dimensions = ["model", "provider", "use_case", "team", "key_alias", "region", "day"]
by = ["model"]
columns = [
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with such an attempt." },
    { name = "retried_requests", type = "int", role = "measure", unit = "requests", description = "Requests that took more than one attempt." },
    { name = "fallback_requests", type = "int", role = "measure", unit = "requests", description = "Requests that tried more than one model." },
    { name = "failed_requests", type = "int", role = "measure", unit = "requests", description = "Requests whose last attempt failed; by model, those with any attempt on it." },
    { name = "fallback_rate", type = "decimal", role = "ratio", description = "fallback_requests ÷ requests." },
    { name = "failure_rate", type = "decimal", role = "ratio", description = "failed_requests ÷ requests." },
]
rows = { each = "counted_calls", sums = "call_days" }
[chart]
kind = "bar"
y = "fallback_rate"
[explain]
from = "told"
[explain.columns]
requests = { count = "request" }
retried_requests = { count = "CASE WHEN attempts > 1 THEN request END" }
fallback_requests = { count = "CASE WHEN fell_back THEN request END" }
failed_requests = { count = "CASE WHEN failed THEN request END" }
fallback_rate = { over = ["fallback_requests", "requests"] }
failure_rate = { over = ["failed_requests", "requests"] }
*/
WITH told AS (
    SELECT
        request_source, request_id, request, attempts, lone, model, provider, use_case, team, key_alias, region, day,
        fell_back, failed
    FROM {{rows}}
    WHERE asked_at >= $from AND asked_at < $to
),
-- A lone attempt is a request of its own: only of the others several may be one.
grouped AS (
    SELECT
        {{by}},
        sum(lone) + count(DISTINCT CASE WHEN attempts > 1 THEN request END) AS requests,
        count(DISTINCT CASE WHEN attempts > 1 THEN request END) AS retried_requests,
        count(DISTINCT CASE WHEN fell_back THEN request END) AS fallback_requests,
        COALESCE(sum(lone) FILTER (WHERE failed), 0)
        + count(DISTINCT CASE WHEN attempts > 1 AND failed THEN request END) AS failed_requests
    FROM told
    GROUP BY {{by}}, true
)
SELECT
    {{by}},
    requests,
    retried_requests,
    fallback_requests,
    failed_requests,
    ratio(fallback_requests, requests) AS fallback_rate,
    ratio(failed_requests, requests) AS failure_rate
FROM grouped
ORDER BY {{by}}, requests DESC
