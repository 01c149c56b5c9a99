-- p50, p95 and p99 of latency per model and hour, by nearest rank (quantile_disc): each is a latency that was measured.
-- Answers from the gateway's own cache are left out.
SELECT
    model,
    date_trunc('hour', started_at) AS hour,
    count(*) AS attempts,
    quantile_disc(latency_ms, 0.50) AS p50,
    quantile_disc(latency_ms, 0.95) AS p95,
    quantile_disc(latency_ms, 0.99) AS p99
FROM requests
WHERE NOT gateway_cache_hit
GROUP BY ALL
ORDER BY ALL;
