/*
title = "Prices"
description = "The rows of the price book, and of contracts over it, that priced these attempts. A charge is shared out by them; an accrual is worth them."
order = 50
needs = ["request_id", "request_source"]
count = ["attempts"]
*/
WITH attempted AS (
    SELECT DISTINCT request_source, request_id FROM explained WHERE request_id IS NOT NULL
),

applied AS (
    SELECT k.model, unnest([k.list_id, k.contract_id]) AS price_id
    FROM attempted AS a
    INNER JOIN calls AS k ON k.source = a.request_source AND k.request_id = a.request_id
),

used AS (
    SELECT model, price_id, count(*) AS attempts FROM applied WHERE price_id IS NOT NULL GROUP BY model, price_id
),

files AS (
    SELECT file_hash, first_value(path ORDER BY ingested_at, path) AS path
    FROM ingest_files
    WHERE table_name = 'prices'
    GROUP BY file_hash
)

SELECT
    p.provider,
    u.model,
    p.valid_from,
    u.attempts,
    p.layer,
    p.currency,
    p.input_cost_per_token AS input,
    p.output_cost_per_token AS output,
    p.cache_read_input_token_cost AS cache_read,
    p.cache_creation_input_token_cost AS cache_write,
    p.discount,
    p.source,
    f.path,
    p.file_hash AS blake3
FROM used AS u
INNER JOIN price_periods AS p ON p.price_id = u.price_id
LEFT JOIN files AS f ON f.file_hash = p.file_hash
ORDER BY u.attempts DESC, p.provider, u.model, p.layer DESC, p.valid_from
