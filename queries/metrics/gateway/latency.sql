/*
title = "Latency"
description = """
Percentiles over attempts that reached a provider, from the rows themselves by nearest rank: each is a
latency that somebody waited for. Percentiles are never averaged. Answers from the gateway's cache are left out: they would make a
slow provider look fast. An attempt belongs to the window in which it started itself, whenever its request or
task did. Attempts without a measured latency are counted, not guessed."""
formula = "percentile of latency_ms (start to end) and of ttft_ms (start to first token)"
owner = "engineering"
grain = "one group"
dimensions = ["model", "provider", "use_case", "team", "key_alias", "region", "status", "day"]
by = ["model"]
columns = [
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that reached a provider." },
    { name = "measured", type = "int", role = "measure", unit = "attempts", description = "Those with a latency." },
    { name = "latency_ms_p50", type = "float", role = "measure", unit = "ms", description = "Half are faster." },
    { name = "latency_ms_p95", type = "float", role = "measure", unit = "ms", description = "19 of 20 are faster." },
    { name = "latency_ms_p99", type = "float", role = "measure", unit = "ms", description = "99 of 100 are faster." },
    { name = "ttft_ms_p50", type = "float", role = "measure", unit = "ms", description = "Time to the first token, median." },
    { name = "ttft_ms_p95", type = "float", role = "measure", unit = "ms", description = "Time to the first token, 95th percentile." },
]
[chart]
kind = "bar"
y = "latency_ms_p95"
[explain]
from = "attempted"
[explain.columns]
attempts = { count = "*" }
measured = { count = "*", where = "latency_ms IS NOT NULL" }
*/
WITH attempted AS (
    SELECT
        model, provider, use_case, team, key_alias, region, status, local_day(started_at) AS day,
        latency_ms, ttft_ms, source AS request_source, request_id
    FROM calls
    WHERE started_at >= $from AND started_at < $to AND NOT gateway_cache_hit
),
ranked AS (
    SELECT
        {{by}},
        count(*) AS attempts,
        count(latency_ms) AS measured,
        nearest_ranks(latency_ms, 50, 95, 99) AS latencies,
        nearest_ranks(ttft_ms, 50, 95) AS first_tokens
    FROM attempted
    GROUP BY {{by}}, true
)
SELECT
    {{by}},
    attempts,
    measured,
    latencies[1] AS latency_ms_p50,
    latencies[2] AS latency_ms_p95,
    latencies[3] AS latency_ms_p99,
    first_tokens[1] AS ttft_ms_p50,
    first_tokens[2] AS ttft_ms_p95
FROM ranked
ORDER BY {{by}}, attempts DESC
