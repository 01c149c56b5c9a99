/*
title = "Attempts outside the allowed regions"
description = """
Attempts of use cases that the registry confines to allowed_regions, in another region (outside) or in one
that the log does not name (unknown): neither is shown to have stayed inside."""
tier = "strict"
severity = "warning"
advice = "Route the use case to its regions, or let the gateway log the region."
needs_rows = "requests"
*/
WITH confined AS (
    SELECT
        c.use_case, c.provider, c.model, c.region, c.started_at,
        CASE
            WHEN c.region IS NULL THEN 'unknown'
            WHEN strpos(lower(concat(',', array_to_string(u.allowed_regions, ','), ',')), lower(concat(',', c.region, ','))) > 0
                THEN 'inside'
            ELSE 'outside'
        END AS state
    FROM calls AS c
    INNER JOIN use_cases AS u ON u.use_case = c.use_case
    WHERE NOT c.gateway_cache_hit AND cardinality(u.allowed_regions) > 0
)
SELECT
    use_case, state, region, provider, model,
    count(*) AS attempts,
    min(started_at) AS first,
    max(started_at) AS last
FROM confined
WHERE state <> 'inside'
GROUP BY use_case, state, region, provider, model
ORDER BY use_case, state, region, provider, model
