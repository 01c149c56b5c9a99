-- No metric answers by hour: the view `calls`, which gives rows the names of the registry, asked as a user would.
WITH ranked AS (
    SELECT
        model,
        date_trunc('hour', started_at) AS hour,
        latency_ms,
        100 * row_number() OVER (PARTITION BY model, date_trunc('hour', started_at) ORDER BY latency_ms NULLS LAST) AS place,
        count(latency_ms) OVER (PARTITION BY model, date_trunc('hour', started_at)) AS measured
    FROM calls
    WHERE NOT gateway_cache_hit
)
SELECT
    model,
    hour,
    count(*) AS attempts,
    min(CASE WHEN place >= 50 * measured THEN latency_ms END) AS p50,
    min(CASE WHEN place >= 95 * measured THEN latency_ms END) AS p95,
    min(CASE WHEN place >= 99 * measured THEN latency_ms END) AS p99
FROM ranked
GROUP BY model, hour
ORDER BY model, hour
