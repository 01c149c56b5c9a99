/*
title = "Files"
description = "Where it was read, and the commit of the lake's table that brought it."
order = 40
money = ["amount"]
count = ["rows"]
*/
WITH of_charges AS (
    SELECT charge_id, currency, sum(figure_amount) AS amount
    FROM explained
    WHERE charge_id IS NOT NULL
    GROUP BY charge_id, currency
),

of_requests AS (
    SELECT request_source, request_id, currency, sum(figure_amount) AS amount
    FROM explained
    WHERE request_id IS NOT NULL
    GROUP BY request_source, request_id, currency
),

of_hosts AS (
    SELECT DISTINCT host, coalesce(CAST(hour AS DATE), CAST(period_start AS DATE)) AS day
    FROM explained
    WHERE host IS NOT NULL
),

used AS (
    SELECT
        'charges' AS table_name, c.file_hash, c.delivery_id, p.currency, count(*) AS rows, sum(p.amount) AS amount
    FROM of_charges AS p
    INNER JOIN charges AS c ON c.charge_id = p.charge_id
    GROUP BY c.file_hash, c.delivery_id, p.currency
    UNION ALL
    SELECT
        'requests' AS table_name, r.file_hash, NULL AS delivery_id, p.currency, count(*) AS rows,
        sum(p.amount) AS amount
    FROM of_requests AS p
    INNER JOIN requests AS r ON r.source = p.request_source AND r.request_id = p.request_id
    GROUP BY r.file_hash, p.currency
    UNION ALL
    SELECT
        'gpu_samples' AS table_name, s.file_hash, NULL AS delivery_id, NULL AS currency, count(*) AS rows,
        NULL AS amount
    FROM of_hosts AS h
    INNER JOIN gpu_samples AS s ON s.host = h.host AND CAST(s.sampled_at AS DATE) = h.day
    GROUP BY s.file_hash
),

deliveries AS (
    SELECT
        table_name,
        file_hash,
        delivery_id,
        path,
        source,
        ingested_at,
        row_number() OVER (PARTITION BY table_name, file_hash ORDER BY ingested_at, delivery_id) AS place
    FROM ingest_files
)

SELECT
    d.path,
    u.table_name,
    d.source,
    u.rows,
    u.currency,
    u.amount,
    d.ingested_at,
    d.delivery_id AS delivery,
    u.file_hash AS blake3
FROM used AS u
LEFT JOIN deliveries AS d
    ON d.table_name = u.table_name
    AND d.file_hash = u.file_hash
    AND (d.delivery_id = u.delivery_id OR (u.delivery_id IS NULL AND d.place = 1))
ORDER BY u.table_name, u.amount DESC NULLS LAST, d.path, u.file_hash, u.currency
