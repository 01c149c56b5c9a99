/*
title = "Each fact is there once"
description = """
Requests, GPU samples and outcomes have an identity; two rows that share it would be counted twice."""
tier = "always"
severity = "error"
advice = "Run ingest again on the files of that day; if it stays, report it."
needs_rows = ["requests", "gpu_samples", "outcomes"]
*/
SELECT 'requests' AS table_name, concat(source, '/', request_id) AS fact, count(*) AS copies
FROM requests
GROUP BY source, request_id
HAVING count(*) > 1
UNION ALL
SELECT 'gpu_samples', concat(gpu_uuid, '/', mig_instance, '/', CAST(sampled_at AS VARCHAR)), count(*)
FROM gpu_samples
GROUP BY gpu_uuid, mig_instance, sampled_at
HAVING count(*) > 1
UNION ALL
SELECT 'outcomes', concat(task_id, '/', CAST(recorded_at AS VARCHAR)), count(*)
FROM outcomes
GROUP BY task_id, recorded_at
HAVING count(*) > 1
ORDER BY table_name, fact
