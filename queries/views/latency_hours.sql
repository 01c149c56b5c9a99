/* Latency of the attempts of each model in each hour, those answered by the gateway's cache left out: percentiles by nearest
rank, so each is the latency of some attempt. Hours are those in which attempts started.

kept: hours of the past do not change, and nobody should sort a month to draw one.
months: hour of attempts
*/
WITH ranked AS (
    SELECT
        date_trunc('hour', started_at) AS hour,
        provider,
        model,
        count(*) AS attempts,
        count(latency_ms) AS measured,
        nearest_ranks(latency_ms, 50, 95, 99) AS ranks
    FROM calls
    WHERE NOT gateway_cache_hit
    GROUP BY 1, 2, 3
)

SELECT
    hour,
    provider,
    model,
    attempts,
    measured,
    ranks[1] AS latency_ms_p50,
    ranks[2] AS latency_ms_p95,
    ranks[3] AS latency_ms_p99
FROM ranked
