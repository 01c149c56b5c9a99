-- p50, p95 and p99 of latency per model and hour, by nearest rank: each is some attempt's latency.
SELECT
    model,
    date_trunc('hour', started_at) AS hour,
    count(*) AS attempts,
    nearest_rank(latency_ms, 50) AS p50,
    nearest_rank(latency_ms, 95) AS p95,
    nearest_rank(latency_ms, 99) AS p99
FROM requests
WHERE NOT gateway_cache_hit
GROUP BY 1, 2
ORDER BY 1, 2
