/*
title = "Attempts without tokens"
description = """
Attempts at a provider whose log shows no tokens: streams that were cut off, clients that hung up, calls that
failed, gateways that lost the usage. What they cost is in the bill all the same, so it falls on the attempts
that do show tokens; claimed is what the gateway says they cost."""
tier = "strict"
severity = "warning"
needs_rows = "requests"
advice = "Have the gateway log usage at the end of every stream (stream_options.include_usage), and compare the bill with the log: spendscope metric run ledger/unmetered."
*/
SELECT
    source,
    provider,
    model,
    status,
    count(*) AS attempts,
    gateway_currency AS currency,
    sum(gateway_cost) AS claimed,
    min(started_at) AS first,
    max(started_at) AS last
FROM calls
WHERE uncached_input + cache_read + cache_write + output = 0 AND NOT gateway_cache_hit
GROUP BY source, provider, model, status, gateway_currency
ORDER BY source, provider, model, status, gateway_currency
