/*
title = "Latency by model and hour"
description = """
Percentiles of each model in each UTC hour, over attempts that reached a provider, by nearest rank: each is a latency
that somebody waited for, and none is an average of others. Hours are taken whole: an hour belongs to the window
in which it starts. Any other group, and time to first token, is gateway/latency."""
formula = "percentile of latency_ms (start to end) of the attempts that started in the hour"
owner = "engineering"
grain = "one model and hour"
key = ["provider", "model", "hour"]
columns = [
    { name = "provider", type = "text", role = "dimension", description = "Who was asked." },
    { name = "model", type = "text", role = "dimension", description = "Which model ran." },
    { name = "hour", type = "instant", role = "time", description = "The hour in which the attempts started." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that reached a provider." },
    { name = "measured", type = "int", role = "measure", unit = "attempts", description = "Those with a latency." },
    { name = "latency_ms_p50", type = "float", role = "measure", unit = "ms", description = "Half are faster." },
    { name = "latency_ms_p95", type = "float", role = "measure", unit = "ms", description = "19 of 20 are faster." },
    { name = "latency_ms_p99", type = "float", role = "measure", unit = "ms", description = "99 of 100 are faster." },
]
[chart]
kind = "line"
x = "hour"
y = "latency_ms_p95"
series = "model"
[explain]
from = "calls"
where = "NOT gateway_cache_hit"
keys = { hour = "date_trunc('hour', started_at)" }
[explain.columns]
attempts = { count = "*" }
measured = { count = "*", where = "latency_ms IS NOT NULL" }
*/
SELECT
    provider,
    model,
    hour,
    attempts,
    measured,
    latency_ms_p50,
    latency_ms_p95,
    latency_ms_p99
FROM latency_hours
WHERE hour >= $from AND hour < $to
ORDER BY provider, model, hour
