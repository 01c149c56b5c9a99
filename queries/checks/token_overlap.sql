/*
title = "Token details beyond their total"
description = """
Attempts whose cached tokens exceeded the prompt, or whose audio, images or reasoning exceeded what was left for
them. The rest was taken as 0; the list cost of these rows
is too high by what was counted twice."""
tier = "strict"
severity = "info"
advice = "Known in older gateway versions that leave cache writes out of the prompt total: update the gateway."
needs_rows = "requests"
*/
SELECT source, provider, model, count(*) AS attempts, min(started_at) AS first, max(started_at) AS last
FROM calls
WHERE overlap
GROUP BY source, provider, model
ORDER BY source, provider, model
