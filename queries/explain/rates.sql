/*
title = "Exchange rates"
description = "The newest rate of the day on which a charge or an attempt began, or of a day before it. No rate: the amount stays in its own currency."
order = 60
needs = ["currency"]
money = ["amount", "in_figure"]
count = ["rows"]
*/
WITH dated AS (
    SELECT
        e.currency,
        coalesce(CAST(c.charge_period_start AS DATE), k.day) AS day,
        e.figure_amount,
        e.figure_rate
    FROM explained AS e
    LEFT JOIN costs AS c ON c.charge_id = e.charge_id
    LEFT JOIN calls AS k
        ON k.source = e.request_source AND k.request_id = e.request_id AND e.charge_id IS NULL
    WHERE e.currency <> setting('currency') AND setting('currency') <> 'native' AND e.figure_amount IS NOT NULL
),

quoted AS (
    SELECT d.currency, d.day, max(r.day) AS rate_day
    FROM (SELECT DISTINCT currency, day FROM dated) AS d
    LEFT JOIN fx_rates AS r
        ON r."from" = d.currency AND r."to" = setting('currency') AND r.day <= d.day
    GROUP BY d.currency, d.day
),

listed AS (
    SELECT
        "from",
        day,
        rate,
        derived,
        source,
        file_hash,
        row_number() OVER (PARTITION BY "from", day ORDER BY derived, source) AS place
    FROM fx_rates
    WHERE "to" = setting('currency')
),

files AS (
    SELECT file_hash, first_value(path ORDER BY ingested_at, path) AS path
    FROM ingest_files
    WHERE table_name = 'fx_rates'
    GROUP BY file_hash
)

SELECT
    d.currency,
    CASE WHEN q.rate_day IS NULL THEN 'no rate' ELSE setting('currency') END AS to_currency,
    q.rate_day AS day,
    l.rate,
    l.derived,
    count(*) AS rows,
    sum(d.figure_amount) AS amount,
    CASE WHEN q.rate_day IS NOT NULL THEN sum_product(d.figure_amount, d.figure_rate) END AS in_figure,
    l.source,
    f.path,
    l.file_hash AS blake3
FROM dated AS d
INNER JOIN quoted AS q ON q.currency = d.currency AND q.day = d.day
LEFT JOIN listed AS l ON l."from" = q.currency AND l.day = q.rate_day AND l.place = 1
LEFT JOIN files AS f ON f.file_hash = l.file_hash
GROUP BY d.currency, q.rate_day, l.rate, l.derived, l.source, f.path, l.file_hash
ORDER BY d.currency, q.rate_day
