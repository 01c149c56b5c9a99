/* Control totals of everything that was ingested: source_total = stored_total + rounding, exactly. One row
per file, currency and amount column.

money: stored_total in currency
*/
WITH unnested AS (
    SELECT delivery_id, file_hash, path, source, table_name, ingested_at, period, unnest(totals) AS total
    FROM ingest_files
)

SELECT
    delivery_id,
    file_hash,
    path,
    source,
    table_name,
    ingested_at,
    period,
    total['currency'] AS currency,
    total['column_name'] AS column_name,
    total['rows'] AS rows,
    total['nulls'] AS nulls,
    total['source_total'] AS source_total,
    total['stored_total'] AS stored_total,
    total['rounding'] AS rounding
FROM unnested
