/*
title = "The lake holds what was ingested"
description = """
The control totals of every delivery that is still in force, against the sums of the rows in the lake."""
tier = "always"
severity = "error"
advice = "A table was changed by something else than ingest: deliver the period again."
*/
WITH stored AS (
    SELECT file_hash, delivery_id, billing_currency AS currency, 'billed_cost' AS column_name, sum(billed_cost) AS amount
    FROM charges
    GROUP BY file_hash, delivery_id, billing_currency
    UNION ALL
    SELECT file_hash, delivery_id, billing_currency, 'effective_cost', sum(effective_cost)
    FROM charges
    GROUP BY file_hash, delivery_id, billing_currency
    UNION ALL
    SELECT file_hash, delivery_id, billing_currency, 'list_cost', sum(list_cost)
    FROM charges
    GROUP BY file_hash, delivery_id, billing_currency
    UNION ALL
    SELECT file_hash, delivery_id, billing_currency, 'contracted_cost', sum(contracted_cost)
    FROM charges
    GROUP BY file_hash, delivery_id, billing_currency
)
SELECT t.path, t.currency, t.column_name, t.stored_total, s.amount AS in_the_lake
FROM control_totals AS t
INNER JOIN stored AS s
    ON s.file_hash = t.file_hash AND s.delivery_id = t.delivery_id
    AND s.currency = t.currency AND s.column_name = t.column_name
WHERE COALESCE(t.stored_total, 0) <> COALESCE(s.amount, 0)
ORDER BY t.path, t.currency, t.column_name
