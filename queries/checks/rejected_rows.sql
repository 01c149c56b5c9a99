/*
title = "Rows that could not be read"
description = """
Rows that are in no total because they could not become facts."""
tier = "always"
severity = "warning"
advice = "select * from rejects shows line, column and value; mend the mapping and run `spendscope ingest --retry-rejects`, or correct the file and ingest it again."
needs_rows = ["ingest_files", "rejects"]
*/
SELECT source, path, column_name, reason, count(*) AS entries, min(line) AS first_line
FROM rejects
GROUP BY source, path, column_name, reason
ORDER BY source, path, column_name, reason
