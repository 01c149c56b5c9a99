-- p50, p95 and p99 of latency per model and hour, by nearest rank. Answers from the gateway's own cache are left out.
SELECT
    CASE
        WHEN starts_with(model, custom_llm_provider || '/') THEN substr(model, length(custom_llm_provider) + 2)
        ELSE model
    END AS model,
    date_trunc('hour', "startTime") AS hour,
    count(*) AS attempts,
    percentile_disc(0.50) WITHIN GROUP (ORDER BY (extract(epoch FROM "endTime" - "startTime") * 1000)::BIGINT) AS p50,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY (extract(epoch FROM "endTime" - "startTime") * 1000)::BIGINT) AS p95,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY (extract(epoch FROM "endTime" - "startTime") * 1000)::BIGINT) AS p99
FROM "LiteLLM_SpendLogs"
WHERE lower(cache_hit) IS DISTINCT FROM 'true'
GROUP BY 1, 2
ORDER BY 1, 2
