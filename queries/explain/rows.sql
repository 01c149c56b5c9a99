/*
title = "Rows"
description = "Each row that the figure sums, with the line of the bill and of the log that it stands for."
order = 90
*/
WITH files AS (
    SELECT table_name, file_hash, first_value(path ORDER BY ingested_at, path) AS path
    FROM ingest_files
    GROUP BY table_name, file_hash
)

SELECT
    e.leaf,
    e.kind,
    e.evidence,
    e.modelled,
    e.charge_id,
    cf.path AS charge_file,
    c.file_row AS charge_row,
    c.file_hash AS charge_blake3,
    e.request_source,
    e.request_id,
    rf.path AS request_file,
    r.file_row AS request_row,
    r.file_hash AS request_blake3,
    e.task_id,
    e.host,
    e.currency,
    e.figure_amount AS amount,
    e.figure_rate AS rate,
    money_mul(e.figure_amount, e.figure_rate) AS converted,
    e.counted
FROM explained AS e
LEFT JOIN charges AS c ON c.charge_id = e.charge_id
LEFT JOIN files AS cf ON cf.table_name = 'charges' AND cf.file_hash = c.file_hash
LEFT JOIN requests AS r ON r.source = e.request_source AND r.request_id = e.request_id
LEFT JOIN files AS rf ON rf.table_name = 'requests' AND rf.file_hash = r.file_hash
ORDER BY e.leaf, e.charge_id, e.request_source, e.request_id, e.task_id, e.host, amount
