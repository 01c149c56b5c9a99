-- Cache rates and fallback rate per model from facts. Models are bits, and what a request tried is one number: then only
-- its name is grouped by, as a number that is there before anything is joined. A 64th model would be an error (the cast), not a wrong answer.
WITH bits AS (
    SELECT model, CAST(power(2, row_number() OVER (ORDER BY model) - 1) AS BIGINT) AS bit
    FROM (SELECT DISTINCT model FROM requests)
),
tried AS (
    SELECT bit_or(b.bit) AS models
    FROM (SELECT fingerprint(task_id, call_id) AS request, model FROM requests) AS r
    INNER JOIN bits AS b ON b.model IS NOT DISTINCT FROM r.model
    GROUP BY r.request
),
alike AS (SELECT models, count(*) AS requests FROM tried GROUP BY models),
asked AS (
    SELECT
        b.model,
        sum(a.requests) AS requests,
        coalesce(sum(a.requests) FILTER (WHERE a.models <> b.bit), 0) AS fallback_requests
    FROM alike AS a
    INNER JOIN bits AS b ON (a.models & b.bit) <> 0
    GROUP BY b.model
),
summed AS (
    SELECT
        model,
        sum(cache_read) AS cache_read,
        sum(cache_read) + sum(cache_write) + sum(uncached_input) AS input,
        count(*) FILTER (WHERE gateway_cache_hit) AS hits
    FROM requests
    GROUP BY model
)
SELECT
    s.model,
    a.requests,
    s.hits AS gateway_hits,
    a.fallback_requests,
    s.cache_read,
    ratio(s.cache_read, s.input) AS cache_token_hit_rate,
    ratio(s.hits, a.requests) AS request_cache_hit_rate,
    ratio(a.fallback_requests, a.requests) AS fallback_rate
FROM summed AS s
INNER JOIN asked AS a ON a.model IS NOT DISTINCT FROM s.model
ORDER BY s.model
