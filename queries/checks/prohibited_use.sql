/*
title = "Prohibited use"
description = """
Attempts of use cases whose risk tier is prohibited, by team and key. Answers from the gateway's cache are use
too."""
tier = "strict"
severity = "error"
advice = "Stop the key at the gateway; `spendscope metric run governance/prohibited` says what it cost."
needs_rows = "requests"
*/
SELECT
    c.use_case, c.team, c.key_alias,
    count(*) AS attempts,
    min(c.started_at) AS first,
    max(c.started_at) AS last
FROM calls AS c
INNER JOIN use_cases AS u ON u.use_case = c.use_case
WHERE u.risk_tier = 'prohibited'
GROUP BY c.use_case, c.team, c.key_alias
ORDER BY c.use_case, c.team, c.key_alias
