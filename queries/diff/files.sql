/*
title = "Files that arrived between the two sides of a diff"
description = "Asked of the newer side; diff_files_before are the files that the older side knew."
*/
SELECT f.table_name, f.source, f.path, substr(f.file_hash, 1, 12) AS hash, f.ingested_at, f.rows_kept
FROM ingest_files AS f
LEFT ANTI JOIN diff_files_before AS b ON b.delivery_id = f.delivery_id AND b.file_hash = f.file_hash
ORDER BY f.ingested_at, f.table_name, f.path
