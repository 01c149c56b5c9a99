-- p50, p95 and p99 of latency per model and hour from facts, by nearest rank: each is some attempt's latency.
WITH ranked AS (
    SELECT
        model,
        date_trunc('hour', started_at) AS hour,
        count(*) AS attempts,
        nearest_ranks(latency_ms, 50, 95, 99) AS ranks
    FROM requests
    WHERE NOT gateway_cache_hit
    GROUP BY 1, 2
)
SELECT model, hour, attempts, ranks[1] AS p50, ranks[2] AS p95, ranks[3] AS p99
FROM ranked
ORDER BY 1, 2
