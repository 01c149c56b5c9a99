-- Cache rates and fallback rate per model from facts.
WITH tried AS (
    SELECT
        task_id,
        call_id,
        model,
        sum(cache_read) AS cache_read,
        sum(cache_read) + sum(cache_write) + sum(uncached_input) AS input,
        count(*) FILTER (WHERE gateway_cache_hit) AS hits
    FROM requests
    GROUP BY task_id, call_id, model
),
told AS (
    SELECT *, count(*) OVER (PARTITION BY task_id, call_id) > 1 AS fell_back
    FROM tried
)
SELECT
    model,
    count(*) AS requests,
    CAST(sum(hits) AS BIGINT) AS gateway_hits,
    count(*) FILTER (WHERE fell_back) AS fallback_requests,
    sum(cache_read) AS cache_read,
    ratio(sum(cache_read), sum(input)) AS cache_token_hit_rate,
    ratio(sum(hits), count(*)) AS request_cache_hit_rate,
    ratio(count(*) FILTER (WHERE fell_back), count(*)) AS fallback_rate
FROM told
GROUP BY model
ORDER BY model
