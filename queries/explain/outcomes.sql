/*
title = "Outcomes"
description = "The tasks under it and what came of them, with the file that says so."
order = 36
needs = ["task_id", "state"]
count = ["tasks"]
*/
WITH tasked AS (
    SELECT DISTINCT task_id FROM explained WHERE task_id IS NOT NULL
),

labelled AS (
    SELECT
        t.task_id,
        t.state,
        o.source,
        o.file_hash,
        row_number() OVER (
            PARTITION BY t.task_id ORDER BY o.recorded_at DESC NULLS LAST, o.source, o.file_hash, o.file_row
        ) AS place
    FROM tasks AS t
    LEFT SEMI JOIN tasked AS x ON x.task_id = t.task_id
    LEFT JOIN outcomes AS o ON o.task_id = t.task_id AND (o.use_case IS NULL OR o.use_case = t.use_case)
),

files AS (
    SELECT file_hash, first_value(path ORDER BY ingested_at, path) AS path
    FROM ingest_files
    WHERE table_name = 'outcomes'
    GROUP BY file_hash
)

SELECT l.state, count(*) AS tasks, l.source, f.path, l.file_hash AS blake3
FROM labelled AS l
LEFT JOIN files AS f ON f.file_hash = l.file_hash
WHERE l.place = 1
GROUP BY l.state, l.source, f.path, l.file_hash
ORDER BY l.state, f.path, l.file_hash
