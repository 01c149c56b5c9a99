/*
title = "Old price books"
description = """
Price books from which attempts of the last 30 days took their price, and that were last imported or began to hold
more than 30 days ago: a sync that stopped is noticed here. Age counts from the later of the two, by the clock."""
tier = "strict"
severity = "warning"
advice = "spendscope prices import FILE --source NAME; an import that changes nothing counts, too."
needs_rows = "prices"
*/
WITH used AS (
    SELECT l.source, count(*) AS attempts
    FROM calls AS c
    INNER JOIN price_periods AS l ON l.price_id = c.list_id
    WHERE c.price_status = 'priced' AND c.started_at >= now_utc() - INTERVAL '30 days' AND c.started_at < now_utc()
    GROUP BY l.source
),

imported AS (
    SELECT source, max(ingested_at) AS imported_at
    FROM ingest_files
    WHERE table_name = 'prices' AND ingested_at <= now_utc()
    GROUP BY source
),

began AS (
    SELECT source, max(valid_from) AS newest_price
    FROM prices
    WHERE valid_from <= now_utc()
    GROUP BY source
),

aged AS (
    SELECT
        u.source,
        u.attempts,
        i.imported_at,
        b.newest_price,
        greatest(coalesce(i.imported_at, b.newest_price), b.newest_price) AS latest
    FROM used AS u
    LEFT JOIN imported AS i ON i.source = u.source
    LEFT JOIN began AS b ON b.source = u.source
)

SELECT
    source, imported_at, newest_price,
    CAST(floor(date_part('epoch', now_utc() - latest) / 86400) AS BIGINT) AS age_days,
    attempts
FROM aged
WHERE latest < now_utc() - INTERVAL '30 days'
ORDER BY age_days DESC, source
