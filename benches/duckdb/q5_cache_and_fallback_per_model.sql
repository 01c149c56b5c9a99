-- Cache rates and fallback rate per model. Requests of a model are those with an attempt on it; one that tried more than
-- one model fell back.
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
    sum(hits)::BIGINT AS gateway_hits,
    count(*) FILTER (WHERE fell_back) AS fallback_requests,
    sum(cache_read)::BIGINT AS cache_read,
    sum(cache_read)::DOUBLE / nullif(sum(input), 0) AS cache_token_hit_rate,
    sum(hits)::DOUBLE / count(*) AS request_cache_hit_rate,
    (count(*) FILTER (WHERE fell_back))::DOUBLE / count(*) AS fallback_rate
FROM told
GROUP BY model
ORDER BY model;
