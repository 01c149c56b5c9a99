/*
title = "Prices"
description = "The rows of the price book that held when these attempts started. A charge is shared out by them; an accrual is worth them."
order = 50
needs = ["request_id", "request_source"]
count = ["attempts"]
*/
WITH attempted AS (
    SELECT DISTINCT request_source, request_id FROM explained WHERE request_id IS NOT NULL
),

used AS (
    SELECT k.provider, k.model, p.valid_from, count(*) AS attempts
    FROM attempted AS a
    INNER JOIN calls AS k ON k.source = a.request_source AND k.request_id = a.request_id
    INNER JOIN price_periods AS p
        ON p.provider = k.provider
        AND p.model = k.model
        AND p.valid_from <= k.started_at
        AND (p.valid_until IS NULL OR k.started_at < p.valid_until)
    GROUP BY k.provider, k.model, p.valid_from
),

book AS (
    SELECT
        coalesce(n.provider, p.provider) AS named,
        p.model,
        p.valid_from,
        p.source,
        p.currency,
        p.input_cost_per_token,
        p.output_cost_per_token,
        p.cache_read_input_token_cost,
        p.cache_creation_input_token_cost,
        p.file_hash,
        row_number() OVER (
            PARTITION BY coalesce(n.provider, p.provider), p.model, p.valid_from ORDER BY p.source, p.provider
        ) AS place
    FROM prices AS p
    LEFT JOIN provider_names AS n ON n.logged = p.provider
),

files AS (
    SELECT file_hash, first_value(path ORDER BY ingested_at, path) AS path
    FROM ingest_files
    WHERE table_name = 'prices'
    GROUP BY file_hash
)

SELECT
    u.provider,
    u.model,
    u.valid_from,
    u.attempts,
    b.currency,
    b.input_cost_per_token AS input,
    b.output_cost_per_token AS output,
    b.cache_read_input_token_cost AS cache_read,
    b.cache_creation_input_token_cost AS cache_write,
    b.source,
    f.path,
    b.file_hash AS sha256
FROM used AS u
INNER JOIN book AS b
    ON b.named = u.provider AND b.model = u.model AND b.valid_from = u.valid_from AND b.place = 1
LEFT JOIN files AS f ON f.file_hash = b.file_hash
ORDER BY u.attempts DESC, u.provider, u.model, u.valid_from
