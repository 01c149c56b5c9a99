/*
title = "Tokens of an unknown class"
description = """
Counts in the usage of attempts that no bucket takes: the producer bills something that the mapping file of its
log does not know yet. They are in no list cost and in no weight."""
tier = "always"
severity = "warning"
needs_rows = "requests"
advice = "spendscope sql -c \"SELECT request_id, uncounted FROM requests WHERE uncounted IS NOT NULL\" shows the rows; put the class into a bucket, or under 'known' of [usage], in the mapping file, and deliver the log again."
*/
WITH classes AS (
    SELECT source, provider, model, unnest(map_entries(uncounted)) AS class
    FROM calls
    WHERE uncounted IS NOT NULL
)

SELECT
    source,
    provider,
    model,
    class['key'] AS class,
    count(*) AS attempts,
    sum(CAST(class['value'] AS BIGINT)) AS tokens
FROM classes
GROUP BY source, provider, model, class['key']
ORDER BY source, provider, model, class['key']
