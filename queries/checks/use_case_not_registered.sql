/*
title = "Use cases that nobody registered"
description = """
Tags use_case on charges and requests, and use cases of outcomes, that are not in the registry. Somebody runs
AI that has no owner here."""
tier = "strict"
severity = "warning"
advice = "Register the use case with its owner, or correct the tag."
needs_rows = ["requests", "charges", "outcomes"]
*/
WITH said AS (
    SELECT 'charges' AS table_name, tags['use_case'] AS use_case, source, charge_period_start AS at
    FROM charges
    UNION ALL
    SELECT 'requests', use_case, source, started_at
    FROM requests
    UNION ALL
    SELECT 'outcomes', use_case, source, recorded_at
    FROM outcomes
)
SELECT s.table_name, s.use_case, s.source, count(*) AS entries, min(s.at) AS first, max(s.at) AS last
FROM said AS s
LEFT ANTI JOIN use_cases AS u ON u.use_case = s.use_case
WHERE s.use_case IS NOT NULL
GROUP BY s.table_name, s.use_case, s.source
ORDER BY s.table_name, s.use_case, s.source
