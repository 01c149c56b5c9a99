/*
title = "One bill under two names"
description = """
A file that was delivered under two source names is two bills, and every line of it counts twice."""
tier = "always"
severity = "error"
advice = "Deliver the file again under one name, and an empty period under the other."
needs_rows = "charges"
*/
SELECT file_hash, count(DISTINCT source) AS sources, min(source) AS first_source, max(source) AS last_source
FROM charges
GROUP BY file_hash
HAVING count(DISTINCT source) > 1
ORDER BY file_hash
