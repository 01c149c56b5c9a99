/* Latency of the attempts of each model in each hour, those answered by the gateway's cache left out: percentiles by nearest
rank, so each is the latency of some attempt. Hours are those in which attempts started.

kept: hours of the past do not change, and nobody should sort a month to draw one.
months: hour of attempts
*/
SELECT
    date_trunc('hour', started_at) AS hour,
    provider,
    model,
    count(*) AS attempts,
    count(latency_ms) AS measured,
    nearest_rank(latency_ms, 50) AS latency_ms_p50,
    nearest_rank(latency_ms, 95) AS latency_ms_p95,
    nearest_rank(latency_ms, 99) AS latency_ms_p99
FROM calls
WHERE NOT gateway_cache_hit
GROUP BY 1, 2, 3
