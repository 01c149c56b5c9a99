/*
title = "The lake holds what was ingested"
description = """
The control totals of every file of a bill that is still in force, against the sums of the rows in the lake; a
file whose rows are all gone is found, too. In force for a source and billing month is the delivery that its rows
come from; without any rows, the newest one ingested. A file is compared while all its months are in force: of
one that is replaced in part there is no total. Requests are not compared: a copy of a known request is in its
file's total and rightly not in the lake."""
tier = "always"
severity = "error"
advice = "A table was changed by something else than ingest: deliver the period again."
needs_rows = "ingest_files"
*/
WITH delivered AS (
    SELECT delivery_id, file_hash, source, ingested_at, unnest(string_to_array(period, ',')) AS month
    FROM ingest_files
    WHERE table_name = 'charges'
),
newest AS (
    SELECT
        source, month,
        first_value(delivery_id ORDER BY ingested_at DESC, delivery_id DESC) AS delivery_id
    FROM delivered
    GROUP BY source, month
),
held AS (
    SELECT DISTINCT source, billing_month AS month, delivery_id
    FROM charges
),
in_force AS (
    SELECT n.source, n.month, COALESCE(h.delivery_id, n.delivery_id) AS delivery_id
    FROM newest AS n
    LEFT JOIN held AS h ON h.source = n.source AND h.month = n.month
),
files AS (
    SELECT d.delivery_id, d.file_hash
    FROM delivered AS d
    LEFT JOIN in_force AS f ON f.source = d.source AND f.month = d.month AND f.delivery_id = d.delivery_id
    GROUP BY d.delivery_id, d.file_hash
    HAVING count(*) = count(f.delivery_id)
),
stored AS (
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
INNER JOIN files AS f ON f.file_hash = t.file_hash AND f.delivery_id = t.delivery_id
LEFT JOIN stored AS s
    ON s.file_hash = t.file_hash AND s.delivery_id = t.delivery_id
    AND s.currency = t.currency AND s.column_name = t.column_name
WHERE COALESCE(t.stored_total, 0) <> COALESCE(s.amount, 0)
ORDER BY t.path, t.currency, t.column_name
